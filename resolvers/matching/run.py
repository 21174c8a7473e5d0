"""Two catalogues matched: profiles, candidates, weights, probabilities, verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp

from resolvers.matching.candidates import Index
from resolvers.matching.comparing import Weighed, weighed
from resolvers.matching.comparisons import Comparison, comparisons, least_chance
from resolvers.matching.competition import Competition
from resolvers.matching.copies import Copies
from resolvers.matching.duplicates import lists_once
from resolvers.matching.evidence import Finding, findings
from resolvers.matching.profile import Listing, Profile, profile
from resolvers.matching.variants import variant_words
from resolvers.matching.verdicts import Policy, Verdict, verdicts
from resolvers.matching.vocabulary import Vocabulary, vocabulary
from resolvers.matching.weights import Evidence, Levels, Weights, learn

SAMPLE = 4000
"""Records of a catalogue that weights are learned from; the rest adds time and no knowledge."""
FELLOWS = 8
"""Records of its own catalogue that a record is compared with."""
FELLOWS_SAMPLE = 1500
RULE = "matching 1"
"""The rule's name; with a digest of what was learned it is a version."""
_LIMIT = 40.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``once``: whether the left and the right catalogue list a product once; None: to be learned. ``without``: names of
    comparisons that are left out."""

    policy: Policy = field(default_factory=Policy)
    once: tuple[bool | None, bool | None] = (None, None)
    without: frozenset[str] = frozenset()


def version_of(weights: Weights) -> str:
    """The rule and a digest of its weights: the same for the same weights."""
    told = repr((weights.m, weights.s, weights.u, weights.sisters, weights.activity))
    return f"{RULE}.{hashlib.sha256(told.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned from two catalogues: enough to score any two records of theirs, now and later."""

    vocabulary: Vocabulary
    comparisons: tuple[Comparison, ...]
    weights: Weights
    once: tuple[bool, bool]

    @property
    def version(self) -> str:
        """The rule and a digest of its weights: the same for the same weights."""
        return version_of(self.weights)

    def levels(self, one: Weighed, other: Weighed) -> Levels:
        """How each comparison of the two comes out."""
        return tuple(comparison.compare(one, other, self.vocabulary) for comparison in self.comparisons)


@dataclass(frozen=True, slots=True)
class Scored:
    """A pair that was compared; ``probability`` is that of a match, given all who compete for the two."""

    left: str
    right: str
    probability: float
    verdict: Verdict
    levels: Levels


@dataclass(frozen=True, slots=True)
class Matching:
    """Every pair that was compared, surest first."""

    model: Model
    pairs: tuple[Scored, ...]

    def why(self, pair: Scored) -> tuple[Finding, ...]:
        """The evidence for and against ``pair``."""
        return findings(self.model.weights, self.model.weights.scorer(), pair.levels)


def match(left: Sequence[Listing], right: Sequence[Listing], settings: Settings | None = None) -> Matching:
    """The pairs of records, one of each catalogue, that may be one product.

    The same whatever order the records come in, and whichever catalogue is called the left. Raises ValueError where two
    records of a catalogue have the same key.
    """
    return match_profiles((_profiles(left, "left"), _profiles(right, "right")), settings)


def match_profiles(
    sides: tuple[list[Profile], list[Profile]],
    settings: Settings | None = None,
    known: Mapping[tuple[str, str], bool] | None = None,
) -> Matching:
    """The same for records that have been read, those of either side in the order of their keys.

    ``known``: pairs that are surely one product (True) or surely two (False), by their keys: others learn from them. A
    record that has its partner so has no other.
    """
    settings = settings or Settings()
    indexes = (Index(sides[0]), Index(sides[1]))
    words = vocabulary(*sides, variant_words(zip(sides, indexes, strict=True)))
    compared = tuple(one for one in comparisons(*sides) if one.name not in settings.without)
    subjects = ([weighed(one, words) for one in sides[0]], [weighed(one, words) for one in sides[1]])
    copies = Copies(), Copies()
    for which, side in zip(copies, sides, strict=True):
        for place, one in enumerate(side):
            which.shown(place, one)
    fellows = (
        _fellows(sides[0], subjects[0], indexes[0], compared, words.within(0), copies[0]),
        _fellows(sides[1], subjects[1], indexes[1], compared, words.within(1), copies[1]),
    )
    once = (
        lists_once(compared, fellows[0]) if settings.once[0] is None else settings.once[0],
        lists_once(compared, fellows[1]) if settings.once[1] is None else settings.once[1],
    )
    pairs, fixed = _with_known(_pairs(sides, indexes), sides, known or {})
    # Many pairs come out alike: each outcome is kept once.
    once_each: dict[Levels, Levels] = {}
    levels: list[Levels] = []
    for a, b in pairs:
        outcome = tuple(one.compare(subjects[0][a], subjects[1][b], words) for one in compared)
        levels.append(once_each.setdefault(outcome, outcome))
    weights = learn(_evidence(compared, sides, pairs, levels, fellows, fixed, copies), once=once)
    chances = _chances(weights, pairs, levels, once)
    for at, chance in fixed.items():
        chances[at] = chance
    decided = verdicts(
        pairs,
        chances,
        sizes=(len(sides[0]), len(sides[1])),
        once=once,
        policy=settings.policy,
        least=[least_chance(compared, level) for level in levels],
    )
    scored = [
        Scored(sides[0][a].key, sides[1][b].key, chance, verdict, level)
        for (a, b), chance, verdict, level in zip(pairs, chances, decided, levels, strict=True)
    ]
    scored.sort(key=lambda one: (-one.probability, one.left, one.right))
    return Matching(Model(words, compared, weights, once), tuple(scored))


