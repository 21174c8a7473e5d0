"""What Brewster Appliances makes, and how its departments deviate from that.

The truth stands in ``data/products.psv``, ``measures.psv``, ``trade.psv`` and ``texts.toml``; ``data/deviations.toml``
tells, with a sentence each, who says something else. Everything is the same on every start but for one thing: ages.
A page "untouched for three years" is so on whatever day the demo runs, since all clocks are computed from today.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias
from zlib import crc32

from app.demo.tables import ago, read_table, read_toml

SYSTEMS = ("erp", "wms", "pim", "shop", "crm", "support", "marketing", "sales")
"""Every system that Brewster has, by the name that whence.toml and ``whence demo`` know it by."""
CURRENCY = "EUR"

Row: TypeAlias = dict[str, Any]
"""One row, page or object of a system, by the system's own column names. Clocks are aware datetimes."""

_GTIN_OF = re.compile(r"\{gtin of ([A-Z0-9-]+)\}")


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it really is. None and empty texts: it has none, or nobody knows."""

    sku: str
    gtin: str
    """Thirteen digits; spare parts' begin with a zero."""
    brand: str
    mpn: str
    name: Mapping[str, str]
    """By locale: en, de, fr."""
    description: Mapping[str, str]
    category: str
    colour: str
    launched: datetime
    warranty: int | None
    """Years."""
    materials: tuple[str, ...]
    kg: Decimal
    size: tuple[int, int, int]
    """Length, width, height in mm."""
    origin: str
    litres: Decimal | None
    watts: int | None
    volts: int | None
    noise: Decimal | None
    """dB(A)."""
    status: str
    list_price: Decimal
    cost: Decimal
    stock: int
    web_price: Decimal
    article: str
    """The warehouse's own number."""
    warehouse_label: str
    sales_label: str


@dataclass(frozen=True, slots=True)
class Deviation:
    """One department that says something else: about ``product``, or a row that belongs to none (``row``)."""

    system: str
    story: str
    product: str | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    clocks: Mapping[str, str] = field(default_factory=dict)
    absent: bool = False
    row: Mapping[str, Any] | None = None


