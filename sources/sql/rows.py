"""Rows as a database answers them: the driver's values for cursors, plain ones for documents, column by column."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from sources.rows import Column
from sources.sql.engine import read_json
from sources.sql.plain_columns import plain_column
from sources.sql.statements import TIE
from sources.values import JSON

_MYSQL_TIMESTAMP = 7


@dataclass(frozen=True, slots=True)
class Answer:
    """Some rows, as the driver gave them."""

    names: tuple[str, ...]
    raw: Sequence[Sequence[Any]]
    structured: Collection[str] = ()
    """Columns whose texts are read where they are JSON objects or lists."""
    zoned: frozenset[str] = frozenset()
    """Columns that hold moments in UTC without saying so."""
    position: int = 0
    """How many rows stood before these."""

    def __len__(self) -> int:
        return len(self.raw)

    def first(self, count: int) -> Answer:
        """The first ``count`` of them."""
        return replace(self, raw=self.raw[:count])

    def last_raw(self, name: str) -> Any:
        """The driver's value of the column ``name`` in the last row."""
        return self.raw[-1][self.names.index(name)]

    def first_value(self) -> Any | None:
        """The driver's value of the first column in the first row; None where there is none."""
        return self.raw[0][0] if self.raw else None

    def is_tied(self, row: int) -> bool:
        """Whether the key of that row is, for the database, the same as the one before."""
        return bool(self.raw[row][self.names.index(TIE)])

    def columns(self) -> dict[str, Column]:
        """The columns by name, with plain values."""
        values = zip(*self.raw, strict=True) if self.raw else ((),) * len(self.names)
        return {
            name: self._column(name, of_name) for name, of_name in zip(self.names, values, strict=True) if name != TIE
        }

    def _column(self, name: str, values: Sequence[Any]) -> Column:
        column = plain_column(Column(values))
        if name in self.structured and str in column.kinds:
            return Column([_structure(value) if isinstance(value, str) else value for value in column.values])
        if name in self.zoned:
            return Column(
                [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in column.values]
            )
        return column


async def ask(connection: AsyncConnection, statement: Executable, structured: Collection[str] = ()) -> Answer:
    """The rows of ``statement``; texts in the columns ``structured`` that are JSON objects or lists are read so."""
    result = await connection.execute(statement)
    # plain strings: SQLAlchemy's are of a class of their own, which a JSON writer may refuse
    names = tuple(map(str, result.keys()))
    zoned: frozenset[str] = frozenset()
    if connection.dialect.name in ("mysql", "mariadb"):
        # a TIMESTAMP is a moment, and the session keeps UTC; a DATETIME says no zone
        described = zip(names, result.cursor.description, strict=True)
        zoned = frozenset(name for name, column in described if column[1] == _MYSQL_TIMESTAMP)
    # the driver's own rows, all fetched by now: no statement here has types that SQLAlchemy would have to convert
    raw = result.cursor.fetchall()
    result.close()
    return Answer(names, raw, structured, zoned)


def _structure(text: str) -> JSON:
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text  # the mapping will say that it cannot be read
