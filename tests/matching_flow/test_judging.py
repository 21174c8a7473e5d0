"""The verdict on pairs, whatever was learned: what no chance may overturn."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from resolvers.matching.profile import Listing, profile
from resolvers.matching.verdicts import Policy, Verdict
from resolvers.matching_flow.blocking import Blocks
from resolvers.matching_flow.bound import Bound, Fellow
from resolvers.matching_flow.judging import Judged, Learned, Place, Scores, Standing, judge, subject
from resolvers.matching_flow.learning import Sample, learned
from sources.contract import RecordKey
from sources.ledger.match_keys import Carried
from tests.bench.identity_files import listings
from tests.bench.identity_worlds import office
from tests.matching_flow.test_variants import VARIANTS

POLICY = Policy(choices=2)


@pytest.fixture(scope="module")
def model() -> Learned:
    world = office(22, 60)
    left, right = ([profile(one) for one in listings(side)] for side in (world.left, world.right))
    return learned(Sample(left, right, (len(left), len(right)), {}), POLICY, (True, True))


def judged(
    model: Learned, left: list[str], right: list[str], standing: Standing | None = None, *, link: float | None = 0.0
) -> dict[tuple[str, str], Judged]:
    """Titles judged with each other, where all that may be linked is."""
    scores = Scores(replace(model, link=link, review=0.0))
    subjects = [
        {title: subject(profile(Listing(title, title)), model.model) for title in side} for side in (left, right)
    ]
    places = [Place(one, other) for one in left for other in right]
    scores.add(places, subjects[0], subjects[1], set(places))
    return {(one.place.left, one.place.right): one for one in judge(scores, standing or Standing(), POLICY)}


@pytest.mark.parametrize(("what", "one", "other"), VARIANTS, ids=[one[0] for one in VARIANTS])
def test_what_tells_variants_apart_is_never_linked(model: Learned, what: str, one: str, other: str) -> None:
    title = "Okanda quiet kettle ZK7713X"
    found = judged(model, [f"{title} {one}"], [f"{title} {other}"])
    assert {pair.verdict for pair in found.values()} == {Verdict.REVIEW}, what
    assert {pair.verdict for pair in judged(model, [f"{title} {one}"], [f"{title} {one}"]).values()} == {Verdict.LINK}


def test_a_record_has_one_partner_even_where_products_are_listed_several_times(model: Learned) -> None:
    several = replace(model, model=replace(model.model, once=(False, False)))
    one, other = "Okanda kettle ZK7713X", "OKANDA kettle ZK7713X"
    found = judged(several, [one], [one, other])
    assert sorted(pair.verdict.value for pair in found.values()) == ["link", "review"]
    assert sum(pair.verdict is Verdict.LINK for pair in judged(several, [one, other], [one, other]).values()) == 2


def test_what_stands_against_a_link(model: Learned) -> None:
    title = "Okanda kettle ZK7713X"
    place = Place(title, title)
    assert judged(model, [title], [title])[place].verdict is Verdict.LINK
    assert judged(model, [title], [title], Standing(closed={place})) == {}
    assert judged(model, [title], [title], Standing(asked={place}))[place].verdict is Verdict.REVIEW
    assert judged(model, [title], [title], Standing(held={place}))[place].verdict is Verdict.REVIEW
    assert judged(model, [title], [title], link=None)[place].verdict is Verdict.REVIEW


def test_no_more_is_shown_of_a_record_than_a_person_looks_at(model: Learned) -> None:
    title = "Okanda kettle ZK7713X"
    others = [f"{title} no {number}" for number in range(5)]
    found = judged(model, [title], others, link=None)
    assert sum(pair.verdict is Verdict.REVIEW for pair in found.values()) == POLICY.choices


def test_the_best_candidates_come_first_and_common_keys_lead_nowhere() -> None:
    lists = [
        Carried("wms", 1, 1, [7]),  # rare
        Carried("wms", 2, 40, list(range(40))),
        Carried("wms", 3, 501, []),  # too common
        Carried("shop", 4, 1, [8]),  # of another catalogue
    ]
    blocks = Blocks.of(lists, {"wms": 1000})["wms"]
    assert blocks.candidates([1, 2, 3, 4]) == [7, *range(7), *range(8, 20)]
    assert blocks.looked_at == 41
    assert blocks.candidates([3, 4, 5]) == []
    far = Blocks.of([Carried("wms", key, 1, [7]) for key in range(9)] + lists[1:2], {"wms": 1000})["wms"]
    assert far.candidates(range(9)) == [7]


def test_who_is_joined_by_keys_and_who_is_not() -> None:
    product, other = uuid4(), uuid4()
    a, b, c, d = (RecordKey(source, "1") for source in "abcd")
    key, second = ("gtin", "1"), ("sku", "2")
    fellows = [
        Fellow(a, product, frozenset({key})),
        Fellow(b, product, frozenset({key, second})),
        Fellow(c, product, frozenset({second})),
        Fellow(d, product, frozenset()),  # by matching: no key holds it
        Fellow(RecordKey("a", "2"), other, frozenset({key})),  # the same value on another product
    ]
    bound = Bound(fellows, [])
    assert dict(bound.with_(a)) == {"a": a, "b": b, "c": c}
    assert bound.open(a, "d")
    assert not bound.open(a, "c")
    assert not bound.may_join(RecordKey("a", "2"), c)
    assert bound.may_join(d, c)
    assert bound.share_a_key(RecordKey("a", "2"), b)
    assert not Bound(fellows, [(c, d)]).open(a, "d")
