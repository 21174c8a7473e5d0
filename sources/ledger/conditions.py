"""What a list of products is asked for: conditions on facts and an order, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from sources.values import FieldType


@dataclass(frozen=True, slots=True)
class ListedField:
    """A field as a list needs it: its chain of systems, and the factor and offset of each unit to the field's own."""

    name: str
    type: FieldType
    chain: tuple[str, ...]
    units: Mapping[str, tuple[Decimal, Decimal]]
    locales: tuple[str, ...]


class Operator(StrEnum):
    """How a condition compares."""

    EQ = "eq"
    IN = "in"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IS_MISSING = "isMissing"


@dataclass(frozen=True, slots=True)
class FieldIs:
    """A field's value compares so with ``operand``."""

    field: ListedField
    operator: Operator
    operand: Any


@dataclass(frozen=True, slots=True)
class HasRecord:
    """One of these sources has a record of the product."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """All of these; of none, always."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of these; of none, never."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Nor:
    """Not this."""

    part: Condition


Condition: TypeAlias = "FieldIs | HasRecord | Every | Either | Nor"


@dataclass(frozen=True, slots=True)
class Order:
    """By a field's value, products without one last; among equals, and without an order, by product id."""

    field: ListedField
    descending: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A product on a list, and the text of the value it is ordered by (None where it has none)."""

    product: UUID
    ordered_by: str | None
