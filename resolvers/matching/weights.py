"""What each level is worth, learned without labels: Fellegi and Sunter's model with three kinds of pairs, by EM.

A pair is a match, a pair of *sisters* (two products of one family: name, brand and price agree, a colour or a digit of the
model number does not), or unrelated. For each kind a level has its own frequency (m, s, u), and levels are taken as
independent given the kind (Fellegi and Sunter 1969; fitted by expectation and maximisation as in Winkler 1988). With two
kinds only, all that a family shares would count as evidence once for each field.

Three things stand in for labels:

- records of one catalogue that lists a product once are no matches, however alike: they show what sisters look like;
- records compete for partners (:mod:`resolvers.matching.competition`), so what matches look like is learned from winners;
- how many records have a partner at all is estimated against decoys (:mod:`resolvers.matching.partners`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

from resolvers.matching.comparisons import Comparison, Level
from resolvers.matching.competition import Competition
from resolvers.matching.partners import MOST_PARTNERED, matches, partnered

ROUNDS = 18
STRENGTH = 20.0
"""Pairs that the starting frequencies count for."""
SLIP = 0.01
"""Share of fields that are simply wrong: no contradiction weighs more than this."""
CHANCE = 0.0005
"""Share of matches' agreements that other pairs are believed to have at least."""
DUPLICATE_PRIOR = 0.02
"""Odds that a near record of the same catalogue is the same product, before it is looked at."""
SLIP_PRIOR = 0.0002
"""The same where the catalogue lists a product once. No catalogue of thousands quite does, and its few doubles, taken for
sisters, would make every sister look like a match."""
_LIMIT = 40.0

Levels = tuple[int | None, ...]
Frequencies = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learned: for each comparison the frequencies of its levels among matches, sisters and unrelated pairs.

    ``sisters``: share of sisters among the candidates that are no matches. ``activity``: odds of a candidate before its
    levels are looked at, in a competition.
    """

    comparisons: tuple[Comparison, ...]
    m: Frequencies
    s: Frequencies
    u: Frequencies
    sisters: float
    activity: float

    def scorer(self) -> Scorer:
        """The same, ready to score."""
        return Scorer(self)


class Scorer:
    """Scores pairs by their levels."""

    def __init__(self, weights: Weights) -> None:
        self._against_sister: list[tuple[float, ...]] = []
        self._against_unrelated: list[tuple[float, ...]] = []
        for one, m, s, u in zip(weights.comparisons, weights.m, weights.s, weights.u, strict=True):
            rows = [(a + SLIP * max(b, c), b + CHANCE * a, c + CHANCE * a) for a, b, c in zip(m, s, u, strict=True)]
            # Sisters are learned within catalogues, where columns agree that never agree across: signs hold all the same.
            for against, other in ((self._against_sister, 1), (self._against_unrelated, 2)):
                against.append(
                    tuple(_signed(level, log(row[0] / row[other])) for level, row in zip(one.levels, rows, strict=True))
                )
        self._sisters = weights.sisters
        self._log_activity = log(weights.activity)

    @property
    def against(self) -> tuple[Sequence[tuple[float, ...]], Sequence[tuple[float, ...]]]:
        """For each comparison what its levels weigh against sisters, and against unrelated pairs, in nats."""
        return self._against_sister, self._against_unrelated

    def floors(self, log_odds: float) -> tuple[float, float]:
        """What a pair must weigh against sisters, and what against unrelated pairs, to reach ``log_odds``."""
        wanted = log_odds - self._log_activity
        return wanted + log(self._sisters), wanted + log(1 - self._sisters)

    def ratio(self, levels: Levels) -> tuple[float, float]:
        """The log of how much likelier ``levels`` are for a match than for another candidate, in nats, and the share of
        sisters among such other candidates."""
        to_sister = to_unrelated = 0.0
        for place, level in enumerate(levels):
            if level is not None:
                to_sister += self._against_sister[place][level]
                to_unrelated += self._against_unrelated[place][level]
        sister = self._sisters * exp(-_bounded(to_sister))
        unrelated = (1 - self._sisters) * exp(-_bounded(to_unrelated))
        other = sister + unrelated
        return -log(other), sister / other

    def log_odds(self, levels: Levels) -> float:
        """The log odds of a pair before competition, in nats."""
        return self.ratio(levels)[0] + self._log_activity

    def contributions(self, levels: Levels) -> tuple[float | None, ...]:
        """What each comparison adds to the log ratio, in nats; None where it does not tell. The weight is that against
        the mixture of sisters and unrelated pairs that such a pair would otherwise come from."""
        share = self.ratio(levels)[1]
        return tuple(
            None
            if level is None
            else share * self._against_sister[place][level] + (1 - share) * self._against_unrelated[place][level]
            for place, level in enumerate(levels)
        )


def _signed(level: Level, weight: float) -> float:
    """``weight`` as the level's sign allows."""
    return max(weight, 0.0) if level.sign > 0 else min(weight, 0.0) if level.sign < 0 else weight


