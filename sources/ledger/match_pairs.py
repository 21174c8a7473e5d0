"""What matching finds out about pairs of records, in SQL: written and removed by the lot, and what a lot must know of the
records that it judges.

Which pairs are in effect, and what people decided, is read by :mod:`sources.ledger.pairs`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.ledger.pairs import Pair, pair_of


class StoredPair(NamedTuple):
    """A pair as it stands. ``decided``: SAME or APART where a person said so last, else None."""

    pair: Pair
    probability: float
    verdict: str
    rule_version: str
    decided: str | None


class PairRow(NamedTuple):
    """A pair as it is to be written; ``findings`` as JSON."""

    pair: Pair
    probability: float
    verdict: str
    findings: bytes
    rule_version: str


class Stand(NamedTuple):
    """How a present record stands: its product, and what was last written of it."""

    product: UUID
    digest: bytes


async def stands_of(ledger: Connection | Pool, records: Iterable[RecordKey]) -> dict[RecordKey, Stand]:
    """How ``records`` stand; those that are gone are left out."""
    keys = list(records)
    rows = await ledger.fetch(_STANDS, [key.source for key in keys], [key.id for key in keys])
    return {RecordKey(row[0], row[1]): Stand(row[2], row[3]) for row in rows}


async def fellow_rows(
    ledger: Connection | Pool, products: Collection[UUID], sources: Collection[str]
) -> list[tuple[str, str, UUID, list[dict[str, str]]]]:
    """The present records that ``sources`` have of ``products``, each with its product and identifiers."""
    rows = await ledger.fetch(_FELLOWS, list(products), list(sources))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def pairs_of(ledger: Connection | Pool, records: Iterable[RecordKey]) -> list[StoredPair]:
    """The pairs that ``records`` stand in, with any other, each once."""
    keys = list(records)
    rows = await ledger.fetch(_PAIRS, [key.source for key in keys], [key.id for key in keys])
    return [StoredPair(pair_of(row), *row[4:]) for row in rows]


async def decided_pairs(ledger: Connection | Pool, records: Iterable[RecordKey]) -> dict[Pair, str]:
    """The pairs of ``records`` that people decided on, and what they said last."""
    keys = list(records)
    rows = await ledger.fetch(_DECIDED, [key.source for key in keys], [key.id for key in keys])
    return {pair_of(row): row[4] for row in rows}


async def decisions_between(ledger: Connection | Pool, left: str, right: str, limit: int) -> dict[Pair, str]:
    """The pairs of two sources that people decided on, the latest first, at most ``limit``."""
    rows = await ledger.fetch(_BETWEEN, left, right, limit)
    return {pair_of(row): row[4] for row in rows}


async def count_decisions(ledger: Connection | Pool, left: str, right: str) -> int:
    """How many decisions about pairs of two sources are in effect."""
    count: int = await ledger.fetchval(_COUNT, left, right)
    return count


async def write_pairs(connection: Connection, rows: Sequence[PairRow]) -> None:
    """Write what matching found."""
    await connection.execute(
        _WRITE,
        *_columns(row.pair for row in rows),
        [row.probability for row in rows],
        [row.verdict for row in rows],
        [row.findings for row in rows],
        [row.rule_version for row in rows],
    )


async def remove_pairs(connection: Connection, pairs: Iterable[Pair]) -> None:
    """Forget pairs that do not come out any more, unless a person decided on them."""
    await connection.execute(_REMOVE, *_columns(pairs))


def _columns(pairs: Iterable[Pair]) -> tuple[list[str], list[str], list[str], list[str]]:
    rows = [(*pair.left, *pair.right) for pair in pairs]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]


_PAIR = "left_source, left_record, right_source, right_record"
_KEYS = "unnest($1::text[], $2::text[]) as w (source, record_id)"
_STANDS = f"""
select x.source, x.record_id, x.product_id, x.digest from {_KEYS} join crosswalk x using (source, record_id)
where x.gone_at is null
"""
_FELLOWS = """
select source, record_id, product_id, identifiers from records
where product_id = any($1::uuid[]) and source = any($2::text[]) and gone_at is null
"""
_SAID = """
(select d.verdict from match_decisions d
 where (d.left_source, d.left_record, d.right_source, d.right_record)
     = (p.left_source, p.left_record, p.right_source, p.right_record) and d.undone_at is null
 order by d.decided_at desc, d.id desc limit 1)
"""
_PAIRS = f"""
select {_PAIR}, probability, verdict, rule_version, {_SAID} from (
    select p.* from {_KEYS} join match_pairs p on (p.left_source, p.left_record) = (w.source, w.record_id)
  union
    select p.* from {_KEYS} join match_pairs p on (p.right_source, p.right_record) = (w.source, w.record_id)
) p
"""
_DECIDED = f"""
select distinct on ({_PAIR}) {_PAIR}, verdict from (
    select d.* from {_KEYS} join match_decisions d on (d.left_source, d.left_record) = (w.source, w.record_id)
  union
    select d.* from {_KEYS} join match_decisions d on (d.right_source, d.right_record) = (w.source, w.record_id)
) d
where undone_at is null order by {_PAIR}, decided_at desc, id desc
"""
_BETWEEN = f"""
select * from (
    select distinct on ({_PAIR}) {_PAIR}, verdict, decided_at from match_decisions
    where left_source = $1 and right_source = $2 and undone_at is null order by {_PAIR}, decided_at desc, id desc
) d order by decided_at desc limit $3
"""
_COUNT = """
select count(*) from match_decisions where left_source = $1 and right_source = $2 and undone_at is null
"""
_WANTED = f"unnest($1::text[], $2::text[], $3::text[], $4::text[]) as w ({_PAIR})"
_WRITE = f"""
insert into match_pairs as p ({_PAIR}, probability, verdict, findings, rule_version, found_at)
select *, clock_timestamp()
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::jsonb[], $8::text[]) as new
on conflict ({_PAIR}) do update
set probability = excluded.probability, verdict = excluded.verdict, findings = excluded.findings,
    rule_version = excluded.rule_version, found_at = excluded.found_at
where (p.probability, p.verdict, p.rule_version, p.findings)
      is distinct from (excluded.probability, excluded.verdict, excluded.rule_version, excluded.findings)
"""
_REMOVE = f"""
delete from match_pairs p using {_WANTED}
where (p.left_source, p.left_record, p.right_source, p.right_record)
    = (w.left_source, w.left_record, w.right_source, w.right_record)
  and not exists (
    select from match_decisions d
    where (d.left_source, d.left_record, d.right_source, d.right_record)
        = (w.left_source, w.left_record, w.right_source, w.right_record) and d.undone_at is null)
"""
