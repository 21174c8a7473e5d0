"""A lot of records judged: each compared with its candidates, all of them competing for partners, with a verdict for each
pair.

What :mod:`resolvers.matching.run` does for two whole catalogues is done here for the part of them that a lot touches: its
records, their candidates, and the pairs that those stand in already. So it matters little in which order records come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from typing import NamedTuple, TypeAlias

from resolvers.matching.comparing import Weighed, weighed
from resolvers.matching.comparisons import least_chance
from resolvers.matching.competition import FAINT, Competition
from resolvers.matching.evidence import Finding, findings
from resolvers.matching.profile import Profile
from resolvers.matching.run import Model
from resolvers.matching.verdicts import Policy, Verdict
from resolvers.matching.weights import Levels, Scorer

Subject: TypeAlias = Weighed
"""A record, ready to be compared."""
_LIMIT = 40.0


@dataclass(frozen=True)
class Learned:
    """What was learned from two catalogues, as it is used.

    ``link``: the chance from which on a pair is linked, so that links are right as often as the policy asks; None where
    nothing is linked, for there was too little to learn from. ``review``: that from which on it is for review, so that the
    queue is no longer than the policy says. Both were found on the sample that the model was learned from.
    """

    model: Model
    link: float | None
    review: float
    version: str

    @cached_property
    def scorer(self) -> Scorer:
        """The model's weights, ready to score."""
        return self.model.weights.scorer()


class Place(NamedTuple):
    """Two records, by their keys in the left and the right catalogue."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair as it comes out."""

    place: Place
    probability: float
    verdict: Verdict
    levels: Levels


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of pairs besides what their records say.

    ``closed``: pairs that are no question: a person decided on them, or one of the two has a partner by keys. ``asked``:
    pairs that share a key which did not join them, so that a person is to say. ``held``: pairs whose link would bring two
    records of one source together; they are proposed at most.
    """

    closed: Collection[Place] = frozenset()
    asked: Collection[Place] = frozenset()
    held: Collection[Place] = frozenset()


@dataclass
class Scores:
    """The pairs of a lot with two catalogues' odds, before they compete."""

    learned: Learned
    odds: dict[Place, float] = field(default_factory=dict)
    levels: dict[Place, Levels] = field(default_factory=dict)

    def add(
        self,
        pairs: Iterable[Place],
        left: Mapping[str, Subject],
        right: Mapping[str, Subject],
        asked: Collection[Place] = frozenset(),
    ) -> None:
        """Compare ``pairs``; ``left`` and ``right`` hold their records. Those that can be nothing are not kept, unless they
        are ``asked`` about whatever they look like."""
        model, scorer = self.learned.model, self.learned.scorer
        least = min(FAINT, self.learned.review / 10)
        for place in pairs:
            if place not in self.odds:
                levels = model.levels(left[place.left], right[place.right])
                odds = exp(max(-_LIMIT, min(_LIMIT, scorer.log_odds(levels))))
                if odds >= least or place in asked:
                    self.odds[place], self.levels[place] = odds, levels


def subject(profile: Profile, model: Model) -> Subject:
    """``profile``, ready to be compared by ``model``."""
    return weighed(profile, model.vocabulary)


def judge(scores: Scores, standing: Standing, policy: Policy) -> list[Judged]:
    """The verdict on every pair of ``scores``, surest first; what is closed takes no part."""
    learned = scores.learned
    places = sorted(scores.odds.keys() - standing.closed)
    lefts = {key: number for number, key in enumerate(sorted({place.left for place in places}))}
    rights = {key: number for number, key in enumerate(sorted({place.right for place in places}))}
    once = learned.model.once
    game = Competition(
        [(lefts[place.left], rights[place.right]) for place in places], left_once=once[0], right_once=once[1]
    )
    chances = game.settled([scores.odds[place] for place in places])
    found: list[Judged] = []
    taken: set[tuple[int, str]] = set()
    shown: Counter[tuple[int, str]] = Counter()
    for chance, place in sorted(zip(chances, places, strict=True), key=lambda one: (-one[0], one[1])):
        levels = scores.levels[place]
        verdict = _verdict(place, chance, levels, learned, standing, taken)
        ends = (0, place.left), (1, place.right)
        if verdict is Verdict.LINK:
            taken.update(ends)
        elif verdict is Verdict.REVIEW and place not in standing.asked:
            if any(shown[end] >= policy.choices for end in ends) or _settled(ends, taken, once):
                verdict = Verdict.NONE
            else:
                shown.update(ends)
        found.append(Judged(place, chance, verdict, levels))
    return found


def _verdict(
    place: Place,
    chance: float,
    levels: Levels,
    learned: Learned,
    standing: Standing,
    taken: Collection[tuple[int, str]],
) -> Verdict:
    """What a pair is by itself. A record has one partner in another catalogue, whether that lists a product once or not."""
    if place in standing.asked:
        return Verdict.REVIEW
    free = (0, place.left) not in taken and (1, place.right) not in taken
    sure = learned.link is not None and chance >= max(learned.link, least_chance(learned.model.comparisons, levels))
    if sure and free and place not in standing.held:
        return Verdict.LINK
    return Verdict.REVIEW if chance >= learned.review else Verdict.NONE


def _settled(
    ends: tuple[tuple[int, str], tuple[int, str]], taken: Collection[tuple[int, str]], once: tuple[bool, bool]
) -> bool:
    """Whether one of a pair has its only partner already."""
    return (once[1] and ends[0] in taken) or (once[0] and ends[1] in taken)


def why(learned: Learned, levels: Levels) -> tuple[Finding, ...]:
    """The evidence for and against a pair."""
    return findings(learned.model.weights, learned.scorer, levels)
