"""Decisions on a real ledger: they hold against keys, syncs and time, name what they override, and can be undone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest

from resolvers.deciding import Deciding, relink_records
from resolvers.lookup import Lookup, look_up
from resolvers.refusals import Refused
from sources.contract import RecordKey
from sources.ledger.pairs import SAME, Pair, decision_history
from sources.ledger.winners import keep_records_still
from tests.resolvers.ledger_invariants import check_ledger, check_winners, links, product_ids
from tests.resolvers.memory_source import House

GTIN, OTHER = "4006381333931", "96385074"
ERP, WMS, PIM, CRM = (RecordKey(name, name[0]) for name in ("erp", "wms", "pim", "crm"))


def deciding(house: House, *visible: str) -> Deciding:
    return Deciding(house.pool, house.ownership, frozenset(visible or house.ownership.sources))


async def put(house: House, **records: dict[str, str]) -> None:
    """One record a system, by its name's first letter, and synced."""
    for name, columns in records.items():
        house.systems[name].put(name[0], **columns)
    await house.sync_all()


async def matched(house: House, one: RecordKey, other: RecordKey, verdict: str, probability: float = 0.99) -> Pair:
    """What matching would write, and links by."""
    pair = Pair.of(one, other)
    findings = [{"comparison": "names", "outcome": "alike", "weight": 9.5, "accident": 0.001}]
    async with house.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "insert into match_pairs values ($1, $2, $3, $4, $5, $6, $7, 'v1', $8) on conflict (left_source, left_record, "
            "right_source, right_record) do update set probability = excluded.probability, verdict = excluded.verdict",
            *pair.left, *pair.right, probability, verdict, findings, datetime.now(UTC),
        )  # fmt: skip
        await relink_records(connection, list(pair), house.ownership)
    return pair


async def groups(house: House) -> set[str]:
    """The products, spelt by their records: "e w" is one of the ERP's e and the warehouse's w."""
    ids = await product_ids(house)
    return {" ".join(sorted(key.id for key in ids if ids[key] == product)) for product in set(ids.values())}


async def refused(awaitable: object) -> Refused:
    with pytest.raises(Refused) as caught:
        await awaitable  # type: ignore[misc]
    return caught.value


async def meaning(house: House, *ids: UUID) -> list[object]:
    """What ids of products mean now."""
    return list(await look_up(house.pool, [Lookup(id=str(one)) for one in ids], list(house.ownership.sources)))


# ── Matching ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_matching_links_is_one_product_and_says_why(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"}, pim={"sku": "A"})
    pair = await matched(house, ERP, WMS, "LINK", 0.98)
    assert await groups(house) == {"e w", "p"}
    (row,) = await house.pool.fetch("select * from crosswalk where source = 'erp'")
    assert (row["linked_by"], row["confidence"], row["rule_version"]) == ("matching", 0.98, "v1")
    assert row["evidence"]["with"] == list(WMS)
    assert row["evidence"]["findings"][0]["weight"] == 9.5
    await check_ledger(house)
    await house.pool.execute("update match_pairs set verdict = 'REVIEW'")
    async with house.pool.acquire() as connection, connection.transaction():
        await relink_records(connection, list(pair), house.ownership)
    assert await groups(house) == {"e", "w", "p"}
    assert await house.pool.fetchval("select count(*) from crosswalk where evidence is not null") == 0
    await check_ledger(house)


async def test_keys_go_before_matching_and_matching_tears_nobody(house: House) -> None:
    house.systems["erp"].put("e2", gtin=GTIN)
    await put(house, erp={"label": "Kettle"}, wms={"gtin": GTIN})
    await matched(house, ERP, WMS, "LINK")
    assert await groups(house) == {"e", "e2 w"}
    assert {link.reason for key, (_, link) in (await links(house)).items() if key != ERP} == {None}
    await check_ledger(house)


