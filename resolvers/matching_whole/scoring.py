"""What a process does with a lot of pairs: profiles from the shelves, compared by the model."""

from __future__ import annotations

import pickle
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resolvers.matching.comparing import Weighed, weighed
from resolvers.matching.comparisons import COMPARISONS, Comparison, value_comparison
from resolvers.matching.screening import Screen
from resolvers.matching.vocabulary import Vocabulary
from resolvers.matching.weights import Frequencies, Levels, Weights
from resolvers.matching_whole.counts import stored_vocabulary
from resolvers.matching_whole.shelf import Shelf

KEPT = 1000
"""Records of the other side that a process keeps at hand: popular ones are candidates of many."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned of two catalogues, beside the counts: as it is written down for other processes."""

    records: int
    brands: frozenset[str]
    variants: frozenset[str]
    fields: tuple[str, ...]
    """Attributes and identifiers that are compared."""
    without: frozenset[str]
    weights: tuple[Frequencies, Frequencies, Frequencies, float, float] | None = None
    once: tuple[bool, bool] = (True, True)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """What two records are compared by."""
        every = COMPARISONS + tuple(map(value_comparison, self.fields))
        return tuple(one for one in every if one.name not in self.without)

    def learned_weights(self) -> Weights:
        """The weights. Raises ValueError where none were learned yet."""
        if self.weights is None:
            raise ValueError("the weights of this run have not been learned yet")
        return Weights(self.comparisons, *self.weights)

    def vocabulary(self, directory: Path) -> Vocabulary:
        """The vocabulary, its counts read from ``directory``."""
        return stored_vocabulary(directory, self.records, self.brands, self.variants)

    def write(self, path: Path) -> None:
        """Write it down, whole or not at all."""
        made = path.with_suffix(".new")
        made.write_bytes(pickle.dumps(self))
        made.replace(path)

    @classmethod
    def read(cls, path: Path) -> Learned:
        """What :meth:`write` wrote. Raises OSError."""
        found = pickle.loads(path.read_bytes())  # noqa: S301 - a file that only this run writes
        assert isinstance(found, cls)
        return found


@dataclass(frozen=True, slots=True)
class Lot:
    """Of ``compared`` pairs those that may come to something; columns of one length."""

    compared: int
    lefts: array[int]
    rights: array[int]
    log_odds: array[float]
    outcomes: list[bytes]


class Bench:
    """The records of both sides, ready to be compared."""

    def __init__(self, directory: Path, learned: Learned) -> None:
        self.vocabulary = learned.vocabulary(directory)
        self.shelves = shelves(directory)
        self._kept: dict[tuple[int, int], Weighed] = {}

    def __getitem__(self, place: tuple[int, int]) -> Weighed:
        """The record of a side (0 the left) at a place."""
        found = self._kept.get(place)
        if found is None:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            side, at = place
            found = self._kept[place] = weighed(self.shelves[side][at], self.vocabulary)
        return found


def shelves(directory: Path) -> tuple[Shelf, Shelf]:
    """The profiles of the left and the right catalogue."""
    return Shelf(directory / "left.profiles"), Shelf(directory / "right.profiles")


def outcome_of(levels: Levels) -> bytes:
    """Levels as bytes: one more than the level, 0 where a comparison does not tell."""
    return bytes(0 if level is None else level + 1 for level in levels)


def levels_of(outcome: bytes) -> Levels:
    """What :func:`outcome_of` made of levels."""
    return tuple(byte - 1 if byte else None for byte in outcome)


_HERE: list[tuple[Bench, Screen]] = []


def begin(directory: Path) -> None:
    """Make this process ready to score for the run in ``directory``."""
    learned = Learned.read(directory / "learned")
    bench = Bench(directory, learned)
    _HERE[:] = [(bench, Screen(learned.learned_weights(), bench.vocabulary))]


def score_pairs(pairs: Sequence[array[int]]) -> Lot:
    """Compare the pairs whose left and right places are the two columns of ``pairs``. Call :func:`begin` before."""
    ((bench, screen),) = _HERE
    found = Lot(len(pairs[0]), array("I"), array("I"), array("d"), [])
    outcomes: dict[Levels, bytes] = {}
    for left, right in zip(*pairs, strict=True):
        told = screen.compare(bench[0, left], bench[1, right])
        if told is not None:
            levels, log_odds = told
            found.lefts.append(left)
            found.rights.append(right)
            found.log_odds.append(log_odds)
            outcome = outcomes.get(levels)
            if outcome is None:
                outcome = outcomes[levels] = outcome_of(levels)
            found.outcomes.append(outcome)
    return found
