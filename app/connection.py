"""The client's end of a request: its body, read within a limit, and its going, which stops the work done for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from app.protocol import Refused

DISCARDED_BYTES = 8 * 1024 * 1024
"""How much of a body that is too large is read on, so that the client can read the answer."""
SECONDS_TO_LET_GO = 0.5
"""Seconds that a cancelled execution, and the closing of a context, are waited for."""

T = TypeVar("T")


async def while_connected(http: Request, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns. Cancels it when the client goes (raises ClientDisconnect) or the caller is cancelled."""
    working = asyncio.create_task(work)
    watching = asyncio.create_task(_gone(http))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        watching.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=SECONDS_TO_LET_GO)
        for task in (working, watching):
            if task.done() and not task.cancelled():
                task.exception()  # seen: asyncio would report it as lost


async def read_body(http: Request, limit: int) -> bytes:
    """The body, of ``limit`` bytes at most. Raises Refused (413).

    What is too large is read on for a while and thrown away: a client that is still sending would else lose the answer
    with the connection."""
    declared = http.headers.get("content-length", "")
    too_large = declared.isdecimal() and (len(declared) > 12 or int(declared) > limit)
    if not (too_large and "expect" in http.headers):
        body, read = bytearray(), 0
        async for chunk in http.stream():
            read += len(chunk)
            too_large = too_large or read > limit
            if read > limit + DISCARDED_BYTES:
                break
            if not too_large:
                body += chunk
        else:
            if not too_large:
                return bytes(body)
            raise Refused(413, "BODY_TOO_LARGE", f"The body is larger than {limit} bytes.")
    raise Refused(413, "BODY_TOO_LARGE", f"The body is larger than {limit} bytes.", {"Connection": "close"})


async def _gone(http: Request) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass
