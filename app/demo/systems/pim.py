"""The PIM: products over REST, in pages, for those who hold a token. Texts in three languages, pictures, attributes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from app.demo.catalogue import Catalogue, Product, Row
from app.demo.systems.pages import Refused, number_parameter
from app.demo.systems.web import Guarded

PICTURES = "https://media.brewster.example/products"
_PER_PAGE = 25
_MOST_PER_PAGE = 100

_BLANK: Row = {
    "id": "",
    "sku": "",
    "gtin": "",
    "brand": "",
    "mpn": "",
    "name": {},
    "description": {},
    "category": "",
    "colour": "",
    "images": [],
    "weight_g": None,
    "capacity_l": None,
    "power_w": None,
    "voltage_v": None,
    "noise_db": None,
    "lid_mm": None,
    "warranty_years": None,
    "materials": [],
    "launched_on": None,
    "accessories": [],
    "updated_at": None,
}
_ATTRIBUTES = (
    "colour",
    "weight_g",
    "capacity_l",
    "power_w",
    "voltage_v",
    "noise_db",
    "lid_mm",
    "warranty_years",
    "materials",
    "launched_on",
)


def entries(catalogue: Catalogue) -> list[Row]:
    """What the content team has entered, one row a product, flat."""
    openings = {row["sku"]: int(row["lid_mm"]) for row in catalogue.table("openings")}
    ids = {product.sku: f"pim-{number:04d}" for number, product in enumerate(catalogue.products, start=1)}

    def entry(product: Product) -> Row:
        return {
            "id": ids[product.sku],
            "sku": product.sku,
            "gtin": product.gtin,
            "brand": product.brand,
            "mpn": product.mpn,
            "name": dict(product.name),
            "description": dict(product.description),
            "category": product.category,
            "colour": product.colour,
            "images": [
                {
                    "url": f"{PICTURES}/{product.sku.lower()}.jpg",
                    "alt": f"{product.name['en']}, {product.colour}".rstrip(", "),
                    "media_type": "image/jpeg",
                }
            ],
            "weight_g": int(product.kg * 1000),
            "capacity_l": product.litres,
            "power_w": product.watts,
            "voltage_v": product.volts,
            "noise_db": product.noise,
            "lid_mm": openings.get(product.sku),
            "warranty_years": product.warranty,
            "materials": list(product.materials),
            "launched_on": product.launched.date().isoformat(),
            "accessories": [
                {"sku": sku, "id": ids[sku], "relation": relation, "name": catalogue.by_sku[sku].name["en"]}
                for sku, relation in catalogue.accessories.get(product.sku, ())
            ],
            "updated_at": catalogue.usual_clock("pim", product.sku, within=170),
        }

    return catalogue.rows("pim", entry, "updated_at", blank=_BLANK)


def _document(row: Row) -> dict[str, Any]:
    """A row as the PIM answers it: attributes in an object of their own, those without a value left out."""
    attributes = {name: _plain(row[name]) for name in _ATTRIBUTES if row[name] not in (None, "")}
    document = {name: _plain(value) for name, value in row.items() if name not in _ATTRIBUTES}
    return {**document, "attributes": attributes}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return float(value) if isinstance(value, Decimal) else value


def application(catalogue: Catalogue, token: str) -> ASGIApp:
    """``GET /api/products`` (``page``, ``per_page``, ``ids``, ``updated_since``) and ``/api/products/{id}``."""
    documents = [_document(row) for row in entries(catalogue)]
    by_id = {document["id"]: document for document in documents}

    async def products(request: Request) -> Response:
        try:
            page = number_parameter(request, "page", 1, least=1)
            size = number_parameter(request, "per_page", _PER_PAGE, least=1, most=_MOST_PER_PAGE)
        except Refused as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        found = documents
        if ids := request.query_params.get("ids"):
            found = [by_id[key] for key in ids.split(",") if key in by_id]
        if since := request.query_params.get("updated_since"):
            found = [document for document in found if document["updated_at"] >= since.replace("+00:00", "Z")]
        return JSONResponse(
            {
                "items": found[(page - 1) * size : page * size],
                "page": page,
                "per_page": size,
                "total": len(found),
            }
        )

    async def product(request: Request) -> Response:
        document = by_id.get(request.path_params["id"])
        return JSONResponse(document) if document else JSONResponse({"error": "No such product."}, status_code=404)

    routes = [Route("/api/products", products), Route("/api/products/{id}", product)]
    return Guarded(Starlette(routes=routes), "authorization", f"Bearer {token}", "Bearer")
