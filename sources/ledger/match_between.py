"""What matching found out about the records of two sources, by the page."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.ledger.match_pairs import StoredPair
from sources.ledger.pairs import Pair, pair_of


async def pairs_between(
    ledger: Connection | Pool, left: str, right: str, after: Pair | None, limit: int
) -> list[StoredPair]:
    """The next ``limit`` pairs of two sources, the lesser name left, behind the pair ``after``, in their order."""
    behind = (after.left.id, after.right.id) if after is not None else (None, None)
    rows = await ledger.fetch(_BETWEEN, left, right, *behind, limit)
    return [StoredPair(pair_of(row), *row[4:]) for row in rows]


async def products_shared(
    ledger: Connection | Pool, left: str, right: str, after: str, limit: int
) -> list[tuple[str, str, UUID]]:
    """The present records of two sources that stand behind one product, with it, but for those that matching alone brought
    there: the next ``limit`` behind the left record ``after``."""
    rows = await ledger.fetch(_SHARED, left, right, after, limit)
    return [(row[0], row[1], row[2]) for row in rows]


_SHARED = """
select l.record_id, r.record_id, l.product_id
from crosswalk l
join records there on there.product_id = l.product_id and there.source = $2 and there.gone_at is null
join crosswalk r on (r.source, r.record_id) = (there.source, there.record_id)
where l.source = $1 and l.gone_at is null and l.record_id > $3 and l.linked_by <> 'matching' and r.linked_by <> 'matching'
order by l.record_id limit $4
"""
_BETWEEN = """
select p.left_source, p.left_record, p.right_source, p.right_record, p.probability, p.verdict, p.rule_version,
       (select d.verdict from match_decisions d
        where (d.left_source, d.left_record, d.right_source, d.right_record)
            = (p.left_source, p.left_record, p.right_source, p.right_record) and d.undone_at is null
        order by d.decided_at desc, d.id desc limit 1)
from match_pairs p
where p.left_source = $1 and p.right_source = $2
  and ($3::text is null or (p.left_record, p.right_record) > ($3, $4))
order by p.left_record, p.right_record limit $5
"""


async def names_of(ledger: Connection | Pool, records: Collection[RecordKey]) -> dict[RecordKey, str]:
    """The first name of each of ``records`` that has one."""
    keys = list(records)
    rows = await ledger.fetch(_NAMES, [key.source for key in keys], [key.id for key in keys])
    return {RecordKey(row[0], row[1]): row[2] for row in rows}


_NAMES = """
select x.source, x.record_id, r.names ->> 0
from unnest($1::text[], $2::text[]) as w (source, record_id)
join crosswalk x using (source, record_id) join records r using (product_id, source, record_id)
where r.names ->> 0 is not null
"""
