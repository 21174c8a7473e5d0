"""Freshness: how old a fact is, by its system's clock, against its field's max age."""

from __future__ import annotations

from datetime import datetime, timedelta

from resolvers.facts import Freshness
from resolvers.ownership import FieldDefinition

SKEW = timedelta(days=1)
"""How far a system's clock may be ahead of ours; what is dated later is dated wrongly."""


def freshness(definition: FieldDefinition, last_updated: datetime | None, now: datetime) -> Freshness:
    """STALE when the value last changed longer ago than the field's max age; UNKNOWN without either of the two, and for
    a date that lies in the future."""
    if definition.max_age is None or last_updated is None or last_updated - now > SKEW:
        return Freshness.UNKNOWN
    return Freshness.STALE if now - last_updated > definition.max_age else Freshness.FRESH
