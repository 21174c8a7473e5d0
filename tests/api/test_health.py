"""Liveness and readiness, over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping

import httpx2
from starlette.applications import Starlette
from structlog.testing import capture_logs

from app.health import Check, NotReady, health_routes
from tests.api.serving import serving


@contextlib.asynccontextmanager
async def serving_checks(checks: Mapping[str, Check], limit: float = 0.2) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(Starlette(routes=health_routes(checks, limit=limit))) as url,
        httpx2.AsyncClient(base_url=url) as client,
    ):
        yield client


async def well() -> None:
    await asyncio.sleep(0)


async def hangs() -> None:
    await asyncio.sleep(60)


async def refuses() -> None:
    raise NotReady("migrations are missing: run whence serve")


async def breaks() -> None:
    raise OSError("postgresql://whence:hunter2hunter2@db/ledger refused")


async def test_alive_whatever_is_not_ready() -> None:
    async with serving_checks({"database": hangs}, limit=1) as client:
        slow = asyncio.create_task(client.get("/readyz"))
        began = time.perf_counter()
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
        assert time.perf_counter() - began < 0.5
        assert (await slow).status_code == 503


async def test_ready_when_every_check_is() -> None:
    async with serving_checks({"database": well, "sync": well}) as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ready", "checks": {"database": "ready", "sync": "ready"}}


async def test_what_is_not_ready_is_named_and_its_secrets_are_not() -> None:
    checks = {"database": breaks, "schema": refuses, "erp": hangs, "disk": well}
    async with serving_checks(checks) as client:
        with capture_logs() as entries:
            answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json() == {
        "status": "not ready",
        "notReady": ["database", "schema", "erp"],
        "checks": {
            "database": "failed; the log says why",
            "schema": "migrations are missing: run whence serve",
            "erp": "no answer within 0.2 s",
            "disk": "ready",
        },
    }
    assert [entry["check"] for entry in entries if entry["event"] == "not ready"] == ["database"]


async def test_a_check_that_does_not_let_go_is_left_behind() -> None:
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    async with serving_checks({"stubborn": stubborn}) as client:
        began = time.perf_counter()
        assert (await client.get("/readyz")).status_code == 503
        assert time.perf_counter() - began < 1
        released.set()


async def test_probes_at_the_same_time_share_one_run() -> None:
    runs = 0

    async def counted() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.1)

    async with serving_checks({"counted": counted}, limit=1) as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        assert runs < 8
        await client.get("/readyz")
        assert runs >= 2
