"""Walks: the pages of a sync, each within its deadline, asked for again where the walk can be resumed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sources.contract import Changes, Cursor, DocumentPage, Failed, Page, Record, Rejected
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.guard.bounds import Bounds
from sources.guard.calls import Calls
from sources.guard.live_reads import MAPPED_AT_ONCE
from sources.mapping import Mapping, second
from sources.rows import Rows

PAGE_DEADLINES: Final = 10
"""A page of a sync has this many deadlines, and PAGE_AT_LEAST."""
PAGE_AT_LEAST: Final = timedelta(seconds=10)
ROWS_AT_ONCE: Final = 2000
"""As MAPPED_AT_ONCE, for rows that are mapped column by column."""
END_WITHIN: Final = timedelta(seconds=5)

_log = logging.getLogger("sources.guard")


def page_deadline(declaration: SourceDeclaration) -> timedelta:
    """How long a page of a sync may take, its retries included."""
    return max(PAGE_DEADLINES * declaration.deadline, PAGE_AT_LEAST)


class Walks:
    """The walks of one source."""

    def __init__(
        self,
        declaration: SourceDeclaration,
        mapping: Mapping,
        calls: Calls,
        bounds: Bounds,
        now: Callable[[], datetime],
    ) -> None:
        """``now``: our clock, aware."""
        self._declaration = declaration
        self._mapping = mapping
        self._calls = calls
        self._bounds = bounds
        self._now = now

    async def follow(self, changes: Changes, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        """Pages from ``cursor``; a ``Failed``, where it comes, is the last thing that comes."""
        walk = _Walk(changes, cursor)
        try:
            while True:
                # In this task, not in one of its own: a connector may hold a context open from page to page.
                limit = asyncio.timeout(page_deadline(self._declaration).total_seconds())
                try:
                    async with limit:
                        raw = await self._next(walk)
                    self._bounds.page(raw, walk.pages + 1, walk.cursor)
                    page = await self._map(raw)
                except Exception as error:
                    yield self._calls.failed(error, page_deadline(self._declaration), timed_out=limit.expired())
                    return
                yield page
                if page.last:
                    return
                walk.pages, walk.cursor = walk.pages + 1, page.cursor
        finally:
            await self._end(walk.iterator)

    async def _next(self, walk: _Walk) -> DocumentPage:
        """The walk's next page. One that failed for a reason that may pass is asked for again where the walk can be opened
        behind its last good page, so that no document comes twice."""
        ends = asyncio.get_running_loop().time() + page_deadline(self._declaration).total_seconds()
        for retry in range(1, self._declaration.retries + 2):
            try:
                if walk.iterator is None:
                    walk.iterator = walk.changes(walk.cursor)
                page = await anext(walk.iterator, None)
            except (SourceFailure, TimeoutError) as error:
                failure = self._calls.failed(error, page_deadline(self._declaration)).failure
                pause = self._calls.pause(retry, failure, ends) if walk.resumable else None
                if pause is None:
                    raise
                iterator, walk.iterator = walk.iterator, None
                await self._end(iterator)
                await asyncio.sleep(pause)
            else:
                if page is None:
                    raise SourceFailure(
                        FailureKind.DEFECT, f"{self._calls.title}: the walk ended without its last page"
                    )
                return page
        raise AssertionError("the last attempt returns or raises")

    async def _map(self, page: DocumentPage) -> Page:
        observed_at = self._now()
        looked = (
            self._mapping.look_through(page.documents, observed_at) if len(page.documents) <= ROWS_AT_ONCE else None
        )
        if looked is not None and (page.enumerating or not looked[1]):
            return _page(page, *looked)
        records: dict[str, Record] = {}
        later: list[Record] = []
        rejected: list[Rejected] = []
        at_once = ROWS_AT_ONCE if isinstance(page.documents, Rows) else MAPPED_AT_ONCE
        for start in range(0, len(page.documents), at_once):
            documents = page.documents if len(page.documents) <= at_once else page.documents[start : start + at_once]
            for row, record in enumerate(self._mapping.read_all(documents, observed_at)):
                if isinstance(record, Rejected):
                    rejected.append(record)
                elif record.key.id in records and not page.enumerating:
                    later.append(record)  # an event behind another: which of them counts, their clocks say
                elif record.key.id in records:
                    rejected.append(self._mapping.reject(documents[row], second(record.key.id)))
                else:
                    records[record.key.id] = record
            await asyncio.sleep(0)
        return _page(page, (*records.values(), *later), rejected)

    async def _end(self, pages: AsyncIterator[DocumentPage] | None) -> None:
        close = getattr(pages, "aclose", None)
        if close is None:
            return
        try:
            async with asyncio.timeout(END_WITHIN.total_seconds()):
                await close()
        except Exception:
            _log.warning("source %s: its walk did not end cleanly", self._declaration.name, exc_info=True)


def _page(page: DocumentPage, records: Sequence[Record], rejected: Sequence[Rejected]) -> Page:
    return Page(
        records,
        tuple(rejected),
        page.cursor,
        page.enumerating,
        page.last,
        page.gone,
        page.total,
        page.shifting,
    )


@dataclass(slots=True)
class _Walk:
    """How far a walk is: its last good cursor, and how many pages came."""

    changes: Changes
    cursor: Cursor
    pages: int = 0
    iterator: AsyncIterator[DocumentPage] | None = None

    @property
    def resumable(self) -> bool:
        """Whether opening it again goes on behind its last good page. A cursor of None would begin from the beginning."""
        return self.pages == 0 or self.cursor is not None
