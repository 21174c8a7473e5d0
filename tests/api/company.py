"""A small schema with something of everything that the endpoint must carry: it stands for the real one in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request

from app.access import AccessLog
from app.graphiql import GraphiQL, graphiql_routes
from app.graphql import graphql_route
from app.health import health_routes
from resolvers.ownership import Audience
from resolvers.request_limits import RequestLimits

SECRET = "kettle-s3cret-of-the-erp"


@dataclass
class Journal:
    """What really ran, for tests to see."""

    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    closed: int = 0


@dataclass
class Context:
    audience: str
    journal: Journal
    notes: dict[str, Any] = field(default_factory=dict)

    def extensions(self) -> dict[str, Any]:
        return {"audience": self.audience, **self.notes}

    async def close(self) -> None:
        self.journal.closed += 1


Info = strawberry.Info[Context, None]


@strawberry.input(one_of=True)
class Lookup:
    id: strawberry.ID | None = strawberry.UNSET
    alias: str | None = strawberry.UNSET


@strawberry.type
class Product:
    name: str

    @strawberry.field
    def weight(self) -> str | None:
        raise RuntimeError(f"could not connect to postgresql://erp:{SECRET}@erp.example/db")

    @strawberry.field
    def weight_refused(self, first: int) -> str | None:
        if first > 100:
            raise GraphQLError(
                "first is 101. Ask for at most 100.", extensions={"code": "BAD_INPUT", "http": {"status": 400}}
            )
        return "ok"


@strawberry.type
class Query:
    @strawberry.field
    def product(self, info: Info, by: Lookup) -> Product | None:
        info.context.journal.begun.append("product")
        return Product(name="Kettle" if by.alias or by.id else "?")

    @strawberry.field
    def echo(self, number: float = 0, whole: int = 0, text: str = "") -> str:
        return f"{number} {whole} {text}"

    @strawberry.field
    def page(self, after: str) -> str:
        raise GraphQLError(
            "That cursor is not one of ours.", extensions={"code": "BAD_CURSOR", "http": {"status": 400}}
        )

    @strawberry.field
    def careless(self) -> str:
        raise GraphQLError(f"no code, and a secret: {SECRET}")

    @strawberry.field
    def wrapped(self) -> str:
        try:
            raise RuntimeError(SECRET)
        except RuntimeError as error:
            raise GraphQLError(
                "a code, but another's text: " + SECRET, original_error=error, extensions={"code": "X"}
            ) from error

    @strawberry.field
    def surrogate(self) -> str:
        return "half \ud800"

    @strawberry.field
    def infinite(self) -> float:
        return float("inf")

    @strawberry.field
    async def slow(self, info: Info, seconds: float) -> str:
        info.context.journal.begun.append("slow")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            info.context.journal.cancelled.append("slow")
            raise
        return "done"


@strawberry.type
class Governance(Query):
    @strawberry.field
    def sources(self) -> list[str]:
        return ["erp", "wms"]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, info: Info, name: str) -> str:
        info.context.journal.begun.append("rename")
        return name


SCHEMAS = {
    "internal": strawberry.Schema(query=Governance, mutation=Mutation),
    "storefront": strawberry.Schema(query=Query),
}


def company(
    journal: Journal | None = None,
    *,
    limits: RequestLimits | None = None,
    audiences: Mapping[str, Audience] | None = None,
    redact: Callable[[str], str] = str,
) -> Starlette:
    """The application, with everything of the HTTP face around the small schema."""
    seen = journal or Journal()

    async def context(_: Request, audience: str) -> Context:
        return Context(audience, seen)

    return Starlette(
        routes=[
            graphql_route(
                SCHEMAS,
                context,
                default_audience="internal",
                limits=limits,
                audiences=audiences,
                redact=redact,
                graphiql=GraphiQL(("internal", "storefront"), "internal", example=EXAMPLE),
            ),
            *graphiql_routes(),
            *health_routes({}),
        ],
        middleware=[Middleware(AccessLog)],
    )


EXAMPLE = """# The electric kettle
{
  product(by: {alias: "kettle"}) {
    name
  }
}
"""
