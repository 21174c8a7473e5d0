"""New records meet those that are there, in SQL: who carries their keys already, and the links of those that are plain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Connection
from sources.ledger.links import LinkRow


class Met(NamedTuple):
    """Who carries a value already: records of catalogues of other sources than the one that asks, unless said."""

    products: Sequence[UUID] | None
    """Theirs, each once; None where there are none."""
    carriers: int
    source: str | None
    record_id: str | None
    """The one carrier, where there is one."""
    before: bool
    """Whether one of them ranks before the source that asks."""
    reused: bool
    """Whether a record of the asking source carries it."""
    noted: bool
    """Whether a record of no catalogue carries it."""


class SourceNow(NamedTuple):
    """How a source stands: its rank, whether it is still on its first walk, and the number of its last batch."""

    rank: int
    unsettled: bool
    batch: int


async def sources_now(connection: Connection) -> dict[str, SourceNow]:
    """How every source stands, as far as it has been committed."""
    rows = await connection.fetch(
        "select name, rank, settled_at is null, batch from sources join cursors on cursors.source = sources.name"
    )
    return {row[0]: SourceNow(*row[1:]) for row in rows}


async def meet(
    connection: Connection,
    source: str,
    schemes: Sequence[str],
    values: Sequence[str],
    before: Collection[str],
    catalogues: Collection[str],
) -> dict[int, Met]:
    """Who carries each value (``values[i]`` of ``schemes[i]``), by its place; those that nobody carries are left out.
    ``before``: the sources that rank before ``source``."""
    places = range(len(values))
    rows = await connection.fetch(_MEET, places, schemes, values, source, list(before), list(catalogues))
    return {row[0]: Met(*row[1:]) for row in rows}


async def not_to_be_joined(connection: Connection, source: str, products: Collection[UUID]) -> set[UUID]:
    """Those of ``products`` that have a present record of ``source``, or are entangled."""
    rows = await connection.fetch(_NOT_TO_BE_JOINED, list(products), source)
    return {row[0] for row in rows}


async def add_links(connection: Connection, rows: Iterable[tuple[LinkRow, bytes]], at: datetime) -> None:
    """Write the links of records that were never seen before, with their digests."""
    await connection.copy_records_to_table(
        "crosswalk",
        records=[
            (*row.key, row.product, row.linked_by, row.reason, row.basis.confidence, at, digest) for row, digest in rows
        ],
        columns=("source", "record_id", "product_id", "linked_by", "reason", "confidence", "linked_at", "digest"),
    )


async def strengthen_links(connection: Connection, schemes: Mapping[RecordKey, tuple[str, str]]) -> bool:
    """Have records be linked by another declared scheme than they were (was, is), their products as they are; False where
    one is not linked any more as it was."""
    keys = sorted(schemes)
    done = await connection.execute(
        _STRENGTHEN,
        [key.source for key in keys],
        [key.id for key in keys],
        [schemes[key][0] for key in keys],
        [schemes[key][1] for key in keys],
    )
    return bool(done == f"UPDATE {len(keys)}")


async def add_products(connection: Connection, products: Collection[UUID], listed: bool, at: datetime) -> None:
    """Found products that were never given before."""
    await connection.execute(_ADD_PRODUCTS, list(products), listed, at)


_MEET = """
select w.place, array_agg(distinct a.product_id) filter (where a.source = any($6::text[]) and a.source <> $4),
       count(*) filter (where a.source = any($6::text[]) and a.source <> $4),
       min(a.source) filter (where a.source = any($6::text[]) and a.source <> $4),
       min(a.record_id) filter (where a.source = any($6::text[]) and a.source <> $4),
       bool_or(a.source = any($5::text[])), bool_or(a.source = $4), bool_or(a.source <> all($6::text[]))
from unnest($1::int[], $2::text[], $3::text[]) as w (place, scheme, folded)
join aliases a on a.folded = w.folded and a.scheme = w.scheme
group by w.place
"""
_NOT_TO_BE_JOINED = """
select p.product_id from unnest($1::uuid[]) as wanted (product_id) join products p on p.product_id = wanted.product_id
where p.entangled
   or exists (select from records r where r.product_id = p.product_id and r.source = $2 and r.gone_at is null)
"""
_STRENGTHEN = """
update crosswalk x set linked_by = m.now, confidence = 1, evidence = null, rule_version = null
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as m (source, record_id, was, now)
where x.source = m.source and x.record_id = m.record_id and x.linked_by = m.was and x.gone_at is null
"""
_ADD_PRODUCTS = """
insert into products (product_id, listed, founded_at) select product_id, $2, $3 from unnest($1::uuid[]) as product_id
on conflict (product_id) do update set listed = excluded.listed where products.listed <> excluded.listed
"""
