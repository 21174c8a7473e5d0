"""Profiles in a file: a million of them on disk, those that are compared in memory."""

from __future__ import annotations

import marshal
import os
from array import array
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from resolvers.matching.profile import Profile, Reading
from resolvers.matching.quantities import Amount


def packed(profile: Profile) -> bytes:
    """A profile as bytes, for the same version of Python to read."""
    told: Any = (
        profile.key,
        _reading(profile.name),
        _reading(profile.more),
        profile.joined,
        profile.model,
        profile.head,
        profile.brand,
        profile.category,
        profile.price,
        dict(profile.values),
    )
    return marshal.dumps(told)


def unpacked(data: bytes) -> Profile:
    """What :func:`packed` made of a profile."""
    key, name, more, *rest = marshal.loads(data)  # noqa: S302 - a file that only this run writes
    return Profile(key, _read(name), _read(more), *rest)


def _reading(one: Reading) -> tuple[object, ...]:
    quantities = tuple(tuple(amount) for amount in one.quantities)
    return (one.words, one.compounds, one.numbers, one.codes, one.parts, quantities, one.colours)


def _read(told: tuple[frozenset[str], ...]) -> Reading:
    words, compounds, numbers, codes, parts, quantities, colours = told
    amounts = frozenset(Amount(*one) for one in quantities) if quantities else frozenset()
    return Reading(words, compounds, numbers, codes, parts, amounts, colours)


class ShelfWriter:
    """Profiles are put on a shelf in their order; what was put after the last ``mark`` is as if it never was."""

    def __init__(self, path: Path, *, records: int = 0, size: int = 0) -> None:
        """Goes on behind the first ``records`` profiles, which take ``size`` bytes. Raises OSError."""
        self._profiles = path.open("ab")
        self._ends = path.with_suffix(".ends").open("ab")
        self._profiles.truncate(size)
        self._ends.truncate(records * 8)
        self.size = size

    def put(self, profiles: bytes, lengths: array[int]) -> None:
        """Put profiles, one after the other, with the length of each."""
        ends = array("Q")
        for length in lengths:
            self.size += length
            ends.append(self.size)
        self._profiles.write(profiles)
        self._ends.write(ends.tobytes())

    def mark(self) -> int:
        """Everything is with the system; the bytes of it."""
        self._profiles.flush()
        self._ends.flush()
        return self.size

    def close(self) -> None:
        """Close the files."""
        self._profiles.close()
        self._ends.close()


class Shelf:
    """The profiles of a file by their places. Raises OSError where it is not there."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._ends = array("Q", path.with_suffix(".ends").read_bytes())

    def __len__(self) -> int:
        return len(self._ends)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)

    def __getitem__(self, place: int) -> Profile:
        """The profile at ``place``."""
        begin = self._ends[place - 1] if place else 0
        return unpacked(os.pread(self._file, self._ends[place] - begin, begin))
