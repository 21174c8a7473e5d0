"""All that a ledger holds, without what two runs that did the same may differ in: moments, and what is said of runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import asyncpg

Dump: TypeAlias = dict[str, list[dict[str, Any]]]

OF_THE_MOMENT = frozenset(
    {"alembic_version", "installation", "runs", "schedule", "live_failures", "map_versions", "winners"}
)
"""Tables of what happened and not of what is known. Winners are made behind a sync, of what is known: check_ledger looks."""


async def dump(connection: Any, *, without: Collection[str] = (), dated: bool = False) -> Dump:
    """Table to its rows, in an order of their own; any table and column that the database has. ``connection`` decodes
    jsonb. ``dated``: with the moments."""
    columns: dict[str, list[str]] = {}
    for row in await connection.fetch(_COLUMNS):
        if dated or row["data_type"] != "timestamp with time zone":
            columns.setdefault(row["table_name"], []).append(row["column_name"])
    found: Dump = {}
    for table in sorted(columns.keys() - OF_THE_MOMENT - set(without)):
        names = ", ".join(f'"{name}"' for name in columns[table])
        rows = await connection.fetch(f'select {names} from "{table}" order by {names}')
        found[table] = [_row(row, dated) for row in rows]
        found[table].sort(key=repr)
    return found


def differences(one: Dump, other: Dump, most: int = 3) -> list[str]:
    """What differs between two dumps, a few rows a table; nothing if they are the same."""
    told = []
    for table in sorted(one.keys() | other.keys()):
        left, right = list(map(repr, one.get(table, []))), list(map(repr, other.get(table, [])))
        if left == right:
            continue
        only_left, only_right = set(left) - set(right), set(right) - set(left)
        told.append(f"{table}: {len(left)} and {len(right)} rows")
        told += [f"  only one: {row}" for row in sorted(only_left)[:most]]
        told += [f"  only the other: {row}" for row in sorted(only_right)[:most]]
    return told


def _row(row: asyncpg.Record, dated: bool) -> dict[str, Any]:
    return {name: value if dated else _undated(value) for name, value in row.items()}


def _undated(value: Any) -> Any:
    """JSON without the dates that are only when we first saw something, and with its members in order."""
    if isinstance(value, dict):
        seen = value.get("basis") == "OBSERVED"
        return {name: _undated(value[name]) for name in sorted(value) if not (seen and name == "lastUpdated")}
    return [_undated(one) for one in value] if isinstance(value, list) else value


_COLUMNS = """
select c.table_name, c.column_name, c.data_type from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' order by c.table_name, c.ordinal_position
"""
