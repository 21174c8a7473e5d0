"""The crosswalk in SQL: who shares a key with whom, and moving records to the products they belong to.

Who links keeps to this order, and nobody waits for each other in a circle: the row of the source's cursor, then either the
turn (:func:`take_turn`: nobody else links) or, together with others, a place among those who link what is plain
(:func:`keep_still`), and of these one at a time the way to the commit (:func:`come_to_the_end`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Connection
from sources.ledger.winners import forget_winners, forget_winners_of_records
from sources.values import JSON

_LINKING_LOCK = 0x6C696E6B  # "link"
_COMMIT_LOCK = 0x6C617374  # "last"


class Carrier(NamedTuple):
    """A present record that carries a key value, and the product it belongs to."""

    key: RecordKey
    scheme: str
    value: str
    product: UUID


class LinkBasis(NamedTuple):
    """How sure a link is, what it rests on where no key made it, and by which version of the rules of matching."""

    confidence: float
    evidence: Mapping[str, JSON] | None
    rule_version: str | None


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as it is to be written."""

    key: RecordKey
    product: UUID
    linked_by: str
    reason: str | None
    basis: LinkBasis


async def take_turn(connection: Connection) -> None:
    """Wait until no other transaction is linking; held until this one ends, so that each sees what the last one did."""
    await connection.execute("select pg_advisory_xact_lock($1)", _LINKING_LOCK)


async def hold_records(connection: Connection, source: str) -> None:
    """Keep batches of ``source`` and whoever reads all records at once from beginning until this transaction ends. Who moves
    records outside a batch does so first, as a batch does, and takes the turn then."""
    await connection.execute("select from cursors where source = $1 for update", source)


async def keep_still(connection: Connection) -> None:
    """Wait until nobody is linking, and keep others from it until this transaction ends, so that no record moves."""
    await connection.execute("select pg_advisory_xact_lock_shared($1)", _LINKING_LOCK)


async def come_to_the_end(connection: Connection) -> None:
    """Wait until nobody else who links is about to commit; held until this transaction ends. What is read from now on
    holds all that was linked before."""
    await connection.execute("select pg_advisory_xact_lock($1)", _COMMIT_LOCK)


async def carriers(connection: Connection, values: Iterable[tuple[str, str]]) -> list[Carrier]:
    """The records that carry any of ``values`` (scheme, value)."""
    wanted = list(values)
    rows = await connection.fetch(_CARRIERS, [scheme for scheme, _ in wanted], [value for _, value in wanted])
    return [_carrier(row) for row in rows]


async def keys_of(connection: Connection, records: Iterable[RecordKey], schemes: Sequence[str]) -> list[Carrier]:
    """The key values, of the schemes given, that ``records`` carry."""
    wanted = list(records)
    rows = await connection.fetch(_KEYS_OF, [key.source for key in wanted], [key.id for key in wanted], list(schemes))
    return [_carrier(row) for row in rows]


async def invalid_identifiers(
    connection: Connection, records: Iterable[RecordKey]
) -> dict[RecordKey, list[tuple[str, str, str]]]:
    """The identifiers that ``records`` carry and that are not valid: scheme, as written, and why."""
    wanted = list(records)
    rows = await connection.fetch(_INVALID, [key.source for key in wanted], [key.id for key in wanted])
    return {
        RecordKey(row["source"], row["record_id"]): [
            (one["scheme"], one["raw"], one["invalid"]) for one in row["identifiers"] if "invalid" in one
        ]
        for row in rows
    }


async def holders(connection: Connection, products: Collection[UUID]) -> dict[UUID, set[RecordKey]]:
    """The present records of each of ``products``, those without any left out."""
    rows = await connection.fetch(
        "select product_id, source, record_id from records where product_id = any($1::uuid[]) and gone_at is null",
        list(products),
    )
    found: dict[UUID, set[RecordKey]] = defaultdict(set)
    for row in rows:
        found[row["product_id"]].add(RecordKey(row["source"], row["record_id"]))
    return found


async def ever_of(connection: Connection, products: Iterable[UUID]) -> dict[RecordKey, UUID]:
    """The records of ``products``, those included that are gone, and the product of each."""
    rows = await connection.fetch(
        "select source, record_id, product_id from records where product_id = any($1::uuid[])", list(products)
    )
    return {RecordKey(row["source"], row["record_id"]): row["product_id"] for row in rows}


