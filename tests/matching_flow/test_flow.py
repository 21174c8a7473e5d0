"""What syncs bring is matched behind them: linked, proposed or left, and what moves is matched anew."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolvers.deciding import Deciding
from resolvers.matching_flow import lots, matcher, reading
from resolvers.matching_flow.matcher import Matcher
from sources.contract import RecordKey
from sources.ledger.match_pairs import pairs_of
from sources.ledger.match_records import make_stale, present_records
from sources.ledger.pairs import APART, LINK, REVIEW, SAME, Pair
from tests.matching_flow.shops import Shops, product

LINKS = 0.9


async def links(shops: Shops) -> set[tuple[str, str]]:
    return {pair for pair, verdict in (await shops.pairs()).items() if verdict == LINK}


def true(start: int, end: int) -> set[tuple[str, str]]:
    return {(f"shop s{number}", f"wms w{number}") for number in range(start, end)}


async def test_records_without_a_shared_key_become_one_product(shops: Shops) -> None:
    shops.stock(60)
    done = await shops.settle()
    assert done.read == done.matched == 120
    found = await links(shops)
    assert found <= true(0, 60)
    assert len(found) >= LINKS * 60
    for left, right in found:
        assert await shops.one_product(left, right)
    row = await shops.pool.fetchrow("select * from match_pairs where verdict = 'LINK' limit 1")
    assert row is not None
    assert row["rule_version"].startswith("matching 1.")
    assert 0.9 < row["probability"] <= 1
    first = row["findings"][0]
    assert set(first) == {"comparison", "outcome", "weight", "accident"}
    assert first["comparison"] == "model number"
    assert first["weight"] > 3
    assert not any((await shops.matcher.waiting()).values())


async def test_nothing_is_matched_without_the_table(shops: Shops) -> None:
    shops.rewire(("[identity.matching]\n", ""))
    shops.stock(40)
    done = await shops.settle()
    assert (done.read, done.matched) == (0, 0)
    assert not await shops.pairs()
    shops.rewire(("[identity.matching]\n", "[identity.matching]\non = false\n"))
    assert (await shops.matcher.catch_up()).read == 0
    assert await shops.matcher.waiting() == {}


async def test_a_record_that_comes_later_is_matched_alone(shops: Shops) -> None:
    shops.stock(60, shop=False)
    shops.stock(55, wms=False)
    await shops.settle()
    shops.stock(1, 57, wms=False)
    done = await shops.settle("shop")
    assert done.read == done.matched == 1
    assert await shops.verdict("shop s57", "wms w57") == LINK
    assert await shops.one_product("shop s57", "wms w57")


async def test_a_record_that_changes_loses_its_partner_and_finds_another(shops: Shops) -> None:
    shops.stock(60)
    await shops.settle()
    assert await shops.verdict("shop s7", "wms w7") == LINK
    other = product(70)
    shops.put("wms", "w7", title=f"{other['maker']} {other['model']} {other['kind']}", price=other["price"])
    shops.stock(1, 70, wms=False)
    await shops.settle()
    assert await shops.verdict("shop s7", "wms w7") is None
    assert not await shops.one_product("shop s7", "wms w7")
    assert await shops.one_product("shop s70", "wms w7")


async def test_a_name_alone_that_changes_counts_too(shops: Shops) -> None:
    # the wholesaler has no field for a name: only what it calls its articles
    for number in range(40):
        one = product(number)
        shops.put("hall", f"h{number}", label=f"{one['maker']} {one['kind']} {one['model']}")
    shops.stock(40, wms=False)
    shops.put("hall", "h3", label="something else altogether")
    await shops.settle()
    assert await shops.verdict("hall h3", "shop s3") is None
    one = product(3)
    shops.put("hall", "h3", label=f"{one['maker']} {one['kind']} {one['model']}")
    await shops.sync("hall")
    assert (await shops.matcher.waiting())["hall"] == 1
    await shops.matcher.catch_up()
    assert await shops.verdict("hall h3", "shop s3") == LINK


async def test_a_record_that_is_gone_leaves_its_pair_and_comes_back_to_it(shops: Shops) -> None:
    shops.stock(60)
    await shops.settle()
    before = await shops.product("shop s5")
    columns = dict(shops.drop("wms", "w5"))
    await shops.settle("wms")
    assert await shops.verdict("shop s5", "wms w5") is None
    assert await shops.pool.fetchval("select count(*) from match_records where record_id = 'w5'") == 0
    numbers = await shops.pool.fetchval("select count(*) from match_keys where source = 'wms' and carriers < 1")
    assert numbers == 0
    shops.put("wms", **{"record_id": columns.pop("id"), **columns})
    await shops.settle("wms")
    assert await shops.verdict("shop s5", "wms w5") == LINK
    assert await shops.product("wms w5") == await shops.product("shop s5") == before


async def beside(shops: Shops, system: str) -> None:
    """A sync that begins now, and is done unless it must wait."""
    task = asyncio.create_task(shops.sync(system))
    _SYNCS.append(task)
    await asyncio.wait([task], timeout=0.5)


_SYNCS: list[asyncio.Task[None]] = []


async def test_a_record_that_comes_back_while_its_pairs_are_forgotten_is_not_linked_by_them(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops.stock(60)
    await shops.settle()
    shops.drop("wms", "w5")
    await shops.sync("wms")
    whole = pairs_of

    async def meanwhile(*arguments: Any) -> Any:
        found = await whole(*arguments)
        shops.put("wms", "w5", title="a thing of another kind")
        await beside(shops, "wms")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(reading, "pairs_of", meanwhile)
        await shops.matcher.catch_up()
    await _SYNCS.pop()
    await shops.matcher.catch_up()
    assert await shops.verdict("shop s5", "wms w5") is None
    assert not await shops.one_product("shop s5", "wms w5")


async def test_a_name_that_changes_while_it_is_read_is_read_again(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        one = product(number)
        shops.put("hall", f"h{number}", label=f"{one['maker']} {one['kind']} {one['model']}")
    shops.stock(40, wms=False)
    await shops.settle()
    assert await shops.verdict("hall h3", "shop s3") == LINK
    await make_stale_now(shops, "h3")
    whole = present_records

    async def meanwhile(*arguments: Any) -> Any:
        found = await whole(*arguments)
        if not _SYNCS:
            shops.put("hall", "h3", label="something else altogether")
            await beside(shops, "hall")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(reading, "present_records", meanwhile)
        await shops.matcher.catch_up()
    await _SYNCS.pop()
    await shops.matcher.catch_up()
    assert await shops.verdict("hall h3", "shop s3") is None


async def make_stale_now(shops: Shops, record: str) -> None:
    async with shops.pool.acquire() as connection:
        await make_stale(connection, "hall", [record])


async def test_who_left_before_all_is_read_anew_is_forgotten_too(shops: Shops) -> None:
    shops.stock(40)
    await shops.settle()
    shops.drop("wms", "w5")
    shops.rewire(("[identity.matching]\n", '[identity.matching]\nattributes = ["brand"]\n'))
    await shops.settle()
    assert await shops.pool.fetchval("select count(*) from match_records where record_id = 'w5'") == 0
    assert await shops.verdict("shop s5", "wms w5") is None


async def test_a_stronger_record_takes_the_partner(shops: Shops) -> None:
    shops.stock(60)
    one = product(9)
    # the warehouse's true record is missing; a poorer one stands there
    shops.put("wms", "w9", title=f"{one['maker']} {one['kind']} {one['model'][:-1]}", price=one["price"])
    await shops.settle()
    first = await shops.verdict("shop s9", "wms w9")
    shops.put("wms", "w99", title=f"{one['maker']} {one['word']} {one['kind']} {one['model']}", price=one["price"])
    await shops.settle("wms")
    assert await shops.verdict("shop s9", "wms w99") == LINK
    assert first in (LINK, REVIEW)
    assert await shops.verdict("shop s9", "wms w9") != LINK
    assert not await shops.one_product("shop s9", "wms w9")


async def test_what_keys_join_is_not_matched(shops: Shops) -> None:
    shops.stock(60)
    # w1 is s1 by its look, and s2 by its key
    shops.put("shop", "s2", title="an entirely different thing", sku="K-2")
    one = product(1)
    shops.put("wms", "w1", title=f"{one['maker']} {one['model']} {one['kind']}", price=one["price"], sku="K-2")
    await shops.settle()
    assert await shops.one_product("shop s2", "wms w1")
    assert not any("wms w1" in pair for pair in await shops.pairs())
    # and once the key is gone, the look counts again
    shops.put("shop", "s2", title="an entirely different thing")
    await shops.settle("shop")
    shops.put("wms", "w1", title=f"{one['maker']} {one['model']} {one['kind']}", price=one["price"])
    await shops.settle("wms")
    assert await shops.one_product("shop s1", "wms w1")


async def test_a_key_that_could_not_join_is_a_question_for_a_person(shops: Shops) -> None:
    shops.stock(60)
    gtin = "4006381333931"
    for number in (11, 12):
        shops.house.systems["shop"].edit(f"s{number}", gtin=gtin)
    shops.house.systems["wms"].edit("w11", gtin=gtin)
    await shops.settle()
    found = await shops.pairs()
    assert found["shop s11", "wms w11"] == REVIEW  # the reused GTIN, with both that have it
    assert found["shop s12", "wms w11"] == REVIEW


@pytest.mark.parametrize("undo", [False, True])
async def test_what_a_person_rejected_is_not_proposed_again(shops: Shops, undo: bool) -> None:
    shops.stock(60)
    await shops.sync()
    await shops.decide("shop s4", "wms w4", APART, undo=undo)
    await shops.matcher.catch_up()
    assert await shops.verdict("shop s4", "wms w4") == (LINK if undo else None)


async def test_a_pair_that_a_person_decided_on_is_not_removed(shops: Shops) -> None:
    shops.stock(60)
    await shops.settle()
    await shops.decide("shop s4", "wms w4", SAME)
    shops.put("wms", "w4", title="a thing of another kind")
    await shops.settle("wms")
    assert await shops.verdict("shop s4", "wms w4") == LINK


async def test_two_processes_do_not_match_at_once_and_nothing_is_lost(shops: Shops) -> None:
    shops.stock(60)
    await shops.sync()
    other = Matcher(shops.pool, shops.house.ownership)
    one, two = await asyncio.gather(shops.matcher.catch_up(), other.catch_up())
    assert sorted([one.elsewhere, two.elsewhere]) == [False, True]
    assert one.matched + two.matched == 120
    assert len(await links(shops)) >= LINKS * 60


async def test_a_matcher_that_died_is_followed_by_another(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    shops.stock(60)
    await shops.sync()
    monkeypatch.setattr(matcher, "LOT", 25)
    whole, count = lots.LotMatching.match, 0

    async def dies(*arguments: object, **named: object) -> object:
        nonlocal count
        count += 1
        if count == 3:
            raise RuntimeError("killed")
        return await whole(*arguments, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(lots.LotMatching, "match", dies)
        with pytest.raises(RuntimeError, match="killed"):
            await shops.matcher.catch_up()
    left = sum((await shops.matcher.waiting()).values())
    assert left == 120 - 2 * 25
    done = await Matcher(shops.pool, shops.house.ownership).catch_up()
    assert (done.read, done.matched) == (0, left)
    assert len(await links(shops)) >= LINKS * 60


async def test_a_lot_does_not_write_over_what_moved_meanwhile(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    shops.stock(60)
    await shops.sync()
    whole, write = lots.LotMatching.match, Matcher._write
    moved = False
    written: list[dict[tuple[str, str], str]] = []

    async def watched(*arguments: Any) -> None:
        await write(*arguments)
        written.append(await shops.pairs())

    async def meanwhile(*arguments: object, **named: object) -> object:
        nonlocal moved
        found = await whole(*arguments, **named)  # type: ignore[arg-type]
        if not moved:
            moved = True
            shops.put("wms", "w8", title="a thing of another kind")
            shops.drop("wms", "w9")
            await shops.sync("wms")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(lots.LotMatching, "match", meanwhile)
        patched.setattr(Matcher, "_write", watched)
        await shops.matcher.catch_up()
    assert len(written[0]) > 40
    assert not any({"wms w8", "wms w9"} & {*pair} for pair in written[0])
    assert await shops.verdict("shop s8", "wms w8") is None
    assert await shops.verdict("shop s9", "wms w9") is None
    await shops.matcher.catch_up()
    assert not await shops.one_product("shop s8", "wms w8")
    assert not any((await shops.matcher.waiting()).values())
    assert len(await links(shops)) >= LINKS * 58


async def test_a_map_that_is_superseded_meanwhile_links_nothing_more(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    shops.stock(60)
    await shops.sync()
    monkeypatch.setattr(matcher, "LOT", 25)
    whole, lot = lots.LotMatching.match, 0

    async def meanwhile(*arguments: object, **named: object) -> object:
        nonlocal lot
        found = await whole(*arguments, **named)  # type: ignore[arg-type]
        lot += 1
        if lot == 2:
            await shops.pool.execute(
                "insert into map_versions (digest, taken_at, declared, effects) values ('another', now(), '{}', '[]')"
            )
        return found

    monkeypatch.setattr(lots.LotMatching, "match", meanwhile)
    done = await shops.matcher.catch_up()
    assert (lot, done.matched) == (2, 25)
    assert (await shops.matcher.waiting())["wms"] == 60


async def test_the_order_in_which_catalogues_come_matters_little(shops: Shops) -> None:
    shops.stock(60, shop=False)
    await shops.settle("wms")
    shops.stock(30, wms=False)
    await shops.settle("shop")
    shops.stock(30, 30, wms=False)
    await shops.settle("shop")
    found = await links(shops)
    assert found <= true(0, 60)
    assert len(found) >= LINKS * 60


async def test_another_way_to_read_records_has_all_read_anew(shops: Shops) -> None:
    shops.stock(40)
    await shops.settle()
    shops.rewire(("[identity.matching]\n", '[identity.matching]\nattributes = ["brand"]\n'))
    assert (await shops.matcher.waiting()) == {"shop": 40, "wms": 40, "hall": 0}
    await shops.sync("shop")  # which takes the map into use
    done = await shops.matcher.catch_up()
    assert (done.read, done.matched) == (80, 80)
    assert (await shops.matcher.catch_up()).read == 0


async def test_other_thresholds_are_learned_and_all_is_judged_anew(shops: Shops) -> None:
    shops.stock(40)
    await shops.settle()
    shops.rewire(("[identity.matching]\n", "[identity.matching]\nlink = 1.0\n"))
    await shops.sync("shop")
    done = await shops.matcher.catch_up()
    assert (done.read, done.matched) == (0, 80)
    assert await shops.pool.fetchval("select count(*) from match_models") == 2


async def test_who_loses_its_partner_looks_for_another(shops: Shops) -> None:
    shops.stock(60)
    one = product(9)
    # beside its true partner it is nothing; without that one it may be it
    shops.put("wms", "second", title=f"{one['maker']} {one['word']} {one['kind']}", price=one["price"])
    await shops.settle()
    assert await shops.verdict("shop s9", "wms w9") == LINK
    assert await shops.verdict("shop s9", "wms second") is None
    shops.put("wms", "w9", title="a thing of another kind")
    done = await shops.settle("wms")
    assert (done.read, done.matched) == (1, 2)
    assert await shops.verdict("shop s9", "wms second") in (LINK, REVIEW)


async def test_what_a_person_decides_has_those_concerned_compared_again(shops: Shops) -> None:
    """A rejection outlives syncs and learning anew; undone, the pair is found again."""
    shops.stock(60)
    await shops.settle()
    assert await shops.one_product("shop s7", "wms w7")
    ownership = shops.house.ownership
    deciding = Deciding(shops.pool, ownership, ownership.sources.keys())
    pair = Pair.of(RecordKey("shop", "s7"), RecordKey("wms", "w7"))
    done = await deciding.reject(pair, "ana", "another colour")
    assert not await shops.one_product("shop s7", "wms w7")
    assert sum((await shops.matcher.waiting()).values()) == 2
    await shops.settle()
    await shops.pool.execute("delete from match_models")
    shops.put("wms", "w7", title=product(7)["model"], price=product(7)["price"])
    await shops.settle()
    assert not await shops.one_product("shop s7", "wms w7")
    shops.stock(1, 7)
    await shops.settle()
    await deciding.undo(done.action, "ana", None)
    await shops.settle()
    assert await shops.one_product("shop s7", "wms w7")
    assert await shops.verdict("shop s7", "wms w7") == LINK
