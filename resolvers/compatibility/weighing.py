"""Survivorship of evidence: which pieces decide, what they decide, and which of them is the weakest.

The nearer to the product itself, and then the earlier in the declared order, the stronger. Pieces of equal strength which
disagree give CONFLICTING, and never a silent winner; a condition narrows an unconditional yes and does not contradict it,
so the two give CONDITIONAL, resting on both. Rules speak together: what several of them ask must all be so, one
that fails outweighs those that hold, and one that lacks a fact takes their voice from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from resolvers.compatibility.evidence import Evidence, EvidenceKind, Nearness, Verdict
from resolvers.facts import Freshness


@dataclass(frozen=True, slots=True)
class Weighed:
    """What came of weighing."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]
    """Strongest first; those that the verdict rests on are marked."""
    conditions: tuple[str, ...]
    weakest: Evidence | None

    @property
    def deciding(self) -> tuple[Evidence, ...]:
        """Those that the verdict rests on."""
        return tuple(one for one in self.evidence if one.decisive)


class Vote(NamedTuple):
    """What decides of a piece of evidence."""

    verdict: Verdict
    nearness: Nearness
    rank: int
    by_rule: bool = False
    bears: bool = True


def decide(votes: Sequence[Vote]) -> tuple[Verdict, list[bool]]:
    """The verdict of all votes together, and of each whether the verdict rests on it."""
    if len(votes) == 1:  # as most often
        (one,) = votes
        alone = one.bears and one.verdict is not Verdict.UNKNOWN
        return one.verdict if alone else Verdict.UNKNOWN, [alone]
    unmet = any(one.by_rule and one.verdict in (Verdict.INCOMPATIBLE, Verdict.UNKNOWN) for one in votes)
    # a rule that holds has no say beside one that does not
    counts = [
        one.bears
        and one.verdict is not Verdict.UNKNOWN
        and not (unmet and one.by_rule and one.verdict is not Verdict.INCOMPATIBLE)
        for one in votes
    ]
    strongest = min((one[1:3] for one, counted in zip(votes, counts, strict=True) if counted), default=None)
    deciding = [counted and one[1:3] == strongest for one, counted in zip(votes, counts, strict=True)]
    said = {one.verdict for one, decides in zip(votes, deciding, strict=True) if decides}
    if not said:
        return Verdict.UNKNOWN, deciding
    if Verdict.INCOMPATIBLE in said and len(said) > 1:
        return Verdict.CONFLICTING, deciding
    return Verdict.CONDITIONAL if Verdict.CONDITIONAL in said else said.pop(), deciding


def weigh(pieces: Sequence[Evidence]) -> Weighed:
    """The verdict of all pieces together."""
    verdict, deciding = decide([vote(one) for one in pieces])
    return weighed(verdict, [marked(one, decides) for one, decides in zip(pieces, deciding, strict=True)])


def marked(piece: Evidence, decides: bool) -> Evidence:
    """The piece, marked where the verdict rests on it."""
    return replace(piece, decisive=True) if decides else piece


def weighed(verdict: Verdict, pieces: Sequence[Evidence]) -> Weighed:
    """What came of weighing pieces, of which those are marked that the verdict rests on."""
    found = sorted(pieces, key=lambda one: (not one.decisive, one.nearness, one.rank, -_age_key(one)))
    rests = [one for one in found if one.decisive]
    weakest = max(rests, key=lambda one: (one.freshness is Freshness.STALE, -_age_key(one)), default=None)
    conditions = tuple(dict.fromkeys(text for one in rests for text in one.conditions))
    return Weighed(verdict, tuple(found), conditions if verdict is not Verdict.COMPATIBLE else (), weakest)


def vote(piece: Evidence) -> Vote:
    """What decides of a piece."""
    return Vote(piece.verdict, piece.nearness, piece.rank, piece.kind is EvidenceKind.RULE, piece.bears)


def _age_key(one: Evidence) -> float:
    """The later it was last updated the larger; what has no date is the oldest."""
    return one.last_updated.timestamp() if one.last_updated else 0.0
