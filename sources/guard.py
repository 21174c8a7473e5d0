"""The guard: what makes a connector a source. Exceptions stop here.

Whatever a connector does (raises, hangs, answers too much, too little or twice), its callers get outcomes: total over
what they asked, within the source's deadline. A failure is one shared value; its cause, where nobody foresaw it, is in
the log and never in the message.

This is also the one place where a retry or a circuit breaker belongs: both wrap :meth:`GuardedSource._call`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from sources.contract import (
    MISSING,
    Ask,
    Changes,
    Connector,
    Cursor,
    Description,
    DocumentPage,
    Failed,
    Fetch,
    Follow,
    Outcome,
    Outcomes,
    Page,
    Problem,
    Reading,
    Record,
    RecordKey,
    Rejected,
)
from sources.declaration import SourceDeclaration
from sources.durations import format_duration
from sources.failures import Failure, FailureKind, SourceFailure
from sources.mapping import Mapping

LIVE_READS_AT_ONCE: Final = 4
"""Fetches that one system gets at the same time; the next ones wait, within their deadline."""
PAGE_DEADLINES: Final = 10
"""A page of a sync has this many deadlines, and PAGE_AT_LEAST."""
PAGE_AT_LEAST: Final = timedelta(seconds=10)
CLOSE_WITHIN: Final = timedelta(seconds=5)
MAX_MESSAGE: Final = 500
"""Characters of a failure's message."""
_MAPPED_AT_ONCE: Final = 500
"""Documents mapped before other work on the event loop gets its turn."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class GuardedSource:
    """A :class:`sources.contract.Source` made of a connector, its mapping and its declaration."""

    def __init__(
        self,
        connector: Connector,
        mapping: Mapping,
        declaration: SourceDeclaration,
        *,
        at_once: int = LIVE_READS_AT_ONCE,
        now: Callable[[], datetime] = _now,
        redact: Callable[[str], str] = str,
    ) -> None:
        """``at_once`` bounds concurrent fetches; ``now`` is our clock, aware, which observations are dated by;
        ``redact`` takes secrets out of failures' messages, whatever a connector or a library put there."""
        self.declaration = declaration
        self.mapping = mapping
        self._connector = connector
        self._now = now
        self._redact = redact
        self._places = asyncio.Semaphore(at_once)
        self._running: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"GuardedSource({self.name!r})"

    @property
    def name(self) -> str:
        """As whence.toml names it."""
        return self.declaration.name

    @property
    def fetch(self) -> Ask | None:
        """Live reads by key, or None where the system cannot be asked by key."""
        fetch = self._connector.fetch
        if fetch is None:
            return None

        async def ask(keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
            return await self._ask(fetch, keys, fields)

        return ask

    @property
    def changes(self) -> Follow | None:
        """Sync, or None where the system cannot be enumerated."""
        changes = self._connector.changes
        return None if changes is None else lambda cursor: self._follow(changes, cursor)

    async def check(self) -> tuple[Problem, ...] | Failed:
        """What the system says is wrong with its declaration, or why it could not be asked."""
        return await self._call(self._connector.check, self._page_deadline)

    async def describe(self) -> Description | Failed:
        """The columns that are really there, or why the system could not be asked."""
        return await self._call(self._connector.describe, self._page_deadline)

    async def close(self) -> None:
        """Give back the system's connections, within CLOSE_WITHIN; what goes wrong is logged."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_WITHIN.total_seconds())
        await self._call(self._connector.close, CLOSE_WITHIN)

    # ── Live reads ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, fetch: Fetch, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        mapped = self.mapping.fields.intersection(fields)
        ids = tuple(dict.fromkeys(key.id for key in keys if key.source == self.name))
        if not ids or not mapped:
            return {key: dict.fromkeys(fields, MISSING) for key in keys}

        async def ask() -> dict[str, Record]:
            async with self._places:
                documents = await fetch(ids, self.mapping.columns(mapped))
            observed_at, wanted, found = self._now(), frozenset(ids), dict[str, Record]()
            for count, document in enumerate(documents, 1):
                record = self.mapping.read(document, observed_at, mapped)
                # The first of two documents with one key counts; a key that nobody asked for was not meant for us.
                if isinstance(record, Record) and record.key.id in wanted:
                    found.setdefault(record.key.id, record)
                if not count % _MAPPED_AT_ONCE:
                    await asyncio.sleep(0)
            return found

        found = await self._call(ask, self.declaration.deadline)
        if isinstance(found, Failed):
            failed = {field: found if field in mapped else MISSING for field in fields}
            return {key: failed if key.source == self.name else dict.fromkeys(fields, MISSING) for key in keys}
        return {key: _outcomes(found.get(key.id) if key.source == self.name else None, fields) for key in keys}

    # ── Sync ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _page_deadline(self) -> timedelta:
        return max(PAGE_DEADLINES * self.declaration.deadline, PAGE_AT_LEAST)

    async def _follow(self, changes: Changes, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        pages: AsyncIterator[DocumentPage] | None = None
        try:
            while True:
                # In this task, not in one of its own: a connector may hold a context open from page to page.
                limit = asyncio.timeout(self._page_deadline.total_seconds())
                try:
                    async with limit:
                        pages = changes(cursor) if pages is None else pages
                        raw = await anext(pages, None)
                    if raw is None:
                        raise SourceFailure(FailureKind.DEFECT, f"{self._title}: the walk ended without its last page")
                    page = await self._map(raw)
                except Exception as error:
                    yield self._failed(error, self._page_deadline, timed_out=limit.expired())
                    return
                yield page
                if page.last:
                    return
        finally:
            await self._end(pages)

    async def _map(self, page: DocumentPage) -> Page:
        observed_at = self._now()
        records: dict[str, Record] = {}
        rejected: list[Rejected] = []
        for count, document in enumerate(page.documents, 1):
            record = self.mapping.read(document, observed_at)
            if isinstance(record, Rejected):
                rejected.append(record)
            elif record.key.id in records:
                rejected.append(self.mapping.reject(document, f'a second record with the key "{record.key.id}"'))
            else:
                records[record.key.id] = record
            if not count % _MAPPED_AT_ONCE:
                await asyncio.sleep(0)
        return Page(
            tuple(records.values()),
            tuple(rejected),
            page.cursor,
            page.enumerating,
            page.last,
            page.gone,
            page.total,
            page.shifting,
        )

    async def _end(self, pages: AsyncIterator[DocumentPage] | None) -> None:
        close = getattr(pages, "aclose", None)
        if close is None:
            return
        try:
            async with asyncio.timeout(CLOSE_WITHIN.total_seconds()):
                await close()
        except Exception:
            _log.warning("source %s: its walk did not end cleanly", self.name, exc_info=True)

    # ── One call, bounded ──────────────────────────────────────────────────────────────────────────────────────────

    async def _call(self, call: Callable[[], Awaitable[T]], within: timedelta) -> T | Failed:
        """What ``call()`` returns, or the failure it ended with, after ``within`` at the latest.

        The call runs in a task that is cancelled then and not waited for: a connector that takes its time to give up,
        or rolls back on a connection that hangs, costs nobody more than the deadline.
        """

        async def run() -> T:
            return await call()

        task = asyncio.create_task(run())
        self._running.add(task)
        task.add_done_callback(self._done)
        try:
            await asyncio.wait((task,), timeout=within.total_seconds())
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            return self._failed(TimeoutError(), within, timed_out=True)
        if task.cancelled():
            return Failed(Failure(FailureKind.UNREACHABLE, f"{self._title}: the call was cancelled"))
        error = task.exception()
        if error is None:
            return task.result()
        return self._failed(error, within)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen here, for a call that ended after its deadline: nobody else will ask

    def _failed(self, error: BaseException, within: timedelta, *, timed_out: bool = False) -> Failed:
        if isinstance(error, SourceFailure):
            failure = error.failure
            message = self._redact(failure.message)[:MAX_MESSAGE]
            return Failed(
                failure if message == failure.message else Failure(failure.kind, message, failure.retry_after)
            )
        if timed_out or isinstance(error, TimeoutError):
            within_text = f" within {format_duration(within)}" if timed_out else " in time"
            return Failed(Failure(FailureKind.TIMEOUT, f"{self._title} did not answer{within_text}"))
        if not isinstance(error, Exception):
            raise error
        _log.error("source %s: an error nobody foresaw", self.name, exc_info=error)
        return Failed(Failure(FailureKind.DEFECT, f"{self._title}: {type(error).__name__}"))

    @property
    def _title(self) -> str:
        return self.declaration.title[:100]


def _outcomes(record: Record | None, fields: Collection[str]) -> dict[str, Outcome]:
    if record is None:
        return dict.fromkeys(fields, MISSING)
    claims = {field: tuple(claim for claim in record.claims if claim.field == field) for field in fields}
    return {field: Reading(of_field) if of_field else MISSING for field, of_field in claims.items()}
