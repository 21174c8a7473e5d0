"""Freshness: how old a fact is, by its system's clock, against its field's max age."""

from __future__ import annotations

from datetime import datetime

from resolvers.facts import Freshness
from resolvers.ownership import FieldDefinition


def freshness(definition: FieldDefinition, last_updated: datetime | None, now: datetime) -> Freshness:
    """STALE when the value last changed longer ago than the field's max age; UNKNOWN without either of the two."""
    if definition.max_age is None or last_updated is None:
        return Freshness.UNKNOWN
    return Freshness.STALE if now - last_updated > definition.max_age else Freshness.FRESH
