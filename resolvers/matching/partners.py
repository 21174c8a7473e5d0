"""How many records have a partner in the other catalogue: told without labels, by what a catalogue's own records find."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

MOST_PARTNERED = 0.95
"""No catalogue is believed to have a larger share of its records in another."""
LEAST_PARTNERED = 0.02
"""Nor a smaller one: less is not told from none."""
DECOY_PARTS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the decoys below the thresholds at which partners are counted."""
FEWEST_DECOYS = 20


def matches(sizes: tuple[int, int], shares: tuple[float, float], once: tuple[bool, bool]) -> float:
    """The number of matches between catalogues of ``sizes`` records, of which ``shares`` have a partner.

    Where both list a product once, either side tells that number. An error in a share weighs as many records as the
    catalogue has, so the two are weighed by the inverse squares of their sizes: a shop of 400 products tells how many it has
    in common with one of 40,000, which could not. Where one side lists products several times, each of its records that has
    a partner is a match.
    """
    left, right = (size * share for size, share in zip(sizes, shares, strict=True))
    if all(once):
        # The smaller number of records bounds the matches, whatever the shares.
        here, there = (1 / max(1, size) ** 2 for size in sizes)
        return min(*sizes, (left * here + right * there) / (here + there))
    if once[0]:
        return right
    return left if once[1] else max(left, right)


def partnered(best: Sequence[float], records: int, decoys: Sequence[float]) -> float:
    """The share of ``records`` that have a partner in the other catalogue, at least LEAST_PARTNERED.

    ``best``: the best ratio of each record that has candidates. ``decoys``: the best ratios of the other catalogue's own
    records among their fellows, which are no matches: what a record without a partner would find there, or better. Partners
    only add to what is above a threshold t, so the share without one is at most F(t) / F_decoys(t) for any t, as the share of
    true null hypotheses is estimated by Storey (2002); the least of these bounds is taken over several thresholds, none of
    which has few decoys below it.
    """
    if len(decoys) < FEWEST_DECOYS:
        return MOST_PARTNERED
    ordered, ranked = sorted(decoys), sorted(best)
    lacking = 1.0
    for part in DECOY_PARTS:
        edge = ordered[int(len(ordered) * part)]
        without = (records - len(best) + bisect_right(ranked, edge)) / records
        lacking = min(lacking, without * len(ordered) / bisect_right(ordered, edge))
    return min(MOST_PARTNERED, max(LEAST_PARTNERED, 1 - lacking))
