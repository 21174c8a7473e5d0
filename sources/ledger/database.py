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
"""To connect to the server."""
WAIT_SECONDS = 1.0
"""That a read waits for a connection of the pool."""
READ_SECONDS = 5.0
"""That a statement outside a batch may take."""
BATCH_SECONDS = 60.0
"""That a statement within a batch may take, and that a batch waits for a connection."""
IDLE_SECONDS = 30.0
"""That a batch may stand still between two statements. Then the server undoes it: a process that was paused, or whose
machine is gone, would else hold its locks for as long as it likes."""
LONGEST_BATCH_SECONDS = 300.0
"""That a batch may last, where the server can be told so: one that is paused while the server waits for the second half of
a statement does not count as standing still."""
READS_AT_HAND = 1_000
"""Reads in a row that a connection serves before it is given back, and looked after there."""
_MIGRATION_LOCK = 0x5768656E6365  # "Whence"
_TRANSACTION_TIMEOUT = 17
_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

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
    if connection.get_server_version().major >= _TRANSACTION_TIMEOUT:
        await connection.execute(f"set transaction_timeout = {round(LONGEST_BATCH_SECONDS * 1000)}")


async def _keep(connection: Any) -> None:
    """At a connection's release nothing is reset: nothing here changes a session's state outside a transaction."""


class Pool:
    """Connections to the ledger. Made by :func:`open_pool`.

    Reads end in time whatever the server does: they wait for a connection WAIT_SECONDS, for a new one to be made
    CONNECT_SECONDS more, for their statement READ_SECONDS, and WAIT_SECONDS for it to be stopped. What then is raised,
    asyncpg's errors, OSError or TimeoutError, says that the ledger is away. Batches take their time, and half of the
    connections at most.
    """

    def __init__(self, connections: asyncpg.Pool[asyncpg.Record], size: int) -> None:
        self._connections = connections
        self._places = asyncio.Semaphore(size)
        self._batches = asyncio.Semaphore(max(1, size // 2))
        self._at_hand: list[tuple[asyncpg.pool.PoolConnectionProxy[asyncpg.Record], int]] = []
        """Connections that served a read and wait for the next, and how many they served: to give one back and take it
        again costs as much as a small statement."""

    async def fetch(self, query: str, *arguments: Any, timeout: float | None = None) -> list[asyncpg.Record]:
        """The rows of one statement, in at most ``timeout`` seconds (READ_SECONDS, unless it says more)."""
        rows: list[asyncpg.Record] = await self._ask("fetch", query, arguments, timeout)
        return rows

    async def fetchrow(self, query: str, *arguments: Any, timeout: float | None = None) -> asyncpg.Record | None:
        """The first row of one statement, or None."""
        row: asyncpg.Record | None = await self._ask("fetchrow", query, arguments, timeout)
        return row

    async def fetchval(self, query: str, *arguments: Any, timeout: float | None = None) -> Any:
        """The first column of the first row of one statement, or None."""
        row = await self.fetchrow(query, *arguments, timeout=timeout)
        return None if row is None else row[0]

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:
        """Run one statement (or, without arguments, several); what PostgreSQL says it did."""
        done: str = await self._ask("execute", query, arguments, timeout)
        return done

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection for a batch: a transaction of its own, each statement of which may take BATCH_SECONDS."""
        async with asyncio.timeout(BATCH_SECONDS):
            await self._batches.acquire()
        try:
            connection, _ = await self._take(BATCH_SECONDS)
            try:
                yield connection
            finally:
                await self._give_back(connection)
        finally:
            self._batches.release()

    async def put_away(self) -> None:
        """Give back what is at hand, before the connections are closed."""
        while self._at_hand:
            await self._connections.release(self._at_hand.pop()[0], timeout=WAIT_SECONDS)

    async def _ask(self, ask: str, query: str, arguments: tuple[Any, ...], timeout: float | None) -> Any:
        connection, served = await self._take(WAIT_SECONDS)
        try:
            answer = await getattr(connection, ask)(query, *arguments, timeout=timeout or READ_SECONDS)
        except BaseException:
            await self._give_back(connection)
            raise
        if served < READS_AT_HAND:
            self._at_hand.append((connection, served + 1))
            self._places.release()
        else:
            await self._give_back(connection)
        return answer

    async def _take(self, patience: float) -> tuple[asyncpg.pool.PoolConnectionProxy[asyncpg.Record], int]:
        """A connection, and how many reads it has served since it was taken."""
        if self._places.locked():
            async with asyncio.timeout(patience):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            while self._at_hand:
                connection, served = self._at_hand.pop()
                if not connection.is_closed():
                    return connection, served
                await self._connections.release(connection, timeout=WAIT_SECONDS)
            return await self._connections.acquire(timeout=CONNECT_SECONDS), 0
        except BaseException:
            self._places.release()
            raise

    async def _give_back(self, connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record]) -> None:
        # What was cancelled is stopped over there first; a connection on which that takes longer is closed.
        try:
            await self._connections.release(connection, timeout=WAIT_SECONDS)
        finally:
            self._places.release()


def asyncpg_dsn(url: str) -> str:
    """The URL as asyncpg reads it, whatever SQLAlchemy driver it names."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def open_pool(url: str, *, size: int = 10) -> AsyncIterator[Pool]:
    """A pool of ``size`` connections to the ledger."""
    connections = asyncpg.create_pool(
        asyncpg_dsn(url),
        min_size=1,
        max_size=size,
        init=_prepare,
        reset=_keep,
        timeout=CONNECT_SECONDS,
        command_timeout=BATCH_SECONDS,
        server_settings={
            "application_name": "whence",
            "timezone": "UTC",
            "datestyle": "ISO",
            "jit": "off",
            "idle_in_transaction_session_timeout": str(round(IDLE_SECONDS * 1000)),
        },
    )
    await connections
    pool = Pool(connections, size)
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(3):
                await pool.put_away()
                await connections.close()
        except TimeoutError:
            connections.terminate()


async def migrate(url: str, *, to: str = "head") -> None:
    """Bring the ledger's tables to this code's version, one process at a time; all of it or nothing. There is no way
    back. ``to`` names an earlier revision, for tests of what follows it.

    Raises LedgerUnusable for a server older than 15, or tables that a newer Whence has made.
    """

    async def connect() -> asyncpg.Connection[asyncpg.Record]:
        # by asyncpg itself, which knows what a URL may hold: SQLAlchemy stumbles over sslmode
        return await asyncpg.connect(
            asyncpg_dsn(url), timeout=CONNECT_SECONDS, server_settings={"application_name": "whence-migrate"}
        )

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, to)
    finally:
        await engine.dispose()


def _upgrade(connection: SyncConnection, to: str) -> None:
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
    command.upgrade(config, to)
