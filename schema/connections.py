"""Relay connections, written by hand so that cursors are signed and sizes bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from resolvers.cursors import BadCursor, Cursors
from schema.failures import bad_cursor, bad_input
from sources.values import JSON

MOST_PER_PAGE = 100
N = TypeVar("N")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """As Relay has it; lists are read forwards."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge(Generic[N]):
    """A node and its place."""

    cursor: str
    node: N


@dataclass(frozen=True, slots=True)
class Connection(Generic[N]):
    """A page of a list."""

    edges: list[Edge[N]]
    page_info: PageInfo
    counting: Any = None
    """What ``totalCount`` counts, where a list has one."""


def page_size(first: int | None) -> int:
    """``first``, from 1 to 100; 20 where it is null. Raises GraphQLError."""
    size = 20 if first is None else first
    if not 1 <= size <= MOST_PER_PAGE:
        raise bad_input(f"first is {size}; ask for 1 to {MOST_PER_PAGE} at a time.")
    return size


def read_position(cursors: Cursors, listing: JSON, after: str | None) -> JSON:
    """What the cursor ``after`` stands for in ``listing``; None for none. Raises GraphQLError."""
    if after is None:
        return None
    try:
        return cursors.read(listing, after)
    except BadCursor as error:
        raise bad_cursor() from error


def connect(
    cursors: Cursors, listing: JSON, found: Sequence[tuple[JSON, N]], size: int, after: str | None, counting: Any = None
) -> Connection[N]:
    """A page of at most ``size`` of ``found``, which are (position, node) and one more than fits where there are more."""
    edges = [Edge(cursors.write(listing, position), node) for position, node in found[:size]]
    info = PageInfo(
        has_next_page=len(found) > size,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges, info, counting)
