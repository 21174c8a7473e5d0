"""AdventureWorks' departments, each with a system of its own kind, as a company would have them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook

from tests.adventureworks.databases import load_erp, load_wms
from tests.adventureworks.raw import RawFiles, moment, newest, number
from tests.adventureworks.services import PIM_TOKEN, pim, serving, support
from tests.upstreams.tryton import TrytonArticle

IN_TRYTON = 100


@asynccontextmanager
async def departments(
    raw: RawFiles, directory: Path, erp_url: str, wms_url: str | None = None
) -> AsyncIterator[Mapping[str, str]]:
    """The five systems, running: the environment that whence.toml takes their addresses from.

    ``erp_url`` names an empty PostgreSQL database; ``wms_url`` an empty MariaDB, without which it is a SQLite file."""
    wms_url = wms_url or f"sqlite:///{directory / 'wms.sqlite'}"
    await load_erp(erp_url, raw)
    await load_wms(wms_url, raw)
    sheet = directory / "Suppliers 2025 (new).xlsx"
    write_suppliers(raw, sheet)
    with ExitStack() as services:
        yield {
            "ERP_URL": erp_url,
            "WMS_URL": wms_url,
            "PIM_URL": services.enter_context(serving(pim(raw))),
            "PIM_TOKEN": PIM_TOKEN,
            "SUPPORT_URL": services.enter_context(serving(support(raw))),
            "SUPPLIERS_FILE": str(sheet),
        }


def write_suppliers(raw: RawFiles, path: Path) -> None:
    """Purchasing's spreadsheet: a title, and the header on the third row."""
    products, vendors = raw.by_id("Product"), raw.by_id("Vendor")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Suppliers"
    sheet.append(["Suppliers by part, purchasing"])
    sheet.append([])
    sheet.append(["Material", "Part Number", "Suppliers", "Shortest lead time (days)", "Last receipt", "Last changed"])
    for product, rows in raw.by_product("ProductVendor").items():
        sheet.append(
            [
                f"M-{int(product):06}",
                products[product]["ProductNumber"],
                "; ".join(vendors[row["BusinessEntityID"]]["Name"] for row in rows),
                min(int(row["AverageLeadTime"]) for row in rows),
                moment(newest(rows, "LastReceiptDate")),
                moment(newest(rows)),
            ]
        )
    book.save(path)


def tryton_articles(raw: RawFiles) -> Sequence[TrytonArticle]:
    """A hundred products that are for sale, spread over the catalogue, as they are put into Tryton."""
    places = {row["LocationID"]: row["Name"] for row in raw.table("Location")}
    inventory = raw.by_product("ProductInventory")
    for_sale = [row for row in raw.table("Product") if number(row["ListPrice"])]
    return [
        TrytonArticle(
            code=row["ProductNumber"],
            name=row["Name"],
            list_price=number(row["ListPrice"]),
            cost_price=Decimal(row["StandardCost"]),
            stock={places[held["LocationID"]]: int(held["Quantity"]) for held in inventory.get(row["ProductID"], [])},
        )
        for row in for_sale[:: len(for_sale) // IN_TRYTON][:IN_TRYTON]
    ]
