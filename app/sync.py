"""Keeping the ledger up to date: every source on its own interval, or all of them once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

import structlog

from app.wiring import Runtime
from resolvers.ingest import Progress, SyncReport
from sources.failures import Failure, FailureKind
from sources.ledger.runs import sync_state

log = structlog.stdlib.get_logger("whence.sync")

SYNCS_AT_ONCE = 4
LONGEST_WAIT = 60.0
"""Seconds between two tries of a source that keeps failing, at most, unless its own interval is longer."""


async def sync_once(
    runtime: Runtime,
    names: Collection[str],
    *,
    full: bool = False,
    accept: bool = False,
    progress: Callable[[str], Progress] | None = None,
    done: Callable[[SyncReport], None] | None = None,
) -> list[SyncReport]:
    """Sync the named sources, some at a time; each failure is in its report and costs no other source."""
    places = asyncio.Semaphore(SYNCS_AT_ONCE)

    async def one(name: str) -> SyncReport:
        async with places:
            report = await sync_source(
                runtime, name, full=full, accept=accept, progress=progress(name) if progress else None
            )
            if done is not None:
                done(report)
            return report

    return list(await asyncio.gather(*(one(name) for name in names)))


async def sync_source(
    runtime: Runtime, name: str, *, full: bool = False, accept: bool = False, progress: Progress | None = None
) -> SyncReport:
    """Sync one source. What goes wrong is in the report; a defect is in the log too."""
    changes = runtime.sources[name].changes
    if changes is None:
        raise ValueError(f"{name} cannot be enumerated, so there is nothing to sync")
    try:
        return await runtime.ingest.sync(name, changes, full=full, accept=accept, progress=progress)
    except Exception as error:
        log.error("a sync broke", source=name, exc_info=True)
        failure = Failure(FailureKind.DEFECT, f"{type(error).__name__}; the log has it")
        return SyncReport.broken(name, failure)


async def keep_in_sync(runtime: Runtime, on_report: Callable[[SyncReport], None] | None = None) -> None:
    """Sync every source at its interval until cancelled; one that fails is tried again, each time a little later."""
    places = asyncio.Semaphore(SYNCS_AT_ONCE)

    async def one(name: str) -> None:
        every = runtime.ownership.declaration(name).sync.every.total_seconds()
        await asyncio.sleep(await _due_in(runtime, name, every))
        failures = 0
        while True:
            async with places:
                report = await sync_source(runtime, name)
            _tell(report, failures)
            if on_report is not None:
                on_report(report)
            failures = failures + 1 if report.failure else 0
            await asyncio.sleep(min(every * 2 ** min(max(failures - 1, 0), 4), max(every, LONGEST_WAIT)))

    async with asyncio.TaskGroup() as tasks:
        for name, source in runtime.sources.items():
            if source.changes is not None:
                tasks.create_task(one(name))


async def _due_in(runtime: Runtime, name: str, every: float) -> float:
    """Seconds until the source is due; at once where the ledger does not say."""
    try:
        confirmed_at = (await sync_state(runtime.pool, name)).confirmed_at
    except Exception:
        log.warning("the ledger does not say when a source was last read", source=name, exc_info=True)
        return 0.0
    return 0.0 if confirmed_at is None else max(0.0, every - (datetime.now(UTC) - confirmed_at).total_seconds())


def _tell(report: SyncReport, failures: int) -> None:
    counts = vars(report.counts)
    if report.failure is not None:
        if failures == 0:
            log.warning("sync failed", source=report.source, kind=report.failure.kind, message=report.failure.message)
    elif failures or any(counts[name] for name in ("added", "changed", "gone")):
        log.info("synced", source=report.source, seconds=round(report.seconds, 2), **counts)
