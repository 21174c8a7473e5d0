"""Worker processes on one ledger, and what it then holds."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg

from resolvers.map_file import load_map
from sources.ledger.database import asyncpg_dsn, open_pool
from tests.cli.company import Company, Served
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, MemorySystem
from tests.worker.slow_system import SlowSystem

WAIT_SECONDS = 60.0
SOURCE = """
[sources.{name}]
title = "{name}"
connector = "rest"
url = "{address}/{name}"
records = "items"
paging = {{ kind = "cursor", param = "after", next = "next", size = 10 }}
key = "id"
names = ["label"]
deadline = "30s"
sync = {{ every = "{every}" }}
[sources.{name}.identifiers]
sku = "sku"
[sources.{name}.fields]
label = "label"
"""
REST = """
[audiences.internal]
governance = true
[fields.label]
type = "text"
system_of_record = "{name}"
[identity]
keys = ["sku"]
"""


@dataclass
class Fleet:
    """A company whose systems are the collections of ``system``, and its workers."""

    directory: Path
    url: str
    system: SlowSystem
    every: str = "1s"
    lease: str = "20s"
    company: Company = field(init=False)

    def __post_init__(self) -> None:
        self.company = Company(self.directory)
        names = list(self.system.records)
        sources = [SOURCE.format(name=name, address=self.system.address, every=self.every) for name in names]
        self.company.write("".join(sources) + REST.format(name=names[0]))

    @contextmanager
    def whence(self, *arguments: str) -> Iterator[Served]:
        """A command as a process; it is killed at the end if it still runs."""
        environment = {"WHENCE_DATABASE_URL": self.url, "WHENCE_LEASE": self.lease}
        process = subprocess.Popen(
            self.company.command(*arguments),
            cwd=self.directory,
            env=self.company.everything(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        served = Served(process)
        try:
            yield served
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            served.close()

    @contextmanager
    def workers(self, count: int, *options: str) -> Iterator[list[Served]]:
        """So many ``whence sync --watch``, at work."""
        with ExitStack() as stack:
            started = [stack.enter_context(self.whence("sync", "--watch", *options)) for _ in range(count)]
            for one in started:
                one.wait_for("Keeping in sync", one.err)
            yield started

    async def connect(self) -> Any:
        """A connection to the ledger."""
        return await asyncpg.connect(asyncpg_dsn(self.url))

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        """Rows of the ledger."""
        connection = await self.connect()
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def until(self, query: str, *arguments: object) -> None:
        """Wait until the first row of ``query`` begins with true."""

        async def holds() -> bool:
            try:
                rows = await self.fetch(query, *arguments)
            except (OSError, asyncpg.PostgresError):
                return False
            return bool(rows and rows[0][0])

        await eventually(holds, query)

    async def check(self) -> None:
        """The ledger holds each record once, was told of none twice, and does not contradict itself."""
        ownership = load_map(self.directory / "whence.toml", {})
        async with open_pool(self.url, size=2) as pool:
            await check_ledger(House(pool, ownership, {name: MemorySystem() for name in ownership.sources}))
        added = await self.fetch(
            "select source, record_id, count(*) from changes where kind = 'ADDED' group by 1, 2 having count(*) > 1"
        )
        assert added == []


async def eventually(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition, for a long time."""
    until = monotonic() + WAIT_SECONDS
    while not await holds():
        assert monotonic() < until, f"it never came to this: {what}"
        await asyncio.sleep(0.05)


async def came(event: threading.Event) -> None:
    """Wait for a request that the system holds back."""

    async def is_set() -> bool:
        return event.is_set()

    await eventually(is_set, "a request that is held back")


def stop(worker: Served) -> None:
    """End a worker as a service manager does; it must end well and in time."""
    code, seconds = worker.end(signal.SIGTERM)
    said = "".join(worker.err)
    assert code == 0, said
    assert seconds < 15
    assert "Traceback" not in said
