"""CSV and its relatives: cells separated by something, rows ended by something, quoted or not.

A quote that nobody closes would swallow the rows after it without a word. So a row that is cut off, goes on after its
quote or has another number of cells than there are columns is a problem of its own *first line*, and reading goes on in
the line after that.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

from sources.failures import FailureKind, SourceFailure
from sources.file.lines import MAX_ROW, Feed, read_lines
from sources.file.options import FileOptions
from sources.file.straight import Block, Reader, straight_rows
from sources.file.table import Row, Table, check_height, check_width, column_names, is_blank
from sources.values import JSON

CANDIDATES = (",", ";", "\t", "|")
_SNIFFED = 30
_AT_ONCE = 500
"""Lines that are read at once."""
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
    blocks = _blocks(path, name, options, delimiter, begin)
    if options.columns is not None:
        return Table(name, options.columns, _counted(blocks, name, options), modified)
    header = next((row for block in blocks for row in block.rows), None)
    if header is not None and header.problem is not None:
        raise SourceFailure(FailureKind.GARBLED, f"{name}, line {header.number}: {header.problem}")
    columns = column_names(header.cells if header is not None else (), name, options)
    return Table(name, columns, _counted(blocks, name, options), modified)


def _counted(blocks: Iterator[Block], name: str, options: FileOptions) -> Iterator[Row]:
    """The rows of ``blocks`` without the blank ones; an end to too many."""
    count = 0
    for block in blocks:
        rows = block.rows
        if not block.is_straight:
            rows = [row for row in rows if row.problem is not None or not is_blank(row.cells)]
        yield from rows[: max(0, options.max_rows - count)]
        count += len(rows)
        check_height(count, name, options)


def _blocks(path: Path, name: str, options: FileOptions, delimiter: str, begin: int) -> Iterator[Block]:
    """Every row from the line ``begin``, the header too, which comes alone; each has as many cells as the first, or a
    problem."""
    width = None if options.columns is None else len(options.columns)
    with closing(read_lines(path, name, options)) as lines:
        if options.record_end is not None:
            rows = _by_end(lines, name, options.record_end, delimiter, begin)
        else:
            feed = Feed(lines, begin)
            if options.open_rows:
                rows = _open(feed, delimiter, width or 1)
            elif len(delimiter) > 1:
                rows = _split(feed, delimiter)
            else:
                yield from _quoted(
                    feed, delimiter, options.quote, width, partial(check_width, name=name, options=options)
                )
                return
        for row in rows:
            if row.problem is None:
                check_width(len(row.cells), name, options)
                if width is None:
                    width = len(row.cells)
                elif problem := _misfit(row.cells, width):
                    row = Row(row.number, (), problem)
            yield Block((row,))


def _misfit(cells: Sequence[JSON], width: int) -> str | None:
    """What is wrong with the number of ``cells``; empty ones at the end are not."""
    if is_blank(cells) or (len(cells) >= width and is_blank(cells[width:])):
        return None
    return f"the row has {len(cells)} cells, and there are {width} columns"


# ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _quoted(feed: Feed, delimiter: str, quote: str, width: int | None, check: Callable[[int], None]) -> Iterator[Block]:
    """Rows of a CSV proper: many at once while they are straight, and each that is not by itself. ``check`` raises for a
    row that is too wide."""

    def reader(lines: Iterable[str]) -> Reader:
        if not quote:
            return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, quotechar=None, strict=True)
        return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)

    while True:
        if width is not None:
            lines = feed.take(_AT_ONCE)
            straight, used = straight_rows(reader(lines), feed.number - len(lines) + 1, width)
            feed.put_back(lines[used:])
            if straight:
                check(width)
                yield Block(straight, is_straight=True)
        number = feed.begin()
        problem = None
        try:
            cells = next(reader(feed))
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
                check(len(cells))
                problem = _misfit(cells, width)
        if problem is not None and feed.lines_taken > 1:
            feed.give_back()
        yield Block((Row(number, () if problem else cells, problem),))


def _split(feed: Feed, delimiter: str) -> Iterator[Row]:
    """A row a line, a separator of several characters, no quotes."""
    while True:
        number = feed.begin()
        try:
            line = next(feed)
        except StopIteration:
            return
        yield Row(number, line.rstrip("\r\n").split(delimiter))


def _open(feed: Feed, delimiter: str, width: int) -> Iterator[Row]:
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
    with closing(read_lines(path, name, options)) as lines:
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
