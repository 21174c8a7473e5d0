"""Candidates in SQL: pairs of records that matching found, and identifiers that stand on several products, as a person is
to look at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.pairs import LINK, REVIEW, Pair, pair_of
from sources.values import JSON

MOST_CARRIERS = 100
"""Records of one identifier that are named."""
_FIRST, _ABOVE_ALL = "ZZZ", 2.0
"""Behind every verdict, as any collation sorts it, and above every probability."""


@dataclass(frozen=True, slots=True)
class FoundPair:
    """A pair whose records are both there, and how it stands: OPEN, CONFIRMED, REJECTED or LINKED."""

    pair: Pair
    probability: float
    verdict: str
    findings: Sequence[Mapping[str, JSON]]
    rule_version: str
    found_at: datetime
    state: str
    decision: UUID | None
    """What a person decided about it, where that is in effect."""


@dataclass(frozen=True, slots=True)
class SharedIdentifier:
    """A value of a key that stands on several products; REJECTED where a person keeps all of these apart."""

    scheme: str
    value: str
    products: int
    state: str
    carriers: Sequence[tuple[RecordKey, UUID]]
    """Records that carry it, and their products; at most MOST_CARRIERS."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A record as last seen, in short. ``product`` is None where it is gone."""

    key: RecordKey
    names: Sequence[str]
    identifiers: Sequence[Mapping[str, str]]
    linked_by: str
    product: UUID | None


async def found_pairs(
    pool: Pool,
    *,
    states: Sequence[str],
    visible: Sequence[str],
    source: str | None,
    product: UUID | None,
    least: float,
    after: Sequence[JSON] | None,
    limit: int,
) -> list[FoundPair]:
    """Pairs of records of ``visible`` sources that stand in one of ``states``, those first that matching leaves to a person,
    the most probable first. ``after``: verdict, probability and records of the last one before."""
    verdict, probability, *ends = after if after is not None else (None, _ABOVE_ALL, "", "", "", "")
    place = (_FIRST if verdict is None else verdict, probability, *ends)
    chosen = (list(states), list(visible), source, least, limit, *place)
    review = _ABOVE_ALL if verdict is None else probability if verdict == REVIEW else -1.0
    link = probability if verdict == LINK else _ABOVE_ALL
    if product is not None:
        rows = await pool.fetch(_PAIRS_OF_PRODUCT, *chosen, product)
    else:
        rows = await pool.fetch(_PAIRS, *chosen, review, link)
    return [FoundPair(pair_of(row), *row[4:]) for row in rows]


async def found_pair(pool: Pool, pair: Pair, visible: Sequence[str]) -> FoundPair | None:
    """One pair, where matching found it and both records are there."""
    row = await pool.fetchrow(_ONE_PAIR, list(visible), *pair.left, *pair.right)
    return FoundPair(pair_of(row), *row[4:]) if row is not None else None


async def shared_identifiers(
    pool: Pool,
    *,
    schemes: Sequence[str],
    catalogues: Sequence[str],
    states: Sequence[str],
    source: str | None,
    product: UUID | None,
    one: tuple[str, str] | None,
    after: Sequence[JSON] | None,
    limit: int,
) -> list[SharedIdentifier]:
    """Values of ``schemes`` that stand on several products' records of ``catalogues``, those on most first. ``one``: only
    this scheme and value. ``after``: products, scheme and value of the last one before."""
    scheme, value = one if one is not None else (None, None)
    position = list(after) if after is not None else [None] * 3
    rows = await pool.fetch(
        _SHARED, list(schemes), list(catalogues), list(states), source, product, scheme, value, limit, *position
    )
    return [
        SharedIdentifier(
            row[0],
            row[1],
            row[2],
            row[3],
            [(RecordKey(name, record), own) for name, record, own in zip(*row[4:7], strict=True)],
        )
        for row in rows
    ]


async def glimpses(pool: Pool, records: Iterable[RecordKey]) -> dict[RecordKey, Glimpse]:
    """``records`` as last seen, those included that are gone."""
    wanted = sorted(set(records))
    rows = await pool.fetch(_GLIMPSES, [key.source for key in wanted], [key.id for key in wanted]) if wanted else ()
    return {key: Glimpse(key, *row[2:]) for row in rows for key in (RecordKey(row[0], row[1]),)}