async def test_of_two_matches_that_cannot_both_be_the_surer_links(house: House) -> None:
    house.systems["erp"].put("e2", label="Kettle")
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    await matched(house, ERP, WMS, "LINK", 0.97)
    await matched(house, RecordKey("erp", "e2"), WMS, "LINK", 0.99)
    assert await groups(house) == {"e", "e2 w"}
    await check_ledger(house)


async def test_a_key_that_comes_later_is_what_links_from_then_on(house: House) -> None:
    await put(house, erp={"gtin": GTIN}, wms={"label": "Kettle"})
    await matched(house, ERP, WMS, "LINK", 0.98)
    house.systems["pim"].put("p", gtin=GTIN)
    await house.sync_all(["pim"])
    by = {key.source: link.linked_by for key, (_, link) in (await links(house)).items()}
    assert by == {"erp": "gtin", "wms": "matching", "pim": "gtin"}
    assert await house.pool.fetchval("select confidence from crosswalk where source = 'erp'") == 1
    assert await house.pool.fetchval("select evidence from crosswalk where source = 'erp'") is None
    await check_ledger(house)


# ── Confirm and reject ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_confirmed_pair_is_one_product_and_says_who_said_so(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Wasserkocher"})
    done = await deciding(house).confirm(Pair.of(ERP, WMS), "Ada", "the same carton")
    assert await groups(house) == {"e w"}
    (row,) = await house.pool.fetch("select * from crosswalk where source = 'wms'")
    assert (row["linked_by"], row["confidence"]) == ("person", 1.0)
    evidence = row["evidence"]
    assert (evidence["by"], evidence["why"], evidence["with"]) == ("Ada", "the same carton", list(ERP))
    assert evidence["decision"] == str(done.decisions[0].id)
    assert len(done.products) == 1
    await check_ledger(house)
    again = await refused(deciding(house).confirm(Pair.of(ERP, WMS), "Bob", None))
    assert (again.code, "Ada" in str(again)) == ("DECIDED", True)


async def test_a_rejected_pair_never_links_however_sure_matching_and_keys_are(house: House) -> None:
    await put(house, erp={"gtin": GTIN}, wms={"gtin": GTIN}, pim={"gtin": GTIN})
    pair = await matched(house, ERP, WMS, "LINK")
    assert await groups(house) == {"e p w"}
    await deciding(house).reject(pair, "Ada", None)
    assert await groups(house) == {"e", "p", "w"}, "nobody said which of the two the third is"
    told = (await links(house))[ERP][1].reason
    assert told == "GTIN 04006381333931 would join erp e and wms w, which a person keeps apart"
    await check_ledger(house)
    await house.sync_all()
    house.systems["erp"].edit("e", stock=1)
    house.systems["wms"].edit("w", sku="A")
    house.systems["erp"].edit("e", sku="A")
    await house.sync_all()
    assert await groups(house) == {"e", "p", "w"}
    await check_ledger(house)


async def test_apart_holds_over_any_distance(house: House) -> None:
    await put(house, erp={"gtin": GTIN}, wms={"gtin": GTIN, "sku": "A"}, pim={"sku": "A"})
    await deciding(house).reject(Pair.of(ERP, PIM), "Ada", None)
    assert await groups(house) == {"e w", "p"}, "the stronger key goes first"
    assert "which a person keeps apart" in str((await links(house))[WMS][1].reason)
    await check_ledger(house)


async def test_decisions_hold_while_a_record_is_gone_and_when_it_comes_back(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"}, pim={"gtin": GTIN})
    house.systems["crm"].put("c", gtin=GTIN)
    await house.sync_all()
    await deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None)
    await deciding(house).reject(Pair.of(PIM, CRM), "Ada", "about another one")
    assert await groups(house) == {"e w", "p", "c"}
    ids = await product_ids(house)
    for name in ("erp", "pim", "crm"):
        was = house.systems[name].drop(name[0])
        await house.sync_all([name])
        assert name[0] not in " ".join(await groups(house))
        await check_ledger(house)
        house.systems[name].put(name[0], **was)
        await house.sync_all([name])
        await check_ledger(house)
    assert await groups(house) == {"e w", "p", "c"}
    assert await product_ids(house) == ids
    house.systems["erp"].drop("e")
    house.systems["pim"].drop("p")
    await house.sync_all()
    gone = await deciding(house).reject(Pair.of(ERP, PIM), "Ada", "said of records that are both gone")
    assert (gone.products, len(gone.decisions)) == ([], 1)
    await check_ledger(house)


