"""A new map takes effect from what the ledger holds: exactly as if the systems had been read again, without reading them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from resolvers.ingest import ELSEWHERE, Ingest
from resolvers.map_file import parse_map
from resolvers.ownership import OwnershipMap
from resolvers.recording import Counts
from resolvers.remapping import Brought
from resolvers.taking import SUPERSEDED
from sources.contract import Cursor, Failed, Page, RecordKey
from sources.failures import Failure, FailureKind
from sources.ledger.batches import register_sources
from sources.values import JSON
from tests.resolvers.ledger_invariants import check_ledger, links
from tests.resolvers.ledger_reading import JANUARY, MARCH, change_log, claim, stamps
from tests.resolvers.memory_source import HOUSE_TOML, House, house_map

RANK = ('extra = "extra"', 'extra = "extra"\nrank = "rank"')
RANK_FIELD = (
    '[fields.extra]\ntype = "json"',
    '[fields.rank]\ntype = "integer"\nsystem_of_record = "erp"\n[fields.extra]\ntype = "json"',
)
IN_POUNDS = ('weight = { path = "weight", unit = "lb" }', 'weight = { path = "weight", unit = "kg" }')
NO_STOCK = [('stock = "stock"\n', ""), ('[fields.stock]\ntype = "integer"\nsystem_of_record = "erp"\n', "")]
BY_SKU_ALONE = ('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["sku"]')


def fill(house: House, count: int = 5) -> None:
    """Some records in all systems, each with everything that a document can hold."""
    for number in range(count):
        key = f"K-{number}"
        house.systems["erp"].put(
            key,
            changed=datetime(2026, 1, 10, 8, tzinfo=UTC),
            label=f"Kettle {number}",
            sku=f"BK-{number}",
            gtin="4006381333931" if number == 0 else None,
            price=Decimal("19.90") + number,
            price_changed=datetime(2026, 3, 1, 12, tzinfo=UTC),
            weight=Decimal("1.50"),
            stock=number,
            title="Kettle",
            rank=number,
            extra={"a": [Decimal("1.0"), None]},
        )
        house.systems["pim"].put(
            f"P-{number}",
            changed=datetime(2026, 1, 10, 8),
            label=f"Kettle {number}",
            sku=f"bk-{number}",
            gtin="4006381333931" if number == 1 else None,
            title_en="Kettle",
            title_de="Kessel",
            price=Decimal("20.00"),
            tags="a;b",
        )
        house.systems["crm"].put(f"T-{number}", label="Ticket", sku=f"BK-{number}", text="It drips", by="Ann")
    for system in house.systems.values():
        system.log = [(key, False) for key in system.documents]


@pytest.fixture(autouse=True)
async def _the_map_of_the_house(house: House) -> AsyncIterator[None]:
    house.rewire(house_map())
    await register_sources(house.pool, list(house.ownership.sources))
    yield
    house.rewire(house_map())


async def synced(house: House, count: int = 5) -> None:
    """The systems as :func:`fill` leaves them, in the ledger."""
    await house.ingest.taking.take()
    fill(house, count)
    await house.sync_all()


async def take(house: House, *changes: tuple[str, str]) -> None:
    """Another map, in use; its systems are switched off for whoever would read them from the beginning."""
    house.rewire(house_map(*changes))
    for system in house.systems.values():
        system.fails_at = 0
    await register_sources(house.pool, list(house.ownership.sources))
    await house.ingest.taking.take()


async def dump(house: House, *, dates: bool = True) -> dict[str, Any]:
    """What the ledger holds, without the moments and ids that two ledgers cannot share; ``dates``: with the systems' own."""
    rows = await house.pool.fetch(
        "select r.source, r.record_id, r.document, r.claims, r.names, r.identifiers, x.digest, r.updated_at "
        "from records r join crosswalk x using (source, record_id) where r.gone_at is null"
    )
    for row in rows:
        for entries in row["claims"].values():
            for entry in entries:
                if entry["basis"] == "OBSERVED" or not dates:
                    del entry["lastUpdated"]
                if not dates:
                    del entry["basis"]
    records = {(row["source"], row["record_id"]): dict(row) for row in rows}
    aliases = await house.pool.fetch("select source, record_id, scheme, folded, alias from aliases")
    return {"records": records, "links": await links(house), "aliases": sorted(map(tuple, aliases))}


