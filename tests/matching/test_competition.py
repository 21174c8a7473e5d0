"""Probabilities under competition, and the verdicts that follow from them."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.matching.competition import Competition
from resolvers.matching.verdicts import Policy, Verdict, verdicts
from resolvers.matching.weights import falling

EDGES = [(0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (3, 3)]
"""A forest, on which belief propagation is exact."""


def exact(odds: list[float]) -> list[float]:
    """The marginals by counting every matching."""
    weight = [0.0] * len(EDGES)
    total = 0.0
    for size in range(len(EDGES) + 1):
        for chosen in combinations(range(len(EDGES)), size):
            lefts, rights = [EDGES[at][0] for at in chosen], [EDGES[at][1] for at in chosen]
            if len({*lefts}) == len(lefts) and len({*rights}) == len(rights):
                share = prod(odds[at] for at in chosen)
                total += share
                for at in chosen:
                    weight[at] += share
    return [one / total for one in weight]


@given(st.lists(st.floats(0.001, 1000), min_size=len(EDGES), max_size=len(EDGES)))
def test_it_is_exact_on_a_forest(odds: list[float]) -> None:
    assert Competition(EDGES).settled(odds) == pytest.approx(exact(odds), abs=1e-3)


def test_without_rivals_the_odds_decide() -> None:
    assert Competition([(0, 0)]).settled([3.0]) == pytest.approx([0.75])


def test_two_equal_rivals_share() -> None:
    assert Competition([(0, 0), (0, 1)]).settled([1e6, 1e6]) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_catalogue_that_lists_several_times_has_no_rivals() -> None:
    assert Competition([(0, 0), (0, 1)], right_once=False).settled([9.0, 9.0]) == pytest.approx([0.9, 0.9])


def decide(
    chances: list[float], policy: Policy, pairs: list[tuple[int, int]] | None = None, least: list[float] | None = None
) -> list[Verdict]:
    pairs = pairs or [(at, at) for at in range(len(chances))]
    return verdicts(pairs, chances, sizes=(20, 20), once=(True, True), policy=policy, least=least)


def test_links_stop_where_they_are_no_longer_expected_to_be_right() -> None:
    found = decide([0.99, 0.99, 0.96, 0.93, 0.8], Policy(precision=0.96))
    assert found == [Verdict.LINK] * 4 + [Verdict.REVIEW]


def test_no_link_is_less_than_sure() -> None:
    assert decide([0.999] * 9 + [0.7], Policy(precision=0.9))[-1] is Verdict.REVIEW


def test_what_must_be_surer_than_anything_is_never_linked() -> None:
    assert decide([0.999, 0.999], Policy(), least=[2.0, 0.9]) == [Verdict.REVIEW, Verdict.LINK]


def test_the_queue_is_short_and_leaves_out_the_linked() -> None:
    pairs = [(0, 0), (0, 1), *((at, at) for at in range(2, 12))]
    found = decide([0.99, 0.3, *([0.3] * 10)], Policy(queue=0.2), pairs)
    assert found[:2] == [Verdict.LINK, Verdict.NONE]
    assert found.count(Verdict.REVIEW) == 4


def test_one_record_does_not_fill_the_queue() -> None:
    found = decide([0.1] * 9, Policy(queue=1.0, choices=2), [(0, at) for at in range(9)])
    assert found.count(Verdict.REVIEW) == 2


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12))
def test_falling_values_fall_and_keep_their_mean(values: list[float]) -> None:
    found = falling(values, [1.0] * len(values))
    assert all(a >= b - 1e-9 for a, b in pairwise(found))
    assert sum(found) == pytest.approx(sum(values), abs=1e-6)
