"""Lists: search, filter, order and pages; and what dashboards ask about sources and ownership."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.story.conftest import Brewster
from tests.story.test_facts import KETTLE

PAGE = (
    "query($where: ProductFilter, $orderBy: ProductOrder, $first: Int, $after: String) {"
    " products(where: $where, orderBy: $orderBy, first: $first, after: $after) {"
    " totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id"
    " name { value } listPrice { value { amount } } weight { value { amount } } } } } }"
)


async def walk(brewster: Brewster, **variables: Any) -> list[Any]:
    """Every node of a list, page by page."""
    nodes: list[Any] = []
    after = None
    while True:
        page = (await brewster.data(PAGE, {"first": 7, **variables, "after": after}))["products"]
        nodes += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(nodes)
            return nodes
        after = page["pageInfo"]["endCursor"]


async def test_pages_hold_every_product_once(brewster: Brewster) -> None:
    nodes = await walk(brewster)
    assert len({node["id"] for node in nodes}) == len(nodes) > 55


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_products_are_ordered_by_a_fact_and_those_without_come_last(brewster: Brewster, direction: str) -> None:
    nodes = await walk(brewster, orderBy={"field": "listPrice", "direction": direction})
    prices = [node["listPrice"]["value"] and Decimal(node["listPrice"]["value"]["amount"]) for node in nodes]
    known = [price for price in prices if price is not None]
    assert prices == sorted(known, reverse=direction == "DESC") + [None] * (len(prices) - len(known))
    assert 0 < len(known) < len(prices)


async def test_products_are_filtered_by_what_their_facts_are(brewster: Brewster) -> None:
    heavy = await walk(brewster, where={"weight": {"gt": "2000"}, "not": {"name": {"contains": "KETTLE"}}})
    assert heavy
    for node in heavy:
        assert Decimal(node["weight"]["value"]["amount"]) > 2000
        assert "kettle" not in (node["name"]["value"] or "").lower()
    either = await walk(brewster, where={"or": [{"weight": {"gt": "2000"}}, {"name": {"contains": "kettle"}}]})
    assert {node["id"] for node in heavy} < {node["id"] for node in either}


async def test_a_garbled_or_foreign_cursor_is_refused(brewster: Brewster) -> None:
    cursor = (await brewster.data(PAGE, {"first": 1}))["products"]["pageInfo"]["endCursor"]
    tampered = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    foreign = {"after": cursor, "orderBy": {"field": "name", "direction": "ASC"}}
    for variables in ({"after": "nonsense"}, {"after": tampered}, {"after": ""}, foreign):
        answer = await brewster.ask(PAGE, variables)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR", variables
    for first in (0, -1, 101):
        answer = await brewster.ask(PAGE, {"first": first})
        assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"


@pytest.mark.parametrize(
    ("text", "source", "scheme"),
    [
        ("pot elec 17 stl blk", "wms", "name"),
        ("Bestseller", "sales", "name"),
        ("br-ket-1700-bk", None, "sku"),
        ("9520004012003", None, "gtin"),
        ("04-1107-1", "wms", "record"),
        ("Wasserkocher schwarz", "crm", "name"),
    ],
)
async def test_search_finds_by_any_departments_name_and_says_whose(
    brewster: Brewster, text: str, source: str | None, scheme: str
) -> None:
    kettle = (await brewster.data("query($by: ProductLookup!) { product(by: $by) { id } }", {"by": KETTLE}))["product"]
    hits = (
        await brewster.data(
            "query($text: String!) { search(text: $text) { edges { node { alias source scheme product { id } } } } }",
            {"text": text},
        )
    )["search"]["edges"]
    first = hits[0]["node"]
    assert first["product"]["id"] == kettle["id"]
    assert first["scheme"] == scheme
    assert source is None or first["source"] == source


async def test_records_that_cannot_be_linked_stay_apart_with_their_reason(brewster: Brewster) -> None:
    sources = (
        await brewster.data("{ sources { name records apart rejected apartRecords { recordId names reason } } }")
    )["sources"]
    reasons = {one["name"]: [record["reason"] for record in one["apartRecords"]] for one in sources}
    assert any("wrong check digit" in reason for reason in reasons["sales"])
    assert any("stands on several records of shop" in reason for reason in reasons["shop"])
    assert any("no key" in reason for reason in reasons["wms"])
    assert any("no key" in reason for reason in reasons["crm"])
    assert any("keys point at two products" in reason for found in reasons.values() for reason in found)
    record = {"source": "crm", "id": next(s for s in sources if s["name"] == "crm")["apartRecords"][0]["recordId"]}
    data = await brewster.data(
        "query($by: ProductLookup!) { product(by: $by) { crosswalk { linkedBy reason } } }", {"by": {"record": record}}
    )
    assert data["product"]["crosswalk"][0]["linkedBy"] == "apart"


async def test_the_ownership_map_and_its_risks(brewster: Brewster) -> None:
    data = await brewster.data(
        "{ ownershipMap { version fields { name systemOfRecord steward { name contact } maxAge tolerance type }"
        " risks { kind field source message severity } unmapped { source column filled } } }"
    )
    ownership = data["ownershipMap"]
    risks = ownership["risks"]
    assert [risk["severity"] for risk in risks] == sorted((risk["severity"] for risk in risks), reverse=True)
    kinds = {risk["kind"] for risk in risks}
    assert {"NO_STEWARD", "MULTIPLE_WRITERS", "STALE", "CONFLICTING", "UNMAPPED"} <= kinds
    assert {"rating"} == {risk["field"] for risk in risks if risk["kind"] == "NO_STEWARD"}
    assert {"webPrice"} <= {risk["field"] for risk in risks if risk["kind"] == "MULTIPLE_WRITERS"}
    assert ownership["unmapped"]


async def test_a_plan_says_which_system_is_asked_for_what_without_asking(brewster: Brewster) -> None:
    await brewster.control.stop("erp")
    try:
        plan = (
            await brewster.data(
                'query($by: ProductLookup!) { plan(by: $by, fields: ["listPrice", "weight"]) {'
                " steps { source via fields recordIds deadline reason } } }",
                {"by": KETTLE},
            )
        )["plan"]
    finally:
        await brewster.control.start("erp")
    steps = {step["source"]: step for step in plan["steps"]}
    assert steps["erp"]["via"] == "LIVE"
    assert steps["erp"]["fields"] == ["listPrice"]
    assert steps["erp"]["deadline"] == "PT2S"
    assert steps["wms"]["via"] == "LEDGER"
    assert "system of record of weight" in steps["wms"]["reason"]
