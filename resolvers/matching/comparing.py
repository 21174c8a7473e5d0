"""How two records compare in each field: the place of a level in :mod:`resolvers.matching.comparisons`, or None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from resolvers.matching.model_numbers import RARE, kin, numbers_of
from resolvers.matching.profile import Profile
from resolvers.matching.quantities import Amount
from resolvers.matching.vocabulary import Vocabulary
from resolvers.matching.wording import Overlap, Wording, overlap


class Weighed:
    """A profile with what a vocabulary says of it, computed once a record, and what is asked of few only when it is."""

    __slots__ = (
        "_overlap",
        "_text",
        "_vocabulary",
        "amounts",
        "brand",
        "more_amounts",
        "name",
        "numbers",
        "profile",
        "variants",
    )

    def __init__(self, profile: Profile, vocabulary: Vocabulary) -> None:
        head = profile.head
        self.profile = profile
        self.name = Wording.of(profile.name.words, profile.name.compounds, vocabulary.name_squares)
        self.numbers = numbers_of(profile, vocabulary)
        self.brand: str = profile.brand or (head if head in vocabulary.brands else "")
        self.variants: frozenset[str] = profile.name.words & vocabulary.variants
        self.amounts = _by_dimension(profile.name.quantities)
        self.more_amounts = _by_dimension(profile.more.quantities)
        self._vocabulary = vocabulary
        self._text: Wording | None = None
        self._overlap: tuple[Weighed, Overlap] | None = None

    @property
    def text(self) -> Wording:
        """The words of the description."""
        if self._text is None:
            self._text = Wording.of(self.profile.more.words, frozenset(), self._vocabulary.text_squares)
        return self._text

    def shared(self, other: Weighed) -> Overlap:
        """What the names of the two share. Two comparisons ask it, one after the other: the last answer is kept."""
        kept = self._overlap
        if kept is not None and kept[0] is other:
            return kept[1]
        found = overlap(self.name, other.name)
        self._overlap = (other, found)
        return found


def weighed(profile: Profile, vocabulary: Vocabulary) -> Weighed:
    """``profile`` with the weights of its words."""
    return Weighed(profile, vocabulary)


_NO_AMOUNTS: Mapping[str, frozenset[float]] = {}


def _by_dimension(amounts: frozenset[Amount]) -> Mapping[str, frozenset[float]]:
    if not amounts:
        return _NO_AMOUNTS
    found: dict[str, set[float]] = {}
    for one in amounts:
        found.setdefault(one.dimension, set()).add(one.amount)
    return {dimension: frozenset(values) for dimension, values in found.items()}


def graded(value: float, edges: Sequence[float]) -> int:
    """The place of the first edge that ``value`` reaches, 0 for the best."""
    for place, edge in enumerate(edges):
        if value >= edge:
            return place
    return len(edges)


def compare_model_numbers(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """How their model numbers relate, a :class:`Kin`."""
    return kin(one.numbers, other.numbers, vocabulary)


NAME_EDGES = (0.95, 0.85, 0.75, 0.6, 0.45, 0.3, 0.15, 0.05)


def compare_names(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """How alike the names' words are: the cosine of their bits."""
    if not one.name.norm or not other.name.norm:
        return None
    likeness = one.shared(other).weight / (one.name.norm * other.name.norm)
    return graded(likeness, NAME_EDGES)


