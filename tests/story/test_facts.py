"""The main job on a good day: one product, each field from the system that owns it, whoever asks by whatever name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.story.conftest import Brewster

KETTLE = {"sku": "BR-KET-1700-BK"}
FACT = "status freshness source sourceRecordId lastUpdated lastUpdatedBasis observedAt"


async def test_each_field_comes_from_the_system_that_owns_it(brewster: Brewster) -> None:
    data = await brewster.data(
        "query($by: ProductLookup!) { product(by: $by) { facts {"
        " definition { name systemOfRecord fallback } status source sourceRecordId lastUpdated } } }",
        {"by": KETTLE},
    )
    facts = {fact["definition"]["name"]: fact for fact in data["product"]["facts"]}
    assert len(facts) == len(brewster.runtime.ownership.fields_for("internal"))
    ok = {name for name, fact in facts.items() if fact["status"] == "OK"}
    assert {"name", "listPrice", "stockOnHand", "weight", "complaintPatterns", "compatibilityNotes", "webPrice"} <= ok
    for name in ok:
        assert facts[name]["source"] == facts[name]["definition"]["systemOfRecord"], name
        assert facts[name]["sourceRecordId"], name
        assert facts[name]["lastUpdated"], name


@pytest.mark.parametrize(
    "lookup",
    [
        {"alias": "the steel kettle"},
        {"alias": "br-ket-1700-bk"},
        {"alias": "pot elec  17 STL blk"},
        {"sku": "br-ket-1700-bK"},
    ],
)
async def test_a_product_is_found_by_any_departments_name(brewster: Brewster, lookup: dict[str, str]) -> None:
    query = "query($by: ProductLookup!) { product(by: $by) { id } }"
    expected = (await brewster.data(query, {"by": KETTLE}))["product"]["id"]
    found = (await brewster.data(query, {"by": lookup}))["product"]
    assert found is not None
    assert found["id"] == expected


async def test_every_record_of_the_crosswalk_leads_back_to_the_product(brewster: Brewster) -> None:
    data = await brewster.data(
        "query($by: ProductLookup!) { product(by: $by) { id crosswalk { source recordId names linkedBy confidence"
        " identifiers { scheme value } linkedAt observedAt } } }",
        {"by": KETTLE},
    )
    crosswalk = data["product"]["crosswalk"]
    assert {"erp", "wms", "pim", "shop", "crm", "support", "sales"} <= {row["source"] for row in crosswalk}
    lookups = [{"record": {"source": row["source"], "id": row["recordId"]}} for row in crosswalk]
    lookups += [{"gtin": one["value"]} for row in crosswalk for one in row["identifiers"] if one["scheme"] == "gtin"][
        :1
    ]
    back = await brewster.data(
        "query($lookups: [ProductLookup!]!) { productsBy(lookups: $lookups) { id } }", {"lookups": lookups}
    )
    assert {product["id"] for product in back["productsBy"]} == {data["product"]["id"]}


async def test_products_come_back_in_the_order_asked_and_null_where_there_is_none(brewster: Brewster) -> None:
    lookups = [{"sku": "no such thing"}, KETTLE, {"id": "not an id"}, {"gtin": "4006381333932"}, KETTLE]
    data = await brewster.data(
        "query($lookups: [ProductLookup!]!) { productsBy(lookups: $lookups) { id } }", {"lookups": lookups}
    )
    found = [product and product["id"] for product in data["productsBy"]]
    assert found[0] is found[2] is found[3] is None
    assert found[1] == found[4] is not None


async def test_systems_that_agree_but_for_units_are_no_conflict_and_those_that_do_not_are(brewster: Brewster) -> None:
    weight = (
        await brewster.data(
            "query($by: ProductLookup!) { product(by: $by) { weight { value { amount unit } source"
            " candidates { source display isWinner reason } conflict { summary claims { source } } } } }",
            {"by": KETTLE},
        )
    )["product"]["weight"]
    assert weight["value"] == {"amount": "850", "unit": "g"}
    said = {one["source"]: one for one in weight["candidates"]}
    assert said["wms"]["isWinner"]
    assert said["wms"]["display"] == "0.85 kg"
    assert said["pim"]["display"] == "850 g"
    assert [one["source"] for one in weight["conflict"]["claims"]] == ["wms", "shop"]
    assert all(one["reason"].endswith(".") for one in weight["candidates"])


async def test_a_quantity_is_given_in_the_unit_asked_for(brewster: Brewster) -> None:
    data = await brewster.data(
        'query($by: ProductLookup!) { product(by: $by) { weight(unit: "kg") { value { amount unit } } } }',
        {"by": KETTLE},
    )
    assert data["product"]["weight"]["value"] == {"amount": "0.85", "unit": "kg"}
    answer = await brewster.ask(
        'query($by: ProductLookup!) { product(by: $by) { weight(unit: "mm") { status } } }', {"by": KETTLE}
    )
    assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_texts_come_in_the_language_asked_for_and_fall_back_in_the_declared_order(brewster: Brewster) -> None:
    query = (
        "query($by: ProductLookup!, $locale: String) { product(by: $by) { name(locale: $locale) { value locale } } }"
    )

    async def name(locale: str | None) -> Any:
        return (await brewster.data(query, {"by": KETTLE, "locale": locale}))["product"]["name"]

    french, austrian, dutch = await name("fr"), await name("de-AT"), await name("nl")
    assert french["locale"] == "fr"
    assert austrian["locale"] == "de"
    assert dutch["locale"] == (await name(None))["locale"] == "en"
    assert len({french["value"], austrian["value"], dutch["value"]}) == 3


async def test_values_are_the_same_facts_as_plain_scalars(brewster: Brewster) -> None:
    data = await brewster.data(
        'query($by: ProductLookup!) { product(by: $by) { values(locale: "de") {'
        " name weight listPrice listPriceCurrency published materials image rating warrantyYears }"
        ' name(locale: "de") { value } listPrice { value { amount currency } } image { value { url } } } }',
        {"by": KETTLE},
        "storefront",
    )
    values, product = data["product"]["values"], data["product"]
    assert values["name"] == product["name"]["value"]
    assert values["weight"] == "850"
    assert (values["listPrice"], values["listPriceCurrency"]) == ("49.90", "EUR")
    assert product["listPrice"]["value"] == {"amount": "49.90", "currency": "EUR"}
    assert values["image"] == product["image"]["value"]["url"]
    assert isinstance(values["materials"], list)


async def test_the_sheet_of_eight_months_ago_is_stale_and_says_its_age(brewster: Brewster) -> None:
    data = await brewster.data(
        f"query($by: ProductLookup!) {{ product(by: $by) {{ complaintPatterns {{ {FACT} value {{ text }} }} }} }}",
        {"by": KETTLE},
    )
    fact = data["product"]["complaintPatterns"]
    assert fact["freshness"] == "STALE"
    assert fact["lastUpdatedBasis"] == "SOURCE_RECORD"
    age = datetime.now(UTC) - datetime.fromisoformat(fact["lastUpdated"])
    assert timedelta(days=220) < age < timedelta(days=270)
    assert fact["value"]


async def test_as_of_before_anything_was_known_there_is_no_product(brewster: Brewster) -> None:
    query = (
        "query($by: ProductLookup!, $at: DateTime) { product(by: $by, asOf: $at) { id listPrice { status source } } }"
    )
    assert (await brewster.data(query, {"by": KETTLE, "at": "2020-01-01T00:00:00Z"}))["product"] is None
    now = datetime.now(UTC).isoformat()
    assert (await brewster.data(query, {"by": KETTLE, "at": now}))["product"]["listPrice"]["source"] == "erp"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = await brewster.ask(query, {"by": KETTLE, "at": later})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"


async def test_an_ambiguous_name_gives_the_candidates_and_no_guess(brewster: Brewster) -> None:
    rows = await brewster.runtime.pool.fetch(
        "select folded from aliases where scheme = 'name' group by folded having count(distinct product_id) > 1 limit 1"
    )
    assert rows, "the demo has two products that somebody calls the same"
    answer = await brewster.ask(
        "query($by: ProductLookup!) { product(by: $by) { id } }", {"by": {"alias": rows[0]["folded"]}}
    )
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "AMBIGUOUS"
    assert len(error["extensions"]["candidates"]) > 1


async def test_history_and_completeness_and_conflicts_of_a_product(brewster: Brewster) -> None:
    data = await brewster.data(
        'query($by: ProductLookup!) { product(by: $by) { history(fields: ["weight"], first: 2) {'
        " edges { cursor node { field source display observedAt } } pageInfo { hasNextPage endCursor } }"
        " completeness { filled total share missing { name } } conflicts { definition { name } summary } } }",
        {"by": KETTLE},
    )
    product = data["product"]
    assert {edge["node"]["field"] for edge in product["history"]["edges"]} == {"weight"}
    assert product["history"]["pageInfo"]["hasNextPage"]
    rest = await brewster.data(
        "query($by: ProductLookup!, $after: String) { product(by: $by) {"
        ' history(fields: ["weight"], after: $after) { edges { node { source } } } } }',
        {"by": KETTLE, "after": product["history"]["pageInfo"]["endCursor"]},
    )
    sources = [edge["node"]["source"] for edge in product["history"]["edges"] + rest["product"]["history"]["edges"]]
    assert sorted(sources) == ["pim", "shop", "wms"]
    complete = product["completeness"]
    assert complete["filled"] + len(complete["missing"]) == complete["total"]
    assert {conflict["definition"]["name"] for conflict in product["conflicts"]} >= {"weight", "listPrice"}
