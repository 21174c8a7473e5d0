"""The main job on a bad day: one system stops, is slow or talks nonsense, and costs its own fields only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any

import asyncpg
import pytest

from sources.ledger.database import asyncpg_dsn
from tests.story.conftest import Brewster
from tests.story.test_facts import KETTLE

QUERY = """
query($by: ProductLookup!) { product(by: $by) {
  listPrice { status value { amount } source lastUpdated observedAt candidates { source reason } }
  stockOnHand { status value }
  salesStatus { status value lastUpdated }
  weight { status value { amount } }
  name { status value lastUpdated }
} }
"""


@asynccontextmanager
async def trouble(brewster: Brewster, name: str, kind: str) -> AsyncIterator[None]:
    """One system in trouble for as long as this lasts."""
    if kind == "slow":
        await brewster.control.slow(name, timedelta(seconds=6))
    else:
        await getattr(brewster.control, kind)(name)
    try:
        yield
    finally:
        await brewster.control.start(name)


async def ask(brewster: Brewster) -> tuple[Any, Any]:
    """The kettle, and what the answer's extensions say about systems."""
    answer = await brewster.ask(QUERY, {"by": KETTLE})
    assert "errors" not in answer, answer["errors"]
    return answer["data"]["product"], answer.get("extensions", {}).get("sources", {})


@pytest.mark.parametrize(
    ("kind", "failure"),
    [("stop", {"UNREACHABLE"}), ("slow", {"TIMEOUT"}), ("garble", {"UNREACHABLE", "GARBLED"})],
)
async def test_a_live_system_in_trouble_costs_its_own_fields_only(
    brewster: Brewster, kind: str, failure: set[str]
) -> None:
    before, sources = await ask(brewster)
    assert sources == {}
    await brewster.runtime.memory.settled()
    async with trouble(brewster, "erp", kind):
        began = monotonic()
        during, sources = await ask(brewster)
        assert monotonic() - began < 4, "the deadline of 2 s bounds the read"
    assert sources["erp"]["kind"] in failure
    assert sources["erp"]["action"]
    assert set(sources) == {"erp"}
    for field in ("listPrice", "stockOnHand", "salesStatus"):
        assert during[field]["status"] == "LAST_KNOWN"
        assert during[field]["value"] == before[field]["value"]
    assert during["listPrice"]["lastUpdated"] == before["listPrice"]["lastUpdated"]
    assert "last known" in during["listPrice"]["candidates"][0]["reason"]
    for field in ("weight", "name"):
        assert during[field] == before[field]
    after, sources = await ask(brewster)
    assert after["listPrice"]["status"] == "OK"
    assert sources == {}


@pytest.mark.parametrize(
    ("name", "field", "kind"), [("pim", "name", "stop"), ("pim", "name", "garble"), ("wms", "weight", "stop")]
)
async def test_a_stored_system_in_trouble_is_answered_from_the_ledger(
    brewster: Brewster, name: str, field: str, kind: str
) -> None:
    before, _ = await ask(brewster)
    try:
        async with trouble(brewster, name, kind):
            await brewster.sync(name)
            during, sources = await ask(brewster)
            assert during[field]["status"] == "LAST_KNOWN"
            assert during[field]["value"] == before[field]["value"]
            assert sources[name]["status"] == "FAILED"
            assert during["listPrice"]["status"] == "OK"
            failing = (await brewster.data("{ sources { name status failure { kind message action since } } }"))[
                "sources"
            ]
            assert {one["name"] for one in failing if one["status"] == "FAILING"} == {name}
    finally:
        await brewster.sync(name)
    after, sources = await ask(brewster)
    assert after[field]["status"] == "OK"
    assert sources == {}


async def test_what_a_live_read_sees_is_remembered(brewster: Brewster) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(brewster.environment["ERP_URL"]))
    try:
        await connection.execute(
            "update brewster_erp.items set stock_on_hand = 7, stock_changed_at = now() where sku = 'BR-KET-1700-BK'"
        )
        seen, _ = await ask(brewster)
        assert seen["stockOnHand"] == {"status": "OK", "value": 7}
        await brewster.runtime.memory.settled()
        async with trouble(brewster, "erp", "stop"):
            known, _ = await ask(brewster)
        assert known["stockOnHand"] == {"status": "LAST_KNOWN", "value": 7}
        assert known["salesStatus"]["lastUpdated"] == seen["salesStatus"]["lastUpdated"]
    finally:
        await connection.close()