def _profiles(listings: Sequence[Listing], side: str) -> list[Profile]:
    ordered = sorted(listings, key=lambda one: one.key)
    for one, following in pairwise(ordered):
        if one.key == following.key:
            raise ValueError(f"the {side} catalogue has two records with the key {one.key[:60]!r}; each needs its own")
    return [profile(one) for one in ordered]


def _pairs(sides: tuple[list[Profile], list[Profile]], indexes: tuple[Index, Index]) -> list[tuple[int, int]]:
    found = {(a, b) for a, one in enumerate(sides[0]) for b in indexes[1].candidates(one)}
    found.update((a, b) for b, one in enumerate(sides[1]) for a in indexes[0].candidates(one))
    return sorted(found)


def _with_known(
    pairs: list[tuple[int, int]],
    sides: tuple[list[Profile], list[Profile]],
    known: Mapping[tuple[str, str], bool],
) -> tuple[list[tuple[int, int]], dict[int, float]]:
    """The pairs with those that are ``known``, and the chances that are fixed by them, by their places."""
    if not known:
        return pairs, {}
    places = tuple({one.key: place for place, one in enumerate(side)} for side in sides)
    told = {
        (places[0][left], places[1][right]): same
        for (left, right), same in known.items()
        if left in places[0] and right in places[1]
    }
    lefts = {left for (left, _), same in told.items() if same}
    rights = {right for (_, right), same in told.items() if same}
    pairs = sorted({*pairs, *told})
    fixed = {}
    for at, pair in enumerate(pairs):
        if pair in told:
            fixed[at] = float(told[pair])
        elif pair[0] in lefts or pair[1] in rights:
            fixed[at] = 0.0
    return pairs, fixed


def _fellows(
    side: Sequence[Profile],
    subjects: Sequence[Weighed],
    index: Index,
    compared: Sequence[Comparison],
    words: Vocabulary,
    copies: Copies,
) -> list[list[Levels]]:
    step = max(1, len(side) // FELLOWS_SAMPLE)
    return [
        [
            tuple(one.compare(subjects[place], subjects[other], words) for one in compared)
            for other in index.candidates(side[place], but=place, most=FELLOWS)
            if copies.shown(other, side[other])
        ]
        for place in range(0, len(side), step)
        if copies.shown(place, side[place])
    ]


def _evidence(
    compared: tuple[Comparison, ...],
    sides: tuple[Sequence[Profile], Sequence[Profile]],
    pairs: list[tuple[int, int]],
    levels: list[Levels],
    fellows: tuple[list[list[Levels]], list[list[Levels]]],
    fixed: Mapping[int, float],
    copies: tuple[Copies, Copies],
) -> Evidence:
    here, there = (round(len(side) * which.share()) for side, which in zip(sides, copies, strict=True))
    # A sample of the smaller side, with all whom its records meet.
    small = 0 if len(sides[0]) <= len(sides[1]) else 1
    step = max(1, len(sides[small]) // SAMPLE)
    chosen = [
        at
        for at, pair in enumerate(pairs)
        if pair[small] % step == 0 and all(copies[side].shown(pair[side], sides[side][pair[side]]) for side in (0, 1))
    ]
    sizes = (-(-here // step), -(-there // step))
    known = {place: fixed[at] for place, at in enumerate(chosen) if at in fixed}
    return Evidence(compared, sizes, [pairs[at] for at in chosen], [levels[at] for at in chosen], fellows, known)


def _chances(
    weights: Weights, pairs: Sequence[tuple[int, int]], levels: Sequence[Levels], once: tuple[bool, bool]
) -> list[float]:
    scorer = weights.scorer()
    odds = {one: exp(max(-_LIMIT, min(_LIMIT, scorer.log_odds(one)))) for one in set(levels)}
    game = Competition(pairs, left_once=once[0], right_once=once[1])
    return game.settled([odds[one] for one in levels])