async def afresh(house: House, *changes: tuple[str, str], dates: bool = True) -> dict[str, Any]:
    """What a ledger holds that never knew another map."""
    documents = {name: dict(system.documents) for name, system in house.systems.items()}
    house.rewire(house_map(*changes))
    await house.empty()
    for name, kept in documents.items():
        house.systems[name].documents.update(kept)
    await house.sync_all([name for name in house.systems if name in house.ownership.sources])
    return await dump(house, dates=dates)


async def cut_off(house: House, name: str, *, after: int, **how: Any) -> None:
    """A sync of which the system breaks off after some pages."""
    follow = house.sources[name].changes
    assert follow is not None

    async def some(cursor: Cursor) -> AsyncIterator[Page | Failed]:
        number = 0
        async for page in follow(cursor):
            yield page if number < after else Failed(Failure(FailureKind.UNREACHABLE, "it was switched off"))
            number += 1

    assert (await house.ingest.sync(name, some, **how)).failure is not None


CHANGES: dict[str, list[tuple[str, str]]] = {
    "a new field": [RANK, RANK_FIELD],
    "a new unit": [IN_POUNDS],
    "another path": [('stock = "stock"', 'stock = "rank"')],
    "a path into an object": [('stock = "stock"', 'stock = "stock"\nrank = "extra.a[0]"'), RANK_FIELD],
    "a field taken out": NO_STOCK,
    "a field of another type": [('[fields.stock]\ntype = "integer"', '[fields.stock]\ntype = "text"')],
    "a field's own unit": [('unit = "g"', 'unit = "oz"')],
    "another currency": [
        ('price = { path = "price", currency = "EUR" }', 'price = { path = "price", currency = "CHF" }')
    ],
    "no clock": [('key = "id"\nupdated_at = "changed"', 'key = "id"')],
    "another clock": [('key = "id"\nupdated_at = "changed"', 'key = "id"\nupdated_at = "price_changed"')],
    "a time zone": [
        ('from = "pim"\nkey = "id"', 'from = "pim"\ntimezone = "Asia/Tokyo"\nkey = "id"'),
    ],
    "a decimal comma": [('from = "erp"\nkey = "id"', 'from = "erp"\ndecimal = ","\nkey = "id"')],
    "other names": [('names = ["label", "short"]', 'names = ["label", "title_de"]')],
    "fewer identifiers": [
        (
            'gtin = "gtin"\nsku = "sku"\nbrand = "brand"\nmpn = "mpn"\n[sources.erp.fields]',
            'gtin = "gtin"\n[sources.erp.fields]',
        )
    ],
    "other keys": [BY_SKU_ALONE],
    "notes": [('from = "pim"\nkey = "id"', 'from = "pim"\nper_product = "many"\nkey = "id"')],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
async def test_the_ledger_is_as_if_the_systems_had_been_read_again(
    house: House, changes: list[tuple[str, str]]
) -> None:
    await synced(house)
    await take(house, *changes)
    for name in house.systems:
        assert (await house.ingest.remapping.bring(name, Counts())).afresh is None
        report = await house.sync(name)
        assert report.failure is None, "it was read from the beginning"
        assert report.counts.seen == report.counts.changed == 0
    await check_ledger(house)
    dates = not any(
        "updated_at" in new + old or "timezone" in new for old, new in changes
    )  # or what stays keeps its own
    remapped = await dump(house, dates=dates)
    fresh = await afresh(house, *changes, dates=dates)
    assert remapped["links"] == fresh["links"]
    assert remapped["aliases"] == fresh["aliases"]
    assert remapped["records"] == fresh["records"]


@pytest.mark.parametrize(
    "change",
    [
        ('system_of_record = "wms"\nfallback = ["erp"]', 'system_of_record = "erp"\nfallback = ["wms"]'),
        ('tolerance = "1%"', 'tolerance = "5%"'),
        ('max_age = "30d"', 'max_age = "1d"'),
        ('steward = { name = "Pricing" }', 'steward = { name = "Sales" }'),
        ('title = "ERP"', 'title = "The ERP"'),
        ('locales = ["en", "de"]', 'locales = ["de", "en"]'),
        ('key = "id"\nupdated_at = "changed"', 'key = "id"\ndeadline = "3s"\nupdated_at = "changed"'),
    ],
    ids=lambda change: change[1],
)
async def test_what_is_decided_when_it_is_read_touches_nothing(house: House, change: tuple[str, str]) -> None:
    await synced(house)
    before = await stamps(house)
    await take(house, change)
    taken = await house.ingest.taking.take()
    assert not taken.steps
    assert [one.endswith("(decided when it is read)") for one in taken.effects] == [True] * len(taken.effects)
    assert taken.effects
    await house.sync("erp")
    assert await stamps(house) == before


async def test_a_new_field_has_the_records_clock_and_history_says_when_it_came(house: House) -> None:
    await synced(house, 1)
    before = await change_log(house)
    await take(house, RANK, RANK_FIELD)
    moment = datetime.now(UTC)
    report = await house.sync("erp")
    assert report.failure is None
    assert report.counts.remapped == report.counts.changed == 1
    assert (await claim(house, "K-0", "rank"))["lastUpdated"] == JANUARY
    assert (await claim(house, "K-0", "price"))["lastUpdated"] == MARCH, "what was not mapped anew keeps its date"
    assert (await change_log(house))[len(before) :] == [
        ("CHANGED", "K-0", {"rank": [{"value": 0, "basis": "SOURCE_RECORD", "lastUpdated": JANUARY}]})
    ]
    product = await house.pool.fetchval("select product_id from crosswalk where record_id = 'K-0'")
    then = await house.ledger.at(moment).of([product], ["rank", "price"])
    told = then[product][RecordKey("erp", "K-0")]
    assert type(told["rank"]).__name__ == "Missing"
    assert type(told["price"]).__name__ == "Reading"


async def test_what_was_of_another_type_is_unreadable_in_the_past_and_nothing_breaks(house: House) -> None:
    await synced(house, 1)
    moment = datetime.now(UTC)
    await take(house, ('[fields.extra]\ntype = "json"', '[fields.extra]\ntype = "integer"'))
    assert (await house.sync("erp")).failure is None
    product = await house.pool.fetchval("select product_id from crosswalk where record_id = 'K-0'")
    (then,) = (await house.ledger.at(moment).fetch([RecordKey("erp", "K-0")], ["extra"]))[
        RecordKey("erp", "K-0")
    ].values()
    assert "before extra became a integer" in then.claims[0].unreadable  # type: ignore[union-attr, operator]
    now = (await house.ledger.of([product], ["extra"]))[product][RecordKey("erp", "K-0")]["extra"]
    assert "an object" in now.claims[0].unreadable  # type: ignore[union-attr, operator]


async def test_a_field_that_is_taken_out_and_put_back_is_there_again(house: House) -> None:
    await synced(house, 2)
    before = await dump(house)
    await take(house, *NO_STOCK)
    await house.sync("erp")
    assert ("CHANGED", "K-1", {"stock": []}) in await change_log(house)
    await take(house)
    assert (await house.sync("erp")).failure is None
    assert await dump(house) == before


# ── Resuming, and others at work ───────────────────────────────────────────────────────────────────────────────────


async def test_one_that_was_killed_goes_on_and_one_that_was_done_does_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.remapping.PAGE", 2)
    await synced(house)
    await take(house, RANK, RANK_FIELD)
    steps = 0

    def stopped() -> bool:
        nonlocal steps
        steps += 1
        return steps > 2

    counts = Counts()
    assert (await house.ingest.remapping.bring("erp", counts, stopped=stopped)).yielded
    assert counts.remapped == 4
    house.rewire(house.ownership)
    report = await house.sync("erp")
    assert (report.failure, report.counts.remapped) == (None, 1)
    before = await stamps(house)
    assert (await house.sync("erp")).counts.remapped == 0
    assert await stamps(house) == before


async def test_one_that_breaks_within_a_page_leaves_the_page_as_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await synced(house)
    await take(house, RANK, RANK_FIELD)
    before = await dump(house)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("resolvers.remapping.note_remapped", broken)
        with pytest.raises(RuntimeError):
            await house.ingest.remapping.bring("erp", Counts())
    assert await dump(house) == before
    assert (await house.sync("erp")).counts.remapped == 5


async def test_syncs_and_remappings_at_once_end_where_one_alone_does(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.remapping.PAGE", 2)
    await synced(house, 12)
    changes = (RANK, RANK_FIELD, IN_POUNDS)
    await take(house, *changes)
    erp = house.systems["erp"]
    for number in range(0, 12, 3):
        erp.edit(f"K-{number}", stock=100 + number, changed=datetime(2026, 5, 1, tzinfo=UTC))
    others = [Ingest(house.pool, house.ownership) for _ in range(3)]
    follow = house.sources["erp"].changes
    assert follow is not None
    reports = await asyncio.gather(*(one.sync("erp", follow) for one in others), return_exceptions=True)
    assert all(getattr(one, "failure", one) in (None, ELSEWHERE) for one in reports), reports
    report = await house.sync("erp")
    assert report.failure is None
    await house.sync_all(["pim", "crm", "wms"])
    await check_ledger(house)
    assert (await claim(house, "K-3", "stock"))["value"] == 103
    remapped = await dump(house, dates=False)
    fresh = await afresh(house, *changes, dates=False)
    assert {part: remapped[part] == fresh[part] for part in fresh} == dict.fromkeys(fresh, True)


async def test_a_sync_by_the_old_map_that_is_under_way_writes_nothing_more(house: House) -> None:
    await synced(house)
    old, erp = house.ingest, house.systems["erp"]
    follow = house.sources["erp"].changes
    assert follow is not None
    erp.edit("K-0", stock=99)
    paused, go = asyncio.Event(), asyncio.Event()

    async def slow(cursor: Any) -> Any:
        async for page in follow(cursor):
            paused.set()
            await go.wait()
            yield page

    running = asyncio.create_task(old.sync("erp", slow))
    await paused.wait()
    await take(house, RANK, RANK_FIELD)
    await house.ingest.remapping.bring("erp", Counts())
    before = await dump(house)
    go.set()
    assert (await running).failure is ELSEWHERE
    assert await dump(house) == before
    assert (await old.sync("erp", follow)).failure is SUPERSEDED
    assert await dump(house) == before
    assert (await house.sync("erp")).counts.changed == 1
    assert (await claim(house, "K-0", "stock"))["value"] == 99


async def test_a_map_that_is_not_in_force_stops_a_remapping_between_two_pages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.remapping.PAGE", 2)
    await synced(house)
    await take(house, RANK, RANK_FIELD)
    first = house.ingest
    await take(house, IN_POUNDS)
    assert await first.remapping.bring("erp", Counts(), holds=first.taking.holds) == Brought(None, yielded=True)
    assert (await house.sync("erp")).failure is None
    await check_ledger(house)


# ── Where the ledger does not hold what is needed ──────────────────────────────────────────────────────────────────


async def test_a_document_that_was_cut_short_is_read_again(house: House) -> None:
    await synced(house)
    erp = house.systems["erp"]
    erp.edit("K-2", manual="x" * 70_000)
    await house.sync("erp")
    await take(house, IN_POUNDS)
    assert (await house.ingest.remapping.bring("erp", Counts())).afresh is None, "what is mapped had been kept"
    await take(house, RANK, RANK_FIELD)
    counts = Counts()
    brought = await house.ingest.remapping.bring("erp", counts)
    assert (brought.afresh, counts.remapped) == ("1 document was cut short or could not be kept whole", 4)
    assert [str(step) for step in await house.ingest.taking.steps()] == [
        "erp: read from its system, for 1 document was cut short or could not be kept whole"
    ]
    assert (await house.sync("erp")).failure is not None, "it was not read"
    erp.fails_at = None
    report = await house.sync("erp")
    assert (report.failure, report.counts.seen, report.counts.changed) == (None, 5, 1)
    assert (await claim(house, "K-2", "rank"))["value"] == 2
    await check_ledger(house)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (('stock = "stock"', 'stock = "quantity"'), "no document here holds 'quantity'"),
        (('from = "erp"', 'from = "articles"'), "where or how it is read has changed"),
        (('from = "erp"\nkey = "id"', 'from = "erp"\nkey = "sku"'), "where or how it is read has changed"),
        (('stock = "stock"', 'stock = "label.x"'), "'label' is read in another way where a path goes into it"),
        (('extra = "extra"', 'extra = "extra.*"'), "depends on the order"),
        (('stock = "stock"', 'stock = "seldom"'), None),
        (
            ('key = "id"\nupdated_at = "changed"', 'key = "id"\nsync = { by = "changed" }\nupdated_at = "seldom"'),
            "4 of 5 documents here do not hold",
        ),
    ],
    ids=str,
)
async def test_a_system_is_read_where_its_documents_do_not_hold_what_the_map_wants(
    house: House, change: tuple[str, str], why: str | None
) -> None:
    await synced(house)
    house.systems["erp"].edit("K-4", seldom=7)
    await house.sync("erp")
    await take(house, change)
    before = await stamps(house)
    brought = await house.ingest.remapping.bring("erp", Counts())
    if why is None:
        assert brought.afresh is None
        return
    assert brought.afresh is not None
    assert why in brought.afresh
    assert await stamps(house) == before
    assert (await house.sync("erp")).failure is not None, "it was not read"


