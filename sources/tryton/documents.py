"""Tryton's products as documents: which fields each column is read from, and the clock of each price.

Tryton's own ``write_date`` of a product is null until the first edit and does not move with prices or stock. Prices and
costs are rows of their own, one a company, so each has a clock of its own; the stock's is the newest move into the
locations or out of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from sources.contract import Document
from sources.tryton.standing import Standing
from sources.values import JSON

STOCK_CLOCK = "stock_changed_at"
_CLOCK = ("write_date", "create_date")
_ROW = (*_CLOCK, "company")

COLUMNS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "id": ("integer", ()),
    "code": ("char", ("code",)),
    "name": ("char", ("name",)),
    "list_price": ("numeric", ("list_price_used",)),
    "cost_price": ("numeric", ("cost_price",)),
    "currency": ("char", ()),
    "quantity": ("float", ("quantity", "default_uom.digits")),
    "unit": ("char", ("default_uom.symbol",)),
    "created_at": ("timestamp", ("create_date",)),
    "changed_at": ("timestamp", (*_CLOCK, *(f"template.{clock}" for clock in _CLOCK))),
    "list_price_changed_at": (
        "timestamp",
        (
            *(f"list_prices.{name}" for name in (*_ROW, "list_price")),
            *(f"template.list_prices.{name}" for name in (*_ROW, "product")),
        ),
    ),
    "cost_price_changed_at": ("timestamp", tuple(f"cost_prices.{name}" for name in _ROW)),
    STOCK_CLOCK: ("timestamp", ()),
}
"""Name to Tryton's type, and the fields of ``product.product`` that it is made of."""
COSTLY = frozenset({"quantity", STOCK_CLOCK})
"""Read only where the declaration or the question names them: Tryton adds up moves for them."""


def fields_of(columns: Collection[str], own: Mapping[str, str]) -> list[str]:
    """The fields of ``product.product`` to read for ``columns`` and for the declared columns ``own``."""
    return sorted({field for name in columns for field in COLUMNS[name][1]} | set(own.values()) | {"id", "code"})


def document(
    row: Mapping[str, JSON],
    columns: Collection[str],
    own: Mapping[str, str],
    standing: Standing,
    stock_clock: Mapping[int, datetime],
) -> Document:
    """The document of one product as ``read`` answered it, with ``columns`` and the declared columns ``own``."""
    made: dict[str, JSON] = {name: value_at(row, field) for name, field in own.items()}
    for name in columns:
        match name:
            case "list_price":
                made[name] = row.get("list_price_used")
            case "currency":
                made[name] = standing.currency
            case "quantity":
                made[name] = _whole(row.get("quantity"), value_at(row, "default_uom.digits"))
            case "unit":
                made[name] = value_at(row, "default_uom.symbol")
            case "created_at":
                made[name] = row.get("create_date")
            case "changed_at":
                made[name] = _newest([row, row.get("template.") or {}])
            case "list_price_changed_at":
                made[name] = _newest(_list_price_rows(row, standing.company))
            case "cost_price_changed_at":
                made[name] = _newest(_of_company(row.get("cost_prices."), standing.company))
            case "stock_changed_at":
                made[name] = stock_clock.get(row["id"])
            case _:
                made[name] = row.get(name)
    code = row.get("code")
    return Document(made, f"Tryton product {row['id']}" + (f" ({str(code)[:60]})" if code else ""))


def value_at(row: Mapping[str, JSON], field: str) -> JSON:
    """What ``read`` answered for ``field``; behind a dot stands another record, or a list of them."""
    head, dot, rest = field.partition(".")
    if not dot:
        return row.get(head)
    there = row.get(f"{head}.")
    if isinstance(there, list):
        return [value_at(entry, rest) for entry in there]
    return value_at(there, rest) if isinstance(there, Mapping) else None


def _whole(quantity: JSON, digits: JSON) -> JSON:
    """Tryton counts in floating point: the number that it means, in the digits of the product's unit."""
    if not isinstance(quantity, int | Decimal):
        return quantity
    places = digits if isinstance(digits, int) and 0 <= digits <= 12 else 6
    number = Decimal(quantity).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return int(number) if number == number.to_integral_value() else number.normalize()


def _list_price_rows(row: Mapping[str, JSON], company: int) -> Iterable[Mapping[str, JSON]]:
    """The rows that the list price in use comes from: the variant's own if one has a price, or the template's too."""
    own = _of_company(row.get("list_prices."), company)
    if any(price.get("list_price") is not None for price in own):
        return own
    shared = _of_company((row.get("template.") or {}).get("list_prices."), company)
    return own + [price for price in shared if price.get("product") is None]


def _of_company(rows: JSON, company: int) -> list[Mapping[str, JSON]]:
    return [row for row in rows or () if row.get("company") == company]


def _newest(rows: Iterable[Mapping[str, JSON]]) -> datetime | None:
    """The newest clock of ``rows``; a row that was never edited has only its creation's."""
    return max((clock for row in rows for name in _CLOCK if (clock := row.get(name)) is not None), default=None)
