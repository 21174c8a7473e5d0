"""What a running Whence knows about its systems without asking the ledger for every request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import structlog

from resolvers.executor import LiveReading
from resolvers.observing import Observer
from sources.contract import Failed, Outcome
from sources.failures import Failure
from sources.ledger.database import Pool
from sources.ledger.runs import failing_sources, settled_sources

log = structlog.stdlib.get_logger("whence.state")

REFRESH_SECONDS = 1.0
MOST_WAITING = 200
"""Live readings that wait to be remembered; when the ledger is slower than that, the oldest are let go."""


class SystemsState:
    """Which systems fail and which have been read to the end; refreshed in the background."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._failing: Mapping[str, tuple[datetime, Failure]] = {}
        self._settled: frozenset[str] = frozenset()
        self._live: dict[str, tuple[datetime, Failure]] = {}

    def failing(self) -> Mapping[str, Failure]:
        """The sources whose last sync failed."""
        return {name: failure for name, (_, failure) in self._failing.items()}

    def live_failures(self) -> Mapping[str, tuple[datetime, Failure]]:
        """The live sources that failed when they were last asked, and since when."""
        return dict(self._live)

    def settled(self) -> frozenset[str]:
        """The sources that have been read to the end at least once."""
        return self._settled

    def note(self, reading: LiveReading) -> None:
        """Take note of how a live read went."""
        failures = [
            one for by_field in reading.outcomes.values() for one in by_field.values() if isinstance(one, Failed)
        ]
        if not failures:
            self._live.pop(reading.source, None)
        else:
            since, _ = self._live.get(reading.source, (reading.at, None))
            self._live[reading.source] = since, failures[0].failure

    async def refresh(self) -> None:
        """Ask the ledger."""
        self._failing = await failing_sources(self._pool)
        self._settled = await settled_sources(self._pool)

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
