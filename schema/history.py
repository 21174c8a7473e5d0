"""``Product.history``: what changed, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from resolvers import history
from schema.connections import PageInfo


def _locale(root: strawberry.Parent[history.Change]) -> str | None:
    return root.scope.locale


def _channel(root: strawberry.Parent[history.Change]) -> str | None:
    return root.scope.channel


@strawberry.type(description="A change of one field in one system.")
class Change:
    """See :class:`resolvers.history.Change`."""

    field: str
    source: str
    source_record_id: str
    locale: str | None = strawberry.field(resolver=_locale, description="The locale it is for; null for any.")
    channel: str | None = strawberry.field(resolver=_channel, description="The channel it is for; null for any.")
    value: JSON | None = strawberry.field(description="What it says since then; null: nothing any more.")
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


def page_of(changes: Sequence[history.Change], position: Any, size: int) -> list[tuple[Any, history.Change]]:
    """Behind ``position``, as many as fit on a page and one more, each with its place."""
    placed = [(change.place, change) for change in changes]
    start = 0
    if position is not None:
        start = next((index + 1 for index, (place, _) in enumerate(placed) if place == position), len(placed))
    return placed[start : start + size + 1]
