"""A PostgreSQL that can be lost at any message: a proxy in front of a real one, which cuts the line at the n-th."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

DOING = frozenset(b"QEd")
"""Messages by which the server does something: a query, the execution of a statement, and rows of a COPY."""


@dataclass
class Line:
    """A line to a server, through :attr:`dsn`, and where it is cut. ``after``: the server does what it is told there, and
    its answer is lost; otherwise it is never told. ``silent``: nothing comes through any more and nobody hangs up."""

    dsn: str
    cut_at: int | None = None
    after: bool = False
    messages: int = 0
    cuts: int = 0
    silent: bool = False
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def rearm(self, cut_at: int | None = None, *, after: bool = False) -> None:
        """Count from the beginning, and cut at that message; without one, only count."""
        self.cut_at, self.after, self.messages, self.cuts = cut_at, after, 0, 0

    def is_cut_at(self, kind: int) -> bool:
        """Whether the line is cut at this message of the client's."""
        if kind not in DOING:
            return False
        self.messages += 1
        if self.messages != self.cut_at:
            return False
        self.cuts += 1
        return True


@asynccontextmanager
async def cutting(dsn: str) -> AsyncIterator[Line]:
    """A line to the server at ``dsn``, whole at first."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = unquote(query["host"][0]) if "host" in query else parts.hostname or "127.0.0.1"
    port = int(query["port"][0]) if "port" in query else parts.port or 5432
    handlers: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                if host.startswith("/"):
                    upstream = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
                else:
                    upstream = await asyncio.open_connection(host, port)
                line.writers |= {writer, upstream[1]}
                await _carry(line, reader, writer, *upstream)
        finally:
            handlers.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    at = server.sockets[0].getsockname()[1]
    line = Line(f"postgresql://{parts.username}@127.0.0.1:{at}{parts.path}?sslmode=disable")
    try:
        yield line
    finally:
        server.close()
        for writer in line.writers:
            writer.transport.abort()
        if handlers:
            await asyncio.wait(set(handlers), timeout=5)
        await server.wait_closed()


async def _carry(
    line: Line,
    client: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
    server: asyncio.StreamReader,
    to_server: asyncio.StreamWriter,
) -> None:
    """What the client and the server say, until one hangs up or the line is cut."""
    lost = asyncio.Event()

    async def back() -> None:
        while data := await server.read(65536):
            if lost.is_set():
                return
            if not line.silent:
                to_client.write(data)

    async def forth() -> None:
        head = await client.readexactly(4)
        to_server.write(head + await client.readexactly(int.from_bytes(head) - 4))
        while True:
            head = await client.readexactly(5)
            message = head + await client.readexactly(int.from_bytes(head[1:]) - 4)
            if line.is_cut_at(head[0]):
                if not line.after:
                    return
                lost.set()
            if not line.silent:
                to_server.write(message)

    ways = {asyncio.create_task(back()), asyncio.create_task(forth())}
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in (to_client, to_server):
            writer.close()
            line.writers.discard(writer)
