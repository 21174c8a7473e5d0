"""Finding products: by id, by any identifier, by any department's record or name; and the crosswalk of those found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.winners import WinnersRow
from sources.values import JSON


class Wanted(NamedTuple):
    """One way in which the lookup number ``place`` may be met: an alias of ``scheme`` (and ``source``), as folded."""

    place: int
    scheme: str
    folded: str
    source: str | None = None
    spelling: str | None = None
    """Set where nothing but this very spelling will do."""
    record_ids: tuple[str, ...] = ()
    """The record ids that would meet it as they stand."""


@dataclass(frozen=True, slots=True)
class CrosswalkRow:
    """One record of a product, with what it calls it and how it was linked."""

    key: RecordKey
    names: tuple[str, ...]
    identifiers: tuple[Mapping[str, str], ...]
    linked_by: str
    reason: str | None
    confidence: float
    linked_at: datetime
    updated_at: datetime | None
    observed_at: datetime
    evidence: Mapping[str, JSON] | None = None
    rule_version: str | None = None


async def find_products(
    pool: Pool, ids: Mapping[int, UUID], wanted: Sequence[Wanted], visible: Collection[str], *, past: bool = False
) -> dict[int, tuple[UUID, ...]]:
    """The products that each lookup means, by its place: none, one, or where it is ambiguous, several.

    ``ids`` are looked up as they are, through merges; with ``past`` those count whose records are all gone. Only records
    of the sources in ``visible`` count; an alias of one that stays apart only where no other product has it. One
    statement.
    """
    rows = await pool.fetch(_FIND, *_sought(ids, wanted, visible, past=past))
    return {row["place"]: tuple(row["products"]) for row in rows}


class FoundProduct(NamedTuple):
    """What the lookup number ``place`` means: one product and its row of winners, if it has one, or several ``products``."""

    place: int
    product: UUID
    winners: WinnersRow | None
    products: Sequence[UUID] | None


async def find_products_with_winners(
    pool: Pool,
    ids: Mapping[int, UUID],
    wanted: Sequence[Wanted],
    visible: Collection[str],
    rules: str,
    *,
    origins: bool,
) -> list[FoundProduct]:
    """The same, those that mean nothing left out, together with the products' rows of winners that were made by ``rules``;
    with their origins or without. One statement."""
    rows = await pool.fetch(
        _FIND_WITH_ORIGINS if origins else _FIND_WITH_WINNERS, *_sought(ids, wanted, visible, past=False), rules
    )
    return [
        FoundProduct(place, product, None if plain is None else WinnersRow(product, plain, *rest), several)
        for place, several, product, plain, *rest in rows
    ]


async def find_plainly_with_winners(
    pool: Pool, scheme: str, values: Sequence[str], visible: Collection[str], rules: str, *, origins: bool
) -> list[FoundProduct]:
    """The same of lookups that are all by a value of one scheme, and hold no control characters: what a storefront asks for
    a page of products. Texts, and not arrays of them, for arrays are taken apart one by one on the way."""
    rows = await pool.fetch(
        _FIND_PLAINLY_WITH_ORIGINS if origins else _FIND_PLAINLY_WITH_WINNERS,
        _SEPARATOR.join(values),
        scheme,
        _SEPARATOR.join(visible),
        rules,
    )
    return [
        FoundProduct(place - 1, product, None if plain is None else WinnersRow(product, plain, *rest), several)
        for place, several, product, plain, *rest in rows
    ]


def _sought(
    ids: Mapping[int, UUID], wanted: Sequence[Wanted], visible: Collection[str], *, past: bool
) -> tuple[Any, ...]:
    """The arguments of the statements that find."""
    ids_as_written = [(one, record_id) for one in wanted for record_id in one.record_ids]
    return (
        list(ids),
        list(ids.values()),
        [one.place for one in wanted],
        [one.scheme for one in wanted],
        [one.folded for one in wanted],
        [one.source for one in wanted],
        list(visible),
        [one.spelling for one in wanted],
        past,
        [one.place for one, _ in ids_as_written],
        [record_id for _, record_id in ids_as_written],
        [one.source for one, _ in ids_as_written],
    )


async def crosswalk_of(pool: Pool, products: Sequence[UUID]) -> dict[UUID, tuple[CrosswalkRow, ...]]:
    """Every present record of each of ``products``, in the order of sources."""
    found: dict[UUID, list[CrosswalkRow]] = {product: [] for product in products}
    for row in await pool.fetch(_CROSSWALK, list(products)):
        found[row["product_id"]].append(
            CrosswalkRow(
                key=RecordKey(row["source"], row["record_id"]),
                names=tuple(row["names"]),
                identifiers=tuple(row["identifiers"]),
                linked_by=row["linked_by"],
                reason=row["reason"],
                confidence=row["confidence"],
                linked_at=row["linked_at"],
                updated_at=row["updated_at"],
                observed_at=row["observed_at"],
                evidence=row["evidence"],
                rule_version=row["rule_version"],
            )
        )
    return {product: tuple(rows) for product, rows in found.items()}


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """A row of a product's change log."""

    source: str
    record_id: str
    batch: int
    kind: str
    observed_at: datetime
    claims: Mapping[str, list[JSON]]


