"""What goes with what, in the ledger: written a batch with its records, found by the keys that products have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from sources.ledger.batches import Batch
from sources.ledger.database import Connection, Pool
from sources.ledger.winners import WinnersRow
from sources.values import JSON

ANSWERS = "answers"
"""The source of what stewards answered; its record ids are questions."""
MOST_BETWEEN = 1000
"""Statements about two products that are looked at; of a product and several others, a quarter as many for each."""
MOST_PARTNERS = 5000
"""Other products' keys that are looked at for a list."""
AT_HAND = 300
"""Statements about one product that are read whole, to be held against all of its candidates."""
MOST_CANDIDATES = 120
"""Products that may go with another that are read at once."""
_MOST_BRANCHES = 8
"""Kinds of products that are merged in the order of ids; of more, each is read as far as a page may need it."""


class StatementRow(NamedTuple):
    """A statement as it is to be written."""

    source: str
    record_id: str
    number: int
    subject: str
    object: str
    relation: str
    verdict: str
    qualifiers: Mapping[str, JSON]
    condition: str | None
    text: str | None
    author: str | None
    last_updated: datetime | None
    observed_at: datetime
    expires_at: datetime | None = None
    mapping: int = 0
    """Which of its source's ``[sources.X.statements]`` says it."""


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A statement as the ledger has it."""

    source: str
    record_id: str
    subject: str
    object: str
    relation: str
    verdict: str
    qualifiers: Mapping[str, JSON]
    condition: str | None
    text: str | None
    author: str | None
    last_updated: datetime | None
    observed_at: datetime
    expires_at: datetime | None
    mapping: int


class Trait(NamedTuple):
    """What many products have: a key ``field.NAME=TEXT``; and what those that count have besides."""

    key: str
    also: str | None = None


class Candidate(NamedTuple):
    """A product that may go with another."""

    winners: WinnersRow | None
    named: bool
    """Whether one of the keys of single products is its own."""


class RecordNames(NamedTuple):
    """What one present record calls its product."""

    source: str
    record_id: str
    names: Sequence[str]
    identifiers: Sequence[Mapping[str, str]]
    confirmed_at: datetime | None
    """When what the ledger holds of its source was last known to be so."""


@dataclass(frozen=True, slots=True)
class ProductNames:
    """What a product is called, and the ids that it had before others were merged into it."""

    records: list[RecordNames] = field(default_factory=list)
    former: list[UUID] = field(default_factory=list)


async def drop_statements(batch: Batch, ids: Collection[str]) -> None:
    """Forget what the records ``ids`` say."""
    await batch.connection.execute(
        "delete from statements where source = $1 and record_id = any($2::text[])", batch.source, list(ids)
    )


async def add_statements(batch: Batch, rows: Collection[StatementRow]) -> None:
    """Write what records say that say nothing yet."""
    await batch.connection.copy_records_to_table("statements", records=rows, columns=StatementRow._fields)


async def write_answer(connection: Connection, row: StatementRow) -> None:
    """Have this answer take the place of an earlier one to the same question."""
    await connection.execute("delete from statements where source = $1 and record_id = $2", row.source, row.record_id)
    await connection.copy_records_to_table("statements", records=[row], columns=StatementRow._fields)


async def statements_between(
    pool: Pool, one: Sequence[str], others: Sequence[str], at: datetime, *, pairs: int = 1
) -> list[StoredStatement]:
    """What is said about parties of which one has a key of ``one`` and the other a key of ``others``, which are those of so
    many ``pairs``, but for what has expired at ``at``; at most 1,000 or 250 a pair, those first that name no whole kind
    of products, for the nearer decide, and then the newest."""
    most = max(MOST_BETWEEN, MOST_BETWEEN // 4 * pairs)
    rows = await pool.fetch(_BETWEEN, list(one), list(others), at, most)
    return [StoredStatement(*row) for row in rows]


async def statements_about(pool: Pool, keys: Sequence[str]) -> list[StoredStatement] | None:
    """All that is said about parties that have one of ``keys``, what has expired too, in the order of
    :func:`statements_between`; None where that is more than 300 statements."""
    rows = await pool.fetch(_ABOUT, list(keys), AT_HAND + 1)
    return [StoredStatement(*row) for row in rows] if len(rows) <= AT_HAND else None


async def partner_keys(pool: Pool, keys: Sequence[str]) -> list[str]:
    """The keys of whatever is named together with one of ``keys``, each once; the first 5,000 in their order."""
    rows = await pool.fetch(_PARTNERS, list(keys), MOST_PARTNERS)
    return [row["key"] for row in rows]


async def names_of_several(pool: Pool, names: Collection[str]) -> set[str]:
    """Those of ``names``, as they are folded, that several products have."""
    rows = await pool.fetch(_OF_SEVERAL, list(names))
    return {row["folded"] for row in rows}


async def identifiers_of(pool: Pool, keys: Sequence[tuple[str, str]], scheme: str) -> list[str]:
    """The identifiers of ``scheme`` that the products have which one of ``keys`` (scheme and value) names, at most 5,000."""
    columns = [scheme for scheme, _ in keys], [value for _, value in keys]
    rows = await pool.fetch(_IDENTIFIERS, *columns, scheme, MOST_PARTNERS)
    return [row["value"] for row in rows]


async def products_by_key(
    pool: Pool,
    keys: Sequence[tuple[str, str]],
    traits: Sequence[Trait],
    visible: Collection[str],
    after: UUID | None,
    limit: int,
    rules: str,
    kinds: Collection[str] | None = None,
) -> dict[UUID, Candidate]:
    """The listed products that have one of ``keys`` (scheme and value) or ``traits``, in the order of their ids behind
    ``after``, each with its row of winners, if it has one that was made by ``rules``; with ``kinds`` only those that have
    one of these traits too. Few products have a key, and any number a trait. Records that are not ``visible`` find none,
    but tell which of those that are found have a key. ``limit`` is at most 120."""
    rows = await pool.fetch(
        _products_by_key(min(len(traits), _MOST_BRANCHES + 1), of_kinds=kinds is not None),
        [scheme for scheme, _ in keys],
        [value for _, value in keys],
        list(visible),
        after or UUID(int=0),
        min(limit, MOST_CANDIDATES),
        *(list(column) for column in (zip(*traits, strict=True) if traits else ((), ()))),
        rules,
        *(() if kinds is None else (list(kinds),)),
    )
    return {row[0]: Candidate(None if row[2] is None else WinnersRow(row[0], *row[2:]), row[1]) for row in rows}


async def names_of(pool: Pool, products: Sequence[UUID]) -> dict[UUID, ProductNames]:
    """What each of ``products`` is called by its present records; one statement."""
    found = {product: ProductNames() for product in products}
    for row in await pool.fetch(_NAMES, list(products)):
        names = found[row["product_id"]]
        if row["former_id"] is not None:
            names.former.append(row["former_id"])
        else:
            names.records.append(RecordNames(*row[1:6]))
    return found


_COLUMNS = """s.source, s.record_id, s.subject, s.object, s.relation, s.verdict, s.qualifiers, s.condition, s.text,
    s.author, s.last_updated, greatest(s.observed_at, c.confirmed_at) as observed_at, s.expires_at, s.mapping"""
_NEARER_FIRST = r"""(s.subject ~ '^(category=|family=|field\.)')::int + (s.object ~ '^(category=|family=|field\.)')::int,
    s.last_updated desc nulls last, s.source, s.record_id, s.number"""
_BETWEEN = f"""
select {_COLUMNS} from (
    select * from statements where subject = any($1::text[]) and object = any($2::text[])
  union
    select * from statements where object = any($1::text[]) and subject = any($2::text[])
) s left join cursors c on c.source = s.source
where s.expires_at is null or s.expires_at > $3
order by {_NEARER_FIRST} limit $4
"""
_ABOUT = f"""
select {_COLUMNS} from (
    (select * from statements where subject = any($1::text[]) limit $2)
  union all
    (select * from statements where object = any($1::text[]) and subject <> all($1::text[]) limit $2)
) s left join cursors c on c.source = s.source
order by {_NEARER_FIRST} limit $2
"""
_PARTNERS = """
select key from (
    (select distinct object as key from statements where subject = any($1::text[]) order by key limit $2)
  union
    (select distinct subject as key from statements where object = any($1::text[]) order by key limit $2)
) met order by key limit $2
"""
_OF_KINDS = """and exists (
    select from aliases k where k.scheme || '=' || k.folded = any($9::text[]) and k.scheme like 'field.%'
        and k.product_id = p.product_id)"""
_MET = """
    select a.product_id, a.source from unnest($1::text[], $2::text[]) as w (scheme, value)
    join aliases a on a.folded = w.value and a.scheme = w.scheme where w.scheme not in ('record', 'id')
  union
    select x.product_id, x.source from unnest($1::text[], $2::text[]) as w (scheme, value)
    join crosswalk x on x.source = split_part(w.value, ':', 1)
        and x.record_id = substr(w.value, strpos(w.value, ':') + 1) and x.gone_at is null
    where w.scheme = 'record'
  union
    select coalesce(f.product_id, w.id), null from (
        select case when scheme = 'id' then value::uuid end as id from unnest($1::text[], $2::text[]) as k (scheme, value)
    ) w left join former_ids f on f.former_id = w.id where w.id is not null
