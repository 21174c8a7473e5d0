"""Which names this server answers to. There are no keys yet: being on loopback is the whole protection, and a web page
whose own name is made to lead to 127.0.0.1 would be past it, but for what its requests carry: that name."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.strictjson import dumps


class KnownHosts:
    """ASGI middleware: requests for another host, or from a page of another, are refused before anything is read.

    Loopback addresses and ``localhost`` are known; ``names`` are further ones, of a proxy in front.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", *(name.casefold() for name in names)}
        self._knows = lru_cache(maxsize=256)(self._look_up)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            host = origin = None
            for name, value in scope["headers"]:  # the first of each
                if name == b"host" and host is None:
                    host = value.decode("latin-1")
                elif name == b"origin" and origin is None:
                    origin = value.decode("latin-1")
            if not self._knows(f"//{host or ''}"):
                await _refusal(421, "Host", "Ask for 127.0.0.1 or localhost, or name this host in WHENCE_HOSTS.")(
                    scope, receive, send
                )
                return
            if origin is not None and not self._knows(origin):
                await _refusal(403, "Origin", "Pages of other hosts may not ask.")(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _look_up(self, url: str) -> bool:
        try:
            name = (urlsplit(url).hostname or "").casefold()
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _refusal(status: int, header: str, instead: str) -> Response:
    error = {"message": f"{header} names a host that is not known. {instead}", "extensions": {"code": "UNKNOWN_HOST"}}
    return Response(
        dumps({"errors": [error]}), status, {"Content-Type": "application/json", "Cache-Control": "no-store"}
    )
