"""Learning from two catalogues: a model from a sample of them, and from where on a pair is linked or asked about.

Pairs that keys joined, and those that people decided on, are certain; the rest of the sample is learned from without
labels. From which chance on a pair is linked, and from which it is for review, is found on the sample's open pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp

from resolvers.matching.comparisons import comparisons, least_chance
from resolvers.matching.competition import Competition
from resolvers.matching.partners import MOST_PARTNERED
from resolvers.matching.profile import Profile
from resolvers.matching.run import RULE, Model, Settings, match_profiles
from resolvers.matching.verdicts import Policy, Verdict, verdicts
from resolvers.matching.vocabulary import Vocabulary, vocabulary
from resolvers.matching.weights import Levels, start
from resolvers.matching_flow.judging import Learned

ENOUGH = 30
"""Records of either catalogue from which on anything is learned; with fewer, matching proposes by what holds of any
catalogues (the levels' own frequencies in :mod:`resolvers.matching.comparisons`), and links nothing."""
LEAST_SHARE = 0.02
"""Of the records that keys left without a partner, the share that has one, at least."""
MIDDLING_SHARE = 0.3
"""The share that is believed at first."""
ROUNDS = 10
_LIMIT = 40.0
SHORTEST_RUN = 10
"""Links of the sample from which on their expected share of right ones counts; with fewer each must be sure by itself."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Records of two catalogues, and the pairs among them that are certain: one product (True) or two."""

    left: Sequence[Profile]
    right: Sequence[Profile]
    sizes: tuple[int, int]
    """How many records the catalogues have."""
    certain: Mapping[tuple[str, str], bool]


def learned(
    sample: Sample, policy: Policy, once: tuple[bool | None, bool | None], words: Vocabulary | None = None
) -> Learned:
    """What ``sample`` tells. ``words``: the counts of more of the catalogues than the sample holds."""
    if min(sample.sizes) < ENOUGH:
        return _provisional(sample, policy, once, words)
    sides = (_ordered(sample.left), _ordered(sample.right))
    found = match_profiles(sides, Settings(policy, once), sample.certain)
    known_left = {left for (left, _), same in sample.certain.items() if same}
    known_right = {right for (_, right), same in sample.certain.items() if same}
    open_pairs = [
        one
        for one in found.pairs
        if (one.left, one.right) not in sample.certain and one.left not in known_left and one.right not in known_right
    ]
    numbers = (
        {one.key: place for place, one in enumerate(sides[0])},
        {one.key: place for place, one in enumerate(sides[1])},
    )
    places = [(numbers[0][one.left], numbers[1][one.right]) for one in open_pairs]
    chances = [one.probability for one in open_pairs]
    model = found.model
    if known_left:
        free = len(sides[0]) - len(known_left), len(sides[1]) - len(known_right)
        model, chances = _for_those_left(model, places, [one.levels for one in open_pairs], free)
    decided = verdicts(
        places,
        chances,
        sizes=(len(sides[0]), len(sides[1])),
        once=model.once,
        policy=policy,
        least=[least_chance(model.comparisons, one.levels) for one in open_pairs],
    )
    links = [chance for chance, verdict in zip(chances, decided, strict=True) if verdict is Verdict.LINK]
    asked = [chance for chance, verdict in zip(chances, decided, strict=True) if verdict is Verdict.REVIEW]
    # Where the sample's links leave room below what is asked of them, so does whatever comes later.
    room = max(policy.surest, policy.precision * (len(links) + 1) - sum(links))
    full = len(asked) >= int(policy.queue * min(len(sides[0]), len(sides[1]))) and asked
    return Learned(
        model if words is None else _with_words(model, words),
        link=min(room, *links) if len(links) >= SHORTEST_RUN else max(policy.precision, policy.surest),
        review=max(policy.faintest, min(asked)) if full else policy.faintest,
        version=model.version,
    )


def _for_those_left(
    model: Model, places: Sequence[tuple[int, int]], levels: Sequence[Levels], free: tuple[int, int]
) -> tuple[Model, list[float]]:
    """The model for the records that keys and people left without a partner, and the chances of their pairs. ``free``: how
    many such records either side has.

    Where most records have their partner by a key, those that have none are not as likely to have one at all. Their share
    is found by expectation and maximisation, the weights being as they were learned; from it the activity follows as in
    :mod:`resolvers.matching.weights`.
    """
    if not places:
        return model, []
    game = Competition(places, left_once=model.once[0], right_once=model.once[1])
    scorer = model.weights.scorer()
    ratios = [exp(max(-_LIMIT, min(_LIMIT, scorer.ratio(one)[0]))) for one in levels]
    most = min(free)
    matched, activity, chances = most * MIDDLING_SHARE, 0.0, list(ratios)
    for _ in range(ROUNDS):
        vacant = 1.0
        for size, alone in zip(free, model.once[::-1], strict=True):
            if alone:
                vacant *= 1 - min(MOST_PARTNERED, matched / size)
        activity = matched / len(places) / vacant
        chances = game.settled([one * activity for one in ratios])
        matched = max(LEAST_SHARE * most, sum(chances))
    return replace(model, weights=replace(model.weights, activity=activity)), chances


def _provisional(
    sample: Sample, policy: Policy, once: tuple[bool | None, bool | None], words: Vocabulary | None
) -> Learned:
    """What holds of any catalogues."""
    sides = (_ordered(sample.left), _ordered(sample.right))
    compared = comparisons(*sides)
    weights = start(compared, sample.sizes, 20 * min(sample.sizes))
    lists_once = (once[0] is not False, once[1] is not False)
    model = Model(words or vocabulary(*sides), compared, weights, lists_once)
    return Learned(model, None, policy.faintest, f"{RULE}.provisional")


def _ordered(side: Sequence[Profile]) -> list[Profile]:
    return sorted(side, key=lambda one: one.key)


def _with_words(model: Model, words: Vocabulary) -> Model:
    """``model`` with the counts of more records; which words tell variants apart was learned from the sample."""
    return replace(model, vocabulary=replace(words, variants=model.vocabulary.variants))