async def test_a_walk_that_was_cut_off_is_finished_by_the_new_map(house: House) -> None:
    await synced(house)
    erp = house.systems["erp"]
    erp.page, erp.log = 2, None
    elsewhere = ('from = "erp"', 'from = "articles"')
    house.rewire(house_map(elsewhere))
    await cut_off(house, "erp", after=1)
    house.rewire(house_map(elsewhere, IN_POUNDS))
    brought = await house.ingest.remapping.bring("erp", Counts())
    assert brought.afresh == "it is being read from the beginning, and that has not come to its end"
    report = await house.sync("erp")
    assert (report.failure, report.counts.seen) == (None, 5)
    await check_ledger(house)
    house.rewire(house_map(elsewhere))
    assert (await house.ingest.remapping.bring("erp", Counts())).afresh is None


async def test_a_walk_over_the_same_goes_on_where_it_was_when_only_the_mapping_changes(house: House) -> None:
    await synced(house)
    erp = house.systems["erp"]
    erp.page, erp.log = 2, None
    await cut_off(house, "erp", after=1, full=True)
    house.rewire(house_map(IN_POUNDS))
    report = await house.sync("erp")
    assert (report.failure, report.counts.seen, report.counts.remapped) == (None, 3, 5)
    await check_ledger(house)


