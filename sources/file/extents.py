"""How large a sheet is, found out before it is opened: a reader that lays a sheet out as a grid takes memory for every
cell up to the farthest, and one cell at XFD1048576 is 17,000,000,000 of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sources.failures import FailureKind, SourceFailure
from sources.file.archives import Archive
from sources.file.options import FileOptions

MAX_CELLS = 20_000_000
"""Of one sheet as a grid."""
_LONGEST_TAG = 1 << 20
_CELL = re.compile(rb"<(?:[^\s<>:/]+:)?c(?=[\s/>])")
_PLACE = re.compile(rb"<(?:[^\s<>:/]+:)?c(?:\s+[\w:]+=\"[^\"'<>]*\")*?\s+r=\"([A-Z]{1,3})([0-9]{1,7})\"", re.ASCII)
_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_STRINGS = "xl/sharedstrings.xml"


@dataclass
class Extent:
    """The farthest row and column in which something stands, and how many characters stand there."""

    rows: int = 0
    columns: int = 0
    characters: int = 0

    def reach(self, row: int, column: int) -> None:
        """Something stands there, both counted from 1."""
        self.rows = max(self.rows, row)
        self.columns = max(self.columns, column)

    def excess(self, options: FileOptions) -> str | None:
        """What is more than ``options`` let in; None where nothing is."""
        if self.rows > options.max_rows:
            return f"reaches over {self.rows} rows; {options.max_rows} are read at most (max_rows)"
        if self.columns > options.max_columns:
            return f"reaches over {self.columns} columns; {options.max_columns} are read at most (max_columns)"
        if self.rows * self.columns > MAX_CELLS:
            return f"reaches over {self.rows} rows and {self.columns} columns; {MAX_CELLS} cells are read at most"
        if self.characters > options.max_bytes:
            return f"holds {self.characters} characters; {options.max_bytes} are read at most (max_bytes)"
        return None

    def check(self, name: str, options: FileOptions) -> None:
        """Raises SourceFailure for a sheet larger than ``options`` let in."""
        excess = self.excess(options)
        if excess is not None:
            raise SourceFailure(FailureKind.TOO_LARGE, f"{name} {excess}")


# ── XLSX ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def xlsx_sheets(archive: Archive, name: str) -> dict[str, str]:
    """The part of each sheet by the sheet's name, in their order."""
    targets: dict[str, str] = {}
    sheets: dict[str, str] = {}

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship" and targets.setdefault(attributes.get("Id", ""), attributes.get("Target", "")) != (
            attributes.get("Target", "")
        ):
            raise SourceFailure(FailureKind.GARBLED, f"{name} cannot be read: two sheets have one id")

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            target = targets.get(_local(attributes, "id"), "")
            part = target.lstrip("/") if target.startswith(("/", "xl/")) else f"xl/{target}"
            sheets[attributes.get("name", "")] = part

    archive.parse(_RELATIONS, relation)
    archive.parse(_WORKBOOK, sheet)
    return sheets


def xlsx_extent(archive: Archive, part: str, options: FileOptions) -> Extent:
    """The extent of the sheet in ``part``, or a generous measure of it where even that is within ``options``."""
    lengths = _string_lengths(archive)
    glance = _glance(archive, part, max(lengths, default=0))
    return glance if glance is not None and glance.excess(options) is None else _survey(archive, part, lengths)


def _glance(archive: Archive, part: str, longest: int) -> Extent | None:
    """A quick and generous measure: every cell that names its place counts, and all hold the longest text. None where
    that says nothing, because it is too much or because some cell names no place; then each must be looked at."""
    extent, count, pending = Extent(), 0, b""
    for chunk in archive.chunks(part):
        pending += chunk
        end = pending.rfind(b">") + 1
        text, pending = pending[:end], pending[end:]
        if len(pending) > _LONGEST_TAG or b"<!DOCTYPE" in text:
            return None
        found = _PLACE.findall(text)
        if len(found) != len(_CELL.findall(text)):
            return None
        count += len(found)
        if found:
            columns = {letters for letters, _ in found}
            extent.reach(max(int(digits) for _, digits in found), max(_column(letters.decode()) for letters in columns))
    extent.characters = count * longest
    return extent if count else None


