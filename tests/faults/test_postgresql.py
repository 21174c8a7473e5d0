"""A ledger's server that hangs, is full or is not there, and PostgreSQL as a system whose values its driver cannot read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from starlette.applications import Starlette

from app.main import build_app
from app.redaction import Redactor
from app.settings import Settings
from app.sync import sync_once
from app.wiring import Runtime, build_runtime
from resolvers.map_file import parse_map
from sources.contract import Reading, RecordKey
from sources.ledger import database
from sources.ledger.batches import open_batch, register_sources
from sources.ledger.database import migrate, open_pool
from sources.ledger.source import Ledger
from tests.api.serving import serving
from tests.faults.cutting import cutting
from tests.upstreams.silence import silent_port

LONG = 20.0
"""Seconds after which something counts as hanging."""
MAP = """
[sources.wms]
title = "Warehouse"
connector = "sql"
url = "{url}"
from = "articles"
key = "article"
updated_at = "changed"
sync = {{ page = 3, by = {by} }}
[sources.wms.identifiers]
sku = "article"
[sources.wms.fields]
weight = {{ path = "weight", unit = "kg" }}
rating = "rating"
launched = "launched"
notes = "notes"

[fields.weight]
type = "quantity"
unit = "g"
system_of_record = "wms"
[fields.rating]
type = "number"
system_of_record = "wms"
[fields.launched]
type = "datetime"
system_of_record = "wms"
[fields.notes]
type = "json"
system_of_record = "wms"
"""
QUERY = '{ product(by: {sku: "A-1"}) { rating { value } } }'


# ── The ledger's server ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_takes_connections_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.CONNECT_SECONDS <= 2
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.3)
    async with silent_port() as port, asyncio.timeout(LONG):
        url = f"postgresql://whence@127.0.0.1:{port}/whence"
        with pytest.raises(TimeoutError):
            await migrate(url)
        with pytest.raises(TimeoutError):
            async with open_pool(url):
                pass


async def test_a_read_waits_for_a_connection_for_a_moment_and_a_batch_for_its_turn(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
    async with open_pool(database_url, size=2) as pool:
        await register_sources(pool, ["erp"])
        done = asyncio.Event()

        async def read() -> None:
            await pool.fetch("select pg_sleep(30)", timeout=60)

        readers = [asyncio.create_task(read()) for _ in range(2)]
        await _seen(database_url, "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%'", 3)

        async def write() -> None:
            async with open_batch(pool, "erp") as batch:
                await batch.advance({"at": 1})
            done.set()

        writer = asyncio.create_task(write())
        with pytest.raises(TimeoutError):
            await pool.fetch("select 1")
        assert not done.is_set()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        async with asyncio.timeout(LONG):
            await writer
        assert await pool.fetchval("select 1") == 1


async def test_batches_leave_connections_to_the_readers(database_url: str) -> None:
    async with open_pool(database_url, size=4) as pool:
        await register_sources(pool, ["erp", "wms", "pim", "crm"])
        go = asyncio.Event()

        async def write(source: str) -> None:
            async with open_batch(pool, source):
                await go.wait()

        writers = [asyncio.create_task(write(source)) for source in ("erp", "wms", "pim", "crm")]
        for _ in range(5):
            assert await pool.fetchval("select 1") == 1
        go.set()
        await asyncio.gather(*writers)


async def test_a_statement_that_takes_too_long_is_stopped_there_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "READ_SECONDS", 0.1)
    async with open_pool(database_url, size=1) as pool:
        with pytest.raises(TimeoutError):
            await pool.fetch("select pg_sleep(60)")
        await _seen(
            database_url,
            "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%'",
            1,
        )
        assert await pool.fetchval("select 1") == 1


async def test_a_batch_that_stands_still_is_undone_by_the_server_so_that_others_may_go_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE_SECONDS", 0.2)
    async with open_pool(database_url, size=4) as pool:
        await register_sources(pool, ["erp"])

        async def stuck() -> None:
            async with open_batch(pool, "erp") as batch:
                await batch.advance({"at": "stuck"})
                await asyncio.sleep(LONG)

        paused = asyncio.create_task(stuck())
        await _seen(database_url, "select count(*) from pg_stat_activity where state = 'idle in transaction'", 1)
        async with asyncio.timeout(LONG), open_batch(pool, "erp") as batch:
            assert batch.cursor is None
            await batch.advance({"at": "going on"})
        paused.cancel()
        await asyncio.gather(paused, return_exceptions=True)
        assert await pool.fetchval("select cursor from cursors") == {"at": "going on"}


async def test_a_url_that_asks_for_encryption_or_none_is_understood(database_url: str) -> None:
    joint = "&" if "?" in database_url else "?"
    url = f"{database_url}{joint}sslmode=disable"
    await migrate(url)
    async with open_pool(url, size=1) as pool:
        assert await pool.fetchval("select 1") == 1


async def _seen(url: str, query: str, count: int) -> None:
    """Wait until ``query`` counts so many."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(LONG):
            while await connection.fetchval(query) != count:
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


