"""Linking what is plain decides what linking everything decides, and side by side what one after the other decides."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resolvers.identity import APART, Keyed
from resolvers.plain_links import PlainLinking, PlainLinks
from sources.contract import RecordKey
from sources.values import JSON
from tests.resolvers.ledger_invariants import check_ledger, links, product_ids
from tests.resolvers.memory_source import SOURCES, House
from tests.resolvers.test_linking import GTINS, PARTS, SKUS, columns

MORE_SKUS = (*SKUS, "S-4", "S-5", "S-6")
keys = st.fixed_dictionaries(
    {},
    optional={"gtin": st.sampled_from(GTINS), "sku": st.sampled_from(MORE_SKUS), "part": st.sampled_from(PARTS)},
)
step = st.tuples(st.sampled_from(SOURCES), st.lists(st.tuples(st.integers(0, 4), st.none() | keys), max_size=5))
"""What happens in a system before it is synced: records that are put, or (None) dropped."""

Steps = Sequence[tuple[str, Sequence[tuple[int, Mapping[str, JSON] | None]]]]


async def everything_is_left(_: PlainLinking, newcomers: Sequence[Keyed]) -> PlainLinks:
    return PlainLinks(left=list(newcomers))


async def take_steps(house: House, steps: Steps, page: int) -> dict[str, Any]:
    """What the ledger says after these."""
    await house.empty()
    for system in house.systems.values():
        system.page = page
    for name, records in steps:
        system = house.systems[name]
        for number, drawn in records:
            record_id = f"{name[0]}{number}"
            if drawn is not None:
                system.put(record_id, **columns(drawn))
            elif record_id in system.documents:
                system.drop(record_id)
        await house.sync_all([name])
    return {
        "links": await links(house),
        "ids": await product_ids(house),
        "products": await house.pool.fetch("select product_id, listed from products where listed order by 1"),
    }


@settings(
    max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(steps=st.lists(step, min_size=2, max_size=8), page=st.sampled_from([1, 2, 1000]))
async def test_what_is_plain_is_linked_as_if_it_were_not(standing_house: House, steps: Steps, page: int) -> None:
    house = standing_house
    plainly = await take_steps(house, steps, page)
    await check_ledger(house)
    decide = PlainLinking.decide
    PlainLinking.decide = everything_is_left  # type: ignore[assignment, method-assign]
    try:
        in_turn = await take_steps(house, steps, page)
    finally:
        PlainLinking.decide = decide  # type: ignore[method-assign]
    assert plainly == in_turn


async def test_what_is_plain_takes_no_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(_: object) -> None:
        raise AssertionError("it took the turn to link")

    monkeypatch.setattr("resolvers.recording.take_turn", refused)
    for name in ("erp", "wms", "pim"):
        house.systems[name].put("1", gtin="4006381333931", sku="A", label="Kettle")
        house.systems[name].put("2", gtin="96385074")
    house.systems["crm"].put("note", sku="A")
    await house.sync_all()
    found = await links(house)
    assert {(key.source, key.id): link.linked_by for key, (_, link) in found.items()} == {
        **{(name, number): "gtin" for name in ("erp", "wms", "pim") for number in "12"},
        ("crm", "note"): "sku",
    }
    await check_ledger(house)


async def test_the_second_to_carry_a_key_gives_the_first_its_link(house: House) -> None:
    house.systems["erp"].put("e", gtin="4006381333931", sku="A")
    await house.sync_all(["erp"])
    linked = await house.pool.fetchval("select linked_at from crosswalk")
    house.systems["wms"].put("w", sku="A")
    await house.sync_all(["wms"])
    by = {key.source: link.linked_by for key, (_, link) in (await links(house)).items()}
    assert by == {"erp": "sku", "wms": "sku"}
    house.systems["pim"].put("p", gtin="4006381333931")
    await house.sync_all(["pim"])
    by = {key.source: link.linked_by for key, (_, link) in (await links(house)).items()}
    assert by == {"erp": "gtin", "wms": "sku", "pim": "gtin"}
    assert await house.pool.fetchval("select linked_at from crosswalk where source = 'erp'") == linked
    await check_ledger(house)


@pytest.mark.parametrize("seed", range(8))
async def test_systems_that_are_synced_side_by_side_end_as_one_after_the_other(house: House, seed: int) -> None:
    """Pages of all systems meet in the same values again and again; the batches of each begin together."""
    chance = random.Random(seed)
    content: dict[str, dict[str, dict[str, JSON]]] = {name: {} for name in SOURCES}
    for name in SOURCES:
        for number in chance.sample(range(40), 30):
            drawn: dict[str, JSON] = {"stock": number}
            if chance.random() < 0.9:
                drawn["sku"] = f"K{number}"
            if chance.random() < 0.6:
                drawn["brand"], drawn["mpn"] = "Brewster", f"M{number if chance.random() < 0.95 else 0}"
            content[name][f"{name[0]}{number}"] = drawn

    async def fill() -> None:
        await house.empty()
        for name, records in content.items():
            for record_id, drawn in records.items():
                house.systems[name].put(record_id, **drawn)
            house.systems[name].page = chance.choice([2, 5, 9])

    await fill()
    await house.sync_all()
    one_by_one = await links(house), await product_ids(house)
    for _ in range(3):
        await fill()
        reports = await asyncio.gather(*(house.sync(name) for name in SOURCES))
        assert [report.failure for report in reports] == [None] * len(SOURCES)
        await check_ledger(house)
        assert (await links(house), await product_ids(house)) == one_by_one


async def test_of_two_that_found_a_product_for_one_key_at_once_the_second_joins_the_first(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look before either has written: the one that comes to the end later has to look again."""
    both = asyncio.Barrier(2)
    decide = PlainLinking.decide
    looked: list[PlainLinks] = []

    async def together(linking: PlainLinking, newcomers: Sequence[Keyed]) -> PlainLinks:
        plain = await decide(linking, newcomers)
        if len(looked) < 2:
            looked.append(plain)
            async with asyncio.timeout(20):
                await both.wait()
        return plain

    monkeypatch.setattr(PlainLinking, "decide", together)
    for name in ("wms", "pim"):
        house.systems[name].put("1", gtin="4006381333931")
    reports = await asyncio.gather(house.sync("wms"), house.sync("pim"))
    assert [report.failure for report in reports] == [None, None]
    assert [len(plain.founding) for plain in looked] == [1, 1]
    assert len(set((await product_ids(house)).values())) == 1
    await check_ledger(house)


async def test_who_joins_a_product_that_others_share_keys_with_is_not_plain(house: House) -> None:
    """What is told of the record that is set aside names who its keys lead to, and who that is has changed."""
    house.systems["wms"].put("w1", gtin="4006381333931", sku="A")
    house.systems["wms"].put("w2", gtin="96385074", sku="B", brand="Brewster", mpn="KE 1")
    house.systems["pim"].put("p", gtin="4006381333931", sku="B")
    await house.sync_all()
    aside = RecordKey("pim", "p")
    assert (await links(house))[aside][1].linked_by == APART
    house.systems["erp"].put("e", brand="Brewster", mpn="KE 1")
    await house.sync_all(["erp"])
    await check_ledger(house)
    assert "erp e" in str((await links(house))[aside][1].reason)
    # Once nobody shares keys with it any more, it is plain again.
    house.systems["pim"].put("p", gtin="4006381333931")
    await house.sync_all(["pim"])
    assert not await house.pool.fetchval("select count(*) from products where listed and entangled")
    await check_ledger(house)