async def test_what_live_reads_saw_since_is_kept_where_it_is_read_as_before(house: House) -> None:
    await synced(house, 2)
    erp = house.systems["erp"]
    erp.edit("K-1", stock=77)
    fetch = house.sources["erp"].fetch
    assert fetch is not None
    seen = await fetch([RecordKey("erp", "K-1")], ["stock"])
    await house.observer.observe("erp", seen, datetime.now(UTC))
    await take(house, RANK, RANK_FIELD, IN_POUNDS)
    assert (await house.ingest.remapping.bring("erp", Counts())).afresh is None
    assert (await claim(house, "K-1", "stock"))["value"] == 77, "older overwrote newer"
    assert (await claim(house, "K-1", "rank"))["value"] == 1
    assert (await claim(house, "K-1", "weight"))["lastUpdated"] == JANUARY, "of a new mapping the clock holds"
    report = await house.sync("erp")
    assert report.failure is None
    await check_ledger(house)


async def test_a_live_read_by_another_map_than_the_records_writes_nothing(house: House) -> None:
    await synced(house, 2)
    old, seen_by_old = house.observer, house.sources["erp"].fetch
    assert seen_by_old is not None
    await take(house, IN_POUNDS)
    house.systems["erp"].edit("K-1", weight=Decimal("9.99"))
    await house.ingest.remapping.bring("erp", Counts())
    before = await stamps(house)
    await old.observe("erp", await seen_by_old([RecordKey("erp", "K-1")], ["weight"]), datetime.now(UTC))
    assert await stamps(house) == before
    fetch = house.sources["erp"].fetch
    assert fetch is not None
    await house.observer.observe("erp", await fetch([RecordKey("erp", "K-1")], ["weight"]), datetime.now(UTC))
    assert (await claim(house, "K-1", "weight"))["value"] == {"amount": "9.99", "unit": "kg"}


