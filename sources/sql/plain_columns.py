"""A column of a driver's values as documents hold them: :func:`sources.sql.values.plain`, of all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from types import NoneType
from typing import Any
from uuid import UUID

from sources.rows import Column
from sources.sql.values import plain

_PLAIN = frozenset({NoneType, bool, int, str, bytes})
"""Types whose every value stays as it is."""


def plain_column(column: Column) -> Column:
    """``column`` with each value as :func:`~sources.sql.values.plain` gives it."""
    if column.kinds <= _PLAIN:
        return column

    def read_kind(column: Column) -> Iterable[Any]:
        way = _WAYS.get(column.kind or NoneType)
        values = way(column.values) if way is not None else None
        return map(plain, column.values) if values is None else values

    return Column(column.by_kind(read_kind))


def _decimals(values: Sequence[Any]) -> Sequence[Any] | None:
    return values if all(map(Decimal.is_finite, values)) else None


def _floats(values: Sequence[Any]) -> Sequence[Any] | None:
    return [*map(Decimal, map(repr, values))] if all(map(math.isfinite, values)) else None


def _moments(values: Sequence[Any]) -> Sequence[Any] | None:
    """What PostgreSQL calls infinity, its driver reads as the first and the last moment there is."""
    years = {*map(attrgetter("year"), values)}
    return values if datetime.min.year not in years and datetime.max.year not in years else None


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


_WAYS: Mapping[type, Callable[[Sequence[Any]], Sequence[Any] | None]] = {
    **dict.fromkeys(_PLAIN, _as_they_are),
    Decimal: _decimals,
    float: _floats,
    datetime: _moments,
    dict: _as_they_are,  # from JSON, as it was read
    UUID: lambda values: [*map(str, values)],
}
