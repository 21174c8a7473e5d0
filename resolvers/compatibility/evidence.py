"""What a verdict is made of: pieces of evidence, each with where it comes from, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from resolvers.facts import Fact, Freshness
from resolvers.ownership import FieldDefinition, Steward


class Verdict(StrEnum):
    """Whether two products go together. UNKNOWN is not INCOMPATIBLE."""

    COMPATIBLE = "COMPATIBLE"
    CONDITIONAL = "CONDITIONAL"
    INCOMPATIBLE = "INCOMPATIBLE"
    CONFLICTING = "CONFLICTING"
    UNKNOWN = "UNKNOWN"


class EvidenceKind(StrEnum):
    """What a piece of evidence is."""

    STATEMENT = "STATEMENT"
    RULE = "RULE"
    ANSWER = "ANSWER"


class Nearness(IntEnum):
    """How near to the product itself a statement speaks; the nearer is the stronger."""

    PRODUCT = 0
    VARIANT_PARENT = 1
    FAMILY = 2
    CATEGORY = 3


@dataclass(frozen=True, slots=True)
class UsedFact:
    """A fact that a rule used."""

    product: UUID
    fact: Fact


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece. ``verdict`` is what it says in the asked context; UNKNOWN for a rule that lacks a fact."""

    kind: EvidenceKind
    verdict: Verdict
    sentence: str
    nearness: Nearness
    rank: int
    """The place of its source, of rules or of answers in the declared order; 0 is the strongest."""
    relation: str | None = None
    """As seen from the product that was asked about."""
    schema_org: str | None = None
    source: str | None = None
    record_id: str | None = None
    rule: str | None = None
    author: str | None = None
    text: str | None = None
    conditions: tuple[str, ...] = ()
    last_updated: datetime | None = None
    observed_at: datetime | None = None
    expires_at: datetime | None = None
    freshness: Freshness = Freshness.UNKNOWN
    max_age: timedelta | None = None
    steward: Steward | None = None
    facts: tuple[UsedFact, ...] = ()
    elsewhere: str | None = None
    """What it is about, where that is other cases than the one asked about; it then says nothing of this one."""
    voice: str = "another system"
    """Who says it, as a sentence names them."""
    bears: bool = True
    """Whether its relation says anything about going together."""
    decisive: bool = False
    """Whether the verdict rests on it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What nobody has said: a fact of a product, or, without a field, any word about the two."""

    sentence: str
    product: UUID | None = None
    definition: FieldDefinition | None = None
    steward: Steward | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict about two products."""

    product: UUID
    other: UUID
    verdict: Verdict
    summary: str
    conditions: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    """Strongest first."""
    weakest: Evidence | None
    missing: tuple[Missing, ...]
