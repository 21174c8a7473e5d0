"""A steward at Brewster splits a product, sees it stay so, and takes it back; over HTTP, as internal tools do."""

from __future__ import annotations

from tests.story.conftest import Brewster

PRODUCT = """query ($by: ProductLookup!) {
  product(by: $by) { id crosswalk { source recordId linkedBy reason evidence { by } } } }"""
SPLIT = """mutation ($id: ID!, $records: [RecordInput!]!) {
  splitProduct(product: $id, records: $records, by: "J. Mbeki", why: "another generation") {
    action products { id values { name } crosswalk { source } } decisions { verdict inEffect } } }"""
UNDO = 'mutation ($id: ID!) { undoDecision(id: $id, by: "J. Mbeki") { products { id } } }'
CASES = """query ($id: ID) { matchCandidates(where: {product: $id, state: [OPEN, REJECTED]}, first: 20) { edges { node {
  kind state identifier { scheme value } productCount products { id values { name } } } } } }"""


async def cases(brewster: Brewster, product: str) -> dict[str, tuple[str, int]]:
    """The identifiers that stand on this product and others: how it stands, and on how many."""
    found = (await brewster.data(CASES, {"id": product}))["matchCandidates"]["edges"]
    assert {edge["node"]["kind"] for edge in found} == {"SHARED_IDENTIFIER"}
    assert all(len(edge["node"]["products"]) == edge["node"]["productCount"] for edge in found)
    return {
        edge["node"]["identifier"]["scheme"]: (edge["node"]["state"], edge["node"]["productCount"]) for edge in found
    }


async def test_a_split_holds_through_a_sync_and_is_taken_back(brewster: Brewster) -> None:
    by = {"sku": "BR-KET-1000-BK"}
    before = (await brewster.data(PRODUCT, {"by": by}))["product"]
    (warehouse,) = [one for one in before["crosswalk"] if one["source"] == "wms"]
    assert await cases(brewster, before["id"]) == {"gtin": ("OPEN", 3)}, "the outlet has two returned ones by its GTIN"
    off = [{"source": "wms", "id": warehouse["recordId"]}]
    split = (await brewster.data(SPLIT, {"id": before["id"], "records": off}))["splitProduct"]
    try:
        ids = {one["crosswalk"][0]["source"]: one["id"] for one in split["products"] if len(one["crosswalk"]) == 1}
        assert before["id"] in {one["id"] for one in split["products"]}
        assert ids["wms"] != before["id"], "the others keep the id"
        await brewster.sync("wms", "erp")
        alone = (await brewster.data(PRODUCT, {"by": {"id": ids["wms"]}}))["product"]["crosswalk"]
        assert [one["source"] for one in alone] == ["wms"]
        assert "which a person keeps apart" in alone[0]["reason"]
        assert await cases(brewster, ids["wms"]) == {"sku": ("REJECTED", 2), "gtin": ("OPEN", 4)}
        refused = await brewster.ask(SPLIT, {"id": before["id"], "records": off}, audience="storefront")
        assert (
            "splitProduct" in refused["errors"][0]["message"] or "mutation" in refused["errors"][0]["message"].lower()
        )
        twice = await brewster.ask(SPLIT, {"id": before["id"], "records": off})
        assert twice["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    finally:
        await brewster.data(UNDO, {"id": split["action"]})
    after = (await brewster.data(PRODUCT, {"by": by}))["product"]
    assert after == before
    assert (await brewster.data(PRODUCT, {"by": {"id": ids["wms"]}}))["product"]["id"] == before["id"]
