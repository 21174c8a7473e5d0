"""Whether a catalogue lists a product once: learned from how often nothing at all tells two of its records apart."""

from __future__ import annotations

from collections.abc import Sequence

from resolvers.matching.comparisons import REMAINDER, Comparison
from resolvers.matching.weights import Levels

SHARE = 0.15
"""Of the records looked at, the share with a double from which on a catalogue is taken to list products several times."""


def lists_once(comparisons: Sequence[Comparison], fellows: Sequence[Sequence[Levels]]) -> bool:
    """Whether the catalogue lists a product once. ``fellows``: for each record looked at, how it compares with its nearest.

    A double is a record whose name says nothing that the other's does not, and which differs in no field that tells
    variants apart. Some of these are different products that the catalogue describes alike, so a few prove nothing.
    """
    places = {one.name: place for place, one in enumerate(comparisons)}
    remainder = places.get(REMAINDER.name)
    if remainder is None or not fellows:
        return True
    against = [
        (place, {at for at, level in enumerate(one.levels) if level.sign < 0}) for place, one in enumerate(comparisons)
    ]
    doubled = 0
    for record in fellows:
        doubled += any(
            levels[remainder] == 0 and not any(levels[place] in contrary for place, contrary in against)
            for levels in record
        )
    return doubled < SHARE * len(fellows)
