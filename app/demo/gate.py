"""The door in front of a server of the demo: the only way to it, and where it can be stopped, slowed or garbled.

A gate passes bytes between a port of 127.0.0.1 and a server behind it. Stopped, it refuses connections and has cut
those that were open, while the port stays its own; slow, every answer arrives that much later; garbled, whatever was
asked is answered with a web page about maintenance.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from enum import StrEnum
from typing import TypeAlias

Upstream: TypeAlias = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""

_CHUNK = 64 * 1024
_CHUNKS_WAITING = 64
GARBAGE_PAGE = b"""<!doctype html>
<title>Back soon</title>
<h1>Scheduled maintenance</h1>
<p>This system is being looked after. Please try again on Monday.</p>
"""
"""What a garbled file holds."""
GARBAGE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\ncontent-length: "
    + str(len(GARBAGE_PAGE)).encode()
    + b"\r\n\r\n"
    + GARBAGE_PAGE
)
"""What a garbled server answers."""


class Condition(StrEnum):
    """How a system is."""

    RUNNING = "running"
    STOPPED = "stopped"
    SLOW = "slow"
    GARBLED = "garbled"


class Gate:
    """One server's door; :meth:`start` opens it."""

    def __init__(self, name: str, upstream: Upstream) -> None:
        """Takes a free port of 127.0.0.1, and refuses connections there until started."""
        self.name = name
        self.condition = Condition.STOPPED
        self.delay = 0.0
        self._upstream = upstream
        self._reserved: socket.socket | None = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Let everything through again."""
        self.condition, self.delay = Condition.RUNNING, 0.0
        if self._server is None:
            listening, self._reserved = self._reserved or _bound(self.port), None
            self._server = await asyncio.start_server(self._pass, sock=listening)

    async def stop(self) -> None:
        """Refuse connections, and cut those that are open."""
        self.condition, self.delay = Condition.STOPPED, 0.0
        self.close()
        self._reserved = _bound(self.port)

    async def slow(self, seconds: float) -> None:
        """Let every answer arrive ``seconds`` later."""
        await self.start()
        self.condition, self.delay = Condition.SLOW, seconds

    async def garble(self) -> None:
        """Answer everything with a web page."""
        await self.start()
        self.condition = Condition.GARBLED

    def close(self) -> None:
        """Give the port back and cut what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side is done."""
        self._open.add(writer)
        behind: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError):
                answers, behind = await self._connect()
                forward = asyncio.create_task(_forward(reader, behind))
                try:
                    await self._answer(answers, writer)
                finally:
                    forward.cancel()
                    await asyncio.wait([forward])
        finally:
            self._open.discard(writer)
            for end in (writer, behind):
                if end is not None:
                    end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, str):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection(*self._upstream)

    async def _answer(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the answers on, each when it is due, so that a long one is late once and not once a piece."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_WAITING)

        async def read() -> None:
            with suppress(OSError):
                while chunk := await answers.read(_CHUNK):
                    await waiting.put((loop.time() + self.delay, chunk))
            await waiting.put((loop.time(), b""))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, chunk = await waiting.get()
                if (rest := due - loop.time()) > 0:
                    await asyncio.sleep(rest)
                if not chunk:
                    return
                garbled = self.condition is Condition.GARBLED
                writer.write(GARBAGE if garbled else chunk)
                await writer.drain()
                if garbled:
                    return
        finally:
            reading.cancel()
            await asyncio.wait([reading])


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _bound(port: int) -> socket.socket:
    """A socket that has ``port`` (0: a free one) and does not listen: nobody else gets it, connections are refused."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    bound.setblocking(False)
    return bound
