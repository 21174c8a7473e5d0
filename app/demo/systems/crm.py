"""The CRM: customers and their tickets over REST. What a ticket says about a product may leave; who rang may not.

So a ticket names its customer by number only, and customers are a list of their own, which nobody maps.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from zlib import crc32

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from app.demo.catalogue import Catalogue, Row
from app.demo.systems.pages import Refused, number_parameter
from app.demo.systems.web import Guarded, basic
from app.demo.tables import read_table

_LIMIT = 20
_MOST = 100


def customers(catalogue: Catalogue) -> list[Row]:
    """Who rings, with what is nobody's business."""
    return [{**row, "since": catalogue.ago(row["since"]).date().isoformat()} for row in read_table("customers")]


def tickets(catalogue: Catalogue) -> list[Row]:
    """Tickets, the newest first. The SKU is there only where the agent looked it up."""
    rows = []
    for row in catalogue.table("tickets"):
        opened = catalogue.ago(row["opened"]) + timedelta(minutes=crc32(row["id"].encode()) % 540)
        rows.append(
            {
                "id": row["id"],
                "kind": row["kind"],
                "opened_at": opened.isoformat().replace("+00:00", "Z"),
                "updated_at": opened.isoformat().replace("+00:00", "Z"),
                "customer_id": row["customer"],
                "agent": row["agent"],
                "subject": row["subject"],
                "note": row["note"],
                "product": {"sku": row["sku"] or None, "called": row["called"]},
                "compatibility": {
                    "with_sku": row["with"] or None,
                    "verdict": row["verdict"] or None,
                    "condition": row["condition"] or None,
                },
            }
        )
    return sorted(rows, key=lambda ticket: str(ticket["opened_at"]), reverse=True)


def application(catalogue: Catalogue, user: str, password: str) -> ASGIApp:
    """``GET /tickets``, ``/tickets/compatibility`` and ``/customers``, each with ``offset`` and ``limit``."""
    everything = tickets(catalogue)
    about_fit = [ticket for ticket in everything if ticket["kind"] == "compatibility"]
    routes = [
        Route("/tickets", _pages("tickets", everything)),
        Route("/tickets/compatibility", _pages("tickets", about_fit)),
        Route("/customers", _pages("customers", customers(catalogue))),
    ]
    return Guarded(Starlette(routes=routes), "authorization", basic(user, password), 'Basic realm="CRM"')


def _pages(name: str, rows: list[Row]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def answer(request: Request) -> Response:
        try:
            offset = number_parameter(request, "offset", 0)
            limit = number_parameter(request, "limit", _LIMIT, least=1, most=_MOST)
        except Refused as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({name: rows[offset : offset + limit], "total": len(rows)})

    return answer