@pytest.mark.parametrize("change", [("", ""), CHANGES["notes"][0]], ids=["keys", "notes"])
async def test_going_back_links_by_the_old_rules_what_others_had_been_linked_to_by_the_new(
    house: House, change: tuple[str, str]
) -> None:
    """By the new map only one system's records were linked, but theirs to those of others."""
    first = [] if change[0] else [('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["gtin"]')]
    await synced(house)
    await take(house, *first)
    for name in house.systems:
        assert (await house.sync(name)).failure is None
    await take(house, *([change] if change[0] else []))
    house.systems["erp"].edit("K-1", sku="BK-9")
    assert (await house.sync("erp")).failure is None
    await take(house, *first)
    for name in house.systems:
        assert (await house.sync(name)).failure is None
    await check_ledger(house)


# ── Sources that leave, and come back ──────────────────────────────────────────────────────────────────────────────


def without(source: str) -> OwnershipMap:
    """The house's map without one of its sources, and the fields that it alone has."""
    alone = {"pim": ("launched", "tags", "picture"), "crm": ("tickets",)}[source]
    gone = (f"[sources.{source}", *(f"[fields.{name}]" for name in alone))
    tables = HOUSE_TOML.replace("\n[", "\n\0[").split("\0")
    text = "".join(table for table in tables if not table.startswith(gone))
    text = text.replace('"pim"\nfallback = ["erp"]', '"erp"').replace('fallback = ["pim"]\n', "")
    return parse_map(text, {})


