"""What every kind of file becomes: named columns, and numbered rows of cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sources.failures import FailureKind, SourceFailure
from sources.file.options import FileOptions
from sources.values import JSON

_SPACE = re.compile(r"\s+")
_INVISIBLE = "\ufeff\u200b"


class Row(NamedTuple):
    """A row: its number as a person counts it in the file, and its cells; or, without cells, what is wrong with it."""

    number: int
    cells: Sequence[JSON]
    problem: str | None = None


@dataclass(frozen=True)
class Table:
    """An opened file. ``rows`` reads on as it is iterated; it raises SourceFailure where the file cannot be read on."""

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    modified: datetime
    sheet: str | None = None


class NoHeader(SourceFailure):
    """The row that should hold the columns' names holds none."""

    def __init__(self, name: str, row: int) -> None:
        super().__init__(
            FailureKind.MISSING_OBJECT,
            f"{name} has no names of columns in row {row}; set header_row to the row that has them",
        )


def column_names(cells: Sequence[JSON], name: str, options: FileOptions) -> tuple[str, ...]:
    """The names in a header row: in one line each, and each only once. Raises SourceFailure."""
    texts = [_SPACE.sub(" ", "" if cell is None else str(cell)).strip().strip(_INVISIBLE) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    if not texts:
        raise NoHeader(name, options.header_row)
    check_width(len(texts), name, options)
    names: list[str] = []
    taken = set(texts)
    for position, text in enumerate(texts, start=1):
        candidate = text or f"column {position}"
        if candidate in names:
            count = 2
            while (numbered := f"{candidate} ({count})") in taken:
                count += 1
            candidate = numbered
            taken.add(candidate)
        names.append(candidate)
    return tuple(names)


def check_width(width: int, name: str, options: FileOptions) -> None:
    """Raises SourceFailure for more columns than ``options`` let in."""
    if width > options.max_columns:
        raise SourceFailure(
            FailureKind.TOO_LARGE, f"{name} has {width} columns; {options.max_columns} are read at most (max_columns)"
        )


def check_height(height: int, name: str, options: FileOptions) -> None:
    """Raises SourceFailure for more rows than ``options`` let in."""
    if height > options.max_rows:
        raise SourceFailure(
            FailureKind.TOO_LARGE, f"{name} has more than {options.max_rows} rows; no more are read (max_rows)"
        )


def is_blank(cells: Sequence[JSON]) -> bool:
    """Whether nothing stands in any cell."""
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)
