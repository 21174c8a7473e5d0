"""The worker: keeps every source in sync at its own interval, beside any number of others, for as long as it runs.

All workers, on whatever machine and in a serving process too, share the sources through the ledger's table ``schedule``
alone. A worker takes what is due and held by nobody, some sources at a time, and sleeps until the next is due or somebody
gives one back. When PostgreSQL goes away it says so once, waits, and goes on; its leases then run out or are still its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import asyncpg
import structlog

from app.sync import (
    FIRST_ALONE_SECONDS,
    GRACE_SECONDS,
    LEDGER_AWAY,
    RENEWALS,
    SYNCS_AT_ONCE,
    give_source_back,
    holds,
    stop_gently,
    sync_source,
    worker_name,
)
from app.wiring import Runtime
from resolvers.ingest import Progress, SyncReport
from resolvers.turns import Turn
from sources.ledger.database import CONNECT_SECONDS, asyncpg_dsn
from sources.ledger.outages import is_outage
from sources.ledger.schedule import CHANNEL, Lease, enrol, make_due, renew, seconds_to_next, take

log = structlog.stdlib.get_logger("whence.worker")

LONGEST_SLEEP = 5.0
"""Seconds, should nobody say that the schedule has changed."""
SHORTEST_SLEEP = 0.01
STATEMENT_SECONDS = 5.0
OTHERS_FIRST = 0.02
"""Seconds, for each source that it is at, for which a worker leaves the next to one that does less."""
RAMP_SECONDS = 0.5
"""A worker begins with one source at a time; a due one that has waited so long gets a place more, up to SYNCS_AT_ONCE. Else
the first of several workers to start would take all there is."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Between two tries to reach a ledger that is away; and to do again a run that it broke."""


@dataclass
class _Running:
    lease: Lease
    turn: Turn
    task: asyncio.Task[SyncReport]
    since: float
    """By the monotonic clock."""


