"""Going through the records of a source as the ledger keeps them, in the order of their ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sources.contract import Cursor
from sources.ledger.database import BATCH_SECONDS, Connection, Pool
from sources.values import JSON


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the ledger keeps it. ``observed``: live reads have moved its claims since its document was kept."""

    id: str
    document: Mapping[str, JSON]
    claims: Mapping[str, list[JSON]]
    observed: bool
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a source stands with respect to a map. ``mapping`` and ``origin`` are the versions by which its records were
    last read as a whole; ``remapping`` is one that is under way; ``retired_at`` is set while no map declares the source;
    ``walking``: a walk over everything is under way."""

    mapping: str | None
    origin: str | None
    remapping: Mapping[str, JSON] | None
    retired_at: datetime | None
    walked_at: datetime | None
    cursor: Cursor
    walking: bool


@dataclass(frozen=True, slots=True)
class Held:
    """How many documents of a source have what stands at a path: ``texts`` of them a text there, ``objects`` an object or a
    list."""

    total: int
    having: int
    texts: int
    objects: int


async def standing(connection: Pool | Connection, source: str) -> Standing:
    """Where ``source`` stands. Raises LookupError for one that has not been registered."""
    row = await connection.fetchrow(_STANDING, source)
    if row is None:
        raise LookupError(f"the source {source!r} has not been registered in the ledger")
    return Standing(**row)


async def undeclared(pool: Pool, declared: Sequence[str]) -> list[str]:
    """The sources that hold present records and are not among ``declared``."""
    return [row["source"] for row in await pool.fetch(_UNDECLARED, list(declared))]


async def present(pool: Pool, source: str, retired_at: datetime | None) -> int:
    """How many records of ``source`` are there, those that left with the source at ``retired_at`` among them."""
    count: int = await pool.fetchval(_PRESENT, source, retired_at, timeout=BATCH_SECONDS)
    return count


async def records_after(
    connection: Connection, source: str, after: str, retired_at: datetime | None, limit: int
) -> list[StoredRecord]:
    """Up to ``limit`` records after the id ``after``: the present ones, and those that left at ``retired_at``."""
    rows = await connection.fetch(_AFTER, source, after, retired_at, limit)
    return [
        StoredRecord(row["record_id"], row["document"], row["claims"], row["observed"], row["observed_at"])
        for row in rows
    ]


async def ids_present(connection: Connection, source: str, limit: int) -> list[str]:
    """Up to ``limit`` ids of present records of ``source``."""
    rows = await connection.fetch(
        "select record_id from crosswalk where source = $1 and gone_at is null order by record_id limit $2",
        source,
        limit,
    )
    return [row["record_id"] for row in rows]


async def held(pool: Pool, source: str, path: str, roots: Sequence[str], retired_at: datetime | None) -> Held:
    """What the documents of ``source`` have at a path, which is either a member's name or starts from the members
    ``roots``."""
    row = await pool.fetchrow(_HELD, source, path, list(roots), retired_at, timeout=BATCH_SECONDS)
    assert row is not None
    return Held(**row)


async def note_remapping(connection: Connection, source: str, remapping: Mapping[str, JSON] | None) -> None:
    """Note how far the records of ``source`` have been mapped anew."""
    await connection.execute("update cursors set remapping = $2 where source = $1", source, remapping)


async def note_to_relink(connection: Connection, sources: Collection[str]) -> None:
    """Have all records of ``sources`` mapped and linked anew, as far as they were ever read."""
    await connection.execute(_TO_RELINK, list(sources))


async def note_remapped(connection: Connection, source: str, mapping: str) -> None:
    """All records of ``source`` are as ``mapping`` reads them, and the source is declared."""
    await connection.execute(
        "update cursors set mapping = $2, remapping = null, retired_at = null where source = $1", source, mapping
    )


async def note_retired(connection: Connection, source: str, at: datetime) -> None:
    """No map declares ``source`` since ``at``. What was mapped anew so far does not count: it has left with the rest."""
    await connection.execute("update cursors set retired_at = $2, remapping = null where source = $1", source, at)


_TO_RELINK = """
update cursors set remapping = '{"to": "", "after": "", "left": 0}' where source = any($1::text[]) and mapping is not null
"""
_STANDING = """
select mapping, origin, remapping, retired_at, walked_at, cursor, walk_began_at is not null as walking
from cursors where source = $1
"""
_UNDECLARED = """
select c.source from cursors c where not c.source = any($1::text[])
and exists (select from crosswalk x where x.source = c.source and x.gone_at is null)
order by 1
"""
_THERE = "x.source = $1 and (x.gone_at is null or x.gone_at = {at}::timestamptz)"
_PRESENT = f"select count(*) from crosswalk x where {_THERE.format(at='$2')}"
_AFTER = f"""
select x.record_id, r.document, r.claims, x.digest = '' as observed, r.observed_at
from crosswalk x join records r using (product_id, source, record_id)
where {_THERE.format(at="$3")} and x.record_id > $2
order by x.record_id limit $4
"""
_HELD = f"""
select count(*) as total,
       count(*) filter (where r.document ? $2 or r.document ?& $3::text[]) as having,
       count(*) filter (where jsonb_typeof(r.document -> $3[1]) = 'string') as texts,
       count(*) filter (where jsonb_typeof(r.document -> $3[1]) in ('object', 'array')) as objects
from crosswalk x join records r using (product_id, source, record_id)
where {_THERE.format(at="$4")}
"""
