"""The change flow: what a run counts, writes and leaves alone, and how it dates what moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from resolvers.recording import Counts
from sources.contract import Failed
from sources.ledger.runs import source_states
from sources.values import JSON
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import JANUARY, MARCH, change_log, claim, stamps
from tests.resolvers.memory_source import House, house_map


async def test_a_run_counts_what_came_changed_and_went_and_logs_what_moved_alone(house: House) -> None:
    erp = house.systems["erp"]
    for number in "123":
        erp.put(number, price="10", stock=1, changed=JANUARY)
    assert (await house.sync("erp")).counts == Counts(seen=3, added=3)
    erp.edit("1", price="12", changed=MARCH)
    erp.edit("2", changed=MARCH)
    erp.drop("3")
    assert (await house.sync("erp")).counts == Counts(seen=2, changed=1, gone=1)
    log = (await change_log(house))[3:]
    assert [(kind, record_id, list(claims)) for kind, record_id, claims in log] == [
        ("CHANGED", "1", ["price"]),
        ("GONE", "3", ["price", "stock"]),
    ]
    assert log[1][2] == {"price": [], "stock": []}
    state = (await source_states(house.pool))["erp"]
    assert (state.records, state.products, state.last_run and state.last_run.gone) == (2, 2, 1)
    await check_ledger(house)


async def test_reading_the_same_again_writes_nothing(house: House) -> None:
    house.systems["erp"].put("1", gtin="4006381333931", price="10", changed=JANUARY)
    house.systems["pim"].put("1", gtin="4006381333931", title_en="Kettle")
    await house.sync_all()
    before = await stamps(house)
    assert (await house.sync("erp", full=True)).counts == Counts(seen=1)
    await house.sync_all()
    assert await stamps(house) == before
    assert len(await change_log(house)) == 1


async def test_a_file_that_was_moved_and_not_changed_changes_nothing(house: House) -> None:
    house.systems["erp"].put("1", price="10", _file={"row": 2, "path": "a.csv"})
    await house.sync_all()
    before = await stamps(house)
    house.systems["erp"].put("1", price="10", _file={"row": 9, "path": "b.csv"})
    await house.sync_all()
    assert await stamps(house) == before


async def test_a_long_text_that_changes_at_its_end_has_changed(house: House) -> None:
    """A document too large to keep is cut; what is read from it is compared all the same."""
    house.systems["pim"].put("1", title_en="x" * 70_000)
    await house.sync_all()
    house.systems["pim"].edit("1", title_en="x" * 70_000 + "y")
    assert (await house.sync("pim")).counts.changed == 1


async def test_gone_comes_back_as_added_under_the_id_it_had(house: House) -> None:
    house.systems["erp"].put("1", gtin="4006381333931", price="10", changed=JANUARY)
    await house.sync_all()
    product = await house.pool.fetchval("select product_id from crosswalk")
    was = house.systems["erp"].drop("1")
    await house.sync_all()
    house.systems["erp"].put("1", **was)
    assert (await house.sync("erp")).counts == Counts(seen=1, added=1)
    assert await house.pool.fetchval("select product_id from crosswalk where gone_at is null") == product
    assert [kind for kind, _, _ in await change_log(house)] == ["ADDED", "GONE", "ADDED"]
    await check_ledger(house)


async def test_a_system_that_knows_its_changes_may_name_an_id_twice_or_one_that_it_also_sends(house: House) -> None:
    erp = house.systems["erp"]
    erp.log = []
    for number in "123":
        erp.put(number, stock=1)
    await house.sync_all()

    erp.edit("1", stock=2)
    erp.drop("2")
    assert (await house.sync("erp")).counts == Counts(seen=1, changed=1, gone=1)
    changes = house.sources["erp"].changes
    assert changes is not None

    async def doubled(cursor: JSON) -> Any:
        async for page in changes(cursor):
            assert not isinstance(page, Failed)
            yield replace(page, gone=("3", "3", "1", "never seen"))

    erp.edit("1", stock=3)
    assert (await house.ingest.sync("erp", doubled)).counts == Counts(seen=1, changed=1, gone=1)
    present = await house.pool.fetch("select record_id from crosswalk where gone_at is null")
    assert [row["record_id"] for row in present] == ["1"], "what it sends is there"
    await check_ledger(house)


# ── Last updated ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_clock_may_move_without_the_value_and_means_nothing(house: House) -> None:
    house.systems["erp"].put("1", stock=1, weight="0.850", changed=JANUARY)
    await house.sync_all()
    house.systems["erp"].put("1", stock=1, weight="0.85", changed=MARCH)
    await house.sync_all()
    assert (await claim(house, "1", "stock"))["lastUpdated"] == JANUARY
    assert (await claim(house, "1", "weight"))["lastUpdated"] == JANUARY, "0.850 is 0.85"
    assert len(await change_log(house)) == 1


async def test_only_the_field_that_moved_takes_the_records_new_clock(house: House) -> None:
    house.systems["erp"].put("1", stock=1, price="10", changed=JANUARY)
    await house.sync_all()
    house.systems["erp"].put("1", stock=2, price="10", changed=MARCH)
    await house.sync_all()
    assert (await claim(house, "1", "stock"))["lastUpdated"] == MARCH
    assert (await claim(house, "1", "price"))["lastUpdated"] == JANUARY


async def test_a_fields_own_clock_comes_before_the_records(house: House) -> None:
    house.systems["erp"].put("1", stock=1, price="10", changed=MARCH, price_changed=JANUARY)
    await house.sync_all()
    price, stock = await claim(house, "1", "price"), await claim(house, "1", "stock")
    assert (price["lastUpdated"], price["basis"]) == (JANUARY, "SOURCE_FIELD")
    assert (stock["lastUpdated"], stock["basis"]) == (MARCH, "SOURCE_RECORD")


@pytest.mark.parametrize("clocks", [{"changed": JANUARY}, {"changed": MARCH, "price_changed": JANUARY}, {}])
async def test_a_value_that_moves_and_leaves_its_clock_behind_is_dated_by_when_we_saw_it(
    house: House, clocks: dict[str, str]
) -> None:
    house.systems["erp"].put("1", price="10", **clocks)
    await house.sync_all()
    before = datetime.now(UTC)
    house.systems["erp"].edit("1", price="12")
    await house.sync_all()
    moved = await claim(house, "1", "price")
    assert moved["basis"] == "OBSERVED"
    assert before <= datetime.fromisoformat(moved["lastUpdated"]) <= datetime.now(UTC)


async def test_a_clock_that_moved_before_and_stands_still_now_is_not_believed(house: House) -> None:
    house.systems["erp"].put("1", price="10", stock=1, changed=JANUARY)
    await house.sync_all()
    house.systems["erp"].edit("1", stock=2, changed=MARCH)
    await house.sync_all()
    house.systems["erp"].edit("1", price="12")
    await house.sync_all()
    assert (await claim(house, "1", "price"))["basis"] == "OBSERVED"
    assert (await claim(house, "1", "stock"))["lastUpdated"] == MARCH


async def test_a_corrected_mapping_reads_everything_again_and_keeps_the_systems_dates(house: House) -> None:
    house.systems["wms"].put("1", weight="2", changed=JANUARY)
    await house.sync_all()
    assert (await claim(house, "1", "weight", "wms"))["value"] == {"amount": "2", "unit": "kg"}
    house.rewire(house_map(('unit = "kg", unit_path = "unit"', 'unit = "t", unit_path = "unit"')))
    try:
        assert (await house.sync("wms")).counts == Counts(seen=1, changed=1)
        corrected = await claim(house, "1", "weight", "wms")
        assert corrected["value"] == {"amount": "2", "unit": "t"}
        assert (corrected["lastUpdated"], corrected["basis"]) == (JANUARY, "SOURCE_RECORD")
        assert (await house.sync("wms")).counts == Counts(seen=1)
    finally:
        house.rewire(house_map())


async def test_a_fields_new_currency_is_a_new_mapping_of_those_who_feed_it(house: House) -> None:
    house.systems["erp"].put("1", price="10")
    await house.sync_all()
    without = ('price = { path = "price", currency = "EUR", updated_at', 'price = { path = "price", updated_at')
    dollars = ('type = "money"', 'type = "money"\ncurrency = "USD"')
    house.rewire(house_map(without, dollars))
    try:
        assert (await house.sync("erp")).counts.changed == 1
        house.rewire(house_map(without, ('type = "money"', 'type = "money"\ncurrency = "GBP"')))
        assert (await house.sync("erp")).counts.changed == 1
        assert (await claim(house, "1", "price"))["value"]["currency"] == "GBP"
    finally:
        house.rewire(house_map())


@pytest.mark.parametrize(
    ("change", "unreadable"),
    [(('path = "price"', 'path = "net"'), 2), (('type = "money"', 'type = "money"\ncurrency = "USD"'), 0)],
)
async def test_a_new_mapping_is_taken_to_every_record_of_a_system_that_sends_only_changes(
    house: House, change: tuple[str, str], unreadable: int
) -> None:
    """Without a currency, an amount is still unreadable."""
    without = ('price = { path = "price", currency = "EUR", updated_at', 'price = { path = "price", updated_at')
    house.rewire(house_map(without))
    try:
        erp = house.systems["erp"]
        erp.log = []
        for number in "12":
            erp.put(number, price="10", net="8")
        await house.sync_all(["erp"])
        assert (await house.sync("erp")).counts == Counts()
        house.rewire(house_map(without, change))
        assert (await house.sync("erp")).counts == Counts(changed=2, remapped=2, unreadable=unreadable), (
            "the system was read again"
        )
        assert (await house.sync("erp")).counts == Counts()
    finally:
        house.rewire(house_map())
