"""Keeping what many ask for, whatever one asks for: a bounded store that a flood of different keys cannot empty.

Two rooms. What is new waits in a small one, from which the oldest goes. What is asked for a second time may enter the
large one, if there is place for it or if it has been asked for more often than all of those, together, that would have to
go for it; these are the least asked for. Uses are halved every minute that something new comes, so that what was in demand
once does not stay for ever. So a client that sends endless different documents, once or a few times each, moves only the
small room; to push out what others use it must ask for its own more often than they do, at which point it is what is used.

A hit costs a dictionary lookup and an addition: there is no order to maintain.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

HALVING_SECONDS = 60.0
NEW_SHARE = 8
"""The room for what is new is the eighth part of the whole."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    weight: int
    uses: int = 1


class Keep(Generic[K, T]):
    """Values by key, at most ``entries`` of them, whose weights are at most ``weight`` together.

    ``dropped`` is told of each that goes."""

    def __init__(
        self,
        *,
        entries: int,
        weight: int,
        dropped: Callable[[K, T], None] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._new: OrderedDict[K, _Entry[T]] = OrderedDict()
        self._kept: dict[K, _Entry[T]] = {}
        self._new_entries, self._new_weight = max(1, entries // NEW_SHARE), weight // NEW_SHARE
        self._kept_entries, self._kept_weight = entries - self._new_entries, weight - self._new_weight
        self._weighs_new = self._weighs_kept = 0
        self._dropped = dropped
        self._clock = clock
        self._halved = clock()

    def __len__(self) -> int:
        return len(self._new) + len(self._kept)

    def __contains__(self, key: object) -> bool:
        return key in self._kept or key in self._new

    @property
    def weight(self) -> int:
        """Of everything that is kept."""
        return self._weighs_new + self._weighs_kept

    def get(self, key: K) -> T | None:
        """The value of ``key``, if it is kept; it counts as a use."""
        entry = self._kept.get(key)
        if entry is not None:
            entry.uses += 1
            return entry.value
        return self._seen_again(key) if key in self._new else None

    def put(self, key: K, value: T, weight: int) -> bool:
        """Keep a value that is new; whether it is kept. One that weighs more than an eighth of everything is not."""
        if key in self or weight > self._new_weight:
            return False
        self._halve()
        while self._new and (len(self._new) >= self._new_entries or self._weighs_new + weight > self._new_weight):
            gone, entry = self._new.popitem(last=False)
            self._weighs_new -= entry.weight
            self._drop(gone, entry)
        self._new[key] = _Entry(value, weight)
        self._weighs_new += weight
        return True

    def clear(self) -> None:
        """Let everything go."""
        for room in (self._new, self._kept):
            while room:
                key, entry = room.popitem()
                self._drop(key, entry)
        self._weighs_new = self._weighs_kept = 0

    def _seen_again(self, key: K) -> T:
        entry = self._new[key]
        entry.uses += 1
        going = self._in_its_way(entry)
        if going is not None:
            for one in going:
                gone = self._kept.pop(one)
                self._weighs_kept -= gone.weight
                self._drop(one, gone)
            del self._new[key]
            self._weighs_new -= entry.weight
            self._kept[key] = entry
            self._weighs_kept += entry.weight
        return entry.value

    def _in_its_way(self, entry: _Entry[T]) -> list[K] | None:
        """What would have to go for ``entry`` to be kept; None where that is in more demand."""
        places, room = self._kept_entries - len(self._kept), self._kept_weight - self._weighs_kept
        going: list[K] = []
        if places >= 1 and room >= entry.weight:
            return going
        demand = 0
        for key, other in sorted(self._kept.items(), key=lambda item: item[1].uses):
            demand += other.uses
            if demand >= entry.uses:
                return None
            going.append(key)
            places, room = places + 1, room + other.weight
            if places >= 1 and room >= entry.weight:
                return going
        return None

    def _halve(self) -> None:
        passed = int((self._clock() - self._halved) // HALVING_SECONDS)
        if passed:
            self._halved += passed * HALVING_SECONDS
            for entry in (*self._kept.values(), *self._new.values()):
                entry.uses >>= min(passed, 32)

    def _drop(self, key: K, entry: _Entry[T]) -> None:
        if self._dropped is not None:
            self._dropped(key, entry.value)
