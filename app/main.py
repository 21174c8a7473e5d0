"""The web application: its routes, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access import AccessLog
from app.graphiql import GraphiQL, graphiql_routes
from app.graphql import GraphQLEndpoint, Served
from app.health import health_routes
from app.hosts import KnownHosts
from app.matching import keep_matching
from app.readiness import keep_ready
from app.redaction import Redactor
from app.reload import CurrentRuntime
from app.wiring import Runtime
from app.worker import Worker
from sources.ledger.database import asyncpg_dsn

GRAPHQL_PATH = "/graphql"
EXAMPLE = """\
# Every fact, and where it came from. Run it with Ctrl-Enter.
query Example {
  products(first: 5) {
    edges {
      node {
        id
        facts {
          definition { name systemOfRecord }
          status
          freshness
          source
          lastUpdated
        }
      }
    }
  }
}
"""


def build_app(
    runtime: Runtime | CurrentRuntime,
    redactor: Redactor,
    *,
    default_audience: str,
    syncing: bool = True,
    example: str | None = None,
    hosts: Collection[str] = (),
    compiling: bool = True,
) -> Starlette:
    """The application over a runtime, which a reload may replace; ``syncing``: sources are synced at their intervals while
    it runs. ``hosts`` are the names, beside loopback, under which it is asked; ``compiling``: operations are
    compiled."""
    faces = _Faces(redactor, default_audience, example or EXAMPLE)

    def current() -> Runtime:
        return runtime() if isinstance(runtime, CurrentRuntime) else runtime

    @contextmanager
    def serving() -> Iterator[Served]:
        now = current()
        with now.uses:
            yield faces.of(now)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(keep_ready(current)), asyncio.create_task(keep_matching(current))]
        if syncing:
            tasks.append(asyncio.create_task(Worker(current).run()))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=3)

    async def ledger_ready() -> None:
        connection = await asyncpg.connect(asyncpg_dsn(current().database_url), timeout=1)
        try:
            await connection.execute("select 1")
        finally:
            await connection.close(timeout=1)

    def notes() -> Mapping[str, str]:
        trouble = runtime.trouble if isinstance(runtime, CurrentRuntime) else None
        return {"map": trouble} if trouble else {}

    async def home(_: Request) -> RedirectResponse:
        return RedirectResponse(GRAPHQL_PATH)

    endpoint = GraphQLEndpoint(serving, compiling=compiling)
    return Starlette(
        routes=[
            Route(GRAPHQL_PATH, endpoint, name="graphql"),
            *graphiql_routes(),
            *health_routes({"ledger": ledger_ready}, notes=notes),
            Route("/", home),
        ],
        middleware=[
            Middleware(AccessLog),
            Middleware(KnownHosts, names=hosts),
            Middleware(_Straight, path=GRAPHQL_PATH, endpoint=endpoint),
        ],
        lifespan=lifespan,
    )


class _Straight:
    """ASGI middleware: nearly all requests are for one path, and need no routing."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        straight = scope["type"] == "http" and scope["path"] == self._path and not scope.get("root_path")
        await (self._endpoint if straight else self._app)(scope, receive, send)


class _Faces:
    """What the endpoint shows of a runtime, made once for each."""

    def __init__(self, redactor: Redactor, default_audience: str, example: str) -> None:
        self._redactor = redactor
        self._default_audience = default_audience
        self._example = example
        self._of: tuple[Runtime, Served] | None = None

    def of(self, runtime: Runtime) -> Served:
        """The face of ``runtime``; that of another is forgotten."""
        if self._of is None or self._of[0] is not runtime:
            audience = self._audience(runtime)
            page = GraphiQL(audiences=tuple(runtime.schemas), default_audience=audience, example=self._example)
            audiences = runtime.ownership.audiences
            self._of = runtime, Served(runtime.schemas, runtime.context, audience, self._redactor.text, page, audiences)
        return self._of[1]

    def _audience(self, runtime: Runtime) -> str:
        """That of requests that name none; should a new map not have it, the first that sees as much."""
        if self._default_audience in runtime.schemas:
            return self._default_audience
        audiences = runtime.ownership.audiences.values()
        return next((one.name for one in audiences if one.governance), next(iter(runtime.schemas)))