class Catalogue:
    """The company's data on one day."""

    def __init__(self, now: datetime | None = None) -> None:
        """``now``: when the demo starts; the current moment by default. Raises ValueError for data files that
        contradict each other, naming the place."""
        moment = (now or datetime.now(UTC)).astimezone(UTC)
        self.today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        self.products = tuple(self._products())
        self.by_sku = {product.sku: product for product in self.products}
        self.deviations = tuple(Deviation(**entry) for entry in read_toml("deviations")["deviation"])
        for deviation in self.deviations:
            self._check(deviation)

    def ago(self, length: str) -> datetime:
        """The morning that was ``length`` before today."""
        return ago(self.today, length)

    def usual_clock(self, *what: str, within: int) -> datetime:
        """When someone last touched ``what``: always as long ago, at most ``within`` days."""
        mark = crc32("/".join(what).encode())
        return self.ago(f"{1 + mark % within}d") + timedelta(minutes=mark % 540, seconds=mark % 59)

    def table(self, name: str) -> list[dict[str, str]]:
        """A data file about products, checked: every ``sku`` and ``with`` or ``concerns`` names one that exists."""
        rows = read_table(name)
        for row in rows:
            for column in ("sku", "with", "concerns"):
                if row.get(column) and row[column] not in self.by_sku:
                    raise ValueError(f"{name}.psv: there is no product {row[column]!r}")
        return rows

    @cached_property
    def accessories(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """By SKU: what belongs to it, and as what (spare part, consumable, accessory)."""
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self.table("accessories"):
            found.setdefault(row["sku"], []).append((row["with"], row["relation"]))
        return {sku: tuple(pairs) for sku, pairs in found.items()}

    def rows(
        self, system: str, of: Callable[[Product], Row | None], clock: str | None, *, blank: Mapping[str, Any]
    ) -> list[Row]:
        """What ``system`` holds: the row ``of`` each product (None: it has none), with the system's deviations made,
        then the rows that belong to no product.

        ``blank`` has a value for every column of the system, for rows that name only a few; ``clock`` is the column of
        the record's clock. Raises ValueError for a deviation that names a column which the system does not have.
        """
        deviations = [deviation for deviation in self.deviations if deviation.system == system]
        absent = {deviation.product for deviation in deviations if deviation.absent}
        rows: dict[str, Row] = {}
        for product in self.products:
            if product.sku not in absent and (row := of(product)) is not None:
                rows[product.sku] = {**blank, **row}
        loose: list[Row] = []
        for deviation in deviations:
            if deviation.absent:
                continue
            if deviation.product is None:
                row = {**blank, **({clock: self.ago("30d")} if clock else {})}
                loose.append(row)
            elif deviation.product in rows:
                row = rows[deviation.product]
            else:
                raise ValueError(f"deviations.toml: {system} has no row about {deviation.product}")
            self._deviate(row, deviation)
        return [*rows.values(), *loose]

    def _deviate(self, row: Row, deviation: Deviation) -> None:
        for column, value in {**(deviation.row or {}), **deviation.set}.items():
            self._known(row, column, deviation)
            row[column] = self._cell(row[column], value)
        for column, length in deviation.clocks.items():
            self._known(row, column, deviation)
            row[column] = self.ago(length)

    def _cell(self, present: Any, value: Any) -> Any:
        """``value`` as the data file writes it, in the type of what is ``present``; an empty text is nothing."""
        if isinstance(value, str):
            value = _GTIN_OF.sub(lambda found: self.by_sku[found[1]].gtin, value)
            if value == "" and not isinstance(present, str):
                return None
        return Decimal(str(value)) if isinstance(present, Decimal) else value

    @staticmethod
    def _known(row: Row, column: str, deviation: Deviation) -> None:
        if column not in row:
            raise ValueError(
                f"deviations.toml: {deviation.system} has no column {column!r}; it has {', '.join(sorted(row))}"
            )

    def _check(self, deviation: Deviation) -> None:
        if deviation.system not in SYSTEMS:
            raise ValueError(
                f"deviations.toml: there is no system {deviation.system!r}; there are {', '.join(SYSTEMS)}"
            )
        if deviation.product is not None and deviation.product not in self.by_sku:
            raise ValueError(f"deviations.toml: there is no product {deviation.product!r}")
        if (deviation.product is None) == (deviation.row is None):
            raise ValueError(f"deviations.toml: {deviation.system}: write either product or row: {deviation.story}")

    def _products(self) -> list[Product]:
        texts = read_toml("texts")
        measures, trade, labels = (
            {row["sku"]: row for row in read_table(name)} for name in ("measures", "trade", "labels")
        )
        return [
            _product(
                {**row, **measures[row["sku"]], **trade[row["sku"]], **labels[row["sku"]]},
                texts[row["sku"]],
                self.ago(row["launched"]),
            )
            for row in read_table("products")
        ]


def _product(row: Mapping[str, str], text: Mapping[str, str], launched: datetime) -> Product:
    names = {"en": row["name"], "de": text.get("name_de", ""), "fr": text.get("name_fr", "")}
    return Product(
        sku=row["sku"],
        gtin=row["gtin"],
        brand=row["brand"],
        mpn=row["mpn"],
        name={locale: name for locale, name in names.items() if name},
        description={locale: text[locale] for locale in ("en", "de", "fr") if locale in text},
        category=row["category"],
        colour=row["colour"],
        launched=launched,
        warranty=int(row["warranty"]) if row["warranty"] else None,
        materials=tuple(material.strip() for material in row["materials"].split(";")),
        kg=Decimal(row["kg"]),
        size=(int(row["length"]), int(row["width"]), int(row["height"])),
        origin=row["origin"],
        litres=Decimal(row["litres"]) if row["litres"] else None,
        watts=int(row["watts"]) if row["watts"] else None,
        volts=int(row["volts"]) if row["volts"] else None,
        noise=Decimal(row["noise"]) if row["noise"] else None,
        status=row["status"],
        list_price=Decimal(row["list"]),
        cost=Decimal(row["cost"]),
        stock=int(row["stock"]),
        web_price=Decimal(row["web"]),
        article=row["article"],
        warehouse_label=row["warehouse"],
        sales_label=row["sales"],
    )