@dataclass
class Worker:
    """Keeps sources in sync until :meth:`run` is cancelled.

    ``current`` gives the runtime, which a reload may have replaced since. ``only`` names the sources it cares for; none
    means all. ``on_report`` is told each finished run, ``progress`` gives what a run counts on, ``on_outage`` is told True
    when the ledger goes away and False when it is back. ``grace``: seconds for batches under way when it is cancelled.
    """

    current: Callable[[], Runtime]
    only: Collection[str] = ()
    at_once: int = SYNCS_AT_ONCE
    on_report: Callable[[SyncReport], None] | None = None
    progress: Callable[[str], Progress] | None = None
    on_outage: Callable[[bool], None] | None = None
    grace: float = GRACE_SECONDS
    name: str = field(default_factory=worker_name)

    def __post_init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._woken = asyncio.Event()
        self._places = 1
        self._crowded_since: float | None = None
        self._renewed = 0.0
        self._enrolled: Runtime | None = None
        self._away = False
        self._pause = FIRST_PAUSE
        self._broken: dict[str, tuple[int, float]] = {}
        self._told: dict[str, object] = {}

    async def run(self) -> None:
        """Work until cancelled; then runs end after the batch under way, or are cut off when the grace is over."""
        try:
            while True:
                try:
                    async with self._connect() as connection:
                        self._enrolled = None
                        sleep = await self._round(connection)
                        self._ledger_back()
                        while True:
                            await self._sleep(sleep)
                            sleep = await self._round(connection)
                except Exception as error:
                    self._ledger_away(error)
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
        finally:
            running = list(self._running.values())
            await stop_gently([one.task for one in running], [one.turn for one in running], self.grace)

    # ── The schedule ───────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Any]:
        """A connection of its own, so that no busy pool keeps it from renewing its leases; it hears of the schedule."""
        connection = await asyncpg.connect(
            asyncpg_dsn(self.current().database_url),
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"application_name": "whence-worker", "timezone": "UTC"},
        )
        try:
            connection.add_termination_listener(lambda _: self._woken.set())
            await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
            yield connection
        finally:
            connection.terminate()  # and not closed, which would wait for a server that may be gone

    def _names(self, runtime: Runtime) -> list[str]:
        return [
            name
            for name, source in runtime.sources.items()
            if source.changes is not None and (not self.only or name in self.only)
        ]

    async def _round(self, connection: Any) -> float:
        """Renew what is held and take what is due; seconds until there is something to do."""
        runtime = self.current()
        names = self._names(runtime)
        taking = runtime.ingest.taking
        if runtime is not self._enrolled:
            taken = await taking.register()
            await enrol(connection, {name: runtime.ownership.declaration(name).sync.every for name in names})
            await make_due(connection, taken.due)
            self._enrolled = runtime
        if await taking.superseded(connection):
            names = []  # whoever has the map in force looks after them
        next_renewal = await self._renew(connection, runtime)
        now = monotonic()
        resting = {name: until - now for name, (_, until) in self._broken.items() if until > now}
        idle = [name for name in names if name not in self._running and name not in resting]
        sleep = min([LONGEST_SLEEP, next_renewal, *resting.values()])
        settled = runtime.state.settled()
        alone = [one.since + FIRST_ALONE_SECONDS - now for name, one in self._running.items() if name not in settled]
        if (left := max(alone, default=0.0)) > 0:  # see there
            idle = [name for name in idle if name in settled]
            sleep = min(sleep, left)
        if len(self._running) < self._places:
            lease = await take(connection, self.name, idle, runtime.lease)
            if lease is not None:
                self._start(runtime, lease)
                return OTHERS_FIRST * len(self._running)
        due = await seconds_to_next(connection, idle)
        if due is None:
            return sleep
        if len(self._running) < self._places:
            return min(sleep, max(due, SHORTEST_SLEEP))
        return min(sleep, self._crowd(due))

    def _crowd(self, due: float) -> float:
        """Seconds until a source that is due in so many, while all places are taken, gets a place of its own."""
        if self._places >= self.at_once:
            return LONGEST_SLEEP  # the end of a run wakes it
        if due > 0:
            self._crowded_since = None
            return due
        now = monotonic()
        self._crowded_since = self._crowded_since or now
        waited = now - self._crowded_since
        if waited < RAMP_SECONDS:
            return RAMP_SECONDS - waited
        self._places += 1
        self._crowded_since = None
        return 0.0

    async def _renew(self, connection: Any, runtime: Runtime) -> float:
        """Keep the leases, from time to time; seconds until the next time. A run whose source was taken is ended."""
        interval = runtime.lease.total_seconds() / RENEWALS
        left = self._renewed + interval - monotonic()
        if left > 0 and self._running:
            return left
        self._renewed = monotonic()
        if self._running:
            held = await renew(connection, self.name, list(self._running), runtime.lease)
            for name, running in self._running.items():
                if name not in held:
                    running.turn.lose()
        return interval

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    # ── Runs ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, runtime: Runtime, lease: Lease) -> None:
        turn = Turn(self.name, holds=holds(lease))
        task = asyncio.create_task(self._run(runtime, lease, turn), name=f"sync {lease.source}")
        self._running[lease.source] = _Running(lease, turn, task, monotonic())
        task.add_done_callback(lambda done: self._done(lease.source, done))

    async def _run(self, runtime: Runtime, lease: Lease, turn: Turn) -> SyncReport:
        progress = self.progress(lease.source) if self.progress is not None else None
        report = await sync_source(runtime, lease.source, progress=progress, turn=turn)
        if report.failure is LEDGER_AWAY:
            times, _ = self._broken.get(lease.source, (0, 0.0))
            pause = min(FIRST_PAUSE * 2**times, LONGEST_PAUSE)
            self._broken[lease.source] = times + 1, monotonic() + pause
            self._ledger_away(None)
        else:
            await give_source_back(runtime, lease, report)
            self._broken.pop(lease.source, None)
            self._ledger_back()
        return report

    def _done(self, source: str, task: asyncio.Task[SyncReport]) -> None:
        del self._running[source]
        self._woken.set()
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("a run broke", source=source, exc_info=error)
            return
        report = task.result()
        if report.failure is LEDGER_AWAY:
            return
        self._tell(report)
        if self.on_report is not None:
            self.on_report(report)

    # ── What is told ───────────────────────────────────────────────────────────────────────────────────────────────

    def _ledger_away(self, error: Exception | None) -> None:
        if error is not None and not is_outage(error):
            log.error("the worker stumbled, and goes on", exc_info=error)
            return
        if self._away:
            return
        self._away = True
        log.warning("the ledger does not answer; waiting for it", error=type(error).__name__ if error else None)
        if self.on_outage is not None:
            self.on_outage(True)

    def _ledger_back(self) -> None:
        self._pause = FIRST_PAUSE
        if not self._away:
            return
        self._away = False
        log.info("the ledger answers again")
        if self.on_outage is not None:
            self.on_outage(False)

    def _tell(self, report: SyncReport) -> None:
        """To the log, once for as long as it is the same."""
        failure = report.failure if report.outcome == "FAILED" else None
        before = self._told.get(report.source)
        if failure is not None:
            if failure != before:
                log.warning("sync failed", source=report.source, kind=failure.kind, message=failure.message)
            self._told[report.source] = failure
            return
        counts = vars(report.counts)
        if report.outcome == "DONE":
            self._told.pop(report.source, None)
            if before is not None or any(counts[name] for name in ("added", "changed", "gone", "remapped")):
                log.info("synced", source=report.source, seconds=round(report.seconds, 2), **counts)


async def keep_in_sync(runtime: Runtime, on_report: Callable[[SyncReport], None] | None = None) -> None:
    """Sync every source at its interval until cancelled."""
    await Worker(lambda: runtime, on_report=on_report).run()
