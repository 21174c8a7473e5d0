"""Freshness: how old a fact is, by its system's clock, against its max age."""

from __future__ import annotations

from datetime import datetime, timedelta

from resolvers.facts import Freshness

SKEW = timedelta(days=1)
"""How far a system's clock may be ahead of ours; what is dated later is dated wrongly."""


def freshness(max_age: timedelta | None, last_updated: datetime | None, now: datetime) -> Freshness:
    """STALE when something last changed longer ago than ``max_age``; UNKNOWN without either of the two, and for a date that
    lies in the future."""
    if max_age is None or last_updated is None or last_updated - now > SKEW:
        return Freshness.UNKNOWN
    return Freshness.STALE if now - last_updated > max_age else Freshness.FRESH
