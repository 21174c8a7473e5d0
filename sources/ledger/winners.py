"""The winning claims of products, chosen ahead: rows that are dropped with what they rest on, and made again.

Whoever writes a product's records drops its row in the same transaction (:func:`forget_winners`). Whoever makes rows anew
first waits until no batch is under way and keeps new ones from beginning (:func:`keep_records_still`): so no row rests on
records that have moved since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.values import JSON


class WinnersRow(NamedTuple):
    """A product's row; see the table for its parts."""

    product: UUID
    plain: bytes
    origins: bytes
    scoped: bytes | None
    undecided: Sequence[int] | None


class StandingRecord(NamedTuple):
    """A present record of a product, its claims as the ledger keeps them. ``observed_at`` is when it was last written."""

    product: UUID
    source: str
    record_id: str
    claims: Mapping[str, list[JSON]]
    observed_at: datetime


async def winners_of(pool: Pool, products: Collection[UUID], rules: str, *, origins: bool) -> dict[UUID, WinnersRow]:
    """The rows of those of ``products`` that have one made by ``rules``; without ``origins`` those stay empty."""
    rows = await pool.fetch(_WITH_ORIGINS if origins else _PLAIN, list(products), rules)
    return {row[0]: WinnersRow(*row) for row in rows}


async def confirmations(pool: Pool) -> dict[str, datetime]:
    """Source to when what the ledger holds of it was last known to be so."""
    rows = await pool.fetch("select source, confirmed_at from cursors where confirmed_at is not null")
    return {row[0]: row[1] for row in rows}


async def forget_winners(connection: Connection, products: Iterable[UUID]) -> None:
    """Drop the rows of ``products``: their records are being written."""
    await connection.execute("delete from winners where product_id = any($1::uuid[])", sorted(set(products)))


async def forget_winners_of_records(connection: Connection, records: Iterable[RecordKey]) -> None:
    """Drop the rows of the products that have ``records``."""
    keys = list(records)
    await connection.execute(_FORGET_BY_RECORD, [key.source for key in keys], [key.id for key in keys])


async def keep_records_still(connection: Connection) -> None:
    """Wait until no batch is under way, and let none begin until this transaction ends."""
    await connection.execute("select from cursors order by source for share")


async def standing_records(connection: Connection, products: Collection[UUID]) -> list[StandingRecord]:
    """The present records of ``products``."""
    return [StandingRecord(*row) for row in await connection.fetch(_RECORDS, list(products))]


async def write_winners(connection: Connection, rules: str, rows: Collection[WinnersRow]) -> None:
    """Write rows that were made by ``rules``."""
    columns = list(zip(*((*row[:4], _joined(row.undecided)) for row in rows), strict=True))
    await connection.execute(_WRITE, rules, *columns)


def _joined(places: Sequence[int] | None) -> str | None:
    # an array of arrays would have to be as wide everywhere
    return None if places is None else ",".join(map(str, places))


async def without_winners(connection: Connection | Pool, products: Collection[UUID], rules: str) -> list[UUID]:
    """Those of ``products`` that have records and no row made by ``rules``, in the order of their ids."""
    rows = await connection.fetch(_MISSING, list(products), rules)
    return [row[0] for row in rows]


async def products_after(pool: Pool, after: UUID | None, limit: int) -> list[UUID]:
    """The next ``limit`` product ids behind ``after``."""
    rows = await pool.fetch(_AFTER, after, limit)
    return [row[0] for row in rows]


async def being_read_first(pool: Pool) -> bool:
    """Whether any source is being read to its end for the first time, by a worker that is alive."""
    yes: bool = await pool.fetchval(_READ_FIRST)
    return yes


async def never_read(pool: Pool, sources: Collection[str]) -> bool:
    """Whether any of ``sources`` has not been read to its end yet."""
    settled: int = await pool.fetchval(_SETTLED, list(sources))
    return settled < len(sources)


async def any_winners(pool: Pool, rules: str) -> bool:
    """Whether any row was made by ``rules``."""
    yes: bool = await pool.fetchval("select exists (select from winners where rules = $1)", rules)
    return yes


async def written_batches(pool: Pool) -> dict[str, int]:
    """Source to the number of the last batch that was written of it."""
    return {row[0]: row[1] for row in await pool.fetch("select source, batch from cursors")}


async def products_of_batches(pool: Pool, source: str, after: int, last: int) -> list[UUID]:
    """The products in whose records something moved in the batches of ``source`` behind ``after``, up to ``last``."""
    rows = await pool.fetch(_OF_BATCHES, source, after, last)
    return [row[0] for row in rows]


_PLAIN = """
select product_id, plain, ''::bytea, scoped, undecided from winners where product_id = any($1::uuid[]) and rules = $2
"""
_WITH_ORIGINS = """
select product_id, plain, origins, scoped, undecided from winners where product_id = any($1::uuid[]) and rules = $2
"""
_FORGET_BY_RECORD = """
delete from winners w using unnest($1::text[], $2::text[]) as left_ (source, record_id), crosswalk x
where (x.source, x.record_id) = (left_.source, left_.record_id) and w.product_id = x.product_id
"""
_RECORDS = """
select product_id, source, record_id, claims, observed_at from records
where product_id = any($1::uuid[]) and gone_at is null
order by product_id, source, record_id
"""
_WRITE = """
insert into winners (product_id, rules, plain, origins, scoped, undecided)
select product_id, $1, plain, origins, scoped, string_to_array(undecided, ',')::smallint[]
from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[])
     as new (product_id, plain, origins, scoped, undecided)
on conflict (product_id) do update
set rules = excluded.rules, plain = excluded.plain, origins = excluded.origins, scoped = excluded.scoped,
    undecided = excluded.undecided
"""
_MISSING = """
select p.product_id from unnest($1::uuid[]) as p (product_id)
left join winners w on w.product_id = p.product_id and w.rules = $2
where w.product_id is null
  and exists (select from records r where r.product_id = p.product_id and r.gone_at is null)
order by p.product_id
"""
_AFTER = """
select product_id from products where $1::uuid is null or product_id > $1 order by product_id limit $2
"""
_READ_FIRST = """
select exists (
    select from cursors c
    join sources s on s.name = c.source and s.settled_at is null
    join schedule h on h.source = c.source and h.held_until > clock_timestamp()
    where c.walk_began_at is not null)
"""
_SETTLED = "select count(*) from sources where name = any($1::text[]) and settled_at is not null"
_OF_BATCHES = """
select distinct product_id from changes where source = $1 and batch > $2 and batch <= $3
"""