async def test_a_source_that_is_declared_no_more_holds_nothing_together_and_comes_back_from_the_ledger(
    house: House,
) -> None:
    await synced(house, 3)
    house.systems["erp"].edit("K-2", sku=None, gtin="4006381333955")
    house.systems["crm"].edit("T-2", sku=None, gtin="4006381333955")
    house.systems["pim"].edit("P-2", gtin="4006381333955")
    await house.sync_all()
    before, joined = await dump(house), await links(house)
    assert len(joined[RecordKey("crm", "T-2")][0]) == 3
    counts: dict[str, JSON] = {}
    for source in ("pim", "crm"):
        house.rewire(without(source))
        taken = await house.ingest.taking.take()
        assert f"{source}: declared no more; its 3 records leave, and are kept" in taken.effects
        await check_ledger(house)
        counts[source] = await house.pool.fetchval("select count(*) from records where source = $1", source)
        assert RecordKey(source, "P-2") not in await links(house)
        assert await house.ingest.taking.steps() == [
            step for step in await house.ingest.taking.steps() if step.takes.name == "REMAP"
        ]
        await take(house)
        steps = [str(step) for step in await house.ingest.taking.steps()]
        assert f"{source}: 3 records mapped anew from the ledger, for it is declared again" in steps
        for name in house.systems:
            assert (await house.sync(name)).failure is None
        await check_ledger(house)
        assert await dump(house) == before
    assert counts == {"pim": 3, "crm": 3}