def _bounded(value: float) -> float:
    return max(-_LIMIT, min(_LIMIT, value))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What weights are learned from: the pairs across, and for some records of either side their nearest fellows."""

    comparisons: tuple[Comparison, ...]
    sizes: tuple[int, int]
    """Records in the left and the right catalogue."""
    pairs: Sequence[tuple[int, int]]
    levels: Sequence[Levels]
    fellows: tuple[Sequence[Sequence[Levels]], Sequence[Sequence[Levels]]]
    """For either side, for each of the records that were sampled, the levels of the pairs with those most like it."""
    fixed: Mapping[int, float] = field(default_factory=dict)
    """Chances that are known, by the pair's place: keys or people have decided."""


def start(comparisons: tuple[Comparison, ...], sizes: tuple[int, int], pairs: int) -> Weights:
    """The weights before anything is learned."""

    def rows(of: str) -> Frequencies:
        return tuple(tuple(getattr(level, of) for level in one.levels) for one in comparisons)

    return Weights(comparisons, rows("m"), rows("s"), rows("u"), 0.05, max(1e-9, 2.0 * min(sizes) / max(1, pairs)))


def learn(evidence: Evidence, *, once: tuple[bool, bool] = (True, True)) -> Weights:
    """The weights that fit the evidence. ``once``: whether the left and the right catalogue list a product once."""
    comparisons, sizes = evidence.comparisons, evidence.sizes
    weights = start(comparisons, sizes, len(evidence.pairs))
    if not evidence.pairs:
        return weights
    numbers: dict[Levels, int] = {}
    of = [numbers.setdefault(levels, len(numbers)) for levels in evidence.levels]
    fellows = [
        [[numbers.setdefault(levels, len(numbers)) for levels in one] for one in side] for side in evidence.fellows
    ]
    patterns = list(numbers)
    across = [0.0] * len(patterns)
    for number in of:
        across[number] += 1
    inside = [0.0] * len(patterns)
    for side in fellows:
        for one in side:
            for number in one:
                inside[number] += 1
    game = Competition(evidence.pairs, left_once=once[0], right_once=once[1])
    for _ in range(ROUNDS):
        scorer = weights.scorer()
        ratios, shares = zip(*(scorer.ratio(levels) for levels in patterns), strict=True)
        odds = [exp(_bounded(ratio)) * weights.activity for ratio in ratios]
        chances = game.marginals([odds[number] for number in of])
        for place, chance in evidence.fixed.items():
            chances[place] = chance
        matched = [0.0] * len(patterns)
        for number, chance in zip(of, chances, strict=True):
            matched[number] += chance
        apart = []
        for number, ratio in enumerate(ratios):
            same = exp(_bounded(ratio)) * (SLIP_PRIOR if all(once) else DUPLICATE_PRIOR)
            apart.append(across[number] - matched[number] + inside[number] / (1 + same))
        others = sum(across) - sum(matched)
        sisters = sum((n - q) * share for n, q, share in zip(across, matched, shares, strict=True))
        m, s, u = _frequencies(comparisons, patterns, matched, apart, shares)
        weights = Weights(
            comparisons,
            m,
            s,
            u,
            sisters=min(0.5, max(0.001, sisters / max(1.0, others))),
            activity=_activity(sum(chances), evidence, of, fellows, ratios, once),
        )
    return weights


