"""Five systems of the same products: two tables in PostgreSQL, one in SQLite, two CSV files; and their ownership map."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from tests.bench.catalogue import SHEETS

CHUNK = 20_000
_RELATIONAL = {"erp": "articles", "shop": "variants"}
_FILES = {"wms": "wms.sqlite", "pim": "pim.csv", "support": "support.csv"}


@dataclass(frozen=True, slots=True)
class Systems:
    """Five systems that know ``products`` products each. ``database`` is the address of that of ERP and shop."""

    directory: Path
    database: str
    products: int

    @property
    def records(self) -> int:
        """Records in all five."""
        return self.products * len(SHEETS)

    def place(self, system: str) -> str:
        """The table or the path of the file."""
        return _RELATIONAL.get(system) or str(self.directory / _FILES[system])

    async def write(self, wrote: Callable[[int], None]) -> None:
        """Make all five; ``wrote`` is told of the records as they are written."""
        connection = await asyncpg.connect(self.database, timeout=10)
        try:
            for system, table in _RELATIONAL.items():
                sheet = SHEETS[system]
                columns = ", ".join(f"{name} {kind}" for name, kind in sheet.columns.items())
                await connection.execute(f"create table {table} ({columns})")
                for chunk in _chunks(self._numbers(1), sheet.row, 0):
                    await connection.copy_records_to_table(table, records=chunk, columns=list(sheet.columns))
                    wrote(len(chunk))
            await connection.execute("create index on articles (changed_on, article_no)")
            await connection.execute("vacuum analyze")
        finally:
            await connection.close()
        self._write_wms(wrote)
        for system in ("pim", "support"):
            self._write_csv(system, lambda number: 0, wrote)

    async def change(self, one_in: int, wrote: Callable[[int], None]) -> int:
        """Change one record in so many, in each system; how many were changed in all of them."""
        numbers = list(self._numbers(one_in))
        connection = await asyncpg.connect(self.database, timeout=10)
        try:
            for system, table in _RELATIONAL.items():
                sheet = SHEETS[system]
                async with connection.transaction():
                    await connection.execute(f"create temporary table fresh_{table} (like {table}) on commit drop")
                    await connection.copy_records_to_table(
                        f"fresh_{table}", records=[sheet.row(number, 1) for number in numbers]
                    )
                    moved = ", ".join(f"{name} = fresh.{name}" for name in list(sheet.columns)[1:])
                    await connection.execute(
                        f"update {table} set {moved} from fresh_{table} fresh where fresh.{sheet.key} = {table}.{sheet.key}"
                    )
                wrote(len(numbers))
        finally:
            await connection.close()
        sheet = SHEETS["wms"]
        with sqlite3.connect(self.place("wms")) as warehouse:
            marks = ", ".join("?" for _ in sheet.columns)
            warehouse.executemany(
                f"insert or replace into stock_items values ({marks})", (sheet.row(number, 1) for number in numbers)
            )
        warehouse.close()
        wrote(len(numbers))
        changed = frozenset(numbers)
        for system in ("pim", "support"):
            self._write_csv(system, lambda number: int(number in changed), wrote)
        return len(numbers) * len(SHEETS)

    def write_map(self, path: Path, *, erp_sync: str = '{ every = "1h" }') -> Path:
        """The ownership map at ``path``; ``erp_sync`` is how the ERP is kept up to date."""
        places = {f"<{system}>": self.place(system) for system in SHEETS} | {"<database>": self.database}
        text = _MAP.replace("<erp_sync>", erp_sync)
        for mark, place in places.items():
            text = text.replace(mark, place)
        path.write_text(text)
        return path

    def _numbers(self, one_in: int) -> Iterator[int]:
        return iter(range(one_in // 2, self.products, one_in))

    def _write_wms(self, wrote: Callable[[int], None]) -> None:
        sheet = SHEETS["wms"]
        with sqlite3.connect(self.place("wms")) as warehouse:
            columns = ", ".join(f"{name} {kind}" for name, kind in sheet.columns.items())
            warehouse.execute(f"create table stock_items ({columns})")
            marks = ", ".join("?" for _ in sheet.columns)
            for chunk in _chunks(self._numbers(1), sheet.row, 0):
                warehouse.executemany(f"insert into stock_items values ({marks})", chunk)
                wrote(len(chunk))
        warehouse.close()

    def _write_csv(self, system: str, step: Callable[[int], int], wrote: Callable[[int], None]) -> None:
        path = Path(self.place(system))
        fresh = path.with_suffix(".new")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(SHEETS[system].columns)
            for start in range(0, self.products, CHUNK):
                numbers = range(start, min(start + CHUNK, self.products))
                writer.writerows(SHEETS[system].row(number, step(number)) for number in numbers)
                wrote(len(numbers))
        os.replace(fresh, path)


def _chunks(
    numbers: Iterable[int], row: Callable[[int, int], tuple[Any, ...]], step: int
) -> Iterator[list[tuple[Any, ...]]]:
    chunk: list[tuple[Any, ...]] = []
    for number in numbers:
        chunk.append(row(number, step))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


_MAP = """
[identity]
keys = ["gtin", "brand+mpn", "sku"]

