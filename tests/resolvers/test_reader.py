"""Reading: the ledger once, each live source once and all at the same time, and a failure that costs its own fields."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from resolvers.catalogue import Catalogue
from resolvers.executor import Executor, LiveReading
from resolvers.facts import Fact, FactStatus
from resolvers.lookup import Lookup
from resolvers.reader import Asker, Reader, Readings
from sources.contract import Basis, RecordKey
from sources.failures import Failure, FailureKind, SourceFailure
from sources.values import Money, Quantity
from tests.resolvers.memory_source import House, house_map, live

GTIN = "4006381333931"
JANUARY = datetime(2026, 1, 10, 8, tzinfo=UTC)
OFF = SourceFailure(FailureKind.UNREACHABLE, "switched off")


class Reading:
    """A reader on a house, and what it was told to remember."""

    def __init__(self, house: House, failing: Mapping[str, Failure] | None = None, unsettled: set[str] | None = None):
        self.house = house
        self.failing = dict(failing or {})
        self.remembered: list[LiveReading] = []
        executor = Executor(house.ownership, house.ledger, house.sources, lambda: self.failing)
        self.reader = Reader(house.ownership, executor, self.remembered.append, lambda: unsettled or set())

    async def read(self, *fields: str, as_of: datetime | None = None) -> Readings:
        return await self.reader.read(await self.products(), fields, as_of)

    async def products(self) -> list[UUID]:
        rows = await self.house.pool.fetch("select product_id from products where listed order by 1")
        return [row["product_id"] for row in rows]

    async def fact(self, field: str, as_of: datetime | None = None, asker: Asker | None = None) -> Fact:
        (one,) = (await self.read(field, as_of=as_of)).products.values()
        return one.fact(field, asker or Asker())


@pytest_asyncio.fixture(loop_scope="session")
async def kettle(house: House) -> AsyncIterator[House]:
    """One product in four systems, ERP and PIM asked live."""
    house.rewire(house_map(*live("erp", "pim")))
    house.systems["erp"].put(
        "e", gtin=GTIN, price="49.90", stock=3, weight="1.874", title="KETTLE", changed="2026-01-10T08:00:00Z"
    )
    house.systems["wms"].put("w", gtin=GTIN, weight="0.85", fragile="yes", rating="4.5")
    house.systems["pim"].put("p", gtin=GTIN, title_en="Kettle", title_de="Kessel", price="49.90", tags="a;b")
    house.systems["crm"].put("c", gtin=GTIN, text="Lid sticks", by="Ann", on="2026-02-01")
    await house.sync_all()
    yield house
    for system in house.systems.values():
        system.gate, system.down = None, None
        system.asked.clear()
        system.begun.clear()
    house.rewire(house_map())


async def test_each_live_source_is_asked_once_and_all_at_the_same_time(kettle: House) -> None:
    erp, pim, gate = kettle.systems["erp"], kettle.systems["pim"], asyncio.Event()
    erp.gate = pim.gate = gate
    reading = asyncio.create_task(Reading(kettle).read("price", "stock", "title", "weight", "rating"))
    async with asyncio.timeout(2):
        await asyncio.gather(erp.begun.wait(), pim.begun.wait())
    assert not reading.done()
    gate.set()
    facts = next(iter((await reading).products.values()))
    assert [len(erp.asked), len(pim.asked)] == [1, 1]
    keys, columns = erp.asked[0]
    assert keys == ("e",)
    assert {"price", "stock", "title", "weight"} <= columns
    assert facts.fact("stock").value == 3
    assert facts.fact("rating").value == Decimal("4.5")


async def test_many_products_are_one_question_to_each_system(kettle: House) -> None:
    for number in range(30):
        kettle.systems["erp"].put(f"e{number}", sku=f"S{number}", price=str(number))
    await kettle.sync_all(["erp"])
    reading = Reading(kettle)
    facts = await reading.read("price")
    assert len(facts.products) == 31
    assert [len(keys) for keys, _ in kettle.systems["erp"].asked] == [31]
    assert len(kettle.systems["pim"].asked) == 1
    assert {one.source for one in reading.remembered} == {"erp", "pim"}


async def test_a_live_source_is_not_asked_for_what_it_may_not_answer(kettle: House) -> None:
    await Reading(kettle).read("weight", "fragile", "tickets")
    assert kettle.systems["pim"].asked == []
    assert [columns for _, columns in kettle.systems["erp"].asked] == [{"id", "changed", "weight"}]


@pytest.mark.parametrize("down", ["raises", "hangs"])
async def test_a_system_that_fails_costs_its_own_fields_which_say_what_was_last_known(kettle: House, down: str) -> None:
    erp = kettle.systems["erp"]
    if down == "raises":
        erp.down = OFF
    else:
        erp.gate = asyncio.Event()
        declared = kettle.sources["erp"]
        declared.declaration = replace_deadline(declared.declaration)
    readings = await Reading(kettle).read("price", "stock", "title", "weight", "tags")
    facts = next(iter(readings.products.values()))
    price = facts.fact("price")
    assert (price.status, price.value, price.source) == (FactStatus.LAST_KNOWN, Money(Decimal("49.90"), "EUR"), "erp")
    assert price.last_updated == JANUARY
    assert facts.fact("stock").status is FactStatus.LAST_KNOWN
    assert facts.fact("title").status is FactStatus.OK
    assert facts.fact("tags").status is FactStatus.OK
    assert facts.fact("weight").status is FactStatus.OK
    assert {name: one.kind for name, one in readings.failures.items()} == {
        "erp": FailureKind.UNREACHABLE if down == "raises" else FailureKind.TIMEOUT
    }


def replace_deadline(declaration: Any) -> Any:
    return declaration.model_copy(update={"deadline": timedelta(milliseconds=50)})


async def test_a_live_value_that_is_the_ledgers_keeps_its_date_and_a_new_one_does_not(kettle: House) -> None:
    kettle.systems["erp"].edit("e", price="49.9", changed="2026-05-05T05:00:00Z")
    same = await Reading(kettle).fact("price")
    assert (same.last_updated, same.last_updated_basis) == (JANUARY, Basis.SOURCE_RECORD)
    kettle.systems["erp"].edit("e", price="52.00")
    moved = await Reading(kettle).fact("price")
    assert moved.last_updated == datetime(2026, 5, 5, 5, tzinfo=UTC)
    assert moved.value == Money(Decimal("52.00"), "EUR")


async def test_what_a_live_source_no_longer_holds_is_missing_and_not_last_known(kettle: House) -> None:
    kettle.systems["erp"].edit("e", stock=None)
    assert (await Reading(kettle).fact("stock")).status is FactStatus.MISSING
    kettle.systems["erp"].drop("e")
    fallback = await Reading(kettle).fact("price")
    assert (fallback.status, fallback.source) == (FactStatus.FALLBACK, "pim")


async def test_what_was_seen_live_can_be_remembered_and_is_then_the_last_known(kettle: House) -> None:
    reading = Reading(kettle)
    kettle.systems["erp"].edit("e", price="55.00")
    await reading.read("price")
    for one in reading.remembered:
        await kettle.observer.observe(one.source, one.outcomes, one.at)
    kettle.systems["erp"].down = OFF
    fact = await reading.fact("price")
    assert (fact.status, fact.value) == (FactStatus.LAST_KNOWN, Money(Decimal("55.00"), "EUR"))


async def test_the_past_is_read_from_the_ledger_and_nobody_is_asked(kettle: House) -> None:
    before = datetime.now(UTC)
    kettle.systems["erp"].edit("e", price="60.00", changed="2026-05-05T05:00:00Z")
    kettle.systems["wms"].edit("w", weight="0.9")
    await kettle.sync_all()
    reading = Reading(kettle, failing={"wms": Failure(FailureKind.TIMEOUT, "slow")})
    past = await reading.fact("price", as_of=before)
    assert (past.status, past.value) == (FactStatus.OK, Money(Decimal("49.90"), "EUR"))
    assert (await reading.fact("weight", as_of=before)).value == Quantity(Decimal("850"), "g")
    assert (await reading.fact("weight")).value == Quantity(Decimal("900"), "g")
    assert all(len(columns) == 3 for _, columns in kettle.systems["erp"].asked), "only for the weight of today"
    long_ago = await reading.fact("price", as_of=before - timedelta(days=365))
    assert (long_ago.status, long_ago.candidates) == (FactStatus.MISSING, ())
    assert (await reading.read("weight", as_of=before)).failures == {}


async def test_a_stored_source_whose_sync_fails_speaks_with_what_is_last_known(kettle: House) -> None:
    failing = {"wms": Failure(FailureKind.REFUSED, "no")}
    reading = Reading(kettle, failing)
    assert (await reading.fact("weight")).status is FactStatus.LAST_KNOWN
    assert dict((await reading.read("weight")).failures) == failing
    assert dict((await reading.read("stock")).failures) == {}, "it has no say in that"


async def test_a_system_that_was_never_read_and_fails_leaves_unavailable_and_not_missing(house: House) -> None:
    house.systems["erp"].put("e", gtin=GTIN, price="1")
    await house.sync_all(["erp"])
    failing = {"wms": Failure(FailureKind.REFUSED, "no")}
    assert (await Reading(house, failing, unsettled={"wms"}).fact("rating")).status is FactStatus.UNAVAILABLE
    assert (await Reading(house, failing).fact("rating")).status is FactStatus.MISSING
    assert (await Reading(house, {}, unsettled={"wms"}).fact("rating")).status is FactStatus.MISSING


async def test_a_product_that_there_is_not_has_facts_that_are_missing(kettle: House) -> None:
    nobody = uuid4()
    readings = await Reading(kettle).reader.read([nobody], ["price", "tickets"])
    assert readings.products[nobody].fact("price").status is FactStatus.MISSING
    assert kettle.systems["erp"].asked == []


async def test_records_of_a_source_that_is_declared_no_more_are_left_out(kettle: House) -> None:
    product = (await Reading(kettle).products())[0]
    gone = await kettle.pool.execute("update records set source = 'old' where source = 'wms'")
    assert gone == "UPDATE 1"
    await kettle.pool.execute("update crosswalk set source = 'old' where source = 'wms'")
    fact = (await Reading(kettle).reader.read([product], ["weight"])).products[product].fact("weight")
    assert (fact.status, fact.source) == (FactStatus.FALLBACK, "erp")


async def test_language_and_audience_are_decided_when_the_fact_is_taken(kettle: House) -> None:
    (one,) = (await Reading(kettle).read("title", "price")).products.values()
    assert one.fact("title", Asker("de")).value == "Kessel"
    assert one.fact("title").value == "Kettle"
    seen = one.fact("price", Asker(visible=frozenset({"pim"})))
    assert [candidate.source for candidate in seen.candidates] == ["erp", "pim"]
    assert len(kettle.systems["pim"].asked) == 1


async def test_finding_and_reading_a_product_with_all_its_facts_are_two_statements(kettle: House) -> None:
    statements: list[str] = []
    fields = list(kettle.ownership.fields)
    async with kettle.pool.acquire() as connection:
        connection.add_query_logger(lambda one: statements.append(one.query))

        class OneConnection:
            async def fetch(self, *arguments: Any) -> Any:
                return await connection.fetch(*arguments)

        pool: Any = OneConnection()
        executor = Executor(kettle.ownership, replace(kettle.ledger, pool=pool), kettle.sources, dict)
        reader = Reader(kettle.ownership, executor, lambda reading: None, set)
        for _ in range(2):  # at first, a connection asks what the types are
            statements.clear()
            (found,) = await Catalogue(pool, kettle.ownership).find([Lookup(gtin=GTIN)], list(kettle.sources))
            assert isinstance(found, UUID)
            product: UUID = found
            readings = await reader.read([product], fields)
    assert len(statements) <= 2, statements
    assert len(fields) >= 11
    assert readings.products[product].fact("price").status is FactStatus.OK
    assert readings.products[product].evidence.heard["price"][0].key == RecordKey("erp", "e")
