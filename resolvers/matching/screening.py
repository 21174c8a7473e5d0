"""A pair compared only as far as it takes to know that nothing can come of it: three in four pairs end after the name."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from resolvers.matching.comparing import Weighed
from resolvers.matching.comparisons import Comparison
from resolvers.matching.competition import FAINT
from resolvers.matching.vocabulary import Vocabulary
from resolvers.matching.weights import Levels, Weights

LAST = ("name in description", "description")
"""Comparisons that read whole descriptions."""


class Screen:
    """Compares pairs, the cheap comparisons first."""

    def __init__(self, weights: Weights, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._scorer = weights.scorer()
        compared: Sequence[Comparison] = weights.comparisons
        order = sorted(range(len(compared)), key=lambda place: compared[place].name in LAST)
        sister, unrelated = self._scorer.against
        # The most that the comparisons still to come may add: None, which says nothing, adds 0.
        best = [(max(0.0, *sister[place]), max(0.0, *unrelated[place])) for place in order]
        floors = self._scorer.floors(log(FAINT))
        self._steps = [
            (
                place,
                compared[place].compare,
                sister[place],
                unrelated[place],
                floors[0] - sum(one for one, _ in best[at + 1 :]),
                floors[1] - sum(other for _, other in best[at + 1 :]),
            )
            for at, place in enumerate(order)
        ]

    def compare(self, one: Weighed, other: Weighed) -> tuple[Levels, float] | None:
        """How the comparisons come out, and the log odds before competition; None where these are below FAINT, so that
        the pair takes nothing from its competitors and is worth nobody's time."""
        levels: list[int | None] = [None] * len(self._steps)
        to_sister = to_unrelated = 0.0
        for place, compare, sister, unrelated, sister_floor, unrelated_floor in self._steps:
            level = compare(one, other, self._vocabulary)
            if level is not None:
                levels[place] = level
                to_sister += sister[level]
                to_unrelated += unrelated[level]
            if to_unrelated < unrelated_floor or to_sister < sister_floor:
                return None
        found = tuple(levels)
        log_odds = self._scorer.log_odds(found)
        return (found, log_odds) if log_odds > log(FAINT) else None
