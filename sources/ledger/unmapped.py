"""What columns the records of a source really fill."""

from __future__ import annotations

from sources.ledger.database import Pool


async def columns_seen(pool: Pool, source: str, sample: int) -> list[tuple[str, int]]:
    """The columns that at most ``sample`` records of ``source`` fill, and how many of them do. No value is shown: what
    nobody has mapped may be anything."""
    rows = await pool.fetch(_SEEN, source, sample)
    return [(row["name"], row["filled"]) for row in rows]


_SEEN = """
select member.key as name, count(*) as filled
from (select document from records where source = $1 and gone_at is null limit $2) r,
     jsonb_each(r.document) member
where jsonb_typeof(member.value) <> 'null' and member.value not in ('""', '[]', '{}') and member.key not like '\\_%'
group by member.key order by filled desc, name
"""
