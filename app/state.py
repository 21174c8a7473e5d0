"""What a running Whence knows about its systems without asking the ledger for every request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from time import monotonic

import structlog

from resolvers.executor import LiveReading
from resolvers.observing import Observer
from sources.contract import Failed, Outcome
from sources.failures import Failure
from sources.ledger.database import Pool
from sources.ledger.live_failures import (
    REPEATED_EVERY,
    end_live_failures,
    live_failures,
    note_live_failures,
    repeat_live_failures,
)
from sources.ledger.runs import failing_sources, settled_sources

log = structlog.stdlib.get_logger("whence.state")

REFRESH_SECONDS = 1.0
MOST_WAITING = 200
"""Live readings that wait to be remembered; when the ledger is slower than that, the oldest are let go."""


class SystemsState:
    """Which systems fail and which have been read to the end; refreshed in the background.

    What live reads see of failing systems is written to the ledger too, where other processes find it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._failing: Mapping[str, tuple[datetime, Failure]] = {}
        self._settled: frozenset[str] = frozenset()
        self._live: dict[str, tuple[datetime, Failure]] = {}
        """The live sources that failed when this process last asked them."""
        self._elsewhere: dict[str, tuple[datetime, Failure]] = {}
        """Those that the ledger has, as any process saw them."""
        self._begun: set[str] = set()
        self._noted: set[str] = set()
        self._recovered: set[str] = set()
        """What the ledger is still to be told: sources that began to fail, that failed again, and that answered."""
        self._repeated = 0.0

    def failing(self) -> Mapping[str, Failure]:
        """The sources whose last sync failed."""
        return {name: failure for name, (_, failure) in self._failing.items()}

    def live_failures(self) -> Mapping[str, tuple[datetime, Failure]]:
        """The live sources that failed when they were last asked, here or by another process, and since when."""
        return {**self._elsewhere, **self._live}

    def settled(self) -> frozenset[str]:
        """The sources that have been read to the end at least once."""
        return self._settled

    def note(self, reading: LiveReading) -> None:
        """Take note of how a live read went. A system that answered for one record does not fail as a whole."""
        name = reading.source
        failures = [
            one for by_field in reading.outcomes.values() for one in by_field.values() if isinstance(one, Failed)
        ]
        if failures and not any(_answered(outcomes) for outcomes in reading.outcomes.values()):
            if name not in self._live:
                self._begun.add(name)
            since, _ = self.live_failures().get(name, (reading.at, None))
            self._live[name] = since, failures[0].failure
            self._noted.add(name)
        elif name in self._live or name in self._elsewhere:
            self._live.pop(name, None)
            self._elsewhere.pop(name, None)
            self._begun.discard(name)
            self._noted.discard(name)
            self._recovered.add(name)

    async def refresh(self) -> None:
        """Ask the ledger, and tell it what live reads saw."""
        self._failing = await failing_sources(self._pool)
        self._settled = await settled_sources(self._pool)
        await self._tell()
        known = await live_failures(self._pool)
        self._elsewhere = {name: one for name, one in known.items() if name not in self._recovered}

    async def _tell(self) -> None:
        """What began or ended at once; what goes on every few seconds."""
        recovered = frozenset(self._recovered)
        await end_live_failures(self._pool, recovered)
        self._recovered -= recovered
        due = monotonic() - self._repeated >= REPEATED_EVERY.total_seconds()
        noted = frozenset(self._noted if due else self._begun)
        await note_live_failures(self._pool, {name: self._live[name] for name in noted if name in self._live})
        self._begun -= noted
        self._noted -= noted
        if due:
            waiting = self._live.keys() - noted - self._noted
            stand = await repeat_live_failures(self._pool, waiting) if waiting else frozenset()
            for name in waiting - stand - self._noted:  # it has answered another process since
                self._live.pop(name, None)
            self._repeated = monotonic()

    async def keep_fresh(self) -> None:
        """Refresh until cancelled; an outage of the ledger is logged once and ridden out."""
        well = True
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
                well = True
            except Exception:
                if well:
                    log.warning("the ledger does not answer", exc_info=True)
                well = False


class Memory:
    """Takes what live reads saw to the ledger, in the background: the read does not wait for it."""

    def __init__(self, observer: Observer, state: SystemsState) -> None:
        self._observer = observer
        self._state = state
        self._queue: asyncio.Queue[LiveReading] = asyncio.Queue(MOST_WAITING)

    def remember(self, reading: LiveReading) -> None:
        """Queue a reading; never blocks."""
        self._state.note(reading)
        if not any(_answered(outcomes) for outcomes in reading.outcomes.values()):
            return
        if self._queue.full():
            self._queue.get_nowait()
            self._queue.task_done()
        self._queue.put_nowait(reading)

    async def keep_writing(self) -> None:
        """Write what is queued until cancelled."""
        while True:
            reading = await self._queue.get()
            try:
                seen = {key: outcomes for key, outcomes in reading.outcomes.items() if _answered(outcomes)}
                await self._observer.observe(reading.source, seen, reading.at)
            except Exception:
                log.warning("a live reading was not remembered", source=reading.source, exc_info=True)
            finally:
                self._queue.task_done()

    async def settled(self) -> None:
        """Wait until everything queued has been written."""
        await self._queue.join()


def _answered(outcomes: Mapping[str, Outcome]) -> bool:
    return any(not isinstance(one, Failed) for one in outcomes.values())