async def test_the_later_of_two_opposite_words_holds_and_names_the_earlier(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    pair = Pair.of(ERP, WMS)
    first = await deciding(house).confirm(pair, "Ada", None)
    second = await deciding(house).reject(pair, "Bob", "another plug")
    assert [one.id for one in second.overrides] == [first.decisions[0].id]
    assert await groups(house) == {"e", "w"}
    back = await deciding(house).undo(second.decisions[0].id, "Cleo", "same plug")
    assert (back.decisions[0].undone_by, back.decisions[0].undone_why) == ("Cleo", "same plug")
    assert await groups(house) == {"e w"}, "what was said before holds again"
    history = await decision_history(house.pool, product=back.products[0], visible=["erp", "wms"], limit=10)
    assert [(one.by, one.in_effect) for one in history] == [("Bob", False), ("Ada", True)]
    assert (await refused(deciding(house).undo(second.action, "Dan", None))).code == "UNDONE"
    await check_ledger(house)


async def test_a_clock_that_was_set_back_makes_no_later_word_an_earlier_one(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    first = await deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None)
    await house.pool.execute("update match_decisions set decided_at = decided_at + interval '1 day'")
    second = await deciding(house).reject(Pair.of(ERP, WMS), "Bob", None)
    assert [one.id for one in second.overrides] == [first.decisions[0].id]
    assert await groups(house) == {"e", "w"}
    assert second.decisions[0].in_effect
    await check_ledger(house)


async def test_two_people_who_decide_opposite_things_at_once_take_turns(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    pair = Pair.of(ERP, WMS)
    done = await asyncio.gather(
        *(deciding(house).confirm(pair, f"A{n}", None) for n in range(2)),
        *(deciding(house).reject(pair, f"B{n}", None) for n in range(2)),
        return_exceptions=True,
    )
    rows = await house.pool.fetch("select id, verdict, decided_at from match_decisions order by decided_at")
    assert len(rows) == len([one for one in done if not isinstance(one, Refused)]) >= 2
    assert all(isinstance(one, Refused) and one.code == "DECIDED" for one in done if isinstance(one, BaseException))
    by_id = {one.decisions[0].id: one for one in done if not isinstance(one, BaseException)}
    for before, after in pairwise(rows):
        assert before["verdict"] != after["verdict"]
        assert [one.id for one in by_id[after["id"]].overrides] == [before["id"]]
    assert await groups(house) == ({"e w"} if rows[-1]["verdict"] == SAME else {"e", "w"})
    await check_ledger(house)


async def test_who_decides_waits_for_a_batch_and_a_batch_for_who_decides(house: House) -> None:
    for number in range(60):
        house.systems["erp"].put(f"e{number}", sku=f"S{number}", stock=0)
        house.systems["wms"].put(f"w{number}", label="Kettle")
    house.systems["erp"].page = house.systems["wms"].page = 5
    await house.sync_all()
    for number in range(60):
        house.systems["erp"].edit(f"e{number}", sku=f"T{number}", stock=1)
    pairs = [Pair.of(RecordKey("erp", f"e{n}"), RecordKey("wms", f"w{n}")) for n in range(0, 60, 4)]

    async def decide() -> None:
        for pair in pairs:
            await deciding(house).confirm(pair, "Ada", None)

    async with asyncio.timeout(60):
        await asyncio.gather(decide(), house.sync("erp"), house.sync("wms"))
    assert {f"e{n} w{n}" for n in range(0, 60, 4)} <= await groups(house)
    await check_ledger(house)


async def test_a_pair_of_one_catalogue_and_one_of_notes_are_refused(house: House) -> None:
    house.systems["crm"].put("c2", text="x")
    await put(house, erp={"label": "Kettle"}, crm={"text": "x"})
    house.systems["erp"].put("e2", label="Kettle")
    await house.sync_all()
    same_source = await refused(deciding(house).confirm(Pair.of(ERP, RecordKey("erp", "e2")), "Ada", None))
    assert (same_source.code, "erp e and erp e2" in str(same_source)) == ("TWO_OF_ONE_SOURCE", True)
    notes = await refused(deciding(house).confirm(Pair.of(CRM, RecordKey("crm", "c2")), "Ada", None))
    assert notes.code == "ONLY_NOTES"
    assert (await refused(deciding(house).reject(Pair.of(CRM, RecordKey("crm", "c2")), "Ada", None))).code == notes.code
    nobody = await refused(deciding(house).confirm(Pair.of(ERP, RecordKey("wms", "?")), "Ada", None))
    assert nobody.code == "NOT_FOUND"
    hidden = await refused(deciding(house, "erp").reject(Pair.of(ERP, CRM), "Ada", None))
    assert (hidden.code, str(hidden)) == ("NOT_FOUND", "There is no record crm c.")
    assert await house.pool.fetchval("select count(*) from match_decisions") == 0


async def test_a_confirmation_that_would_pull_a_record_from_its_product_is_refused(house: House) -> None:
    house.systems["erp"].put("e2", gtin=GTIN)
    await put(house, erp={"label": "Kettle"}, wms={"gtin": GTIN})
    found = await refused(deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None))
    assert found.code == "TWO_OF_ONE_SOURCE"
    assert found.details["records"] == [{"source": "erp", "recordId": one} for one in ("e", "e2")]
    assert await groups(house) == {"e", "e2 w"}
    product = (await product_ids(house))[WMS]
    await deciding(house).split(product, [WMS], "Ada", None)
    await deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None)
    assert await groups(house) == {"e w", "e2"}
    await check_ledger(house)