async def test_a_source_that_leaves_again_while_it_comes_back_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.remapping.PAGE", 1)
    await synced(house, 3)
    before = await dump(house)
    house.rewire(without("pim"))
    await house.ingest.taking.take()
    await take(house)
    pages = iter((False, True))
    assert (await house.ingest.remapping.bring("pim", Counts(), stopped=lambda: next(pages))).yielded
    house.rewire(without("pim"))
    await house.ingest.taking.take()
    await take(house)
    for name in house.systems:
        assert (await house.sync(name)).failure is None
    await check_ledger(house)
    assert await dump(house) == before


async def test_records_that_were_gone_before_their_source_left_do_not_come_back_with_it(house: House) -> None:
    await synced(house, 3)
    house.systems["pim"].drop("P-0")
    await house.sync("pim", accept=True)
    house.rewire(without("pim"))
    await house.ingest.taking.take()
    await take(house)
    assert (await house.sync("pim")).failure is None
    present = await house.pool.fetch(
        "select record_id from crosswalk where source = 'pim' and gone_at is null order by 1"
    )
    assert [row["record_id"] for row in present] == ["P-1", "P-2"]
    await check_ledger(house)


# ── Any sequence of maps ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(6))
async def test_after_any_maps_edits_and_syncs_the_ledger_is_as_if_it_had_only_known_the_last(
    house: House, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr("resolvers.remapping.PAGE", 3)
    monkeypatch.setattr("resolvers.taking.PAGE", 2)
    await synced(house, 6)
    for system in list(house.systems.values())[: seed % 3]:
        system.log, system.page = None, 2  # one that is read from the beginning each time
    told: list[str] = []

    async def another_map() -> None:
        if chance.random() < 0.25:
            source = chance.choice(["pim", "crm"])
            house.rewire(without(source))
            told.append(f"without {source}")
        else:
            chosen = chance.choice([*CHANGES, "the first"])
            house.rewire(house_map(*CHANGES.get(chosen, [])))
            told.append(chosen)
        await house.ingest.taking.take()

    async def edit() -> None:
        system = house.systems[chance.choice(["erp", "pim", "crm"])]
        if chance.random() < 0.2 and len(system.documents) > 3:
            system.drop(chance.choice(list(system.documents)))
            return
        number = chance.randrange(6)
        record = chance.choice(list(system.documents))
        system.edit(
            record, sku=f"BK-{number}", stock=chance.randrange(50), rank=chance.randrange(9), title_en=f"T{number}"
        )
        if chance.random() < 0.3:
            system.edit(record, gtin=chance.choice([None, "4006381333931", "4006381333955"]))

    async def some_of_a_remapping() -> None:
        left = chance.randrange(3)

        def stopped() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        name = chance.choice([name for name in house.systems if name in house.ownership.sources])
        await house.ingest.remapping.bring(name, Counts(), stopped=stopped)

    async def sync() -> None:
        name = chance.choice([name for name in house.systems if name in house.ownership.sources])
        if house.systems[name].log is None and len(house.systems[name].documents) > 2 and chance.random() < 0.4:
            await cut_off(house, name, after=1)
        report = await house.sync(name, accept=True, full=chance.random() < 0.2)
        assert report.failure is None, (told, report)

    for _ in range(25):
        await chance.choice([another_map, edit, edit, some_of_a_remapping, sync, sync])()
    await house.sync_all([name for name in house.systems if name in house.ownership.sources])
    await check_ledger(house)
    documents = {name: dict(system.documents) for name, system in house.systems.items()}
    remapped = await dump(house, dates=False)
    ownership = house.ownership
    await house.empty()
    house.rewire(ownership)
    for name, there in documents.items():
        house.systems[name].documents.update(there)
    await house.sync_all([name for name in house.systems if name in ownership.sources])
    fresh = await dump(house, dates=False)
    assert remapped["records"] == fresh["records"], told
    assert remapped["aliases"] == fresh["aliases"], told
    assert remapped["links"] == fresh["links"], told