[sources.erp]
title       = "ERP"
connector   = "sql"
url         = "<database>"
from        = "<erp>"
key         = "article_no"
updated_at  = "changed_on"
names       = ["label"]
sync        = <erp_sync>
identifiers = { gtin = "ean", sku = "sku" }
[sources.erp.fields]
listPrice    = { path = "list_price", currency = "EUR" }
unitCost     = { path = "cost", currency = "EUR" }
blocked      = "blocked"
reorderPoint = "reorder_point"

[sources.wms]
title       = "Warehouse"
connector   = "sql"
url         = "sqlite:///<wms>"
from        = "stock_items"
key         = "item_no"
updated_at  = "changed_on"
names       = ["label"]
sync        = { every = "1h" }
identifiers = { gtin = "ean" }
[sources.wms.fields]
weight          = { path = "weight_kg", unit = "kg" }
height          = { path = "height_mm", unit = "mm" }
stock           = "on_hand"
countryOfOrigin = "origin"
lastCounted     = "counted_on"

[sources.pim]
title       = "Product information"
connector   = "file"
path        = "<pim>"
key         = "id"
updated_at  = "modified"
names       = ["title"]
sync        = { every = "1h" }
identifiers = { gtin = "gtin", brand = "brand", mpn = "mpn" }
[sources.pim.fields]
name        = "title"
description = { path = "description", locale = "en" }
image       = "image"
features    = { path = "features", split = ";" }
weight      = { path = "weight_g", unit = "g" }

[sources.shop]
title       = "Web shop"
connector   = "sql"
url         = "<database>"
from        = "<shop>"
key         = "variant"
updated_at  = "updated"
names       = ["title"]
sync        = { every = "1h" }
identifiers = { sku = "sku" }
[sources.shop.fields]
rating     = "rating"
visible    = "visible"
attributes = "attributes"
published  = "published"
listPrice  = { path = "price", currency = "EUR" }

[sources.support]
title       = "Support's sheet"
connector   = "file"
path        = "<support>"
key         = "ref"
updated_at  = "updated"
names       = ["product"]
sync        = { every = "1h" }
identifiers = { sku = "sku" }
[sources.support.fields]
knownIssues = { path = "issue", empty = ["-"] }
returnRate  = "return_rate"
notes       = { note = { text = "note", author = "author" } }
name        = "product"

[fields]
listPrice       = { type = "money", system_of_record = "erp", fallback = ["shop"], tolerance = "0.01" }
unitCost        = { type = "money", system_of_record = "erp" }
blocked         = { type = "boolean", system_of_record = "erp" }
reorderPoint    = { type = "integer", system_of_record = "erp" }
weight          = { type = "quantity", unit = "g", system_of_record = "wms", fallback = ["pim"], tolerance = "1%" }
height          = { type = "quantity", unit = "mm", system_of_record = "wms" }
stock           = { type = "integer", system_of_record = "wms" }
countryOfOrigin = { type = "text", system_of_record = "wms" }
lastCounted     = { type = "datetime", system_of_record = "wms" }
name            = { type = "text", system_of_record = "pim", fallback = ["support"] }
description     = { type = "text", system_of_record = "pim" }
image           = { type = "media", system_of_record = "pim" }
features        = { type = "text_list", system_of_record = "pim" }
rating          = { type = "number", system_of_record = "shop" }
visible         = { type = "boolean", system_of_record = "shop" }
attributes      = { type = "json", system_of_record = "shop" }
published       = { type = "datetime", system_of_record = "shop" }
knownIssues     = { type = "text", system_of_record = "support" }
returnRate      = { type = "number", system_of_record = "support" }
notes           = { type = "note_list", system_of_record = "support" }
"""
