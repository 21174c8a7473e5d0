"""Writing one batch of one source: records, links, changes and the cursor, in one transaction.

The source's cursor row is locked for as long as the batch lasts, so that two workers on one source take turns, and
``batch`` numbers them without gaps. Everything is set-based: a statement a table, whatever the number of records.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from sources.contract import Cursor, RecordKey, Rejected
from sources.ledger.database import Connection, Pool
from sources.values import JSON

LONGEST_PLACE = 500
"""Characters of a place that are kept: an index holds them."""


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A record as the ledger has it."""

    product: UUID
    claims: Mapping[str, list[JSON]]
    gone: bool
    digest: bytes
    updated_at: datetime | None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as it is to be written."""

    product: UUID
    key: RecordKey
    document: Mapping[str, JSON]
    claims: Mapping[str, list[JSON]]
    names: Sequence[str]
    identifiers: Sequence[Mapping[str, str]]
    digest: bytes
    updated_at: datetime | None
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What moved in one record; ``claims`` as in the table ``changes``."""

    product: UUID
    record_id: str
    kind: str
    claims: Mapping[str, list[JSON]]


@dataclass(frozen=True, slots=True)
class ClaimsRow:
    """The claims of a record that is there, as they are to be written. ``moved``: they differ from what was there, so
    that the next sync must not take the record for one that it has read already."""

    product: UUID
    record_id: str
    claims: Mapping[str, list[JSON]]
    moved: bool


class AliasRow(NamedTuple):
    """One thing that a department calls a product."""

    record_id: str
    scheme: str
    folded: str
    alias: str
    product: UUID


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
    ) -> None:
        self.connection = connection
        self.source = source
        self.number = number
        self.cursor = cursor
        self.walk = walk
        self.walk_began_at = walk_began_at

    # ── What is known ──────────────────────────────────────────────────────────────────────────────────────────────

    async def digests(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Record id to the digest of what was last written, for those of ``ids`` that are there."""
        rows = await self.connection.fetch(_DIGESTS, self.source, list(ids))
        return {row["record_id"]: row["digest"] for row in rows}

    async def known(self, ids: Sequence[str]) -> dict[str, KnownRecord]:
        """Record id to the record, for those of ``ids`` that were ever seen, gone ones included."""
        rows = await self.connection.fetch(_KNOWN, self.source, list(ids))
        return {
            row["record_id"]: KnownRecord(
                row["product_id"],
                row["claims"],
                row["gone_at"] is not None,
                row["digest"],
                row["updated_at"],
                row["observed_at"],
            )
            for row in rows
        }

    async def unsighted(self) -> list[str]:
        """The ids of present records that the walk under way has not met."""
        rows = await self.connection.fetch(_UNSIGHTED, self.source, self.walk)
        return [row["record_id"] for row in rows]

    # ── What is written ────────────────────────────────────────────────────────────────────────────────────────────

    async def sight(self, ids: Collection[str]) -> None:
        """Note that the walk under way has met these records."""
        await self.connection.copy_records_to_table(
            "sightings",
            records=[(self.source, self.walk, record_id) for record_id in ids],
            columns=("source", "walk", "record_id"),
        )

    async def write_records(self, rows: Sequence[RecordRow]) -> None:
        """Write records, new or seen before, under the products they belong to."""
        await self.connection.execute(
            _WRITE_RECORDS,
            [row.product for row in rows],
            self.source,
            [row.key.id for row in rows],
            [row.document for row in rows],
            [row.claims for row in rows],
            [orjson.dumps(row.names) for row in rows],
            [orjson.dumps(row.identifiers) for row in rows],
            [row.digest for row in rows],
            [row.updated_at for row in rows],
            [row.observed_at for row in rows],
        )

    async def update_claims(self, rows: Sequence[ClaimsRow], observed_at: datetime) -> None:
        """Write the claims of records that are there, and when they were observed."""
        await self.connection.execute(
            _UPDATE_CLAIMS,
            [row.product for row in rows],
            self.source,
            [row.record_id for row in rows],
            [row.claims for row in rows],
            observed_at,
            [row.moved for row in rows],
        )

    async def write_changes(self, rows: Sequence[ChangeRow], observed_at: datetime) -> None:
        """Append to the change log."""
        await self.connection.execute(
            _WRITE_CHANGES,
            [row.product for row in rows],
            self.source,
            self.number,
            [row.record_id for row in rows],
            [row.kind for row in rows],
            observed_at,
            [row.claims for row in rows],
        )

    async def write_aliases(self, ids: Sequence[str], rows: Sequence[AliasRow]) -> None:
        """Replace what the records ``ids`` call their products by ``rows``."""
        await self.connection.execute(
            "delete from aliases where source = $1 and record_id = any($2::text[])", self.source, list(ids)
        )
        await self.connection.execute(
            _WRITE_ALIASES,
            self.source,
            [row.record_id for row in rows],
            [row.scheme for row in rows],
            [row.folded for row in rows],
            [row.alias for row in rows],
            [row.product for row in rows],
        )

    async def write_rejections(self, rejected: Sequence[Rejected], at: datetime) -> None:
        """Set aside documents that are no records."""
        await self.connection.execute(
            _WRITE_REJECTIONS,
            self.source,
            [_storable(one.place)[:LONGEST_PLACE] for one in rejected],
            [_storable(one.reason) for one in rejected],
            [_storable(one.sample) for one in rejected],
            at,
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
        count: int = await self.connection.fetchval(
            "select count(distinct record_id) from sightings where source = $1 and walk = $2", self.source, self.walk
        )
        return count

    async def note_mapping(self, mapping: str) -> None:
        """Note by which version of the source's mapping its records are read from now on."""
        await self.connection.execute("update cursors set mapping = $2 where source = $1", self.source, mapping)

    async def advance(self, cursor: Cursor) -> None:
        """The source has been read up to ``cursor``."""
        self.cursor = cursor
        await self.connection.execute(
            "update cursors set cursor = $2, batch = $3 where source = $1", self.source, cursor, self.number
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
                "update sources set settled_at = coalesce(settled_at, $2) where name = $1", self.source, confirmed_at
            )


def _storable(text: str) -> str:
    """A text of a document that could not be read, without what no text column takes."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


@asynccontextmanager
async def open_batch(pool: Pool, source: str) -> AsyncIterator[Batch]:
    """A batch of ``source`` in a transaction of its own: committed at the end, undone by any exception."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            "select cursor, batch, walk, walk_began_at from cursors where source = $1 for update", source
        )
        if row is None:
            raise LookupError(f"the source {source!r} has not been registered in the ledger")
        yield Batch(connection, source, row["batch"] + 1, row["cursor"], row["walk"], row["walk_began_at"])


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


