"""The lines of a text file, bounded, and given back where a row turns out not to go on over them."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path

from sources.failures import FailureKind, SourceFailure
from sources.file.options import FileOptions

MAX_ROW = 1_000_000
"""Characters that one row may have."""
_CHUNK = 1 << 16


def read_lines(path: Path, name: str, options: FileOptions) -> Generator[str, None, None]:
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


class Feed:
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

    def take(self, count: int) -> list[str]:
        """The next lines, up to ``count``; a row begins with the first."""
        lines = [self._ahead.popleft() for _ in range(min(count, len(self._ahead)))]
        lines += islice(self._lines, count - len(lines))
        self.number += len(lines)
        return lines

    def put_back(self, lines: Sequence[str]) -> None:
        """The last of the lines that were taken are to come again."""
        self._ahead.extendleft(reversed(lines))
        self.number -= len(lines)

    @property
    def lines_taken(self) -> int:
        """Lines of this row so far."""
        return len(self._taken)

    def give_back(self) -> None:
        """Let the next row begin in the second line of this one."""
        self._ahead.extendleft(reversed(self._taken[1:]))
        self.number -= len(self._taken) - 1
        del self._taken[1:]
