"""What goes with what at Brewster: the four answers of the story, and what a question becomes."""

from __future__ import annotations

from typing import Any

from schema.compatibility import ContextInput, read_context
from tests.story.conftest import Brewster

KETTLE = "BR-KET-1700-BK"
VERDICT = """
query ($a: ProductLookup!, $b: ProductLookup!, $context: [ContextInput!]) {
  compatibility(product: $a, with: $b, context: $context) {
    verdict summary conditions
    evidence { kind verdict decisive relation schemaOrg source sourceRecordId rule freshness lastUpdated steward { name }
               facts { product { id } fact { definition { name } status } } }
    weakest { source }
    missing { sentence product { id } field { name } steward { name contact } question { id state asked } }
  }
}
"""


async def verdict(brewster: Brewster, one: str, other: str, **context: str) -> Any:
    given = [{"name": name, "value": value} for name, value in context.items()]
    answer = await brewster.data(VERDICT, {"a": {"alias": one}, "b": {"alias": other}, "context": given})
    return answer["compatibility"]


async def test_a_base_of_the_next_generation_goes_with_some_serial_numbers(brewster: Brewster) -> None:
    found = await verdict(brewster, KETTLE, "BR-ACC-BASE-H2")
    assert found["verdict"] == "CONDITIONAL"
    assert found["conditions"] == ["serial numbers from H1-240000 to H1-299999"]
    (piece,) = found["evidence"]
    assert (piece["source"], piece["sourceRecordId"], piece["decisive"]) == ("crm", "T-20431", True)
    assert (await verdict(brewster, KETTLE, "BR-ACC-BASE-H2", serial="H1-250123"))["verdict"] == "COMPATIBLE"
    assert (await verdict(brewster, KETTLE, "BR-ACC-BASE-H2", serial="H1-99000"))["verdict"] == "INCOMPATIBLE"


async def test_a_descaler_is_compatible_says_the_pim(brewster: Brewster) -> None:
    found = await verdict(brewster, KETTLE, "BR-ACC-DESC-12T")
    (piece,) = found["evidence"]
    assert (found["verdict"], piece["source"], piece["relation"]) == ("COMPATIBLE", "pim", "uses")
    other_way = await verdict(brewster, "BR-ACC-DESC-12T", KETTLE)
    (piece,) = other_way["evidence"]
    assert (piece["relation"], piece["schemaOrg"]) == ("consumable-for", "isConsumableFor")


async def test_a_filter_on_which_pim_and_support_differ_is_nobodys_silent_winner(brewster: Brewster) -> None:
    found = await verdict(brewster, KETTLE, "BR-ACC-FILT-H2")
    assert found["verdict"] == "CONFLICTING"
    said = {piece["source"]: (piece["verdict"], piece["decisive"]) for piece in found["evidence"]}
    assert said == {"pim": ("COMPATIBLE", True), "support": ("INCOMPATIBLE", True)}
    assert found["weakest"] == {"source": "support"}
    assert "Service desk's sheet says is 8 months old: after 6 months it should have been checked." in found["summary"]


async def test_of_a_lid_that_nobody_measured_it_says_whose_question_it_is(brewster: Brewster) -> None:
    found = await verdict(brewster, KETTLE, "BR-ACC-LID-H2")
    assert found["verdict"] == "UNKNOWN"
    (missing,) = found["missing"]
    assert missing["field"] == {"name": "lidDiameter"}
    assert missing["steward"] == {"name": "Product management", "contact": "products@brewster.example"}
    (piece,) = found["evidence"]
    assert (piece["rule"], piece["verdict"], piece["decisive"]) == ("kettle-lid", "UNKNOWN", False)
    measured = await verdict(brewster, KETTLE, "BR-ACC-LID-GLS")
    assert measured["verdict"] == "INCOMPATIBLE"
    assert "115 mm" in measured["summary"]


LIST = """
query ($by: ProductLookup!, $first: Int!, $after: String, $where: CompatibilityFilter) {
  product(by: $by) { compatibleWith(first: $first, after: $after, where: $where) {
    edges { cursor node { verdict summary with { values { name } crosswalk { identifiers { scheme value } } } } }
    pageInfo { hasNextPage endCursor }
  } }
}
"""


