"""Rows as a database answers them: the driver's values for cursors, plain ones for documents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from sources.sql.engine import read_json
from sources.sql.statements import TIE
from sources.sql.values import plain
from sources.values import JSON

_MYSQL_TIMESTAMP = 7


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows. ``ties`` says of each whether its key is, for the database, the same as the one before."""

    names: tuple[str, ...]
    raw: tuple[Sequence[Any], ...]
    plain: tuple[dict[str, JSON], ...]
    ties: tuple[bool, ...] = ()
    position: int = 0
    """How many rows stood before these."""

    def first(self, count: int) -> Rows:
        """The first ``count`` of them."""
        return replace(self, raw=self.raw[:count], plain=self.plain[:count], ties=self.ties[:count])

    def last_raw(self, name: str) -> Any:
        """The driver's value of the column ``name`` in the last row."""
        return self.raw[-1][self.names.index(name)]

    def first_value(self) -> Any | None:
        """The driver's value of the first column in the first row; None where there is none."""
        return self.raw[0][0] if self.raw else None


async def ask(connection: AsyncConnection, statement: Executable, structured: Collection[str] = ()) -> Rows:
    """The rows of ``statement``; texts in the columns ``structured`` that are JSON objects or lists are read so."""
    result = await connection.execute(statement)
    # plain strings: SQLAlchemy's are of a class of their own, which a JSON writer may refuse
    names = tuple(map(str, result.keys()))
    zoned: frozenset[int] = frozenset()
    if connection.dialect.name in ("mysql", "mariadb"):
        # a TIMESTAMP is a moment, and the session keeps UTC; a DATETIME says no zone
        described = result.cursor.description if result.cursor is not None else ()
        zoned = frozenset(place for place, column in enumerate(described) if column[1] == _MYSQL_TIMESTAMP)
    raw = tuple(result.all())
    documents, ties = [], []
    for row in raw:
        document = {}
        for place, name in enumerate(names):
            value = plain(row[place])
            if name in structured and isinstance(value, str):
                value = _structure(value)
            elif place in zoned and isinstance(value, datetime):
                value = value.replace(tzinfo=UTC)
            document[name] = value
        ties.append(bool(document.pop(TIE, False)))
        documents.append(document)
    return Rows(names, raw, tuple(documents), tuple(ties))


def _structure(text: str) -> JSON:
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text  # the mapping will say that it cannot be read