async def test_a_persons_word_is_kept_when_a_key_comes_that_contradicts_it(house: House) -> None:
    house.systems["erp"].put("e2", label="Kettle")
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"}, pim={"label": "Kettle"})
    await deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None)
    for name, record_id in (("erp", "e2"), ("wms", "w"), ("pim", "p")):
        house.systems[name].edit(record_id, gtin=GTIN)
    await house.sync_all()
    assert await groups(house) == {"e w", "e2 p"}, "the key joins the others, and takes nobody away"
    assert "would join erp e and erp e2" in str((await links(house))[WMS][1].reason)
    await check_ledger(house)


# ── Notes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_note_is_about_what_a_person_says_and_not_about_what_it_is_kept_apart_from(house: House) -> None:
    await put(house, erp={"sku": "A"}, wms={"sku": "B"}, crm={"sku": "A", "text": "Lid sticks"})
    assert await groups(house) == {"c e", "w"}
    said = await deciding(house).confirm(Pair.of(WMS, CRM), "Ada", None)
    assert await groups(house) == {"e", "c w"}
    await check_ledger(house)
    await deciding(house).undo(said.action, "Ada", None)
    await deciding(house).reject(Pair.of(ERP, CRM), "Ada", None)
    assert await groups(house) == {"e", "w", "c"}
    assert "a person keeps it apart from the product that has SKU a" in str((await links(house))[CRM][1].reason)
    await check_ledger(house)
    house.systems["wms"].edit("w", sku="A")
    await house.sync_all(["wms"])
    assert await groups(house) == {"e w", "c"}
    await check_ledger(house)


# ── Merge, split, undo ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_merge_leads_old_ids_on_and_undoing_it_gives_each_part_its_id_back(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"gtin": GTIN}, pim={"gtin": GTIN})
    house.systems["crm"].put("c", gtin=GTIN)
    await house.sync_all()
    before = await product_ids(house)
    await house.readying.catch_up()
    done = await deciding(house).merge([before[WMS], before[ERP]], "Ada", "one carton")
    assert await groups(house) == {"c e p w"}
    assert [one.kind for one in done.decisions] == ["merge"], "as few pairs as hold them together"
    (whole,) = done.products
    assert await meaning(house, before[ERP], before[WMS]) == [whole, whole]
    await check_ledger(house)
    await house.sync_all()
    assert await groups(house) == {"c e p w"}
    await house.readying.catch_up()
    await deciding(house).undo(done.action, "Bob", None)
    assert await groups(house) == {"e", "c p w"}
    assert await product_ids(house) == before
    assert await meaning(house, before[ERP], before[WMS]) == [before[ERP], before[WMS]]
    await check_ledger(house)


