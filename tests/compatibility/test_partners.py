"""Lists of partners: however few of the candidates' records are read, a list says what judging every pair says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
from graphql import parse

from app.execution import NotCompiled, compile_operation
from app.sync import sync_once
from resolvers.compatibility.evidence import Judgement, Verdict
from resolvers.compatibility.partners import Partners
from resolvers.compatibility.viewing import Viewer, fields_seen
from resolvers.readying import Readying
from sources.ledger import statements
from tests.compatibility.workshop import COLUMNS, MAP, Workshop, alone, workshop

BOTH_WAYS = """
[rules.stack]
a = { kind = ["Box", "Lid"] }
b = { kind = ["Box", "Tray"], family = "Ebb" }
check = "a.voltage <= b.voltage"
holds = "{a} goes on {b}."
fails = "{a} is too much for {b}."
"""
"""A rule of which one product may be either side, and which tells the others apart by a second field."""
EVERY = frozenset(Verdict)


@pytest_asyncio.fixture(loop_scope="session")
async def pumps(tmp_path: Path, database_url: str) -> AsyncIterator[Workshop]:
    async with workshop(tmp_path, database_url, MAP + BOTH_WAYS) as made:
        yield made


def everything(pumps: Workshop) -> Viewer:
    """One who sees every source."""
    return Viewer(frozenset(COLUMNS), fields_seen(pumps.runtime.ownership, "internal").fields)


async def listed(
    pumps: Workshop, sku: str, viewer: Viewer, verdicts: Collection[Verdict] = EVERY, **context: str
) -> dict[UUID, Judgement]:
    """The first hundred partners of a SKU."""
    page = await Partners(pumps.runtime.judging).page(
        await pumps.product(sku), context, viewer, size=100, verdicts=verdicts
    )
    assert page.reached is None
    return {one.other: one for one in page.found}


@pytest.mark.parametrize(("at_hand", "branches"), [(300, 8), (0, 8), (300, 0)])
async def test_a_list_holds_the_very_judgements_of_its_pairs(
    pumps: Workshop, monkeypatch: pytest.MonkeyPatch, at_hand: int, branches: int
) -> None:
    """By statements about products, parents and families, in either direction, by rules, and by both; also where more is
    stated than is held at once, and where more kinds are looked for than are merged."""
    monkeypatch.setattr(statements, "AT_HAND", at_hand)
    monkeypatch.setattr(statements, "_MOST_BRANCHES", branches)
    statements._products_by_key.cache_clear()
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1", parent="P-3", volt="230")
    pumps.put("products", sku="P-3", name="Pump Three", kind="Pump", family="Ebb", shaft_in="1", volt="115")
    pumps.put("products", sku="P-4", name="Pump Four", kind="Pump", parent="P-404", shaft_in="1")
    pumps.put("products", sku="S-3", name="Seal Three", kind="Seal", bore_mm="25", volt="115")
    pumps.put("products", sku="S-4", name="Seal Four", kind="Seal")
    pumps.put("products", sku="C-1", name="Cap", kind="Cap", family="Tide")
    pumps.put("products", sku="B-1", name="Box", kind="Box", family="Ebb", volt="100")
    pumps.put("products", sku="B-2", name="Box Two", kind="Box", family="Tide", volt="200")
    pumps.put("products", sku="L-1", name="Lid", kind="Lid", volt="200")
    pumps.put("products", sku="T-1", name="Tray", kind="Tray", family="Ebb", volt="200")
    pumps.put("products", sku="T-2", name="Tray Two", kind="Tray", family="Tide", volt="200")
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y", years="2020-2024")
    pumps.put("fitment", row="1b", part="S-1", pump="P-1", fits="y", years="2026")
    pumps.put("fitment", row="2", part="S-2", pump_family="ebb", fits="n")
    pumps.put("fitment", row="3", part="S-2", pump="P-404", fits="y")
    pumps.put("fitment", row="4", part="B-1", pump="S-1", fits="y", changed="2020-01-01T00:00:00Z")
    pumps.put("service", case="C-1", about="P-3", **{"with": "S-1"}, verdict="COMPATIBLE", note="seen")
    await pumps.sync()
    products = {sku: await pumps.product(sku) for sku in pumps.rows["products"]}
    viewer = everything(pumps)
    found: dict[str, dict[UUID, Judgement]] = {}
    for state in ("from the records", "from winners"):
        if state == "from winners":
            assert await Readying(pumps.runtime.pool, pumps.runtime.ownership).catch_up() > 0
        else:
            await pumps.runtime.pool.execute("delete from winners")
        for sku, product in products.items():
            others = [one for one in products.values() if one != product]
            hearing = await pumps.runtime.judging.hear(product, others, {}, viewer)
            expected = {one: hearing.judgement(one) for one in others}
            page = await listed(pumps, sku, viewer)
            assert page == {one: expected[one] for one in page}, (state, sku)
            assert {one for one, judged in expected.items() if judged.verdict is not Verdict.UNKNOWN} <= page.keys()
            before = found.setdefault(sku, page)
            assert {one: alone(judged) for one, judged in before.items()} == {
                one: alone(judged) for one, judged in page.items()
            }
    verdicts = {one: judged.verdict for one, judged in found["B-1"].items()}
    assert (verdicts[products["L-1"]], verdicts[products["T-1"]]) == (Verdict.INCOMPATIBLE, Verdict.COMPATIBLE)
    assert products["T-2"] not in verdicts or verdicts[products["T-2"]] is Verdict.UNKNOWN
    statements._products_by_key.cache_clear()


async def test_what_a_hidden_record_says_of_a_candidate_counts_all_the_same(pumps: Workshop) -> None:
    pumps.put("products", sku="P-2", name="Pump Two", kind="Pump", shaft_in="1", volt="230")
    await pumps.sync()
    viewer = fields_seen(pumps.runtime.ownership, "internal")
    assert "service" not in viewer.sources
    seals = {await pumps.product("S-1"), await pumps.product("S-2")}
    verdicts = {one: judged.verdict for one, judged in (await listed(pumps, "P-2", viewer)).items()}
    first = next(one for one in seals if verdicts[one] is Verdict.COMPATIBLE)
    sku = "S-1" if first == await pumps.product("S-1") else "S-2"
    pumps.put("service", case="C-1", about=sku, **{"with": "P-2"}, verdict="INCOMPATIBLE")
    await pumps.sync()
    page = await listed(pumps, "P-2", viewer)
    assert page[first].verdict is Verdict.INCOMPATIBLE
    assert "Another system says" in page[first].summary


async def test_an_expired_statement_finds_a_candidate_and_says_nothing_of_it(pumps: Workshop) -> None:
    pumps.put("products", sku="B-3", name="Bracket", kind="Bracket")
    await pumps.sync()
    bracket, pump = await pumps.product("B-3"), await pumps.product("P-1")
    await pumps.runtime.pool.execute(
        "insert into statements values ('answers', 'q', 1, $1, $2, 'works-with', 'COMPATIBLE', '{}', null, null, 'J',"
        " now(), now(), '2099-06-01', 0)",
        f"id={pump}",
        f"id={bracket}",
    )
    viewer = everything(pumps)
    for date, verdict in (("2099-05-31", Verdict.COMPATIBLE), ("2099-06-02", Verdict.UNKNOWN)):
        for sku, other in (("P-1", bracket), ("B-3", pump)):
            page = await listed(pumps, sku, viewer, date=date)
            assert page[other].verdict is verdict


async def test_rules_about_others_need_nothing_of_a_candidate_that_was_not_read(
    tmp_path: Path, database_url: str
) -> None:
    """A candidate without winners that is of the first kind of a rule about neither of the two."""
    text = MAP.replace('a = { kind = "Cap" }', 'a = { kind = "Box", series = "X" }')
    text = text.replace('parent = "parent"\n', 'parent = "parent"\nseries = "family"\n', 1)
    text += '[fields.series]\ntype = "text"\nsystem_of_record = "products"\n'
    async with workshop(tmp_path, database_url, text) as pumps:
        pumps.put("products", sku="B-1", name="Box", kind="Box", family="X")
        pumps.put("fitment", row="1", part="B-1", pump="S-1", fits="y")
        await pumps.sync()
        await pumps.runtime.pool.execute("delete from winners")
        page = await listed(pumps, "S-1", everything(pumps))
        assert page[await pumps.product("B-1")].verdict is Verdict.COMPATIBLE


async def test_an_empty_list_says_which_system_failed(pumps: Workshop) -> None:
    pumps.put("products", sku="B-1", name="Bracket", kind="Bracket")
    await pumps.sync()
    bracket, pump = await pumps.product("B-1"), await pumps.product("P-1")
    (pumps.directory / "products.csv").unlink()
    (report,) = await sync_once(pumps.runtime, ["products"])
    assert report.failure is not None
    await pumps.runtime.state.refresh()
    viewer = everything(pumps)
    hearing = await pumps.runtime.judging.hear(bracket, [pump], {}, viewer)
    page = await Partners(pumps.runtime.judging).page(bracket, {}, viewer, size=20)
    assert not page.found
    assert page.failures == hearing.failures
    assert page.failures.keys() == {"products"}


LIST = """{ product(by: { sku: "P-1" }) { values { name } compatibleWith(first: 5) {
  edges { node { verdict summary product { id } with { id name { value } values { kind } } } } } } }"""


async def test_a_list_is_answered_alike_whatever_else_is_asked_of_the_product(pumps: Workshop) -> None:
    pumps.put("fitment", row="1", part="S-1", pump="P-1", fits="y")
    await pumps.sync()
    assert await Readying(pumps.runtime.pool, pumps.runtime.ownership).catch_up() > 0
    pump, seal = await pumps.product("P-1"), await pumps.product("S-1")
    schema = pumps.runtime.schemas["internal"]
    for document in (LIST, LIST.replace("values { name } ", "")):
        compiled = compile_operation(schema._schema, parse(document), None)
        assert not isinstance(compiled, NotCompiled)
        whole = await compiled.run(None, pumps.runtime.context(None, "internal"), {})
        answers = [(await pumps.runtime.execute(document, "internal"))["data"], orjson.loads(whole.data or b"null")]
        assert answers[0] == answers[1]
        (edge,) = answers[0]["product"]["compatibleWith"]["edges"]
        assert edge["node"] == {
            "verdict": "COMPATIBLE",
            "summary": "Yes. Fitment table says that Seal One fits Pump One.",
            "product": {"id": str(pump)},
            "with": {"id": str(seal), "name": {"value": "Seal One"}, "values": {"kind": "Seal"}},
        }
