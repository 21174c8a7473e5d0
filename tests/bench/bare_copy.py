"""The yardstick: the same rows, read by the plain drivers, into one table without an index by COPY, and nothing else.

``python -m tests.bench.bare_copy DIRECTORY SYSTEMS_DATABASE PRODUCTS TARGET_DATABASE``: a process of its own, so that what it
uses is counted as a worker's is. The table has a column for the system and as many text columns as the widest of them.
"""

from __future__ import annotations

import asyncio
import csv
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg

from tests.bench.catalogue import SHEETS
from tests.bench.systems import Systems

TABLE = "bare"
_PAGE = 1000
_WIDEST = max(len(sheet.columns) for sheet in SHEETS.values())


async def copy(systems: Systems, target: str) -> int:
    """Copy everything; how many rows that were."""
    copied = 0
    connection = await asyncpg.connect(target, timeout=10)
    try:
        columns = ", ".join(["system text", *(f"c{index} text" for index in range(_WIDEST))])
        await connection.execute(f"create table {TABLE} ({columns})")
        for system, sheet in SHEETS.items():
            missing = (None,) * (_WIDEST - len(sheet.columns))
            async for page in _pages(systems, system):
                rows = [
                    (system, *(one if one is None or type(one) is str else str(one) for one in row), *missing)
                    for row in page
                ]
                await connection.copy_records_to_table(TABLE, records=rows)
                copied += len(rows)
    finally:
        await connection.close()
    return copied


async def _pages(systems: Systems, system: str) -> AsyncIterator[list[Any]]:
    if system in ("erp", "shop"):
        connection = await asyncpg.connect(systems.database, timeout=10)
        try:
            async with connection.transaction(readonly=True):
                cursor = await connection.cursor(f"select * from {systems.place(system)}")
                while page := await cursor.fetch(_PAGE):
                    yield page
        finally:
            await connection.close()
    elif system == "wms":
        warehouse = sqlite3.connect(systems.place(system))
        try:
            for page in _in_pages(warehouse.execute("select * from stock_items")):
                yield page
        finally:
            warehouse.close()
    else:
        with Path(systems.place(system)).open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            next(rows)
            for page in _in_pages(rows):
                yield page


def _in_pages(rows: Iterable[Any]) -> Iterable[list[Any]]:
    waiting = iter(rows)
    while page := list(islice(waiting, _PAGE)):
        yield page


if __name__ == "__main__":
    directory, database, products, into = sys.argv[1:]
    print(asyncio.run(copy(Systems(Path(directory), database, int(products)), into)))