def _survey(archive: Archive, part: str, lengths: list[int]) -> Extent:
    """The exact measure, element by element."""
    cells = _XlsxCells(lengths)
    archive.parse(part, cells.start, cells.end, cells.text)
    return cells.extent


def _string_lengths(archive: Archive) -> list[int]:
    """The length of each shared string; a sheet may repeat one of them in every cell."""
    lengths: list[int] = []

    def start(tag: str, _: dict[str, str]) -> None:
        if tag == "si":
            lengths.append(0)

    def text(data: str) -> None:
        if lengths:
            lengths[-1] += len(data)

    for part in archive.parts:
        if part.casefold() == _STRINGS:
            archive.parse(part, start, None, text)
    return lengths


class _XlsxCells:
    """Follows the cells of one sheet. A cell that is only formatted is none."""

    def __init__(self, lengths: list[int]) -> None:
        self.extent = Extent()
        self._lengths = lengths
        self._row = self._column = 0
        self._shared = False
        self._value: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._column, self._row = _cell(attributes.get("r", ""), self._column + 1, self._row)
            self._shared = attributes.get("t") == "s"
        elif tag == "row":
            number = attributes.get("r", "")
            self._row = int(number) if number.isdecimal() and len(number) < 10 else self._row + 1
            self._column = 0
        elif tag in ("v", "is", "f"):
            self.extent.reach(self._row, self._column)
            self._value = [] if tag == "v" and self._shared else None

    def end(self, tag: str) -> None:
        if tag == "v" and self._value is not None:
            index = "".join(self._value)
            if index.isdecimal() and len(index) < 10 and int(index) < len(self._lengths):
                self.extent.characters += self._lengths[int(index)]
            self._value = None

    def text(self, data: str) -> None:
        if self._value is not None:
            self._value.append(data)


def _cell(reference: str, column: int, row: int) -> tuple[int, int]:
    """The column and row that ``reference`` (``AB12``) names; ``column`` and ``row`` where it names none."""
    letters = reference.rstrip("0123456789")
    digits = reference[len(letters) :]
    if not digits or not letters.isascii() or not letters.isalpha() or len(letters) > 4 or len(digits) > 9:
        return column, row
    return _column(letters), int(digits)


def _column(letters: str) -> int:
    """The number of the column ``letters``: 1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _local(attributes: dict[str, str], name: str) -> str:
    """The attribute of that name, with whatever prefix."""
    return next((value for given, value in attributes.items() if given.rpartition(":")[2] == name), "")


# ── ODS ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def ods_extents(archive: Archive) -> dict[str, Extent]:
    """The extent of each sheet by its name, in their order; the reader lays them all out at once."""
    cells = _OdsCells()
    archive.parse("content.xml", cells.start, cells.end, cells.text)
    return cells.sheets


@dataclass
class _OdsCells:
    """Follows the cells of all sheets. Rows and cells may be repeated; empty ones at the end do not count."""

    sheets: dict[str, Extent] = field(default_factory=dict)
    _extent: Extent = field(default_factory=Extent)
    _row: int = 0
    _row_times: int = 1
    _column: int = 0
    _cell_times: int = 0
    _filled: bool = False
    _text: int = 0
    _row_text: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("table-cell", "covered-table-cell"):
            self._cell_times = _times(attributes.get("table:number-columns-repeated"))
            self._filled = "office:value-type" in attributes or "table:formula" in attributes
            self._text = len(attributes.get("office:string-value", ""))
        elif tag == "table-row":
            self._row_times = _times(attributes.get("table:number-rows-repeated"))
            self._column = self._row_text = 0
        elif tag == "table":
            self._row = 0
            self._extent = Extent()
            self.sheets[attributes.get("table:name", "")] = self._extent

    def text(self, data: str) -> None:
        if self._cell_times:
            self._text += len(data)

    def end(self, tag: str) -> None:
        if tag in ("table-cell", "covered-table-cell"):
            self._column += self._cell_times
            if self._filled or self._text:
                self._extent.reach(self._row + self._row_times, self._column)
                self._row_text += self._text * self._cell_times
            self._cell_times = 0
        elif tag == "table-row":
            self._row += self._row_times
            self._extent.characters += self._row_text * self._row_times


def _times(number: str | None) -> int:
    return int(number) if number is not None and number.isdecimal() and 0 < len(number) < 10 else 1
