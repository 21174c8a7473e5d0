"""Files of one layout as a connector: check, describe and changes by full comparison."""

from __future__ import annotations

import asyncio
import glob
import hashlib
import stat
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from itertools import dropwhile, islice
from pathlib import Path
from zoneinfo import ZoneInfo

from sources.columns import instead_of, missing_columns
from sources.contract import Changes, Column, Cursor, Description, DocumentPage, Problem
from sources.declaration import ConnectorKind, SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.file.delimited import open_delimited
from sources.file.documents import Sheet, documents_of
from sources.file.options import FileOptions
from sources.file.spreadsheets import NoSheet, open_spreadsheet
from sources.file.table import NoHeader, Row, Table
from sources.paths import compile_path
from sources.values import JSON

MAX_FILES = 1000
SAMPLE = 80
"""Characters of a sample."""
_BINARY = {
    b"PK\x03\x04": 'a zip archive; if it is a spreadsheet, write format = "xlsx" or "ods"',
    b"\xd0\xcf\x11\xe0": "a spreadsheet of the old binary kind; save it as .xlsx or .ods",
    b"%PDF": "a PDF; ask for the data as CSV or as a spreadsheet",
}
ABOUT = ("_file.path", "_file.modified", "_file.sheet", "_file.row")
"""What every document says about the file it came from."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that ``path`` names, and what its content is recognised by."""

    path: Path
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Without its directory."""
        return self.path.name

    @property
    def modified(self) -> datetime:
        """The file system's date of its last change."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)

    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was found."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.modified_ns)


class FileConnector:
    """One file, or several of one layout. They cannot be asked by key; every walk is over everything."""

    def __init__(self, declaration: SourceDeclaration, options: FileOptions) -> None:
        self._declaration = declaration
        self._options = options
        self._timezone: tzinfo = ZoneInfo(declaration.timezone)

    @property
    def fetch(self) -> None:
        """Files have no index."""
        return None

    @property
    def changes(self) -> Changes:
        """All rows of all files, in their order."""
        return self._changes

    async def check(self) -> tuple[Problem, ...]:
        """A file, sheet or header that is not there, or each column that is not."""
        return await asyncio.to_thread(self._check)

    async def describe(self) -> Description:
        """The columns of the first file, and what stands in its first row."""
        return await asyncio.to_thread(self._describe)

    async def close(self) -> None:
        """Nothing stays open."""

    # ── Looking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> tuple[Problem, ...]:
        try:
            files = self._find()
        except SourceFailure as failure:
            if failure.failure.kind is not FailureKind.MISSING_OBJECT:
                raise
            return (Problem("path", failure.failure.message, self._neighbours()),)
        problems: dict[str, Problem] = {}
        for file in files:
            try:
                with self._opened(file) as table:
                    columns = (*table.columns, *ABOUT)
            except NoSheet as missing:
                return (Problem("sheet", missing.failure.message, missing.instead),)
            except NoHeader as missing:
                return (Problem("header_row", missing.failure.message, "the number of the row that has them, from 1"),)
            for problem in missing_columns(self._declaration, columns):
                found = f"{file.name}: {problem.found}" if len(files) > 1 else problem.found
                problems.setdefault(problem.path, Problem(problem.path, found, problem.instead))
        return tuple(problems.values())

    def _neighbours(self) -> str:
        wanted = Path(self._options.path).expanduser()
        try:
            names = [entry.name for entry in islice(wanted.parent.iterdir(), MAX_FILES) if entry.is_file()]
        except OSError:
            return f"the path of a file; there is no directory {wanted.parent}"
        return instead_of(wanted.name, names) if names else "the path of a file"

    def _describe(self) -> Description:
        file = self._find()[0]
        with self._opened(file) as table:
            row = next((row for row in table.rows if row.problem is None), Row(0, ()))
            (document,) = documents_of([Sheet(table, [row])])
            content = document.content
            columns = [Column(name, _kind(content.get(name)), _sample(content.get(name))) for name in table.columns]
            about = content["_file"]
            columns += [Column(name, "text", _sample(about[name.partition(".")[2]])) for name in ABOUT]
        return Description(tuple(columns), complete=True)

    def _find(self) -> list[Found]:
        """The files there are now, in the order of their names. Raises SourceFailure where there are none."""
        declared = self._options.path
        path = Path(declared).expanduser()
        if path.exists() or not glob.has_magic(declared):
            paths = [path]
        else:
            paths = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
            # what spreadsheet programs leave beside a file that is open
            paths = [name for name in paths if not name.name.startswith(("~$", ".~lock")) and not name.is_dir()]
            if not paths:
                raise SourceFailure(FailureKind.MISSING_OBJECT, f"no file fits {declared!r}")
        if len(paths) > MAX_FILES:
            raise SourceFailure(
                FailureKind.TOO_LARGE, f"{len(paths)} files fit {declared!r}; {MAX_FILES} are read at most"
            )
        return [self._seen(path) for path in paths]

    def _seen(self, path: Path) -> Found:
        declared = self._options.path
        shown = declared if not glob.has_magic(declared) else f"{path.name} of {declared}"
        try:
            about = path.stat()
        except PermissionError as error:
            raise SourceFailure(FailureKind.REFUSED, f"{shown} may not be read") from error
        except (OSError, ValueError) as error:
            raise SourceFailure(FailureKind.MISSING_OBJECT, f"there is no file {shown}") from error
        if not stat.S_ISREG(about.st_mode):
            raise SourceFailure(FailureKind.MISSING_OBJECT, f"{shown} is no file")
        return Found(path, about.st_size, about.st_mtime_ns)

    @contextmanager
    def _opened(self, file: Found) -> Iterator[Table]:
        """The table in ``file``. Raises SourceFailure."""
        try:
            kind = self._options.format_of(file.name)
            if kind == "csv":
                _refuse_binary(file)
                table = open_delimited(file.path, file.name, self._options, file.modified)
            else:
                table = open_spreadsheet(file.path, file.name, kind, self._options, file.modified, self._timezone)
            try:
                yield table
            finally:
                close = getattr(table.rows, "close", None)
                if close is not None:
                    close()
        except PermissionError as error:
            raise SourceFailure(FailureKind.REFUSED, f"{file.name} may not be read") from error
        except FileNotFoundError as error:
            raise SourceFailure(FailureKind.MISSING_OBJECT, f"there is no file {file.name} any more") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SourceFailure(FailureKind.UNREACHABLE, f"{file.name} cannot be read: {reason}") from error

    # ── Walking ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        pages = self._pages(cursor)
        step: asyncio.Future[DocumentPage | None] | None = None
        try:
            while True:
                step = asyncio.ensure_future(asyncio.to_thread(next, pages, None))
                page = await asyncio.shield(step)
                if page is None:
                    return
                yield page
        finally:
            if step is None or step.done():
                pages.close()
            else:  # we are cancelled, and the thread still reads
                step.add_done_callback(partial(_leave, pages))

    def _pages(self, cursor: Cursor) -> Generator[DocumentPage, None, None]:
        """The pages, read as they are taken; each step may block."""
        files = self._find()
        seen = _fingerprint(files)
        first, skipped = _resumed(cursor, seen)
        page: list[Sheet] = []
        room, position = self._declaration.sync.page, (first, skipped)
        for index, file in enumerate(files[first:], start=first):
            with self._opened(file) as table:
                self._insist_on_key(file, table)
                rows = table.rows
                if index == first and skipped:
                    rows = dropwhile(lambda row: row.number <= skipped, rows)
                while part := [*islice(rows, room or self._declaration.sync.page)]:
                    if not room:
                        note = {"seen": seen, "file": position[0], "row": position[1]}
                        yield DocumentPage(documents_of(page), note, enumerating=True, last=False)
                        page, room = [], self._declaration.sync.page
                    page.append(Sheet(table, part))
                    room -= len(part)
                    position = (index, part[-1].number)
            if not file.is_unchanged():
                # half of the old and half of the new would make records look deleted
                raise SourceFailure(FailureKind.UNREACHABLE, f"{file.name} was being written while it was read")
        yield DocumentPage(documents_of(page), None, enumerating=True, last=True)

    def _insist_on_key(self, file: Found, table: Table) -> None:
        """A file without the column of its keys is a failure: it does not say that all its records are gone."""
        key = self._declaration.key
        if compile_path(key).columns.isdisjoint({*table.columns, "_file"}):
            found = ", ".join(table.columns[:8])
            raise SourceFailure(
                FailureKind.MISSING_OBJECT, f"{file.name} has no column {key!r}, the key; it has {found}"[:300]
            )


