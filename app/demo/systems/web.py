"""Serving one web application of the demo on a port of its own, to those who show who they are."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from base64 import b64encode
from collections.abc import Generator
from secrets import compare_digest

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_CLOSE_SECONDS = 0.5


class Guarded:
    """Lets through only requests whose ``header`` is exactly ``value``; all others are answered 401."""

    def __init__(self, app: ASGIApp, header: str, value: str, challenge: str | None = None) -> None:
        self._app = app
        self._header = header
        self._value = value.encode()
        self._refused = JSONResponse(
            {"error": f"Not authorised: send {header}."},
            status_code=401,
            headers={"www-authenticate": challenge} if challenge else None,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] == "http":
            shown = Headers(scope=scope).get(self._header, "").encode()
            if not compare_digest(shown, self._value):
                await self._refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def basic(user: str, password: str) -> str:
    """The ``Authorization`` header's value for basic authentication."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when it is done."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the company's, not a server's."""
        yield


class WebServer:
    """One application being served."""

    def __init__(self, server: _Server, task: asyncio.Task[None], port: int) -> None:
        self.port = port
        self._server = server
        self._task = task

    @classmethod
    async def start(cls, app: ASGIApp) -> WebServer:
        """Serve ``app`` on a free port of 127.0.0.1; it answers when this returns."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            task.result()
        return cls(server, task, listening.getsockname()[1])

    async def stop(self) -> None:
        """End it within half a second, whatever is still open."""
        self._server.should_exit = True
        self._server.force_exit = True
        _, pending = await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
        for task in pending:
            task.cancel()
