"""Survivorship of evidence: which pieces decide, what they decide, and which of them is the weakest.

The nearer to the product itself, and then the earlier in the declared order, the stronger. Pieces of equal strength which
disagree give CONFLICTING, and never a silent winner. Rules speak together: what several of them ask must all be so, one
that fails outweighs those that hold, and one that lacks a fact takes their voice from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from resolvers.compatibility.evidence import Evidence, EvidenceKind, Verdict
from resolvers.facts import Freshness

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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


def weigh(pieces: Iterable[Evidence]) -> Weighed:
    """The verdict of all pieces together."""
    pieces = list(pieces)
    voting = [one for one in pieces if one.bears and one.verdict is not Verdict.UNKNOWN and one not in _silent(pieces)]
    strongest = min((_strength(one) for one in voting), default=None)
    deciding = [one for one in voting if _strength(one) == strongest]
    said = {one.verdict for one in deciding}
    if not said:
        verdict = Verdict.UNKNOWN
    elif Verdict.INCOMPATIBLE in said and len(said) > 1:
        verdict = Verdict.CONFLICTING
    elif Verdict.CONDITIONAL in said:
        verdict = Verdict.CONDITIONAL
    else:
        (verdict,) = said
    marked = [replace(one, decisive=True) if one in deciding else one for one in pieces]
    marked.sort(key=lambda one: (not one.decisive, *_strength(one), -_age_key(one)))
    rests = [one for one in marked if one.decisive]
    weakest = max(rests, key=lambda one: (one.freshness is Freshness.STALE, -_age_key(one)), default=None)
    conditions = tuple(dict.fromkeys(text for one in rests for text in one.conditions))
    return Weighed(verdict, tuple(marked), conditions if verdict is not Verdict.COMPATIBLE else (), weakest)


def _silent(pieces: list[Evidence]) -> list[Evidence]:
    """The rules that hold, but whose word does not count beside others that do not."""
    rules = [one for one in pieces if one.kind is EvidenceKind.RULE]
    if any(one.verdict in (Verdict.INCOMPATIBLE, Verdict.UNKNOWN) for one in rules):
        return [one for one in rules if one.verdict in (Verdict.COMPATIBLE, Verdict.CONDITIONAL)]
    return []


def _strength(one: Evidence) -> tuple[int, int]:
    return (one.nearness, one.rank)


def _age_key(one: Evidence) -> float:
    """The later it was last updated the larger; what has no date is the oldest."""
    return (one.last_updated or _LONG_AGO).timestamp() if one.last_updated else 0.0
