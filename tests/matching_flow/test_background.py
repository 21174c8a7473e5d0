"""Matching in the background, and to its end behind a sync."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

import app.matching
from app.matching import finish_matching, keep_matching
from resolvers.matching_flow.matcher import LEASE_SECONDS, Matcher
from sources.ledger.match_records import take_matching
from sources.ledger.pairs import LINK
from tests.matching_flow.shops import Shops


async def linked(shops: Shops) -> None:
    while await shops.verdict("shop s3", "wms w3") != LINK:
        await asyncio.sleep(0.05)


async def test_it_rides_out_an_outage_and_tells_a_defect_once(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.matching, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(app.matching, "AFTER_A_DEFECT_SECONDS", 0.01)
    shops.stock(40)
    await shops.sync()
    troubles: list[Exception] = [
        ConnectionResetError("away"),
        TimeoutError(),
        ValueError("a defect"),
        ValueError("again"),
    ]

    def current() -> Any:
        if troubles:
            raise troubles.pop(0)
        return SimpleNamespace(matcher=shops.matcher)

    with capture_logs() as logs:
        task = asyncio.create_task(keep_matching(current))
        try:
            async with asyncio.timeout(20):
                await linked(shops)
        finally:
            task.cancel()
            await asyncio.wait([task])
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["records are not matched"]


async def test_a_sync_waits_for_another_process_that_gets_on(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.matching, "PATIENCE_SECONDS", 0.05)
    shops.stock(40)
    await shops.sync()
    runtime: Any = SimpleNamespace(matcher=shops.matcher)
    assert await take_matching(shops.pool, "somebody else", LEASE_SECONDS)
    assert await finish_matching(runtime) == 80  # that one stands still, and is left to itself
    assert not await shops.pairs()
    await shops.pool.execute("update match_turn set held_until = clock_timestamp() - interval '1 second'")
    assert await finish_matching(runtime) == 0
    assert await shops.verdict("shop s3", "wms w3") == LINK
    assert await finish_matching(runtime) == 0


async def test_a_matcher_that_lost_its_turn_stops(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    shops.stock(40)
    await shops.sync()

    def told(what: str, count: int) -> None:
        lost.append(what)

    lost: list[str] = []
    other = Matcher(shops.pool, shops.house.ownership)
    whole = shops.matcher._lots.match

    async def slow(*arguments: Any) -> Any:
        await shops.pool.execute("update match_turn set held_until = clock_timestamp() - interval '1 second'")
        assert await take_matching(shops.pool, other._worker, LEASE_SECONDS)
        return await whole(*arguments)

    monkeypatch.setattr(shops.matcher._lots, "match", slow)
    done = await shops.matcher.catch_up(told)
    assert lost.count("matched") == 1
    assert done.matched < 80
    assert sum((await other.waiting()).values()) == 80 - done.matched
