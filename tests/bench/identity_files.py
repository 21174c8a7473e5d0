"""Catalogue files as matching takes them: any separator, columns by their usual names, the rest as attributes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from resolvers.matching.profile import Listing

_MEANINGS = {
    "name": ("name", "title", "product_name", "product_title", "item_name", "label", "product", "item"),
    "brand": ("brand", "manufacturer", "brand_name", "maker", "make", "vendor"),
    "category": ("category", "categories", "type", "groupname", "product_type", "category1", "pcategory1"),
    "price": ("price", "list_price", "listprice", "sale_price", "current_price"),
}
"""The first of these that a row has is what is meant."""
_KEYS = ("id", "_id", "key", "record_id", "subject_id", "product_id")
_DESCRIPTIONS = re.compile(r"descr|feature|detail|^text$|^specs?$")
"""All such columns are the description; there may be a short one and a long one."""
_IDENTIFIERS = {
    "gtin": ("gtin", "ean", "upc", "gtin13", "gtin14", "barcode"),
    "mpn": ("mpn", "modelno", "model", "part_number", "model_number", "part_no", "model_no"),
}
_VERDICTS = ("label", "match", "is_match", "gold")
_DENIED = frozenset({"0", "0.0", "false", "no", "f", "n"})


def listings(rows: Iterable[Mapping[str, str]], keys: Collection[str] = ()) -> list[Listing]:
    """Each row as a record. ``keys``: ids that a file of true pairs names; the column that holds most of them tells a
    record's id, without them a column of a usual name, or else the first."""
    found = [{_plain(name): (value or "").strip() for name, value in row.items() if name} for row in rows]
    if not found:
        return []
    column = _key_column(found, frozenset(keys))
    return [_listing(row, column) for row in found]


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a file with a header, its separator told by the header; or of one object a line (``.jsonl``)."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if path.suffix == ".jsonl":
        rows = (json.loads(line) for line in text.splitlines() if line.strip())
        return [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    header = text.partition("\n")[0]
    separator = max("|,;\t", key=header.count)
    return [dict(row) for row in csv.DictReader(text.splitlines(keepends=True), delimiter=separator)]


def true_pairs(path: Path) -> frozenset[tuple[str, str]]:
    """The first two columns of a file of true pairs; where a column says which pairs are none (``label``), without those."""
    found = set()
    for row in read(path):
        cells = {_plain(name): (value or "").strip() for name, value in row.items() if name}
        if not any(cells.get(name, "").casefold() in _DENIED for name in _VERDICTS):
            left, right = list(cells.values())[:2]
            found.add((left, right))
    return frozenset(found)


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().casefold())


def _key_column(rows: Sequence[Mapping[str, str]], keys: frozenset[str]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    usual = next((name for name in _KEYS if name in columns), columns[0])
    if not keys:
        return usual
    # Of equals the usual one: numbers from 1 on may stand in several columns.
    held = {name: len(keys & {row.get(name, "") for row in rows}) for name in dict.fromkeys((usual, *columns))}
    return max(held, key=lambda name: held[name])


def _listing(row: dict[str, str], key: str) -> Listing:
    left = dict(row)
    identity = left.pop(key)

    def take(names: tuple[str, ...]) -> str:
        for name in names:
            if left.get(name):
                return left.pop(name)
        return ""

    found = {meaning: take(names) for meaning, names in _MEANINGS.items()}
    identifiers = {scheme: value for scheme, names in _IDENTIFIERS.items() if (value := take(names))}
    told = [name for name in left if _DESCRIPTIONS.search(name)]
    return Listing(
        key=identity,
        name=found["name"],
        description=" | ".join(dict.fromkeys(value for name in told if (value := left.pop(name)))),
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
