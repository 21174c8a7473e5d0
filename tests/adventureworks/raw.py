"""The raw AdventureWorks files: tables without a header, mostly separated by tabs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = Mapping[str, str]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Product": (
        *("ProductID", "Name", "ProductNumber", "MakeFlag", "FinishedGoodsFlag", "Color", "SafetyStockLevel"),
        *("ReorderPoint", "StandardCost", "ListPrice", "Size", "SizeUnitMeasureCode", "WeightUnitMeasureCode"),
        *("Weight", "DaysToManufacture", "ProductLine", "Class", "Style", "ProductSubcategoryID", "ProductModelID"),
        *("SellStartDate", "SellEndDate", "DiscontinuedDate", "rowguid", "ModifiedDate"),
    ),
    "ProductCategory": ("ProductCategoryID", "Name", "rowguid", "ModifiedDate"),
    "ProductSubcategory": ("ProductSubcategoryID", "ProductCategoryID", "Name", "rowguid", "ModifiedDate"),
    "ProductCostHistory": ("ProductID", "StartDate", "EndDate", "StandardCost", "ModifiedDate"),
    "ProductListPriceHistory": ("ProductID", "StartDate", "EndDate", "ListPrice", "ModifiedDate"),
    "ProductDescription": ("ProductDescriptionID", "Description", "rowguid", "ModifiedDate"),
    "ProductModel": ("ProductModelID", "Name", "CatalogDescription", "Instructions", "rowguid", "ModifiedDate"),
    "ProductModelProductDescriptionCulture": ("ProductModelID", "ProductDescriptionID", "CultureID", "ModifiedDate"),
    "ProductInventory": ("ProductID", "LocationID", "Shelf", "Bin", "Quantity", "rowguid", "ModifiedDate"),
    "Location": ("LocationID", "Name", "CostRate", "Availability", "ModifiedDate"),
    "ProductReview": (
        *("ProductReviewID", "ProductID", "ReviewerName", "ReviewDate", "EmailAddress", "Rating", "Comments"),
        "ModifiedDate",
    ),
    "ProductVendor": (
        *("ProductID", "BusinessEntityID", "AverageLeadTime", "StandardPrice", "LastReceiptCost", "LastReceiptDate"),
        *("MinOrderQty", "MaxOrderQty", "OnOrderQty", "UnitMeasureCode", "ModifiedDate"),
    ),
    "Vendor": (
        *("BusinessEntityID", "AccountNumber", "Name", "CreditRating", "PreferredVendorStatus", "ActiveFlag"),
        *("PurchasingWebServiceURL", "ModifiedDate"),
    ),
}


@dataclass(frozen=True, slots=True)
class RawFiles:
    """The directory of the raw files."""

    directory: Path

    def table(self, name: str) -> list[Row]:
        """The rows of ``name``, every value as the text that the file holds."""
        text = (self.directory / f"{name}.csv").read_text(encoding="utf-8")
        columns = COLUMNS[name]
        if name == "ProductModel":
            lines = [line.strip("\n").split("+|") for line in text.split("&|") if line.strip()]
        elif name == "ProductReview":  # its comments hold line breaks, so that only tabs tell where a row ends
            lines = _of_width(text, len(columns))
        else:
            lines = [line.split("\t") for line in text.splitlines()]
        assert all(len(line) == len(columns) for line in lines), f"{name}.csv is not as its columns say"
        return [dict(zip(columns, line, strict=True)) for line in lines]

    def by_product(self, name: str) -> Mapping[str, list[Row]]:
        """The rows of ``name`` by product id."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.table(name):
            found[row["ProductID"]].append(row)
        return found

    def by_id(self, name: str) -> Mapping[str, Row]:
        """The rows of ``name`` by their first column."""
        return {row[COLUMNS[name][0]]: row for row in self.table(name)}


def _of_width(text: str, width: int) -> list[list[str]]:
    rows: list[list[str]] = []
    fields: list[str] = []
    for piece in text.split("\t"):
        if len(fields) == width - 1:  # the last field of a row and the first of the next, a line break between them
            last, _, first = piece.partition("\n")
            rows.append([*fields, last])
            fields = [first]
        else:
            fields.append(piece)
    return rows


def moment(text: str) -> datetime | None:
    """A date as the files write it, naive; None for an empty one."""
    return datetime.fromisoformat(text) if text else None


def number(text: str) -> Decimal | None:
    """A number as the files write it; None for an empty one."""
    return Decimal(text) if text else None


def newest(rows: Iterable[Row], column: str = "ModifiedDate") -> str:
    """The newest date in ``column``; the files' form sorts."""
    return max((row[column] for row in rows), default="")
