"""Verdicts from statements and rules, over real sheets and a real ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest_asyncio

from resolvers.compatibility.evidence import Judgement, Nearness, Verdict
from resolvers.compatibility.partners import DEFAULT_VERDICTS, Partners
from resolvers.compatibility.questions import Questions
from resolvers.compatibility.viewing import fields_seen
from sources.ledger.statements import MOST_BETWEEN
from tests.compatibility.workshop import MAP, Workshop, workshop


@pytest_asyncio.fixture(loop_scope="session")
async def pumps(tmp_path: Path, database_url: str) -> AsyncIterator[Workshop]:
    async with workshop(tmp_path, database_url) as made:
        yield made


def decisive(found: Judgement) -> list[tuple[str | None, str | None]]:
    """Who decided: source and record, or rule."""
    return [(one.source or one.rule, one.record_id) for one in found.evidence if one.decisive]


async def test_the_nearer_statement_decides(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump_family="TIDE", fits="y")
    await pumps.sync()
    found = await pumps.judge("P-1R", "S-1")
    assert (found.verdict, decisive(found)) == (Verdict.COMPATIBLE, [("fitment", "1")])
    assert found.evidence[0].nearness is Nearness.FAMILY
    assert found.evidence[0].relation == "takes"
    turned = (await pumps.judge("S-1", "P-1R")).evidence[0]
    assert (turned.nearness, turned.relation) == (Nearness.FAMILY, "fits")
    pumps.put("fitment", row="2", part="S-1", pump="P-1", fits="n")
    await pumps.sync()
    found = await pumps.judge("P-1R", "S-1")
    assert (found.verdict, decisive(found)) == (Verdict.INCOMPATIBLE, [("fitment", "2")])
    assert found.evidence[0].nearness is Nearness.VARIANT_PARENT
    pumps.put("fitment", row="3", part="S-1", pump="P-1R", fits="y")
    await pumps.sync()
    found = await pumps.judge("P-1R", "S-1")
    assert (found.verdict, decisive(found)) == (Verdict.COMPATIBLE, [("fitment", "3")])
    assert [one.record_id for one in found.evidence] == ["3", "2", "1"]
    assert (await pumps.judge("P-1", "S-1")).verdict is Verdict.INCOMPATIBLE


async def test_the_declared_order_decides_and_equals_that_disagree_are_both_told(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y")
    pumps.put("fitment", row="2", part="S-1", pump="P-1", fits="n")
    await pumps.sync()
    found = await pumps.judge("P-1", "S-1")
    assert found.verdict is Verdict.CONFLICTING
    assert sorted(decisive(found)) == [("fitment", "1"), ("fitment", "2")]
    assert "Fitment table says that Seal One fits Pump One" in found.summary
    assert "Seal One does not go with Pump One" in found.summary
    pumps.put("service", case="C-1", about="P-1", **{"with": "S-1"}, verdict="incompatible", note="Leaks.")
    await pumps.sync()
    found = await pumps.judge("S-1", "P-1")
    assert (found.verdict, decisive(found)) == (Verdict.INCOMPATIBLE, [("service", "C-1")])
    assert found.evidence[0].text == "Leaks."


async def test_a_statement_waits_for_its_product_and_goes_with_its_record(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-9", pump="P-1", fits="y")
    await pumps.sync()
    pumps.put("products", sku="S-9", name="Seal Nine", kind="Seal")
    await pumps.sync()
    assert (await pumps.judge("P-1", "S-9")).verdict is Verdict.COMPATIBLE
    pumps.put("fitment", row="1", part="S-9", pump="P-1", fits="n")
    await pumps.sync()
    assert (await pumps.judge("P-1", "S-9")).verdict is Verdict.INCOMPATIBLE
    del pumps.rows["fitment"]["1"]
    pumps.put("fitment", row="2", part="S-1", pump="P-1", fits="y")
    await pumps.sync()
    found = await pumps.judge("P-1", "S-9")
    assert (found.verdict, found.evidence) == (Verdict.UNKNOWN, ())
    assert [one.steward.name for one in found.missing if one.steward] == ["Engineering"]
    assert await pumps.runtime.pool.fetchval("select count(*) from statements") == 1


async def test_the_context_narrows(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y", years="2012-2015")
    pumps.put("fitment", row="2", part="S-2", pump="P-1", fits="y", region="DE; AT", fw_from="v2.9", fw_to="2.10")
    pumps.put("products", sku="P-3", name="Pump Three", kind="Pump")
    pumps.put("fitment", row="3", part="S-1", pump="P-3", fits="n", valid_to="2020-12-31")
    await pumps.sync()
    found = await pumps.judge("P-1", "S-1")
    assert (found.verdict, found.conditions) == (Verdict.CONDITIONAL, ("years from 2012 to 2015",))
    assert (await pumps.judge("P-1", "S-1", year="2015")).verdict is Verdict.COMPATIBLE
    assert (await pumps.judge("P-1", "S-1", year="2016")).verdict is Verdict.UNKNOWN
    found = await pumps.judge("P-1", "S-2", region="at")
    assert (found.verdict, found.conditions) == (Verdict.CONDITIONAL, ("firmware from v2.9 to 2.10",))
    assert (await pumps.judge("P-1", "S-2", region="AT", firmware="2.10")).verdict is Verdict.COMPATIBLE
    assert (await pumps.judge("P-1", "S-2", region="AT", firmware="2.11")).verdict is Verdict.UNKNOWN
    assert (await pumps.judge("P-1", "S-2", region="FR")).verdict is Verdict.UNKNOWN
    assert (await pumps.judge("P-3", "S-1")).verdict is Verdict.UNKNOWN
    assert (await pumps.judge("P-3", "S-1", date="2020-06-01")).verdict is Verdict.INCOMPATIBLE


async def test_a_date_is_compared_in_whatever_form_the_sheet_writes_it(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y", valid_from="1.3.2019", valid_to="31.12.2020")
    await pumps.sync()
    expected = {"2019-02-28": Verdict.UNKNOWN, "2019-03-01": Verdict.COMPATIBLE, "2020-12-31": Verdict.COMPATIBLE}
    for date, verdict in {**expected, "2021-01-01": Verdict.UNKNOWN}.items():
        assert (await pumps.judge("P-1", "S-1", date=date)).verdict is verdict, date


async def test_products_of_one_kind_may_go_with_each_other(tmp_path: Path, database_url: str) -> None:
    text = MAP.replace(
        'subject = { sku = "part" }\nobject = { family', 'subject = { family = "part" }\nobject = { family'
    )
    async with workshop(tmp_path, database_url, text) as pumps:
        pumps.put("fitment", row="1", part="TIDE", pump_family="Tide", fits="y")
        await pumps.sync()
        assert (await pumps.judge("P-1", "P-1R")).verdict is Verdict.COMPATIBLE
        viewer = fields_seen(pumps.runtime.ownership, "internal")
        page = await Partners(pumps.runtime.judging).page(await pumps.product("P-1"), {}, viewer, size=10)
        assert [one.other for one in page.found] == [await pumps.product("P-1R")]


async def test_rules_hold_units_together_name_what_is_missing_and_fail_as_one(pumps: Workshop) -> None:
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1")
    await pumps.sync()
    held = await pumps.judge("P-2", "S-1")
    assert (held.verdict, decisive(held)) == (Verdict.COMPATIBLE, [("bore", None)])
    assert held.summary == "Yes. Seal One has a bore of 25 mm, and Pump Two a shaft of 1 in."
    assert (await pumps.judge("S-2", "P-2")).verdict is Verdict.INCOMPATIBLE
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1", volt="110")
    await pumps.sync()
    found = await pumps.judge("P-2", "S-1")
    assert (found.verdict, decisive(found)) == (Verdict.INCOMPATIBLE, [("voltage", None)])
    pumps.put("products", sku="S-1", name="Seal One", kind="Seal", bore_mm="25")
    await pumps.sync()
    found = await pumps.judge("P-2", "S-1")
    assert found.verdict is Verdict.UNKNOWN, "one rule holds, the other lacks a fact: that is not a yes"
    (missing,) = found.missing
    assert missing.product == await pumps.product("S-1")
    assert missing.definition is not None
    assert (missing.definition.name, missing.rule) == ("voltage", "voltage")
    assert "the voltage of Seal One is not known" in found.summary


async def test_a_verdict_on_an_old_fact_says_so(pumps: Workshop) -> None:
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1")
    pumps.put("products", sku="S-1", name="Seal One", kind="Seal", bore_mm="25", changed="2020-01-01T00:00:00Z")
    await pumps.sync()
    found = await pumps.judge("P-2", "S-1")
    assert found.verdict is Verdict.COMPATIBLE
    assert found.weakest is not None
    assert found.weakest.freshness == "STALE"
    assert "Mind that the bore from Product sheet is" in found.summary
    assert "after 12 months it should have been checked." in found.summary


async def test_a_text_that_the_asker_may_not_see_stands_in_for_no_condition(pumps: Workshop) -> None:
    pumps.put("service", case="C-1", about="P-1", **{"with": "S-1"}, verdict="CONDITIONAL", note="Mr Miller said so")
    await pumps.sync()
    assert (await pumps.judge("P-1", "S-1")).conditions == ("Mr Miller said so",)
    seeing = fields_seen(pumps.runtime.ownership, "internal")
    viewer = type(seeing)(frozenset({"products"}), seeing.fields)
    product, other = await pumps.product("P-1"), await pumps.product("S-1")
    found = (await pumps.runtime.judging.hear(product, [other], {}, viewer)).judgement(other)
    assert found.conditions == ("one that is not named",)
    assert "Miller" not in str(found)


async def test_an_old_fact_is_told_that_is_not_among_the_first_or_need_not_be_there(
    tmp_path: Path, database_url: str
) -> None:
    check = "a.name != b.name && a.kind != b.kind && a.family != b.voltageName && (!has(a.bore) || a.bore <= b.shaft)"
    text = MAP.replace('check = "a.bore <= b.shaft"', f'check = "{check}"').replace("b.voltageName", "b.name")
    async with workshop(tmp_path, database_url, text) as pumps:
        old = {"bore_mm": "25", "family": "X", "changed": "2020-01-01T00:00:00Z"}
        pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1")
        pumps.put("products", sku="S-1", name="Seal One", kind="Seal", **old)
        await pumps.sync()
        found = await pumps.judge("P-2", "S-1")
        (piece,) = found.evidence
        assert "bore" in {one.fact.definition.name for one in piece.facts}
        assert "Mind that the bore from Product sheet is" in found.summary
        seeing = fields_seen(pumps.runtime.ownership, "internal")
        viewer = type(seeing)(seeing.sources, seeing.fields - {"bore", "shaft"})
        product, other = await pumps.product("P-2"), await pumps.product("S-1")
        hidden = (await pumps.runtime.judging.hear(product, [other], {}, viewer)).judgement(other)
        assert "bore" not in hidden.summary
        assert "Mind that something that it rests on is old" in hidden.summary
        assert (piece.steward is None, hidden.evidence[0].steward) == (False, None)


async def test_what_lacks_a_fact_that_the_asker_may_not_see_is_still_somebodys_question(pumps: Workshop) -> None:
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", volt="230")
    pumps.put("products", sku="S-1", name="Seal One", kind="Seal")
    await pumps.sync()
    seeing = fields_seen(pumps.runtime.ownership, "internal")
    viewer = type(seeing)(seeing.sources, seeing.fields - {"voltage"})
    product, other = await pumps.product("P-2"), await pumps.product("S-1")
    (missing,) = (await pumps.runtime.judging.hear(product, [other], {}, viewer)).judgement(other).missing
    assert "voltage" not in missing.sentence
    assert missing.steward == pumps.runtime.ownership.compatibility.steward


async def test_variants_of_a_product_that_a_statement_names_are_partners_too(pumps: Workshop) -> None:
    pumps.put("products", sku="B-1", name="Box One", kind="Box")
    pumps.put("fitment", row="1", part="B-1", pump="P-1", fits="y")
    await pumps.sync()
    viewer = fields_seen(pumps.runtime.ownership, "internal")
    page = await Partners(pumps.runtime.judging).page(await pumps.product("B-1"), {}, viewer, size=10)
    assert {one.other for one in page.found} == {await pumps.product("P-1"), await pumps.product("P-1R")}


async def test_more_statements_about_kinds_than_are_looked_at_hide_none_about_the_product(pumps: Workshop) -> None:
    for number in range(MOST_BETWEEN + 1):
        pumps.put("fitment", row=f"k{number}", part="S-1", pump_family="tide", fits="y")
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="n", changed="2020-01-01T00:00:00Z")
    await pumps.sync()
    found = await pumps.judge("P-1", "S-1")
    assert (found.verdict, decisive(found)) == (Verdict.INCOMPATIBLE, [("fitment", "1")])


async def test_what_is_kept_under_the_id_of_a_product_that_was_merged_counts_until_it_expires(pumps: Workshop) -> None:
    await pumps.sync()
    product, other, former = await pumps.product("P-1"), await pumps.product("S-1"), UUID(int=7)
    await pumps.runtime.pool.execute("insert into former_ids values ($1, $2, now())", former, product)
    await pumps.runtime.pool.execute(
        "insert into statements values ('answers', 'q', 1, $1, $2, 'works-with', 'INCOMPATIBLE', '{}', null, null, 'J',"
        " now(), now(), '2099-06-01', 0)",
        f"id={former}",
        f"id={other}",
    )
    assert (await pumps.judge("P-1", "S-1")).verdict is Verdict.INCOMPATIBLE
    assert (await pumps.judge("P-1", "S-1", date="2099-05-31")).verdict is Verdict.INCOMPATIBLE
    assert (await pumps.judge("P-1", "S-1", date="2099-06-02")).verdict is Verdict.UNKNOWN


async def test_partners_are_found_by_what_the_asker_may_see_alone(pumps: Workshop) -> None:
    pumps.put("products", sku="B-1", name="Box One", kind="Box")
    pumps.put("fitment", row="1", part="B-1", pump="P-1", fits="y")
    await pumps.sync()
    seeing = fields_seen(pumps.runtime.ownership, "internal")
    for sources, count in ((seeing.sources, 1), (frozenset({"service"}), 0)):
        viewer = type(seeing)(sources, seeing.fields)
        page = await Partners(pumps.runtime.judging).page(await pumps.product("P-1"), {}, viewer, size=10)
        assert len(page.found) == count


async def test_what_cannot_be_read_is_told_and_nothing_is_made_of_it(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="perhaps")
    pumps.put("fitment", row="2", part="S-1", pump="S-1", fits="y")
    pumps.put("fitment", row="3", part="", pump="P-1", fits="y")
    await pumps.sync()
    assert await pumps.runtime.pool.fetchval("select count(*) from statements") == 0
    rows = await pumps.runtime.pool.fetch("select record_id, reason from unreadable_values order by 1")
    assert [row["record_id"] for row in rows] == ["1", "2"]
    assert '"perhaps"' in rows[0]["reason"]
    told = await pumps.runtime.execute(
        "{ sources { name unreadable unreadableValues { recordId reason } } }", "internal"
    )
    (fitment,) = [one for one in told["data"]["sources"] if one["name"] == "fitment"]
    assert (fitment["unreadable"], [one["recordId"] for one in fitment["unreadableValues"]]) == (2, ["1", "2"])
    assert await pumps.runtime.pool.fetchval("select count(*) from products where listed") == 4, "no row is a product"
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="n")
    await pumps.sync()
    rows = await pumps.runtime.pool.fetch("select record_id from unreadable_values")
    assert [row["record_id"] for row in rows] == ["2"]
    assert (await pumps.judge("P-1", "S-1")).verdict is Verdict.INCOMPATIBLE


async def test_partners_come_page_by_page_and_none_twice(pumps: Workshop) -> None:
    """More candidates than are judged at once, by a rule, a statement about a family, and one about a product."""
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", family="Tide", shaft_in="1")
    for number in range(150):
        bore = "25" if number % 3 else "30"
        pumps.put("products", sku=f"R-{number:03}", name=f"Ring {number}", kind="Seal", bore_mm=bore)
    pumps.put("products", sku="M-1", name="Motor", kind="Motor", volt="230")
    pumps.put("products", sku="M-2", name="Motor", kind="Motor", volt="230")
    pumps.put("fitment", row="1", part="M-1", pump_family="tide", fits="y")
    pumps.put("fitment", row="2", part="M-2", pump="P-2", fits="n")
    pumps.put("fitment", row="3", part="M-9", pump="P-2", fits="y")
    await pumps.sync()
    viewer = fields_seen(pumps.runtime.ownership, "internal")
    partners = Partners(pumps.runtime.judging)
    product, after, found = await pumps.product("P-2"), None, []
    for _ in range(20):
        page = await partners.page(product, {}, viewer, size=17, after=after)
        assert len(page.found) <= 17
        found += [one.other for one in page.found]
        after = page.reached
        if after is None:
            break
    expected = {await pumps.product(sku) for sku in ("M-1", "S-1")}
    expected |= {await pumps.product(f"R-{number:03}") for number in range(150) if number % 3}
    assert len(found) == len(set(found))
    assert set(found) == expected
    page = await partners.page(product, {}, viewer, size=100, verdicts={Verdict.INCOMPATIBLE})
    refused = {await pumps.product(sku) for sku in ("M-2", "S-2", *(f"R-{number:03}" for number in range(0, 150, 3)))}
    assert (len(page.found), page.reached) == (len(refused), None)
    assert {one.other for one in page.found} == refused


async def test_a_product_that_becomes_of_another_kind_is_found_as_that(pumps: Workshop) -> None:
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1")
    pumps.put("products", sku="X-1", name="Box", kind="Box", bore_mm="20")
    await pumps.sync()
    viewer = fields_seen(pumps.runtime.ownership, "internal")
    partners, product = Partners(pumps.runtime.judging), await pumps.product("P-2")
    expected = {await pumps.product("S-1")}
    assert {one.other for one in (await partners.page(product, {}, viewer, size=10)).found} == expected
    pumps.put("products", sku="X-1", name="Box", kind="SEAL ", bore_mm="20")
    await pumps.sync()
    expected.add(await pumps.product("X-1"))
    assert {one.other for one in (await partners.page(product, {}, viewer, size=10)).found} == expected


async def test_a_map_that_says_otherwise_what_records_state_is_followed(tmp_path: Path, database_url: str) -> None:
    """From what the ledger holds, without the sheets being read again; and back."""
    turned = MAP.replace('y = "COMPATIBLE"', 'y = "INCOMPATIBLE"')
    silent = MAP.replace("[[sources.fitment.statements]]", "[[nothing]]").replace(
        "[sources.fitment.statements.qualifiers]", ""
    )
    silent = (
        silent.split("[[nothing]]")[0] + 'names = ["part"]\n' + "[sources.service]" + MAP.split("[sources.service]")[1]
    )
    expected = {MAP: ("COMPATIBLE", 2), turned: ("INCOMPATIBLE", 2), silent: ("UNKNOWN", 0)}
    for text in (MAP, turned, silent, MAP):
        async with workshop(tmp_path, database_url, text) as pumps:
            pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y")
            pumps.put("fitment", row="2", part="S-2", pump_family="Tide", fits="y")
            await pumps.sync()
            found = await pumps.judge("P-1", "S-1")
            count = await pumps.runtime.pool.fetchval("select count(*) from statements")
            assert (found.verdict, count) == expected[text]


async def test_partners_whose_winners_are_not_made_yet_are_judged_by_rules_about_others_too(
    tmp_path: Path, database_url: str
) -> None:
    series = """
