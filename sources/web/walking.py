"""Walking through a remote list: page after page, resumable, never for ever, and later only what is newer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from sources.contract import Cursor, Document, DocumentPage
from sources.deadlines import answer_by
from sources.declaration import SourceDeclaration
from sources.durations import Duration
from sources.failures import FailureKind, SourceFailure
from sources.paths import Path, compile_path
from sources.values import JSON
from sources.web.http import HttpOptions
from sources.web.remote_records import key_of

Position: TypeAlias = Mapping[str, JSON]
"""Where a page begins, in the paging's own words: ``{"page": 3}``; small and JSON."""

SYNC_DEADLINES = 10
"""A page of a sync has so many times as long as a live read."""
_MILLISECONDS_FROM = 100_000_000_000


class WalkedOptions(HttpOptions):
    """What every connector that walks through a remote list takes."""

    overlap: Duration = timedelta(minutes=5)
    """How far before the newest clock seen the next incremental read begins."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """One page as a system gave it. ``following`` is where the next one begins, None after the last."""

    documents: tuple[Document, ...]
    following: Position | None
    total: int | None


class ReadPage(Protocol):
    """Reads one page."""

    def __call__(self, position: Position, since: datetime | None, number: int, ends: float) -> Awaitable[PageRead]:
        """The page at ``position``, the ``number``-th of its walk, of records changed since ``since`` (None: all),
        before the loop's time ``ends``. Raises SourceFailure."""


def zone_of(declaration: SourceDeclaration) -> tzinfo:
    """The zone of clocks that name none. Raises ValueError for a zone that does not exist."""
    try:
        return ZoneInfo(declaration.timezone)
    except (KeyError, OSError):
        raise ValueError(f'timezone: there is no {declaration.timezone!r}; write one such as "Europe/Berlin"') from None


def sync_deadline(declaration: SourceDeclaration) -> float:
    """The loop's time by which a page of a sync, asked for now, must be there."""
    return answer_by(SYNC_DEADLINES * declaration.deadline)


def read_clock(value: JSON, zone: tzinfo) -> datetime | None:
    """The moment that a system's clock says, aware: an ISO 8601 text, or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | Decimal):
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS_FROM else number, UTC)
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _keeps_its_place(position: Position) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Walk:
    """The changes of a system read page by page: everything first; later, where ``incremental``, what is newer."""

    declaration: SourceDeclaration
    read: ReadPage
    first: Position
    resumable: Callable[[Position], bool]
    """Whether a position, which a cursor kept, is one of this paging's."""
    incremental: bool
    overlap: timedelta
    shifts: Callable[[Position], bool] = _keeps_its_place
    """Whether a position counts records or pages, so that what is deleted before it moves what stands there."""

    async def __call__(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        """Pages from ``cursor``; a cursor that is none of ours begins again. Raises SourceFailure."""
        state = self._state(cursor)
        key = compile_path(self.declaration.key)
        seen: set[str] = set()
        previous: list[JSON] | None = None
        while True:
            since = state.since - self.overlap if state.since is not None else None
            page = await self.read(state.at, since, state.pages + 1, sync_deadline(self.declaration))
            content = _fingerprint(page.documents, key)
            if content and content == previous:
                raise _for_ever(state.pages + 1, "the same records as the page before")
            previous = content
            shifting = state.pages > 0 and self.shifts(state.at)
            shifting = shifting or (page.following is not None and self.shifts(page.following))
            state = state.after(page, self._newest(page))
            if page.following is None:
                end = state.final(self.incremental)
                yield DocumentPage(
                    page.documents, end, state.since is None, last=True, total=page.total, shifting=shifting
                )
                return
            mark = repr(page.following)
            if mark in seen:
                raise _for_ever(state.pages, "a next page that was there before")
            seen.add(mark)
            # Counted here too, where the pages of earlier runs of this walk count.
            if state.pages >= self.declaration.limits.pages:
                raise SourceFailure(
                    FailureKind.TOO_LARGE,
                    f"more than {self.declaration.limits.pages:,} pages; read larger pages, or raise "
                    f"sources.{self.declaration.name}.limits.pages",
                )
            yield DocumentPage(
                page.documents, state.cursor(), state.since is None, last=False, total=page.total, shifting=shifting
            )

    def _newest(self, page: PageRead) -> datetime | None:
        if not self.incremental or self.declaration.sync.by is None:
            return None
        clock, zone = compile_path(self.declaration.sync.by), zone_of(self.declaration)
        moments = (read_clock(clock(document.content), zone) for document in page.documents)
        return max((moment for moment in moments if moment is not None), default=None)

    def _state(self, cursor: Cursor) -> _State:
        now = datetime.now(UTC)
        beginning = _State(self.first, 0, None, None, now)
        if not isinstance(cursor, Mapping):
            return beginning
        since, newest, at = _moment(cursor.get("since")), _moment(cursor.get("newest")), cursor.get("at")
        if since is not None and not self.incremental:
            return beginning
        if at is None:
            return _State(self.first, 0, since, since, now)
        pages = cursor.get("pages")
        if not isinstance(at, Mapping) or not isinstance(pages, int) or not self.resumable(at):
            return beginning
        return _State(at, pages, since, newest, _moment(cursor.get("began")) or now)


@dataclass(frozen=True, slots=True)
class _State:
    at: Position
    pages: int
    since: datetime | None
    newest: datetime | None
    began: datetime

    def after(self, page: PageRead, newest: datetime | None) -> _State:
        moments = [moment for moment in (self.newest, newest) if moment is not None]
        at = page.following if page.following is not None else self.at
        return _State(at, self.pages + 1, self.since, max(moments, default=None), self.began)

    def cursor(self) -> Cursor:
        clocks = {"since": self.since, "newest": self.newest, "began": self.began}
        return {"at": dict(self.at), "pages": self.pages, **{name: _text(moment) for name, moment in clocks.items()}}

    def final(self, incremental: bool) -> Cursor:
        if not incremental or self.newest is None:
            return None
        # What changed on pages behind us while we walked on is newer than our beginning; a date in the future is too.
        return {"since": _text(min(self.newest, self.began))}


def _fingerprint(documents: tuple[Document, ...], key: Path) -> list[Any]:
    keys = [key_of(document.content, key) for document in documents]
    return [document.content for document in documents] if None in keys else keys


def _for_ever(number: int, what: str) -> SourceFailure:
    return SourceFailure(
        FailureKind.GARBLED,
        f"page {number} brought {what}: it would go on for ever; check what `paging` says, or declare `total`",
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: JSON) -> datetime | None:
    return read_clock(text, UTC) if isinstance(text, str) else None
