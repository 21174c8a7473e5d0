"""The web shop: pages over GraphQL, behind an API key. It holds what its editors put there, three years ago or today.

Prices are whole cents, and 0 means that there is none.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast
from zlib import crc32

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp
from strawberry.asgi import GraphQL

from app.demo.catalogue import Catalogue, Product, Row
from app.demo.systems.web import Guarded

KEY_HEADER = "X-Shop-Key"
HOST = "https://shop.brewster.example"
_MOST = 50

_BLANK: Row = {
    "handle": "",
    "title": "",
    "sku": "",
    "barcode": "",
    "priceCents": 0,
    "priceUpdatedAt": None,
    "weight": None,
    "weightUnit": "",
    "powerWatts": None,
    "published": False,
    "rating": None,
    "reviews": 0,
    "updatedAt": None,
}


def pages(catalogue: Catalogue) -> list[Row]:
    """The shop's pages, one row each."""

    def page(product: Product) -> Row:
        mark = crc32(f"stars/{product.sku}".encode())
        reviewed = product.launched < catalogue.ago("60d")
        return {
            "handle": product.sku.lower(),
            "title": product.name["en"],
            "sku": product.sku,
            "barcode": product.gtin,
            "priceCents": int(product.web_price * 100),
            "priceUpdatedAt": catalogue.usual_clock("web price", product.sku, within=60),
            "weight": product.kg,
            "weightUnit": "kg",
            "powerWatts": product.watts,
            "published": product.status != "discontinued",
            "rating": Decimal(36 + mark % 14) / 10 if reviewed else None,
            "reviews": 8 + mark % 900 if reviewed else 0,
            "updatedAt": catalogue.usual_clock("page", product.sku, within=300),
        }

    rows = catalogue.rows("shop", page, "updatedAt", blank=_BLANK)
    for row in rows:
        row["priceUpdatedAt"] = row["priceUpdatedAt"] or row["updatedAt"]
    return rows


@strawberry.type(name="Page")
@dataclass
class ShopPage:
    """A product's page in the shop."""

    id: strawberry.ID
    handle: str
    title: str
    sku: str | None
    barcode: str | None
    url: str
    price_cents: int
    price_updated_at: datetime
    weight: float | None
    weight_unit: str | None
    power_watts: int | None
    published: bool
    rating: float | None
    reviews: int
    updated_at: datetime


@strawberry.type
@dataclass
class PageInfo:
    """Relay's."""

    has_next_page: bool
    end_cursor: str | None


@strawberry.type
@dataclass
class PageEdge:
    """Relay's."""

    cursor: str
    node: ShopPage


@strawberry.type
@dataclass
class PageConnection:
    """Relay's, with the number of all pages."""

    edges: list[PageEdge]
    page_info: PageInfo
    total_count: int


def _shop_page(row: Row) -> ShopPage:
    return ShopPage(
        id=strawberry.ID(f"gid://brewster/Page/{crc32(row['handle'].encode())}"),
        handle=row["handle"],
        title=row["title"],
        sku=row["sku"] or None,
        barcode=row["barcode"] or None,
        url=f"/products/{row['handle']}",
        price_cents=row["priceCents"],
        price_updated_at=row["priceUpdatedAt"],
        weight=None if row["weight"] is None else float(row["weight"]),
        weight_unit=row["weightUnit"] or None,
        power_watts=row["powerWatts"],
        published=row["published"],
        rating=None if row["rating"] is None else float(row["rating"]),
        reviews=row["reviews"],
        updated_at=row["updatedAt"],
    )


def _cursor(position: int) -> str:
    return urlsafe_b64encode(f"after {position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        word, _, number = urlsafe_b64decode(cursor).decode().partition(" ")
        if word == "after":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise ValueError("after: that is no cursor of this shop")


def application(catalogue: Catalogue, key: str) -> ASGIApp:
    """``POST /graphql``: ``products(first, after)``, a Relay connection of at most 50 a page, and ``nodes(ids)``."""
    everything = [_shop_page(row) for row in pages(catalogue)]
    by_id = {page.id: page for page in everything}

    @strawberry.type
    class Query:
        """The shop."""

        @strawberry.field
        def products(self, first: int = 20, after: str | None = None) -> PageConnection:
            """All pages, in the order in which they were made."""
            if not 1 <= first <= _MOST:
                raise ValueError(f"first: from 1 to {_MOST}")
            start = _position(after) if after is not None else 0
            chosen = list(enumerate(everything[start : start + first], start=start + 1))
            return PageConnection(
                edges=[PageEdge(cursor=_cursor(position), node=page) for position, page in chosen],
                page_info=PageInfo(
                    has_next_page=start + len(chosen) < len(everything),
                    end_cursor=_cursor(chosen[-1][0]) if chosen else None,
                ),
                total_count=len(everything),
            )

        @strawberry.field
        def nodes(self, ids: list[strawberry.ID]) -> list[ShopPage | None]:
            """Pages by id, null where there is none."""
            return [by_id.get(id_) for id_ in ids]

    schema = strawberry.Schema(Query)
    shop = GraphQL[None, None](schema, graphql_ide=None)
    routes = [Route("/graphql", cast(ASGIApp, shop), methods=["POST"])]
    return Guarded(Starlette(routes=routes), KEY_HEADER, key)
