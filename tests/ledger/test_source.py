"""The ledger as a source: now and as of any moment, total over what it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest_asyncio

from sources.contract import MISSING, Outcome, Reading, RecordKey, Source
from sources.ledger.source import Ledger
from sources.values import Money
from tests.resolvers.ledger_invariants import product_ids
from tests.resolvers.memory_source import House, open_house

GTIN = "4006381333931"
ERP, WMS, NOBODY = RecordKey("erp", "e"), RecordKey("wms", "w"), RecordKey("erp", "nobody")


@pytest_asyncio.fixture(loop_scope="session")
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url) as house:
        house.systems["erp"].put("e", gtin=GTIN, price="10", stock=1, title="Kettle", changed="2026-01-01")
        house.systems["wms"].put("w", gtin=GTIN, rating="4")
        await house.sync_all()
        yield house


def value(outcome: Outcome) -> Any:
    return outcome.claims[0].value if isinstance(outcome, Reading) else outcome


async def stock_at(house: House, moment: datetime | None) -> Any:
    return value((await house.ledger.at(moment).fetch([ERP], ["stock"]))[ERP]["stock"])


async def test_it_is_a_source_that_is_followed_by_nobody(house: House) -> None:
    assert isinstance(house.ledger, Source)
    assert (house.ledger.name, house.ledger.changes) == ("ledger", None)


async def test_outcomes_are_total_over_what_was_asked(house: House) -> None:
    keys, fields = [ERP, WMS, NOBODY], ["price", "rating", "title", "weight"]
    outcomes = await house.ledger.fetch(keys, fields)
    assert list(outcomes) == keys
    assert all(list(by_field) == fields for by_field in outcomes.values())
    assert value(outcomes[ERP]["price"]) == Money(Decimal("10"), "EUR")
    assert value(outcomes[WMS]["rating"]) == Decimal(4)
    assert outcomes[NOBODY] == dict.fromkeys(fields, MISSING)
    assert outcomes[ERP]["weight"] == MISSING
    past = await house.ledger.at(datetime.now(UTC)).fetch(keys, fields)
    assert {key: {name: value(one) for name, one in by_field.items()} for key, by_field in past.items()} == {
        key: {name: value(one) for name, one in by_field.items()} for key, by_field in outcomes.items()
    }
    assert await house.ledger.fetch([], fields) == {}


async def test_by_product_it_brings_every_record_of_it(house: House) -> None:
    product, nobody = (await product_ids(house))[ERP], uuid4()
    for moment in (None, datetime.now(UTC)):
        found = await house.ledger.at(moment).of([product, nobody], ["price", "rating"])
        assert found[product].keys() == {ERP, WMS}
        assert value(found[product][WMS]["rating"]) == Decimal(4)
        assert found[product][WMS]["price"] == MISSING
        assert found[nobody] == {}


async def test_a_record_has_been_observed_when_its_source_was_last_confirmed(house: House) -> None:
    before = datetime.now(UTC)
    await house.sync_all()
    outcome = (await house.ledger.fetch([ERP], ["price"]))[ERP]["price"]
    assert isinstance(outcome, Reading)
    assert outcome.claims[0].observed_at >= before
    assert outcome.claims[0].last_updated == datetime(2026, 1, 1, tzinfo=UTC)


async def test_every_state_can_be_read_as_it_was(house: House) -> None:
    moments = [datetime.now(UTC)]
    erp = house.systems["erp"]

    async def then() -> None:
        await house.sync_all(["erp"])
        moments.append(datetime.now(UTC))

    erp.edit("e", stock=2)
    await then()
    erp.edit("e", stock=None)
    await then()
    was = erp.drop("e")
    await then()
    erp.put("e", **{**was, "stock": 5, "price": None})
    await then()
    assert [await stock_at(house, moment) for moment in moments] == [1, 2, MISSING, MISSING, 5]
    assert await stock_at(house, None) == 5
    assert await stock_at(house, moments[0] - timedelta(days=1)) is MISSING
    prices = [(await house.ledger.at(moment).fetch([ERP], ["price"]))[ERP]["price"] for moment in moments]
    assert [value(one) == Money(Decimal("10"), "EUR") for one in prices] == [True, True, True, False, False]
    product = (await product_ids(house))[ERP]
    present = [ERP in (await house.ledger.at(moment).of([product], ["title"]))[product] for moment in moments]
    assert present == [True, True, True, False, True], "what was gone by then is not there"


async def test_all_records_of_a_question_come_in_one_statement(house: House) -> None:
    statements: list[str] = []
    product = (await product_ids(house))[ERP]
    async with house.pool.acquire() as connection:
        connection.add_query_logger(lambda one: statements.append(one.query))

        class OneConnection:
            async def fetch(self, *arguments: Any) -> Any:
                return await connection.fetch(*arguments)

        pool: Any = OneConnection()
        for moment in (None, datetime.now(UTC)):
            ledger: Ledger = replace(house.ledger, pool=pool, as_of=moment)
            for ask in (ledger.fetch([ERP, WMS], ["price"]), ledger.of([product], ["price"])):
                await ask
    assert len([one for one in statements if "records r" in one or "changes r" in one]) == 4
    assert len([one for one in statements if "pg_catalog" not in one and "jit" not in one]) == 4
