"""The guard around a real system over HTTP: what it asks again, what it keeps, and what it leaves alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sources.contract import Failed, Outcome, Page, Reading, RecordKey
from sources.failures import FailureKind
from sources.guard import GuardedSource
from sources.mapping import FieldShape, Mapping
from sources.rest import KIND
from sources.values import FieldType
from tests.sources.http_systems import declared, opened
from tests.upstreams.http_faults import Fault
from tests.upstreams.http_server import HttpServer

SHAPES = {"label": FieldShape("label", FieldType.TEXT)}
KEYS = [f"A-{number:02}" for number in range(1, 10)]


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def guarded(server: HttpServer, clock: Clock, options: dict[str, Any], **common: Any) -> GuardedSource:
    common = {"fields": {"label": "label"}, "breaker": {"after": 3}, **common}
    declaration = declared(**common)
    connector = opened(KIND, {"url": server.url("/rest/page"), "records": "data", **options}, **common)
    return GuardedSource(connector, Mapping(declaration, SHAPES), declaration, now=clock)


@pytest.fixture
async def source(http_server: HttpServer, clock: Clock) -> AsyncIterator[GuardedSource]:
    for key in KEYS:
        http_server.put(key, {"label": f"Kettle {key}"})
    options = {"fetch": {"url": http_server.url("/rest/one/{key}")}, "paging": {"kind": "page", "size": 2}}
    source = guarded(http_server, clock, options, deadline="1s")
    yield source
    await source.close()


async def ask(source: GuardedSource, keys: Collection[str] = KEYS) -> dict[str, Outcome]:
    assert source.fetch is not None
    outcomes = await source.fetch([RecordKey("shop", key) for key in keys], ("label",))
    return {key.id: of_key["label"] for key, of_key in outcomes.items()}


async def read(source: GuardedSource) -> list[Page | Failed]:
    assert source.changes is not None
    return [page async for page in source.changes(None)]


async def test_only_the_requests_that_failed_are_made_again(source: GuardedSource, http_server: HttpServer) -> None:
    http_server.faults.fail(502, times=2, after=3)
    answer = await ask(source)
    assert all(isinstance(outcome, Reading) for outcome in answer.values())
    assert len(http_server.shop.asked) == len(KEYS), "the two that failed did not get so far"


async def test_one_that_hangs_costs_itself_alone(source: GuardedSource, http_server: HttpServer) -> None:
    http_server.faults.switch(Fault.HANG)
    http_server.faults.only = "A-05"
    answer = await ask(source)
    failed = {key: outcome.failure.kind for key, outcome in answer.items() if isinstance(outcome, Failed)}
    assert failed == {"A-05": FailureKind.TIMEOUT}


async def test_nobody_waits_longer_than_the_deadline_for_what_throttles(
    source: GuardedSource, http_server: HttpServer, clock: Clock
) -> None:
    http_server.faults.fail(429, {"Retry-After": "20"}, times=100)
    answer = await ask(source)
    asked = 100 - http_server.faults.remaining
    assert asked <= 8, "the first eight at once, and none after them"
    for outcome in answer.values():
        assert isinstance(outcome, Failed)
        assert outcome.failure.kind is FailureKind.THROTTLED
    http_server.faults.clear()
    clock.at += timedelta(seconds=19)
    turned_away = (await ask(source))["A-01"]
    assert isinstance(turned_away, Failed)
    assert "asked again at" in turned_away.failure.message
    assert http_server.shop.asked == [], "it asked for twenty seconds"
    clock.at += timedelta(seconds=3)
    assert isinstance((await ask(source))["A-01"], Reading)


async def test_readers_of_a_system_that_hangs_do_not_wait_once_it_is_left_alone(
    source: GuardedSource, http_server: HttpServer, clock: Clock
) -> None:
    http_server.faults.switch(Fault.HANG, times=100)
    for _ in range(50):
        outcome = (await ask(source, ["A-01"]))["A-01"]
        assert isinstance(outcome, Failed)
        assert outcome.failure.kind is FailureKind.TIMEOUT
    assert http_server.faults.remaining == 97
    http_server.faults.clear()
    assert all(isinstance(page, Page) for page in await read(source)), "a sync goes its own way"
    clock.at += timedelta(minutes=1)
    assert isinstance((await ask(source, ["A-01"]))["A-01"], Reading)


@pytest.mark.parametrize("fault", [Fault.STATUS, Fault.DROP, Fault.CUT])
async def test_a_sync_goes_on_where_a_page_failed(source: GuardedSource, http_server: HttpServer, fault: Fault) -> None:
    http_server.faults.status = 503
    http_server.faults.switch(fault, times=2, after=2)
    pages = await read(source)
    assert [record.key.id for page in pages if isinstance(page, Page) for record in page.records] == KEYS
    asked = [request.params["page"] for request in http_server.shop.asked]
    assert asked == ["1", "2", "3", "4", "5", "6"], "no page that came is asked for again"
    assert all(page.shifting for page in pages if isinstance(page, Page)), "it counts pages"


async def test_a_system_that_is_down_is_asked_thrice_and_the_sync_ends(
    source: GuardedSource, http_server: HttpServer
) -> None:
    http_server.faults.fail(500, times=100)
    (failed,) = await read(source)
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureKind.UNREACHABLE
    assert http_server.faults.remaining == 97
