"""What catalogues really hold: other scripts, placeholders, ten thousand times the same title, numbers that are no models."""

from __future__ import annotations

from resolvers.matching.candidates import MAX_CANDIDATES
from resolvers.matching.profile import Listing, profile
from resolvers.matching_flow.matcher import Matcher
from resolvers.matching_flow.storing import stored
from sources.ledger.match_records import MOST_CARRIERS, ReadRecord, write_read
from sources.ledger.pairs import LINK
from tests.matching_flow.shops import Shops, product

SCRIPTS = {
    "Greek": "Βραστήρας Αθηνά ανοξείδωτος",
    "Cyrillic": "Чайник электрический Полярис стальной",
    "Chinese": "电热水壶 不锈钢 美的 家用",
    "Japanese": "電気ケトル ステンレス タイガー",
    "Arabic": "غلاية كهربائية ستانلس",
    "Hindi": "इलेक्ट्रिक केतली स्टील",
}


async def test_titles_in_other_scripts_are_matched_by_what_they_share(shops: Shops) -> None:
    shops.stock(60)
    for place, (script, title) in enumerate(SCRIPTS.items()):
        shops.put("shop", script, title=f"{title} ZK{7000 + place * 13}", price="39.90")
        shops.put("wms", script, title=f"ZK{7000 + place * 13} {title}", price="39.90")
        shops.put("wms", f"{script} other", title=title, price="12.00")
    await shops.settle("shop", "wms")
    for script in SCRIPTS:
        assert await shops.verdict(f"shop {script}", f"wms {script}") == LINK
        assert await shops.verdict(f"shop {script}", f"wms {script} other") != LINK


async def test_ten_thousand_identical_titles_cost_what_one_costs(shops: Shops) -> None:
    shops.stock(40)
    await shops.settle("shop", "wms")
    title = "Okanda quiet kettle steel"
    same = stored(profile(Listing("same", title, price=9.99)))
    async with shops.pool.acquire() as connection, connection.transaction():
        for start in range(0, 10_000, 1000):
            rows = [same._replace(record_id=f"same{number}") for number in range(start, start + 1000)]
            await write_read(connection, "wms", rows, [])
    assert await shops.pool.fetchval("select max(carriers) from match_keys") >= 10_000
    assert await shops.pool.fetchval("select max(cardinality(records)) from match_keys") <= MOST_CARRIERS
    shops.put("shop", "one", title=title, price="9.99")
    done = await shops.settle("shop")
    assert done.matched == 1
    assert done.looked_at < 40  # those few that share a word with it and are not the ten thousand
    assert done.compared <= MAX_CANDIDATES


async def test_each_of_many_identical_titles_looks_at_a_few(shops: Shops) -> None:
    shops.stock(40)
    await shops.settle("shop", "wms")
    for number in range(700):
        shops.put("shop", f"same{number}", title="Okanda quiet kettle steel", price="9.99")
    done = await shops.settle("shop")
    assert done.matched >= 700
    assert done.looked_at <= done.matched * 40
    assert done.compared <= done.matched * MAX_CANDIDATES
    # of hundreds that are alike none is linked, and the queue is not flooded
    pairs = {pair: verdict for pair, verdict in (await shops.pairs()).items() if "same" in pair[0]}
    assert LINK not in pairs.values()
    assert len(pairs) <= 4 * 40


async def test_placeholders_join_nobody(shops: Shops) -> None:
    shops.stock(60)
    for number in range(5):
        shops.house.systems["shop"].edit(f"s{number}", gtin="0000000000000", brand="N/A", mpn="n/a")
        shops.house.systems["wms"].edit(f"w{9 - number}", gtin="0000000000000", brand="N/A", mpn="n/a")
    await shops.settle("shop", "wms")
    links = {pair for pair, verdict in (await shops.pairs()).items() if verdict == LINK}
    assert all(left[6:] == right[5:] for left, right in links)
    assert len(links) > 50


