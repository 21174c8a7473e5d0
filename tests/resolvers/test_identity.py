"""Which records are one product, and what its id is: decided from the records alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from resolvers.identity import (
    ALONE,
    APART,
    Group,
    Keyed,
    Link,
    attach,
    partition,
    unusable,
)
from resolvers.key_values import KeyValue
from resolvers.product_ids import assign_ids, founded_id
from sources.contract import RecordKey

SCHEMES = ("gtin", "brand+mpn", "sku")
RANK = {"a": 0, "b": 1, "c": 2, "d": 3}


def keyed(name: str, *values: str, remark: str | None = None) -> Keyed:
    """``keyed("a1", "gtin:1", "sku:2")``: record 1 of source a."""
    return Keyed(key(name), tuple(value(one) for one in values), remark)


def key(name: str) -> RecordKey:
    return RecordKey(name[0], name[1:])


def value(text: str) -> KeyValue:
    scheme, _, rest = text.partition(":")
    return KeyValue(scheme, rest)


def products(*records: Keyed) -> dict[str, str]:
    """Each record's product, spelt by its members."""
    return {
        member.source + member.id: " ".join(sorted(one.source + one.id for one in group.members))
        for group in partition(records, SCHEMES, rank=RANK)
        for member in group.members
    }


def links(*records: Keyed) -> dict[str, Link]:
    return {
        one.source + one.id: link
        for group in partition(records, SCHEMES, rank=RANK)
        for one, link in group.links.items()
    }


# ── Who is one product ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_shared_key_of_any_scheme_joins_and_the_strongest_is_named() -> None:
    records = keyed("a1", "sku:s", "gtin:g"), keyed("b1", "sku:s", "gtin:g"), keyed("c1", "sku:s")
    assert set(products(*records).values()) == {"a1 b1 c1"}
    assert [links(*records)[one].linked_by for one in ("a1", "b1", "c1")] == ["gtin", "gtin", "sku"]


def test_keys_join_over_any_distance() -> None:
    records = (
        keyed("a1", "gtin:g"),
        keyed("b1", "gtin:g", "brand+mpn:m"),
        keyed("c1", "brand+mpn:m", "sku:s"),
        keyed("d1", "sku:s"),
    )
    assert set(products(*records).values()) == {"a1 b1 c1 d1"}


def test_the_same_value_in_another_scheme_is_another_value() -> None:
    assert products(keyed("a1", "gtin:1"), keyed("b1", "sku:1")) == {"a1": "a1", "b1": "b1"}


def test_a_scheme_that_is_not_declared_joins_nothing() -> None:
    records = [keyed("a1", "sku:1"), keyed("b1", "sku:1")]
    assert len(partition(records, ("gtin",), rank=RANK)) == 2


def test_a_reused_value_joins_none_of_the_catalogue_that_reuses_it_and_the_others_all_the_same() -> None:
    records = keyed("a1", "gtin:g"), keyed("a2", "gtin:g"), keyed("b1", "gtin:g"), keyed("c1", "gtin:g")
    assert products(*records) == {"a1": "a1", "a2": "a2", "b1": "b1 c1", "c1": "b1 c1"}
    found = links(*records)
    assert found["a1"] == Link(APART, "GTIN g stands on several records of a")
    assert found["b1"] == Link("gtin")


def test_a_reused_value_does_not_keep_a_record_from_joining_by_another() -> None:
    records = keyed("a1", "gtin:g", "sku:s"), keyed("a2", "gtin:g"), keyed("b1", "sku:s")
    assert products(*records)["a1"] == "a1 b1"
    assert links(*records)["a1"] == Link("sku", "GTIN g stands on several records of a")


def test_a_reused_value_is_not_named_as_what_joined() -> None:
    records = keyed("a1", "gtin:g", "sku:s"), keyed("a2", "gtin:g"), keyed("b1", "gtin:g", "sku:s")
    assert products(*records)["a1"] == "a1 b1"
    assert links(*records)["a1"].linked_by == links(*records)["b1"].linked_by == "sku"


