"""What the ledger could not take as it was, for a person to look at: documents, values and records set aside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sources.ledger.database import Pool


@dataclass(frozen=True, slots=True)
class Rejection:
    """A document set aside: where it stands, why, and the beginning of it; ``record_id`` where its key could be read."""

    place: str
    reason: str
    sample: str
    observed_at: datetime
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """A value that is there and could not be read, in a record that could."""

    record_id: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApartRecord:
    """A record that stays apart: its id, what it is called, and why."""

    record_id: str
    names: tuple[str, ...]
    reason: str


async def rejections(pool: Pool, source: str, limit: int = 100) -> list[Rejection]:
    """What the last walk of ``source`` set aside, at most ``limit`` of it."""
    rows = await pool.fetch(
        "select place, reason, sample, observed_at, record_id from rejections where source = $1 order by place limit $2",
        source,
        limit,
    )
    return [Rejection(**row) for row in rows]


async def unreadable_counts(pool: Pool) -> dict[str, dict[str, int]]:
    """Source to field to the number of present records whose value could not be read; only what is not 0."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await pool.fetch(
        "select source, field, count(*) as count from unreadable_values group by source, field order by source, field"
    ):
        counts[row["source"]][row["field"]] = row["count"]
    return dict(counts)


async def unreadable_values(
    pool: Pool, source: str, fields: Collection[str], limit: int = 100
) -> list[UnreadableValue]:
    """The values of ``source`` that could not be read, of these fields, at most ``limit`` of them."""
    rows = await pool.fetch(
        "select record_id, field, reason from unreadable_values where source = $1 and field = any($2::text[]) "
        "order by record_id, field limit $3",
        source,
        list(fields),
        limit,
    )
    return [UnreadableValue(**row) for row in rows]


async def apart_records(pool: Pool, source: str, limit: int = 100) -> list[ApartRecord]:
    """The records of ``source`` that stay apart, at most ``limit`` of them."""
    rows = await pool.fetch(_APART, source, limit)
    return [ApartRecord(row["record_id"], tuple(row["names"]), row["reason"] or "") for row in rows]


_APART = """
select x.record_id, r.names, x.reason
from crosswalk x join records r using (product_id, source, record_id)
where x.source = $1 and x.linked_by = 'apart' and x.gone_at is null
order by x.record_id limit $2
"""
