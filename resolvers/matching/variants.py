"""Words that tell variants apart, learned from the catalogues themselves.

A catalogue that lists a colour, an edition or a size apart shows which words those are: they are what alone differs between
two of its records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from resolvers.matching.candidates import Index
from resolvers.matching.profile import Profile

MIN_PAIRS = 4
"""Pairs of sisters that a word must tell apart."""
SHARE = 0.05
"""Of the records with the word, the share that must have a sister without it."""
SAMPLE = 3000
"""Records of a catalogue that are looked at."""
SISTERS = 6
"""Records that each is held against."""


def variant_words(sides: Iterable[tuple[Sequence[Profile], Index]]) -> frozenset[str]:
    """The words that alone tell records of one catalogue apart, often enough to be no accident."""
    return words_apart(
        (side[place], [side[other] for other in index.candidates(side[place], but=place, most=SISTERS)])
        for side, index in sides
        for place in range(0, len(side), max(1, len(side) // SAMPLE))
    )


def words_apart(samples: Iterable[tuple[Profile, Iterable[Profile]]]) -> frozenset[str]:
    """The same, of records that are given, each with those of its own catalogue that are most like it."""
    apart: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for record, others in samples:
        one = record.name
        seen.update(one.words)
        found: set[str] = set()
        for nearest in others:
            other = nearest.name
            if len(one.words) >= 3 and len(one.words ^ other.words) <= 2:
                found |= one.words - other.words
        apart.update(found)
    return frozenset(word for word, count in apart.items() if count >= MIN_PAIRS and count >= SHARE * seen[word])
