"""From what anybody calls a product to the product: looked up, and searched for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from resolvers.catalogue import Catalogue
from resolvers.lookup import LONGEST_LOOKUP, Ambiguous, Found, Lookup, parse_id
from sources.contract import RecordKey
from sources.ledger.lookups import crosswalk_of
from sources.ledger.search import Hit
from tests.conftest import PostgresServer
from tests.resolvers.ledger_invariants import product_ids
from tests.resolvers.memory_source import SOURCES, House, open_house

KETTLE, TOASTER, REUSED = "4006381333931", "0036000291452", "96385074"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def company(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[House]:
    name = f"whence_company_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}" template "{migrated_template}" strategy file_copy')
    try:
        async with open_house(postgres_server.database(name)) as house:
            fill(house)
            await house.sync_all()
            yield house
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')


def fill(house: House) -> None:
    erp, wms, pim, crm = (house.systems[name] for name in SOURCES)
    erp.put("100", gtin=KETTLE, sku="KET-1700", brand="Brewster", mpn="KE 1700", label="WASSERKOCHER EDELSTAHL")
    wms.put("A-100", gtin=KETTLE[:-1] + "1", label="Kettle box")
    pim.put("kettle-1700", sku="ket-1700", label="Electric Kettle 1.7 l", short="Kettle")
    erp.put("200", gtin=TOASTER, sku="TOA-2", label="TOASTER")
    pim.put("toaster-2", gtin=TOASTER.lstrip("0"), label="Toaster 2 slots", short="100% crisp_y")
    wms.put("200", label="Loose cord")
    erp.put("r1", gtin=REUSED, label="Reused one")
    erp.put("r2", gtin=REUSED, label="Reused two")
    pim.put("r3", gtin=REUSED, label="Rightful")
    crm.put("T-1", gtin=KETTLE, label="Lid sticks")
    crm.put("T-2", sku="GONE-9", label="Kettle of unknown make")
    for number in range(40):
        pim.put(f"m{number}", sku=f"M-{number}", label="Milk frother" if number % 2 else f"Milk frother No {number}")


def catalogue(house: House) -> Catalogue:
    return Catalogue(house.pool, house.ownership)


async def one(house: House, visible: str = "erp wms pim crm", **lookup: Any) -> Found:
    return (await catalogue(house).find([Lookup(**lookup)], visible.split()))[0]


async def product(house: House, source: str, record_id: str) -> UUID:
    return (await product_ids(house))[RecordKey(source, record_id)]


# ── Looking up ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "lookup",
    [
        {"sku": "KET-1700"},
        {"sku": " ket-1700 "},
        {"sku": "KET\u200b-1700\ufeff"},
        {"gtin": KETTLE},
        {"gtin": f"0{KETTLE}"},
        {"gtin": "4006381 333931"},
        {"record": RecordKey("erp", "100")},
        {"record": RecordKey("wms", "A-100")},
        {"record": RecordKey("crm", "T-1")},
        {"alias": "wasserkocher  edelstahl"},
        {"alias": "Kettle Box"},
        {"alias": "ELECTRIC KETTLE 1.7 L"},
        {"alias": "KET-1700"},
        {"alias": "ke-1700"},
        {"alias": KETTLE},
        {"alias": "kettle-1700"},
        {"alias": "Lid sticks"},
    ],
)
async def test_a_product_is_found_by_whatever_it_is_called(company: House, lookup: dict[str, Any]) -> None:
    assert await one(company, **lookup) == await product(company, "erp", "100")


async def test_a_gtin_that_lost_its_zeros_is_found_with_and_without_them(company: House) -> None:
    for gtin in (TOASTER, TOASTER.lstrip("0"), TOASTER.rjust(14, "0")):
        assert await one(company, gtin=gtin) == await product(company, "pim", "toaster-2")


@pytest.mark.parametrize(
    "lookup",
    [
        {"sku": "KET-1701"},
        {"sku": ""},
        {"sku": "n/a"},
        {"gtin": "4006381333932"},
        {"gtin": "kettle"},
        {"record": RecordKey("pim", "100")},
        {"record": RecordKey("wms", "a-100")},
        {"record": RecordKey("nobody", "100")},
        {"record": RecordKey("erp", "")},
        {"alias": "Kett"},
        {"alias": "x" * (LONGEST_LOOKUP + 1)},
        {"alias": "a\0b"},
        {"sku": "\ud800"},
        {"record": RecordKey("erp", "\ud800")},
        {"id": "100"},
        {"id": "00000000-0000-8000-8000-000000000000"},
    ],
)
async def test_what_nobody_says_finds_nothing(company: House, lookup: dict[str, Any]) -> None:
    assert await one(company, **lookup) is None


async def test_an_id_in_any_case_and_one_that_was_merged(house: House) -> None:
    house.systems["wms"].put("w", gtin=KETTLE)
    await house.sync_all(["wms"])
    before = await product(house, "wms", "w")
    house.systems["erp"].put("e", gtin=KETTLE)
    await house.sync_all(["erp"])
    after = await product(house, "wms", "w")
    assert before != after
    for text in (str(before), str(before).upper(), str(after)):
        assert await one(house, id=text) == after
    for name in ("erp", "wms"):
        house.systems[name].documents.clear()
        await house.sync_all([name])
    assert await one(house, id=str(before)) is None
    assert await catalogue(house).find([Lookup(id=str(before))], ["wms"], past=True) == [after]


@pytest.mark.parametrize(
    "text", ["{00000000-0000-8000-8000-000000000000}", "urn:uuid:" + "0" * 32, "0" * 32, "", "é" * 36]
)
def test_only_an_ids_own_spelling_is_one(text: str) -> None:
    assert parse_id(text) is None


async def test_many_lookups_are_answered_in_their_order(company: House) -> None:
    kettle, toaster = await product(company, "erp", "100"), await product(company, "erp", "200")
    found = await catalogue(company).find(
        [Lookup(sku="TOA-2"), Lookup(sku="nobody's"), Lookup(id=str(kettle)), Lookup(gtin=TOASTER)], ["erp", "pim"]
    )
    assert found == [toaster, None, kettle, toaster]
    assert await catalogue(company).find([], ["erp"]) == []


async def test_a_name_that_two_products_have_is_ambiguous_and_says_which(company: House) -> None:
    found = await one(company, alias="Milk frother")
    assert isinstance(found, Ambiguous)
    assert len(found.products) == 20
    assert await one(company, alias="200") == await product(company, "erp", "200"), "what stands apart does not shadow"


async def test_records_that_stay_apart_are_found_where_nobody_else_is_meant(company: House) -> None:
    assert await one(company, gtin=REUSED) == await product(company, "pim", "r3")
    found = await one(company, "erp", gtin=REUSED)
    assert found == Ambiguous(tuple(sorted([await product(company, "erp", "r1"), await product(company, "erp", "r2")])))
    assert await one(company, alias="Loose cord") == await product(company, "wms", "200")
    assert await one(company, alias="GONE-9") == await product(company, "crm", "T-2")


async def test_only_what_may_be_seen_leads_anywhere(company: House) -> None:
    kettle = await product(company, "erp", "100")
    assert await one(company, "pim", alias="WASSERKOCHER EDELSTAHL") is None
    assert await one(company, "pim", record=RecordKey("erp", "100")) is None
    assert await one(company, "pim", sku="KET-1700") == kettle, "the PIM says so too"
    assert await one(company, "pim", gtin=KETTLE) is None
    assert await one(company, "pim", id=str(kettle)) == kettle
    assert await one(company, "pim", id=str(await product(company, "wms", "200"))) is None


async def test_the_crosswalk_lists_a_products_records_in_the_order_of_sources(company: House) -> None:
    kettle = await product(company, "erp", "100")
    rows = (await crosswalk_of(company.pool, [kettle]))[kettle]
    assert [row.key for row in rows] == [
        RecordKey("erp", "100"),
        RecordKey("wms", "A-100"),
        RecordKey("pim", "kettle-1700"),
        RecordKey("crm", "T-1"),
    ]
    assert [row.linked_by for row in rows] == ["gtin", "gtin", "sku", "gtin"]
    assert rows[2].names == ("Electric Kettle 1.7 l", "Kettle")
    assert {"scheme": "gtin", "value": f"0{KETTLE}", "raw": KETTLE} in rows[0].identifiers


# ── Searching ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def search(house: House, text: str, visible: str = "erp wms pim crm", limit: int = 50) -> list[Hit]:
    return await catalogue(house).search(text, visible.split(), None, limit)


@pytest.mark.parametrize(
    ("text", "source", "scheme", "alias"),
    [
        ("ket-1700", "erp", "sku", "KET-1700"),
        (f"0{KETTLE}", "crm", "gtin", KETTLE),
        ("KE1700", "erp", "mpn", "KE 1700"),
        ("A-100", "wms", "record", "A-100"),
        ("wasserkocher", "erp", "name", "WASSERKOCHER EDELSTAHL"),
        ("edelstahl", "erp", "name", "WASSERKOCHER EDELSTAHL"),
        ("kettle 1.7 electric", "pim", "name", "Electric Kettle 1.7 l"),
        ("wasserkoher edelstal", "erp", "name", "WASSERKOCHER EDELSTAHL"),
        ("lid", "crm", "name", "Lid sticks"),
    ],
)
async def test_the_first_hit_is_the_product_and_says_what_matched_and_whose_it_is(
    company: House, text: str, source: str, scheme: str, alias: str
) -> None:
    first, *_ = await search(company, text)
    assert first.product == await product(company, "erp", "100")
    assert (first.source, first.scheme, first.alias) == (source, scheme, alias)


async def test_better_matches_come_first(company: House) -> None:
    house, texts = company, ["toaster", "Toaster 2", "oast"]
    for text in texts:
        assert (await search(house, text))[0].product == await product(house, "erp", "200")
    exact = (await search(house, "TOA-2"))[0].score
    whole = (await search(house, "Loose cord"))[0].score
    begin = (await search(house, "Loose"))[0].score
    word = (await search(house, "cord"))[0].score
    inside = (await search(house, "oos"))[0].score
    words = (await search(house, "cord loose"))[0].score
    misspelt = (await search(house, "loosse corrd"))[0].score
    assert exact > whole > begin > word > inside > words > misspelt > 0


async def test_wildcards_are_characters_like_any_other(company: House) -> None:
    toaster = await product(company, "erp", "200")
    assert [hit.product for hit in await search(company, "100%")] == [toaster]
    assert [hit.product for hit in await search(company, "crisp_y")] == [toaster]
    for text in ("%", "_", "k_ttle", "1%0", "\\", "%%%"):
        assert all(text in hit.alias for hit in await search(company, text)), text


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "zzzzqqqq", "'; drop table products; --", "\x01", "(" * 300])
async def test_nothing_is_found_by_nothing(company: House, text: str) -> None:
    assert await search(company, text) == []


async def test_a_note_without_a_product_is_found_by_its_identifier_alone(company: House) -> None:
    note = await product(company, "crm", "T-2")
    assert [hit.product for hit in await search(company, "GONE-9")] == [note]
    assert [hit.product for hit in await search(company, "T-2")] == [note]
    assert note not in {hit.product for hit in await search(company, "Kettle of unknown make")}


async def test_a_search_hears_only_those_who_may_be_heard(company: House) -> None:
    assert await search(company, "wasserkocher", "pim") == []
    assert {hit.source for hit in await search(company, "A-100", "pim")} <= {"pim"}
    assert {hit.source for hit in await search(company, "kettle", "pim wms")} <= {"pim", "wms"}


@pytest.mark.parametrize("size", [1, 3, 39, 40])
async def test_pages_of_hits_are_complete_in_order_and_without_doubles(company: House, size: int) -> None:
    whole = await search(company, "milk frother", limit=1000)
    assert len(whole) == 40
    found: list[Hit] = []
    after = None
    while page := await catalogue(company).search("milk frother", ["pim"], after, size):
        found += page
        after = page[-1].score, page[-1].product
        assert len(found) <= len(whole)
    assert found == whole
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert found[0].score > found[-1].score
