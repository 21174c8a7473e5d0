"""Who asks for a verdict, and what of its evidence they may see. What they may not see counts all the same."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.ownership import OwnershipMap


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: the sources whose records and the fields that they may see, and whether they see who answered what."""

    sources: frozenset[str]
    fields: frozenset[str]
    answers: bool = True


def fields_seen(ownership: OwnershipMap, audience: str) -> Viewer:
    """What an audience may see."""
    declared = ownership.audiences[audience]
    fields = frozenset(one.name for one in ownership.fields_for(audience))
    return Viewer(ownership.sources_for(audience), fields, declared.asks or declared.answers)