[fields.series]
type = "text"
system_of_record = "products"
[rules.motor]
a = { series = "X" }
b = { kind = "Motor" }
check = "a.voltage == b.voltage"
holds = "Both are for {a.voltage}."
fails = "{a} is for {a.voltage}, {b} for {b.voltage}."
"""
    text = MAP.replace('parent = "parent"\n', 'parent = "parent"\nseries = "family"\n', 1) + series
    async with workshop(tmp_path, database_url, text) as pumps:
        pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y")
        await pumps.sync()
        await pumps.runtime.pool.execute("delete from winners")
        viewer = fields_seen(pumps.runtime.ownership, "internal")
        page = await Partners(pumps.runtime.judging).page(await pumps.product("P-1"), {}, viewer, size=10)
        assert [one.other for one in page.found] == [await pumps.product("S-1")]


async def test_what_a_rule_wants_to_be_the_same_leads_to_the_partners_and_hides_none(pumps: Workshop) -> None:
    for number in range(40):
        pumps.put("products", sku=f"E-{number}", name=f"Cap {number}", kind="Cap", family="Ebb")
    pumps.put("products", sku="T-1", name="Cap T", kind="cap", family="TIDE")
    pumps.put("products", sku="N-1", name="Cap N", kind="Cap")
    await pumps.sync()
    viewer = fields_seen(pumps.runtime.ownership, "internal")
    partners, pump = Partners(pumps.runtime.judging), await pumps.product("P-1")

    async def of(product: UUID, *verdicts: Verdict) -> set[UUID]:
        page = await partners.page(product, {}, viewer, size=100, verdicts=verdicts or DEFAULT_VERDICTS)
        assert page.reached is None
        return {one.other for one in page.found}

    cap, unnamed = await pumps.product("T-1"), await pumps.product("N-1")
    assert await of(pump) == {cap}
    assert await of(cap) == {pump, await pumps.product("P-1R")}
    assert await of(unnamed) == set()
    assert unnamed in await of(pump, Verdict.UNKNOWN)
    assert len(await of(pump, Verdict.INCOMPATIBLE)) == 40
    pumps.put("service", case="C-1", about="P-1", **{"with": "E-7"}, verdict="COMPATIBLE")
    await pumps.sync()
    seeing = type(viewer)(viewer.sources | {"service"}, viewer.fields)
    page = await partners.page(pump, {}, seeing, size=100)
    assert {one.other for one in page.found} == {cap, await pumps.product("E-7")}


async def test_a_list_is_what_judging_every_pair_says(pumps: Workshop) -> None:
    """By statements about products, variant parents and families in either direction, and by rules."""
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1", parent="P-3")
    pumps.put("products", sku="P-3", name="Pump Three", kind="Pump", family="Ebb")
    pumps.put("products", sku="P-3R", name="Pump Three red", kind="Pump", parent="P-3")
    pumps.put("products", sku="P-4", name="Pump Four", kind="Pump", parent="P-404")
    pumps.put("products", sku="S-1R", name="Seal One red", kind="Seal", parent="S-1")
    pumps.put("products", sku="B-1", name="Bracket", kind="Bracket")
    pumps.put("products", sku="B-1R", name="Bracket red", kind="Bracket", parent="B-1")
    pumps.put("products", sku="B-2R", name="Bracket Two red", kind="Bracket", parent="B-404")
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y")
    pumps.put("fitment", row="2", part="S-2", pump_family="ebb", fits="n")
    pumps.put("fitment", row="3", part="S-2", pump="P-404", fits="y")
    pumps.put("fitment", row="4", part="B-1", pump="S-1", fits="y")
    pumps.put("fitment", row="5", part="B-404", pump="S-1", fits="y")
    pumps.put("service", case="C-1", about="P-3", **{"with": "S-1"}, verdict="COMPATIBLE")
    await pumps.sync()
    viewer = fields_seen(pumps.runtime.ownership, "internal")
    viewer = type(viewer)(viewer.sources | {"service", "fitment"}, viewer.fields)
    skus = list(pumps.rows["products"])
    products = {sku: await pumps.product(sku) for sku in skus}
    told = frozenset(Verdict) - {Verdict.UNKNOWN}
    for sku, product in products.items():
        others = [one for one in products.values() if one != product]
        hearing = await pumps.runtime.judging.hear(product, others, {}, viewer)
        expected = {one: hearing.verdict(one) for one in others if hearing.verdict(one) in told}
        page = await Partners(pumps.runtime.judging).page(product, {}, viewer, size=100, verdicts=told)
        assert {one.other: one.verdict for one in page.found} == expected, sku
        assert all(hearing.judgement(one).verdict is verdict for one, verdict in expected.items())


async def test_a_question_outlives_the_merge_of_its_products(pumps: Workshop) -> None:
    await pumps.sync()
    product, other, former = await pumps.product("P-1"), await pumps.product("S-1"), UUID(int=7)
    pool = pumps.runtime.pool
    questions = Questions(pool, pumps.runtime.ownership)
    (asked,) = await questions.ask(await pumps.judge("P-1", "S-1"))
    await pool.execute("update questions set product_id = $1, with_id = $2", *sorted((former, other)))
    await pool.execute("insert into former_ids values ($1, $2, now())", former, product)
    judgement = await pumps.judge("P-1", "S-1")
    about = await questions.about(judgement, judgement.missing[0])
    assert about is not None
    assert about.question_id == asked.question_id
    (again,) = await questions.ask(await pumps.judge("S-1", "P-1"))
    assert (again.question_id, again.asked) == (asked.question_id, 2)
    await pool.execute("update questions set product_id = $1, with_id = $2", former, product)
    assert await questions.count(open_=True, steward=None, product=None) == 0, "one product is no pair"


async def test_a_name_that_several_products_have_names_none(tmp_path: Path, database_url: str) -> None:
    text = MAP.replace(
        'subject = { sku = "part" }\nobject = { sku = "pump" }',
        'subject = { sku = "part" }\nobject = { name = "pump" }',
    )
    assert text != MAP
    async with workshop(tmp_path, database_url, text) as pumps:
        pumps.put("fitment", row="1", part="S-1", pump="pump  ONE", fits="y")
        await pumps.sync()
        assert (await pumps.judge("P-1", "S-1")).verdict is Verdict.COMPATIBLE
        pumps.put("products", sku="P-9", name="Pump One", kind="Pump")
        await pumps.sync()
        assert (await pumps.judge("P-1", "S-1")).verdict is Verdict.UNKNOWN
        assert (await pumps.judge("P-9", "S-1")).verdict is Verdict.UNKNOWN


async def test_rows_of_one_source_are_alternatives_and_other_cases_are_told(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y", years="2012-2015", region="DE")
    pumps.put("fitment", row="2", part="S-1", pump="P-1", fits="y", years="2018-2019")
    await pumps.sync()
    found = await pumps.judge("P-1", "S-1")
    assert set(found.conditions) == {"region DE and years from 2012 to 2015", "years from 2018 to 2019"}
    assert " Or: " in found.summary
    found = await pumps.judge("P-1", "S-1", year="2016")
    assert found.verdict is Verdict.UNKNOWN
    assert "what is said of them is only for" in found.summary
    assert {piece.verdict for piece in found.evidence} == {Verdict.UNKNOWN}
    assert all("but only for years" in piece.sentence for piece in found.evidence)


async def test_a_relation_that_nobody_declared_says_nothing_about_going_together(
    tmp_path: Path, database_url: str
) -> None:
    text = MAP.replace('relation = "fits"', 'relation = { path = "region", default = "fits" }')
    async with workshop(tmp_path, database_url, text) as pumps:
        pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y", region="upsell")
        pumps.put("fitment", row="2", part="S-2", pump="P-1", fits="y", region="Takes")
        await pumps.sync()
        found = await pumps.judge("P-1", "S-1", region="upsell")
        assert (found.verdict, [piece.relation for piece in found.evidence]) == (Verdict.UNKNOWN, ["upsell"])
        found = await pumps.judge("P-1", "S-2", region="takes")
        assert (found.verdict, [piece.relation for piece in found.evidence]) == (Verdict.COMPATIBLE, ["fits"])


async def test_each_table_of_statements_has_its_own_steward_and_age(tmp_path: Path, database_url: str) -> None:
    second = 'object = { family = "pump_family" }\nrelation = "fits"'
    text = MAP.replace(second, f'{second}\nsteward = "Families"\nmax_age = "1d"')
    async with workshop(tmp_path, database_url, text) as pumps:
        pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y", changed="2020-01-01T00:00:00Z")
        pumps.put("fitment", row="2", part="S-1", pump_family="Tide", fits="y", changed="2020-01-01T00:00:00Z")
        await pumps.sync()
        own, family = (await pumps.judge("P-1", "S-1")).evidence
        assert own.steward is not None
        assert family.steward is not None
        assert (own.steward.name, own.freshness) == ("Fitment table", "UNKNOWN")
        assert (family.steward.name, family.freshness) == ("Families", "STALE")