# ── What a client sees of it ───────────────────────────────────────────────────────────────────────────────────────


class Served:
    """A Whence whose ledger is behind a line, and what it serves."""

    def __init__(self, runtime: Runtime, line: Any, address: str, client: httpx2.AsyncClient, url: str) -> None:
        self.runtime = runtime
        self.line = line
        self.address = address
        self.client = client
        self.url = url

    async def ask(self) -> httpx2.Response:
        return await self.client.post(f"{self.address}/graphql", json={"query": QUERY})

    async def ready(self) -> int:
        return (await self.client.get(f"{self.address}/readyz")).status_code


@pytest.fixture
async def served(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    import sqlite3

    monkeypatch.setattr(database, "READ_SECONDS", 0.5)
    with sqlite3.connect(tmp_path / "wms.sqlite") as connection:
        connection.execute(
            "create table articles (article text, weight text, rating text, launched text, notes text, changed text)"
        )
        connection.execute("insert into articles values ('A-1', '1', '4.5', null, null, '2026-01-01')")
    connection.close()
    ownership = parse_map(MAP.format(url=f"sqlite:///{tmp_path / 'wms.sqlite'}", by='"changed"'), {})
    async with cutting(database_url) as line:
        settings = Settings(database_url=line.dsn, pool_size=2)
        async with build_runtime(ownership, line.dsn, settings) as runtime:
            (report,) = await sync_once(runtime, ["wms"])
            assert report.failure is None
            app: Starlette = build_app(runtime, Redactor(), default_audience="internal", syncing=False)
            async with serving(app) as address, httpx2.AsyncClient(timeout=30) as client:
                yield Served(runtime, line, address, client, database_url)


async def test_a_server_that_hangs_is_told_as_503_and_ridden_out(served: Served) -> None:
    assert (await served.ask()).json()["data"]["product"]["rating"]["value"] == "4.5"
    assert await served.ready() == 200
    served.line.silent = True
    hung = await served.ask()
    assert hung.status_code == 503
    assert hung.headers["Retry-After"]
    assert hung.json()["errors"][0]["extensions"]["code"] in {"LEDGER_UNAVAILABLE", "TIMEOUT"}
    assert await served.ready() == 503
    assert (await served.client.get(f"{served.address}/healthz")).status_code == 200
    served.line.silent = False
    for writer in list(served.line.writers):
        writer.transport.abort()  # what was silent for a while has lost its place
    async with asyncio.timeout(LONG):
        while (await served.ask()).status_code != 200:
            await asyncio.sleep(0.05)
    assert await served.ready() == 200


async def test_a_busy_pool_is_told_as_503_and_is_no_reason_not_to_be_ready(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    holders = [asyncio.create_task(served.runtime.pool.fetch("select pg_sleep(30)", timeout=60)) for _ in range(2)]
    await _seen(served.url, "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%'", 3)
    busy = await served.ask()
    assert busy.status_code == 503
    assert busy.headers["Retry-After"]
    assert busy.json()["errors"][0]["extensions"]["code"] == "LEDGER_UNAVAILABLE"
    assert await served.ready() == 200, "it asks on a connection of its own"
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    assert (await served.ask()).status_code == 200


async def test_a_client_that_leaves_takes_its_statement_with_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "READ_SECONDS", 60.0)
    locker = await asyncpg.connect(served.url)
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'whence'"
    try:
        async with locker.transaction():
            await locker.execute("lock table aliases, records, crosswalk in access exclusive mode")
            asking = asyncio.create_task(served.ask())
            await _seen(served.url, waiting, 1)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await _seen(served.url, waiting, 0)
    finally:
        await locker.close()
    assert (await served.ask()).status_code == 200


# ── PostgreSQL as a system ─────────────────────────────────────────────────────────────────────────────────────────

ROWS = [
    ("plain", "1.5", "'2026-03-01 12:00'", "'2026-03-01T10:00:00Z'"),
    ("exact", "123456789012345678901234567890.123456789", "null", "'2026-03-02'"),
    ("tiny", "0.00000049", "null", "'2026-03-03'"),
    ("nan", "'NaN'", "null", "'2026-03-04'"),
    ("infinite", "'Infinity'", "'infinity'", "'2026-03-05'"),
    ("far", "1", "'20000-01-01 10:00'", "'2026-03-06'"),
    ("old", "1", "'0044-03-15 BC'", "'2026-03-07'"),
    ("far-clock", "1", "null", "'19999-01-01'"),
    ("old-clock", "1", "null", "'4000-01-01 BC'"),
    ("no-clock", "1", "null", "'infinity'"),
    ("last", "9.75", "'2026-03-01'", "'2026-03-08'"),
]
UNREADABLE = {"launched": {"infinite", "far", "old"}, "rating": {"nan", "infinite"}}


@pytest.mark.parametrize("by", ["false", '"changed"'])
@pytest.mark.parametrize("zoned", [True, False])
async def test_a_value_that_its_driver_cannot_read_costs_its_own_field_alone(
    database_url: str, empty_database_url: str, by: str, zoned: bool
) -> None:
    system = await asyncpg.connect(empty_database_url)
    kind = "timestamptz" if zoned else "timestamp"
    await system.execute("set timezone to 'UTC'")
    await system.execute(
        f"create table articles (article text, weight numeric, rating numeric, launched {kind}, notes json, changed {kind}, "
        "opens time, days daterange)"
    )
    for article, rating, launched, changed in ROWS:
        await system.execute(
            f"insert into articles values ('{article}', 1, {rating}, {launched}, "
            f"'{{\"a\": 19.99999999999999999999}}', {changed}, '24:00', daterange('20000-01-01', null))"
        )
    text = MAP.format(url=empty_database_url, by=by)
    ownership = parse_map(text if by != "false" else text.replace(", by = false", ""), {})
    async with build_runtime(ownership, database_url, Settings(database_url=database_url)) as runtime:

        async def sync() -> Any:
            async with asyncio.timeout(60):
                (report,) = await sync_once(runtime, ["wms"])
            assert report.failure is None, report.failure
            return report.counts

        counts = await sync()
        assert (counts.added, counts.rejected) == (len(ROWS), 0)
        ledger = Ledger(runtime.pool, {name: one.type for name, one in ownership.fields.items()})
        keys = {article: RecordKey("wms", article) for article, *_ in ROWS}
        found = await ledger.fetch(list(keys.values()), ["rating", "launched", "notes"])
        for article, rating, launched, _ in ROWS:
            outcomes = found[keys[article]]
            for name, written in (("rating", rating), ("launched", launched)):
                if written == "null":
                    continue
                outcome = outcomes[name]
                assert isinstance(outcome, Reading), (article, name)
                (claim,) = outcome.claims
                assert (claim.unreadable is not None) == (article in UNREADABLE[name]), (article, name, claim)
                if name == "rating" and claim.unreadable is None:
                    assert claim.value == Decimal(written)
            notes = outcomes["notes"]
            assert isinstance(notes, Reading)
            assert notes.claims[0].value == {"a": "19.99999999999999999999"}
        plain = found[keys["plain"]]["launched"]
        assert isinstance(plain, Reading)
        assert plain.claims[0].value == datetime(2026, 3, 1, 12, tzinfo=UTC), "a naive moment is in the declared zone"
        document = await runtime.pool.fetchval("select document from records where record_id = 'far'")
        assert document["launched"] == "20000-01-01 10:00:00" + ("+00" if zoned else "")
        assert document["opens"] == "24:00:00"
        assert (await sync()).changed == 0
        await system.execute("update articles set weight = 2, changed = '2026-03-09' where article = 'plain'")
        assert (await sync()).changed == 1, "a clock in the far future hides nothing"
    await system.close()
