"""How common each word and model number is in two catalogues, in files that several processes share.

A file holds, in the order of their numbers, the texts that more than one record has, and how many of either side have each.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

from resolvers.matching.candidates import number
from resolvers.matching.vocabulary import Vocabulary

KEPT = 50_000
"""Counts that a process keeps at hand, a kind."""


class Kind(IntEnum):
    """What is counted."""

    WORD = 0
    TEXT = 1
    CODE = 2
    STEM = 3
    VALUE = 4


def value_text(field: str, value: str) -> str:
    """A value of a field, as it is counted."""
    return f"{field}\0{value}"


class CountFile:
    """The counts of one kind: for each text of a sorted column of numbers, the records on the left and on the right."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self._rows = size // 16
        if not self._rows:  # an empty file cannot be mapped
            self._numbers = self._counts = memoryview(b"")
            return
        with path.open("rb") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._numbers = whole[: self._rows * 8].cast("Q")
        self._counts = whole[self._rows * 8 :].cast("I")

    def of(self, text: str) -> tuple[int, int]:
        """How many records on the left and on the right have ``text``; (0, 0) also where one has it in all."""
        wanted = number(text)
        at = bisect_left(self._numbers, wanted)
        if at == self._rows or self._numbers[at] != wanted:
            return 0, 0
        return self._counts[at], self._counts[self._rows + at]


def write_counts(path: Path, columns: Iterable[tuple[bytes, bytes, bytes]]) -> None:
    """Write a count file from parts of its three columns (numbers, left, right), in the order of the numbers."""
    left, right = path.with_suffix(".left"), path.with_suffix(".right")
    with path.open("wb") as file, left.open("wb") as lefts, right.open("wb") as rights:
        for numbers, here, there in columns:
            file.write(numbers)
            lefts.write(here)
            rights.write(there)
    with path.open("ab") as file:
        for part in (left, right):
            with part.open("rb") as source:
                while piece := source.read(1 << 20):
                    file.write(piece)
            part.unlink()


class StoredCounts(Counter[str]):
    """A counter that looks up in a file what it has not been asked before."""

    def __init__(self, file: CountFile, side: int | None = None) -> None:
        """``side``: the records of the left (0) or the right (1) are counted; None: of both."""
        super().__init__()
        self._file = file
        self._side = side

    def __missing__(self, key: str) -> int:
        counts = self._file.of(key)
        count = sum(counts) if self._side is None else counts[self._side]
        if len(self) >= KEPT:
            self.clear()
        self[key] = count
        return count


class StoredValues(Counter[tuple[str, str]]):
    """The same for values of fields."""

    def __init__(self, file: CountFile, side: int) -> None:
        super().__init__()
        self._file = file
        self._side = side

    def __missing__(self, key: tuple[str, str]) -> int:
        count = self._file.of(value_text(*key))[self._side]
        if len(self) >= KEPT:
            self.clear()
        self[key] = count
        return count


def path_of(directory: Path, kind: Kind) -> Path:
    """Where the counts of a kind lie."""
    return directory / f"{kind.name.lower()}.counts"


def stored_vocabulary(directory: Path, records: int, brands: frozenset[str], variants: frozenset[str]) -> Vocabulary:
    """The vocabulary of the count files in ``directory``. Raises OSError where they are not there."""
    files = {kind: CountFile(path_of(directory, kind)) for kind in Kind}
    return Vocabulary(
        records=records,
        words=StoredCounts(files[Kind.WORD]),
        texts=StoredCounts(files[Kind.TEXT]),
        codes=(StoredCounts(files[Kind.CODE], 0), StoredCounts(files[Kind.CODE], 1)),
        stems=(StoredCounts(files[Kind.STEM], 0), StoredCounts(files[Kind.STEM], 1)),
        values=(StoredValues(files[Kind.VALUE], 0), StoredValues(files[Kind.VALUE], 1)),
        brands=brands,
        variants=variants,
    )