def test_where_setting_one_record_aside_does_not_help_the_value_joins_nobody() -> None:
    records = (
        keyed("a1", "sku:s", "gtin:1"),
        keyed("b1", "gtin:1"),
        keyed("a2", "gtin:2"),
        keyed("b2", "sku:s", "gtin:2"),
        keyed("a3", "gtin:3"),
        keyed("c3", "sku:s", "gtin:3"),
        keyed("d1", "sku:s"),
        keyed("d2", "sku:s"),
    )
    assert set(products(*records).values()) == {"a1 b1", "a2 b2", "a3 c3", "d1", "d2"}
    found = links(*records)
    assert {found[name].reason for name in ("a1", "b2", "c3")} == {"SKU s would join a 1 and a 2 and a 3"}
    assert found["d1"].reason == "SKU s stands on several records of d", (
        "where it is reused it would join nobody anyway"
    )


def test_values_may_be_known_to_be_reused_by_records_that_are_not_there() -> None:
    records = [keyed("a1", "gtin:g"), keyed("b1", "gtin:g")]
    assert len(partition(records, SCHEMES, {("a", value("gtin:g"))}, rank=RANK)) == 2


def test_a_record_whose_keys_point_at_two_products_is_set_aside_and_the_others_join_without_it() -> None:
    records = keyed("a1", "gtin:g", "sku:s"), keyed("b1", "gtin:g"), keyed("b2", "sku:s"), keyed("c1", "gtin:g")
    assert products(*records) == {"a1": "a1", "b1": "b1 c1", "c1": "b1 c1", "b2": "b2"}
    torn = links(*records)["a1"]
    assert torn.linked_by == APART
    assert torn.reason == "its keys point at two products: SKU s at that of b 2, another key at that of b 1"


def test_of_two_records_that_would_join_the_same_products_the_later_systems_is_set_aside() -> None:
    records = (
        keyed("a1", "gtin:1", "sku:s"),
        keyed("b1", "gtin:1"),
        keyed("a2", "gtin:2"),
        keyed("b2", "gtin:2", "sku:s"),
    )
    assert products(*records) == {"a1": "a1 b1", "b1": "a1 b1", "a2": "a2", "b2": "b2"}
    assert links(*records)["b2"].linked_by == APART
    assert "its keys point at two products" in str(links(*records)["b2"].reason)


def test_a_record_without_a_key_and_one_that_nobody_shares_a_key_with() -> None:
    found = links(keyed("a1"), keyed("a2", "gtin:g"), keyed("a3", remark="its GTIN '1' is not used: too short"))
    assert found["a1"] == Link(APART, "it has no key that others could share")
    assert found["a2"] == Link(ALONE)
    assert found["a3"] == Link(APART, "its GTIN '1' is not used: too short")


def test_an_unusable_identifier_is_told_beside_a_link_and_keeps_a_lonely_record_apart() -> None:
    remark = unusable([("gtin", "123", "too short"), ("sku", "n/a", "nothing")])
    assert remark == "its GTIN '123' is not used: too short; its SKU 'n/a' is not used: nothing"
    assert unusable([]) is None
    found = links(keyed("a1", "sku:s", remark=remark), keyed("b1", "sku:s"), keyed("a2", "sku:t", remark=remark))
    assert found["a1"] == Link("sku", remark)
    assert found["a2"] == Link(APART, remark)


names = st.builds(lambda source, number: f"{source}{number}", st.sampled_from("abcd"), st.integers(1, 3))
values = st.builds(lambda scheme, number: f"{scheme}:{number}", st.sampled_from(SCHEMES), st.integers(1, 3))
worlds = st.dictionaries(names, st.lists(values, max_size=4), max_size=9)


@given(worlds, st.randoms(use_true_random=False))
def test_the_order_of_records_and_of_their_keys_decides_nothing(
    world: Mapping[str, list[str]], chance: random.Random
) -> None:
    records = [keyed(name, *values) for name, values in world.items()]
    before = links(*records), products(*records)
    shuffled = [keyed(name, *chance.sample(values, len(values))) for name, values in world.items()]
    chance.shuffle(shuffled)
    assert (links(*shuffled), products(*shuffled)) == before