async def current_links(connection: Connection, records: Iterable[RecordKey]) -> dict[RecordKey, LinkRow]:
    """How ``records`` are linked now; those that were never seen, or are gone, are left out."""
    wanted = list(records)
    rows = await connection.fetch(_CURRENT, [key.source for key in wanted], [key.id for key in wanted])
    return {
        key: LinkRow(
            key,
            row["product_id"],
            row["linked_by"],
            row["reason"],
            LinkBasis(row["confidence"], row["evidence"], row["rule_version"]),
        )
        for row in rows
        for key in (RecordKey(row["source"], row["record_id"]),)
    }


async def ever_seen(connection: Connection, records: Iterable[RecordKey]) -> set[RecordKey]:
    """Those of ``records`` that are there, or were."""
    wanted = list(records)
    rows = await connection.fetch(_EVER_SEEN, [key.source for key in wanted], [key.id for key in wanted])
    return {RecordKey(row[0], row[1]) for row in rows}


async def move_records(connection: Connection, moves: Mapping[RecordKey, tuple[UUID, UUID]]) -> None:
    """Move records, their change log and their aliases from one product to another.

    A row's product is part of its key and, where the ledger is sharded, decides where it lies: it is laid anew.
    """
    arguments = (
        [key.source for key in moves],
        [key.id for key in moves],
        [old for old, _ in moves.values()],
        [new for _, new in moves.values()],
    )
    await forget_winners(connection, {product for move in moves.values() for product in move})
    await connection.execute(_MOVE_RECORDS, *arguments)
    await connection.execute(_MOVE_CHANGES, *arguments)
    await connection.execute(_MOVE_ALIASES, arguments[0], arguments[1], arguments[3])


async def move_links(connection: Connection, products: Mapping[RecordKey, UUID]) -> None:
    """Lead records that are gone, or going, to other products."""
    keys = list(products)
    arguments = [key.source for key in keys], [key.id for key in keys]
    await connection.execute(_MOVE_LINKS, *arguments, list(products.values()))


async def write_links(connection: Connection, rows: Sequence[LinkRow], at: datetime) -> None:
    """Write how records are linked."""
    await connection.execute(
        _WRITE_LINKS,
        [row.key.source for row in rows],
        [row.key.id for row in rows],
        [row.product for row in rows],
        [row.linked_by for row in rows],
        [row.reason for row in rows],
        [row.basis.confidence for row in rows],
        at,
        [row.basis.evidence for row in rows],
        [row.basis.rule_version for row in rows],
    )


async def write_products(
    connection: Connection,
    listed: Mapping[UUID, bool],
    entangled: Collection[UUID],
    merged: Mapping[UUID, UUID],
    at: datetime,
) -> None:
    """Found products, list or unlist them, say which are ``entangled`` and which are not, and lead ids that were merged to
    where their records are now."""
    knots = [product in entangled for product in listed]
    await connection.execute(_WRITE_PRODUCTS, list(listed), list(listed.values()), knots, at)
    await connection.execute("delete from former_ids where former_id = any($1::uuid[])", list(listed))
    if merged:
        await connection.execute(_MERGE_CHAINS, list(merged), list(merged.values()))
        await connection.execute(_WRITE_FORMER, list(merged), list(merged.values()), at)


async def mark_gone(connection: Connection, records: Iterable[RecordKey], at: datetime) -> None:
    """Mark records as gone: kept as last seen under their last product, found no more."""
    keys = list(records)
    arguments = [key.source for key in keys], [key.id for key in keys]
    await forget_winners_of_records(connection, keys)
    await connection.execute(_MARK_RECORDS_GONE, *arguments, at)
    await connection.execute(_MARK_LINKS_GONE, *arguments, at)
    await connection.execute(_DROP_ALIASES, *arguments)


async def unlist_empty(connection: Connection, products: Collection[UUID]) -> None:
    """Take products without any record left off the lists; their ids are never given again."""
    await connection.execute(_UNLIST, list(products))


def _carrier(row: Mapping[str, str | UUID]) -> Carrier:
    return Carrier(RecordKey(row["source"], row["record_id"]), row["scheme"], row["folded"], row["product_id"])  # type: ignore[arg-type]


