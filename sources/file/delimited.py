"""CSV and its relatives: cells separated by something, rows ended by something, quoted or not.

A quote that nobody closes would swallow the rows after it without a word. So a row that is cut off, goes on after its
quote or has another number of cells than there are columns is a problem of its own *first line*, and reading goes on in
the line after that.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

from sources.failures import FailureKind, SourceFailure
from sources.file.options import FileOptions
from sources.file.table import Row, Table, check_height, check_width, column_names, is_blank
from sources.values import JSON

CANDIDATES = (",", ";", "\t", "|")
MAX_ROW = 1_000_000
"""Characters that one row may have."""
_SNIFFED = 30
_CHUNK = 1 << 16
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


def open_delimited(path: Path, name: str, options: FileOptions, modified: datetime) -> Table:
    """The table in the file at ``path``, which messages call ``name``; its ``rows`` are a generator, closed at the end.

    Raises SourceFailure.
    """
    if path.stat().st_size > options.max_bytes:
        raise SourceFailure(
            FailureKind.TOO_LARGE, f"{name} is larger than {options.max_bytes} bytes; no more is read (max_bytes)"
        )
    begin = 1 if options.columns is not None else options.header_row
    delimiter = options.delimiter
    if delimiter is None:
        delimiter, begin = _sniff(path, name, options, begin)
    rows = _rows(path, name, options, delimiter, begin)
    if options.columns is not None:
        return Table(name, options.columns, _counted(rows, name, options), modified)
    header = next(rows, None)
    if header is not None and header.problem is not None:
        raise SourceFailure(FailureKind.GARBLED, f"{name}, line {header.number}: {header.problem}")
    columns = column_names(header.cells if header is not None else (), name, options)
    return Table(name, columns, _counted(rows, name, options), modified)


def _counted(rows: Iterator[Row], name: str, options: FileOptions) -> Iterator[Row]:
    """``rows`` without the blank ones; an end to too many."""
    count = 0
    for row in rows:
        if row.problem is None and is_blank(row.cells):
            continue
        count += 1
        check_height(count, name, options)
        yield Row(row.number, [cell or None for cell in row.cells], row.problem)


def _rows(path: Path, name: str, options: FileOptions, delimiter: str, begin: int) -> Iterator[Row]:
    """Every row from the line ``begin``, the header too; each has as many cells as the first, or a problem."""
    width = None if options.columns is None else len(options.columns)
    with closing(_lines(path, name, options)) as lines:
        if options.record_end is not None:
            rows = _by_end(lines, name, options.record_end, delimiter, begin)
        else:
            feed = _Feed(lines, begin)
            if options.open_rows:
                rows = _open(feed, delimiter, width or 1)
            elif len(delimiter) > 1:
                rows = _split(feed, delimiter)
            else:
                rows = _quoted(feed, delimiter, options.quote, width)
        for row in rows:
            if row.problem is None:
                check_width(len(row.cells), name, options)
                if width is None:
                    width = len(row.cells)
                elif problem := _misfit(row.cells, width):
                    yield Row(row.number, (), problem)
                    continue
            yield row


def _misfit(cells: Sequence[JSON], width: int) -> str | None:
    """What is wrong with the number of ``cells``; empty ones at the end are not."""
    if is_blank(cells) or (len(cells) >= width and is_blank(cells[width:])):
        return None
    return f"the row has {len(cells)} cells, and there are {width} columns"


# ── Lines ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lines(path: Path, name: str, options: FileOptions) -> Generator[str, None, None]:
    """The lines with their ends. Raises SourceFailure for bytes that the encoding does not have."""
    number = 0
    try:
        with path.open(encoding=options.encoding, newline="") as file:
            while line := file.readline(MAX_ROW):
                number += 1
                if len(line) >= MAX_ROW:
                    raise SourceFailure(
                        FailureKind.TOO_LARGE, f"{name}, line {number}: longer than {MAX_ROW} characters"
                    )
                yield line
    except UnicodeError as error:
        number = _undecodable(path, options.encoding)
        raise SourceFailure(
            FailureKind.GARBLED,
            f"{name}, line {number}: not {options.encoding.removesuffix('-sig')}; "
            'set encoding, such as encoding = "cp1252"',
        ) from error


def _undecodable(path: Path, encoding: str) -> int:
    """The number of the first line that is not in ``encoding``."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number = 1
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(_CHUNK), b""):
            try:
                decoder.decode(line)
            except UnicodeError:
                return number
            number += line.endswith(b"\n")
    return number


