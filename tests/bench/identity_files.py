"""Catalogue files as matching takes them: any separator, columns by their usual names, the rest as attributes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from resolvers.matching.profile import Listing

_MEANINGS = {
    "id": ("id", "_id", "key", "record_id", "subject_id"),
    "name": ("name", "title", "product_name", "label"),
    "description": ("description", "longdescr", "text", "shortdescr"),
    "brand": ("brand", "manufacturer", "maker", "vendor"),
    "category": ("category", "categories", "type", "groupname", "product_type"),
    "price": ("price", "list_price"),
}
_IDENTIFIERS = {
    "gtin": ("gtin", "ean", "upc", "gtin13"),
    "mpn": ("mpn", "modelno", "model", "part_number", "model_number"),
}


def listings(rows: Iterable[Mapping[str, str]]) -> list[Listing]:
    """Each row as a record; a row without an id is an error (KeyError)."""
    return [
        _listing({name.strip().casefold(): (value or "").strip() for name, value in row.items() if name})
        for row in rows
    ]


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a file with a header, its separator told by the header."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    header = text.partition("\n")[0]
    separator = max("|,;\t", key=header.count)
    return [dict(row) for row in csv.DictReader(text.splitlines(keepends=True), delimiter=separator)]


def true_pairs(path: Path) -> frozenset[tuple[str, str]]:
    """The first two columns of a file of true pairs."""
    found = (list(row.values())[:2] for row in read(path))
    return frozenset((left.strip(), right.strip()) for left, right in found)


def _listing(row: dict[str, str]) -> Listing:
    left = dict(row)

    def take(names: tuple[str, ...]) -> str:
        for name in names:
            if left.get(name):
                return left.pop(name)
        return ""

    found = {meaning: take(names) for meaning, names in _MEANINGS.items()}
    identifiers = {scheme: value for scheme, names in _IDENTIFIERS.items() if (value := take(names))}
    return Listing(
        key=found["id"],
        name=found["name"],
        description=found["description"],
        brand=found["brand"],
        category=found["category"],
        price=_price(found["price"]),
        identifiers=identifiers,
        attributes={name: value for name, value in left.items() if value},
    )


def _price(text: str) -> float | None:
    found = re.search(r"\d[\d.,]*", text)
    if not found:
        return None
    digits = found[0].rstrip(".,")
    if re.search(r",\d{2}$", digits):
        digits = digits.replace(".", "").replace(",", ".")
    try:
        return float(digits.replace(",", ""))
    except ValueError:
        return None
