"""A record that arrives alone."""

from __future__ import annotations

import pytest

from resolvers.matching.arrival import arrival
from resolvers.matching.candidates import Index
from resolvers.matching.profile import Profile, profile
from resolvers.matching.run import Matching, match
from resolvers.matching.verdicts import Policy, Verdict
from tests.bench.identity_files import listings
from tests.bench.identity_worlds import office

WORLD = office(22, 80)


@pytest.fixture(scope="module")
def learned() -> tuple[Matching, list[Profile], list[Profile]]:
    left, right = listings(WORLD.left), listings(WORLD.right)
    return match(left, right), [profile(one) for one in left], [profile(one) for one in right]


def candidates(index: Index, right: list[Profile], one: Profile) -> list[Profile]:
    return [right[place] for place in index.candidates(one)]


def test_it_links_what_the_whole_run_links_or_asks(learned: tuple[Matching, list[Profile], list[Profile]]) -> None:
    found, left, right = learned
    index = Index(right)
    links = {
        (scored.left, scored.right)
        for one in left
        for scored in arrival(found.model, one, candidates(index, right, one), side=0)
        if scored.verdict is Verdict.LINK
    }
    whole = {(one.left, one.right) for one in found.pairs if one.verdict is Verdict.LINK}
    assert len(links & whole) >= 0.6 * len(whole)
    assert len(links - WORLD.pairs) <= 0.05 * len(links)


def sure(learned: tuple[Matching, list[Profile], list[Profile]]) -> tuple[Profile, list[Profile], str]:
    found, left, right = learned
    index = Index(right)
    for one in left:
        others = candidates(index, right, one)
        for scored in arrival(found.model, one, others, side=0):
            if scored.verdict is Verdict.LINK:
                return one, others, scored.right
    raise AssertionError("nothing is linked")


def test_a_rejected_pair_is_never_proposed_again(learned: tuple[Matching, list[Profile], list[Profile]]) -> None:
    one, others, partner = sure(learned)
    again = arrival(learned[0].model, one, others, side=0, rejected={partner})
    assert partner not in {scored.right for scored in again}


def test_a_partner_that_is_taken_is_for_review(learned: tuple[Matching, list[Profile], list[Profile]]) -> None:
    one, others, partner = sure(learned)
    again = arrival(learned[0].model, one, others, side=0, taken={partner})
    assert {scored.verdict for scored in again if scored.right == partner} == {Verdict.REVIEW}


def test_candidates_may_come_in_any_order(learned: tuple[Matching, list[Profile], list[Profile]]) -> None:
    one, others, _ = sure(learned)
    first = arrival(learned[0].model, one, others, side=0)
    again = arrival(learned[0].model, one, others[::-1], side=0)
    assert [(s.right, s.verdict) for s in first] == [(s.right, s.verdict) for s in again]
    assert [s.probability for s in first] == pytest.approx([s.probability for s in again])


def test_few_choices_are_shown(learned: tuple[Matching, list[Profile], list[Profile]]) -> None:
    one, others, _ = sure(learned)
    again = arrival(learned[0].model, one, others, side=0, policy=Policy(precision=1.1, faintest=0.0, choices=2))
    assert [scored.verdict for scored in again] == [Verdict.REVIEW] * 2
