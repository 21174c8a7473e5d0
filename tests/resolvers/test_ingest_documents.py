"""Documents that are hard to take: none breaks the batch it comes in, and what is set aside can be seen."""

from __future__ import annotations

import json
import random
from decimal import Decimal

from resolvers.identity import APART
from resolvers.recording import Counts
from sources.ledger.runs import source_states
from sources.ledger.set_aside import apart_records, rejections
from sources.values import JSON
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import claim
from tests.resolvers.memory_source import House

NASTY: list[dict[str, JSON]] = [
    {"label": "nul\0inside", "title": "a\0b", "sku": "a\0b", "extra": {"a\0": "b\0"}},
    {"label": "half \ud800", "title": "\udfff", "gtin": "\ud800", "extra": ["\ud800"], "\ud800": 1},
    {"price": Decimal("NaN"), "weight": Decimal("Infinity"), "stock": Decimal("1e400"), "extra": Decimal("sNaN")},
    {"price": 10**400, "stock": 10**30, "extra": 10**30},
    {"title": "t" * 3_000_000, "label": "n" * 3_000_000, "sku": "s" * 3_000_000, "extra": "e" * 3_000_000},
    {"extra": json.loads("[" * 60 + "]" * 60)},
    {"brand": "\u0390" * 200, "mpn": "\ufdfa" * 200, "label": "\ufdfa" * 300},
    {"brand": "\U0001f600" * 200, "mpn": "".join(map(chr, range(0x4E00, 0x4E00 + 200))), "sku": "\u0390" * 200},
    {"changed": "0001-01-01T00:00:00+14:00", "price": "1"},
    {"changed": "9999-12-31T23:59:59-12:00", "price": "1"},
    {"extra": {"": None, "a": [True, None, Decimal("1.50")]}},
]


async def test_no_document_breaks_the_batch_it_comes_in(house: House) -> None:
    erp = house.systems["erp"]
    erp.put("plain", price="10", gtin="4006381333931")
    for number, columns in enumerate(NASTY):
        erp.put(f"nasty {number}", **columns)
    erp.put("\ud800", price="1")
    erp.put("nul\0", price="1")
    erp.put("", price="1")
    erp.put("y" * 201, price="1")
    report = await house.sync("erp")
    assert report.failure is None
    assert report.counts == Counts(seen=len(NASTY) + 5, added=len(NASTY) + 1, rejected=4, unreadable=13)
    assert (await claim(house, "plain", "price"))["value"]["amount"] == "10"
    await check_ledger(house)
    assert (await house.sync("erp")).counts == Counts(seen=len(NASTY) + 5, rejected=4)


async def test_texts_that_no_index_would_hold_are_held_all_the_same(house: House) -> None:
    """Longest ids, names and part numbers, of characters that nothing compresses and folding makes more of."""
    chance = random.Random(1)

    def text(first: int, last: int, length: int = 200) -> str:
        return "".join(chr(chance.randint(first, last)) for _ in range(length))

    house.systems["erp"].put(
        text(0x20000, 0x2A000),
        brand=text(0x1F80, 0x1FAF),
        mpn=text(0xFC00, 0xFD3D),
        sku=text(0x1F80, 0x1FAF),
        label=text(0x20000, 0x2A000, 300),
    )
    house.systems["pim"].put(text(0x20000, 0x2A000), label=text(0x1F80, 0x1FAF, 300), short=text(0xFC00, 0xFD3D, 300))
    await house.sync_all()
    await check_ledger(house)


async def test_what_is_no_record_is_set_aside_with_its_place_and_forgotten_when_it_is_one(house: House) -> None:
    erp = house.systems["erp"]
    erp.put("1", price="10")
    erp.documents["row 2"] = {"id": None, "price": "11"}
    await house.sync_all(["erp"])
    (aside,) = await rejections(house.pool, "erp")
    assert (aside.place, aside.sample) == ("row 2", '{"id":null,"price":"11"}')
    erp.documents["row 2"] = {"id": "2", "price": "11"}
    await house.sync_all(["erp"])
    assert await rejections(house.pool, "erp") == []


async def test_records_that_stay_apart_can_be_seen_with_their_reason(house: House) -> None:
    house.systems["erp"].put("1", label="Kettle", gtin="4006381333932")
    house.systems["erp"].put("2")
    house.systems["erp"].put("3", sku="A")
    house.systems["erp"].put("4", sku="A")
    await house.sync_all(["erp"])
    found = {one.record_id: one for one in await apart_records(house.pool, "erp")}
    assert found["1"].names == ("Kettle",)
    assert "wrong check digit" in found["1"].reason
    assert found["2"].reason == "it has no key that others could share"
    assert found["3"].reason == "SKU a stands on several records of erp"
    assert (await source_states(house.pool))["erp"].apart == 4
    assert await house.pool.fetchval("select count(*) from crosswalk where linked_by = $1", APART) == 4
