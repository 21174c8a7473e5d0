"""One batch of one source: records, links, changes and the cursor, in one transaction.

The source's cursor row is locked for as long as the batch lasts, so that two workers on one source take turns, and
``batch`` numbers them without gaps. Here is how it begins and ends, and what its walk has met; its records are written by
:mod:`sources.ledger.record_rows`, its links by :mod:`sources.ledger.links`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from sources.contract import Cursor, Rejected
from sources.ledger.database import Connection, Pool
from sources.storable import keep_cursor, kept_cursor, storable

LONGEST_PLACE = 500
"""Characters of a place that are kept: an index holds them."""


class Batch:
    """The one transaction of a batch. Made by :func:`open_batch`."""

    def __init__(
        self,
        connection: Connection,
        source: str,
        number: int,
        cursor: Cursor,
        walk: int,
        walk_began_at: datetime | None,
        reading: str | None = None,
    ) -> None:
        self.connection = connection
        self.source = source
        self.number = number
        self.cursor = cursor
        self.walk = walk
        self.walk_began_at = walk_began_at
        self.reading = reading
        """The version of the mapping by which records are read since the last batch; "" where no map declares the source."""

    async def unsighted(self) -> list[str]:
        """The ids of present records that the walk under way has not met."""
        rows = await self.connection.fetch(_UNSIGHTED, self.source, self.walk)
        return [row["record_id"] for row in rows]

    async def sight(self, ids: Collection[str]) -> None:
        """Note that the walk under way has met these records."""
        await self.connection.execute(
            "insert into sightings (source, walk, record_ids) values ($1, $2, $3)", self.source, self.walk, list(ids)
        )

    async def write_rejections(self, rejected: Sequence[Rejected], at: datetime) -> None:
        """Set aside documents that are no records."""
        await self.connection.execute(
            _WRITE_REJECTIONS,
            self.source,
            [storable(one.place)[:LONGEST_PLACE] for one in rejected],
            [storable(one.reason) for one in rejected],
            [storable(one.sample) for one in rejected],
            at,
            [one.record_id for one in rejected],
        )

    async def readmit(self, ids: Sequence[str]) -> None:
        """These records were read: what was set aside of them before is not any more."""
        await self.connection.execute(
            "delete from rejections where source = $1 and record_id = any($2::text[])", self.source, list(ids)
        )

    async def begin_walk(self, at: datetime) -> None:
        """A walk over everything begins: forget the sightings of one that did not end."""
        self.walk += 1
        self.walk_began_at = at
        await self.connection.execute("delete from sightings where source = $1", self.source)
        await self.connection.execute("delete from rejections where source = $1", self.source)
        await self.connection.execute(
            "update cursors set walk = $2, walk_began_at = $3 where source = $1", self.source, self.walk, at
        )

    async def sighted(self) -> int:
        """How many records the walk under way has met."""
        count: int = await self.connection.fetchval(_SIGHTED, self.source, self.walk)
        return count

    async def note_mapping(self, mapping: str, origin: str) -> None:
        """Note by which version of the source's mapping its records are read from now on, and from where: that holds for
        all of them when the walk that begins has come to its end."""
        self.reading = mapping
        await self.connection.execute(_NOTE_MAPPING, self.source, mapping, origin)

    async def advance(self, cursor: Cursor) -> None:
        """The source has been read up to ``cursor``."""
        self.cursor = cursor
        await self.connection.execute(
            "update cursors set cursor = $2, batch = $3 where source = $1",
            self.source,
            keep_cursor(cursor),
            self.number,
        )

    async def finish(self, *, walked: bool, confirmed_at: datetime) -> None:
        """The run has come to its end: what the ledger holds of this source was so at ``confirmed_at``."""
        await self.connection.execute(
            "update cursors set confirmed_at = $2, walk_began_at = null, "
            "walked_at = case when $3 then $2 else walked_at end where source = $1",
            self.source,
            confirmed_at,
            walked,
        )
        if walked:
            await self.connection.execute("delete from sightings where source = $1", self.source)
            await self.connection.execute(
                "update cursors set origin = regexp_replace(origin, '^walking ', '') where source = $1", self.source
            )
            await self.connection.execute(
                "update sources set settled_at = coalesce(settled_at, $2) where name = $1", self.source, confirmed_at
            )


@asynccontextmanager
async def open_batch(pool: Pool, source: str) -> AsyncIterator[Batch]:
    """A batch of ``source`` in a transaction of its own: committed at the end, undone by any exception."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_OPEN, source)
        if row is None:
            raise LookupError(f"the source {source!r} has not been registered in the ledger")
        yield Batch(
            connection,
            source,
            row["batch"] + 1,
            kept_cursor(row["cursor"]),
            row["walk"],
            row["walk_began_at"],
            row["reading"],
        )


async def register_sources(pool: Pool, names: Sequence[str]) -> None:
    """Make every declared source known; a new one ranks behind those that were there before."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("lock table sources in share row exclusive mode")
        await connection.execute(_REGISTER, list(names))
        await connection.execute(
            "insert into cursors (source, batch, walk) select name, 0, 0 from unnest($1::text[]) name "
            "on conflict do nothing",
            list(names),
        )


READING = "case when retired_at is not null then '' else coalesce(remapping->>'to', mapping) end"
_NOTE_MAPPING = """
update cursors set mapping = $2, remapping = null, retired_at = null,
       origin = case when origin = $3 then origin else 'walking ' || $3 end
where source = $1
"""
# All that a batch asks names its records or values. Plans that look each up by an index are right whatever is known of a
# table that was empty a minute ago, and need not be made anew for every page.
_PLANS = {"plan_cache_mode": "force_generic_plan"} | dict.fromkeys(
    ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material"), "off"
)
_OPEN = f"""
select cursor, batch, walk, walk_began_at, {READING} as reading,
       {", ".join(f"set_config('{name}', '{how}', true)" for name, how in _PLANS.items())}
from cursors where source = $1 for update
"""
_UNSIGHTED = """
select record_id from crosswalk where source = $1 and gone_at is null
except
select unnest(record_ids) from sightings where source = $1 and walk = $2
"""
_SIGHTED = """
select count(distinct record_id) from sightings, unnest(record_ids) as record_id where source = $1 and walk = $2
"""
_WRITE_REJECTIONS = """
insert into rejections (source, place, record_id, reason, sample, observed_at)
select distinct on (place) $1, place, record_id, reason, sample, $5::timestamptz
from unnest($2::text[], $3::text[], $4::text[], $6::text[]) as new (place, reason, sample, record_id)
on conflict (source, place) do update
set record_id = excluded.record_id, reason = excluded.reason, sample = excluded.sample,
    observed_at = excluded.observed_at
"""
_REGISTER = """
insert into sources (name, rank)
select name, (select coalesce(max(rank), 0) from sources) + place
from unnest($1::text[]) with ordinality as new (name, place)
on conflict (name) do nothing
"""
