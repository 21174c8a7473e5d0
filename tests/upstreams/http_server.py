"""A company's system over HTTP: records in memory, REST in every kind of paging, GraphQL, and switches to break it.

::

    with HttpServer() as server:
        server.put("A-01", {"label": "Kettle", "weight": Decimal("0.85"), "stock": 3})
        server.url("/rest/page")       # also /rest/offset /rest/cursor /rest/link /rest/body-link /rest/all
        server.url("/graphql")         # products: Relay; items: skip and take; productsByIds; product
        server.faults.fail(503, {"Retry-After": "2"})
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.upstreams.graphql_api import graphql_endpoint
from tests.upstreams.http_faults import Faults, FaultyApplication
from tests.upstreams.shop import Asked, Shop


class HttpServer:
    """The running system, on a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.faults = Faults()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        application = FaultyApplication(_application(self.shop), self.faults)
        config = uvicorn.Config(
            application, log_config=None, lifespan="off", proxy_headers=False, timeout_graceful_shutdown=1, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def url(self, path: str) -> str:
        """The address of ``path``."""
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, key: str, values: Mapping[str, Any]) -> None:
        """Adds or replaces a record."""
        self.shop.put(key, values)

    def reset(self) -> None:
        """Empty, and all switches off."""
        self.shop.__init__()  # type: ignore[misc]
        self.faults.clear()

    def __enter__(self) -> HttpServer:
        self._thread.start()
        ends = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < ends, "the server does not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


# ── REST ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _application(shop: Shop) -> Starlette:
    def guarded(answer: Callable[[Request], Response]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            headers = dict(request.headers)
            shop.asked.append(Asked(request.method, request.url.path, dict(request.query_params), headers))
            if not shop.lets_in(headers):
                return _json({"error": "who are you?"}, status=401)
            return answer(request)

        return endpoint

    kinds: dict[str, Callable[[Request], Response]] = {
        "all": lambda request: _json(_selected(shop, request)),
        "page": lambda request: _by_page(shop, request),
        "offset": lambda request: _by_offset(shop, request),
        "cursor": lambda request: _by_cursor(shop, request),
        "link": lambda request: _by_link(shop, request),
        "body-link": lambda request: _by_body_link(shop, request),
    }
    routes = [Route(f"/rest/{name}", guarded(answer)) for name, answer in kinds.items()]
    one = Route("/rest/one/{key:path}", guarded(lambda request: _one(shop, request)))
    return Starlette(routes=[*routes, one, Route("/graphql", graphql_endpoint(shop), methods=["POST"])])


def _selected(shop: Shop, request: Request) -> list[Any]:
    rows: list[Any] = shop.rows(request.query_params.get("updated_since"))
    ids = request.query_params.getlist("ids")
    if ids and not shop.ignores_ids:
        wanted = {part for text in ids for part in (text.split(",") if len(ids) == 1 else [text])} | set(ids)
        rows = [row for row in rows if row["id"] in wanted]
    names = request.query_params.get("fields")
    if names is not None:
        rows = [{name: value for name, value in row.items() if name in names.split(",")} for row in rows]
    return rows


def _cut(shop: Shop, rows: Sequence[Any], start: int, size: int) -> list[Any]:
    page = shop.page(rows, start, size)
    return [None, *page] if shop.nulls else page


def _by_page(shop: Shop, request: Request) -> Response:
    rows, size = _selected(shop, request), int(request.query_params.get("per_page", 3))
    page = int(request.query_params.get("page", 1))
    data = _cut(shop, rows, (page - 1) * min(size, shop.cap), size)
    if request.query_params.get("strict") and page > 1 and not data:
        return _json({"error": "no such page"}, status=404)
    return _json({"data": data, "meta": {"total": shop.total(rows), "on_page": len(data)}})


def _by_offset(shop: Shop, request: Request) -> Response:
    rows, size = _selected(shop, request), int(request.query_params.get("limit", 3))
    data = _cut(shop, rows, int(request.query_params.get("offset", 0)), size)
    return _json({"items": data, "count": shop.total(rows)})


def _by_cursor(shop: Shop, request: Request) -> Response:
    rows, size = _selected(shop, request), int(request.query_params.get("size", 3))
    start = int(base64.urlsafe_b64decode(request.query_params.get("after", "MA==")))
    following = start + min(size, shop.cap)
    more = shop.more(rows, following)
    after = "MA==" if shop.repeats else base64.urlsafe_b64encode(str(following).encode()).decode()
    return _json({"data": _cut(shop, rows, start, size), "meta": {"next": after if more else None}})


def _by_link(shop: Shop, request: Request) -> Response:
    rows, size = _selected(shop, request), int(request.query_params.get("size", 3))
    start = int(request.query_params.get("start", 0))
    following = _next_address(shop, request, rows, start, size)
    header = {"Link": f'<{request.url.path}>; rel="first", <{following}>; rel="next"'} if following else {}
    return _json(_cut(shop, rows, start, size), headers=header)


def _by_body_link(shop: Shop, request: Request) -> Response:
    rows, size = _selected(shop, request), int(request.query_params.get("size", 3))
    start = int(request.query_params.get("start", 0))
    following = _next_address(shop, request, rows, start, size)
    body: dict[str, Any] = {"items": _cut(shop, rows, start, size), "total": shop.total(rows)}
    return _json({**body, "next_page": following} if following else body)


def _next_address(shop: Shop, request: Request, rows: Sequence[Any], start: int, size: int) -> str | None:
    following = start + min(size, shop.cap)
    if shop.foreign_next:
        return shop.foreign_next
    if not shop.more(rows, following):
        return None
    query = {**dict(request.query_params), "start": str(0 if shop.repeats else following), "size": str(size)}
    return f"{request.url.path}?{urlencode(query)}"


def _one(shop: Shop, request: Request) -> Response:
    key = request.path_params["key"]
    return _json(shop.row(key)) if key in shop.records else _json({"error": "no such product"}, status=404)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(written(value), status, dict(headers or {}), media_type="application/json")


def written(value: Any) -> str:
    """JSON, decimals as the numbers they are."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)}: {written(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(member) for member in value) + "]"
    return json.dumps(value)
