"""The client's end of a request: its body, read within a limit, and its going, which stops the work done for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from app.protocol import Refused

DISCARDED_BYTES = 8 * 1024 * 1024
"""How much of a body that is too large is read on, so that the client can read the answer."""
SECONDS_UNWATCHED = 0.02
"""Seconds of work before anybody looks whether the client is still there."""
SECONDS_TO_LET_GO = 0.5
"""Seconds that a cancelled execution, and the closing of a context, are waited for."""

T = TypeVar("T")


async def while_connected(http: Request, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns. Cancels it when the client goes (raises ClientDisconnect) or the caller is cancelled.

    The client is watched only once the work has taken :data:`SECONDS_UNWATCHED`: most work is done before."""
    loop = asyncio.get_running_loop()
    working = loop.create_task(work)
    over = loop.create_future()  # and not the task itself, whose cancellation might take its time
    watching: list[asyncio.Task[None]] = []

    def end(_: asyncio.Task[Any]) -> None:
        if not over.done():
            over.set_result(None)

    def watch() -> None:
        watching.append(loop.create_task(_gone(http)))
        watching[0].add_done_callback(end)

    working.add_done_callback(end)
    later = loop.call_later(SECONDS_UNWATCHED, watch)
    try:
        await over
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        later.cancel()
        for watcher in watching:
            watcher.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=SECONDS_TO_LET_GO)
        for task in (working, *watching):
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
