"""Facts: a field as we answer it, with everything that is said about it. The GraphQL envelope reads these as they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from resolvers.ownership import FieldDefinition
from sources.contract import EVERYWHERE, Basis, Scope
from sources.values import JSON, Value


class FactStatus(StrEnum):
    """How a fact came about."""

    OK = "OK"
    FALLBACK = "FALLBACK"
    LAST_KNOWN = "LAST_KNOWN"
    MISSING = "MISSING"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    UNAVAILABLE = "UNAVAILABLE"


class Freshness(StrEnum):
    """A fact's age against its field's max age."""

    FRESH = "FRESH"
    STALE = "STALE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one record says about a field, and why it won or did not. ``value`` is the JSON form, as the system said it."""

    source: str
    source_record_id: str
    scope: Scope
    value: JSON
    display: str
    last_updated: datetime | None
    observed_at: datetime
    is_winner: bool
    reason: str
    contradicts: bool = False
    """It differs from the winner beyond the field's tolerance."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Systems that differ about a field beyond its tolerance."""

    definition: FieldDefinition
    candidates: tuple[Candidate, ...]
    """The winner, and those that contradict it."""
    summary: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A field of a product: the winning claim and its provenance. ``value`` is in the field's unit."""

    definition: FieldDefinition
    status: FactStatus
    freshness: Freshness
    value: Value = None
    source: str | None = None
    source_record_id: str | None = None
    last_updated: datetime | None = None
    last_updated_basis: Basis | None = None
    observed_at: datetime | None = None
    scope: Scope = EVERYWHERE
    candidates: tuple[Candidate, ...] = ()
    conflict: Conflict | None = None


def with_value(fact: Fact, value: Value) -> Fact:
    """The same fact with its value written otherwise: in another unit."""
    return replace(fact, value=value)


def status_of(definition: FieldDefinition, source: str | None, failing: Collection[str]) -> FactStatus:
    """How a fact came about; ``source`` is whose value it is, ``failing`` are the systems that could not be asked."""
    if source is None:
        return FactStatus.MISSING
    if source != definition.system_of_record:
        return FactStatus.FALLBACK
    return FactStatus.LAST_KNOWN if source in failing else FactStatus.OK
