"""How often which verdict was given, in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sources.ledger.database import Pool


async def add_verdicts(pool: Pool, counts: Sequence[tuple[date, str, int]]) -> None:
    """Add to the counts of a day and verdict."""
    rows = sorted(counts)  # in one order for all, so that no two wait for each other
    await pool.execute(_ADD, [one for one, _, _ in rows], [one for _, one, _ in rows], [one for _, _, one in rows])


async def verdict_counts(pool: Pool, since: date) -> list[tuple[date, str, int]]:
    """Day, verdict and how often it was given, since a day, the newest first."""
    rows = await pool.fetch(
        "select day, verdict, count from verdict_counts where day >= $1 order by day desc, verdict", since
    )
    return [(row["day"], row["verdict"], row["count"]) for row in rows]


_ADD = """
insert into verdict_counts (day, verdict, count) select * from unnest($1::date[], $2::text[], $3::bigint[])
on conflict (day, verdict) do update set count = verdict_counts.count + excluded.count
"""
