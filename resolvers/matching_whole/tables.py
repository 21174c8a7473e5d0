"""The DuckDB file of a run: columns in, columns out, within bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

TYPES = {"Q": pa.uint64(), "I": pa.uint32(), "B": pa.uint8(), "d": pa.float64()}
Columns: TypeAlias = "Mapping[str, array[Any] | Sequence[object]]"
ROWS = 200_000
"""Rows that are fetched at once."""


class Tables:
    """A DuckDB database. Not for two threads at once."""

    def __init__(self, path: Path, *, memory_mb: int, threads: int) -> None:
        """Opens or makes the file. Raises duckdb.IOException where another process has it open."""
        self._connection = duckdb.connect(
            str(path),
            config={
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "preserve_insertion_order": "false",
                "temp_directory": str(path.with_suffix(".spill")),
            },
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def run(self, statement: str, parameters: Sequence[object] = ()) -> None:
        """Run a statement for what it does."""
        self._connection.execute(statement, list(parameters))

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query that has few."""
        return self._connection.execute(statement, list(parameters)).fetchall()

    def value(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """The one value of a query."""
        row = self._connection.execute(statement, list(parameters)).fetchone()
        return None if row is None else row[0]

    def insert(self, table: str, columns: Columns) -> None:
        """Append rows to ``table``, given as columns: arrays as they lie in memory, lists as Arrow reads them."""
        arrow = pa.table({name: _arrow(column) for name, column in columns.items()})
        if arrow.num_rows:
            self._connection.register("rows_to_insert", arrow)
            self._connection.execute(f"insert into {table} by name select * from rows_to_insert")
            self._connection.unregister("rows_to_insert")

    def batches(self, statement: str, parameters: Sequence[object] = ()) -> Iterator[list[memoryview]]:
        """The rows of a query in lots, each column as it lies in memory; columns of fixed width without nulls only."""
        for batch in self._connection.sql(statement, params=list(parameters)).to_arrow_reader(ROWS):
            yield [_bytes(column) for column in batch.columns]

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _arrow(column: array[Any] | Sequence[object]) -> pa.Array:
    if isinstance(column, array):
        return pa.Array.from_buffers(TYPES[column.typecode], len(column), [None, pa.py_buffer(column)])
    return pa.array(column)


def _bytes(column: pa.Array) -> memoryview:
    width = column.type.bit_width // 8
    whole = memoryview(column.buffers()[1])
    return whole[column.offset * width : (column.offset + len(column)) * width]