def _leave(pages: Generator[DocumentPage, None, None], done: asyncio.Future[DocumentPage | None]) -> None:
    """Nobody waits any more for what ``done`` brought."""
    if not done.cancelled():
        done.exception()
    pages.close()


def _fingerprint(files: Sequence[Found]) -> str:
    told = "\n".join(f"{file.path} {file.size} {file.modified_ns}" for file in files)
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()[:16]


def _resumed(cursor: Cursor, seen: str) -> tuple[int, int]:
    """The file to go on in and the last row read of it; the beginning, where the files are others by now."""
    if isinstance(cursor, dict) and cursor.get("seen") == seen:
        file, row = cursor.get("file"), cursor.get("row")
        if isinstance(file, int) and isinstance(row, int):
            return file, row
    return 0, 0


def _refuse_binary(file: Found) -> None:
    """Raises SourceFailure for a file that is no text, whatever its name says."""
    with file.path.open("rb") as opened:
        begin = opened.read(8)
    for mark, what in _BINARY.items():
        if begin.startswith(mark):
            raise SourceFailure(FailureKind.GARBLED, f"{file.name} is {what}")


def _kind(value: JSON) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes or no"
        case int() | Decimal():
            return "number"
        case date():
            return "date"
        case _:
            return "text"


def _sample(value: JSON) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= SAMPLE else text[: SAMPLE - 1] + "…"


def _open(declaration: SourceDeclaration, options: FileOptions) -> FileConnector:
    return FileConnector(declaration, options)


KIND: ConnectorKind[FileOptions] = ConnectorKind(options=FileOptions, open=_open)
