"""A wire that can be tampered with: a TCP proxy before a real server, with switches that act on open connections too.

::

    async with TcpProxy(port=5432) as proxy:     # or TcpProxy(path="/run/postgresql/.s.PGSQL.5432")
        proxy.port                               # connect here instead, at 127.0.0.1
        proxy.hang()                # also drip(), delay(0.03), cut(after=20), scramble(after=30), refuse()
        proxy.clear()
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK = 65536


class TcpProxy:
    """A listener on a free port of 127.0.0.1 that hands everything on to a server, or does not."""

    def __init__(self, *, port: int = 0, path: str = "") -> None:
        """The server listens on ``port`` of 127.0.0.1, or on the socket at ``path``."""
        self._port, self._path = port, path
        self._server: asyncio.Server | None = None
        self._wires: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self.clear()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    # ── The switches: what happens to what the server says ─────────────────────────────────────────────────────────

    def clear(self) -> None:
        """Everything is handed on as it is."""
        self._refuses = self._drips = False
        self._delay = 0.0
        self._cut: int | None = None
        self._scrambles: int | None = None
        self._flowing.set()

    def hang(self) -> None:
        """Connections stay open, and nothing comes."""
        self._flowing.clear()

    def drip(self) -> None:
        """A byte comes every 20 ms."""
        self._drips = True

    def delay(self, seconds: float) -> None:
        """Everything comes, so much later."""
        self._delay = seconds

    def cut(self, after: int) -> None:
        """Of what comes next in one piece the first ``after`` bytes come, and then the connection ends."""
        self._cut = after

    def scramble(self, after: int) -> None:
        """Of what comes in one piece every seventh byte from ``after`` on is another one."""
        self._scrambles = after

    def refuse(self) -> None:
        """Open connections are reset, and new ones at once."""
        self._refuses = True
        for wire in self._wires:
            wire.transport.abort()

    # ── Handing on ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for wire in self._wires:
            wire.transport.abort()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        wires = [writer]
        try:
            with suppress(OSError, asyncio.CancelledError):
                from_server, to_server = await self._reach()
                wires.append(to_server)
                self._wires.update(wires)
                asking = asyncio.ensure_future(self._ask(reader, to_server))
                try:
                    await self._answer(from_server, writer)
                finally:
                    asking.cancel()
                    await asyncio.wait({asking})
        finally:
            for wire in wires:
                wire.transport.abort()
                self._wires.discard(wire)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._path:
            return await asyncio.open_unix_connection(self._path)
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def _ask(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await client.read(_CHUNK):
                server.write(piece)
                await server.drain()
            server.transport.abort()

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while piece := await server.read(_CHUNK):
            await self._flowing.wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            if self._cut is not None:
                client.write(piece[: self._cut])
                await client.drain()
                client.close()
                return
            if self._scrambles is not None:
                piece = _scrambled(piece, self._scrambles)
            if self._drips:
                for position in range(len(piece)):
                    client.write(piece[position : position + 1])
                    await client.drain()
                    if self._drips:
                        await asyncio.sleep(0.02)
            else:
                client.write(piece)
                await client.drain()


def _scrambled(piece: bytes, after: int) -> bytes:
    changed = bytearray(piece)
    for position in range(after, len(changed), 7):
        changed[position] ^= 0x5A
    return bytes(changed)
