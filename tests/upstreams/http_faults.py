"""The ways in which an HTTP system can go wrong, one at a time, as a layer around an application that works."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send


class Fault(StrEnum):
    """What a system can do instead of answering."""

    NONE = "none"
    STATUS = "status"
    HANG = "hang"
    DRIP = "drip"
    CUT = "cut"
    CUT_WITHOUT_LENGTH = "cut without length"
    DROP = "drop"
    BODY = "body"


@dataclass
class Faults:
    """The switches of one server. They may be thrown while it serves."""

    fault: Fault = Fault.NONE
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = "application/json"
    remaining: int = -1
    """How many more requests go wrong; -1 means all."""
    skip: int = 0
    """How many requests are answered well first."""
    delay: float = 0.0
    """Seconds before every answer."""
    only: str = ""
    """Requests alone whose path holds this go wrong; empty: all."""

    def clear(self) -> None:
        """Everything works again."""
        self.__init__()  # type: ignore[misc]

    def fail(self, status: int, headers: Mapping[str, str] | None = None, times: int = -1, after: int = 0) -> None:
        """Answers ``status`` ``times`` times, after ``after`` good answers."""
        self.fault, self.status, self.headers = Fault.STATUS, status, headers or {}
        self.remaining, self.skip = times, after

    def switch(self, fault: Fault, times: int = -1, after: int = 0) -> None:
        """Hangs, drips, cuts or drops."""
        self.fault, self.remaining, self.skip = fault, times, after

    def garble(
        self,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        after: int = 0,
        status: int = 200,
    ) -> None:
        """Answers ``body``, whatever is asked."""
        self.fault, self.body, self.content_type, self.headers = Fault.BODY, body, content_type, headers or {}
        self.status, self.remaining, self.skip = status, -1, after


def gzip_bomb(megabytes: int) -> bytes:
    """A JSON list of zeros, of so many megabytes, compressed a thousandfold."""
    return gzip.compress(b"[" + b"0," * (megabytes * 512 * 1024) + b"0]", 9)


class FaultyApplication:
    """``application``, unless a switch is thrown."""

    def __init__(self, application: ASGIApp, faults: Faults) -> None:
        self.application = application
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        faults = self.faults
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        if faults.only not in scope["path"]:
            await self.application(scope, receive, send)
            return
        if faults.delay:
            await asyncio.sleep(faults.delay)
        if faults.skip > 0:
            faults.skip -= 1
            await self.application(scope, receive, send)
            return
        if faults.remaining == 0:
            await self.application(scope, receive, send)
            return
        if faults.fault is not Fault.NONE and faults.remaining > 0:
            faults.remaining -= 1
        await self._go_wrong(scope, receive, send)

    async def _go_wrong(self, scope: Scope, receive: Receive, send: Send) -> None:
        faults = self.faults
        match faults.fault:
            case Fault.NONE:
                await self.application(scope, receive, send)
            case Fault.STATUS:
                await _answer(send, faults.status, b"a page with private details", "text/html", faults.headers)
            case Fault.BODY:
                await _answer(send, faults.status, faults.body, faults.content_type, faults.headers)
            case Fault.HANG:
                await _until_gone(receive)
            case Fault.DRIP:
                await _start(send, 200, "application/json", {})
                while True:
                    await send({"type": "http.response.body", "body": b" ", "more_body": True})
                    await asyncio.sleep(0.05)
            case Fault.CUT:
                await _start(send, 200, "application/json", {"Content-Length": "1000"})
                await send({"type": "http.response.body", "body": b'[{"id": "A-01"', "more_body": True})
                _transport(send).close()
            case Fault.CUT_WITHOUT_LENGTH:
                _transport(send).write(
                    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[{"id": "A-01"'
                )
                _transport(send).close()
            case Fault.DROP:
                _transport(send).close()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, status: int, content_type: str, headers: Mapping[str, str]) -> None:
    given = {"Content-Type": content_type, **headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in given.items() if value]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _answer(send: Send, status: int, body: bytes, content_type: str, headers: Mapping[str, str]) -> None:
    length = {} if status in {204, 205, 304} else {"Content-Length": str(len(body))}
    await _start(send, status, content_type, {**length, **headers})
    await send({"type": "http.response.body", "body": body if length else b""})


def _transport(send: Any) -> asyncio.Transport:
    """The connection itself, for what no proper server would do."""
    return cast("asyncio.Transport", send.__self__.transport)
