"""A hearing: everything that verdicts about one product and others rest on, read; and what it comes to for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from resolvers.compatibility.applying import Applied, ProductFacts, RuleBook
from resolvers.compatibility.declared import RULES
from resolvers.compatibility.evidence import Evidence, Judgement, Missing, Nearness, Verdict
from resolvers.compatibility.sentences import listed
from resolvers.compatibility.telling import tell
from resolvers.compatibility.voices import Keys, Voices
from resolvers.compatibility.weighing import Vote, decide, marked, vote, weighed
from sources.failures import Failure
from sources.ledger.statements import StoredStatement

MOST_ELSEWHERE = 5
"""Other cases that are told, where nothing is said of the one asked about."""


@dataclass(frozen=True, slots=True)
class Known:
    """A product with what statements and rules know it by."""

    facts: ProductFacts
    keys: Keys


class _Case(NamedTuple):
    """What speaks about one of the others."""

    stated: Sequence[Evidence]
    ruled: Sequence[Applied]
    verdict: Verdict
    deciding: Sequence[bool]
    """Of what is stated and then of the rules, whether the verdict rests on it."""


@dataclass(frozen=True)
class Hearing:
    """What is known of a product and of others. ``failures`` are the systems that could not be reached for it."""

    product: UUID
    known: Mapping[UUID, Known]
    statements: Sequence[StoredStatement]
    voices: Voices
    book: RuleBook
    failures: Mapping[str, Failure]
    _cases: dict[UUID, _Case] = field(default_factory=dict)

    def verdict(self, other: UUID) -> Verdict:
        """Whether the two go together; a fraction of what a judgement costs."""
        return self._case(other).verdict

    def judgement(self, other: UUID) -> Judgement:
        """The verdict with all that it rests on."""
        case, one, two = self._case(other), self.known[self.product].facts, self.known[other].facts
        pieces = list(map(marked, case.stated, case.deciding))
        deciding = case.deciding[len(pieces) :]
        pieces += [self.book.evidence(one, decisive=yes) for one, yes in zip(case.ruled, deciding, strict=True)]
        came = weighed(case.verdict, pieces)
        missing = list(dict.fromkeys(lacking for applied in case.ruled for lacking in self.book.missing(applied)))
        if came.verdict is Verdict.UNKNOWN and not missing:
            missing = self._nothing_known(case, one, two)
        return Judgement(
            self.product,
            other,
            came.verdict,
            tell(came, one.called, two.called, missing, self.voices.titles, self.voices.now),
            came.conditions,
            came.evidence,
            came.weakest,
            tuple(missing),
        )

    def _case(self, other: UUID) -> _Case:
        case = self._cases.get(other)
        if case is None:
            one, two = self.known[self.product], self.known[other]
            places = sorted({place for key in two.keys for place in self._places.get(key, ())})
            statements = [self.statements[place] for place in places]
            stated = list(self.voices.hear(statements, one.facts, one.keys, two.facts, two.keys))
            ruled = self.book.apply(one.facts, two.facts)
            rank = self.book.declared.rank(RULES)
            votes = [vote(piece) for piece in stated]
            votes += [Vote(applied.verdict, Nearness.PRODUCT, rank, by_rule=True) for applied in ruled]
            case = self._cases[other] = _Case(stated, ruled, *decide(votes))
        return case

    @cached_property
    def _places(self) -> Mapping[str, Sequence[int]]:
        """The places of the statements by either party's key."""
        found: dict[str, list[int]] = {}
        for place, one in enumerate(self.statements):
            found.setdefault(one.subject, []).append(place)
            found.setdefault(one.object, []).append(place)
        return found

    def _nothing_known(self, case: _Case, one: ProductFacts, other: ProductFacts) -> list[Missing]:
        steward = self.book.declared.steward
        undecided = [
            Missing(self.book.sentence(applied), steward=applied.rule.steward or steward, rule=applied.rule.name)
            for applied in case.ruled
            if applied.verdict is Verdict.UNKNOWN
        ]
        if undecided:
            return undecided
        elsewhere = list(dict.fromkeys(piece.elsewhere for piece in case.stated if piece.elsewhere is not None))
        if elsewhere:
            return [
                Missing(f"what is said of them is only for {listed(elsewhere[:MOST_ELSEWHERE], 'or')}", steward=steward)
            ]
        untold = list(self.book.untold(one, other))
        if untold:
            return untold
        return [Missing("no system says so, and no rule is about them", steward=self.book.declared.steward)]
