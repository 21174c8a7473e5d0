"""What expressions are about: fields, their types, and facts as the engine is given them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sources.folding import fold
from sources.units import UNITS, convert, dimension
from sources.values import FieldType, Quantity, Value

MOST_ENTRIES = 1000
"""Entries of a list that a rule sees."""
LONGEST_TEXT = 2000
"""Characters of a text that a rule sees."""
_NOT_PLAIN = re.compile(r"[\s_\u002d\u00ad\u2010-\u2015\u2212]+")


class Kind(StrEnum):
    """What a part of an expression is."""

    TRUTH = "yes or no"
    NUMBER = "a number"
    TEXT = "a text"
    TEXTS = "a list of texts"
    MOMENT = "a moment"
    QUANTITY = "a quantity"
    MONEY = "money"


class Type(NamedTuple):
    """A kind, and of quantities the dimension, of money the currency."""

    kind: Kind
    measure: str | None = None

    def __str__(self) -> str:
        if self.kind is Kind.QUANTITY:
            return f"an amount of {self.measure}"
        return f"money in {self.measure}" if self.kind is Kind.MONEY else self.kind.value


TRUTH, NUMBER, TEXT, TEXTS, MOMENT = (
    Type(kind) for kind in (Kind.TRUTH, Kind.NUMBER, Kind.TEXT, Kind.TEXTS, Kind.MOMENT)
)
_TYPES = {
    FieldType.TEXT: TEXT,
    FieldType.NUMBER: NUMBER,
    FieldType.INTEGER: NUMBER,
    FieldType.BOOLEAN: TRUTH,
    FieldType.DATETIME: MOMENT,
    FieldType.TEXT_LIST: TEXTS,
}


class FieldForm(NamedTuple):
    """A field as expressions see it: its type, and its unit or currency."""

    kind: FieldType
    unit: str | None = None
    currency: str | None = None


class FactName(NamedTuple):
    """``a.socket``: a side and a field."""

    side: str
    field: str

    def __str__(self) -> str:
        return f"{self.side}.{self.field}"


class Form(StrEnum):
    """What of a fact an expression asks for."""

    COMPARED = "f"
    PLAIN = "p"
    THERE = "has"


class Variable(NamedTuple):
    """A fact as the engine's text calls it. Flat names cost the engine a third of what maps of maps cost."""

    text: str
    fact: FactName
    form: Form


class ExpressionError(Exception):
    """An expression that is not taken: what was found, and what to write instead."""

    def __init__(self, found: str, instead: str) -> None:
        super().__init__(f"{found}; {instead}")
        self.found, self.instead = found, instead


def type_of(form: FieldForm) -> Type | None:
    """The type of a field's facts; None where an expression can say nothing about them."""
    if form.kind is FieldType.QUANTITY and form.unit is not None:
        return Type(Kind.QUANTITY, dimension(form.unit))
    if form.kind is FieldType.MONEY and form.currency is not None:
        return Type(Kind.MONEY, form.currency)
    return _TYPES.get(form.kind)


Operand = tuple[Any, Any]
"""A fact's value as expressions see it, and its plain form."""


def operand(form: FieldForm, value: Value) -> Operand | None:
    """A fact's value for expressions; None where it cannot be used: money in another currency."""
    match form.kind:
        case FieldType.TEXT:
            text = fold(value)[:LONGEST_TEXT]
            return text, plain(text)
        case FieldType.TEXT_LIST:
            texts = [fold(one)[:LONGEST_TEXT] for one in value[:MOST_ENTRIES]]
            return texts, [plain(one) for one in texts]
        case FieldType.QUANTITY:
            amount = float(in_base_unit(value))
        case FieldType.MONEY:
            if value.currency != form.currency:
                return None
            amount = float(value.amount)
        case FieldType.NUMBER | FieldType.INTEGER:
            amount = float(value)
        case _:
            return value, value
    return (amount, amount) if math.isfinite(amount) else None


def in_base_unit(quantity: Quantity) -> Decimal:
    """An amount in the base unit of its dimension."""
    return convert(quantity, _BASES[dimension(quantity.unit)]).amount


def plain(text: str) -> str:
    """A text without white space, hyphens and case: ``LGA 1700`` and ``lga-1700`` are both ``lga1700``; AM2+ is not AM2."""
    return _NOT_PLAIN.sub("", fold(text))


_BASES = {unit.dimension: symbol for symbol, unit in UNITS.items() if unit.factor == 1 and unit.offset == 0}
