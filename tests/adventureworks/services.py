"""The PIM, a REST service behind a token, and support's reviews, a GraphQL service; each on a port of its own."""

from __future__ import annotations

import asyncio
import hmac
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from strawberry.asgi import GraphQL

from tests.adventureworks.raw import RawFiles, Row

PIM_TOKEN = "pim-f3c90b17d2a84e6f"
_MOST_A_PAGE = 100


# ── The PIM ────────────────────────────────────────────────────────────────────────────────────────────────────────


def pim_products(raw: RawFiles) -> list[dict[str, Any]]:
    """The products as the PIM serves them: content nested by culture, every part with the date of its own."""
    models, categories = raw.by_id("ProductModel"), raw.by_id("ProductCategory")
    subcategories, texts = raw.by_id("ProductSubcategory"), raw.by_id("ProductDescription")
    content: dict[str, dict[str, Any]] = {}
    for row in raw.table("ProductModelProductDescriptionCulture"):
        said = texts[row["ProductDescriptionID"]]
        part = {"text": said["Description"], "modified": _date(said)}
        content.setdefault(row["ProductModelID"], {})[row["CultureID"].strip()] = part
    found = []
    for row in raw.table("Product"):
        subcategory = subcategories.get(row["ProductSubcategoryID"])
        category = categories[subcategory["ProductCategoryID"]] if subcategory else None
        product = {
            "id": row["rowguid"],
            "number": row["ProductNumber"],
            "name": row["Name"],
            "colour": row["Color"] or None,
            "size": row["Size"] or None,
            "sizeUnit": row["SizeUnitMeasureCode"] or None,
            "line": row["ProductLine"] or None,
            "class": row["Class"] or None,
            "style": row["Style"] or None,
            "model": _named(models.get(row["ProductModelID"])),
            "subcategory": _named(subcategory),
            "category": _named(category),
            "descriptions": content.get(row["ProductModelID"], {}),
            "modified": _date(row),
        }
        found.append(product)
    return found


def pim(raw: RawFiles) -> Starlette:
    """The PIM: ``/api/products?page=1&per_page=100``, or ``?ids=A,B``."""
    products = pim_products(raw)
    by_id = {product["id"]: product for product in products}

    def answer(request: Request) -> JSONResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {PIM_TOKEN}".encode()):
            return JSONResponse({"error": "who are you?"}, 401)
        if ids := request.query_params.get("ids"):
            return JSONResponse({"items": [by_id[id_] for id_ in ids.split(",") if id_ in by_id]})
        size = min(int(request.query_params.get("per_page", 20)), _MOST_A_PAGE)
        first = (int(request.query_params.get("page", 1)) - 1) * size
        return JSONResponse({"items": products[first : first + size], "meta": {"total": len(products)}})

    return Starlette(routes=[Route("/api/products", answer)])


def _named(row: Row | None) -> dict[str, str] | None:
    return {"name": row["Name"], "modified": _date(row)} if row else None


def _date(row: Row) -> str:
    return row["ModifiedDate"].replace(" ", "T")


# ── Support's reviews ──────────────────────────────────────────────────────────────────────────────────────────────


@strawberry.type
class Review:
    id: strawberry.ID
    product_number: str
    reviewer: str
    reviewed_on: str
    stars: int
    comments: str
    modified: str


@strawberry.type
class ReviewEdge:
    cursor: str
    node: Review


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class ReviewConnection:
    edges: list[ReviewEdge]
    page_info: PageInfo
    total_count: int


def support(raw: RawFiles) -> GraphQL[Any, Any]:
    """Support's reviews: a Relay connection, two a page at most, so that they take more than one."""
    products = raw.by_id("Product")
    every = [
        Review(
            id=strawberry.ID(row["ProductReviewID"]),
            product_number=products[row["ProductID"]]["ProductNumber"],
            reviewer=row["ReviewerName"],
            reviewed_on=row["ReviewDate"],
            stars=int(row["Rating"]),
            comments=row["Comments"],
            modified=row["ModifiedDate"],
        )
        for row in raw.table("ProductReview")
    ]

    @strawberry.type
    class Query:
        @strawberry.field
        def reviews(self, first: int = 2, after: str | None = None) -> ReviewConnection:
            start = int(after) if after else 0
            page = every[start : start + min(first, 2)]
            edges = [ReviewEdge(cursor=str(start + number), node=node) for number, node in enumerate(page, start=1)]
            more = start + len(page) < len(every)
            information = PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
            return ReviewConnection(edges=edges, page_info=information, total_count=len(every))

    return GraphQL(strawberry.Schema(Query))


# ── Serving ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def serving(application: Any) -> Iterator[str]:
    """The address of ``application``, served on a free port of 127.0.0.1 by a thread of its own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(application, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        run = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        run.start()
        give_up = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < give_up, "the server does not start"
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            run.join(10)
