"""The same records over GraphQL: a Relay connection, a list by skip and take, and records by id."""

# Strawberry reads these annotations at run time.
import base64
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, cast

import strawberry
from starlette.requests import Request
from starlette.responses import Response

from tests.upstreams.shop import Asked, Shop

MAX_TAKE = 100


@strawberry.type
class Price:
    """An amount within a product."""

    amount: Decimal
    currency: str


@strawberry.type
class Product:
    """A record."""

    row: strawberry.Private[dict[str, Any]]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(self.row["id"])

    @strawberry.field
    def label(self) -> str | None:
        return cast("str | None", self.row.get("label"))

    @strawberry.field
    def weight(self) -> Decimal | None:
        written = self.row.get("weight")
        if isinstance(written, str) and written != written.strip():
            raise ValueError(f"invalid weight {written!r}")
        return None if written is None else Decimal(written)

    @strawberry.field
    def stock(self) -> int | None:
        return cast("int | None", self.row.get("stock"))

    @strawberry.field
    def price(self) -> Price | None:
        amount = self.row.get("price")
        if amount == "broken":
            return Price(amount=cast("Decimal", None), currency="EUR")
        return Price(amount=Decimal(amount), currency="EUR") if amount is not None else None

    @strawberry.field
    def updated_at(self) -> str:
        return str(self.row["updatedAt"])


@strawberry.type
class PageInfo:
    """Relay's."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge:
    """Relay's."""

    cursor: str
    node: Product | None


@strawberry.type
class Connection:
    """Relay's."""

    edges: list[Edge]
    page_info: PageInfo
    total_count: int


@strawberry.type
class Items:
    """A page by skip and take."""

    items: list[Product]
    total_items: int


def _shop(info: strawberry.Info) -> Shop:
    return cast(Shop, info.context["shop"])


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def products(
        self, info: strawberry.Info, first: int = 50, after: str | None = None, updated_since: str | None = None
    ) -> Connection:
        shop = _shop(info)
        rows = shop.rows(updated_since)
        start = int(base64.b64decode(after)) if after and not shop.repeats else 0
        page = shop.page(rows, start, first)
        following = start + min(first, shop.cap)
        end = base64.b64encode(str(following).encode()).decode()
        nodes = [Edge(cursor="", node=Product(row=row)) for row in page]
        return Connection(
            edges=[*nodes, Edge(cursor="", node=None)] if shop.nulls else nodes,
            page_info=PageInfo(has_next_page=shop.more(rows, following), end_cursor=end),
            total_count=shop.total(rows),
        )

    @strawberry.field
    def items(self, info: strawberry.Info, skip: int = 0, take: int = 50) -> Items:
        if take > MAX_TAKE:
            raise ValueError(f"take at most {MAX_TAKE}")
        shop = _shop(info)
        rows = shop.rows()
        page = shop.page(rows, skip, take)
        return Items(items=[Product(row=row) for row in page], total_items=shop.total(rows))

    @strawberry.field
    def products_by_ids(self, info: strawberry.Info, ids: list[strawberry.ID]) -> list[Product | None]:
        shop = _shop(info)
        rows = {row["id"]: row for row in shop.rows()}
        return [Product(row=rows[key]) if key in rows else None for key in map(str, ids)]

    @strawberry.field
    def product(self, info: strawberry.Info, id: strawberry.ID) -> Product | None:  # noqa: A002
        shop = _shop(info)
        return Product(row=shop.row(str(id))) if str(id) in shop.records else None


SCHEMA = strawberry.Schema(Query)


def graphql_endpoint(shop: Shop) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint. Whoever is not let in is told so with status 200, as real ones do."""

    async def endpoint(request: Request) -> Response:
        asked = await request.json()
        headers = dict(request.headers)
        shop.asked.append(Asked("POST", "/graphql", asked.get("variables") or {}, headers))
        if not shop.lets_in(headers):
            error = {
                "message": f"{headers.get('authorization')} is not authorized",
                "extensions": {"code": "FORBIDDEN"},
            }
            answer: dict[str, Any] = {"data": None, "errors": [error]}
        else:
            result = await SCHEMA.execute(asked["query"], asked.get("variables"), context_value={"shop": shop})
            answer = {"data": result.data}
            errors = [dict(error.formatted) for error in result.errors or ()] + shop.graphql_errors
            if errors:
                answer["errors"] = errors
        status = 400 if answer["data"] is None and "x-strict-status" in headers else 200
        return Response(json.dumps(answer), status, media_type="application/json")

    return endpoint