def _activity(
    total: float,
    evidence: Evidence,
    of: Sequence[int],
    fellows: Sequence[Sequence[Sequence[int]]],
    ratios: Sequence[float],
    once: tuple[bool, bool],
) -> float:
    """The activity at which the expected number of matches is the one found, were all levels silent.

    In a competition on a graph of E pairs whose records are free with probabilities (1 - f) and (1 - g), a pair is a match
    with probability activity (1 - f)(1 - g).
    """
    (left, right), pairs = evidence.sizes, evidence.pairs
    best_left: dict[int, float] = {}
    best_right: dict[int, float] = {}
    for (one, other), number in zip(pairs, of, strict=True):
        ratio = ratios[number]
        best_left[one] = max(ratio, best_left.get(one, ratio))
        best_right[other] = max(ratio, best_right.get(other, ratio))
    shares = [
        partnered(list(best.values()), size, [max((ratios[n] for n in one), default=-_LIMIT) for one in others])
        for best, size, others in zip((best_left, best_right), (left, right), fellows[::-1], strict=True)
    ]
    expected, most = matches((left, right), (shares[0], shares[1]), once), matches((left, right), (1.0, 1.0), once)
    # Too few are corrected half way, for the estimate is none where it is at its limit.
    known = expected < MOST_PARTNERED * most * 0.99
    believed = min(total, expected) if expected < total or not known else (total + expected) / 2
    free = 1.0
    if once[1]:
        free *= 1 - min(MOST_PARTNERED, believed / left)
    if once[0]:
        free *= 1 - min(MOST_PARTNERED, believed / right)
    activity = believed / len(pairs) / free

    return max(1e-9, activity)


def _frequencies(
    comparisons: Sequence[Comparison],
    patterns: Sequence[Levels],
    matched: Sequence[float],
    apart: Sequence[float],
    shares: Sequence[float],
) -> tuple[Frequencies, Frequencies, Frequencies]:
    all_m, all_s, all_u = [], [], []
    for place, comparison in enumerate(comparisons):
        m = [STRENGTH * level.m for level in comparison.levels]
        s = [STRENGTH * level.s for level in comparison.levels]
        u = [STRENGTH * level.u for level in comparison.levels]
        for levels, match, other, share in zip(patterns, matched, apart, shares, strict=True):
            level = levels[place]
            if level is not None:
                m[level] += match
                s[level] += other * share
                u[level] += other * (1 - share)
        mass = [a + b for a, b in zip(m, u, strict=True)]
        m, s, u = _shares(m), _shares(s), _shares(u)
        all_m.append(tuple(constrained(comparison, m, u, mass)))
        all_s.append(tuple(s))
        all_u.append(tuple(u))
    return tuple(all_m), tuple(all_s), tuple(all_u)


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total for count in counts]


def constrained(comparison: Comparison, m: Sequence[float], u: Sequence[float], mass: Sequence[float]) -> list[float]:
    """``m`` as the levels' signs, limits and order allow; it still sums to 1, or nearly where limits leave no room."""
    found = [_held(level, a, b) for level, a, b in zip(comparison.levels, m, u, strict=True)]
    if comparison.graded:
        ratios = falling([log(a / b) for a, b in zip(found, u, strict=True)], mass)
        found = [b * exp(ratio) for b, ratio in zip(u, ratios, strict=True)]
    # What gives room to the others must not take back what a sign or a limit has settled.
    held = [
        level.most < 1 or (level.sign < 0 and a >= b) for level, a, b in zip(comparison.levels, found, u, strict=True)
    ]
    limited = sum(a for a, fast in zip(found, held, strict=True) if fast)
    free = sum(a for a, fast in zip(found, held, strict=True) if not fast)
    scale = max(0.05, 1 - limited) / free if free else 1.0
    return [
        _held(level, a if fast else a * scale, b)
        for level, a, b, fast in zip(comparison.levels, found, u, held, strict=True)
    ]


def _held(level: Level, m: float, u: float) -> float:
    if level.sign > 0:
        m = max(m, u)
    elif level.sign < 0:
        m = min(m, u)
    return min(m, level.most)


def falling(values: Sequence[float], mass: Sequence[float]) -> list[float]:
    """The non-increasing values nearest to ``values``, weighed by ``mass``: pool adjacent violators (Ayer et al. 1955)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, mass, strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (v, w, n), (before, weight_before, count) = blocks.pop(), blocks.pop()
            blocks.append(((before * weight_before + v * w) / (weight_before + w), weight_before + w, count + n))
    return [value for value, _, count in blocks for _ in range(count)]
