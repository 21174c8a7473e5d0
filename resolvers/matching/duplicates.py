"""Whether a catalogue lists a product once: learned from how often nothing tells two of its records apart."""

from __future__ import annotations

from collections.abc import Sequence

from resolvers.matching.comparisons import APART, MODEL_NUMBER, REMAINDER, Comparison, Level
from resolvers.matching.weights import Levels

SHARE = 0.15
"""Of the records looked at, the share with a double from which on a catalogue is taken to list products several times."""


def lists_once(comparisons: Sequence[Comparison], fellows: Sequence[Sequence[Levels]]) -> bool:
    """Whether the catalogue lists a product once. ``fellows``: for each record looked at, how it compares with its nearest.

    A double is a record whose name says nothing that the other's does not, and which differs in no field that tells
    variants apart; or, in other words than the other's, one that has a model number with that record alone, while nothing
    tells the two apart as variants. Some of the former are different products that the catalogue describes alike, and some
    of the latter are parts of one, so a few of either prove nothing.
    """
    if not fellows:
        return True
    places = {one.name: place for place, one in enumerate(comparisons)}
    remainder, number = places.get(REMAINDER.name), places.get(MODEL_NUMBER.name)
    contrary, apart = (
        [(place, {at for at, level in enumerate(one.levels) if tells(level)}) for place, one in enumerate(comparisons)]
        for tells in (_speaks_against, _tells_apart)
    )
    alike = sum(any(_has(one, remainder) and not _any(one, contrary) for one in record) for record in fellows)
    numbered = sum(any(_has(one, number) and not _any(one, apart) for one in record) for record in fellows)
    return max(alike, numbered) < SHARE * len(fellows)


def _speaks_against(level: Level) -> bool:
    return level.sign < 0


def _tells_apart(level: Level) -> bool:
    return level.role == APART


def _has(levels: Levels, place: int | None) -> bool:
    """Whether the comparison at ``place`` came out best."""
    return place is not None and levels[place] == 0


def _any(levels: Levels, told: Sequence[tuple[int, set[int]]]) -> bool:
    return any(levels[place] in these for place, these in told)
