"""Compares what a running Whence answers about AdventureWorks with the raw files: all products, all values, all dates.

    python compare.py DIRECTORY_OF_RAW_FILES http://127.0.0.1:8000/graphql

It shares no code with Whence or with what lays the systems out, and needs nothing but Python. It prints a table, then
the first differences, and exits with 1 if there is any difference. With ``--in-tryton FILE`` the product numbers that
the file lists are expected from the source ``tryton`` for price, cost and stock, last updated since ``--loaded-since``.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

GRAMS = {"G": Decimal(1), "LB": Decimal("453.59237")}
LOCALES = {"en": "en", "fr": "fr", "ar": "ar", "he": "he", "th": "th", "zh-cht": "zh-Hant"}
SCALARS = (
    *("name", "productNumber", "color", "size", "productLine", "model", "category", "subcategory", "makeFlag"),
    *("finishedGood", "safetyStock", "reorderPoint", "daysToManufacture", "sellStartDate", "sellEndDate"),
    *("stockOnHand", "locations", "suppliers", "leadTimeDays", "lastReceipt"),
)
PARTS = {
    "listPrice": "{ amount currency }",
    "standardCost": "{ amount currency }",
    "weight": "{ amount unit }",
    "reviews": "{ text author createdAt kind }",
}
ABOUT = "status source sourceRecordId lastUpdated lastUpdatedBasis"
FIRST = 20
"""Differences printed."""


@dataclass
class Expected:
    """What the raw files say about one field of one product; ``value`` None: nothing."""

    value: Any
    source: str | None = None
    records: frozenset[str] = frozenset()
    updated: str = ""
    basis: str = "SOURCE_RECORD"
    status: str = "OK"
    since: datetime | None = None
    """Instead of ``updated``: the earliest that it may say."""


@dataclass
class Product:
    """What is expected of one product: its fields, and its records as (source, id)."""

    number: str
    fields: dict[str, Expected] = field(default_factory=dict)
    records: set[tuple[str, str]] = field(default_factory=set)


# ── What the raw files say ─────────────────────────────────────────────────────────────────────────────────────────


def rows(directory: Path, name: str, width: int, column: str = "\t", line: str = "\n") -> list[list[str]]:
    """The rows of a raw file; one that is cut by a line break within a text is put together again."""
    found: list[list[str]] = []
    for piece in (directory / f"{name}.csv").read_text(encoding="utf-8").split(line):
        cells = piece.strip("\r\n" if line != "\n" else "\r").split(column)
        if found and len(found[-1]) < width:
            found[-1][-1] += line + cells[0]
            found[-1] += cells[1:]
        elif cells != [""]:
            found.append(cells)
    wrong = [cells for cells in found if len(cells) != width]
    if wrong:
        sys.exit(f"{name}.csv: a row of {len(wrong[0])} columns instead of {width}: {wrong[0]}")
    return found


def grouped(found: list[list[str]]) -> dict[str, list[list[str]]]:
    """Rows by their first column."""
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for row in found:
        groups[row[0]].append(row)
    return groups


def expected_products(directory: Path) -> list[Product]:
    """All products, as the raw files have them."""
    prices = grouped(rows(directory, "ProductListPriceHistory", 5))
    costs = grouped(rows(directory, "ProductCostHistory", 5))
    inventory = grouped(rows(directory, "ProductInventory", 7))
    places = {row[0]: row[1] for row in rows(directory, "Location", 5)}
    models = {row[0]: row for row in rows(directory, "ProductModel", 6, "+|", "&|")}
    texts = {row[0]: row for row in rows(directory, "ProductDescription", 4)}
    cultures = grouped(rows(directory, "ProductModelProductDescriptionCulture", 4))
    subcategories = {row[0]: row for row in rows(directory, "ProductSubcategory", 5)}
    categories = {row[0]: row for row in rows(directory, "ProductCategory", 4)}
    vendors = {row[0]: row[2] for row in rows(directory, "Vendor", 8)}
    supply = grouped(rows(directory, "ProductVendor", 11))
    reviews: dict[str, list[list[str]]] = defaultdict(list)
    for row in rows(directory, "ProductReview", 8):
        reviews[row[1]].append(row)

    products = []
    for row in rows(directory, "Product", 25):
        (id_, name, number, make, finished, color, safety, reorder, cost, price, size, _, weight_unit, weight) = row[
            :14
        ]
        days, line, subcategory_id, model_id, start, end, guid, modified = (
            row[n] for n in (14, 15, 18, 19, 20, 21, 23, 24)
        )
        product = Product(number)
        erp, pim, wms = ({"source": s, "records": frozenset([r])} for s, r in own_ids(id_, guid))
        product.records = {("erp", id_), ("pim", guid), ("wms", f"W-{id_.zfill(6)}")}

        def say(field_name: str, value: Any, where: dict[str, Any], date: str, basis: str = "SOURCE_RECORD") -> None:
            nothing = value is None or value == ""
            said = Expected(None, status="MISSING") if nothing else Expected(value, updated=date, basis=basis, **where)
            product.fields[field_name] = said  # noqa: B023

        say("name", name, pim, modified)
        say("productNumber", number, erp, modified)
        say("color", color, pim, modified)
        say("size", size, pim, modified)
        say("productLine", line.strip(), pim, modified)
        model = models.get(model_id)
        say("model", model and model[1], pim, model[5] if model else "", "SOURCE_FIELD")
        subcategory = subcategories.get(subcategory_id)
        category = categories[subcategory[1]] if subcategory else None
        say("subcategory", subcategory and subcategory[2], pim, subcategory[4] if subcategory else "", "SOURCE_FIELD")
        say("category", category and category[1], pim, category[3] if category else "", "SOURCE_FIELD")
        translated = {link[2].strip(): texts[link[1]] for link in cultures.get(model_id, [])}
        for culture in LOCALES:
            text = translated.get(culture)
            say(f"description:{culture}", text and text[1], pim, text[3] if text else "", "SOURCE_FIELD")
        for field_name, amount, history in (("listPrice", price, prices), ("standardCost", cost, costs)):
            newest = max(history.get(id_, []), key=lambda entry: entry[1], default=None)
            basis = "SOURCE_FIELD" if newest else "SOURCE_RECORD"
            say(field_name, (Decimal(amount), "USD"), erp, newest[4] if newest else modified, basis)
        say("makeFlag", make == "1", erp, modified)
        say("finishedGood", finished == "1", erp, modified)
        say("safetyStock", int(safety), erp, modified)
        say("reorderPoint", int(reorder), erp, modified)
        say("daysToManufacture", int(days), erp, modified)
        say("sellStartDate", start and moment(start), erp, modified)
        say("sellEndDate", end and moment(end), erp, modified)
        say("weight", (Decimal(weight) * GRAMS[weight_unit.strip()], "g") if weight else None, wms, modified)
        held = inventory.get(id_, [])
        counted = max((entry[6] for entry in held), default="")
        say("stockOnHand", sum(int(entry[4]) for entry in held) if held else None, wms, counted, "SOURCE_FIELD")
        where = sorted(f"{places[entry[1]]} {entry[2]}/{entry[3]}" for entry in held)
        say("locations", where or None, wms, counted, "SOURCE_FIELD")
        supplied = supply.get(id_, [])
        sheet = {"source": "purchasing", "records": frozenset([f"M-{id_.zfill(6)}"])}
        changed = max((entry[10] for entry in supplied), default="")
        say("suppliers", sorted(vendors[entry[1]] for entry in supplied) or None, sheet, changed)
        say("leadTimeDays", min((int(entry[2]) for entry in supplied), default=None), sheet, changed)
        say("lastReceipt", moment(max(entry[5] for entry in supplied)) if supplied else None, sheet, changed)
        if supplied:
            product.records.add(("purchasing", f"M-{id_.zfill(6)}"))
        written = reviews.get(id_, [])
        notes = sorted((entry[6], entry[2], moment(entry[3]), entry[5]) for entry in written)
        support = {"source": "support", "records": frozenset(entry[0] for entry in written)}
        say("reviews", notes or None, support, max((entry[7] for entry in written), default=""))
        product.records |= {("support", entry[0]) for entry in written}
        products.append(product)
    return products


def own_ids(id_: str, guid: str) -> tuple[tuple[str, str], ...]:
    """The product's own id in the ERP, the PIM and the warehouse."""
    return ("erp", id_), ("pim", guid), ("wms", f"W-{id_.zfill(6)}")


