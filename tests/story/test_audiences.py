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
    ("query", "code"),
    [
        ("{ product(by: $by) { price: cost { status } } }", "BAD_DOCUMENT"),
        ("{ product(by: $by) { ...More } } fragment More on Product { cost { status } }", "BAD_DOCUMENT"),
        ("{ product(by: $by) { values { cost } } }", "BAD_DOCUMENT"),
        ('{ product(by: $by) { facts(fields: ["cost"]) { status } } }', "BAD_INPUT"),
        ('{ product(by: $by) { history(fields: ["cost"]) { edges { node { field } } } } }', "BAD_INPUT"),
        ('{ products(where: {cost: {gt: "1"}}) { totalCount } }', "BAD_DOCUMENT"),
        ("{ products(orderBy: {field: cost}) { totalCount } }", "BAD_DOCUMENT"),
        ('{ products(where: {hasRecordIn: "crm"}) { totalCount } }', "BAD_DOCUMENT"),
        ('{ plan(by: {sku: "BR-KET-1700-BK"}, fields: ["listPrice"]) { steps { source } } }', "BAD_DOCUMENT"),
        ("{ sources { name } }", "BAD_DOCUMENT"),
        ("{ ownershipMap { version } }", "BAD_DOCUMENT"),
    ],
)
async def test_what_is_hidden_is_refused_as_what_does_not_exist(brewster: Brewster, query: str, code: str) -> None:
    by = "$by" in query
    wanted = ("query($by: ProductLookup!) " if by else "") + query
    answer = await brewster.ask(wanted, {"by": KETTLE} if by else None, audience="storefront")
    assert [error["extensions"]["code"] for error in answer["errors"]][:1] == [code]
    made_up = await brewster.ask(wanted.replace("cost", "cosy"), {"by": KETTLE} if by else None, audience="storefront")
    assert [error["extensions"]["code"] for error in made_up["errors"]][:1] == [code]
    said = json.dumps(answer["errors"])
    for name in HIDDEN[1:]:
        assert name not in said, "no suggestion names what is hidden"
    internal = await brewster.ask(wanted, {"by": KETTLE} if by else None)
    assert "errors" not in internal, "it exists for who may see it"


async def test_whole_answers_name_no_hidden_system_but_the_owner_of_a_visible_fact(brewster: Brewster) -> None:
    query = (
        "query($by: ProductLookup!) { product(by: $by) { crosswalk { source names linkedBy reason } conflicts { summary }"
        " facts { definition { name systemOfRecord fallback readers writers audiences steward { name contact } }"
        " status source candidates { source reason } conflict { summary } }"
        " completeness { missing { name } } history { edges { node { source field display } } } } }"
    )
    seen = (await brewster.data(query, {"by": KETTLE}))["product"]
    product = (await brewster.data(query, {"by": KETTLE}, "storefront"))["product"]
    visible = brewster.runtime.ownership.sources_for("storefront")
    assert visible == {"pim", "shop", "marketing"}
    assert {row["source"] for row in product["crosswalk"]} == {row["source"] for row in seen["crosswalk"]} & visible
    assert {edge["node"]["source"] for edge in product["history"]["edges"]} <= visible
    assert product["history"]["edges"]
    assert len(product["facts"]) == len(brewster.runtime.ownership.fields_for("storefront")) > 20
    owners = {fact["definition"]["systemOfRecord"] for fact in product["facts"]}
    hidden = {"erp", "wms", "crm", "support", "sales"} - owners
    assert hidden == {"crm", "support", "sales"}
    said = json.dumps(product)
    for name in (*hidden, *HIDDEN):
        assert f'"{name}"' not in said
        assert f" {name} " not in said
    assert "@brewster.example" not in said
    assert "@brewster.example" in json.dumps(seen)
    assert {fact["definition"]["name"] for fact in seen["facts"]} > set(HIDDEN)


async def test_a_product_that_only_hidden_systems_know_does_not_exist(brewster: Brewster) -> None:
    rows = await brewster.runtime.pool.fetch(
        "select product_id from crosswalk join products using (product_id) where gone_at is null and listed "
        "group by product_id having not bool_or(source in ('pim', 'shop', 'marketing'))"
    )
    assert rows
    by = {"id": str(rows[0]["product_id"])}
    query = "query($by: ProductLookup!) { product(by: $by) { id } products { totalCount } }"
    internal, storefront = await brewster.data(query, {"by": by}), await brewster.data(query, {"by": by}, "storefront")
    assert internal["product"] is not None
    assert storefront["product"] is None
    assert internal["products"]["totalCount"] == storefront["products"]["totalCount"] + len(rows)


async def test_support_hears_nothing_of_the_cost(brewster: Brewster) -> None:
    query = "{ sources { name owns feeds } ownershipMap { fields { name } risks { field message } } }"
    assert '"cost"' in json.dumps(await brewster.data(query))
    assert '"cost"' not in json.dumps(await brewster.data(query, audience="support"))


async def test_search_does_not_find_by_the_name_of_a_hidden_system(brewster: Brewster) -> None:
    query = "query($text: String!) { search(text: $text) { edges { node { source alias product { id } } } } }"
    label = {"text": "POT ELEC 17 STL BLK"}
    assert (await brewster.data(query, label))["search"]["edges"]
    assert (await brewster.data(query, label, "storefront"))["search"]["edges"] == []
    named = (await brewster.data(query, {"text": "harbour kettle"}, "storefront"))["search"]["edges"]
    assert {edge["node"]["source"] for edge in named} <= {"pim", "shop", "marketing"}
    assert named


async def test_an_unknown_audience_is_refused_with_the_known_ones(brewster: Brewster) -> None:
    answer = await brewster.ask("{ __typename }", audience="press")
    assert answer["errors"][0]["extensions"]["code"] == "UNKNOWN_AUDIENCE"
    assert "storefront" in answer["errors"][0]["message"]
