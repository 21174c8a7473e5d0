"""The five tables: where no peers bring theirs, written here at any size; and what they say, read from them directly.

Both have the same columns. What the tables say is the oracle: every contestant's answers are compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from tests.bench.execution_contract import FACTS

_BEGIN = datetime(2026, 1, 5, 6, tzinfo=UTC)
_TABLES: Mapping[str, str] = {
    "pim": "product",
    "erp": "item",
    "wms": "article",
    "crm": "note",
    "shop": "listing",
}
_COLUMNS: Mapping[str, str] = {
    "pim": "name text not null, description text, brand text, category text, image text, color text, material text",
    "erp": "list_price double precision not null, currency text not null, cost double precision not null, "
    "stock_on_hand integer not null, status text not null",
    "wms": "weight_g integer not null, length_mm integer not null, width_mm integer not null, "
    "height_mm integer not null, country_of_origin text",
    "crm": "compat_note text not null, open_tickets integer not null",
    "shop": "url text not null, published boolean not null, rating double precision",
}
_SKIPPED: Mapping[str, int] = {"crm": 10, "shop": 20}
"""Of so many products, the system knows all but one."""


async def write_tables(database: str, products: int) -> None:
    """The five tables with ``products`` products in the empty database at that address."""
    connection = await asyncpg.connect(database, timeout=10)
    try:
        for system, table in _TABLES.items():
            await connection.execute(
                f"create schema {system}; create table {system}.{table} (sku text primary key, record_id text not null, "
                f"{_COLUMNS[system]}, updated_at timestamptz not null)"
            )
            skip = _SKIPPED.get(system)
            rows = [_row(system, number) for number in range(1, products + 1) if skip is None or number % skip]
            await connection.copy_records_to_table(table, schema_name=system, records=rows)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


def _row(system: str, number: int) -> tuple[Any, ...]:
    moment = _BEGIN + timedelta(seconds=number * 7919 % 15_000_000, milliseconds=number % 3 * 250)
    key = (f"K-{number:07d}", f"{system}/{number * 3 + len(system)}")
    match system:
        case "pim":
            text = f'Made for №{number}: 12" blade, {number % 90} °C at most, "{number % 7}-way" grip, dishwasher safe.'
            picture = f"https://media.example/{number % 997}/{number}.webp"
            facts: tuple[Any, ...] = (f"Slicer {number}", text, f"Brand {number % 23}", f"c{number % 9}", picture)
            facts += (("white", "graphite", "sage")[number % 3], None if number % 4 else "steel")
        case "erp":
            facts = (1990 + number * 37 % 50_000) / 100, "EUR", (900 + number * 31 % 20_000) / 100, number * 13 % 700
            facts += (("active", "blocked")[number % 2],)
        case "wms":
            facts = (*(100 + number * factor % 900 for factor in (17, 3, 5, 7)), ("DE", "CZ", "VN")[number % 3])
        case "crm":
            facts = f"Fits rail {number % 40}; ask for the adapter.", number % 9
        case _:
            facts = f"https://shop.example/{number}", number % 4 != 0, (10 + number * 3 % 41) / 10
    return (*key, *facts, moment)


async def read_skus(database: str) -> list[str]:
    """The SKU of every product that the tables know, in order."""
    connection = await asyncpg.connect(database, timeout=10)
    try:
        return [row[0] for row in await connection.fetch("select sku from pim.product order by sku")]
    finally:
        await connection.close()


async def read_facts(database: str, skus: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the tables say of each product: the facts by name, None where the system does not know the product, or a
    mapping with ``value``, ``source``, ``sourceRecordId`` and ``lastUpdated`` (a datetime)."""
    found: dict[str, dict[str, Any]] = {sku: dict.fromkeys(FACTS) for sku in skus}
    connection = await asyncpg.connect(database, timeout=10)
    try:
        for system, table in _TABLES.items():
            rows = await connection.fetch(f"select * from {system}.{table} where sku = any($1::text[])", list(skus))
            for row in rows:
                for name in (name for name, owner in FACTS.items() if owner == system):
                    if (value := row[_column(name)]) is not None:
                        found[row["sku"]][name] = {
                            "value": value,
                            "source": system,
                            "sourceRecordId": row["record_id"],
                            "lastUpdated": row["updated_at"],
                        }
    finally:
        await connection.close()
    return found


def _column(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