def moment(text: str) -> datetime:
    """A date of the files, which name no zone: UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def put_into_tryton(products: list[Product], numbers: set[str], since: datetime) -> None:
    """Expects price, cost and stock of those products from Tryton, and of the others by fallback."""
    for product in products:
        for name in ("listPrice", "standardCost", "stockOnHand"):
            said = product.fields[name]
            if product.number in numbers:
                value = 0 if said.value is None else said.value
                basis = "SOURCE_FIELD" if value else "SOURCE_RECORD"  # of stock that never moved no move has a date
                product.fields[name] = Expected(value, "tryton", basis=basis, since=since)
            elif said.value is not None:
                said.status = "FALLBACK"


# ── What Whence answers ────────────────────────────────────────────────────────────────────────────────────────────


def query() -> str:
    """The question: every field with its provenance, and every record."""
    facts = [f"{name} {{ {ABOUT} value }}" for name in SCALARS]
    facts += [f"{name} {{ {ABOUT} value {parts} }}" for name, parts in PARTS.items()]
    facts += [
        f'{alias(culture)}: description(locale: "{locale}") {{ {ABOUT} locale value }}'
        for culture, locale in LOCALES.items()
    ]
    return f"""query ($lookups: [ProductLookup!]!) {{
        productsBy(lookups: $lookups) {{ id crosswalk {{ source recordId }} {" ".join(facts)} }} }}"""


def alias(culture: str) -> str:
    """The name under which the answer has a description."""
    return f"description_{culture.replace('-', '_')}"


def ask(url: str, lookups: list[dict[str, str]]) -> list[dict[str, Any] | None]:
    """The answers to ``lookups``, in their order."""
    body = json.dumps({"query": query(), "variables": {"lookups": lookups}}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"{url} answered {error.code}: {error.read()[:2000].decode(errors='replace')}")
    if "errors" in answer:
        sys.exit(f"{url} answered errors: {json.dumps(answer['errors'][:3])}")
    found: list[dict[str, Any] | None] = answer["data"]["productsBy"]
    return found


def value_of(name: str, value: Any) -> Any:
    """An answered value in the form in which the expected one is."""
    if value is None:
        return None
    match name:
        case "listPrice" | "standardCost":
            return Decimal(value["amount"]), value["currency"]
        case "weight":
            return Decimal(value["amount"]), value["unit"]
        case "sellStartDate" | "sellEndDate" | "lastReceipt":
            return datetime.fromisoformat(value)
        case "locations" | "suppliers":
            return sorted(value)
        case "reviews":
            notes = [(n["text"], n["author"], datetime.fromisoformat(n["createdAt"]), n["kind"]) for n in value]
            return sorted(notes)
        case _:
            return value


class Comparison:
    """Counts what was compared, and keeps what differs."""

    def __init__(self) -> None:
        self.compared: Counter[tuple[str, str]] = Counter()
        self.different: Counter[tuple[str, str]] = Counter()
        self.told: list[str] = []

    def hold(self, number: str, name: str, what: str, expected: Any, found: Any, same: bool | None = None) -> None:
        """Compares one thing."""
        self.compared[name, what] += 1
        if not (expected == found if same is None else same):
            self.different[name, what] += 1
            self.told.append(f"{number} {name}: {what} should be {expected!r}, and is {found!r}")

    def product(self, expected: Product, found: dict[str, Any] | None) -> None:
        """Compares a whole product."""
        self.hold(expected.number, "(product)", "values", True, found is not None)
        if found is None:
            return
        linked = {
            (record["source"], record["recordId"]) for record in found["crosswalk"] if record["source"] != "tryton"
        }
        self.hold(expected.number, "(records)", "values", sorted(expected.records), sorted(linked))
        for name, said in expected.fields.items():
            field_name, _, culture = name.partition(":")
            fact = found[alias(culture) if culture else field_name]
            self.fact(expected.number, name, said, fact, value_of(field_name, fact["value"]))

    def fact(self, number: str, name: str, said: Expected, fact: dict[str, Any], value: Any) -> None:
        """Compares one field."""
        self.hold(number, name, "values", said.value, value)
        self.hold(number, name, "status", said.status, fact["status"])
        self.hold(number, name, "source", said.source, fact["source"])
        if said.value is None:
            return
        updated = datetime.fromisoformat(fact["lastUpdated"]) if fact["lastUpdated"] else None
        if said.since is not None:
            within = updated is not None and said.since <= updated <= datetime.now(UTC)
            self.hold(number, name, "dates", f"since {said.since}", updated, within)
        else:
            self.hold(number, name, "dates", moment(said.updated), updated)
            self.hold(
                number,
                name,
                "record",
                sorted(said.records),
                fact["sourceRecordId"],
                fact["sourceRecordId"] in said.records,
            )
        self.hold(number, name, "basis", said.basis, fact["lastUpdatedBasis"])

    def report(self) -> None:
        """Prints the table, and the first differences."""
        kinds = ("values", "dates", "basis", "source", "record", "status")
        print(f"{'field':20}" + "".join(f"{kind:>14}" for kind in kinds))
        for name in dict.fromkeys(name for name, _ in self.compared):
            cells = (
                f"{self.compared[name, kind]}"
                + (f" ({self.different[name, kind]} differ)" if self.different[name, kind] else "")
                for kind in kinds
            )
            print(f"{name:20}" + "".join(f"{cell if cell != '0' else '':>14}" for cell in cells))
        print(f"\n{sum(self.compared.values())} compared, {sum(self.different.values())} differ")
        for line in self.told[:FIRST]:
            print(f"  {line}")
        if len(self.told) > FIRST:
            print(f"  and {len(self.told) - FIRST} more")


def main() -> int:
    """Runs the comparison; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where the raw files are")
    parser.add_argument("url", help="of the GraphQL endpoint")
    parser.add_argument("--batch", type=int, default=50, help="products asked for at once")
    parser.add_argument("--in-tryton", type=Path, help="a file with the product numbers that Tryton holds, one a line")
    parser.add_argument("--loaded-since", type=datetime.fromisoformat, help="when Tryton was filled, with its zone")
    options = parser.parse_args()
    products = expected_products(options.directory)
    if options.in_tryton is not None:
        put_into_tryton(products, set(options.in_tryton.read_text().split()), options.loaded_since)
    comparison = Comparison()
    ids = Counter[str]()
    for first in range(0, len(products), options.batch):
        batch = products[first : first + options.batch]
        answers = ask(options.url, [{"sku": product.number} for product in batch])
        for product, found in zip(batch, answers, strict=True):
            comparison.product(product, found)
            ids.update([found["id"]] if found else [])
    comparison.hold("all", "(product)", "values", len(products), len(ids))
    comparison.report()
    return 1 if comparison.told else 0


if __name__ == "__main__":
    sys.exit(main())
