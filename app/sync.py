"""Syncing sources once, by the leases that all workers share. :mod:`app.worker` keeps them in sync."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager, nullcontext, suppress
from time import monotonic

import structlog

from app.pacing import next_run
from app.wiring import Runtime
from resolvers.ingest import ELSEWHERE, STOPPED, Progress, SyncReport
from resolvers.turns import Turn
from sources.failures import Failure, FailureKind
from sources.ledger.database import Connection
from sources.ledger.outages import is_outage
from sources.ledger.runs import settled_sources
from sources.ledger.schedule import Lease, give_back, hold, renew, scheduled, still_holds

log = structlog.stdlib.get_logger("whence.sync")

SYNCS_AT_ONCE = 4
FIRST_ALONE_SECONDS = 60.0
"""A source that is read for the first time is read alone for so long: two that found the same products at once get in
each other's way, and take longer than one after the other. One that is slow, or hangs, holds up the next no longer."""
RENEWALS = 4
"""How often a lease is renewed in its time."""
GRACE_SECONDS = 2.0
"""For the batches under way when a sync is cancelled; what is longer is undone, and done again by the next run."""
PATIENCE_SECONDS = 5.0
"""How long a sync waits for a source that another worker, which gives signs of life, is at."""
POLL_SECONDS = 0.1
LEDGER_AWAY = Failure(
    FailureKind.UNREACHABLE,
    "the ledger's database went away; what was read before is kept, and the next run goes on there",
)
"""How a run ends under which the ledger goes away: nothing is wrong with the source."""


def worker_name() -> str:
    """A name for this worker that no other has: its machine, its process, and a mark."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(3)}"


async def sync_once(
    runtime: Runtime,
    names: Collection[str],
    *,
    full: bool = False,
    accept: bool = False,
    progress: Callable[[str], Progress] | None = None,
    done: Callable[[SyncReport], None] | None = None,
    waiting: Callable[[str, str], None] | None = None,
    grace: float = GRACE_SECONDS,
) -> list[SyncReport]:
    """Sync the named sources, some at a time; each failure is in its report and costs no other source.

    ``waiting`` is told the source and the worker where another one is at it; a source that is not given back is left to
    that worker. Cancelled, it ends each run after the batch under way, and cuts off what takes longer than ``grace``
    seconds.
    """
    places = asyncio.Semaphore(SYNCS_AT_ONCE)
    worker = worker_name()
    turns = {name: Turn(worker) for name in names}
    settled = await settled_sources(runtime.pool)
    first_reads = _OneAfterTheOther()

    async def one(name: str) -> SyncReport:
        async with first_reads.turn() if name not in settled else nullcontext(), places:
            report = await _sync_in_turn(runtime, name, turns[name], full, accept, progress, waiting)
            if done is not None:
                done(report)
            return report

    tasks = {name: asyncio.create_task(one(name)) for name in turns}
    try:
        if tasks:
            await asyncio.wait(tasks.values())
    finally:
        await stop_gently(tasks.values(), turns.values(), grace)
    return [task.result() for task in tasks.values()]


class _OneAfterTheOther:
    """Turns, each of which begins when the one before has ended, or has taken FIRST_ALONE_SECONDS."""

    def __init__(self) -> None:
        self._last: tuple[asyncio.Event, asyncio.Event] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A turn behind all that were asked for before."""
        before, (began, ended) = self._last, (asyncio.Event(), asyncio.Event())
        self._last = began, ended
        try:
            if before is not None:
                await before[0].wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(FIRST_ALONE_SECONDS):
                        await before[1].wait()
            began.set()
            yield
        finally:
            began.set()
            ended.set()


