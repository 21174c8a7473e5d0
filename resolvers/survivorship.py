"""Survivorship: choosing, among what systems say about a field, the claim that wins.

The systems that may answer are asked in the declared order; the first that holds a readable value in the best scope
wins. A system with several records about a product speaks with the one it changed last; only notes are gathered from all
of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resolvers.normalise import in_field_unit
from resolvers.ownership import FieldDefinition
from sources.contract import Claim, RecordKey, Scope
from sources.failures import Failure
from sources.units import same_dimension
from sources.values import FieldType, Quantity, Value, display

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Said:
    """One claim, whose it is, and whether its system could be reached."""

    key: RecordKey
    claim: Claim
    failure: Failure | None = None


def measurable(definition: FieldDefinition, claim: Claim) -> Claim:
    """The claim, unreadable where it measures what the field does not: it was read before the field's unit changed."""
    value = claim.value
    if not isinstance(value, Quantity) or definition.unit is None or same_dimension(value.unit, definition.unit):
        return claim
    return claim._replace(value=None, unreadable=f"{display(definition.type, value)} is no amount of {definition.unit}")


def winner_among(definition: FieldDefinition, said: Sequence[Said], scopes: Sequence[Scope]) -> Said | None:
    """The claim that wins where values are looked for in ``scopes``, best first; None where nothing readable is said."""
    for source in definition.chain:
        own = [one for one in said if one.key.source == source and one.claim.value is not None]
        for scope in scopes:
            fitting = [one for one in own if one.claim.scope == scope]
            if fitting:
                return max(fitting, key=recency)
    return None


def recency(one: Said) -> tuple[datetime, str]:
    """The order of a system's records by when they changed; a date to come counts as when it was observed."""
    last_updated = one.claim.last_updated
    return (min(last_updated, one.claim.observed_at) if last_updated else _LONG_AGO, one.key.id)


def gathered(definition: FieldDefinition, said: Sequence[Said], winner: Said) -> list[Claim]:
    """The claims that make the fact: the winner's, and for notes those of all its system's records, newest first."""
    if definition.type is not FieldType.NOTE_LIST:
        return [winner.claim]
    own = [
        one
        for one in said
        if one.key.source == winner.key.source and one.claim.scope == winner.claim.scope and one.claim.value is not None
    ]
    own.sort(key=recency, reverse=True)
    return [one.claim for one in own]


def value_of(definition: FieldDefinition, claims: Sequence[Claim]) -> Value:
    """The value that ``claims``, as :func:`gathered`, make: in the field's unit; of notes, all of them."""
    if definition.type is FieldType.NOTE_LIST:
        return tuple(note for claim in claims for note in claim.value)
    return in_field_unit(claims[0].value, definition)


def last_changed(claims: Sequence[Claim]) -> datetime | None:
    """When the value that ``claims`` make last changed in its system, where that is known."""
    return max((claim.last_updated for claim in claims if claim.last_updated), default=None)
