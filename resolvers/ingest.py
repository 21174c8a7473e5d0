"""The change flow: a source's pages become records, claims, links and changes in the ledger, a transaction a batch.

Here is how a run goes through them: where it resumes, what is gone, when it yields and what it counts. How a page is
written, :mod:`resolvers.recording` says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from resolvers.ownership import OwnershipMap
from resolvers.recording import Counts, Recorder
from sources.contract import Failed, Follow, Page
from sources.failures import Failure, FailureKind
from sources.ledger.batches import Batch, open_batch
from sources.ledger.database import Pool
from sources.ledger.runs import SyncState, begin_run, finish_run, sync_state

MOST_GONE = 1 / 3
"""The share of a source's records that one walk may find gone without being asked, where that is more than one; a walk that
finds nothing where something was is always held back."""
ELSEWHERE = Failure(FailureKind.THROTTLED, "another worker is syncing this source; this one leaves it to that")
"""How a run ends that finds another one at work: nothing is wrong with the source."""

Progress = Callable[[int, "int | None"], None]
"""Called with the records seen so far and, where the system says so, how many there will be."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How one run of one source ended. ``failure`` is None where it came to its end."""

    source: str
    counts: Counts
    failure: Failure | None
    seconds: float

    @classmethod
    def broken(cls, source: str, failure: Failure) -> SyncReport:
        """The report of a run that broke before it could count."""
        return cls(source, Counts(), failure, 0.0)


@dataclass
class Ingest:
    """Writes what sources say into the ledger, by one ownership map."""

    pool: Pool
    map: OwnershipMap
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.map)

    async def sync(
        self,
        source: str,
        changes: Follow,
        *,
        full: bool = False,
        accept: bool = False,
        progress: Progress | None = None,
    ) -> SyncReport:
        """Read what changed in ``source`` since the last time, or with ``full`` everything, into the ledger.

        ``accept``: take it that records are gone even if they are many. A failure of the system ends the run and is in
        the report; what was committed before it stays, and the next run resumes there.
        """
        started = datetime.now(UTC)
        counts = Counts()
        state = await sync_state(self.pool, source)
        number = await begin_run(self.pool, source, started)
        try:
            failure = await self._follow(source, changes, state, started, counts, full, accept, progress)
        except Exception as error:
            failure = Failure(FailureKind.DEFECT, f"{type(error).__name__}; the log has it")
            await finish_run(self.pool, source, number, vars(counts), "FAILED", failure)
            raise
        outcome = "DONE" if failure is None else "YIELDED" if failure is ELSEWHERE else "FAILED"
        await finish_run(self.pool, source, number, vars(counts), outcome, failure)
        return SyncReport(source, counts, failure, (datetime.now(UTC) - started).total_seconds())

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
    ) -> Failure | None:
        declared = self.map.declaration(source).sync
        due = state.walked_at is not None and started - state.walked_at >= declared.full_every
        remapped = state.mapping != self.recorder.mappings[source]
        afresh = full or remapped or (due and state.walk_began_at is None) or state.cursor is None
        cursor = None if afresh else state.cursor
        expected = (state.walk, state.cursor)
        async with aclosing(changes(cursor)) as pages:  # type: ignore[type-var]
            async for page in pages:
                if isinstance(page, Failed):
                    return page.failure
                async with open_batch(self.pool, source) as batch:
                    if (batch.walk, batch.cursor) != expected:
                        return ELSEWHERE
                    if page.enumerating and (afresh or batch.walk_began_at is None):
                        await batch.begin_walk(started)
                        await batch.note_mapping(self.recorder.mappings[source])
                    afresh = False
                    held = await self._take(batch, page, counts, accept)
                    if held is None and page.last:
                        confirmed = batch.walk_began_at if page.enumerating and batch.walk_began_at else started
                        await batch.finish(walked=page.enumerating, confirmed_at=confirmed)
                    await batch.advance(page.cursor if held is None else None)
                    expected = (batch.walk, batch.cursor)
                if held is not None:
                    return held
                if progress is not None:
                    progress(counts.seen, page.total)
        return None

    async def _take(self, batch: Batch, page: Page, counts: Counts, accept: bool) -> Failure | None:
        """Write one page; a failure where it would take too many records away."""
        records, rejected = page.records, page.rejected
        if page.enumerating:
            await batch.sight([record.key.id for record in records])
        gone = dict.fromkeys(page.gone)
        held: Failure | None = None
        if page.enumerating and page.last:
            unsighted = await batch.unsighted()
            sighted = await batch.sighted()
            present = len(unsighted) + sighted
            most = max(1, present * MOST_GONE) if sighted else 0
            if len(unsighted) > most and not accept:
                held = Failure(
                    FailureKind.GARBLED,
                    f"{len(unsighted)} of {present} records are not there any more; they are kept until somebody says "
                    f"that it is right: whence sync --accept {batch.source}",
                )
            else:
                gone |= dict.fromkeys(unsighted)
        for record in records:
            gone.pop(record.key.id, None)
        if rejected:
            await batch.write_rejections(rejected, datetime.now(UTC))
        await self.recorder.write(batch, records, gone, counts)
        counts.seen += len(page.records) + len(page.rejected)
        counts.rejected += len(rejected)
        return held
