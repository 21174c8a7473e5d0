"""A pump maker's three sheets: products, a fitment table and a service log; changed by tests, and synced."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from app.settings import Settings
from app.sync import sync_once
from app.wiring import Runtime, build_runtime
from resolvers.compatibility.evidence import Evidence, Judgement, UsedFact
from resolvers.compatibility.viewing import fields_seen
from resolvers.lookup import Lookup
from resolvers.map_file import load_map
from resolvers.readying import Readying

MAP = """
[identity]
keys = ["sku"]

[audiences.internal]
governance = true
answers = true

[compatibility]
category = "kind"
family = "family"
parent = { field = "parent" }
evidence = ["answers", "service", ["fitment", "rules"]]
steward = { name = "Engineering", contact = "engineering@pumps.example" }

[sources.products]
title = "Product sheet"
connector = "file"
path = "products.csv"
key = "sku"
updated_at = "changed"
names = ["name"]
identifiers = { sku = "sku" }

[sources.products.fields]
name = "name"
kind = "kind"
family = "family"
parent = "parent"
bore = { path = "bore_mm", unit = "mm" }
shaft = { path = "shaft_in", unit = "in" }
voltage = { path = "volt", unit = "V" }

[sources.fitment]
title = "Fitment table"
connector = "file"
path = "fitment.csv"
key = "row"
updated_at = "changed"

[[sources.fitment.statements]]
subject = { sku = "part" }
object = { sku = "pump" }
relation = "fits"
verdict = { path = "fits", values = { y = "COMPATIBLE", n = "INCOMPATIBLE" } }
[sources.fitment.statements.qualifiers]
year = "years"
region = "region"
firmware = { from = "fw_from", to = "fw_to" }
date = { from = "valid_from", to = "valid_to" }

[[sources.fitment.statements]]
subject = { sku = "part" }
object = { family = "pump_family" }
relation = "fits"
verdict = { path = "fits", values = { y = "COMPATIBLE", n = "INCOMPATIBLE" } }

[sources.service]
title = "Service log"
connector = "file"
path = "service.csv"
key = "case"
updated_at = "changed"
per_product = "many"
identifiers = { sku = "about" }
audiences = []

[sources.service.statements]
object = { sku = "with" }
verdict = { path = "verdict" }
text = "note"
max_age = "1y"

[fields.name]
type = "text"
system_of_record = "products"
[fields.kind]
type = "text"
system_of_record = "products"
[fields.family]
type = "text"
system_of_record = "products"
[fields.parent]
type = "text"
system_of_record = "products"
[fields.bore]
type = "quantity"
unit = "mm"
system_of_record = "products"
max_age = "1y"
steward = { name = "Engineering" }
[fields.shaft]
type = "quantity"
unit = "in"
system_of_record = "products"
steward = { name = "Purchasing" }
[fields.voltage]
type = "quantity"
unit = "V"
system_of_record = "products"
steward = { name = "Engineering" }

[rules.bore]
a = { kind = "Seal" }
b = { kind = "Pump" }
when = "has(b.shaft)"
check = "a.bore <= b.shaft"
holds = "{a} has a bore of {a.bore}, and {b} a shaft of {b.shaft}."
fails = "{a} with a bore of {a.bore} is too wide for {b} with {b.shaft}."

[rules.cap]
a = { kind = "Cap" }
b = { kind = "Pump" }
check = "b.family == a.family && a.name != b.name"
holds = "{a} is made for {b}."
fails = "{a} is made for {a.family}."

[rules.voltage]
a = { kind = ["Seal", "Motor"] }
b = { kind = "Pump" }
when = "has(b.voltage)"
check = "a.voltage == b.voltage"
holds = "Both are for {a.voltage}."
fails = "{a} is for {a.voltage}, {b} for {b.voltage}."
"""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "products": ("sku", "name", "kind", "family", "parent", "bore_mm", "shaft_in", "volt", "changed"),
    "fitment": (
        "row", "part", "pump", "pump_family", "fits", "years", "region", "fw_from", "fw_to", "valid_from", "valid_to",
        "changed",
    ),
    "service": ("case", "about", "with", "verdict", "note", "changed"),
}  # fmt: skip
LATELY = "2026-11-01T00:00:00Z"


@dataclass
class Workshop:
    """The sheets, each a row by its key, and Whence over them."""

    directory: Path
    runtime: Runtime
    rows: dict[str, dict[str, dict[str, str]]]

    def put(self, sheet: str, **columns: str) -> None:
        """Write a row, or the same row anew."""
        row = {"changed": LATELY, **columns}
        self.rows[sheet][row[COLUMNS[sheet][0]]] = row

    async def sync(self) -> None:
        """Save the sheets and read them."""
        save(self.directory, self.rows)
        for report in await sync_once(self.runtime, list(COLUMNS), accept=True):
            assert report.failure is None, report.failure

    async def product(self, sku: str) -> UUID:
        """The product of a SKU."""
        (found,) = await self.runtime.catalogue.find([Lookup(sku=sku)], list(COLUMNS))
        assert isinstance(found, UUID), sku
        return found

    async def judge(self, one: str, other: str, **context: str) -> Judgement:
        """The verdict about two SKUs, for who sees everything: from the records, and the same from winners chosen ahead."""
        viewer = fields_seen(self.runtime.ownership, "internal")
        viewer = type(viewer)(frozenset(COLUMNS), viewer.fields)
        first, second = await self.product(one), await self.product(other)
        pool, judging = self.runtime.pool, self.runtime.judging
        await pool.execute("delete from winners")
        found = (await judging.hear(first, [second], context, viewer)).judgement(second)
        assert await Readying(pool, self.runtime.ownership).catch_up() > 0
        again = (await judging.hear(first, [second], context, viewer)).judgement(second)
        assert alone(again) == alone(found)
        return found


def alone(found: Judgement) -> Judgement:
    """Without what other systems say about the facts: winners do not tell."""
    return replace(found, evidence=tuple(map(_piece, found.evidence)), weakest=found.weakest and _piece(found.weakest))


def _piece(piece: Evidence) -> Evidence:
    used = (UsedFact(one.product, replace(one.fact, candidates=(), conflict=None)) for one in piece.facts)
    return replace(piece, facts=tuple(used))


def save(directory: Path, rows: Mapping[str, Mapping[str, Mapping[str, str]]]) -> None:
    """Write every sheet."""
    for sheet, columns in COLUMNS.items():
        with (directory / f"{sheet}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows[sheet].values())


@asynccontextmanager
async def workshop(directory: Path, database_url: str, text: str = MAP) -> AsyncIterator[Workshop]:
    """The pump maker, with a pump, its variants and two seals, by the map that ``text`` says."""
    path = directory / "whence.toml"
    path.write_text(text)
    ownership = load_map(path, {})
    async with build_runtime(ownership, database_url, Settings(database_url=database_url)) as runtime:
        made = Workshop(directory, runtime, {sheet: {} for sheet in COLUMNS})
        made.put("products", sku="P-1", name="Pump One", kind="Pump", family="Tide")
        made.put("products", sku="P-1R", name="Pump One red", kind="Pump", family="Tide", parent="P-1")
        made.put("products", sku="S-1", name="Seal One", kind="Seal", bore_mm="25", volt="230")
        made.put("products", sku="S-2", name="Seal Two", kind="Seal", bore_mm="26", volt="230")
        yield made