async def test_ids_merged_long_before_lead_back_with_their_founder(house: House) -> None:
    await put(house, wms={"label": "Kettle"}, pim={"label": "Kettle"})
    ids = await product_ids(house)
    await deciding(house).merge([ids[WMS], ids[PIM]], "Ada", None)
    await put(house, erp={"label": "Kettle"})
    ids |= await product_ids(house) | {key: ids[key] for key in ids}
    top = await deciding(house).merge([ids[ERP], ids[WMS]], "Ada", None)
    assert len(set(map(str, await meaning(house, *ids.values())))) == 1
    await deciding(house).undo(top.action, "Ada", None)
    assert await meaning(house, ids[ERP], ids[WMS], ids[PIM]) == [ids[ERP], ids[WMS], ids[WMS]]
    await check_ledger(house)


async def test_cyclic_merges_are_told_that_they_are_one_already(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"}, pim={"label": "Kettle"})
    ids = await product_ids(house)
    await deciding(house).merge([ids[ERP], ids[WMS]], "Ada", None)
    for again in ([ids[WMS], ids[ERP]], [ids[ERP], ids[ERP]], [ids[WMS], ids[WMS]]):
        found = await refused(deciding(house).merge(again, "Bob", None))
        assert found.code == "SAME_PRODUCT"
    assert "was merged into" in str(found)
    await deciding(house).merge([ids[WMS], ids[PIM]], "Ada", None)
    assert await groups(house) == {"e p w"}, "by an id that was merged, what it was merged into"
    assert (await refused(deciding(house).merge([ids[ERP], UUID(int=5)], "Ada", None))).code == "NOT_FOUND"
    await check_ledger(house)


async def test_products_with_two_records_of_one_catalogue_are_not_merged(house: House) -> None:
    house.systems["erp"].put("e2", gtin=OTHER)
    house.systems["wms"].put("w2", gtin=OTHER)
    await put(house, erp={"gtin": GTIN}, wms={"gtin": GTIN})
    ids = await product_ids(house)
    found = await refused(deciding(house).merge([ids[ERP], ids[RecordKey("erp", "e2")]], "Ada", None))
    assert found.code == "TWO_OF_ONE_SOURCE"
    assert all(name in str(found) for name in ("erp e and erp e2", "wms w and wms w2", "splitProduct"))
    seen = await refused(deciding(house, "erp").merge([ids[ERP], ids[RecordKey("erp", "e2")]], "Ada", None))
    assert "wms" not in str(seen), "what its asker does not see"
    assert await house.pool.fetchval("select count(*) from match_decisions") == 0


async def test_a_split_keeps_its_sides_apart_whatever_key_they_share(house: House) -> None:
    await put(house, erp={"gtin": GTIN}, wms={"gtin": GTIN}, pim={"gtin": GTIN}, crm={"gtin": GTIN, "text": "x"})
    product = (await product_ids(house))[ERP]
    done = await deciding(house).split(product, [ERP], "Ada", "another plug")
    assert await groups(house) == {"e", "c p w"}, "the others stay together, with what was said of them"
    ids = await product_ids(house)
    assert ids[WMS] == product != ids[ERP]
    await check_ledger(house)
    house.systems["erp"].edit("e", sku="A", brand="Brewster", mpn="KE 1")
    house.systems["pim"].edit("p", sku="A", brand="Brewster", mpn="KE 1")
    await house.sync_all()
    assert await groups(house) == {"e", "c p w"}
    await check_ledger(house)
    merged = await deciding(house).merge([ids[ERP], ids[WMS]], "Bob", None)
    assert {one.id for one in merged.overrides} == {
        one.id for one in done.decisions if RecordKey("crm", "c") not in one.pair
    } | {one.id for one in done.decisions if CRM in one.pair}
    assert await groups(house) == {"c e p w"}
    await check_ledger(house)
    await deciding(house).undo(merged.action, "Bob", None)
    assert await groups(house) == {"e", "c p w"}
    await deciding(house).undo(done.action, "Bob", None)
    assert await groups(house) == {"c e p w"}
    assert (await product_ids(house))[ERP] == product
    await check_ledger(house)


async def test_of_a_product_that_is_split_the_others_keep_the_id_however_few_they_are(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"gtin": GTIN, "sku": "A"}, pim={"gtin": GTIN, "sku": "A"})
    before = await product_ids(house)
    (whole,) = (await deciding(house).merge([before[ERP], before[WMS]], "Ada", None)).products
    await deciding(house).split(whole, [WMS, PIM], "Ada", None)
    after = await product_ids(house)
    assert (after[ERP], await groups(house)) == (whole, {"e", "p w"})
    await check_ledger(house)


