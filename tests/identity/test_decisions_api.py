"""Candidates and decisions through GraphQL: what a person sees, says, and reads back; and for whom none of it exists."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from resolvers.map_file import parse_map
from tests.identity.test_deciding import ERP, GTIN, PIM, WMS, groups, matched, put
from tests.resolvers.ledger_invariants import check_ledger, product_ids
from tests.resolvers.memory_source import HOUSE_TOML, House, house_map
from tests.schema.test_compiled import Asked

logging.getLogger("strawberry.execution").disabled = True
DECIDES = (
    "[audiences.internal]\ngovernance = true\n",
    "[audiences.internal]\ngovernance = true\ndecides = true\n[audiences.clerk]\ndecides = true\n",
)
SEEN = ('audiences = ["internal", "storefront"]\n[sources.pim.id', 'audiences = ["internal", "clerk"]\n[sources.pim.id')
CANDIDATES = """query ($where: MatchFilter, $first: Int! = 10, $after: String) {
  matchCandidates(where: $where, first: $first, after: $after) {
    edges { node {
      id kind state probability ruleVersion foundAt findings { comparison outcome weight accident }
      identifier { scheme value } left { source recordId names linkedBy product { id } } right { source recordId }
      records { source recordId } products { id crosswalk { source } } decision { by verdict }
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""
RESULT = """{ action products { id crosswalk { source linkedBy evidence { by why source recordId } ruleVersion } }
  decisions { id verdict kind by why inEffect left { recordId } right { recordId } } overrides { id by } }"""
CONFIRM = (
    f"mutation ($id: ID!, $by: String!, $why: String) {{ done: confirmMatch(id: $id, by: $by, why: $why) {RESULT} }}"
)
REJECT = f"mutation ($id: ID!, $by: String!) {{ done: rejectMatch(id: $id, by: $by) {RESULT} }}"
MERGE = f'mutation ($ids: [ID!]!) {{ done: mergeProducts(products: $ids, by: "Ada") {RESULT} }}'
SPLIT = f"""mutation ($id: ID!, $records: [RecordInput!]!) {{
  done: splitProduct(product: $id, records: $records, by: "Ada") {RESULT} }}"""
UNDO = f'mutation ($id: ID!) {{ done: undoDecision(id: $id, by: "Cleo", why: "wrong") {RESULT} }}'
DECISIONS = """query ($where: DecisionFilter, $first: Int! = 10, $after: String) {
  decisions(where: $where, first: $first, after: $after) {
    edges { node { id by verdict inEffect undoneBy undoneWhy left { recordId product { id } } } }
    pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture
def deciders(house: House) -> Iterator[House]:
    """The house by a map in which two audiences decide: one that sees all, and one that sees the PIM alone."""
    before = house.ownership
    house.rewire(house_map(DECIDES, SEEN))
    try:
        yield house
    finally:
        house.rewire(before)


class Desk:
    """Someone of an audience, asking."""

    def __init__(self, house: House, audience: str = "internal") -> None:
        self.asked = Asked(house, audience)

    async def answer(self, document: str, **variables: Any) -> Mapping[str, Any]:
        result = await self.asked.schema.execute(document, variables, context_value=self.asked.context())
        return {"data": result.data, "errors": result.errors or []}

    async def data(self, document: str, **variables: Any) -> Any:
        answer = await self.answer(document, **variables)
        assert answer["errors"] == []
        return answer["data"]

    async def refusal(self, document: str, **variables: Any) -> str:
        (error,) = (await self.answer(document, **variables))["errors"]
        assert error.extensions["http"]["status"] == 400
        return str(error.extensions["code"])

    async def candidates(self, **where: Any) -> list[Any]:
        found = await self.data(CANDIDATES, where=where)
        return [edge["node"] for edge in found["matchCandidates"]["edges"]]

    async def decide(self, document: str, **variables: Any) -> Any:
        return (await self.data(document, **variables))["done"]


async def test_a_pair_is_seen_confirmed_read_back_and_undone(deciders: House) -> None:
    desk = Desk(deciders)
    await put(deciders, erp={"label": "Kettle"}, wms={"label": "Kettle 1.7"})
    await matched(deciders, ERP, WMS, "REVIEW", 0.6)
    (found,) = await desk.candidates()
    assert (found["kind"], found["state"], found["probability"], found["ruleVersion"]) == ("PAIR", "OPEN", 0.6, "v1")
    assert found["findings"] == [{"comparison": "names", "outcome": "alike", "weight": 9.5, "accident": 0.001}]
    assert (found["left"]["source"], found["left"]["names"], found["right"]["recordId"]) == ("erp", ["Kettle"], "w")
    assert len(found["products"]) == 2
    done = await desk.decide(CONFIRM, id=found["id"], by="  Ada ", why="one carton")
    (product,) = done["products"]
    assert {one["linkedBy"] for one in product["crosswalk"]} == {"person"}
    assert product["crosswalk"][0]["evidence"] == {"by": "Ada", "why": "one carton", "source": "wms", "recordId": "w"}
    assert await desk.candidates() == []
    (again,) = await desk.candidates(state=["CONFIRMED"])
    assert (again["id"], again["decision"]) == (found["id"], {"by": "Ada", "verdict": "SAME"})
    assert await desk.refusal(CONFIRM, id=found["id"], by="Bob") == "DECIDED"
    await desk.decide(UNDO, id=done["decisions"][0]["id"])
    assert [one["state"] for one in await desk.candidates()] == ["OPEN"]
    history = await desk.data(DECISIONS, where={"product": product["id"]})
    (one,) = (edge["node"] for edge in history["decisions"]["edges"])
    assert (one["by"], one["inEffect"], one["undoneBy"], one["undoneWhy"]) == ("Ada", False, "Cleo", "wrong")
    assert (await desk.data(DECISIONS, where={"candidate": found["id"]}))["decisions"]["edges"]
    await check_ledger(deciders)


async def test_a_rejected_pair_is_never_proposed_again(deciders: House) -> None:
    desk = Desk(deciders)
    await put(deciders, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    await matched(deciders, ERP, WMS, "LINK")
    assert await desk.candidates() == []
    (linked,) = await desk.candidates(state=["LINKED"])
    done = await desk.decide(REJECT, id=linked["id"], by="Ada")
    assert len(done["products"]) == 2
    was = deciders.systems["wms"].drop("w")
    await deciders.sync_all()
    deciders.systems["wms"].put("w", **was)
    await deciders.sync_all()
    await matched(deciders, ERP, WMS, "LINK", 1.0)
    assert await desk.candidates() == []
    assert await desk.candidates(state=["OPEN", "LINKED", "CONFIRMED"]) == []
    (rejected,) = await desk.candidates(state=["REJECTED"])
    assert rejected["decision"] == {"by": "Ada", "verdict": "APART"}
    assert await groups(deciders) == {"e", "w"}


async def test_a_link_of_matching_that_a_key_stands_against_is_for_a_person(deciders: House) -> None:
    desk = Desk(deciders)
    deciders.systems["erp"].put("e2", label="Jug")
    await put(deciders, erp={"label": "Kettle"}, wms={"label": "Kettle"})
    await matched(deciders, ERP, WMS, "LINK", 0.99)
    assert await groups(deciders) == {"e w", "e2"}
    assert [one["state"] for one in await desk.candidates(state=["OPEN", "LINKED"])] == ["LINKED"]
    for name, record_id in (("erp", "e2"), ("wms", "w")):
        deciders.systems[name].edit(record_id, gtin=GTIN)
    await deciders.sync_all()
    assert await groups(deciders) == {"e", "e2 w"}
    assert [(one["state"], one["probability"]) for one in await desk.candidates()] == [("OPEN", 0.99)]
    deciders.systems["erp"].edit("e2", gtin=None)
    await deciders.sync_all()
    assert await desk.candidates() == []
    assert [one["state"] for one in await desk.candidates(state=["LINKED"])] == ["LINKED"]


async def test_an_identifier_on_three_products_is_a_case_with_all_of_them(deciders: House) -> None:
    desk = Desk(deciders)
    for number in "123":
        deciders.systems["erp"].put(f"e{number}", gtin=GTIN)
    await put(deciders, wms={"gtin": GTIN, "sku": "A"}, pim={"sku": "A"})
    await matched(deciders, WMS, PIM, "REVIEW", 0.5)
    (found,) = await desk.candidates()
    assert (found["kind"], found["state"], found["probability"]) == ("SHARED_IDENTIFIER", "OPEN", None)
    assert found["identifier"] == {"scheme": "gtin", "value": f"0{GTIN}"}
    ids = await product_ids(deciders)
    assert {one["id"] for one in found["products"]} == {str(one) for one in set(ids.values())}
    assert [(one["source"], one["recordId"]) for one in found["records"]] != []
    assert await desk.candidates(leastProbability=0.1) == []
    assert await desk.candidates(kind=["PAIR"]) == []
    assert [one["id"] for one in await desk.candidates(product=str(ids[PIM]))] == [found["id"]]
    assert await desk.candidates(source="pim") == []
    assert await desk.refusal(CONFIRM, id=found["id"], by="Ada") == "TWO_OF_ONE_SOURCE"
    done = await desk.decide(REJECT, id=found["id"], by="Ada")
    assert len(done["decisions"]) == 6
    assert await desk.refusal(REJECT, id=found["id"], by="Bob") == "DECIDED"
    assert await desk.candidates() == []
    assert [one["id"] for one in await desk.candidates(state=["REJECTED"])] == [found["id"]]
    deciders.systems["erp"].put("e4", gtin=GTIN)
    await deciders.sync_all()
    assert [one["state"] for one in await desk.candidates()] == ["OPEN"], "another product is another case"
    await check_ledger(deciders)


async def test_pages_hold_each_candidate_once_the_surest_first_and_refuse_strange_cursors(deciders: House) -> None:
    desk = Desk(deciders)
    for number in range(4):
        deciders.systems["erp"].put(f"e{number}", label="Kettle", sku="S" if number < 2 else f"S{number}")
        deciders.systems["wms"].put(f"w{number}", label="Kettle", sku=f"T{number}")
    await deciders.sync_all()
    for number in range(4):
        one = ERP._replace(id=f"e{number}"), WMS._replace(id=f"w{number}")
        await matched(deciders, *one, "REVIEW", 0.5 + (number % 3) / 10)
    met: list[Any] = []
    after = None
    while True:
        page = (await desk.data(CANDIDATES, first=2, after=after))["matchCandidates"]
        met += [edge["node"] for edge in page["edges"]]
        assert len(page["edges"]) <= 2
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len({one["id"] for one in met}) == len(met) == 5
    assert [one["probability"] for one in met] == [None, 0.7, 0.6, 0.5, 0.5]
    other = {"where": {"source": "erp"}, "after": after}
    assert await desk.refusal(CANDIDATES, **other) == "BAD_CURSOR"
    assert await desk.refusal(CANDIDATES, first=101) == "BAD_INPUT"


async def test_products_are_merged_split_and_merged_again(deciders: House) -> None:
    desk = Desk(deciders)
    await put(deciders, erp={"gtin": GTIN}, wms={"gtin": GTIN}, pim={"label": "Kettle"})
    ids = {key.source: str(product) for key, product in (await product_ids(deciders)).items()}
    merged = await desk.decide(MERGE, ids=[ids["pim"], ids["erp"]])
    assert [one["id"] for one in merged["products"]] == [ids["erp"]]
    assert (await desk.data("query ($id: ID!) { product(by: {id: $id}) { id } }", id=ids["pim"]))["product"][
        "id"
    ] == ids["erp"]
    assert await desk.refusal(MERGE, ids=[ids["erp"], ids["pim"]]) == "SAME_PRODUCT"
    split = await desk.decide(SPLIT, id=ids["pim"], records=[{"source": "erp", "id": "e"}])
    assert await groups(deciders) == {"e", "p w"} or await groups(deciders) == {"e", "p", "w"}
    assert len(split["decisions"]) == 2
    history = (await desk.data(DECISIONS, first=2))["decisions"]
    assert [edge["node"]["verdict"] for edge in history["edges"]] == ["APART", "APART"]
    rest = (await desk.data(DECISIONS, first=2, after=history["pageInfo"]["endCursor"]))["decisions"]
    assert [edge["node"]["verdict"] for edge in rest["edges"]] == ["SAME"]
    acted = (await desk.data(DECISIONS, where={"action": split["action"]}))["decisions"]["edges"]
    assert len(acted) == 2
    await desk.decide(UNDO, id=split["action"])
    assert await groups(deciders) == {"e p w"}
    await check_ledger(deciders)


async def test_what_cannot_be_read_is_told(deciders: House) -> None:
    desk = Desk(deciders)
    await put(deciders, erp={"gtin": GTIN}, wms={"gtin": GTIN})
    product = str((await product_ids(deciders))[ERP])
    for wrong in ("", "?", "WyJhIl0", "WzEsMl0", "x" * 5000, "bnVsbA", "WyJlcnAiLCAiZSIsICJlcnAiLCAiZSJd"):
        assert await desk.refusal(CONFIRM, id=wrong, by="Ada") == "NOT_FOUND"
        assert await desk.refusal(UNDO, id=wrong) == "NOT_FOUND"
        assert await desk.refusal(MERGE, ids=[wrong]) == "NOT_FOUND"
    assert await desk.refusal(MERGE, ids=[product] * 21) == "TOO_MANY"
    assert await desk.refusal(MERGE, ids=[]) == "SAME_PRODUCT"
    assert await desk.refusal(SPLIT, id=product, records=[]) == "NO_PART"
    assert await desk.refusal(SPLIT, id=product, records=[{"source": "crm", "id": "\x00"}]) == "NOT_FOUND"
    for by in ("", "   ", "x" * 500, "A\x00"):
        assert await desk.refusal(CONFIRM, id="x", by=by) == "BAD_INPUT"
    assert await desk.refusal(CONFIRM, id="x", by="Ada", why="y" * 2001) == "BAD_INPUT"
    assert await desk.refusal(CANDIDATES, where={"source": "nowhere"}) == "BAD_INPUT"
    assert await desk.refusal(CANDIDATES, where={"product": "nothing"}) == "NOT_FOUND"
    assert await desk.refusal(CANDIDATES, where={"leastProbability": 2}) == "BAD_INPUT"
    assert await deciders.pool.fetchval("select count(*) from match_decisions") == 0


async def test_whoever_sees_one_system_sees_nothing_of_the_others(deciders: House) -> None:
    clerk, desk = Desk(deciders, "clerk"), Desk(deciders)
    deciders.systems["pim"].put("p2", sku="B", label="Jug")
    await put(deciders, erp={"label": "Kettle", "sku": "B"}, wms={"label": "Kettle"}, pim={"label": "Kettle"})
    await matched(deciders, ERP, PIM, "REVIEW", 0.6)
    (found,) = await desk.candidates(kind=["PAIR"])
    assert await clerk.candidates() == []
    assert await clerk.refusal(CONFIRM, id=found["id"], by="Eve") == "NOT_FOUND"
    assert await clerk.refusal(CANDIDATES, where={"source": "erp"}) == "BAD_INPUT"
    ids = {key: str(product) for key, product in (await product_ids(deciders)).items()}
    assert await clerk.refusal(MERGE, ids=[ids[PIM], ids[WMS]]) == "NOT_FOUND"
    assert await clerk.refusal(SPLIT, id=ids[ERP], records=[{"source": "erp", "id": "e"}]) == "NOT_FOUND"
    done = await desk.decide(REJECT, id=found["id"], by="Ada")
    assert (await clerk.data(DECISIONS))["decisions"]["edges"] == []
    assert await clerk.refusal(UNDO, id=done["action"]) == "NOT_FOUND"
    whole = (await desk.decide(MERGE, ids=[ids[WMS], ids[PIM]]))["products"][0]["id"]
    linked = "query ($id: ID!) { product(by: {id: $id}) { crosswalk { source linkedBy evidence { by recordId } } } }"
    (seen,) = (await clerk.data(linked, id=whole))["product"]["crosswalk"]
    assert seen == {"source": "pim", "linkedBy": "person", "evidence": None}, "it rests on a record they do not see"
    # what they could neither see among decisions nor undo is not theirs to decide
    assert await clerk.refusal(SPLIT, id=whole, records=[{"source": "pim", "id": "p"}]) == "NO_PART"


async def test_for_an_audience_that_does_not_decide_none_of_it_exists(deciders: House) -> None:
    sdl = Desk(deciders, "storefront").asked.schema.as_str()
    for name in (
        "matchCandidates",
        "MatchCandidate",
        "decisions",
        "confirmMatch",
        "Mutation",
        "LinkEvidence",
        "ruleVersion",
    ):
        assert name not in sdl
    shut = Desk(deciders, "storefront")
    assert "matchCandidates" in str((await shut.answer("{ matchCandidates { edges { cursor } } }"))["errors"])


def test_who_decides_is_declared() -> None:
    assert not parse_map(HOUSE_TOML, {}).audiences["internal"].decides
    read = house_map(DECIDES).audiences
    assert (read["internal"].decides, read["clerk"].decides, read["storefront"].decides) == (True, True, False)
