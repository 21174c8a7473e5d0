"""The systems that fail when they are asked live, for everyone to see: the process that asks them writes it here.

What stands here is the last that any process saw: a failed read writes, an answered one removes. A process that goes on
failing says so every few seconds; what nobody has repeated for a while was left behind by one that died, and counts no
more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sources.failures import Failure, FailureKind
from sources.ledger.database import Pool

REPEATED_EVERY = timedelta(seconds=5)
BELIEVED_FOR = timedelta(seconds=20)
"""Since it was last repeated, by the ledger's clock."""

_NOTE = """
insert into live_failures (source, since, seen_at, failure_kind, failure_message)
select source, since, now(), kind, message
from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) as noted (source, since, kind, message)
on conflict (source) do update set
    since = case when live_failures.seen_at > now() - $5::interval
                 then least(live_failures.since, excluded.since) else excluded.since end,
    seen_at = excluded.seen_at, failure_kind = excluded.failure_kind, failure_message = excluded.failure_message
"""


async def live_failures(pool: Pool) -> dict[str, tuple[datetime, Failure]]:
    """The systems that fail when asked live, with since when and why."""
    rows = await pool.fetch(
        "select source, since, failure_kind, failure_message from live_failures where seen_at > now() - $1::interval",
        BELIEVED_FOR,
    )
    return {
        row["source"]: (row["since"], Failure(FailureKind(row["failure_kind"]), row["failure_message"])) for row in rows
    }


async def note_live_failures(pool: Pool, failing: Mapping[str, tuple[datetime, Failure]]) -> None:
    """These systems failed just now. Of several processes that see it, the first one's since stays."""
    if not failing:
        return
    # In one order, so that two processes that note the same ones do not wait for each other in a circle.
    entries = sorted(failing.items())
    columns = (
        [name for name, _ in entries],
        [since for _, (since, _) in entries],
        [failure.kind.value for _, (_, failure) in entries],
        [failure.message for _, (_, failure) in entries],
    )
    await pool.execute(_NOTE, *columns, BELIEVED_FOR)


async def repeat_live_failures(pool: Pool, names: Collection[str]) -> frozenset[str]:
    """These systems have not been asked since they failed; those of which that still stands. The others have answered
    somebody else."""
    rows = await pool.fetch(
        "update live_failures set seen_at = now() where source = any($1::text[]) returning source", sorted(names)
    )
    return frozenset(row["source"] for row in rows)


async def end_live_failures(pool: Pool, names: Collection[str]) -> None:
    """These systems have answered."""
    if names:
        await pool.execute("delete from live_failures where source = any($1::text[])", sorted(names))