async def changes_of(
    pool: Pool, product: UUID, sources: Sequence[str], fields: Sequence[str], as_of: datetime | None, limit: int
) -> list[ChangeEntry]:
    """The rows of a product's change log in which ``sources`` said anything else about ``fields``, newest first, at most
    ``limit``; those behind ``as_of`` left out."""
    rows = await pool.fetch(_CHANGES, product, limit, list(sources), list(fields), as_of)
    return [ChangeEntry(**row) for row in rows]


_BEST = """
select place, array_agg(distinct product_id order by product_id) as products
from (select *, min(tier) over (partition by place) as best from met) ranked
where tier = best group by place
"""
_FIND_PLAINLY = f"""
with met as (
    select w.place, a.product_id, case when x.linked_by <> 'apart' then 0 when p.listed then 1 else 2 end as tier
    from unnest(string_to_array($1, E'\\x1f')) with ordinality as w (folded, place)
    join aliases a on a.folded = w.folded and a.scheme = $2
    join crosswalk x on x.source = a.source and x.record_id = a.record_id
    join products p on p.product_id = a.product_id
    where a.source = any(string_to_array($3, E'\\x1f'))
) {_BEST}
"""
_SEPARATOR = "\x1f"
_FIND = f"""
with met as (
    select w.place, coalesce(f.product_id, w.id) as product_id, 0 as tier
    from unnest($1::int[], $2::uuid[]) as w (place, id)
    left join former_ids f on f.former_id = w.id
    where exists (
        select from records r
        where r.product_id = coalesce(f.product_id, w.id) and r.source = any($7::text[]) and (r.gone_at is null or $9))
  union
    select w.place, x.product_id, case when x.linked_by <> 'apart' then 0 when p.listed then 1 else 2 end
    from unnest($10::int[], $11::text[], $12::text[]) as w (place, record_id, source)
    join crosswalk x on x.source = any($7::text[]) and x.record_id = w.record_id and x.gone_at is null
    join products p on p.product_id = x.product_id
    where w.source is null or x.source = w.source
  union
    select w.place, a.product_id, case when x.linked_by <> 'apart' then 0 when p.listed then 1 else 2 end
    from unnest($3::int[], $4::text[], $5::text[], $6::text[], $8::text[])
         as w (place, scheme, folded, source, spelling)
    join aliases a on a.folded = w.folded and a.scheme = w.scheme
    join crosswalk x on x.source = a.source and x.record_id = a.record_id
    join products p on p.product_id = a.product_id
    where (w.source is null or a.source = w.source) and (w.spelling is null or a.alias = w.spelling)
      and a.source = any($7::text[])
)
{_BEST}
"""
_WITH = """
select f.place, case when cardinality(f.products) > 1 then f.products end, f.products[1],
       w.plain, {origins}, w.scoped, w.undecided from ({find}) f
left join winners w on cardinality(f.products) = 1 and w.product_id = f.products[1] and w.rules = {rules}
"""
_FIND_WITH_ORIGINS = _WITH.format(find=_FIND, origins="w.origins", rules="$13")
_FIND_WITH_WINNERS = _WITH.format(find=_FIND, origins="''::bytea", rules="$13")
_FIND_PLAINLY_WITH_ORIGINS = _WITH.format(find=_FIND_PLAINLY, origins="w.origins", rules="$4")
_FIND_PLAINLY_WITH_WINNERS = _WITH.format(find=_FIND_PLAINLY, origins="''::bytea", rules="$4")
_CROSSWALK = """
select x.product_id, x.source, x.record_id, x.linked_by, x.reason, x.confidence, x.linked_at, x.evidence, x.rule_version,
       r.names, r.identifiers, r.updated_at, greatest(r.observed_at, c.confirmed_at) as observed_at
from records r join crosswalk x using (source, record_id)
join sources s on s.name = x.source join cursors c on c.source = x.source
where r.product_id = any($1::uuid[]) and r.gone_at is null
order by s.rank, x.record_id
"""
_CHANGES = """
select source, record_id, batch, kind, observed_at, claims from changes
where product_id = $1 and source = any($3::text[]) and claims ?| $4::text[]
  and ($5::timestamptz is null or observed_at <= $5)
order by observed_at desc, source, batch desc, record_id limit $2
"""
