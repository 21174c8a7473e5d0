"""The web application: its routes, and what lives as long as it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from app.access import AccessLog
from app.graphiql import GraphiQL, graphiql_routes
from app.graphql import graphql_route
from app.health import health_routes
from app.hosts import KnownHosts
from app.limits import limits_rule
from app.redaction import Redactor
from app.sync import keep_in_sync
from app.wiring import Runtime
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
    runtime: Runtime,
    redactor: Redactor,
    *,
    default_audience: str,
    syncing: bool = True,
    example: str | None = None,
    hosts: Collection[str] = (),
) -> Starlette:
    """The application over a runtime; ``syncing``: sources are synced at their intervals while it runs. ``hosts`` are the
    names, beside loopback, under which it is asked."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(keep_in_sync(runtime)) if syncing else None
        yield
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=3)

    async def ledger_ready() -> None:
        connection = await asyncpg.connect(asyncpg_dsn(runtime.database_url), timeout=1)
        try:
            await connection.execute("select 1")
        finally:
            await connection.close(timeout=1)

    async def home(_: Request) -> RedirectResponse:
        return RedirectResponse(GRAPHQL_PATH)

    page = GraphiQL(audiences=tuple(runtime.schemas), default_audience=default_audience, example=example or EXAMPLE)
    return Starlette(
        routes=[
            graphql_route(
                runtime.schemas,
                runtime.context,
                default_audience=default_audience,
                path=GRAPHQL_PATH,
                rules=(limits_rule(),),
                redact=redactor.text,
                graphiql=page,
            ),
            *graphiql_routes(),
            *health_routes({"ledger": ledger_ready}),
            Route("/", home),
        ],
        middleware=[Middleware(AccessLog), Middleware(KnownHosts, names=hosts)],
        lifespan=lifespan,
    )
