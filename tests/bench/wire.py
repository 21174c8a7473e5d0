"""A listener before a PostgreSQL that counts what clients send: statements, by their text, and turns of the conversation.

A turn is what a client sends until it waits for an answer: a round trip. It counts on the wire, so it needs nothing of the
server and sees what was really sent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

_REQUESTS = frozenset({80877102, 80877103, 80877104})
"""Instead of a startup: a cancellation, and the questions for encryption."""
_CHUNK = 65536
_Heard = Callable[[bytes], Awaitable[None]]


class Wire:
    """Counts the conversations of all connections through one listener."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()
        self.statements: Counter[str] = Counter()
        self.turns = 0
        self.delay = 0.0
        """Seconds by which each turn is held up, as by a distant server."""

    @classmethod
    @asynccontextmanager
    async def before(cls, socket: str) -> AsyncIterator[Wire]:
        """A listener on a free port of this machine before the server on a unix socket."""
        wire = cls(socket)
        wire._server = await asyncio.start_server(wire._converse, "127.0.0.1", 0)
        try:
            yield wire
        finally:
            wire._server.close()
            for task in wire._conversations:
                task.cancel()
            await asyncio.gather(*wire._conversations, return_exceptions=True)

    def address(self, user: str, database: str) -> str:
        """The URL of a database behind it."""
        assert self._server is not None
        return f"postgresql://{user}@127.0.0.1:{self._server.sockets[0].getsockname()[1]}/{database}"

    def forget(self) -> None:
        """Begin to count anew."""
        self.statements.clear()
        self.turns = 0

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
            conversation = _Conversation(self)
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, server_writer, conversation.asked))
                both.create_task(_carry(server_reader, writer, conversation.answered))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._conversations.discard(task)
            writer.transport.abort()


class _Conversation:
    """One connection: its prepared statements, and whose turn it is."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._rest = b""
        self._started = False
        self._asking = False
        self._prepared: dict[bytes, str] = {}
        self._bound: dict[bytes, str] = {}

    async def asked(self, data: bytes) -> None:
        if self._started and not self._asking:
            self._wire.turns += 1
            if self._wire.delay:
                await asyncio.sleep(self._wire.delay)
        self._asking = True
        self._rest += data
        while True:
            if not self._started:
                if len(self._rest) < 8 or len(self._rest) < (size := int.from_bytes(self._rest[:4])):
                    return
                self._started = int.from_bytes(self._rest[4:8]) not in _REQUESTS
                self._rest = self._rest[size:]
                continue
            if len(self._rest) < 5 or len(self._rest) < (size := 1 + int.from_bytes(self._rest[1:5])):
                return
            self._message(self._rest[:1], self._rest[5:size])
            self._rest = self._rest[size:]

    async def answered(self, data: bytes) -> None:
        self._asking = False

    def _message(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"Q":
                self._wire.statements[_text(body)] += 1
            case b"P":
                name, _, rest = body.partition(b"\0")
                self._prepared[name] = _text(rest)
            case b"B":
                portal, _, rest = body.partition(b"\0")
                self._bound[portal] = self._prepared.get(rest.partition(b"\0")[0], "?")
            case b"E":
                self._wire.statements[self._bound.get(body.partition(b"\0")[0], "?")] += 1


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: _Heard) -> None:
    try:
        while data := await reader.read(_CHUNK):
            await heard(data)
            writer.write(data)
            await writer.drain()
    finally:
        with suppress(OSError):
            writer.close()


def _text(body: bytes) -> str:
    return " ".join(body.partition(b"\0")[0].decode(errors="replace").split())
