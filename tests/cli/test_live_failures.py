"""What a running server cannot read live, a person at a terminal sees: since when, what, and what to do."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import asyncpg

from sources.ledger.database import asyncpg_dsn
from tests.cli.company import Company, json_of

KETTLE = '{ product(by: { sku: "KET-1" }) { weight { status } } }'
PATIENCE = 60.0


def stock(company: Company, database_url: str) -> Any:
    """How the stock room does, as ``whence sources`` says in a process of its own."""
    told = company.whence("sources", "stock", "--json", WHENCE_DATABASE_URL=database_url)
    assert told.returncode == 0, told.stderr
    [source] = json_of(told.stdout)["data"]["sources"]
    return source


async def test_another_process_sees_what_the_server_fails_at(company: Company, database_url: str) -> None:
    with company.serving(WHENCE_DATABASE_URL=database_url) as served:
        assert served.ask(KETTLE)["data"]["product"]["weight"]["status"] == "OK"
        assert stock(company, database_url)["status"] == "HEALTHY"
        with sqlite3.connect(company.directory / "stock.sqlite") as connection:
            connection.execute("alter table articles rename to away")
        connection.close()
        ends = time.monotonic() + PATIENCE
        while "asked again" not in str((source := stock(company, database_url))["failure"]):
            assert time.monotonic() < ends, source
            for _ in range(6):
                assert served.ask(KETTLE)["data"]["product"]["weight"]["status"] == "LAST_KNOWN"
        assert source["status"] == "FAILING"
        failure = source["failure"]
        assert failure["kind"] == "MISSING_OBJECT"
        assert failure["actor"] == "OPERATOR"
        assert "failing since" in failure["message"]
        assert failure["since"]
        assert failure["action"]
        served.process.kill()
        served.process.wait()
    connection_ = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        assert await connection_.fetchval("select count(*) from live_failures") == 1
        await connection_.execute("update live_failures set seen_at = now() - interval '1 minute'")
    finally:
        await connection_.close()
    assert stock(company, database_url)["status"] == "HEALTHY", "it died, and nobody has seen anything since"
