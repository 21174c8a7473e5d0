"""Blocking in SQL: which records carry the same keys, for a whole lot of records at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sources.ledger.database import Connection, Pool


class Carried(NamedTuple):
    """A key as the records of one source carry it. ``records`` are their numbers; empty where too many do."""

    source: str
    key: int
    carriers: int
    records: Sequence[int]


async def carried(
    ledger: Connection | Pool, keys: Collection[int], sources: Collection[str], counted: Collection[str]
) -> list[Carried]:
    """How ``keys`` are carried by the records of ``sources``, and how many carry them of those ``counted``."""
    rows = await ledger.fetch(_CARRIED, list(keys), list(sources), list(counted))
    return [Carried(*row) for row in rows]


_CARRIED = """
select k.source, k.key, k.carriers, case when k.source = any($2::text[]) then k.records else '{}' end
from unnest($2::text[] || $3::text[]) as s (source)
cross join unnest($1::bigint[]) as w (key)
join match_keys k on k.source = s.source and k.key = w.key
"""