@given(worlds)
def test_no_product_holds_two_records_of_one_catalogue_and_none_is_joined_without_a_shared_value(
    world: Mapping[str, list[str]],
) -> None:
    records = {key(name): keyed(name, *values) for name, values in world.items()}
    groups = partition(list(records.values()), SCHEMES, rank=RANK)
    assert sorted(one for group in groups for one in group.members) == sorted(records)
    for group in groups:
        assert len({one.source for one in group.members}) == len(group.members)
        for one, link in group.links.items():
            if len(group.members) > 1:
                assert any(
                    set(records[one].values) & set(records[other].values) for other in group.members if other != one
                )
                assert link.linked_by in SCHEMES
            elif link.linked_by == APART:
                assert link.reason


@given(worlds)
def test_what_shares_nothing_is_decided_alone(world: Mapping[str, list[str]]) -> None:
    """The whole at once and each connected part by itself come to the same: so a batch need only look at its own."""
    records = {name: keyed(name, *values) for name, values in world.items()}
    whole = links(*records.values()), products(*records.values())
    left = dict(records)
    apart: tuple[dict[str, Link], dict[str, str]] = ({}, {})
    while left:
        name, first = left.popitem()
        part, carried = {name: first}, set(first.values)
        while near := [one for one in left if carried & set(left[one].values)]:
            for one in near:
                part[one] = left.pop(one)
                carried |= set(part[one].values)
        apart[0].update(links(*part.values()))
        apart[1].update(products(*part.values()))
    assert apart == whole


# ── Notes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ONE, TWO = UUID(int=1), UUID(int=2)


def test_a_note_joins_by_its_strongest_key_that_one_product_has() -> None:
    note = keyed("d1", "sku:s", "gtin:g")
    assert attach(note, SCHEMES, {value("gtin:g"): {ONE}, value("sku:s"): {ONE}}) == (ONE, Link("gtin"))
    assert attach(note, SCHEMES, {value("sku:s"): {ONE}}) == (ONE, Link("sku", "no product has GTIN g"))
    several = {value("gtin:g"): {ONE, TWO}, value("sku:s"): {ONE}}
    assert attach(note, SCHEMES, several) == (ONE, Link("sku", "GTIN g stands on 2 products"))


def test_a_note_whose_keys_point_at_two_products_or_none_stays_apart() -> None:
    note = keyed("d1", "sku:s", "gtin:g")
    about, link = attach(note, SCHEMES, {value("gtin:g"): {ONE}, value("sku:s"): {TWO}})
    assert (about, link.linked_by) == (None, APART)
    assert "its keys point at two products" in (link.reason or "")
    assert attach(note, SCHEMES, {}) == (None, Link(APART, "no product has GTIN g; no product has SKU s"))
    assert attach(keyed("d1"), SCHEMES, {}) == (None, Link(APART, "it has no key that a product could share"))
    assert attach(keyed("d1", remark="its GTIN is wrong"), SCHEMES, {})[1].reason == "its GTIN is wrong"


# ── Ids ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def group(*names: str) -> Group:
    return Group({key(name): Link("sku") for name in names})


def ids(*groups: str, had: Mapping[str, str], unsettled: str = "", back: Mapping[str, str] | None = None) -> list[str]:
    """The ids of groups as ``a1 b1``; an id is spelt by the record that founded it."""
    spelt = {founded_id(key(name), n): name + "'" * n for name in _names(groups, had, back or {}) for n in range(3)}
    assigned = assign_ids(
        [group(*one.split()) for one in groups],
        {key(name): founded_id(key(founder)) for name, founder in had.items()},
        {key(name): founded_id(key(founder)) for name, founder in (back or {}).items()},
        RANK,
        set(unsettled),
    )
    leads = [f"{spelt[old]}>{spelt[new]}" for old, new in assigned.merged.items()]
    return [spelt[one] for one in assigned.ids] + sorted(leads)


