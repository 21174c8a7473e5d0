"""The schedule: when each source is due, and which worker is at it. PostgreSQL alone coordinates the workers.

A worker *takes* the most overdue source that nobody holds, keeps it by saying so again before its lease ends, and
*gives it back* with the moment when it is due next. One that dies, or is cut off, holds nothing longer than its lease.
The clock is PostgreSQL's; no worker's is asked. Whoever gives a source back tells the others on :data:`CHANNEL`.

All functions take a pool or a single connection, and raise what asyncpg raises.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

CHANNEL = "whence_schedule"
"""The name of a source whose row in the schedule has changed is sent here."""


class Statements(Protocol):
    """What runs statements: a pool, or a connection."""

    async def fetch(self, query: str, /, *arguments: Any) -> list[Any]:
        """The rows of one statement."""

    async def fetchrow(self, query: str, /, *arguments: Any) -> Any:
        """The first row of one statement, or None."""

    async def fetchval(self, query: str, /, *arguments: Any) -> Any:
        """The first column of the first row of one statement."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A source that ``worker`` holds. ``failures``: how many runs before this one failed, one after the other."""

    source: str
    worker: str
    taken_at: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """When a source is due, how often it has failed since it last went well, and who holds it until when."""

    due_at: datetime
    failures: int
    worker: str | None
    held_until: datetime | None


async def enrol(ledger: Statements, every: Mapping[str, timedelta]) -> None:
    """Put sources with their intervals into the schedule. A new one is due an interval after it was last confirmed, or at
    once; one that is known is due no later than an interval from now, unless its system asked us to come later."""
    names, intervals = list(every), list(every.values())
    await ledger.fetch(_ENROL, names, intervals)
    await ledger.fetch(_SHORTEN, names, intervals, CHANNEL)


async def take(ledger: Statements, worker: str, sources: Collection[str], lease: timedelta) -> Lease | None:
    """Take the most overdue of ``sources`` that nobody holds, for as long as ``lease``; None where there is none."""
    row = await ledger.fetchrow(_TAKE, list(sources), worker, lease)
    return None if row is None else Lease(row["source"], worker, row["taken_at"], row["failures"])


async def hold(ledger: Statements, worker: str, source: str, lease: timedelta) -> Lease | None:
    """Take ``source``, due or not; None where another worker holds it."""
    row = await ledger.fetchrow(_HOLD, source, worker, lease)
    return None if row is None else Lease(source, worker, row["taken_at"], row["failures"])


async def renew(ledger: Statements, worker: str, sources: Collection[str], lease: timedelta) -> frozenset[str]:
    """Hold ``sources`` for as long as ``lease`` from now; those of them that are still this worker's."""
    rows = await ledger.fetch(_RENEW, list(sources), worker, lease)
    return frozenset(row["source"] for row in rows)


async def still_holds(ledger: Statements, lease: Lease) -> bool:
    """Whether nobody else has taken the source since. A lease that ran out and that nobody took is still held."""
    found: bool = await ledger.fetchval(
        "select worker = $2 from schedule where source = $1", lease.source, lease.worker
    )
    return bool(found)


async def give_back(
    ledger: Statements, lease: Lease, *, failures: int, after_start: timedelta, after_now: timedelta
) -> None:
    """Give the source back: due when ``after_start`` has passed since it was taken, and ``after_now`` from now, whichever
    is later. Nothing happens where somebody else has taken it."""
    await ledger.fetch(
        _GIVE_BACK, lease.source, lease.worker, failures, lease.taken_at + after_start, after_now, CHANNEL
    )


async def make_due(ledger: Statements, sources: Collection[str]) -> None:
    """Have ``sources`` synced as soon as a worker is free, as if they had never failed."""
    await ledger.fetch(_MAKE_DUE, list(sources), CHANNEL)


async def seconds_to_next(ledger: Statements, sources: Collection[str]) -> float | None:
    """Seconds until the next of ``sources`` can be taken, 0 or less where one can be now; None where none is scheduled."""
    seconds = await ledger.fetchval(_NEXT, list(sources))
    return None if seconds is None else float(seconds)


async def scheduled(ledger: Statements) -> dict[str, Scheduled]:
    """The schedule, by source."""
    rows = await ledger.fetch("select source, due_at, failures, worker, held_until from schedule")
    return {row["source"]: Scheduled(row["due_at"], row["failures"], row["worker"], row["held_until"]) for row in rows}


_FREE = "(held_until is null or held_until <= clock_timestamp() or worker = $2)"
_ENROL = """
insert into schedule (source, due_at)
select name, least(coalesce(c.confirmed_at + every, clock_timestamp()), clock_timestamp() + every)
from unnest($1::text[], $2::interval[]) as new (name, every) left join cursors c on c.source = name
on conflict (source) do nothing
"""
_SHORTEN = """
with sooner as (
    update schedule s set due_at = clock_timestamp() + every
    from unnest($1::text[], $2::interval[]) as new (name, every)
    where s.source = name and s.due_at > clock_timestamp() + every
      and (s.failures = 0 or 'THROTTLED' is distinct from (
          select failure_kind from runs r where r.source = name order by number desc limit 1))
    returning s.source)
select pg_notify($3, source) from sooner
"""
_TAKE = f"""
with due as (
    select source from schedule
    where source = any($1::text[]) and due_at <= clock_timestamp() and {_FREE}
    order by due_at, source limit 1 for update skip locked)
update schedule s set worker = $2, held_until = clock_timestamp() + $3::interval
from due where s.source = due.source
returning s.source, s.failures, clock_timestamp() as taken_at
"""
_HOLD = """
insert into schedule as s (source, due_at, worker, held_until)
values ($1, clock_timestamp(), $2, clock_timestamp() + $3::interval)
on conflict (source) do update set worker = excluded.worker, held_until = excluded.held_until
where s.held_until is null or s.held_until <= clock_timestamp() or s.worker = excluded.worker
returning s.failures, clock_timestamp() as taken_at
"""
_RENEW = """
update schedule set held_until = clock_timestamp() + $3::interval
where source = any($1::text[]) and worker = $2
returning source
"""
_GIVE_BACK = """
with given as (
    update schedule set worker = null, held_until = null, failures = $3,
           due_at = greatest($4::timestamptz, clock_timestamp() + $5::interval)
    where source = $1 and worker = $2 returning source)
select pg_notify($6, source) from given
"""
_MAKE_DUE = """
with sooner as (
    update schedule set due_at = least(due_at, clock_timestamp()), failures = 0
    where source = any($1::text[]) returning source)
select pg_notify($2, source) from sooner
"""
_NEXT = """
select extract(epoch from min(greatest(due_at, coalesce(held_until, due_at))) - clock_timestamp())
from schedule where source = any($1::text[])
"""
