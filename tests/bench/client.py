"""A client of the GraphQL endpoint that costs next to nothing itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any


class Client:
    """One connection to the endpoint at ``host`` and ``port``; it is made anew where the server closes it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def post(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """The status and the answer's JSON. Raises OSError, ValueError."""
        if self._open is None:
            self._open = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._open
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        async with asyncio.timeout(60):
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
            answer = await reader.readexactly(length)
        if b"connection: close" in lines:
            self._close()
        return int(lines[0].split()[1]), json.loads(answer)

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