_CARRIERS = """
select a.source, a.record_id, a.scheme, a.folded, a.product_id
from unnest($1::text[], $2::text[]) as wanted (scheme, folded)
join aliases a on a.folded = wanted.folded and a.scheme = wanted.scheme
"""
_KEYS_OF = """
select a.source, a.record_id, a.scheme, a.folded, a.product_id
from unnest($1::text[], $2::text[]) as wanted (source, record_id)
join aliases a using (source, record_id)
where a.scheme = any($3::text[])
"""
_CURRENT = """
select x.source, x.record_id, x.product_id, x.linked_by, x.reason, x.confidence, x.evidence, x.rule_version
from unnest($1::text[], $2::text[]) as wanted (source, record_id)
join crosswalk x using (source, record_id)
where x.gone_at is null
"""
_INVALID = """
select x.source, x.record_id, r.identifiers
from unnest($1::text[], $2::text[]) as wanted (source, record_id)
join crosswalk x using (source, record_id) join records r using (product_id, source, record_id)
where r.identifiers @? '$[*].invalid'
"""
_EVER_SEEN = """
select x.source, x.record_id from unnest($1::text[], $2::text[]) as wanted (source, record_id)
join crosswalk x using (source, record_id)
"""
_MOVE_RECORDS = """
with moves as (
    select * from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[]) as m (source, record_id, old, new)
), taken as (
    delete from records r using moves m
    where (r.product_id, r.source, r.record_id) = (m.old, m.source, m.record_id)
    returning m.new, r.source, r.record_id, r.document, r.claims, r.names, r.identifiers, r.updated_at,
              r.observed_at, r.gone_at
)
insert into records (product_id, source, record_id, document, claims, names, identifiers, updated_at, observed_at,
                     gone_at)
select * from taken
"""
_MOVE_CHANGES = """
with moves as (
    select * from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[]) as m (source, record_id, old, new)
), taken as (
    delete from changes c using moves m
    where (c.product_id, c.source, c.record_id) = (m.old, m.source, m.record_id)
    returning m.new, c.source, c.batch, c.record_id, c.kind, c.observed_at, c.claims
)
insert into changes (product_id, source, batch, record_id, kind, observed_at, claims)
select * from taken
"""
_MOVE_ALIASES = """
update aliases a set product_id = m.new
from unnest($1::text[], $2::text[], $3::uuid[]) as m (source, record_id, new)
where a.source = m.source and a.record_id = m.record_id
"""
_MOVE_LINKS = """
update crosswalk x set product_id = m.new
from unnest($1::text[], $2::text[], $3::uuid[]) as m (source, record_id, new)
where x.source = m.source and x.record_id = m.record_id
"""
_WRITE_LINKS = """
insert into crosswalk (source, record_id, product_id, linked_by, reason, confidence, linked_at, evidence, rule_version)
select source, record_id, product_id, linked_by, reason, confidence, $7, evidence, rule_version
from unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::float8[], $8::jsonb[], $9::text[])
     as new (source, record_id, product_id, linked_by, reason, confidence, evidence, rule_version)
on conflict (source, record_id) do update
set product_id = excluded.product_id, linked_by = excluded.linked_by, reason = excluded.reason,
    confidence = excluded.confidence, evidence = excluded.evidence, rule_version = excluded.rule_version, gone_at = null,
    linked_at = case when crosswalk.product_id = excluded.product_id and crosswalk.gone_at is null
                     then crosswalk.linked_at else excluded.linked_at end
"""
_WRITE_PRODUCTS = """
insert into products (product_id, listed, entangled, founded_at)
select product_id, listed, entangled, $4
from unnest($1::uuid[], $2::boolean[], $3::boolean[]) as new (product_id, listed, entangled)
on conflict (product_id) do update set listed = excluded.listed, entangled = excluded.entangled
where (products.listed, products.entangled) <> (excluded.listed, excluded.entangled)
"""
_MERGE_CHAINS = """
update former_ids f set product_id = m.new
from unnest($1::uuid[], $2::uuid[]) as m (old, new)
where f.product_id = m.old
"""
_WRITE_FORMER = """
insert into former_ids (former_id, product_id, since)
select old, new, $3 from unnest($1::uuid[], $2::uuid[]) as m (old, new)
on conflict (former_id) do update set product_id = excluded.product_id, since = excluded.since
"""
_UNLIST = """
update products p set listed = false
where p.product_id = any($1::uuid[]) and p.listed
  and not exists (select from records r where r.product_id = p.product_id and r.gone_at is null)
"""
_GONE_KEYS = "unnest($1::text[], $2::text[]) as left_ (source, record_id)"
_MARK_RECORDS_GONE = f"""
update records r set gone_at = $3 from crosswalk x join {_GONE_KEYS} using (source, record_id)
where (r.product_id, r.source, r.record_id) = (x.product_id, x.source, x.record_id)
"""
_MARK_LINKS_GONE = f"""
update crosswalk x set gone_at = $3 from {_GONE_KEYS} where (x.source, x.record_id) = (left_.source, left_.record_id)
"""
_DROP_ALIASES = f"""
delete from aliases a using {_GONE_KEYS} where (a.source, a.record_id) = (left_.source, left_.record_id)
"""
