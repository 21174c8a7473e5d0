"""The embedded PostgreSQL, started and stopped for real."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from sources.ledger.binaries import ServerError
from sources.ledger.server import LedgerServer
from tests.ledger.servers import (
    count_kept,
    keep,
    processes_on,
    setting,
    socket_directory,
)


@pytest_asyncio.fixture(loop_scope="session")
async def server(used_directory: Path) -> AsyncIterator[LedgerServer]:
    async with await LedgerServer.start(used_directory) as started:
        yield started


async def test_a_fresh_start_a_stop_and_a_start_that_finds_what_was_written(open_directory: Path) -> None:
    directory = open_directory / "state" / ".whence"
    async with await LedgerServer.start(directory) as first:
        await keep(first)
        assert first.running
    assert processes_on(directory / "postgres") == []
    assert (directory / "postgres" / "PG_VERSION").is_file()
    async with await LedgerServer.start(directory) as second:
        assert await count_kept(second) == 1
        assert second.pid != first.pid


async def test_it_listens_on_a_private_socket_only(server: LedgerServer) -> None:
    assert await setting(server, "listen_addresses") == ""
    sockets = await socket_directory(server)
    assert sockets.stat().st_mode & 0o077 == 0
    assert await setting(server, "fsync") == "on"


async def test_it_knows_letters_beyond_ascii(server: LedgerServer) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("create extension pg_trgm")
    assert await connection.fetchval("select lower('ÖL')") == "öl"
    assert await connection.fetchval("select similarity('Wasserköcher', 'wasserKÖCHER')") == 1
    assert await connection.fetchval("select show_trgm('ö') <> '{}'"), "pg_trgm takes umlauts for separators"
    assert await connection.fetchval("select 'b' < 'ä' and 'B' < 'a'"), "texts do not sort by code point"
    await connection.close()


async def test_the_urls_of_asyncpg_and_sqlalchemy(server: LedgerServer) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(server.url)
    async with engine.connect() as connection:
        user, database = (await connection.execute(text("select current_user, current_database()"))).one()
    await engine.dispose()
    assert (user, database) == ("whence", "whence")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_server_gets_no_secret_of_ours(used_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_PASSWORD", "kettle-secret")
    async with await LedgerServer.start(used_directory) as server:
        assert b"kettle-secret" not in Path(f"/proc/{server.pid}/environ").read_bytes()


async def test_a_stop_cuts_what_still_runs_and_takes_less_than_five_seconds(used_directory: Path) -> None:
    server = await LedgerServer.start(used_directory)
    busy = await asyncpg.connect(server.dsn)
    idle = await asyncpg.connect(server.dsn)
    await idle.execute("begin")
    query = asyncio.create_task(busy.execute("select pg_sleep(60)"))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await server.stop()
    assert time.monotonic() - began < 5
    assert not server.running
    with pytest.raises(asyncpg.PostgresError):
        await query
    await server.stop()
    idle.terminate()


async def test_the_second_whence_on_a_directory_says_that_there_is_a_first(used_directory: Path) -> None:
    first = await LedgerServer.start(used_directory)
    with pytest.raises(ServerError, match=rf"Another Whence .process {os.getpid()}. is using {used_directory}"):
        await LedgerServer.start(used_directory)
    await keep(first)
    await first.stop()
    async with await LedgerServer.start(used_directory) as second:
        assert await count_kept(second) == 1


async def test_data_of_another_version_is_refused_and_kept(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server:
        version = server.place.data / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(ServerError, match=r"written by PostgreSQL 14, and .* is 18"):
        await LedgerServer.start(used_directory)
    assert processes_on(server.place.data) == []
    assert version.read_text() == "14\n"


async def test_a_start_that_fails_says_what_the_server_said_and_frees_the_directory(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server:
        settings = server.place.data / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nno_such_setting = 1\n")
    with pytest.raises(ServerError, match="no_such_setting"):
        await LedgerServer.start(used_directory)
    settings.write_text(good)
    async with await LedgerServer.start(used_directory):
        pass


async def test_only_the_main_thread_may_start_one(open_directory: Path) -> None:
    with pytest.raises(ServerError, match="main thread"):
        await asyncio.to_thread(lambda: asyncio.run(LedgerServer.start(open_directory)))