async def test_nobody_decides_while_winners_are_chosen_from_all_records(house: House) -> None:
    """Else the row of a product would rest on records that are another's by then."""
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    async with house.pool.acquire() as chooser, chooser.transaction():
        await keep_records_still(chooser)
        saying = asyncio.create_task(deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None))
        async with asyncio.timeout(20):
            while not await house.pool.fetchval("select count(*) from pg_locks where not granted"):
                assert not saying.done()
                await asyncio.sleep(0.02)
        assert await groups(house) == {"e", "w"}
    await saying
    assert await groups(house) == {"e w"}


async def test_what_is_no_part_of_a_product_is_refused(house: House) -> None:
    await put(house, erp={"gtin": GTIN}, wms={"gtin": GTIN}, pim={"gtin": OTHER})
    product = (await product_ids(house))[ERP]
    assert (await refused(deciding(house).split(product, [ERP, WMS], "Ada", None))).code == "NO_PART"
    assert (await refused(deciding(house).split(product, [], "Ada", None))).code == "NO_PART"
    assert (await refused(deciding(house).split(product, [PIM], "Ada", None))).code == "NOT_FOUND"
    assert (await refused(deciding(house).undo(product, "Ada", None))).code == "NOT_FOUND"


async def test_an_earlier_word_that_a_later_one_breaks_is_named(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"}, pim={"label": "Kettle"})
    first = await deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None)
    second = await deciding(house).confirm(Pair.of(WMS, PIM), "Ada", None)
    third = await deciding(house).reject(Pair.of(ERP, PIM), "Bob", None)
    assert await groups(house) == {"e", "p w"}, "of two words of which only one can hold, the later"
    assert [one.id for one in third.overrides] == [first.decisions[0].id]
    await deciding(house).undo(second.action, "Ada", None)
    assert await groups(house) == {"e w", "p"}
    await check_ledger(house)


async def test_a_confirmation_against_what_keeps_others_apart_is_refused_and_a_merge_overrides_it(house: House) -> None:
    await put(house, erp={"sku": "A"}, wms={"sku": "A"}, pim={"label": "Kettle"})
    apart = await deciding(house).reject(Pair.of(WMS, PIM), "Ada", None)
    found = await refused(deciding(house).confirm(Pair.of(ERP, PIM), "Bob", None))
    assert (found.code, found.details["decisions"]) == ("KEPT_APART", [str(apart.decisions[0].id)])
    blind = await refused(deciding(house, "erp", "pim").confirm(Pair.of(ERP, PIM), "Bob", None))
    assert (blind.code, blind.details["decisions"]) == ("KEPT_APART", [])
    assert "wms" not in str(blind)
    assert "Ada" not in str(blind)
    ids = await product_ids(house)
    done = await deciding(house).merge([ids[ERP], ids[PIM]], "Bob", None)
    assert [one.id for one in done.overrides] == [apart.decisions[0].id]
    assert await groups(house) == {"e p w"}
    await check_ledger(house)


