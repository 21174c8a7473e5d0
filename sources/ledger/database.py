"""Connecting to the ledger's PostgreSQL, and bringing its tables to the version that this code knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import orjson
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

OLDEST_SERVER = 15
CONNECT_SECONDS = 2.0
COMMAND_SECONDS = 60.0
_MIGRATION_LOCK = 0x5768656E6365  # "Whence"
_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


class LedgerUnusable(Exception):
    """The database cannot be the ledger: too old a server, or tables newer than this code. The text says what to do."""


def _encode_jsonb(value: Any) -> bytes:
    # Bytes are JSON already: in an array of jsonb, asyncpg would take a list for another dimension.
    return b"\x01" + (value if isinstance(value, bytes) else orjson.dumps(value))


def _decode_jsonb(data: bytes) -> Any:
    return orjson.loads(data[1:])


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    # COPY of jsonb needs a binary codec; jsonb's binary form is a version byte and the text.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )


async def _keep(connection: Any) -> None:
    """At a connection's release nothing is reset: nothing here changes a session's state outside a transaction."""


def asyncpg_dsn(url: str) -> str:
    """The URL as asyncpg reads it, whatever SQLAlchemy driver it names."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def open_pool(url: str, *, size: int = 10) -> AsyncIterator[Pool]:
    """A pool of connections to the ledger; a connection is made in at most 2 s, a statement ends in at most 60 s."""
    pool = asyncpg.create_pool(
        asyncpg_dsn(url),
        min_size=1,
        max_size=size,
        init=_prepare,
        reset=_keep,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": "whence", "timezone": "UTC", "datestyle": "ISO", "jit": "off"},
    )
    await pool
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(3):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def migrate(url: str) -> None:
    """Bring the ledger's tables to this code's version, one process at a time.

    Raises LedgerUnusable for a server older than 15, or tables that a newer Whence has made.
    """
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        poolclass=NullPool,
        connect_args={"timeout": CONNECT_SECONDS, "server_settings": {"application_name": "whence-migrate"}},
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: SyncConnection) -> None:
    version = int(connection.exec_driver_sql("show server_version_num").scalar_one()) // 10_000
    if version < OLDEST_SERVER:
        raise LedgerUnusable(f"the ledger's server is PostgreSQL {version}; use {OLDEST_SERVER} or later")
    connection.exec_driver_sql(f"select pg_advisory_xact_lock({_MIGRATION_LOCK})")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = MigrationContext.configure(connection).get_current_heads()
    newer = [revision for revision in present if revision not in known]
    if newer:
        raise LedgerUnusable(
            f"the ledger's tables are of revision {newer[0]}, which this version of Whence does not know: "
            "a newer one has been here. Start that one, or point WHENCE_DATABASE_URL at another database."
        )
    command.upgrade(config, "head")