def compare_remainders(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether the two names say anything that the other does not; model numbers are compared elsewhere."""
    if not one.name.norm or not other.name.norm:
        return None
    _, mine, theirs = one.shared(other)
    here, there = one.profile.name, other.profile.name
    mine = mine or not (
        here.numbers <= there.numbers and here.quantities <= there.quantities and here.colours <= there.colours
    )
    theirs = theirs or not (
        there.numbers <= here.numbers and there.quantities <= here.quantities and there.colours <= here.colours
    )
    return mine + theirs


def compare_names_in_texts(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """How much of what only one's name says stands in the description of the other."""
    shares = []
    for here, there in ((one, other), (other, one)):
        told = there.profile.more.words
        if told:
            rest = here.name.weights.keys() - there.name.weights.keys()
            total = sum(here.name.weights[word] for word in rest)
            if total:
                shares.append(sum(here.name.weights[word] for word in rest & told) / total)
    return graded(max(shares), (0.6, 0.3, 0.1, 0.001)) if shares else None


def compare_texts(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """How alike the descriptions' words are: the cosine of their bits."""
    if not one.text.norm or not other.text.norm:
        return None
    few, many = (one.text, other.text) if len(one.text.weights) <= len(other.text.weights) else (other.text, one.text)
    inside = sum(weight for word, weight in few.weights.items() if word in many.weights)
    return graded(inside / (one.text.norm * other.text.norm), (0.6, 0.4, 0.25, 0.12, 0.05))


def compare_brands(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether the brands agree; a brand that is not given is looked for in the name."""
    mine, theirs = one.brand, other.brand
    if not mine and not theirs:
        return None
    if mine and theirs and (mine == theirs or mine.startswith(theirs) or theirs.startswith(mine)):
        return 0
    if (mine and _mentions(other.profile, mine)) or (theirs and _mentions(one.profile, theirs)):
        return 1
    return 2 if mine and theirs else None


def _mentions(profile: Profile, brand: str) -> bool:
    return brand in profile.name.words or brand in profile.name.compounds or brand in profile.more.words


def compare_quantities(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether sizes, capacities, voltages and pack counts agree, in each dimension that both tell."""
    agreed = differing = in_text = 0
    for dimension in (one.amounts.keys() | other.amounts.keys()) - {"packed"}:
        mine, theirs = one.amounts.get(dimension), other.amounts.get(dimension)
        if mine and theirs:
            if _close(dimension, mine, theirs):
                agreed += 1
            else:
                differing += 1
        elif mine and dimension in other.more_amounts:
            in_text += _close(dimension, mine, other.more_amounts[dimension])
        elif theirs and dimension in one.more_amounts:
            in_text += _close(dimension, one.more_amounts[dimension], theirs)
    if differing:
        return 3 if agreed or in_text else 4
    if _several(one, other) or _several(other, one):
        return 5
    if agreed:
        return 0 if agreed > 1 else 1
    return 2 if in_text else None


def _several(one: Weighed, other: Weighed) -> bool:
    """Whether one is called a pack of several, and the other tells nothing of how many."""
    counts = one.amounts.get("packed")
    return (
        counts is not None
        and max(counts, default=0) > 1
        and "pack" not in other.amounts
        and "pack" not in other.more_amounts
    )


_EXACT = frozenset({"data", "pack", "size", "ports", "lines", "extent"})


def _close(dimension: str, mine: frozenset[float], theirs: frozenset[float]) -> bool:
    if mine & theirs:
        return True
    if dimension in _EXACT:
        return False
    return any(abs(x - y) <= 0.01 * max(x, y) or _rounds(x, y) or _rounds(y, x) for x in mine for y in theirs)


def _rounds(exact: float, rounded: float) -> bool:
    """Is one the other without its decimals? ``14.7`` and ``14``, ``24.7`` and ``25``."""
    return rounded >= 5 and rounded == int(rounded) and exact != int(exact) and abs(exact - rounded) < 1


def compare_colours(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether the colours agree."""
    mine, theirs = one.profile.name.colours, other.profile.name.colours
    my_more, their_more = one.profile.more.colours, other.profile.more.colours
    if mine and theirs:
        if mine == theirs:
            return 0
        return 1 if mine & theirs else 4
    if (mine and mine & their_more) or (theirs and theirs & my_more):
        return 2
    if (mine and their_more) or (theirs and my_more):
        return 3
    return None


def compare_numbers(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether the numbers that are no quantities agree."""
    mine, theirs = one.profile.name.numbers, other.profile.name.numbers
    if not mine or not theirs:
        return None
    if mine == theirs:
        return 0
    if mine <= theirs or theirs <= mine:
        return 1
    return 2 if mine & theirs else 3


def compare_variants(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether they differ in words that tell variants apart."""
    mine, theirs = one.variants, other.variants
    if mine == theirs:  # which the names say already
        return None
    return 0 if mine <= theirs or theirs <= mine else 1


PRICE_EDGES = (-0.005, -0.03, -0.1, -0.22, -0.45, -0.8, -1.3)


def compare_prices(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """How near the prices are: the log of their ratio."""
    mine, theirs = one.profile.price, other.profile.price
    if mine is None or theirs is None:
        return None
    return graded(-abs(log(mine / theirs)), PRICE_EDGES)


def compare_categories(one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether the categories agree."""
    mine, theirs = one.profile.category, other.profile.category
    if not mine or not theirs:
        return None
    return 0 if mine == theirs else 1 if mine & theirs else 2


def compare_values(field: str, one: Weighed, other: Weighed, vocabulary: Vocabulary) -> int | None:
    """Whether both have the same value in ``field``, and how rare it is."""
    mine, theirs = one.profile.values.get(field), other.profile.values.get(field)
    if mine is None or theirs is None:
        return None
    if mine == theirs:
        pairs = vocabulary.pairs_of_value(field, mine)
        return 0 if pairs <= 1 else 1 if pairs <= RARE else 2
    my_words, their_words = set(mine.split()), set(theirs.split())
    if my_words & their_words and len(my_words & their_words) * 2 >= min(len(my_words), len(their_words)):
        return 3
    return 4
