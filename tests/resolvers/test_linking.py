"""Linking in the ledger: whatever the order of sources, batches and edits, the same products; and ids that stay."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resolvers.identity import ALONE, APART
from resolvers.product_ids import founded_id
from sources.contract import RecordKey
from sources.values import JSON
from tests.resolvers.ledger_invariants import check_ledger, links, product_ids
from tests.resolvers.memory_source import SOURCES, House

GTINS = ("4006381333931", "0036000291452", "96385074", "40063813339313")
"""The last has a wrong check digit."""
SKUS = ("S-1", "S-2", "S-3")
PARTS = (("Brewster", "KE 1700"), ("Brewster", "KE 1800"), ("Acme", "KE 1700"))

Columns = Mapping[str, JSON]

keys = st.fixed_dictionaries(
    {},
    optional={
        "gtin": st.sampled_from(GTINS),
        "sku": st.sampled_from(SKUS),
        "part": st.sampled_from(PARTS),
    },
)
content = st.fixed_dictionaries({name: st.lists(keys, max_size=4) for name in SOURCES})


def columns(drawn: Mapping[str, JSON]) -> dict[str, JSON]:
    part = dict(zip(("brand", "mpn"), drawn["part"], strict=True)) if "part" in drawn else {}
    return {name: value for name, value in drawn.items() if name != "part"} | part


async def ingest(
    house: House, content: Mapping[str, Sequence[Columns]], order: Sequence[str], page: int, backwards: bool
) -> None:
    await house.empty()
    for name in order:
        records = list(enumerate(content[name]))
        for number, drawn in reversed(records) if backwards else records:
            house.systems[name].put(f"{name[0]}{number}", **columns(drawn))
        house.systems[name].page = page
        await house.sync_all([name])


@settings(
    max_examples=80, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(content=content, order=st.permutations(SOURCES), page=st.sampled_from([1, 2, 1000]), backwards=st.booleans())
async def test_neither_products_nor_ids_depend_on_the_order(
    standing_house: House,
    content: Mapping[str, Sequence[Columns]],
    order: Sequence[str],
    page: int,
    backwards: bool,
) -> None:
    house = standing_house
    await ingest(house, content, SOURCES, 1000, backwards=False)
    await check_ledger(house)
    first, ids = await links(house), await product_ids(house)
    await ingest(house, content, order, page, backwards)
    await check_ledger(house)
    assert await links(house) == first
    assert await product_ids(house) == ids


def random_columns(chance: random.Random) -> dict[str, JSON]:
    found: dict[str, JSON] = {"stock": chance.randint(0, 1)}
    if chance.random() < 0.5:
        found["gtin"] = chance.choice(GTINS)
    if chance.random() < 0.4:
        found["sku"] = chance.choice(SKUS)
    if chance.random() < 0.4:
        found["brand"], found["mpn"] = chance.choice(PARTS)
    return found


@pytest.mark.parametrize("seed", range(12))
async def test_after_any_edits_the_ledger_is_as_if_read_afresh_and_ids_have_stayed(house: House, seed: int) -> None:
    chance = random.Random(seed)
    for name in SOURCES:
        for number in range(chance.randint(0, 4)):
            house.systems[name].put(f"{name[0]}{number}", **random_columns(chance))
    await house.sync_all()
    await check_ledger(house)
    before, held = await product_ids(house), members_of(await product_ids(house))
    for _ in range(8):
        name = chance.choice(SOURCES)
        system = house.systems[name]
        for _ in range(chance.randint(1, 3)):
            record_id = f"{name[0]}{chance.randint(0, 4)}"
            if record_id in system.documents and chance.random() < 0.4:
                system.drop(record_id)
            else:
                system.put(record_id, **random_columns(chance))
        await house.sync_all([name])
        await check_ledger(house)
        after = await product_ids(house)
        await check_ids(house, before, after, held)
        before = after
        for product, members in members_of(after).items():
            held.setdefault(product, set()).update(members)
    written = await traces(house)
    await house.sync_all()
    assert await traces(house) == written, "reading again what has not changed wrote something"


async def check_ids(
    house: House,
    before: Mapping[RecordKey, UUID],
    after: Mapping[RecordKey, UUID],
    held: Mapping[UUID, set[RecordKey]],
) -> None:
    """``held``: the records that each id has ever had."""
    was, now = members_of(before, "crm"), members_of(after)
    for product, members in now.items():
        if product in held:
            own = any(founded_id(key) == product for key in members)
            assert members & held[product] or own, "an id was given to another product"
    for product, members in was.items():
        present = members & after.keys()
        if not present:
            continue
        places = {after[key] for key in present}
        if len(places) == 1:
            (place,) = places
            whole = {other for other, theirs in was.items() if theirs & after.keys() <= now[place]}
            assert place in whole, "a product that kept its records has another id"
        if product not in now:
            leads = await house.pool.fetchval("select product_id from former_ids where former_id = $1", product)
            assert now[leads] & present, "an id that was given up leads to none of its records"


def members_of(ids: Mapping[RecordKey, UUID], *but: str) -> dict[UUID, set[RecordKey]]:
    members: dict[UUID, set[RecordKey]] = defaultdict(set)
    for key, product in ids.items():
        if key.source not in but:
            members[product].add(key)
    return dict(members)


async def traces(house: House) -> list[object]:
    """Everything in the ledger but runs, cursors and the sightings of walks."""
    tables = ["crosswalk", "records", "aliases", "changes", "products", "former_ids"]
    return [await house.pool.fetchval(f"select array_agg(t::text order by t::text) from {table} t") for table in tables]


# ── One by one ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_records_join_by_any_shared_key_and_say_by_which(house: House) -> None:
    house.systems["erp"].put("1", gtin="4006381333931", sku="A")
    house.systems["wms"].put("2", gtin="04006381333931", brand="Brewster", mpn="KE-1700")
    house.systems["pim"].put("3", brand="BREWSTER", mpn="ke1700")
    house.systems["crm"].put("4", sku="a", text="Lid sticks")
    await house.sync_all()
    found = await links(house)
    assert {key.source: link.linked_by for key, (_, link) in found.items()} == {
        "erp": "gtin",
        "wms": "gtin",
        "pim": "brand+mpn",
        "crm": "sku",
    }
    assert len(set(await product_ids(house) and (await product_ids(house)).values())) == 1


async def test_a_note_waits_for_its_product_and_follows_it(house: House) -> None:
    house.systems["crm"].put("t", sku="A", text="Lid sticks")
    await house.sync_all(["crm"])
    note = RecordKey("crm", "t")
    alone = (await product_ids(house))[note]
    assert (await links(house))[note][1].linked_by == APART
    assert "no product has SKU a" in ((await links(house))[note][1].reason or "")
    assert not await house.pool.fetchval("select listed from products where product_id = $1", alone)

    house.systems["wms"].put("w", sku="A", gtin="96385074")
    await house.sync_all(["wms"])
    ids = await product_ids(house)
    assert ids[note] == ids[RecordKey("wms", "w")] != alone
    assert await house.pool.fetchval("select product_id from former_ids where former_id = $1", alone) == ids[note]

    # The product gets a better-ranked founder: note and all move to its id.
    house.systems["erp"].put("e", gtin="96385074")
    await house.sync_all(["erp"])
    ids = await product_ids(house)
    assert ids[note] == ids[RecordKey("wms", "w")] == founded_id(RecordKey("erp", "e"))
    assert await house.pool.fetchval("select product_id from former_ids where former_id = $1", alone) == ids[note]

    house.systems["wms"].drop("w")
    await house.sync_all(["wms"])
    assert (await product_ids(house))[note] == alone, "what carried its key is gone, so it stands alone again"
    await check_ledger(house)


async def test_a_wrong_check_digit_is_told_whoever_is_linked_next_to_it(house: House) -> None:
    house.systems["erp"].put("e", gtin="4006381333932", sku="A")
    house.systems["pim"].put("p", gtin="4006381333932")
    await house.sync_all()
    first = await links(house)
    assert first[RecordKey("pim", "p")][1].linked_by == APART
    for key in (RecordKey("erp", "e"), RecordKey("pim", "p")):
        assert "its GTIN '4006381333932' is not used" in (first[key][1].reason or "")
    house.systems["wms"].put("w", sku="A")
    await house.sync_all(["wms"])
    joined = (await links(house))[RecordKey("erp", "e")][1]
    assert joined.linked_by == "sku"
    assert joined.reason == first[RecordKey("erp", "e")][1].reason, "its neighbour's coming changed what is told of it"


async def test_a_value_that_hundreds_of_records_carry_is_no_ones_key_and_still_joins_the_others(house: House) -> None:
    for number in range(250):
        house.systems["erp"].put(f"e{number}", gtin="4006381333931")
    house.systems["wms"].put("w", gtin="4006381333931")
    house.systems["pim"].put("p", gtin="4006381333931")
    await house.sync_all()
    ids = await product_ids(house)
    assert ids[RecordKey("wms", "w")] == ids[RecordKey("pim", "p")]
    assert len(set(ids.values())) == 251
    house.systems["erp"].edit("e7", stock=5)
    house.systems["pim"].edit("p", launched="2024-01-01")
    await house.sync_all()
    assert await product_ids(house) == ids
    await check_ledger(house)


async def test_a_record_without_keys_that_leaves_takes_its_product_off_the_lists(house: House) -> None:
    house.systems["erp"].put("e", stock=1)
    await house.sync_all(["erp"])
    assert (await links(house))[RecordKey("erp", "e")][1].linked_by == APART
    house.systems["erp"].drop("e")
    await house.sync_all(["erp"])
    assert not await house.pool.fetchval("select count(*) from products where listed")


async def test_an_id_survives_an_outage_that_took_all_its_records(house: House) -> None:
    house.systems["erp"].put("e", gtin="4006381333931")
    house.systems["wms"].put("w", gtin="4006381333931")
    await house.sync_all()
    ids = await product_ids(house)
    was = {name: house.systems[name].drop(name[0]) for name in ("erp", "wms")}
    await house.sync_all(["erp", "wms"])
    assert await product_ids(house) == {}
    for name in ("wms", "erp"):
        house.systems[name].put(name[0], **was[name])
        await house.sync_all([name])
    assert await product_ids(house) == ids


async def test_who_moves_over_does_not_take_the_id_along(house: House) -> None:
    house.systems["erp"].put("e", gtin="4006381333931")
    house.systems["wms"].put("w1", gtin="4006381333931")
    house.systems["wms"].put("w2", gtin="96385074")
    await house.sync_all()
    before = await product_ids(house)
    house.systems["erp"].put("e", gtin="96385074")
    await house.sync_all(["erp"])
    after = await product_ids(house)
    assert after[RecordKey("wms", "w1")] == before[RecordKey("wms", "w1")]
    assert after[RecordKey("wms", "w2")] == after[RecordKey("erp", "e")] == before[RecordKey("wms", "w2")]


async def test_a_split_leaves_the_id_with_most_of_the_records_and_a_merge_leads_on(house: House) -> None:
    house.systems["erp"].put("e", sku="A")
    for name in ("wms", "pim"):
        house.systems[name].put(name[0], sku="A", gtin="96385074")
    await house.sync_all()
    old = (await product_ids(house))[RecordKey("erp", "e")]
    house.systems["erp"].put("e", sku="B")
    await house.sync_all(["erp"])
    ids = await product_ids(house)
    fresh = ids[RecordKey("erp", "e")]
    assert ids[RecordKey("wms", "w")] == ids[RecordKey("pim", "p")] == old != fresh
    assert (await links(house))[RecordKey("erp", "e")][1].linked_by == ALONE
    house.systems["erp"].put("e", sku="A")
    await house.sync_all(["erp"])
    (whole,) = set((await product_ids(house)).values())
    given_up = {old, fresh} - {whole}
    rows = await house.pool.fetch("select former_id, product_id from former_ids")
    assert {(row["former_id"], row["product_id"]) for row in rows} >= {(one, whole) for one in given_up}
    await check_ledger(house)


async def test_ids_are_not_given_twice_however_often_a_founder_moves_on(house: House) -> None:
    """Each time the founder leaves, the one left behind keeps the id, and the founder needs another."""
    for number in range(4):
        house.systems["wms"].put(f"w{number}", sku=f"S{number}")
        house.systems["pim"].put(f"p{number}", sku=f"S{number}")
    house.systems["erp"].put("e", sku="S0")
    await house.sync_all()
    for number in (1, 2, 3):
        house.systems["erp"].put("e", gtin="96385074")
        await house.sync_all(["erp"])
        house.systems["erp"].put("e", sku=f"S{number}")
        await house.sync_all(["erp"])
        await check_ledger(house)
    house.systems["erp"].put("e", gtin="96385074")
    await house.sync_all(["erp"])
    ids = await product_ids(house)
    assert len(set(ids.values())) == 5


async def test_many_sources_linking_at_once_end_in_the_same_state(house: House) -> None:
    chance = random.Random(5)
    for name in SOURCES:
        for number in range(40):
            house.systems[name].put(f"{name[0]}{number}", sku=f"K{chance.randrange(30)}", stock=number)
        house.systems[name].page = 3
    reports = await asyncio.gather(*(house.sync(name) for name in SOURCES))
    assert [report.failure for report in reports] == [None] * 4
    await check_ledger(house)
    for name in SOURCES:
        for number in range(0, 40, 3):
            house.systems[name].edit(f"{name[0]}{number}", sku=f"K{chance.randrange(30)}")
        house.systems[name].drop(f"{name[0]}1")
    reports = await asyncio.gather(*(house.sync(name) for name in SOURCES))
    assert [report.failure for report in reports] == [None] * 4
    await check_ledger(house)


async def test_the_past_of_a_product_that_is_merged_goes_along(house: House) -> None:
    house.systems["wms"].put("w", gtin="96385074", rating="4")
    house.systems["pim"].put("p", gtin="96385074")
    await house.sync_all(["wms", "pim"])
    then = datetime.now(UTC)
    house.systems["wms"].drop("w")
    await house.sync_all(["wms"])
    house.systems["erp"].put("e", gtin="96385074")
    await house.sync_all(["erp"])
    await check_ledger(house)
    product = founded_id(RecordKey("erp", "e"))
    past = await house.ledger.at(then).of([product], ["rating"])
    assert past[product].keys() == {RecordKey("wms", "w"), RecordKey("pim", "p")}