"""
_OF_SEVERAL = """
select a.folded from aliases a where a.folded = any($1::text[]) and a.scheme = 'name'
group by a.folded having count(distinct a.product_id) > 1
"""
_IDENTIFIERS = f"""
select distinct i->>'value' as value from ({_MET}) met join records r on r.product_id = met.product_id
    cross join jsonb_array_elements(r.identifiers) i
where i->>'scheme' = $3 and i->>'value' is not null and r.gone_at is null order by value limit $4
"""
_TRAIT = """
    select distinct a.product_id from aliases a join products p using (product_id)
    where a.scheme || '=' || a.folded = {key} and a.scheme like 'field.%' and a.source = any($3::text[])
        and p.listed and a.product_id > $4 {kinds}
        and ({also} is null or (
            select true from aliases b where b.scheme || '=' || b.folded = {also} and b.scheme like 'field.%'
                and b.product_id = a.product_id limit 1))
    order by a.product_id limit {most}
"""


@cache
def _products_by_key(traits: int, *, of_kinds: bool) -> str:
    """The statement that finds products by keys and so many traits. Each trait is a branch of its own, so that all of them
    are merged in the order of ids and none is read further than the page goes."""
    kinds = _OF_KINDS if of_kinds else ""
    if traits <= _MOST_BRANCHES:
        columns = [(f"($6::text[])[{place}]", f"($7::text[])[{place}]") for place in range(1, traits + 1)]
        branches = [
            f"({_TRAIT.format(key=key, also=also, kinds=kinds, most=MOST_CANDIDATES)}) t" for key, also in columns
        ]
    else:
        one = _TRAIT.format(key="w.key", also="w.also", kinds=kinds, most="$5")
        branches = [f"unnest($6::text[], $7::text[]) as w (key, also) cross join lateral ({one}) t"]
    if not traits:
        branches = ["(select null::uuid as product_id where $6::text[] = $7::text[] and false) t"]
    of_kind = " union all ".join(f"select t.product_id, false, true from {branch}" for branch in branches)
    return f"""
select found.product_id, found.named, w.plain, w.origins, w.scoped, w.undecided from (
    select product_id, bool_or(named) as named from (
        select p.product_id, true as named, met.source is null or met.source = any($3::text[]) as seen
        from ({_MET}) met join products p using (product_id) where p.listed and p.product_id > $4 {kinds}
      union all
        {of_kind}
    ) one group by product_id having bool_or(seen) order by product_id limit $5
) found left join winners w on w.product_id = found.product_id and w.rules = $8
order by found.product_id
"""


_NAMES = """
select r.product_id, r.source, r.record_id, r.names, r.identifiers, c.confirmed_at, null::uuid as former_id
from records r join cursors c using (source) where r.product_id = any($1::uuid[]) and r.gone_at is null
union all
select f.product_id, null, null, null, null, null, f.former_id from former_ids f where f.product_id = any($1::uuid[])
"""
