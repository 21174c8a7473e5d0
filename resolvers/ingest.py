"""The change flow: a source's pages become records, claims, links and changes in the ledger, a transaction a batch.

Here is how a run goes through them: where it resumes, what is gone, when it yields and what it counts. How a page is
written, :mod:`resolvers.recording` says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from resolvers.departures import departed
from resolvers.ownership import OwnershipMap
from resolvers.recording import Counts, Recorder
from resolvers.remapping import Remapping
from resolvers.taking import SUPERSEDED, MapTaking
from resolvers.turns import Turn
from sources.contract import Failed, Follow, Page
from sources.failures import Failure, FailureKind
from sources.ledger.batches import Batch, open_batch
from sources.ledger.database import Connection, Pool
from sources.ledger.outages import is_outage
from sources.ledger.runs import SyncState, begin_run, finish_run, sync_state
from sources.unread import ids_of

ELSEWHERE = Failure(FailureKind.THROTTLED, "another worker is syncing this source; this one leaves it to that")
"""How a run ends that finds another one at work: nothing is wrong with the source."""
STOPPED = Failure(FailureKind.THROTTLED, "the run was stopped; the next one goes on where it was")
"""How a run ends that was told to: nothing is wrong with the source."""

Progress = Callable[[int, "int | None"], None]
"""Called with the records seen so far and, where the system says so, how many there will be."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How one run of one source ended. ``failure`` is None where it came to its end."""

    source: str
    counts: Counts
    failure: Failure | None
    seconds: float

    @property
    def outcome(self) -> str:
        """DONE, FAILED, YIELDED or STOPPED, as the ledger's runs have it."""
        return {None: "DONE", ELSEWHERE: "YIELDED", SUPERSEDED: "YIELDED", STOPPED: "STOPPED"}.get(
            self.failure, "FAILED"
        )

    @classmethod
    def broken(cls, source: str, failure: Failure) -> SyncReport:
        """The report of a run that broke before it could count."""
        return cls(source, Counts(), failure, 0.0)


@dataclass
class Ingest:
    """Writes what sources say into the ledger, by one ownership map."""

    pool: Pool
    map: OwnershipMap
    modified_at: datetime | None = None
    """When the map's file was saved, where it has one."""
    recorder: Recorder = field(init=False)
    remapping: Remapping = field(init=False)
    taking: MapTaking = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.map)
        self.remapping = Remapping(self.pool, self.map, self.recorder)
        self.taking = MapTaking(self.pool, self.map, self.recorder, self.remapping, self.modified_at)

    async def sync(
        self,
        source: str,
        changes: Follow,
        *,
        full: bool = False,
        accept: bool = False,
        progress: Progress | None = None,
        turn: Turn | None = None,
    ) -> SyncReport:
        """Read what changed in ``source`` since the last time, or with ``full`` everything, into the ledger.

        ``accept``: take it that records are gone even if they are many. A failure of the system ends the run and is in
        the report; what was committed before it stays, and the next run resumes there. ``turn`` can end the run between
        two batches. Raises what asyncpg raises when the ledger is away.
        """
        turn = turn or Turn()
        await self.taking.take()
        if await self.taking.superseded():
            return SyncReport(source, Counts(), SUPERSEDED, 0.0)
        started = datetime.now(UTC)
        counts = Counts()
        state = await sync_state(self.pool, source)
        number = await begin_run(self.pool, source, started, turn.worker)
        try:
            failure = await self._follow(source, changes, state, started, counts, full, accept, progress, turn)
        except Exception as error:
            if is_outage(error):  # the ledger's, and no fault of the source
                raise
            failure = Failure(FailureKind.DEFECT, f"{type(error).__name__}; the log has it")
            await finish_run(self.pool, source, number, vars(counts), "FAILED", failure)
            raise
        report = SyncReport(source, counts, failure, (datetime.now(UTC) - started).total_seconds())
        await finish_run(self.pool, source, number, vars(counts), report.outcome, failure)
        return report

    async def _follow(
        self,
        source: str,
        changes: Follow,
        state: SyncState,
        started: datetime,
        counts: Counts,
        full: bool,
        accept: bool,
        progress: Progress | None,
        turn: Turn,
    ) -> Failure | None:
        declared = self.map.declaration(source).sync
        due = state.walked_at is not None and started - state.walked_at >= declared.full_every

        async def holds(connection: Connection) -> bool:
            return await turn.holds(connection) and await self.taking.holds(connection)

        brought = await self.remapping.bring(source, counts, holds=holds, stopped=lambda: turn.stop.asked)
        if brought.yielded:
            return STOPPED if turn.stop.asked else ELSEWHERE
        afresh = full or bool(brought.afresh) or (due and state.walk_began_at is None) or state.cursor is None
        cursor = None if afresh else state.cursor
        expected = (state.walk, state.cursor, brought.reading)
        whole = False
        async with aclosing(changes(cursor)) as pages:  # type: ignore[type-var]
            while (page := await turn.stop.or_next(pages)) is not None:
                if isinstance(page, Failed):
                    return page.failure
                async with open_batch(self.pool, source) as batch:
                    if (batch.walk, batch.cursor, batch.reading) != expected or not await holds(batch.connection):
                        return ELSEWHERE
                    if page.enumerating and (afresh or batch.walk_began_at is None):
                        await batch.begin_walk(started)
                        await batch.note_mapping(self.recorder.mappings[source], self.remapping.readings[source].origin)
                        whole = True
                    afresh = False
                    held = await self._take(batch, page, counts, accept, whole)
                    if held is None and page.last:
                        confirmed = batch.walk_began_at if page.enumerating and batch.walk_began_at else started
                        await batch.finish(walked=page.enumerating, confirmed_at=confirmed)
                    await batch.advance(page.cursor if held is None else None)
                    expected = (batch.walk, batch.cursor, batch.reading)
                if held is not None:
                    return held
                if progress is not None:
                    progress(counts.seen, page.total)
                if page.last:
                    return None
        if turn.lost:
            return ELSEWHERE
        return STOPPED if turn.stop.asked else None

    async def _take(self, batch: Batch, page: Page, counts: Counts, accept: bool, whole: bool) -> Failure | None:
        """Write one page; a failure where what its walk missed is not believed to be gone. ``whole``: the walk began in
        this run, so that what has been seen is all that it brought."""
        now, ids = datetime.now(UTC), ids_of(page.records)
        counts.seen += len(page.records) + len(page.rejected)
        counts.rejected += len(page.rejected)
        if not page.enumerating:
            await batch.readmit(ids)
        if page.rejected:
            await batch.write_rejections(page.rejected, now)
        if page.enumerating:
            # What could not be read is not gone.
            await batch.sight([*ids, *(one.record_id for one in page.rejected if one.record_id is not None)])
        missed: list[str] | Failure = []
        if page.enumerating and page.last:
            missed = await departed(batch, page, counts.seen if whole else None, accept=accept, at=now)
        held = missed if isinstance(missed, Failure) else None
        gone = dict.fromkeys((*page.gone, *(() if isinstance(missed, Failure) else missed)))
        for record_id in ids if gone else ():
            gone.pop(record_id, None)
        await self.recorder.write(batch, page.records, gone, counts, enumerating=page.enumerating)
        return held
