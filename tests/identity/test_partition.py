"""Which records are one product, with what people said and matching found: decided from these alone, in any order."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resolvers.identity import ALONE, APART, Group, Keyed, Link, attach, partition
from resolvers.key_values import MATCHING, PERSON, KeyValue, pair_value, ranked_schemes
from sources.ledger.pairs import Pair
from tests.resolvers.test_identity import ONE, RANK, SCHEMES, TWO, key, keyed, value, worlds

Pairs = Collection[tuple[str, str]]


def pair(one: str, other: str) -> Pair:
    return Pair.of(key(one), key(other))


def decide(
    records: Sequence[Keyed],
    same: Pairs = (),
    apart: Pairs = (),
    matched: Mapping[tuple[str, str], float] | None = None,
) -> tuple[Group, ...]:
    """The products; of the pairs that are the same, the later stands later."""
    strength: dict[KeyValue, float] = {}
    more: dict[str, list[KeyValue]] = {}
    tied = [(PERSON, one, float(place)) for place, one in enumerate(same)]
    tied += [(MATCHING, one, chance) for one, chance in (matched or {}).items()]
    for scheme, (one, other), strong in tied:
        shared = pair_value(scheme, pair(one, other))
        strength[shared] = strong
        for name in (one, other):
            more.setdefault(name, []).append(shared)
    names = {record.key.source + record.key.id: record for record in records}
    both = [replace(record, values=(*record.values, *more.get(name, ()))) for name, record in names.items()]
    return partition(both, SCHEMES, rank=RANK, apart=[pair(*one) for one in apart], strength=strength)


def spelt(groups: Sequence[Group]) -> set[str]:
    return {" ".join(sorted(one.source + one.id for one in group.members)) for group in groups}


def links(groups: Sequence[Group]) -> dict[str, Link]:
    return {one.source + one.id: link for group in groups for one, link in group.links.items()}


def test_a_persons_word_is_the_strongest_and_matching_the_weakest() -> None:
    assert list(ranked_schemes(SCHEMES)) == [PERSON, *SCHEMES, MATCHING]
    records = [keyed("a1", "gtin:g"), keyed("b1", "gtin:g"), keyed("c1"), keyed("d1")]
    groups = decide(records, same=[("a1", "b1")], matched={("b1", "c1"): 0.9})
    assert spelt(groups) == {"a1 b1 c1", "d1"}
    found = links(groups)
    assert [found[name].linked_by for name in ("a1", "b1", "c1", "d1")] == [PERSON, PERSON, MATCHING, APART]
    assert found["c1"].rests_on == pair_value(MATCHING, pair("b1", "c1"))


def test_two_that_are_apart_are_never_one_and_the_reason_is_told() -> None:
    records = [keyed("a1", "gtin:g"), keyed("b1", "gtin:g")]
    groups = decide(records, apart=[("b1", "a1")], matched={("a1", "b1"): 0.9})
    assert spelt(groups) == {"a1", "b1"}
    assert links(groups)["a1"] == Link(APART, "GTIN g would join a 1 and b 1, which a person keeps apart")


def test_those_who_are_apart_from_the_same_stay_together() -> None:
    records = [keyed(name, "gtin:g") for name in ("a1", "b1", "c1", "d1")]
    split = [("a1", "b1"), ("a1", "c1"), ("d1", "b1"), ("d1", "c1")]
    assert spelt(decide(records, apart=split)) == {"a1 d1", "b1 c1"}


def test_one_that_goes_with_each_of_two_that_are_apart_goes_with_neither_until_a_key_says() -> None:
    records = [keyed("a1", "gtin:g"), keyed("b1", "gtin:g"), keyed("c1", "gtin:g")]
    assert spelt(decide(records, apart=[("a1", "c1")])) == {"a1", "b1", "c1"}
    records[0], records[1] = keyed("a1", "gtin:g", "sku:s"), keyed("b1", "gtin:g", "sku:s")
    assert spelt(decide(records, apart=[("a1", "c1")])) == {"a1 b1", "c1"}
    assert spelt(decide(records, same=[("b1", "c1")], apart=[("a1", "c1")])) == {"a1", "b1 c1"}


def test_two_products_of_which_any_two_records_are_apart_are_not_joined_by_others() -> None:
    """Here by their best records, of which nobody said anything."""
    records = [
        keyed("a1", "gtin:g", "sku:s"),
        keyed("b1", "gtin:g"),
        keyed("c1", "gtin:h", "sku:s"),
        keyed("d1", "gtin:h"),
    ]
    groups = decide(records, apart=[("b1", "d1")])
    assert spelt(groups) == {"a1 b1", "c1 d1"}
    assert links(groups)["a1"].reason == "SKU s would join a 1 and c 1, which a person keeps apart"


def test_of_two_words_of_which_only_one_can_hold_the_later_does() -> None:
    records = [keyed("a1"), keyed("b1"), keyed("a2")]
    assert spelt(decide(records, same=[("a1", "b1"), ("b1", "a2")])) == {"a1", "a2 b1"}
    assert spelt(decide(records, same=[("b1", "a2"), ("a1", "b1")])) == {"a1 b1", "a2"}
    told = links(decide(records, same=[("a1", "b1"), ("b1", "a2")]))
    assert told["a1"].reason == "a person's word that a 1 and b 1 are one would join a 1 and a 2"


def test_of_two_matches_of_which_only_one_can_hold_the_surer_does_and_nothing_is_told() -> None:
    records = [keyed("a1", "sku:s"), keyed("b1"), keyed("a2")]
    groups = decide(records, matched={("a1", "b1"): 0.97, ("b1", "a2"): 0.99})
    assert spelt(groups) == {"a1", "a2 b1"}
    assert links(groups)["a1"] == Link(ALONE)
    keyless = decide([keyed("a1"), *records[1:]], matched={("a1", "b1"): 0.97, ("b1", "a2"): 0.99})
    assert links(keyless)["a1"] == Link(APART, "it has no key that others could share"), "a match is no key"


def test_a_key_takes_nobody_from_where_a_person_said_it_belongs_and_joins_the_others() -> None:
    records = [keyed("a1"), keyed("b1", "gtin:g"), keyed("a2", "gtin:g"), keyed("c1", "gtin:g"), keyed("d1", "gtin:g")]
    groups = decide(records, same=[("a1", "b1")])
    assert spelt(groups) == {"a1 b1", "a2 c1 d1"}
    assert links(groups)["b1"] == Link(PERSON, "GTIN g would join a 1 and a 2 and c 1 and d 1")
    assert links(groups)["c1"] == Link("gtin")


def test_a_note_is_about_what_a_person_says_then_its_keys_then_a_match() -> None:
    said, found = pair_value(PERSON, pair("a1", "d1")), pair_value(MATCHING, pair("b1", "d1"))
    note = Keyed(key("d1"), (value("gtin:g"), said, found))
    assert attach(note, SCHEMES, {said: {ONE}, value("gtin:g"): {TWO}}) == (ONE, Link(PERSON))
    assert attach(note, SCHEMES, {found: {ONE}, value("gtin:g"): {TWO}}) == (TWO, Link("gtin"))
    assert attach(note, SCHEMES, {found: {ONE}}) == (ONE, Link(MATCHING, "no product has GTIN g"))
    product, link = attach(note, SCHEMES, {found: {ONE}, value("gtin:g"): {TWO}}, barred={TWO})
    assert (product, link.linked_by) == (ONE, MATCHING)
    assert link.reason == "a person keeps it apart from the product that has GTIN g"
    several = attach(note, SCHEMES, {value("gtin:g"): {ONE, TWO}}, barred={TWO})
    assert several == (ONE, Link("gtin")), "kept apart from one of two, it is about the other"


names = st.builds(lambda source, number: f"{source}{number}", st.sampled_from("abcd"), st.integers(1, 3))
pairs = st.lists(
    st.tuples(names, names).filter(lambda two: two[0][0] != two[1][0]).map(lambda two: tuple(sorted(two))),
    max_size=5,
    unique=True,
)


def among(world: Mapping[str, object], these: Pairs) -> list[tuple[str, str]]:
    return [one for one in these if one[0] in world and one[1] in world]


@given(worlds, pairs, pairs, pairs, st.randoms(use_true_random=False))
def test_order_decides_nothing_and_nobody_is_with_whom_a_person_keeps_it_from(
    world: Mapping[str, list[str]], same: Pairs, apart: Pairs, matched: Pairs, chance: random.Random
) -> None:
    records = [keyed(name, *values) for name, values in world.items()]
    same, apart = among(world, [one for one in same if one not in apart]), among(world, apart)
    sure = {one: 0.9 + place / 100 for place, one in enumerate(among(world, matched))}
    groups = decide(records, same, apart, sure)
    chance.shuffle(records)
    again = decide(records, same, chance.sample(apart, len(apart)), dict(chance.sample(list(sure.items()), len(sure))))
    assert (spelt(again), links(again)) == (spelt(groups), links(groups))
    for group in groups:
        assert len({one.source for one in group.members}) == len(group.members)
        assert not any(key(one) in group.members and key(other) in group.members for one, other in apart)
        for one, link in group.links.items():
            assert (link.rests_on is not None) == (len(group.members) > 1) or link.linked_by == APART
            assert link.linked_by not in (PERSON, MATCHING) or link.rests_on is not None, one


@given(worlds, pairs, pairs)
def test_what_matching_links_takes_nothing_from_what_keys_and_people_join(
    world: Mapping[str, list[str]], same: Pairs, matched: Pairs
) -> None:
    records = [keyed(name, *values) for name, values in world.items()]
    without = decide(records, among(world, same))
    groups = decide(records, among(world, same), (), dict.fromkeys(among(world, matched), 0.9))
    whole = {one: group for group in groups for one in group.members}
    assert all(set(group.members) <= set(whole[one].members) for group in without for one in group.members)


@given(worlds, pairs)
def test_one_persons_word_holds_against_all_keys(world: Mapping[str, list[str]], same: Pairs) -> None:
    records = [keyed(name, *values) for name, values in world.items()]
    for one, other in among(world, same):
        (group,) = [found for found in decide(records, [(one, other)]) if key(one) in found.members]
        assert key(other) in group.members


@given(worlds, pairs, pairs)
def test_what_shares_nothing_is_decided_alone(world: Mapping[str, list[str]], same: Pairs, apart: Pairs) -> None:
    """The whole at once and each part that shared values and words of people connect come to the same."""
    same, apart = among(world, [one for one in same if one not in apart]), among(world, apart)
    records = {name: keyed(name, *values) for name, values in world.items()}
    whole = decide(list(records.values()), same, apart)
    left = dict(records)
    parts: list[Group] = []
    while left:
        part = [left.popitem()[0]]
        for name in part:
            near = [
                other
                for other in left
                if set(records[name].values) & set(records[other].values) or tuple(sorted((name, other))) in same
            ]
            for other in near:
                del left[other]
            part += near
        own = {name: records[name] for name in part}
        parts += decide(list(own.values()), among(own, same), among(own, apart))
    assert (spelt(parts), links(parts)) == (spelt(whole), links(whole))
