"""The words of a text with their weights, and how much two texts share, spellings forgiven."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from rapidfuzz.distance import OSA

SHORTEST = 4
"""Letters from which on a word is looked for in another spelling."""
FORGIVEN = 0.7
"""What a word in another spelling counts beside the same word."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Words and the squares of their bits; ``norm`` is the root of their sum."""

    weights: dict[str, float]
    compounds: dict[str, float]
    norm: float

    @classmethod
    def of(cls, words: Collection[str], compounds: Collection[str], squares: Mapping[str, float]) -> Wording:
        """The wording of ``words``, of each of which ``squares`` has the square of its bits; ``compounds`` are other
        spellings of some, and do not count in the norm."""
        weights = {word: squares[word] for word in words}
        # The fixed order of the sum keeps it the same in every run, whatever the order of a set.
        return cls(weights, {word: squares[word] for word in compounds}, sqrt(sum(sorted(weights.values()))))


class Overlap(NamedTuple):
    """The weight that two wordings share, and whether either has words that the other lacks in any spelling."""

    weight: float
    mine: bool
    theirs: bool


def overlap(one: Wording, other: Wording) -> Overlap:
    """What both say, as written, as one word, abbreviated or with a slip of the keyboard; the same in either order."""
    mine, theirs = one.weights, other.weights
    same = mine.keys() & theirs.keys()
    total = sum(sorted(mine[word] for word in same))
    rest, others_rest = mine.keys() - same, theirs.keys() - same
    if one.compounds or other.compounds:
        glued = (one.compounds.keys() & (others_rest | other.compounds.keys())) | (other.compounds.keys() & rest)
        for word in sorted(glued):
            total += mine.get(word) or theirs.get(word) or one.compounds[word]
            rest = {left for left in rest if left not in word}
            others_rest = {left for left in others_rest if left not in word}
    if rest and others_rest:
        rest, others_rest = set(rest), set(others_rest)
        # The weightiest first; the words in their order, not in that of the sides, settle a tie.
        pairs = [
            (-sqrt(mine[a] * theirs[b]), min(a, b), max(a, b), a, b) for a in rest for b in others_rest if respelt(a, b)
        ]
        for weight, _, _, a, b in sorted(pairs):
            if a in rest and b in others_rest:
                rest.discard(a)
                others_rest.discard(b)
                total -= FORGIVEN * weight
    return Overlap(total, bool(rest), bool(others_rest))


def respelt(one: str, other: str) -> bool:
    """Is one a misspelling of the other, its plural, or short for it (``fldr``, ``env``)?"""
    if one[0] != other[0]:
        return False
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(long) < SHORTEST:
        return False
    if (
        len(short) >= SHORTEST
        and len(long) - len(short) <= 2
        and OSA.distance(short, long, score_cutoff=2) <= (1 if len(short) < 8 else 2)
    ):
        return True
    if len(short) > len(long) - 2 or len(short) < 2:
        return False
    if long.startswith(short):
        return len(short) >= 3
    if len(short) < 3 or (short[-1] != long[-1] and len(short) < 4):
        return False
    letters = iter(long)
    return all(letter in letters for letter in short)