async def partners(brewster: Brewster, **where: Any) -> dict[str, str]:
    """SKU to verdict, page by page."""
    found: dict[str, str] = {}
    after = None
    for _ in range(20):
        variables = {"by": {"sku": KETTLE}, "first": 2, "after": after, "where": where}
        page = (await brewster.data(LIST, variables))["product"]["compatibleWith"]
        for edge in page["edges"]:
            identifiers = (one for record in edge["node"]["with"]["crosswalk"] for one in record["identifiers"])
            (sku,) = {one["value"] for one in identifiers if one["scheme"] == "sku"}
            assert sku not in found, "twice"
            found[sku] = edge["node"]["verdict"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
    raise AssertionError("there is no end to it")


async def test_what_works_with_the_kettle_page_by_page(brewster: Brewster) -> None:
    everything = await partners(brewster)
    assert everything == {
        "br-acc-base-h1": "COMPATIBLE",
        "br-acc-base-h2": "CONDITIONAL",
        "br-acc-lid-h1": "COMPATIBLE",
        "br-acc-filt-h1": "COMPATIBLE",
        "br-acc-filt-h2": "CONFLICTING",
        "br-acc-desc-250": "COMPATIBLE",
        "br-acc-desc-12t": "COMPATIBLE",
    }
    assert await partners(brewster, verdict=["CONDITIONAL"]) == {"br-acc-base-h2": "CONDITIONAL"}
    assert await partners(brewster, category=["Accessories"]) == {
        sku: said for sku, said in everything.items() if "desc" in sku
    }
    lids = await partners(brewster, verdict=["UNKNOWN", "INCOMPATIBLE"])
    assert (lids["br-acc-lid-h2"], lids["br-acc-lid-gls"]) == ("UNKNOWN", "INCOMPATIBLE")


ASK = """
mutation ($a: ProductLookup!, $b: ProductLookup!) {
  askQuestion(product: $a, with: $b) { id state asked steward { name } field { name } about { values { name } } }
}
"""
ANSWER = """
mutation ($id: ID!, $verdict: Verdict!, $until: DateTime) {
  answerQuestion(question: $id, verdict: $verdict, author: "J. Mbeki", text: "Tried it on.", expiresAt: $until) {
    id state verdict author expiresAt
  }
}
"""


async def test_a_question_is_put_once_and_its_answer_is_a_statement(brewster: Brewster) -> None:
    pair = {"a": {"sku": "BR-KET-1000-BK"}, "b": {"sku": "BR-ACC-LID-H2"}}
    (asked, *_) = (await brewster.data(ASK, pair))["askQuestion"]
    assert (asked["state"], asked["asked"]) == ("OPEN", 1)
    turned = {"a": pair["b"], "b": pair["a"]}
    again = (await brewster.data(ASK, turned, audience="support"))["askQuestion"]
    assert {one["id"]: one["asked"] for one in again}[asked["id"]] == 2
    queue = await brewster.data("{ questions(where: {answered: false}) { totalCount edges { node { id asked } } } }")
    assert queue["questions"]["totalCount"] == len(again)
    assert queue["questions"]["edges"][0]["node"]["asked"] == 2
    found = await verdict(brewster, "BR-KET-1000-BK", "BR-ACC-LID-H2")
    assert {one["question"]["state"] for one in found["missing"]} == {"OPEN"}

    refused = await brewster.ask(ANSWER, {"id": asked["id"], "verdict": "INCOMPATIBLE"}, audience="support")
    assert "answerQuestion" in refused["errors"][0]["message"]
    answered = (await brewster.data(ANSWER, {"id": asked["id"], "verdict": "INCOMPATIBLE"}))["answerQuestion"]
    assert (answered["state"], answered["author"]) == ("ANSWERED", "J. Mbeki")
    found = await verdict(brewster, "BR-KET-1000-BK", "BR-ACC-LID-H2")
    assert found["verdict"] == "INCOMPATIBLE"
    decisive = [piece for piece in found["evidence"] if piece["decisive"]]
    assert [(piece["kind"], piece["sourceRecordId"]) for piece in decisive] == [("ANSWER", asked["id"])]
    document = """query ($a: ProductLookup!, $b: ProductLookup!) { compatibility(product: $a, with: $b) {
      summary evidence { decisive author sentence sourceRecordId } } }"""
    told = (await brewster.data(document, pair, audience="storefront"))["compatibility"]
    assert told["summary"].startswith("No. A steward answered that")
    assert "Mbeki" not in str(told), "who answered is nothing for customers"
    known = await brewster.ask(ASK, pair)
    assert known["errors"][0]["extensions"]["code"] == "KNOWN"

    await brewster.runtime.pool.execute("update statements set expires_at = now() where source = 'answers'")
    await brewster.runtime.pool.execute("update answers set expires_at = now()")
    assert (await verdict(brewster, "BR-KET-1000-BK", "BR-ACC-LID-H2"))["verdict"] == "UNKNOWN"


async def test_what_is_no_question_is_told(brewster: Brewster) -> None:
    same = await brewster.ask(VERDICT, {"a": {"sku": KETTLE}, "b": {"alias": "121066"}})
    assert same["errors"][0]["extensions"]["code"] in ("SAME_PRODUCT", "AMBIGUOUS")
    itself = await brewster.ask(VERDICT, {"a": {"sku": KETTLE}, "b": {"record": {"source": "wms", "id": "04-1107-1"}}})
    assert itself["errors"][0]["extensions"]["code"] == "SAME_PRODUCT"
    ambiguous = await brewster.ask(VERDICT, {"a": {"sku": KETTLE}, "b": {"alias": "Harbour Electric Kettle 1.7 l"}})
    extensions = ambiguous["errors"][0]["extensions"]
    assert (extensions["code"], len(extensions["candidates"]) > 1) == ("AMBIGUOUS", True)
    nobody = await brewster.ask(VERDICT, {"a": {"sku": KETTLE}, "b": {"sku": "NOBODY"}})
    assert nobody["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_date_may_be_written_as_iso_lets_it_and_hidden_categories_choose_nothing(brewster: Brewster) -> None:
    found = read_context([ContextInput(name="date", value=" 20260131 "), ContextInput(name="year", value="2020 ")])
    assert found == {"date": "2026-01-31T00:00:00", "year": "2020"}
    declared = brewster.runtime.ownership.compatibility
    variables = {"by": {"sku": KETTLE}, "first": 2, "where": {"category": ["Accessories"]}}
    assert (await brewster.data(LIST, variables, audience="support"))["product"]["compatibleWith"]["edges"]
    object.__setattr__(declared, "category", None)
    try:
        refused = await brewster.ask(LIST, variables, audience="support")
    finally:
        object.__setattr__(declared, "category", "category")
    assert refused["errors"][0]["message"] == "There are no categories here to choose partners by."


async def test_a_storefront_is_told_no_system_record_or_text_that_it_may_not_see(brewster: Brewster) -> None:
    document = """{ compatibility(product: {sku: "BR-KET-1700-BK"}, with: {sku: "BR-ACC-BASE-H2"}) {
      verdict summary evidence { source sourceRecordId author text steward { name contact } sentence } } }"""
    found = (await brewster.data(document, audience="storefront"))["compatibility"]
    (piece,) = found["evidence"]
    assert found["verdict"] == "CONDITIONAL"
    assert piece["source"] is piece["sourceRecordId"] is piece["author"] is piece["text"] is piece["steward"] is None
    assert "Customer relations" not in found["summary"]
    refused = await brewster.ask("{ questions { totalCount } }", audience="storefront")
    assert "questions" in refused["errors"][0]["message"]


async def test_a_fact_that_a_rule_used_is_shown_as_its_asker_may_see_it(brewster: Brewster) -> None:
    document = """{ compatibility(product: {sku: "BR-KET-1700-BK"}, with: {sku: "BR-ACC-LID-H1"}) {
      evidence { rule facts { fact { definition { name } candidates { source } } } } } }"""
    for audience in ("internal", "storefront"):
        found = (await brewster.data(document, audience=audience))["compatibility"]
        (piece,) = (one for one in found["evidence"] if one["rule"])
        names = {one["fact"]["definition"]["name"]: one["fact"]["candidates"] for one in piece["facts"]}
        assert set(names) == {"name", "lidDiameter"}
        assert {one["source"] for one in names["lidDiameter"]} == {"pim"}


async def test_verdicts_are_counted_by_day(brewster: Brewster) -> None:
    async def unknown() -> int:
        rows = (await brewster.data("{ verdictCounts(days: 2) { day verdict count } }"))["verdictCounts"]
        return sum(row["count"] for row in rows if row["verdict"] == "UNKNOWN")

    before = await unknown()
    await verdict(brewster, KETTLE, "BR-ACC-LID-H2")
    await verdict(brewster, KETTLE, "BR-ACC-LID-H2")
    assert await unknown() == before + 2
