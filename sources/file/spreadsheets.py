"""XLSX and ODS: one sheet of a workbook as a table."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from sources.columns import instead_of
from sources.failures import FailureKind, SourceFailure
from sources.file.archives import Archive
from sources.file.extents import ods_extents, xlsx_extent, xlsx_sheets
from sources.file.options import FileOptions, Format
from sources.file.table import Row, Table, column_names, is_blank
from sources.values import JSON

_EXACT = 10**15
"""From here on a spreadsheet's numbers have more digits than it keeps."""
_MODIFIED = {"xlsx": ("docProps/core.xml", "modified"), "ods": ("meta.xml", "date")}


class NoSheet(SourceFailure):
    """The workbook has no such sheet; ``sheets`` are those it has."""

    def __init__(self, name: str, sheet: str | int, sheets: Sequence[str]) -> None:
        self.sheets = tuple(sheets)
        self.instead = instead_of(str(sheet), sheets)
        super().__init__(FailureKind.MISSING_OBJECT, f"{name} has no sheet {sheet!r}; {self.instead}")


def open_spreadsheet(
    path: Path, name: str, kind: Format, options: FileOptions, modified: datetime, timezone: tzinfo
) -> Table:
    """The table on one sheet of the workbook at ``path``, which messages call ``name``.

    The workbook's own date of its last change is preferred to ``modified``; one that names no zone is in ``timezone``.
    Raises SourceFailure.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, options.max_bytes) + 1)
    if len(data) > options.max_bytes:
        raise SourceFailure(
            FailureKind.TOO_LARGE, f"{name} is larger than {options.max_bytes} bytes; no more is read (max_bytes)"
        )
    archive = Archive(data, name, options.max_bytes)
    archive.verify()
    chosen = _measured(archive, name, kind, options)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            sheet = workbook.get_sheet_by_name(chosen)
            rows = _rows(sheet)
            place = f"{name}, sheet {chosen}"
            if options.columns is not None:
                columns = options.columns
            else:
                header = next((row for row in rows if row.number == options.header_row), None)
                columns = column_names(header.cells if header is not None else (), place, options)
            own = _modified(archive, kind, timezone)
            return Table(name, columns, (row for row in rows if not is_blank(row.cells)), own or modified, chosen)
    except CalamineError as error:
        raise SourceFailure(FailureKind.GARBLED, f"{name} cannot be read: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise SourceFailure(FailureKind.GARBLED, f"{name} cannot be read: the reader gave it up") from error


def _measured(archive: Archive, name: str, kind: Format, options: FileOptions) -> str:
    """The sheet to read, after a look at how large it is."""
    if kind == "xlsx":
        parts = xlsx_sheets(archive, name)
        chosen = _choose(options.sheet, tuple(parts), name)
        xlsx_extent(archive, parts[chosen], options).check(f"{name}, sheet {chosen},", options)
        return chosen
    extents = ods_extents(archive)
    for sheet, extent in extents.items():
        extent.check(f"{name}, sheet {sheet},", options)
    return _choose(options.sheet, tuple(extents), name)


def _choose(wanted: str | int | None, sheets: Sequence[str], name: str) -> str:
    if wanted is None:
        wanted = 0
    if isinstance(wanted, int):
        if 0 <= wanted < len(sheets):
            return sheets[wanted]
    elif wanted in sheets:
        return wanted
    raise NoSheet(name, wanted, sheets)


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    """Rows as a person counts them, each from column A on."""
    left: list[JSON] = [None] * (sheet.start[1] if sheet.start is not None else 0)
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield Row(number, left + [_cell(cell) for cell in cells])


def _cell(value: Any) -> JSON:
    """A cell as a document holds it: a whole number as int, so that 121066.0 is the model number it was."""
    match value:
        case bool():
            return value
        case float():
            if value.is_integer() and abs(value) < _EXACT:
                return int(value)
            return Decimal(repr(value)) if math.isfinite(value) else str(value)
        case str():
            return value or None
        case time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case int() | datetime() | date():
            return value
        case _:
            return None if value is None else str(value)


def _modified(archive: Archive, kind: Format, timezone: tzinfo) -> datetime | None:
    """When the workbook says that it was last changed; None where it does not say."""
    part, element = _MODIFIED[kind]
    if part not in archive.parts:
        return None
    found: list[str] = []
    inside = False

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal inside
        inside = tag == element

    def end(_: str) -> None:
        nonlocal inside
        inside = False

    def text(data: str) -> None:
        if inside:
            found.append(data)

    archive.parse(part, start, end, text)
    try:
        moment = datetime.fromisoformat("".join(found).strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone)).astimezone(UTC)
