"""The scalars of the contract: DateTime (RFC 3339, UTC), Decimal (a string, never a float), Duration (ISO 8601), JSON."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from sources.durations import iso_duration
from sources.values import encode_datetime, encode_decimal

DIGITS = 60
"""The most digits, and the largest exponent, of a decimal that is taken in."""


def read_decimal(value: object) -> Decimal:
    """A decimal from a string or a JSON number. Raises GraphQLError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise GraphQLError('Write a decimal as a string, such as "49.90".')
    if isinstance(value, float) and not math.isfinite(value):
        raise GraphQLError("A decimal is finite.")
    text = str(value)
    try:
        number = Decimal(text) if len(text) <= DIGITS else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > DIGITS:
        raise GraphQLError(f'Write a decimal of at most {DIGITS} digits as a string, such as "49.90".')
    return number


def read_datetime(value: object) -> datetime:
    """A moment from RFC 3339 with its zone, as UTC. Raises GraphQLError."""
    if isinstance(value, str) and len(value) <= 40:
        moment: datetime | None = None
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
        if moment is not None and moment.tzinfo is not None and 1 < moment.year < 9999:
            return moment.astimezone(UTC)
    raise GraphQLError('Write a moment as RFC 3339 with its zone, such as "2026-03-01T12:00:00Z".')


def _refuse(value: object) -> Any:
    raise GraphQLError("This scalar is not taken as input.")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as RFC 3339, in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=encode_datetime,
        parse_value=read_datetime,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number as a string, so that no digit is lost.",
        serialize=encode_decimal,
        parse_value=read_decimal,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description="A length of time as ISO 8601.",
        serialize=iso_duration,
        parse_value=_refuse,
    ),
    JSON: strawberry.scalar(name="JSON", description="Any JSON value.", serialize=lambda value: value),
}