async def stop_gently(tasks: Collection[asyncio.Task[SyncReport]], turns: Iterable[Turn], grace: float) -> None:
    """Stop runs at their next border between two batches; what is not there after ``grace`` seconds is cut off."""
    for turn in turns:
        turn.stop.ask()
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sync_in_turn(
    runtime: Runtime,
    name: str,
    turn: Turn,
    full: bool,
    accept: bool,
    progress: Callable[[str], Progress] | None,
    waiting: Callable[[str, str], None] | None,
) -> SyncReport:
    if turn.stop.asked:
        return SyncReport.broken(name, STOPPED)
    try:
        lease = await _wait_for(runtime, name, turn, waiting)
    except Exception as error:
        return _broken(name, error)
    if lease is None:
        return SyncReport.broken(name, STOPPED if turn.stop.asked else ELSEWHERE)
    async with _holding(runtime, lease, turn):
        report = await sync_source(
            runtime, name, full=full, accept=accept, progress=progress(name) if progress else None, turn=turn
        )
    await give_source_back(runtime, lease, report)
    return report


async def _wait_for(
    runtime: Runtime, name: str, turn: Turn, waiting: Callable[[str, str], None] | None
) -> Lease | None:
    """The source, as soon as nobody else holds it; None where somebody keeps it who lives, or the stop is asked for."""
    worker, began = turn.worker or worker_name(), monotonic()
    holder: tuple[str | None, object] | None = None
    while not turn.stop.asked:
        lease = await hold(runtime.pool, worker, name, runtime.lease)
        if lease is not None:
            return lease
        other = (await scheduled(runtime.pool)).get(name)
        if other is not None and other.worker is not None:
            seen = other.worker, other.held_until
            if holder is None and waiting is not None:
                waiting(name, other.worker)
            holder = holder or seen
            if seen != holder and monotonic() - began > PATIENCE_SECONDS:
                return None
        await asyncio.sleep(POLL_SECONDS)
    return None


@asynccontextmanager
async def _holding(runtime: Runtime, lease: Lease, turn: Turn) -> AsyncIterator[None]:
    """Keep the lease while this lasts; the turn is stopped where it is lost."""
    turn.holds = holds(lease)

    async def keep() -> None:
        while True:
            await asyncio.sleep(runtime.lease.total_seconds() / RENEWALS)
            try:
                if not await renew(runtime.pool, lease.worker, [lease.source], runtime.lease):
                    turn.lose()
            except Exception as error:
                if not is_outage(error):
                    raise

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def holds(lease: Lease) -> Callable[[Connection], Awaitable[bool]]:
    """What asks the ledger, within a batch, whether the source is still the lease's worker's."""

    async def ask(connection: Connection) -> bool:
        return await still_holds(connection, lease)

    return ask


async def give_source_back(runtime: Runtime, lease: Lease, report: SyncReport) -> None:
    """Give the source back after a run, with when it is due next. Where the ledger does not answer, the lease runs out."""
    every = runtime.ownership.declaration(lease.source).sync.every
    due = next_run(report, every, lease.failures)
    try:
        await give_back(
            runtime.pool, lease, failures=due.failures, after_start=due.after_start, after_now=due.after_now
        )
    except Exception as error:
        if not is_outage(error):
            raise


async def sync_source(
    runtime: Runtime,
    name: str,
    *,
    full: bool = False,
    accept: bool = False,
    progress: Progress | None = None,
    turn: Turn | None = None,
) -> SyncReport:
    """Sync one source, whoever else is at it. What goes wrong is in the report; a defect is in the log too."""
    changes = runtime.sources[name].changes
    if changes is None:
        raise ValueError(f"{name} cannot be enumerated, so there is nothing to sync")
    try:
        with runtime.uses:
            return await runtime.ingest.sync(name, changes, full=full, accept=accept, progress=progress, turn=turn)
    except Exception as error:
        return _broken(name, error)


def _broken(name: str, error: Exception) -> SyncReport:
    if is_outage(error):
        log.debug("the ledger went away", source=name, exc_info=error)
        return SyncReport.broken(name, LEDGER_AWAY)
    log.error("a sync broke", source=name, exc_info=error)
    return SyncReport.broken(name, Failure(FailureKind.DEFECT, f"{type(error).__name__}; the log has it"))
