"""Straight rows of a CSV: each has a cell a column, and none is blank or wrong.

Nearly all are. They are read many at once, up to the first that is not, which is then looked at by itself.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple, Protocol

from sources.file.table import Row, is_blank

_make_row = partial(tuple.__new__, Row)


class Block(NamedTuple):
    """Some rows; ``is_straight`` where that is known of all of them."""

    rows: Sequence[Row]
    is_straight: bool = False


class Reader(Protocol):
    """What :func:`csv.reader` returns."""

    line_num: int
    """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def straight_rows(reader: Reader, first: int, width: int) -> tuple[Sequence[Row], int]:
    """The straight rows that ``reader`` begins with, the first of them in line ``first``, and how many lines they take."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    used = 0
    try:
        for cells in reader:
            if len(cells) != width or (not cells[0] and is_blank(cells)) or (cells[0].isspace() and is_blank(cells)):
                break
            numbers.append(first + used)
            rows.append(cells)
            used = reader.line_num
    except csv.Error:
        pass  # the row in question is read again, by itself
    return [*map(_make_row, zip(numbers, rows, repeat(None), strict=False))], used
