"""An issuer of tokens (RFC 6749, section 4.4) beside a company's system, on a port of its own, and switches to break it.

::

    with TokenServer() as issuer:
        issuer.url                      # POST, the client's id and secret in a header or in the body
        issuer.lifetime = 2             # of the next tokens, in seconds
        issuer.revoke()                 # no token is good any more; the system asks :meth:`TokenServer.knows`
        issuer.faults.fail(503)
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.upstreams.http_faults import Faults, FaultyApplication

CLIENT = "whence:reader"
"""With a colon, which basic authentication takes for a separator unless it is escaped."""
SECRET = "s3cr+t/4f9 c%"


@dataclass(frozen=True, slots=True)
class Issued:
    """A request for a token that came."""

    form: dict[str, str]
    headers: dict[str, str]


class TokenServer:
    """The running issuer, on a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[Issued] = []
        self.client_auth = "basic"
        self.scope: str | None = None
        """Given only to those who ask for it."""
        self.lifetime: Any = 3600
        self.answers: dict[str, Any] = {}
        """Put into every answer, over what it would say."""
        self.delay = 0.0
        self._good: dict[str, float] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/token?tenant=private"
        application = FaultyApplication(Starlette(routes=[Route("/token", self._issue, methods=["POST"])]), self.faults)
        config = uvicorn.Config(application, log_config=None, lifespan="off", timeout_graceful_shutdown=1, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def knows(self, authorization: str) -> bool:
        """Whether the value of a header holds a token that is good."""
        return self._good.get(authorization.removeprefix("Bearer "), 0.0) > time.monotonic()

    def revoke(self) -> None:
        """No token is good any more."""
        self._good.clear()

    @property
    def tokens(self) -> list[str]:
        """Those that are good."""
        return list(self._good)

    def __enter__(self) -> TokenServer:
        self._thread.start()
        ends = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < ends, "the issuer does not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _issue(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        headers = dict(request.headers)
        self.asked.append(Issued(form, headers))
        if self.delay:
            await asyncio.sleep(self.delay)
        if form.get("grant_type") != "client_credentials":
            return _json({"error": "unsupported_grant_type"}, 400)
        if self._client(form, headers) != (CLIENT, SECRET):
            return _json({"error": "invalid_client", "error_description": f"no client {form} {headers}"}, 401)
        if self.scope is not None and form.get("scope") != self.scope:
            return _json({"error": "invalid_scope"}, 400)
        token = f"tok-{len(self.asked)}-{base64.urlsafe_b64encode(str(time.monotonic_ns()).encode()).decode()}"
        lifetime = float(self.lifetime) if isinstance(self.lifetime, int | float) else 3600.0
        self._good[token] = time.monotonic() + lifetime
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime, **self.answers}
        return _json({name: value for name, value in body.items() if value is not None})

    def _client(self, form: dict[str, str], headers: dict[str, str]) -> tuple[str, str]:
        if self.client_auth == "body":
            return form.get("client_id", ""), form.get("client_secret", "")
        kind, _, pair = headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(pair if kind == "Basic" else "").decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json", headers={"Cache-Control": "no-store"})
