"""Recording: what tells a record that has not changed, what cannot be read, and what an older version wrote."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from resolvers.digests import Digests, linked_alike, same_document
from resolvers.recording import Counts
from sources.contract import Document, Record
from sources.mapping import Mapping
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import JANUARY, MARCH, change_log, claim, stamps
from tests.resolvers.memory_source import House, house_map


async def unreadable(house: House) -> list[tuple[str, str, str]]:
    rows = await house.pool.fetch("select source, record_id, field from unreadable_values order by 1, 2, 3")
    return [tuple(row) for row in rows]


async def test_what_cannot_be_read_is_counted_and_listed_for_as_long_as_it_stands_there(house: House) -> None:
    erp = house.systems["erp"]
    erp.put("1", price="on request", stock="many", title="Kettle")
    erp.put("2", price="10", stock=1)
    house.systems["pim"].put("1", title_en="\ud800", title_de="\ud800", launched="soon")
    assert (await house.sync("erp")).counts == Counts(seen=2, added=2, unreadable=2)
    assert (await house.sync("pim")).counts.unreadable == 3
    assert await unreadable(house) == [
        ("erp", "1", "price"), ("erp", "1", "stock"), ("pim", "1", "launched"), ("pim", "1", "title")
    ]  # fmt: skip
    reason = await house.pool.fetchval("select reason from unreadable_values where field = 'price'")
    assert reason == (await claim(house, "1", "price"))["unreadable"]
    assert (await house.sync("erp")).counts.unreadable == 0, "it has been told"
    erp.edit("1", stock=3)
    assert (await house.sync("erp")).counts.unreadable == 1
    assert [row for row in await unreadable(house) if row[0] == "erp"] == [("erp", "1", "price")]
    erp.edit("2", price="on request")
    erp.drop("1")
    await house.sync_all(["erp"])
    assert [row for row in await unreadable(house) if row[0] == "erp"] == [("erp", "2", "price")]
    erp.put("1", price="on request")
    await house.sync_all(["erp"])
    assert len(await unreadable(house)) == 4
    await check_ledger(house)


async def test_a_digest_of_an_older_version_is_read_again_once_and_nothing_has_moved(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(4):
        erp.put(str(number), gtin="4006381333931", price="10", title="Kettle", changed=JANUARY)
    await house.sync_all()
    before = await stamps(house)
    log = await change_log(house)
    # As the first version wrote them: one half of the document, the other of all that was read from it.
    for row in await house.pool.fetch("select record_id, document from records"):
        body = orjson.dumps(row["document"], option=orjson.OPT_SORT_KEYS)
        halves = hashlib.blake2b(body, digest_size=16).digest() + b"\x01" * 16
        await house.pool.execute("update crosswalk set digest = $1 where record_id = $2", halves, row["record_id"])
    links = await house.pool.fetch("select record_id, product_id, linked_by, linked_at from crosswalk order by 1")
    assert (await house.sync("erp", full=True)).counts == Counts(seen=4)
    assert await change_log(house) == log
    records = {(row["xmin"], row["record_id"]) for row in await house.pool.fetch("select xmin, record_id from records")}
    assert records <= {tuple(row) for row in before}, "a record was written though only its digest is of another form"
    assert (
        await house.pool.fetch("select record_id, product_id, linked_by, linked_at from crosswalk order by 1") == links
    )
    settled = await stamps(house)
    assert (await house.sync("erp", full=True)).counts == Counts(seen=4)
    assert await stamps(house) == settled, "the second time it is known"
    erp.edit("1", price="12", changed=MARCH)
    await house.pool.execute("update crosswalk set digest = $1 where record_id = '1'", b"\x02" * 32)
    assert (await house.sync("erp")).counts == Counts(seen=4, changed=1)
    assert (await claim(house, "1", "price"))["lastUpdated"] == MARCH
    await check_ledger(house)


async def test_a_change_that_touches_no_key_links_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.systems["erp"].put("1", gtin="4006381333931", price="10", label="Kettle")
    house.systems["pim"].put("1", gtin="4006381333931", title_en="Kettle")
    await house.sync_all()
    rows = await house.pool.fetch("select source, product_id, linked_by, linked_at from crosswalk order by 1")

    async def refused(*_: object, **__: object) -> None:
        raise AssertionError("it links")

    monkeypatch.setattr("resolvers.recording.take_turn", refused)
    monkeypatch.setattr("resolvers.recording.relink", refused)
    monkeypatch.setattr("resolvers.plain_links.PlainLinking.decide", refused)
    house.systems["erp"].edit("1", price="12", label="Steel kettle", mpn="no key without a brand")
    assert (await house.sync("erp")).counts == Counts(seen=1, changed=1)
    assert await house.pool.fetch("select source, product_id, linked_by, linked_at from crosswalk order by 1") == rows
    names = await house.pool.fetch(
        "select alias from aliases where source = 'erp' and scheme in ('name', 'mpn') order by 1"
    )
    assert [row["alias"] for row in names] == ["Steel kettle", "no key without a brand"]
    await check_ledger(house)


async def test_other_keys_of_identity_link_anew_what_has_not_changed(house: House) -> None:
    house.systems["erp"].put("1", sku="A")
    house.systems["wms"].put("1", sku="A")
    await house.sync_all()
    house.rewire(house_map(('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["gtin"]')))
    try:
        await house.sync_all(["erp", "wms"])
        products = await house.pool.fetch("select distinct product_id from crosswalk")
        assert len(products) == 2
        await check_ledger(house)
    finally:
        house.rewire(house_map())


# ── Digests ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(source: str = "erp", **columns: Any) -> Record:
    ownership = house_map()
    mapping = Mapping(ownership.declaration(source), ownership.shapes())
    found = mapping.read(Document({"id": "1", **columns}, "here"), house_now())
    assert isinstance(found, Record)
    return found


def house_now() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 6, 1, tzinfo=UTC)


def test_a_digest_tells_documents_apart_and_not_the_order_of_their_members() -> None:
    digests = Digests(house_map())
    one, body = digests.of(read(stock=1, title="x"))
    assert digests.of(read(title="x", stock=1))[0] == one
    assert orjson.loads(body) == read(stock=1, title="x").document
    other, _ = digests.of(read(stock=2, title="x"))
    assert one != other
    assert not same_document(one, other)
    assert linked_alike(one, other)


def test_where_in_a_file_it_stood_is_in_the_document_and_not_in_its_digest() -> None:
    digests = Digests(house_map())
    plain, _ = digests.of(read(stock=1))
    for place in ({"row": 2}, {"row": 9, "path": "b.csv"}):
        record = read(stock=1, _file=place)
        digest, body = digests.of(record)
        assert digest == plain
        assert orjson.loads(body) == record.document
        assert orjson.loads(body)["_file"] == place


def test_a_document_that_does_not_show_all_that_was_read_is_told_by_what_was() -> None:
    digests = Digests(house_map())
    long, longer = read("pim", title_en="x" * 70_000), read("pim", title_en="x" * 70_000 + "y")
    assert digests.of(long)[0] != digests.of(longer)[0]


def test_another_map_makes_another_digest_and_another_way_to_link_another_link() -> None:
    record = read(stock=1, price="1")
    before = Digests(house_map()).of(record)[0]
    dollars = Digests(house_map(('currency = "EUR", updated_at', 'currency = "USD", updated_at'))).of(record)[0]
    assert before != dollars
    assert same_document(before, dollars)
    assert linked_alike(before, dollars)
    keys = Digests(house_map(('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["gtin"]'))).of(record)[0]
    assert not linked_alike(before, keys)
    assert not linked_alike(before, b"\x01" * 32), "nothing is known of a digest of another form"