async def test_a_merge_overrides_what_keeps_a_record_apart_that_is_gone_and_comes_back(house: House) -> None:
    await put(house, erp={"gtin": GTIN}, wms={"gtin": GTIN}, pim={"label": "Kettle"})
    await deciding(house).reject(Pair.of(WMS, PIM), "Ada", None)
    was = house.systems["wms"].drop("w")
    await house.sync_all(["wms"])
    ids = await product_ids(house)
    done = await deciding(house).merge([ids[ERP], ids[PIM]], "Bob", None)
    assert [one.by for one in done.overrides] == ["Ada"]
    house.systems["wms"].put("w", **was)
    await house.sync_all(["wms"])
    assert await groups(house) == {"e p w"}
    await check_ledger(house)


async def test_winners_and_names_follow_records_that_move(house: House) -> None:
    await put(house, erp={"label": "Kettle", "price": "10"}, wms={"label": "Wasserkocher", "weight": "1"})
    await house.readying.catch_up()
    assert await check_winners(house) == 2
    ids = await product_ids(house)
    done = await deciding(house).merge([ids[ERP], ids[WMS]], "Ada", None)
    assert await house.pool.fetchval("select count(*) from winners where product_id = any($1)", list(ids.values())) == 0
    names = await look_up(house.pool, [Lookup(alias="Wasserkocher")], ["erp", "wms"])
    assert names == list(done.products)
    house.readying.ask(done.products)
    await house.readying.catch_up()
    assert await check_winners(house) == 1
    await deciding(house).undo(done.action, "Ada", None)
    await check_winners(house)
    assert await look_up(house.pool, [Lookup(alias="Wasserkocher")], ["erp", "wms"]) == [ids[WMS]]
    await check_ledger(house)


async def test_a_map_that_is_in_force_no_more_decides_nothing(house: House) -> None:
    await put(house, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    await house.pool.execute(
        "insert into map_versions (digest, taken_at, declared, effects) values ('another', now(), $1, '[]')",
        {"identity": [], "readings": {}, "written": {}, "order": {}},
    )
    assert (await refused(deciding(house).confirm(Pair.of(ERP, WMS), "Ada", None))).code == "SUPERSEDED"


async def test_a_new_record_about_which_something_was_said_before_is_linked_by_it(house: House) -> None:
    """As when decisions were brought over from another installation."""
    await put(house, erp={"gtin": GTIN})
    await house.pool.execute(
        "insert into match_decisions values (gen_random_uuid(), gen_random_uuid(), 'reject', 'erp', 'e', 'wms', 'w', "
        "'APART', 'Ada', null, now())"
    )
    await put(house, wms={"gtin": GTIN})
    assert await groups(house) == {"e", "w"}
    await check_ledger(house)


def test_a_pair_is_one_in_either_order() -> None:
    assert Pair.of(WMS, ERP) == Pair.of(ERP, WMS) == Pair(ERP, WMS)
    assert Pair.of(WMS, ERP).other(ERP) == WMS
    with pytest.raises(ValueError, match="one record"):
        Pair.of(ERP, ERP)


async def test_why_records_would_not_be_one_names_nobody_hidden(house: House) -> None:
    await put(house, erp={"gtin": GTIN, "sku": "K"}, pim={"gtin": GTIN}, wms={"sku": "K"}, crm={"label": "Kettle"})
    await deciding(house).reject(Pair.of(ERP, WMS), "ana", None)
    await deciding(house).reject(Pair.of(CRM, PIM), "ana", None)
    told = await refused(deciding(house).confirm(Pair.of(CRM, ERP), "ben", None))
    assert told.code == "HELD_APART"
    assert "wms w" in str(told)
    told = await refused(deciding(house, "crm", "erp", "pim").confirm(Pair.of(CRM, ERP), "ben", None))
    assert told.code == "HELD_APART"
    assert "wms" not in str(told)
    assert await house.pool.fetchval("select count(*) from match_decisions where verdict = 'SAME'") == 0
