"""The WMS: a SQLite file. It weighs and measures what arrives, in whatever unit the hall at hand is used to.

Small parts are weighed in grams; what comes with Halloran's American paperwork in pounds and inches; toasters' cartons
are measured in centimetres. EANs are kept as numbers, so that spare parts' lose their leading zero.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from app.demo.catalogue import Catalogue, Product, Row

FILE = "wms.sqlite"
_POUND = Decimal("0.45359237")
_INCH = Decimal("25.4")
_SMALL = Decimal("0.2")
"""Kilograms."""

_BLANK: Row = {
    "article": "",
    "label": "",
    "ean": None,
    "shop_sku": None,
    "weight": None,
    "weight_unit": "",
    "length": None,
    "width": None,
    "height": None,
    "dimension_unit": "",
    "origin": "",
    "bay": "",
    "changed_on": None,
}
_TABLE = """
    create table articles (
        article        text primary key,
        label          text not null,
        ean            integer,
        shop_sku       text,
        weight         numeric,
        weight_unit    text,
        length         numeric,
        width          numeric,
        height         numeric,
        dimension_unit text,
        origin         text,
        bay            text,
        changed_on     text not null
    )
"""


def _hundredths(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _weighed(product: Product) -> tuple[Decimal, str]:
    if product.kg < _SMALL:
        return product.kg * 1000, "g"
    if product.brand == "Halloran":
        return _hundredths(product.kg / _POUND), "lb"
    return product.kg, "kg"


def _measured(product: Product) -> tuple[Callable[[int], Decimal], str]:
    if product.brand == "Halloran":
        return lambda millimetres: _hundredths(millimetres / _INCH), "in"
    if product.category == "Toasters":
        return lambda millimetres: Decimal(millimetres) / 10, "cm"
    return Decimal, "mm"


def articles(catalogue: Catalogue) -> list[Row]:
    """The rows of ``articles``."""

    def article(product: Product) -> Row:
        weight, weight_unit = _weighed(product)
        measure, dimension_unit = _measured(product)
        length, width, height = (measure(millimetres) for millimetres in product.size)
        return {
            "article": product.article,
            "label": product.warehouse_label,
            "ean": int(product.gtin),
            "shop_sku": product.sku,
            "weight": weight,
            "weight_unit": weight_unit,
            "length": length,
            "width": width,
            "height": height,
            "dimension_unit": dimension_unit,
            "origin": product.origin,
            "bay": f"{product.article[1]}-{product.article[3:5]}",
            "changed_on": catalogue.usual_clock("wms", product.sku, within=540),
        }

    return catalogue.rows("wms", article, "changed_on", blank=_BLANK)


def write(directory: Path, catalogue: Catalogue) -> Path:
    """Make ``directory``/wms.sqlite anew; clocks are UTC without saying so."""
    path = directory / FILE
    path.unlink(missing_ok=True)
    columns = list(_BLANK)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_TABLE)
        connection.executemany(
            f"insert into articles values ({', '.join('?' * len(columns))})",
            [[_stored(column, row[column]) for column in columns] for row in articles(catalogue)],
        )
    return path


def _stored(column: str, value: object) -> object:
    if column == "changed_on":
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return float(value) if isinstance(value, Decimal) else value
