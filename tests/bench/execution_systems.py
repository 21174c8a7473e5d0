"""The contestants: the peers as their directory says how to start them, and Whence as it really serves."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx2

from tests.bench.execution_contract import HEADERS, QUERIES, Query
from tests.bench.installation import Installation
from tests.bench.processes import Process, ProcessFailed, cpu_of_tree, peaks_of_tree, started
from tests.upstreams.silence import closed_port

FASTEST, LIMIT = "al", "f"
"""By these names the peers know Mercurius + JIT with look-ahead, and the limit."""
PEERS = (FASTEST, "d", "e", LIMIT)
TITLES = {FASTEST: "Mercurius + JIT, look-ahead", "d": "strawberry", "e": "ariadne", LIMIT: "the limit"}
"""What the reports call them; the others by the title that their directory gives."""
LAY_OUT = "lay the peers out (their lay-out.sh DIR starts their PostgreSQL too) and say PEERS=DIR"
WHENCE, INTERPRETED = "whence", "whence-off"
_READY_SECONDS = 60.0
_QUIET_SECONDS = 300.0
_QUIET = 0.02
"""CPU seconds: a server that uses no more in half a second, twice, does nothing but wait."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A system that runs and answers. ``body`` makes the request of a query for some products."""

    name: str
    title: str
    process: Process
    url: str
    headers: Mapping[str, str]
    body: Callable[[Query, Sequence[str]], bytes]

    def cpu(self) -> float:
        """CPU seconds that its processes have used so far."""
        return cpu_of_tree(self.process.pid)

    def peak(self) -> int:
        """Bytes: the most that any one of its processes had in memory so far."""
        return max(peaks_of_tree(self.process.pid))

    async def quiet(self) -> None:
        """Wait until it does nothing: what it does at its start is no part of a request. Raises ProcessFailed."""
        give_up = time.monotonic() + _QUIET_SECONDS
        used, idle = self.cpu(), 0
        while idle < 2:
            if time.monotonic() > give_up:
                raise ProcessFailed(f"{self.title} is busy though nobody asks:\n{self.process.said[-2000:]}")
            await asyncio.sleep(0.5)
            now = self.cpu()
            idle = idle + 1 if now - used <= _QUIET else 0
            used = now

    async def ask(self, client: httpx2.AsyncClient, query: Query, skus: Sequence[str]) -> bytes:
        """Its answer's body. Raises ProcessFailed for a status other than 200."""
        headers = {**self.headers, "Content-Type": "application/json"}
        answer = await client.post(self.url, content=self.body(query, skus), headers=headers)
        if answer.status_code != 200:
            raise ProcessFailed(f"{self.title} answers {query.name} with {answer.status_code}: {answer.text[:500]}")
        return answer.content


@dataclass(frozen=True, slots=True)
class Peers:
    """A directory in which the peers are laid out: their commands, their documents, their PostgreSQL."""

    directory: Path
    systems: Mapping[str, tuple[str, str, str, Mapping[str, str], str, bool]]
    """By name: title, directory, command, environment, path of the endpoint, and whether it needs documents of its own."""
    documents: Mapping[str, str]

    @classmethod
    def at(cls, directory: Path) -> Peers:
        """The peers in ``directory``. Raises ProcessFailed where none are."""
        if not (directory / "bench" / "systems.py").is_file():
            raise ProcessFailed(f"there are no peers in {directory}: {LAY_OUT}")
        return cls(directory, _constants(directory, "systems")["S"], _constants(directory, "queries")["Q"])

    def database(self, name: str) -> str:
        """The address of a database on their server."""
        return f"postgresql://postgres@/{name}?host={quote(str(self.directory / 'pg' / 'sock'), safe='')}&port=5544"

    @property
    def tables(self) -> str:
        """The address of the database with the five tables."""
        return self.database("perf")

    async def server(self) -> tuple[int, str]:
        """The process id of their PostgreSQL, and its version. Raises ProcessFailed where it does not run."""
        try:
            connection = await asyncpg.connect(self.tables, timeout=5)
            pid = int((self.directory / "pg" / "data" / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, asyncpg.PostgresError, TimeoutError) as error:
            raise ProcessFailed(f"the peers' PostgreSQL does not answer in {self.directory}/pg: {error}") from None
        try:
            return pid, str(await connection.fetchval("show server_version")).partition(" ")[0]
        finally:
            await connection.close()

    @asynccontextmanager
    async def running(self, name: str, skus: Sequence[str], directory: Path) -> AsyncIterator[Contestant]:
        """One of them, answering; its log goes into ``directory``. Raises ProcessFailed."""
        if name not in self.systems:
            raise ProcessFailed(f"the peers know no {name!r}; they know {', '.join(self.systems)}")
        title, cwd, command, variables, path, _ = self.systems[name]
        port = closed_port()
        ours = {key: value for key, value in os.environ.items() if not key.startswith("WHENCE_")}
        environment = {**ours, "PORT": str(port), **variables}
        words = command.format(port=port).split()

        def body(query: Query, asked: Sequence[str]) -> bytes:
            return query.peer_body(self.documents[query.name], asked)

        async with started(words, environment, directory / f"{name}.log", cwd=Path(cwd)) as process:
            contestant = Contestant(name, TITLES.get(name, title), process, f"http://127.0.0.1:{port}{path}", {}, body)
            await _ready(contestant, skus)
            yield contestant
            await process.stop()


def _constants(directory: Path, name: str) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(f"peers_{name}", directory / "bench" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


async def _ready(contestant: Contestant, skus: Sequence[str]) -> None:
    """Wait until it answers the first query. Raises ProcessFailed where it ends, or does not."""
    give_up = time.monotonic() + _READY_SECONDS
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
        while True:
            try:
                await contestant.ask(client, QUERIES[0], skus[:1])
                return
            except (httpx2.HTTPError, ProcessFailed) as error:
                if contestant.process.poll() or time.monotonic() > give_up:
                    said = contestant.process.said[-2000:]
                    raise ProcessFailed(f"{contestant.title} does not start: {error}\n{said}") from None
            await asyncio.sleep(0.2)


@asynccontextmanager
async def serving(whence: Installation, name: str) -> AsyncIterator[Contestant]:
    """Whence on a ledger that has been synced, answering."""
    title = "Whence" if name == WHENCE else "Whence, compiler off"
    async with whence.serving() as (process, url):
        yield Contestant(name, title, process, url, HEADERS, lambda query, skus: query.body(skus))
