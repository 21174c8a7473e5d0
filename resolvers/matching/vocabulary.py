"""How common each word and each model number is in the catalogues, and which first words are brands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log

from resolvers.matching.profile import Profile

MIN_BRAND = 3
"""Titles that begin with a word before it is taken for a brand."""
BRAND_SHARE = 0.4
"""Share of a word's titles that begin with it, from which on it is taken for a brand."""
MOST_KEPT = 1 << 16
"""Words whose weights are kept at hand."""
SHORTEST_STEM = 4
"""Characters that two model numbers must share at their beginning to be kin."""


class Squares(dict[str, float]):
    """The square of the information in meeting a word, in nats: ``log(1 + N / df)`` (after Spärck Jones 1972). Reckoned
    once a word, for MOST_KEPT words."""

    def __init__(self, records: int, counts: Mapping[str, int]) -> None:
        super().__init__()
        self._records = records
        self._counts = counts

    def __missing__(self, word: str) -> float:
        if len(self) >= MOST_KEPT:
            self.clear()
        found = self[word] = log(1 + self._records / max(1, self._counts[word])) ** 2
        return found


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Counts over two catalogues."""

    records: int
    words: Counter[str]
    """Names that have the word."""
    texts: Counter[str]
    """Records that have the word in the name or the description."""
    codes: tuple[Counter[str], Counter[str]]
    """For either side the records that have the model number, spelt in any way."""
    stems: tuple[Counter[str], Counter[str]]
    """For either side the records with a model number that begins so."""
    values: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]
    """For either side the records that have the value in the field."""
    brands: frozenset[str]
    variants: frozenset[str]
    """Words that alone tell records of one catalogue apart."""
    inside: int | None = None
    """The one side whose records are compared with each other, 0 or 1; None where the two sides are."""

    name_squares: Squares = field(init=False, compare=False, repr=False)
    """The square of the information in meeting a word in a name."""
    text_squares: Squares = field(init=False, compare=False, repr=False)
    """The same for a word anywhere in a record."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name_squares", Squares(self.records, self.words))
        object.__setattr__(self, "text_squares", Squares(self.records, self.texts))

    def pairs_of_code(self, code: str) -> int:
        """How many pairs of records share the model number, at least 1."""
        return self._pairs(self.codes[0][code], self.codes[1][code])

    def pairs_of_stem(self, stem: str) -> int:
        """How many pairs of records have model numbers that begin so, at least 1."""
        return self._pairs(self.stems[0][stem], self.stems[1][stem])

    def pairs_of_value(self, field: str, value: str) -> int:
        """How many pairs of records have the value in the field, at least 1."""
        return self._pairs(self.values[0][field, value], self.values[1][field, value])

    def _pairs(self, here: int, there: int) -> int:
        if self.inside is None:
            return max(1, here) * max(1, there)
        count = (here, there)[self.inside]
        return max(1, count * (count - 1) // 2)

    def within(self, side: int) -> Vocabulary:
        """The same for pairs of records inside one catalogue, the left (0) or the right (1)."""
        return replace(self, inside=side)


def vocabulary(left: Sequence[Profile], right: Sequence[Profile], variants: frozenset[str] = frozenset()) -> Vocabulary:
    """The counts over both sides."""
    words: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    heads: Counter[str] = Counter()
    given: set[str] = set()
    for one in (*left, *right):
        words.update(one.name.words | one.name.compounds)
        texts.update(one.name.words | one.more.words)
        heads[one.head] += 1
        if one.brand:
            given.add(one.brand)
    learned = {
        word
        for word, count in heads.items()
        if count >= MIN_BRAND and word.isalpha() and count >= BRAND_SHARE * words[word]
    }
    return Vocabulary(
        records=len(left) + len(right),
        words=words,
        texts=texts,
        codes=(_codes(left), _codes(right)),
        stems=(_stems(left), _stems(right)),
        values=(_values(left), _values(right)),
        brands=frozenset(given | learned),
        variants=variants,
    )


def own_codes(one: Profile) -> frozenset[str]:
    """The model numbers of the record: those in its name, and the one it gives as such."""
    return one.name.codes | {one.model} if one.model else one.name.codes


def _codes(side: Iterable[Profile]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in side:
        found.update(own_codes(one) | one.joined | one.more.codes | one.more.parts)
    return found


def _stems(side: Iterable[Profile]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in side:
        codes = own_codes(one) | one.joined
        found.update({code[:length] for code in codes for length in range(SHORTEST_STEM, len(code) + 1)})
    return found


def _values(side: Iterable[Profile]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in side:
        found.update(one.values.items())
    return found
