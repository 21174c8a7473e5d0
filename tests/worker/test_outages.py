"""PostgreSQL goes away under workers and under a serving Whence, and comes back: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import orjson

from sources.ledger.server import LedgerServer
from tests.cli.company import Company
from tests.cli.test_serve import postgres_of
from tests.worker.fleet import Fleet, eventually, stop
from tests.worker.slow_system import SlowSystem


async def test_postgres_is_killed_under_a_worker_which_waits_and_goes_on(
    system: SlowSystem, tmp_path: Path, reachable: Path
) -> None:
    for name in ("erp", "wms"):
        system.fill(name, 45)
    async with await LedgerServer.start(reachable / "state") as server:
        fleet = Fleet(tmp_path, server.url, system)
        with fleet.workers(1) as (worker,):
            await fleet.until("select sum(added) >= 20 from runs")  # some are in, and it goes on
            os.kill(server.pid, signal.SIGKILL)
            worker.wait_for("does not answer", worker.err)
            for number in range(45):
                system.edit("erp", number, "new")
            await asyncio.sleep(1)
            await server.restart()
            worker.wait_for("answers again", worker.err)
            await fleet.until(
                "select count(*) = 45 from records where source = 'erp' and claims @> $1",
                orjson.dumps({"label": [{"value": "new"}]}).decode(),
            )
            await fleet.until("select count(*) = 90 from records")
            stop(worker)
            said = "".join(worker.err)
            assert said.count("does not answer") == said.count("answers again") == 1, "told once each"
        assert await fleet.fetch("select failure_message from runs where outcome = 'FAILED'") == [], (
            "no system is to blame"
        )
        assert (await fleet.fetch("select max(failures) from schedule"))[0][0] == 0
        await fleet.check()


async def test_connections_that_are_cut_again_and_again_lose_nothing(
    system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    for name in ("erp", "wms", "pim"):
        system.fill(name, 60)
    system.delay = 0.02
    fleet = Fleet(tmp_path, database_url, system, lease="2s")
    with fleet.workers(1, "--verbose") as (worker,):
        connection = await fleet.connect()
        for _ in range(20):
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            await asyncio.sleep(0.1)
        await connection.close()
        await fleet.until(
            "select count(*) = 3 and (select count(*) = 180 from records) from cursors where confirmed_at is not null"
        )
        code, _ = worker.end(signal.SIGTERM)
        assert code == 0
    blamed = await fleet.fetch("select failure_message from runs where outcome = 'FAILED'")
    assert not blamed, (blamed, [line for line in worker.err if "whence.sync" in line])
    await fleet.check()


async def test_the_embedded_server_that_dies_while_whence_serves_is_started_again(
    tmp_path: Path, reachable: Path
) -> None:
    company = Company(tmp_path, {"WHENCE_DIRECTORY": str(reachable)})
    company.environment["WHENCE_DIRECTORY"] = str(reachable)
    with company.serving() as served:
        query = {"query": '{ product(by: { sku: "KET-1" }) { price { value { amount } } } }'}
        expected = {"data": {"product": {"price": {"value": {"amount": "49.90"}}}}}
        assert served.ask(query["query"]) == expected
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as client:

            async def answers(status: int) -> bool:
                answer = await client.post(served.address, json=query)
                assert answer.status_code in (200, 503), answer.text
                return answer.status_code == status and (status != 200 or answer.json() == expected)

            pid = postgres_of(reachable)
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda: answers(503), "a 503")
            await eventually(lambda: answers(200), "an answer")
            assert postgres_of(reachable) not in (pid, None)
            readiness = await client.get(served.address.removesuffix("/graphql") + "/readyz")
            assert readiness.status_code == 200
        said = "".join(served.err)
        assert said.count("ended by itself") == said.count("runs again") == 1
        last = postgres_of(reachable)
        code, _ = served.end(signal.SIGTERM)
        assert code == 0
        assert last is not None
        assert postgres_of(reachable) is None