_KEY = "p.left_source, p.left_record, p.right_source, p.right_record"
# How many pairs are filtered away nobody can foresee. A lateral limit has each be looked up by index, in the order of the
# page, which stops where it is full.
_DECIDED = "e.left_source, e.left_record, e.right_source, e.right_record"
_FOUND = f"""
select {_KEY}, p.probability, p.verdict, p.findings, p.rule_version, p.found_at, s.state, d.id
from match_pairs p
cross join lateral (
    select x.product_id from crosswalk x
    where x.source = p.left_source and x.record_id = p.left_record and x.gone_at is null limit 1
) x
cross join lateral (
    select y.product_id from crosswalk y
    where y.source = p.right_source and y.record_id = p.right_record and y.gone_at is null limit 1
) y
left join lateral (
    select d.id, d.verdict from match_decisions d
    where d.left_source = p.left_source and d.left_record = p.left_record and d.right_source = p.right_source
      and d.right_record = p.right_record and d.undone_at is null
    order by d.decided_at desc, d.id desc limit 1
) d on true
cross join lateral (
    select case when d.verdict = 'SAME' then 'CONFIRMED' when d.verdict = 'APART' then 'REJECTED'
                when x.product_id = y.product_id then 'LINKED' else 'OPEN' end as state
) s
"""
_ORDER = f"order by p.verdict desc, p.probability desc, {_KEY} limit $5"
_SEEN = """
p.left_source = any($2::text[]) and p.right_source = any($2::text[])
and ($3::text is null or $3 in (p.left_source, p.right_source)) and p.probability >= $4
"""
_ENDS = "($8::text, $9::text, $10::text, $11::text)"
_BEHIND = f"""
(p.verdict < $6::text or (p.verdict = $6::text and (
    p.probability < $7::float8 or (p.probability = $7::float8 and ({_KEY}) > {_ENDS}))))
"""
_UNDECIDED = f"""
{_FOUND} where {_SEEN} and s.state = any($1::text[]) and d.id is null and p.probability <= {{most}}::float8
and (p.probability < {{most}}::float8 or ({_KEY}) > {_ENDS})
"""
# Each branch by the index that has what it looks for: nobody waits for a million links to be read past.
_PAIRS = f"""
select * from (
    ({_UNDECIDED.format(most="$12")} and p.verdict = '{REVIEW}' {_ORDER})
  union all
    ({_UNDECIDED.format(most="$13")} and p.verdict = '{LINK}' and not p.linked {_ORDER})
  union all
    ({_UNDECIDED.format(most="$13")} and p.verdict = '{LINK}' and p.linked and 'LINKED' = any($1::text[]) {_ORDER})
  union all
    ({_FOUND} where {_SEEN} and s.state = any($1::text[]) and {_BEHIND}
        and $1::text[] && '{{CONFIRMED,REJECTED}}'
        and ({_KEY}) in (select {_DECIDED} from match_decisions e where e.undone_at is null) {_ORDER})
) p {_ORDER}
"""
_PAIRS_OF_PRODUCT = f"""
{_FOUND}
join (
    select q.left_source, q.left_record, q.right_source, q.right_record from records r
    join match_pairs q on q.left_source = r.source and q.left_record = r.record_id where r.product_id = $12
  union
    select q.left_source, q.left_record, q.right_source, q.right_record from records r
    join match_pairs q on q.right_source = r.source and q.right_record = r.record_id where r.product_id = $12
) own on (own.left_source, own.left_record, own.right_source, own.right_record) = ({_KEY})
where {_SEEN} and s.state = any($1::text[]) and {_BEHIND} {_ORDER}
"""
_ONE_PAIR = f"""
{_FOUND}
where p.left_source = any($1::text[]) and p.right_source = any($1::text[])
  and ({_KEY}) = ($2::text, $3::text, $4::text, $5::text)
"""
_SHARED = f"""
with carried as (
    select a.scheme, a.folded, a.product_id, a.source, a.record_id
    from products p
    join records r on r.product_id = p.product_id and r.gone_at is null and r.source = any($2::text[])
    join aliases a on a.source = r.source and a.record_id = r.record_id and a.scheme = any($1::text[])
    where p.entangled and ($6::text is null or (a.scheme = $6 and a.folded = $7::text))
), shared as (
    select scheme, folded, count(distinct product_id)::int as products,
           (array_agg(source order by product_id, source, record_id))[:{MOST_CARRIERS}] as sources,
           (array_agg(record_id order by product_id, source, record_id))[:{MOST_CARRIERS}] as records,
           (array_agg(product_id order by product_id, source, record_id))[:{MOST_CARRIERS}] as ids
    from carried group by scheme, folded
    having count(distinct product_id) > 1
       and ($4::text is null or bool_or(source = $4)) and ($5::uuid is null or bool_or(product_id = $5))
), latest as (
    select distinct on (left_source, left_record, right_source, right_record)
           left_source, left_record, right_source, right_record, verdict
    from match_decisions where undone_at is null
    order by left_source, left_record, right_source, right_record, decided_at desc, id desc
), settled as (
    select l.scheme, l.folded,
           count(distinct array[least(l.product_id, r.product_id), greatest(l.product_id, r.product_id)]) as pairs
    from latest d
    join carried l on l.source = d.left_source and l.record_id = d.left_record
    join carried r on r.source = d.right_source and r.record_id = d.right_record
         and r.scheme = l.scheme and r.folded = l.folded
    where d.verdict = 'APART' and l.product_id <> r.product_id
    group by l.scheme, l.folded
)
select * from (
    select s.scheme, s.folded, s.products,
           case when coalesce(t.pairs, 0) >= s.products::bigint * (s.products - 1) / 2
                then 'REJECTED' else 'OPEN' end as state,
           s.sources, s.records, s.ids
    from shared s left join settled t using (scheme, folded)
) found
where state = any($3::text[])
  and ($9::int is null or products < $9 or (products = $9 and (scheme, folded) > ($10::text, $11::text)))
order by products desc, scheme, folded limit $8
"""
_GLIMPSES = """
select x.source, x.record_id, r.names, r.identifiers, x.linked_by, case when x.gone_at is null then x.product_id end
from unnest($1::text[], $2::text[]) as w (source, record_id)
join crosswalk x using (source, record_id) join records r using (product_id, source, record_id)
"""
