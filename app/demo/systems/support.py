"""Support's sheet: complaint patterns and workarounds, last saved eight months ago, with the header below a title."""

from __future__ import annotations

from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font

from app.demo.catalogue import Catalogue, Row
from app.demo.systems.sheets import save
from sources.durations import parse_duration

FILE = "complaints and workarounds.xlsx"
SHEET = "Patterns"
HEADER_ROW = 3
AGE = "243d"
"""Eight months."""
COLUMNS = (
    "Case",
    "Article",
    "Product (as we call it)",
    "Complaint pattern",
    "% of cases",
    "Workaround",
    "Together with",
    "Fits",
    "Noted by",
    "Noted on",
)


def patterns(catalogue: Catalogue) -> list[Row]:
    """The sheet's rows, many a product."""
    saved = catalogue.ago(AGE)
    return [
        {
            "Case": row["case"],
            "Article": row["sku"],
            "Product (as we call it)": _nickname(catalogue, row["sku"]),
            "Complaint pattern": row["pattern"],
            "% of cases": int(row["share"]),
            "Workaround": row["workaround"],
            "Together with": row["concerns"] or None,
            "Fits": row["fits"] or None,
            "Noted by": row["author"],
            "Noted on": (saved - parse_duration(row["noted"])).date(),
        }
        for row in catalogue.table("complaints")
    ]


def _nickname(catalogue: Catalogue, sku: str) -> str:
    """How the desk calls it: the family's name and the colour."""
    product = catalogue.by_sku[sku]
    return f"{product.name['en'].split()[0]} {product.colour}".strip()


def write(directory: Path, catalogue: Catalogue) -> Path:
    """Make the sheet anew."""
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = SHEET
    saved = catalogue.ago(AGE)
    sheet["A1"] = f"Complaint patterns & workarounds, service desk, as of {saved:%d.%m.%Y}"
    sheet["A1"].font = Font(bold=True, size=14)
    for column, title in enumerate(COLUMNS, start=1):
        sheet.cell(HEADER_ROW, column, title).font = Font(bold=True)
    for row in patterns(catalogue):
        sheet.append([row[column] for column in COLUMNS])
    path = directory / FILE
    save(workbook, path, saved, "Service desk")
    return path
