"""Clocks of systems that stand still, are not there or run elsewhere never mean that nothing changed."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from resolvers.map_file import parse_map
from sources.contract import Reading, RecordKey
from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, open_pool
from sources.ledger.source import Ledger
from tests.faults.worker import sync
from tests.resolvers.ledger_reading import JANUARY, MARCH, claim
from tests.resolvers.memory_source import House, house_map

MAP = """
[sources.cms]
title = "CMS"
connector = "sql"
url = "sqlite:///{file}"
from = "items"
key = "id"
updated_at = "date_updated"
sync = {{ by = "date_updated" }}
[sources.cms.identifiers]
sku = "id"
[sources.cms.fields]
stock = {{ path = "stock", updated_at = "stock_moved" }}
label = "label"

[fields.stock]
type = "integer"
system_of_record = "cms"
[fields.label]
type = "text"
system_of_record = "cms"
"""


class Cms:
    """A system that notes the date of an edit, of a stock movement elsewhere, and none before the first."""

    def __init__(self, file: Path, dsn: str, pool: Pool) -> None:
        self.file = file
        self.dsn = dsn
        self.pool = pool
        self.map = MAP.format(file=file)

    def do(self, statement: str, *values: Any) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute(statement, values)
        connection.close()

    async def sync(self) -> None:
        assert await sync(self.map, self.dsn, ["cms"])

    async def a_day_later(self) -> None:
        """The last walk over everything was two days ago."""
        await self.pool.execute("update cursors set walked_at = walked_at - interval '2 days'")

    async def says(self, record: str, field: str) -> Any:
        types = {name: one.type for name, one in parse_map(self.map, {}).fields.items()}
        key = RecordKey("cms", record)
        outcome = (await Ledger(self.pool, types).fetch([key], [field]))[key][field]
        return outcome.claims[0] if isinstance(outcome, Reading) else None


@pytest.fixture
async def cms(tmp_path: Path, database_url: str) -> AsyncIterator[Cms]:
    async with open_pool(database_url, size=2) as pool:
        await register_sources(pool, ["cms"])
        one = Cms(tmp_path / "cms.sqlite", database_url, pool)
        one.do("create table items (id text, label text, stock int, date_updated text, stock_moved text)")
        one.do(
            "insert into items values ('edited', 'Kettle', 1, '2026-01-10 08:00', null), ('new', 'Toaster', 1, null, null)"
        )
        await one.sync()
        yield one


async def test_a_record_that_was_never_edited_has_no_date_of_its_system(cms: Cms) -> None:
    claim = await cms.says("new", "label")
    assert claim.basis.value == "OBSERVED"
    assert (await cms.says("edited", "label")).basis.value == "SOURCE_RECORD"


async def test_what_came_without_a_clock_is_seen_by_the_next_walk_over_everything_at_the_latest(cms: Cms) -> None:
    cms.do("insert into items values ('later', 'Iron', 1, null, null)")
    cms.do("insert into items values ('dated', 'Pan', 1, '2026-03-01 12:00', null)")
    await cms.sync()
    assert await cms.says("dated", "label") is not None
    await cms.a_day_later()
    await cms.sync()
    assert (await cms.says("later", "label")).value == "Iron"


async def test_a_value_that_moved_while_its_clock_stood_still_is_seen_and_dated_by_when_we_saw_it(cms: Cms) -> None:
    before = datetime.now(UTC)
    cms.do("update items set stock = 7 where id = 'edited'")
    await cms.a_day_later()
    await cms.sync()
    stock = await cms.says("edited", "stock")
    assert (stock.value, stock.basis.value) == (7, "OBSERVED")
    assert stock.last_updated >= before
    assert (await cms.says("edited", "label")).last_updated == datetime(2026, 1, 10, 8, tzinfo=UTC)


async def test_a_fields_own_clock_moves_alone(cms: Cms) -> None:
    cms.do("update items set stock = 7, stock_moved = '2026-04-01 09:00' where id = 'edited'")
    await cms.a_day_later()
    await cms.sync()
    stock = await cms.says("edited", "stock")
    assert (stock.value, stock.basis.value) == (7, "SOURCE_FIELD")
    assert stock.last_updated == datetime(2026, 4, 1, 9, tzinfo=UTC)


async def test_a_date_from_the_future_neither_hides_what_follows_nor_is_made_up(cms: Cms) -> None:
    cms.do("insert into items values ('ahead', 'Pot', 1, '2190-01-01 00:00', null)")
    await cms.sync()
    assert (await cms.says("ahead", "label")).last_updated.year == 2190
    cms.do("insert into items values ('after', 'Pan', 1, '2026-03-01 12:00', null)")
    await cms.sync()
    assert (await cms.says("after", "label")).value == "Pan"


async def test_a_clock_two_hours_off_is_set_right_by_its_zone(house: House) -> None:
    house.rewire(house_map(('from = "erp"\nkey = "id"', 'from = "erp"\ntimezone = "Asia/Tokyo"\nkey = "id"')))
    try:
        house.systems["erp"].put("1", stock=1, changed="2026-01-10 17:00")
        house.systems["erp"].put("2", stock=1, changed="2026-03-01T12:00:00Z")
        await house.sync_all(["erp"])
        assert (await claim(house, "1", "stock"))["lastUpdated"] == JANUARY
        assert (await claim(house, "2", "stock"))["lastUpdated"] == MARCH
    finally:
        house.rewire(house_map())
