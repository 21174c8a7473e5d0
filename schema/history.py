"""What changed about a product: its change log, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from schema.connections import Connection, PageInfo, connect, page_size, read_position
from schema.context import RequestContext
from sources.ledger.lookups import ChangeEntry, changes_of
from sources.values import decode, decode_datetime, display, encode_datetime

DEEPEST = 2000
"""Rows of a product's change log that are looked at."""


@strawberry.type(description="A change of one field in one system.")
class Change:
    """What a record says about a field since then; a null value: nothing any more."""

    field: str
    source: str
    source_record_id: str
    locale: str | None
    channel: str | None
    value: JSON | None
    display: str
    last_updated: datetime | None
    observed_at: datetime


@strawberry.type(description="A change and its place.")
class ChangeEdge:
    """An edge."""

    cursor: str
    node: Change


@strawberry.type(description="A page of changes.")
class ChangeConnection:
    """A connection."""

    edges: list[ChangeEdge]
    page_info: PageInfo


async def history(
    context: RequestContext, product: UUID, fields: Sequence[str], first: int, after: str | None
) -> Connection[Any]:
    """The changes of ``fields`` in the systems that the asker may see, newest first."""
    size = page_size(first)
    listing = ["history", str(product), sorted(fields)]
    position = read_position(context.cursors, listing, after)
    changes = [
        (place, change)
        for entry in await changes_of(context.pool, product, DEEPEST)
        if entry.source in context.visible
        for place, change in _expanded(entry, fields, context)
    ]
    if position is not None:
        start = next((index + 1 for index, (place, _) in enumerate(changes) if place == position), len(changes))
        changes = changes[start:]
    return connect(context.cursors, listing, changes[: size + 1], size, after)


def _expanded(entry: ChangeEntry, fields: Sequence[str], context: RequestContext) -> Iterator[tuple[list[Any], Change]]:
    where = [encode_datetime(entry.observed_at), entry.source, entry.batch, entry.record_id]
    for name, claims in entry.claims.items():
        if name not in fields:
            continue
        kind = context.ownership.fields[name].type
        for claim in claims or [{}]:
            locale, channel, value = claim.get("locale"), claim.get("channel"), claim.get("value")
            updated = claim.get("lastUpdated")
            try:
                shown = display(kind, decode(kind, value))
            except (ArithmeticError, TypeError, ValueError, KeyError, AttributeError):
                shown = str(value)
            yield (
                [*where, name, locale, channel],
                Change(
                    field=name,
                    source=entry.source,
                    source_record_id=entry.record_id,
                    locale=locale,
                    channel=channel,
                    value=value,
                    display=shown,
                    last_updated=decode_datetime(updated) if updated else None,
                    observed_at=entry.observed_at,
                ),
            )