async def test_an_empty_brand_is_no_brand(shops: Shops) -> None:
    shops.stock(60)
    brands = ("", " ", "-", "unknown", "N/A")
    for number in range(0, 60, 2):
        shops.house.systems["shop"].edit(f"s{number}", brand=brands[number % 5])
    await shops.settle("shop", "wms")
    links = {pair for pair, verdict in (await shops.pairs()).items() if verdict == LINK}
    assert all(left[6:] == right[5:] for left, right in links)
    assert len(links) > 50


async def test_a_year_or_a_size_is_no_model_number(shops: Shops) -> None:
    shops.stock(60)
    for number in ("2009", "1999", "500 ml", "42"):
        for kind in ("calendar", "almanac", "planner"):
            shops.put("shop", f"year{number}{kind}", title=f"Halloran {kind} {number}")
        for kind in ("bottle", "vase", "candle"):
            shops.put("wms", f"year{number}{kind}", title=f"HALLORAN {kind} {number}")
    await shops.settle("shop", "wms")
    links = [pair for pair, verdict in (await shops.pairs()).items() if verdict == LINK]
    assert not any("year" in left or "year" in right for left, right in links)


async def test_a_strange_title_stops_nothing(shops: Shops) -> None:
    shops.stock(40)
    titles = (
        "",
        "-",
        "x" * 5000,
        "A " * 3000,
        "9" * 400 + " GB",
        "🫖",
        "\u202e\u200b",
        "1e999 kg",
        "' or 1=1 --",
        "%s {0}",
    )
    for number, title in enumerate(titles):
        shops.put("shop", f"strange{number}", title=title)
        shops.put("wms", f"strange{number}", title=title)
    done = await shops.settle("shop", "wms")
    assert done.matched == 80 + 2 * len(titles)
    assert not any((await shops.matcher.waiting()).values())


async def test_with_few_records_it_proposes_and_links_nothing(shops: Shops) -> None:
    shops.stock(12)
    await shops.settle("shop", "wms")
    pairs = await shops.pairs()
    assert set(pairs.values()) == {"REVIEW"}
    assert {(f"shop s{number}", f"wms w{number}") for number in range(12)} <= pairs.keys()
    (about,) = await shops.matcher.learned()
    assert (about.left, about.right, about.provisional, about.left_records) == ("shop", "wms", True, 12)
    # and once there are enough, it learns and links
    shops.stock(30, 12)
    await shops.settle("shop", "wms")
    (about,) = await shops.matcher.learned()
    assert not about.provisional
    assert await shops.verdict("shop s3", "wms w3") == LINK


async def test_a_key_that_many_had_leads_nowhere_even_when_few_have_it(shops: Shops) -> None:
    async with shops.pool.acquire() as connection, connection.transaction():
        rows = [ReadRecord(f"r{number}", b"{}", [7, 1000 + number]) for number in range(MOST_CARRIERS + 1)]
        assert await write_read(connection, "shop", rows[:300], []) == 300
        assert await connection.fetchval("select cardinality(records) from match_keys where key = 7") == 300
        assert await write_read(connection, "shop", rows[300:], []) == len(rows) - 300
        found = await connection.fetchrow("select carriers, records from match_keys where key = 7")
        assert tuple(found) == (MOST_CARRIERS + 1, [])
        assert await write_read(connection, "shop", [], [f"r{number}" for number in range(400)]) == -400
        found = await connection.fetchrow("select carriers, records from match_keys where key = 7")
        assert tuple(found) == (MOST_CARRIERS + 1 - 400, [])
        assert await write_read(connection, "shop", [ReadRecord("r450", b"{}", [8])], []) == 0
        keys = await connection.fetch(
            "select key, carriers, cardinality(records) from match_keys where key in (7, 8, 1450)"
        )
        assert {tuple(row) for row in keys} == {(7, MOST_CARRIERS - 400, 0), (8, 1, 1)}


async def test_a_matcher_of_another_map_keeps_out(shops: Shops) -> None:
    shops.stock(40)
    await shops.sync("shop", "wms")
    await shops.pool.execute(
        "insert into map_versions (digest, taken_at, declared, effects) values ('another', now(), '{}', '{}')"
    )
    assert (await Matcher(shops.pool, shops.house.ownership).catch_up()).read == 0


def test_products_differ() -> None:
    assert len({product(number)["model"] for number in range(400)}) == 400
