"""Bringing the ledger's tables to this code's version, and connecting to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Index, Table, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sources.ledger import database
from sources.ledger.batches import open_batch, register_sources
from sources.ledger.database import LedgerUnusable, asyncpg_dsn, migrate, open_pool
from sources.ledger.tables import metadata


async def differences(url: str) -> tuple[list[Any], Mapping[str, str]]:
    """What alembic would change to make the tables those of the code; and their comments."""

    def compare(connection: Connection) -> tuple[list[Any], Mapping[str, str]]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        rows = connection.execute(text("select relname, obj_description(oid) from pg_class where relkind = 'r'"))
        return list(compare_metadata(context, metadata)), {row[0]: row[1] for row in rows}

    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()


async def test_the_migrations_make_the_tables_that_the_code_knows(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    changes, comments = await differences(empty_database_url)
    assert changes == []
    assert {name: comments[name] for name in metadata.tables} == {
        name: table.comment for name, table in metadata.tables.items()
    }


async def test_the_comparison_sees_what_differs(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("alter table records drop column document; drop index changes_by_batch")
    await connection.close()
    changes, _ = await differences(database_url)
    assert {change[0] for change in changes} == {"add_column", "add_index"}


def test_every_unique_key_holds_what_its_table_would_be_distributed_by() -> None:
    """So that a sharded PostgreSQL carries the tables unchanged."""
    leading = {
        table.name: table.primary_key.columns.values()[0].name
        for table in metadata.tables.values()
        if table.primary_key.columns
    }
    assert leading["records"] == leading["changes"] == leading["products"] == "product_id"
    assert leading["crosswalk"] == leading["aliases"] == leading["cursors"] == leading["runs"] == "source"
    indexes: list[Index] = [index for table in metadata.tables.values() for index in _indexes(table)]
    assert not [index.name for index in indexes if index.unique]


def _indexes(table: Table) -> set[Index]:
    return table.indexes


async def test_migrating_again_and_several_at_once_does_no_harm(empty_database_url: str) -> None:
    async with asyncio.timeout(20):
        await asyncio.gather(*(migrate(empty_database_url) for _ in range(4)))
    connection = await asyncpg.connect(empty_database_url)
    key = await connection.fetchval("select cursor_key from installation")
    await migrate(empty_database_url)
    assert await connection.fetchval("select cursor_key from installation") == key, "cursors that were given out die"
    assert len(key) == 32
    assert await connection.fetchval("select count(*) from alembic_version") == 1
    await connection.close()


async def test_every_installation_has_a_key_of_its_own(database_url: str, empty_database_url: str) -> None:
    await migrate(empty_database_url)
    keys = set()
    for url in (database_url, empty_database_url):
        connection = await asyncpg.connect(url)
        keys.add(await connection.fetchval("select cursor_key from installation"))
        await connection.close()
    assert len(keys) == 2


async def test_tables_of_a_newer_whence_are_refused_and_left_alone(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(LedgerUnusable, match="9999, which this version of Whence does not know"):
        await migrate(database_url)
    assert await connection.fetchval("select version_num from alembic_version") == "9999"
    await connection.close()


async def test_a_server_that_is_too_old_is_refused_before_anything_is_made(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "OLDEST_SERVER", 99)
    with pytest.raises(LedgerUnusable, match=r"is PostgreSQL \d+; use 99 or later"):
        await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    await connection.close()


async def test_a_migration_that_breaks_leaves_nothing(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("create table sources (mine text)")
    with pytest.raises(Exception, match="already exists"):
        await migrate(empty_database_url)
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    assert [row["tablename"] for row in tables] == ["sources"]
    await connection.close()


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgres"])
def test_any_drivers_url_is_read(driver: str) -> None:
    assert asyncpg_dsn(f"{driver}://me:p%40ss@host:5433/db?sslmode=disable") == (
        "postgresql://me:p%40ss@host:5433/db?sslmode=disable"
    )


async def test_json_goes_in_and_out_as_it_is_alone_and_in_lists(database_url: str) -> None:
    values = [{"a": [1, None, "é\u2028"]}, [], "x", 1, True, None]
    async with open_pool(database_url, size=1) as pool:
        for value in values[:-1]:
            assert await pool.fetchval("select $1::jsonb", value) == value
        # What writes lists of lists encodes them first: asyncpg would take them for another dimension.
        encoded = [orjson.dumps(value) for value in values]
        assert await pool.fetchval("select array_agg(one) from unnest($1::jsonb[]) one", encoded) == values
        assert await pool.fetchval("select $1::jsonb", b'{"a": 1}') == {"a": 1}


async def test_moments_are_in_utc_and_written_in_one_way_whatever_the_database_prefers(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f"alter database \"{name}\" set timezone to 'Asia/Tokyo'")
    await connection.execute(f"alter database \"{name}\" set datestyle to 'German'")
    await connection.close()
    async with open_pool(database_url, size=1) as pool:
        written = await pool.fetchval("select '2026-02-03T04:05:06.000007Z'::timestamptz::text")
    assert written == "2026-02-03 04:05:06.000007+00"


async def test_a_batch_that_is_cancelled_gives_its_connection_back_clean(database_url: str) -> None:
    async with open_pool(database_url, size=1) as pool:
        await register_sources(pool, ["erp"])

        async def batch() -> None:
            async with open_batch(pool, "erp") as one:
                await one.advance({"at": 1})
                await one.connection.execute("select pg_sleep(30)")

        running = asyncio.create_task(batch())
        await asyncio.sleep(0.2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        row = await pool.fetchrow("select cursor, batch from cursors")
        assert row is not None
        assert tuple(row) == (None, 0)
        assert await pool.fetchval("select count(*) from pg_locks where locktype = 'advisory'") == 0


async def test_a_new_source_ranks_behind_those_that_were_there(database_url: str) -> None:
    async with open_pool(database_url, size=4) as pool:
        await asyncio.gather(*(register_sources(pool, ["wms", "erp"]) for _ in range(4)))
        await register_sources(pool, ["pim", "erp", "wms"])
        await register_sources(pool, ["crm", "wms"])
        rows = await pool.fetch("select name from sources order by rank")
        assert [row["name"] for row in rows] == ["wms", "erp", "pim", "crm"]
        assert await pool.fetchval("select count(distinct rank) from sources") == 4
        with pytest.raises(LookupError, match="'shop' has not been registered"):
            async with open_batch(pool, "shop"):
                pass
