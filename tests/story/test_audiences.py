"""What an audience may not see does not exist for it, by whatever way it asks."""

from __future__ import annotations

import json

import pytest

from tests.story.conftest import Brewster
from tests.story.test_facts import KETTLE

HIDDEN = ("cost", "stockOnHand", "salesStatus", "complaintPatterns", "workarounds", "compatibilityNotes")


async def test_each_audience_has_its_own_fields(brewster: Brewster) -> None:
    query = '{ __type(name: "Product") { fields { name } } }'
    internal = {one["name"] for one in (await brewster.data(query))["__type"]["fields"]}
    storefront = {one["name"] for one in (await brewster.data(query, audience="storefront"))["__type"]["fields"]}
    support = {one["name"] for one in (await brewster.data(query, audience="support"))["__type"]["fields"]}
    assert set(HIDDEN) <= internal
    assert storefront.isdisjoint(HIDDEN)
    assert internal - support == {"cost"}


@pytest.mark.parametrize(
    "query",
    [
        "{ product(by: $by) { price: cost { status } } }",
        "{ product(by: $by) { ...More } } fragment More on Product { cost { status } }",
        "{ product(by: $by) { values { cost } } }",
        '{ product(by: $by) { facts(fields: ["cost"]) { status } } }',
        "{ products(where: {cost: {gt: 1}}) { totalCount } }",
        "{ products(orderBy: {field: cost}) { totalCount } }",
        '{ product(by: $by) { history(fields: ["cost"]) { edges { node { field } } } } }',
        '{ plan(by: {sku: "BR-KET-1700-BK"}, fields: ["cost"]) { steps { source } } }',
        "{ sources { name } }",
        "{ ownershipMap { version } }",
    ],
)
async def test_a_hidden_field_is_refused_or_empty_and_not_named_as_hidden(brewster: Brewster, query: str) -> None:
    wanted = ("query($by: ProductLookup!) " if "$by" in query else "") + query
    answer = await brewster.ask(wanted, {"by": KETTLE} if "$by" in query else None, audience="storefront")
    if "errors" in answer:
        said = json.dumps(answer["errors"])
        assert "may not" not in said
        assert "hidden" not in said
        assert not answer.get("data") or not any(answer["data"].values())
    else:
        assert answer["data"]["product"]["history"]["edges"] == []


async def test_whole_answers_name_no_hidden_system_but_the_one_that_supplied_a_value(brewster: Brewster) -> None:
    answer = await brewster.data(
        "query($by: ProductLookup!) { product(by: $by) { crosswalk { source names } conflicts { summary }"
        " facts { definition { name } source candidates { source } } completeness { missing { name } }"
        " history { edges { node { source field } } } } }",
        {"by": KETTLE},
        "storefront",
    )
    product = answer["product"]
    visible = brewster.runtime.ownership.sources_for("storefront")
    assert {row["source"] for row in product["crosswalk"]} <= visible
    assert {edge["node"]["source"] for edge in product["history"]["edges"]} <= visible
    for fact in product["facts"]:
        assert {one["source"] for one in fact["candidates"]} <= visible | {fact["source"]}
        assert fact["definition"]["name"] not in HIDDEN
    assert not {edge["node"]["field"] for edge in product["history"]["edges"]} & set(HIDDEN)


async def test_search_does_not_find_by_the_name_of_a_hidden_system(brewster: Brewster) -> None:
    query = "query($text: String!) { search(text: $text) { edges { node { source alias product { id } } } } }"
    label = {"text": "POT ELEC 17 STL BLK"}
    assert (await brewster.data(query, label))["search"]["edges"]
    hidden = (await brewster.data(query, label, "storefront"))["search"]["edges"]
    assert all(edge["node"]["source"] in {"pim", "shop", "marketing"} for edge in hidden)
    assert not any("POT" in edge["node"]["alias"] for edge in hidden)


async def test_an_unknown_audience_is_refused_with_the_known_ones(brewster: Brewster) -> None:
    answer = await brewster.ask("{ __typename }", audience="press")
    assert answer["errors"][0]["extensions"]["code"] == "UNKNOWN_AUDIENCE"
    assert "storefront" in answer["errors"][0]["message"]
