"""Sales' own price list: ``price list final_FINAL_v3.xlsx``. Its own names, its own prices, and numbers for everything,
so that model numbers come out as 121066.0 and spare parts' EANs without their zero."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook

from app.demo.catalogue import Catalogue, Product, Row
from app.demo.systems.sheets import save

FILE = "price list final_FINAL_v3.xlsx"
SHEET = "Prices"
AGE = "290d"

_BLANK: Row = {
    "Line": 0,
    "Our name": "",
    "Brand": "",
    "Model": None,
    "EAN": None,
    "List EUR": Decimal(0),
    "Min. qty": 1,
    "Comment": "",
}


def lines(catalogue: Catalogue) -> list[Row]:
    """The list's lines: what sales sells, under what sales calls it."""

    def line(product: Product) -> Row | None:
        if not product.sales_label:
            return None
        return {
            "Our name": product.sales_label,
            "Brand": product.brand,
            "Model": int(product.mpn),
            "EAN": int(product.gtin) if product.category in {"Kettles", "Toasters"} else None,
            "List EUR": product.list_price,
            "Min. qty": 6 if product.list_price < 10 else 1,
        }

    rows = catalogue.rows("sales", line, None, blank=_BLANK)
    for number, row in enumerate(rows, start=1):
        row["Line"] = number
    return rows


def write(directory: Path, catalogue: Catalogue) -> Path:
    """Make the list anew, with the sheet of last year's prices that nobody deleted."""
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = SHEET
    sheet.append(list(_BLANK))
    rows = lines(catalogue)
    for row in rows:
        sheet.append([float(cell) if isinstance(cell, Decimal) else cell or None for cell in row.values()])
    old = workbook.create_sheet("old - do not use")
    old.append(["Our name", "List EUR"])
    for row in rows[:12]:
        old.append([row["Our name"], round(float(row["List EUR"]) * 0.95, 2)])
    path = directory / FILE
    save(workbook, path, catalogue.ago(AGE), "Sales")
    return path
