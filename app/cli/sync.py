"""``whence sync``: read what changed in the systems into the ledger, now."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence

from app.cli.configuration import Configuration
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import open_runtime
from app.cli.output import remark, write_json
from app.cli.progress import SyncProgress, show_reports, tell_failures
from app.matching import finish_matching
from app.sync import sync_once
from app.wiring import Runtime
from resolvers.ingest import SyncReport
from resolvers.mistakes import one_of

GRACE_SECONDS = 8.0
"""For the batches under way when a signal comes; with what is closed after them it is less than the 15 s promised."""


def collect_rarely() -> None:
    """Have Python look for cyclic garbage less often, and not among what is there for good: a sync makes millions of objects,
    none of them in cycles, and looking for some takes a fifth of its CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def sync(configuration: Configuration, names: Sequence[str], full: bool, accept: bool, in_json: bool) -> int:
    """Sync the named sources, or all of them; its exit code: 1 where one failed."""
    collect_rarely()
    async with open_runtime(configuration) as runtime:
        chosen = chosen_sources(runtime, names)
        titles = {name: runtime.ownership.declaration(name).title for name in chosen}

        def done(report: SyncReport) -> None:
            if in_json:
                write_json(as_json(report))
            bars.done(report)

        def waiting(source: str, worker: str) -> None:
            remark(f"{source}: the worker {worker} is syncing it; waiting for that.")

        await runtime.readying.begin()
        with SyncProgress(titles, silent=in_json) as bars:
            reports = await sync_once(
                runtime,
                chosen,
                full=full,
                accept=accept,
                progress=bars.progress,
                done=done,
                waiting=waiting,
                grace=GRACE_SECONDS,
            )
            unmatched = await finish_matching(runtime, bars.matching())
            await runtime.readying.catch_up(bars.readying())
    if unmatched:
        remark(
            f"{unmatched:,} records are still to be matched; another process is at it, or a worker will be.", "yellow"
        )
    if not in_json:
        show_reports(reports)
        tell_failures(reports)
    return ExitCode.FAILED if any(report.failure for report in reports) else ExitCode.FINE


def chosen_sources(runtime: Runtime, names: Sequence[str]) -> list[str]:
    """The sources that ``names`` means; none means all that can be listed. Raises Ended for one that cannot be synced."""
    syncable = [name for name, source in runtime.sources.items() if source.changes is not None]
    for name in names:
        if name not in runtime.sources:
            raise Ended(
                ExitCode.CONFIGURATION, f"There is no source {name!r}: {one_of(name, runtime.sources, 'sources')}"
            )
        if name not in syncable:
            raise Ended(ExitCode.CONFIGURATION, f"{name} is only asked live: it cannot be listed, so it is not synced.")
    return list(dict.fromkeys(names)) or syncable


def as_json(report: SyncReport) -> Mapping[str, object]:
    """A report as ``--json`` has it."""
    failure = report.failure if report.outcome == "FAILED" else None
    told = failure and {
        "kind": failure.kind.value,
        "message": failure.message,
        "actor": failure.kind.actor.value,
        "action": failure.kind.action,
    }
    seconds = round(report.seconds, 3)
    return {
        "source": report.source,
        "outcome": report.outcome,
        **vars(report.counts),
        "seconds": seconds,
        "failure": told,
    }