def _names(groups: tuple[str, ...], *more: Mapping[str, str]) -> set[str]:
    return {name for one in groups for name in one.split()}.union(*(set(one) | set(one.values()) for one in more))


def test_on_a_first_walk_the_best_record_founds() -> None:
    assert ids("a1 b1", had={"b1": "b1"}, unsettled="a") == ["a1", "b1>a1"]
    assert ids("a1 b1", had={"a1": "a1"}, unsettled="b") == ["a1"]
    assert ids("a1 b1", had={}, unsettled="ab") == ["a1"]


def test_afterwards_an_id_stays_whoever_joins() -> None:
    assert ids("a1 b1 c1", had={"b1": "b1", "c1": "b1"}) == ["b1"]
    assert ids("a1 b1", had={"b1": "b1"}, unsettled="c") == ["b1"]


def test_of_two_products_that_merge_the_id_of_the_better_founder_stays_and_the_other_leads_there() -> None:
    assert ids("a1 b1 c1", had={"a1": "a1", "b1": "b1", "c1": "b1"}) == ["a1", "b1>a1"]


def test_when_a_product_falls_apart_most_of_its_records_keep_the_id() -> None:
    assert ids("a1", "b1 c1", had={"a1": "a1", "b1": "a1", "c1": "a1"}) == ["a1'", "a1"]
    assert ids("a1", "b1", had={"a1": "a1", "b1": "a1"}) == ["a1", "b1"]


def test_while_a_source_is_on_its_first_walk_the_founder_keeps_it() -> None:
    had = {"a1": "a1", "b1": "a1", "c1": "a1"}
    assert ids("a1 d1", "b1 c1 d2", had=had, unsettled="d") == ["a1", "b1"]


def test_a_product_that_keeps_its_records_keeps_its_id_whoever_comes_over() -> None:
    assert ids("a1 b2", "b1", had={"a1": "a1", "b1": "a1", "b2": "b2"}) == ["b2", "a1"]


def test_who_comes_back_brings_an_id_that_nobody_has_and_takes_none_from_anybody() -> None:
    assert ids("b1", had={}, back={"b1": "c1"}) == ["c1"]
    assert ids("a1 b1", had={"b1": "b1"}, back={"a1": "a1"}) == ["b1", "a1>b1"]


def test_ids_that_others_hold_are_not_given_again() -> None:
    taken = {founded_id(key("a1")), founded_id(key("a1"), 1)}
    found = assign_ids([group("a1")], {}, {}, RANK, set(), taken)
    assert found.ids == (founded_id(key("a1"), 2),)


@given(st.text(), st.text(), st.integers(0, 5))
def test_an_id_is_a_uuid_of_version_8(source: str, record_id: str, generation: int) -> None:
    found = founded_id(RecordKey(source, record_id), generation)
    assert (found.version, found.variant) == (8, "specified in RFC 4122")


@given(worlds, worlds, st.sets(st.sampled_from("abcd")))
def test_ids_are_different_and_what_is_given_up_leads_to_what_is_given(
    world: Mapping[str, list[str]], later: Mapping[str, list[str]], unsettled: set[str]
) -> None:
    first = partition([keyed(name, *values) for name, values in world.items()], SCHEMES, rank=RANK)
    one = assign_ids(first, {}, {}, RANK, set("abcd"))
    had = {member: product for group, product in zip(first, one.ids, strict=True) for member in group.members}
    second = partition([keyed(name, *values) for name, values in later.items()], SCHEMES, rank=RANK)
    members = {member for group in second for member in group.members}
    two = assign_ids(
        second,
        {member: product for member, product in had.items() if member in members},
        {},
        RANK,
        unsettled,
        {product for member, product in had.items() if member not in members},
    )
    assert len(set(two.ids)) == len(two.ids)
    assert set(two.merged.values()) <= set(two.ids)
    assert not two.merged.keys() & set(two.ids)
