"""The benchmarks' own PostgreSQL servers: as Whence starts its own, with fsync on, and what they use counted."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from sources.ledger.server import LedgerServer
from tests.bench.processes import cpu_of_tree, memory_of_tree

_MEMORY_SECONDS = 1.0


class BenchServer:
    """One server, and the databases on it."""

    def __init__(self, directory: Path, server: LedgerServer) -> None:
        self._directory = directory
        self._server = server
        self.peak = 0
        """Bytes: the most that it was seen to have in memory, shared memory counted once."""

    @classmethod
    @asynccontextmanager
    async def start(cls, directory: Path) -> AsyncIterator[BenchServer]:
        """A server whose data is in ``directory``, as in production; stopped at the end."""
        this = cls(directory, await LedgerServer.start(directory))
        watch = asyncio.create_task(this._watch())
        try:
            yield this
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await this._server.stop()
            # As root its data may stand elsewhere, where the account that it runs under reaches it.
            shutil.rmtree(this._server.place.home, ignore_errors=True)

    @property
    def version(self) -> str:
        """PostgreSQL's version."""
        return self._server.binaries.version

    def cpu(self) -> float:
        """CPU seconds that the server and all its processes have used so far."""
        return cpu_of_tree(self._server.pid)

    def dsn(self, database: str) -> str:
        """The address of a database, for asyncpg, for SQLAlchemy and for ``url`` in whence.toml."""
        return self._server.dsn_of(database)

    def socket(self) -> str:
        """The path of the unix socket it listens on."""
        directory, _, port = self.dsn("").partition("host=")[2].partition("&port=")
        return f"{directory.replace('%2F', '/')}/.s.PGSQL.{port}"

    async def create(self, database: str) -> str:
        """An empty database of that name, in place of one that may be there; its address."""
        await self.drop(database)
        await self.execute("postgres", f'create database "{database}"')
        return self.dsn(database)

    async def drop(self, database: str) -> None:
        """No database of that name."""
        await self.execute("postgres", f'drop database if exists "{database}" with (force)')

    async def execute(self, database: str, statement: str) -> None:
        """Run one statement outside any transaction."""
        connection = await asyncpg.connect(self.dsn(database), timeout=10)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def fetch(self, database: str, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of one statement."""
        connection = await asyncpg.connect(self.dsn(database), timeout=10)
        try:
            found: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return found
        finally:
            await connection.close()

    async def flush(self) -> None:
        """Write what is dirty, so that its cost is counted where it belongs."""
        await self.execute("postgres", "checkpoint")

    async def settle(self, database: str) -> float:
        """What autovacuum would do at some time, now, so that it disturbs nothing later; the CPU seconds it took."""
        before = self.cpu()
        await self.execute(database, "vacuum analyze")
        await self.flush()
        return self.cpu() - before

    async def restart(self, *, preload: str) -> None:
        """The same server with a library loaded at its start."""
        await self.execute("postgres", f"alter system set shared_preload_libraries = '{preload}'")
        await self._server.stop()
        self._server = await LedgerServer.start(self._directory)

    async def _watch(self) -> None:
        while True:
            if self._server.running:
                self.peak = max(self.peak, memory_of_tree(self._server.pid))
            await asyncio.sleep(_MEMORY_SECONDS)
