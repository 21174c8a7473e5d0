"""Why a pair was scored as it was: what agreed, how rare that is, what spoke against it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from resolvers.matching.weights import Levels, Scorer, Weights


@dataclass(frozen=True, slots=True)
class Finding:
    """How one comparison came out. ``weight`` is in bits: one more halves the chance that it is an accident; below 0 it
    speaks against a match. ``accident`` is the share of other candidates that come out so."""

    comparison: str
    outcome: str
    weight: float
    accident: float


def findings(weights: Weights, scorer: Scorer, levels: Levels) -> tuple[Finding, ...]:
    """What each comparison that tells anything found, the weightiest first."""
    found = []
    for place, (level, weight) in enumerate(zip(levels, scorer.contributions(levels), strict=True)):
        if level is not None and weight is not None:
            comparison = weights.comparisons[place]
            accident = weights.sisters * weights.s[place][level] + (1 - weights.sisters) * weights.u[place][level]
            found.append(Finding(comparison.name, comparison.levels[level].name, weight / log(2), accident))
    return tuple(sorted(found, key=lambda one: (-abs(one.weight), one.comparison)))


def told(found: Iterable[Finding]) -> list[dict[str, str | float]]:
    """Findings as they are kept and answered with: weights to a thousandth of a bit, accidents to three digits."""
    return [
        {
            "comparison": one.comparison,
            "outcome": one.outcome,
            "weight": round(one.weight, 3),
            "accident": float(f"{one.accident:.3g}"),
        }
        for one in found
    ]