class _Feed:
    """Lines one by one; those of the row being read can be given back, all but its first."""

    def __init__(self, lines: Iterator[str], begin: int) -> None:
        self._lines = lines
        self._ahead: deque[str] = deque()
        self._taken: list[str] = []
        self._size = 0
        self.number = begin - 1
        """Of the line given last."""
        for _ in islice(lines, begin - 1):
            pass

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.number += 1
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_ROW:
            raise csv.Error(f"it goes on for more than {MAX_ROW} characters")
        return line

    def begin(self) -> int:
        """A row begins; the number of its first line."""
        self._taken.clear()
        self._size = 0
        return self.number + 1

    @property
    def lines_taken(self) -> int:
        """Lines of this row so far."""
        return len(self._taken)

    def give_back(self) -> None:
        """Let the next row begin in the second line of this one."""
        self._ahead.extendleft(reversed(self._taken[1:]))
        self.number -= len(self._taken) - 1
        del self._taken[1:]


# ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _quoted(feed: _Feed, delimiter: str, quote: str, width: int | None) -> Iterator[Row]:
    """Rows of a CSV proper."""

    def reader() -> Iterator[list[str]]:
        if not quote:
            return csv.reader(feed, delimiter=delimiter, quoting=csv.QUOTE_NONE, quotechar=None, strict=True)
        return csv.reader(feed, delimiter=delimiter, quotechar=quote, strict=True)

    records = reader()
    while True:
        number = feed.begin()
        problem = None
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"a quote is wrong: {error}" if quote else f"{error}"
        else:
            if width is None:
                width = len(cells)
            elif feed.lines_taken > 1:
                problem = _misfit(cells, width)
        if problem is None:
            yield Row(number, cells)
        else:
            feed.give_back()
            records = reader()
            yield Row(number, (), problem)


def _split(feed: _Feed, delimiter: str) -> Iterator[Row]:
    """A row a line, a separator of several characters, no quotes."""
    while True:
        number = feed.begin()
        try:
            line = next(feed)
        except StopIteration:
            return
        yield Row(number, line.rstrip("\r\n").split(delimiter))


def _open(feed: _Feed, delimiter: str, width: int) -> Iterator[Row]:
    """Rows that go on over the lines until they have ``width`` cells."""
    while True:
        number = feed.begin()
        try:
            text = next(feed)
        except StopIteration:
            return
        separators = text.count(delimiter)
        problem = None
        try:
            while separators < width - 1 and text.strip():
                line = next(feed)
                text += line
                separators += line.count(delimiter)
        except StopIteration:
            problem = f"the row has {separators + 1} cells, and there are {width} columns"
        except csv.Error as error:
            problem = str(error)
        if separators >= width:
            problem = f"the row has {separators + 1} cells, and there are {width} columns"
        if problem is not None and feed.lines_taken > 1:
            feed.give_back()
        yield Row(number, () if problem else text.rstrip("\r\n").split(delimiter), problem)


def _by_end(lines: Iterator[str], name: str, end: str, delimiter: str, begin: int) -> Iterator[Row]:
    """Rows that end with ``end``, whatever lines they are on; no quotes."""
    number, pending = begin, ""
    for line in islice(lines, begin - 1, None):
        pending += line
        *records, pending = pending.split(end)
        for record in records:
            yield Row(number, record.strip("\r\n").split(delimiter))
            number += (record + end).count("\n")
        if len(pending) > MAX_ROW:
            raise SourceFailure(
                FailureKind.GARBLED, f"{name}, line {number}: the row goes on for more than {MAX_ROW} characters"
            )
    if pending.strip():
        yield Row(number, (), f"the file ends within this row: there is no {end!r} after it")


# ── Guessing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _sniff(path: Path, name: str, options: FileOptions, begin: int) -> tuple[str, int]:
    """The delimiter by which the beginning falls into most columns most evenly, and the line to begin in."""
    with closing(_lines(path, name, options)) as lines:
        first = list(islice(lines, begin - 1 + _SNIFFED))
    if first and (said := _SEPARATOR_LINE.fullmatch(first[0])):
        return said[1], begin + 1  # Excel writes its separator in a line of its own
    best, best_score = CANDIDATES[0], (0.0, 0)
    for candidate in CANDIDATES:
        reader = csv.reader(first[begin - 1 :], delimiter=candidate, quotechar=options.quote or None)
        try:
            widths = [len(cells) for cells in reader if cells]
        except csv.Error:
            continue
        width = len(options.columns) if options.columns is not None else max(widths[:1], default=0)
        if width > 1 and widths:
            score = (sum(found == width for found in widths) / len(widths), width)
            if score > best_score:
                best, best_score = candidate, score
    return best, begin
