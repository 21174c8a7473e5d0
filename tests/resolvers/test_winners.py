"""Winners chosen ahead say what the records say, whoever asks, whatever was done to the ledger in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from resolvers.executor import Executor
from resolvers.facts import Fact, Freshness, status_of
from resolvers.freshness import freshness
from resolvers.reader import Asker, Reader
from resolvers.readying import Readying
from resolvers.winners import NOBODY, Chooser, Winners, microseconds, winning_rules
from schema.shapes import _freshness
from sources.failures import Failure, FailureKind
from sources.ledger.batches import open_batch
from sources.ledger.winners import StandingRecord
from sources.values import JSON, encode, encode_datetime
from tests.resolvers.ledger_invariants import check_winners
from tests.resolvers.memory_source import SOURCES, House, house_map

GTINS = ["4006381333931", "9780306406157", "0012345678905"]
AWAY = Failure(FailureKind.UNREACHABLE, "switched off")
ASKERS = [Asker(), Asker("de"), Asker("fr-CA"), Asker("en", "shop"), Asker(None, "shop"), Asker("es", "paper")]


def reader(house: House, failing: Collection[str] = (), unsettled: Collection[str] = ()) -> Reader:
    down = dict.fromkeys(failing, AWAY)
    executor = Executor(house.ownership, house.ledger, house.sources, lambda: down)
    return Reader(house.ownership, executor, lambda _: None, lambda: unsettled, house.readying.ask)


async def products(house: House) -> list[UUID]:
    return [row[0] for row in await house.pool.fetch("select product_id from products where listed order by 1")]


def told(fact: Fact) -> Mapping[str, JSON]:
    """What a fact says, but for what everybody else says."""
    return {
        "value": encode(fact.definition.type, fact.value),
        "source": fact.source,
        "record": fact.source_record_id,
        "changed": fact.last_updated and encode_datetime(fact.last_updated),
        "basis": fact.last_updated_basis,
        "scope": tuple(fact.scope),
        "status": fact.status,
    }


def ahead(house: House, name: str, place: int, winners: Winners, failing: Collection[str]) -> Mapping[str, JSON]:
    """The same of a winner that was chosen ahead."""
    at = winners.places[place]
    origin = [orjson.loads(text) for text in winners.origins[at]] if at != NOBODY else [None] * 9
    return {
        "value": orjson.loads(winners.values[place]),
        "source": origin[0],
        "record": origin[1],
        "changed": origin[2],
        "basis": origin[4],
        "scope": (origin[7], origin[8]),
        "status": status_of(house.ownership.fields[name], origin[0], failing),
    }


async def check_answers(house: House, failing: Collection[str] = (), unsettled: Collection[str] = ()) -> int:
    """Every field of every product, for every kind of asker, from winners and from the records; how many winners."""
    names = list(house.ownership.fields)
    asked, count = await products(house), 0
    one = reader(house, failing, unsettled)
    for asker in ASKERS:
        answers, by_records = await one.answer(asked, names, [asker]), await one.answer(asked, names, [asker], rows={})
        assert answers.failures == by_records.failures
        (answer,), (slow,) = answers.of, by_records.of
        for product, winners in zip(asked, answer.winners, strict=True):
            for name in names:
                expected = slow.facts(name)[product]
                if product in answer.read.get(name, {}):
                    assert told(answer.facts(name)[product]) == told(expected)
                    continue
                assert winners is not None
                place = one.places[name]
                assert ahead(house, name, place, winners, failing) == told(expected), (name, asker)
                count += 1
    return count


def document(rng: random.Random) -> dict[str, Any]:
    """What any of the systems may say."""
    moments = ["2026-01-10T08:00:00Z", "2026-03-01T12:30:00.25Z", "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]
    several: dict[str, list[Any]] = {
        "gtin": [*GTINS, None],
        "price": ["49.90", "12", "not a price", None],
        "price_changed": [*moments, None],
        "stock": [3, 0, 2**31, None],
        "weight": ["0.85", "1.874", "heavy", None],
        "unit": ["kg", "g", None],
        "title": ["Kettle", None],
        "title_en": ["Kettle", "Pot", None],
        "title_de": ["Kessel", None],
        "title_fr": ["Bouilloire", None, None],
        "title_shop": ["Kettle!", None, None],
        "title_any": ["KETTLE", None],
        "extra": ['{"a": [1, 2]}', "x", None],
        "fragile": ["yes", "no", None],
        "rating": ["4.5", "0.10", None],
        "launched": ["2025-05-01", None],
        "tags": ["a;b", "c", None],
        "picture": ["https://example.com/k.jpg", None],
        "text": ["Lid sticks", "Leaks", None],
        "by": ["Ann", None],
        "on": ["2026-02-01", None],
        "changed": [*moments, None],
    }
    return {name: rng.choice(choices) for name, choices in several.items()}


@pytest.mark.parametrize("seed", range(6))
async def test_they_say_what_the_records_say_after_whatever_happened(house: House, seed: int) -> None:
    rng = random.Random(seed)
    count = 0
    for _ in range(6):
        for _ in range(rng.randrange(1, 4)):
            name = rng.choice(SOURCES)
            system, key = house.systems[name], rng.choice("abc")
            if rng.random() < 0.2:
                system.documents.pop(key, None)
            else:
                system.put(key, **{column: said for column, said in document(rng).items() if said is not None})
        await house.sync_all(rng.sample(SOURCES, rng.randrange(1, 5)))
        await check_winners(house)
        failing = rng.sample(SOURCES, rng.randrange(3))
        count += await check_answers(house, failing, rng.sample(failing, len(failing) // 2))
    assert count > 100


async def test_a_batch_drops_the_rows_of_the_products_that_it_moves_and_no_other(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    house.systems["erp"].put("e2", gtin=GTINS[1], price="2")
    await house.sync_all(["erp"])
    assert await check_winners(house) == 2
    house.systems["erp"].put("e2", gtin=GTINS[1], price="3")
    report = await house.ingest.sync("erp", house.sources["erp"].changes)  # type: ignore[arg-type]
    assert report.failure is None
    assert await check_winners(house) == 1
    assert await house.readying.catch_up() == 1
    assert await check_winners(house) == 2


async def test_what_is_read_and_not_ready_is_made_next(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    await house.sync_all(["erp"])
    await house.pool.execute("delete from winners")
    assert await house.readying.catch_up() == 0
    (product,) = await products(house)
    (answer,) = (await reader(house).answer([product], ["price"])).of
    assert answer.winners == [None]
    assert await house.readying.catch_up() == 1
    (answer,) = (await reader(house).answer([product], ["price"])).of
    assert answer.read == {}


async def test_nothing_is_made_while_a_system_is_being_read_for_the_first_time(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    await house.sync_all(["erp"])
    await house.pool.execute("delete from winners")
    await house.pool.execute("update cursors set walk_began_at = now() where source = 'wms'")
    await house.pool.execute("update sources set settled_at = null where name = 'wms'")
    held = """insert into schedule (source, due_at, worker, held_until)
              values ('wms', now(), 'w', now() + interval '1 minute')
              on conflict (source) do update set worker = excluded.worker, held_until = excluded.held_until"""
    await house.pool.execute(held)
    anew = Readying(house.pool, house.ownership)
    assert await anew.catch_up() == 0
    await house.pool.execute("update cursors set walk_began_at = null where source = 'wms'")
    assert await anew.catch_up() == 1


async def test_a_first_reading_that_stands_still_holds_nothing_up(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    await house.sync_all(["erp"])
    await house.pool.execute("delete from winners")
    await house.pool.execute("update cursors set walk_began_at = now() - interval '3 days' where source = 'wms'")
    await house.pool.execute("update sources set settled_at = null where name = 'wms'")
    assert await Readying(house.pool, house.ownership).catch_up() == 1


async def test_rows_made_by_other_rules_are_not_read_and_are_made_again(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    house.systems["pim"].put("p1", gtin=GTINS[0], price="2")
    await house.sync_all(["erp", "pim"])
    other = house_map(('system_of_record = "erp"\nfallback = ["pim"]', 'system_of_record = "pim"\nfallback = ["erp"]'))
    assert winning_rules(other) != winning_rules(house.ownership)
    house.rewire(other)
    try:
        (product,) = await products(house)
        (answer,) = (await reader(house).answer([product], ["price"])).of
        assert answer.facts("price")[product].source == "pim"
        await house.readying.catch_up()
        (answer,) = (await reader(house).answer([product], ["price"])).of
        (winners,) = answer.winners
        assert winners is not None
        assert orjson.loads(winners.values[list(other.fields).index("price")]) == {"amount": "2", "currency": "EUR"}
    finally:
        house.rewire(house_map())


async def test_one_whose_map_is_not_in_force_makes_nothing(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    await house.sync_all(["erp"])
    await house.pool.execute("delete from winners")
    await house.pool.execute(
        "insert into map_versions (digest, taken_at, declared, effects) values ('another', now(), '{}', '{}')"
    )
    try:
        await Readying(house.pool, house.ownership).catch_up()
        assert await check_winners(house) == 0
    finally:
        await house.pool.execute("delete from map_versions")


async def test_a_row_is_never_made_from_records_that_a_batch_under_way_is_about_to_change(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    await house.sync_all(["erp"])
    await house.pool.execute("delete from winners")
    (product,) = await products(house)
    house.readying.ask([product])
    async with open_batch(house.pool, "erp") as batch:
        making = asyncio.create_task(house.readying.catch_up())
        await batch.connection.execute("update records set claims = '{}'")
        while not await house.pool.fetchval("select exists (select from pg_locks where not granted)"):
            assert not making.done()
            await asyncio.sleep(0.01)
    assert await making == 1
    assert await check_winners(house) == 1


@pytest.mark.parametrize(
    "age", [timedelta(days=-3), timedelta(hours=-1), timedelta(0), timedelta(days=29), timedelta(days=31)]
)
def test_freshness_is_decided_alike_in_microseconds(house: House, age: timedelta) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    for field in (house.ownership.fields["price"], house.ownership.fields["stock"]):
        assert _freshness(field, microseconds(now - age), now) is freshness(field.max_age, now - age, now)
        assert _freshness(field, None, now) is Freshness.UNKNOWN


async def test_a_record_that_leaves_takes_its_winners_along(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    house.systems["pim"].put("p1", gtin=GTINS[0], price="2", tags="a")
    await house.sync_all(["erp", "pim"])
    del house.systems["pim"].documents["p1"]
    report = await house.ingest.sync("pim", house.sources["pim"].changes, accept=True)  # type: ignore[arg-type]
    assert report.counts.gone == 1
    assert await check_winners(house) == 0
    await house.readying.catch_up()
    assert await check_winners(house) == 1


def said(record_id: str, rating: str, changed: str) -> StandingRecord:
    """A record of the warehouse, observed on the first of June."""
    entry = {"value": rating, "basis": "SOURCE_RECORD", "lastUpdated": changed}
    return StandingRecord(UUID(int=1), "wms", record_id, {"rating": [entry]}, datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("records", "undecided"),
    [
        ([said("a", "1", "2026-05-01T00:00:00Z"), said("b", "2", "2026-05-02T00:00:00Z")], False),
        ([said("a", "1", "2026-07-01T00:00:00Z"), said("b", "2", "2026-05-02T00:00:00Z")], True),
        ([said("a", "1", "2026-07-01T00:00:00Z")], False),
    ],
)
def test_which_of_a_systems_records_speaks_is_left_open_where_a_date_is_to_come(
    records: list[StandingRecord], undecided: bool
) -> None:
    """It counts as when it was observed, and that moves with each sync that confirms it."""
    ownership = house_map()
    place = list(ownership.fields).index("rating")
    row = Chooser(ownership).row(UUID(int=1), records)
    assert row.undecided == ([place] if undecided else None)


async def test_what_a_sync_follows_begins_where_everything_was_made_by_the_same_rules(house: House) -> None:
    house.systems["erp"].put("e1", gtin=GTINS[0], price="1")
    await house.sync_all()
    await house.pool.execute("update winners set rules = 'of another map'")
    anew = Readying(house.pool, house.ownership)
    await anew.begin()
    assert await anew.catch_up() == 1
    again = Readying(house.pool, house.ownership)
    await again.begin()
    await house.pool.execute("delete from winners")
    assert await again.catch_up() == 0
