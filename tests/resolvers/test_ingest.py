"""The change flow: what a run counts, writes and leaves alone, and what happens when it does not come to its end."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from resolvers.identity import APART
from resolvers.ingest import ELSEWHERE, Counts
from sources.contract import MISSING, Basis, Claim, Failed, Reading, RecordKey, Scope
from sources.failures import Failure, FailureKind
from sources.ledger.runs import apart_records, failing_sources, rejections, source_states, sync_state
from sources.values import JSON, Money
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, house_map

JANUARY, MARCH = "2026-01-10T08:00:00Z", "2026-03-01T12:00:00Z"


async def change_log(house: House, source: str = "erp") -> list[tuple[str, str, dict[str, JSON]]]:
    rows = await house.pool.fetch(
        "select kind, record_id, claims from changes where source = $1 order by batch, record_id", source
    )
    return [(row["kind"], row["record_id"], row["claims"]) for row in rows]


async def claim(house: House, record_id: str, field: str, source: str = "erp") -> dict[str, JSON]:
    document = await house.pool.fetchval(
        "select claims from records where source = $1 and record_id = $2", source, record_id
    )
    (only,) = document[field]
    found: dict[str, JSON] = only
    return found


async def stamps(house: House) -> Any:
    return await house.pool.fetch("select xmin, record_id from records union select xmin, record_id from crosswalk")


def answered(house: House, amount: str, at: datetime, clock: datetime | None = None) -> dict[Any, Any]:
    basis = Basis.SOURCE_RECORD if clock else Basis.OBSERVED
    price = Claim("price", Scope(), Money(Decimal(amount), "EUR"), clock, basis, at)
    return {RecordKey("erp", "1"): {"price": Reading((price,))}}


# ── What a run counts and writes ───────────────────────────────────────────────────────────────────────────────────


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
    "change", [('path = "price"', 'path = "net"'), ('type = "money"', 'type = "money"\ncurrency = "USD"')]
)
async def test_a_new_mapping_is_taken_to_every_record_of_a_system_that_sends_only_changes(
    house: House, change: tuple[str, str]
) -> None:
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
        assert (await house.sync("erp")).counts == Counts(seen=2, changed=2)
        assert (await house.sync("erp")).counts == Counts()
    finally:
        house.rewire(house_map())


# ── Walks that do not come to their end ────────────────────────────────────────────────────────────────────────────


async def test_an_interrupted_walk_keeps_what_it_read_resumes_and_deletes_what_is_gone_alone(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(6):
        erp.put(str(number), stock=number)
    await house.sync_all()
    erp.drop("5")
    erp.put("6", stock=6)
    erp.edit("0", stock=10)
    erp.page, erp.fails_at = 2, 1
    report = await house.sync("erp")
    assert report.failure is not None
    assert (report.failure.kind, report.counts) == (FailureKind.UNREACHABLE, Counts(seen=2, changed=1))
    assert list(await failing_sources(house.pool)) == ["erp"]
    assert (await source_states(house.pool))["erp"].records == 6, "a partial read deleted something"
    confirmed = (await sync_state(house.pool, "erp")).confirmed_at
    erp.fails_at = None
    assert (await house.sync("erp")).counts == Counts(seen=4, added=1, gone=1)
    assert await failing_sources(house.pool) == {}
    later = (await sync_state(house.pool, "erp")).confirmed_at
    assert confirmed is not None
    assert later is not None
    assert later > confirmed
    assert not await house.pool.fetchval("select count(*) from sightings")
    await check_ledger(house)


async def test_a_full_walk_begins_again_and_forgets_the_one_that_was_cut_off(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(4):
        erp.put(str(number), stock=number)
    erp.page, erp.fails_at = 2, 1
    await house.sync("erp")
    erp.fails_at = None
    erp.drop("0")
    assert (await house.sync("erp", full=True)).counts == Counts(seen=3, added=2, gone=1)


@pytest.mark.parametrize(("held", "left"), [(30, 19), (30, 0), (10, 6), (3, 1), (1, 0)])
async def test_when_more_than_a_third_is_gone_it_is_held_back_until_somebody_accepts(
    house: House, held: int, left: int
) -> None:
    erp = house.systems["erp"]
    for number in range(held):
        erp.put(str(number), stock=number)
    await house.sync_all()
    for number in range(left, held):
        erp.drop(str(number))
    if left:
        erp.edit("0", stock=99)
    for _ in range(2):
        report = await house.sync("erp")
        assert report.failure is not None
        assert f"{held - left} of {held}" in report.failure.message
        assert (await source_states(house.pool))["erp"].records == held
    if left:
        assert (await claim(house, "0", "stock"))["value"] == 99, "what it did bring is taken"
    report = await house.sync("erp", accept=True)
    assert (report.failure, report.counts.gone) == (None, held - left)
    await check_ledger(house)


async def test_a_third_gone_is_believed(house: House) -> None:
    for number in range(30):
        house.systems["erp"].put(str(number), stock=number)
    await house.sync_all()
    for number in range(10):
        house.systems["erp"].drop(str(number))
    assert (await house.sync("erp")).counts.gone == 10


async def test_a_batch_that_breaks_at_its_last_statement_leaves_nothing_and_is_done_again(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(4):
        erp.put(str(number), stock=number, gtin="4006381333931")
    erp.page = 2
    await house.pool.execute("""
        create function break() returns trigger language plpgsql as $$ begin
            if (select count(*) from aliases) >= 4 then raise exception 'broken on purpose'; end if; return new;
        end $$;
        create trigger break before insert on aliases for each statement execute function break()""")
    try:
        with pytest.raises(asyncpg.RaiseError, match="on purpose"):
            await house.sync("erp")
    finally:
        await house.pool.execute("drop trigger break on aliases; drop function break()")
    await check_ledger(house)
    state = await sync_state(house.pool, "erp")
    assert state.cursor == {"after": 2}
    assert [record_id for _, record_id, _ in await change_log(house)] == ["0", "1"]
    assert (await source_states(house.pool))["erp"].failing_since is not None
    assert (await house.sync("erp")).counts == Counts(seen=2, added=2)
    await check_ledger(house)


async def test_a_run_that_is_cancelled_keeps_its_batches_and_is_no_failure_of_its_source(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(50):
        erp.put(str(number), stock=number)
    erp.page = 1
    far = asyncio.Event()
    run = asyncio.create_task(house.sync("erp", progress=lambda seen, total: far.set() if seen > 5 else None))
    await far.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await check_ledger(house)
    kept = (await source_states(house.pool))["erp"].records
    assert kept > 5
    assert await failing_sources(house.pool) == {}
    assert (await house.sync("erp")).counts.added == 50 - kept


async def test_of_two_runs_of_one_source_one_works_and_the_other_stops_and_nothing_is_written_twice(
    house: House,
) -> None:
    erp = house.systems["erp"]
    for number in range(20):
        erp.put(str(number), stock=number)
    erp.page = 2
    reports = await asyncio.gather(*(house.sync("erp") for _ in range(3)))
    assert sorted(report.failure is None for report in reports) == [False, False, True]
    assert {report.failure for report in reports} == {None, ELSEWHERE}
    outcomes = await house.pool.fetch("select outcome from runs order by outcome")
    assert [row["outcome"] for row in outcomes] == ["DONE", "YIELDED", "YIELDED"]
    assert await failing_sources(house.pool) == {}
    assert sum(report.counts.added for report in reports) == 20
    assert len(await change_log(house)) == 20
    await check_ledger(house)


# ── Documents that are hard to take ────────────────────────────────────────────────────────────────────────────────

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
    assert report.counts == Counts(seen=len(NASTY) + 5, added=len(NASTY) + 1, rejected=4)
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


# ── What live reads saw ────────────────────────────────────────────────────────────────────────────────────────────


async def observed_house(house: House) -> datetime:
    house.systems["erp"].put("1", price="10", stock=1, sku="A", label="Kettle", changed=JANUARY)
    await house.sync_all()
    return datetime.now(UTC)


async def test_an_observation_moves_what_it_saw_and_nothing_else(house: House) -> None:
    at = await observed_house(house)
    before = await house.pool.fetchrow("select names, identifiers, document, updated_at from records")
    link = await house.pool.fetchrow("select * from crosswalk")
    await house.ingest.observe("erp", answered(house, "12", at, datetime(2026, 3, 1, 12, tzinfo=UTC)), at)
    price = await claim(house, "1", "price")
    assert (price["value"]["amount"], price["lastUpdated"], price["basis"]) == ("12", MARCH, "SOURCE_RECORD")
    assert (await claim(house, "1", "stock"))["value"] == 1
    assert [list(claims) for _, _, claims in await change_log(house)] == [["price", "stock"], ["price"]]
    assert await house.pool.fetchrow("select names, identifiers, document, updated_at from records") == before
    assert await house.pool.fetchrow("select * from crosswalk") == link
    await check_ledger(house)


async def test_a_sync_after_an_observation_of_the_same_finds_nothing_new(house: House) -> None:
    at = await observed_house(house)
    clock = datetime(2026, 3, 1, 12, tzinfo=UTC)
    await house.ingest.observe("erp", answered(house, "12", at, clock), at)
    house.systems["erp"].edit("1", price="12", changed=MARCH)
    assert (await house.sync("erp")).counts == Counts(seen=1)
    assert (await claim(house, "1", "price"))["lastUpdated"] == MARCH


async def test_what_was_only_there_for_a_moment_does_not_stay_the_last_known(house: House) -> None:
    """A live read saw 12 between two syncs that saw 10: the second must say so, though its document is the old one."""
    at = await observed_house(house)
    await house.ingest.observe("erp", answered(house, "12", at), at)
    assert (await house.sync("erp")).counts == Counts(seen=1, changed=1)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "10"
    before = await stamps(house)
    await house.sync_all()
    assert await stamps(house) == before


async def test_an_observation_that_comes_late_does_not_overwrite_what_was_seen_since(house: House) -> None:
    at = await observed_house(house)
    house.systems["erp"].edit("1", price="15", changed=MARCH)
    await house.sync_all()
    await house.ingest.observe("erp", answered(house, "12", at), at)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "15"


async def test_an_observation_without_news_only_says_when_it_was_seen(house: House) -> None:
    await observed_house(house)
    soon = datetime.now(UTC) + timedelta(seconds=5)
    before = await house.pool.fetchval("select ctid::text from records")
    await house.ingest.observe("erp", answered(house, "10.00", soon), soon)
    assert await house.pool.fetchval("select ctid::text from records") == before, "a moment later is not worth a write"
    later = datetime.now(UTC) + timedelta(minutes=2)
    await house.ingest.observe("erp", answered(house, "10.00", later), later)
    assert len(await change_log(house)) == 1
    row = await house.pool.fetchrow("select observed_at, claims from records")
    assert row is not None
    assert (row["observed_at"], row["claims"]["price"][0]["lastUpdated"]) == (later, JANUARY)


async def test_a_failure_says_nothing_and_missing_says_that_there_is_nothing(house: House) -> None:
    at = await observed_house(house)
    down = Failed(Failure(FailureKind.TIMEOUT, "slow"))
    await house.ingest.observe("erp", {RecordKey("erp", "1"): {"price": down, "stock": MISSING}}, at)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "10"
    assert (await change_log(house))[-1] == ("CHANGED", "1", {"stock": []})
    await house.ingest.observe("erp", {RecordKey("erp", "nobody"): {"price": MISSING}}, at)
    await check_ledger(house)


async def test_observations_while_records_move_to_other_products_leave_the_ledger_whole(house: House) -> None:
    for number in range(15):
        house.systems["wms"].put(f"w{number}", sku=f"S{number}", rating=number)
    await house.sync_all(["wms"])
    for number in range(15):
        house.systems["erp"].put(f"e{number}", sku=f"S{number}")
    house.systems["erp"].page = 1

    async def look(round_: int) -> None:
        for step in range(15):
            at = datetime.now(UTC)
            seen = {
                RecordKey("wms", f"w{number}"): {
                    "rating": Reading(
                        (Claim("rating", Scope(), Decimal(100 * round_ + step), None, Basis.OBSERVED, at),)
                    )
                }
                for number in (range(15) if step % 2 else reversed(range(15)))
            }
            await house.ingest.observe("wms", seen, at)

    report, *_ = await asyncio.gather(house.sync("erp"), look(1), look(2))
    assert report.failure is None
    await check_ledger(house)
