"""One line in the log for every request, and one id that finds everything the request left there.

Around everything else: what raises inside ends here as a masked 500.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import internal_error
from app.strictjson import dumps
from app.telemetry import write_line

REQUEST_ID_HEADER = "X-Request-Id"
QUIET_PATHS = frozenset({"/healthz", "/readyz"})
"""Probes come every second; they are logged only when they fail."""
_HEADER = REQUEST_ID_HEADER.lower().encode()
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log_name = "whence.access"
log = structlog.stdlib.get_logger(log_name)


class AccessLog:
    """ASGI middleware. A client's own ``X-Request-Id`` is kept if it is short and plain; else there is a new one."""

    def __init__(self, app: ASGIApp, quiet_paths: Collection[str] = QUIET_PATHS) -> None:
        self._app = app
        self._quiet_paths = frozenset(quiet_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it when it is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = next((value.decode("latin-1") for name, value in scope["headers"] if name == _HEADER), "")
        request_id = asked if _ACCEPTABLE_ID.fullmatch(asked) else secrets.token_hex(8)
        status = 0
        size = 0

        async def answering(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [pair for pair in message.get("headers", ()) if pair[0] != _HEADER]
                message["headers"] = [*headers, (_HEADER, request_id.encode())]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = perf_counter()
        try:
            await self._app(scope, receive, answering)
        except Exception as error:
            entry = internal_error(error)
            if status == 0:
                await _answer_500(answering, {"errors": [entry]})
        finally:
            if status >= 500 or scope["path"] not in self._quiet_paths:
                client = scope.get("client")
                line = {
                    "method": scope["method"],
                    "path": scope["path"][:200],
                    "status": status or None,
                    "bytes": size,
                    "milliseconds": round((perf_counter() - began) * 1000, 1),
                    "address": client[0] if client else None,
                }
                if not write_line("request", log_name, line):
                    log.info("request", **line)


async def _answer_500(send: Send, answer: object) -> None:
    body = dumps(answer)
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