_DIGESTS = """
select x.record_id, r.digest
from crosswalk x join records r using (product_id, source, record_id)
where x.source = $1 and x.record_id = any($2::text[]) and x.gone_at is null
"""
_KNOWN = """
select x.record_id, x.product_id, r.claims, x.gone_at, r.digest, r.updated_at, r.observed_at
from crosswalk x join records r using (product_id, source, record_id)
where x.source = $1 and x.record_id = any($2::text[])
"""
_UNSIGHTED = """
select record_id from crosswalk where source = $1 and gone_at is null
except
select record_id from sightings where source = $1 and walk = $2
"""
_WRITE_RECORDS = """
insert into records (product_id, source, record_id, document, claims, names, identifiers, digest, updated_at, observed_at)
select product_id, $2, record_id, document, claims, names, identifiers, digest, updated_at, observed_at
from unnest($1::uuid[], $3::text[], $4::jsonb[], $5::jsonb[], $6::jsonb[], $7::jsonb[], $8::bytea[],
            $9::timestamptz[], $10::timestamptz[])
     as new (product_id, record_id, document, claims, names, identifiers, digest, updated_at, observed_at)
on conflict (product_id, source, record_id) do update
set document = excluded.document, claims = excluded.claims, names = excluded.names,
    identifiers = excluded.identifiers, digest = excluded.digest, updated_at = excluded.updated_at,
    observed_at = excluded.observed_at, gone_at = null
"""
_UPDATE_CLAIMS = """
update records r set claims = new.claims, observed_at = greatest(r.observed_at, $5),
       digest = case when new.moved then '' else r.digest end
from unnest($1::uuid[], $3::text[], $4::jsonb[], $6::boolean[]) as new (product_id, record_id, claims, moved)
where (r.product_id, r.source, r.record_id) = (new.product_id, $2, new.record_id)
"""
_WRITE_CHANGES = """
insert into changes (product_id, source, batch, record_id, kind, observed_at, claims)
select product_id, $2, $3, record_id, kind, $6, claims
from unnest($1::uuid[], $4::text[], $5::text[], $7::jsonb[]) as new (product_id, record_id, kind, claims)
"""
_WRITE_ALIASES = """
insert into aliases (source, record_id, scheme, folded, alias, product_id)
select $1, record_id, scheme, folded, alias, product_id
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])
     as new (record_id, scheme, folded, alias, product_id)
on conflict do nothing
"""
_WRITE_REJECTIONS = """
insert into rejections (source, place, reason, sample, observed_at)
select distinct on (place) $1, place, reason, sample, $5::timestamptz
from unnest($2::text[], $3::text[], $4::text[]) as new (place, reason, sample)
on conflict (source, place) do update
set reason = excluded.reason, sample = excluded.sample, observed_at = excluded.observed_at
"""
_REGISTER = """
insert into sources (name, rank)
select name, (select coalesce(max(rank), 0) from sources) + place
from unnest($1::text[]) with ordinality as new (name, place)
on conflict (name) do nothing
"""
