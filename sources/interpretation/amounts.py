"""Reading numbers, whole numbers, money and quantities; used by :mod:`sources.interpretation.interpret`.

Each function here makes a reader, which takes a raw value that is there (texts trimmed and not empty).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal
from typing import TypeAlias

from sources import units
from sources.interpretation.currencies import find_currency, minor_unit_digits
from sources.interpretation.numbers import DecimalSeparator, bounded, is_integral, number_of, parse_number, split_number
from sources.interpretation.plain_text import member, plain_text, wrong_kind
from sources.interpretation.texts import quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON, Money, Quantity

INT_MIN, INT_MAX = -(2**31), 2**31 - 1
"""What GraphQL's Int carries."""

_DECORATION = re.compile(r"[€$£¥₹\s]*(.*?)[€$£¥₹%\s]*")
_CURRENCY_FIRST = re.compile(
    r"(?P<sign>[+\-\u2212]?)\s*(?P<currency>[^0-9\s+\-\u2212.,]{1,5}\.?)\s*(?P<rest>[+\-\u2212]?[0-9.,].*)"
)
_EXACT = Context(prec=200)

_AmountOf: TypeAlias = "tuple[Decimal, str] | UnreadableValue | None"


def number_reader(separator: DecimalSeparator) -> Callable[[JSON], Decimal | UnreadableValue]:
    """Numbers; a currency sign or a percent sign around one is passed over."""

    def parse(raw: JSON) -> Decimal | UnreadableValue:
        number = number_of(raw, separator)
        if isinstance(number, UnreadableValue) and isinstance(raw, str):
            bare = _DECORATION.fullmatch(raw)
            if bare and bare[1] and bare[1] != raw:
                retry = parse_number(bare[1], separator)
                return number if isinstance(retry, UnreadableValue) else retry
        return number

    return parse


def integer_reader(separator: DecimalSeparator) -> Callable[[JSON], int | UnreadableValue]:
    """Whole numbers of 32 bits."""
    read_number = number_reader(separator)

    def parse(raw: JSON) -> int | UnreadableValue:
        number = read_number(raw)
        if isinstance(number, UnreadableValue):
            return number
        if not is_integral(number):
            return UnreadableValue(f"{quoted(raw)} is not a whole number")
        whole = int(number)
        if not INT_MIN <= whole <= INT_MAX:
            return UnreadableValue(f"{quoted(raw)} is beyond a whole number of 32 bits; use the type number")
        return whole

    return parse


def money_reader(
    separator: DecimalSeparator, declared: str | None, minor_units: bool
) -> Callable[[JSON], Money | UnreadableValue | None]:
    """Money: ``49,90 €``, ``EUR 49.90``, an object with amount and currency, a number in the ``declared`` one."""

    def split(text: str) -> tuple[Decimal, str] | UnreadableValue:
        found = _CURRENCY_FIRST.fullmatch(text)
        if found is None:
            return split_number(text, separator)
        number = parse_number(found["sign"] + found["rest"], separator)
        return number if isinstance(number, UnreadableValue) else (number, found["currency"])

    def parse(raw: JSON) -> Money | UnreadableValue | None:
        found = _amount(raw, split, "currency", "currencyCode", "currency_code")
        if found is None or isinstance(found, UnreadableValue):
            return found
        number, written = found
        currency = find_currency(written, declared) if written else declared
        if currency is None:
            if written:
                return UnreadableValue(f"{quoted(raw)}: {quoted(written)} is not one currency that Whence knows")
            return UnreadableValue(f"{quoted(raw)} names no currency; declare currency or currency_path")
        if minor_units:
            number = number.scaleb(-minor_unit_digits(currency), _EXACT)
        return Money(number, currency)

    return parse


def quantity_reader(
    separator: DecimalSeparator, declared: str | None, wanted: str | None
) -> Callable[[JSON], Quantity | UnreadableValue | None]:
    """Quantities: ``0.85 kg``, an object with amount and unit, or a number in the ``declared`` unit.

    ``wanted`` is a dimension: a unit of another one is unreadable, a weight in centimetres.
    """
    assumed = units.find_unit(declared) if declared else None
    is_wanted = assumed is not None and (wanted is None or units.dimension(assumed) == wanted)

    def split(text: str) -> tuple[Decimal, str] | UnreadableValue:
        return split_number(text, separator)

    def parse(raw: JSON) -> Quantity | UnreadableValue | None:
        if isinstance(raw, Decimal) and is_wanted and assumed is not None:
            number = bounded(raw)
            return number if isinstance(number, UnreadableValue) else Quantity(number, assumed)
        found = _amount(raw, split, "unit", "unitCode", "unit_code")
        if found is None or isinstance(found, UnreadableValue):
            return found
        number, written = found
        unit = units.find_unit(written) if written else assumed
        if unit is None:
            if written or declared:
                return UnreadableValue(f"{quoted(raw)}: {quoted(written or declared)} is not a unit that Whence knows")
            return UnreadableValue(f"{quoted(raw)} names no unit; declare unit or unit_path")
        if wanted is not None and units.dimension(unit) != wanted:
            return UnreadableValue(f"{quoted(raw)} is in {unit}, where a unit of {wanted} is wanted")
        return Quantity(number, unit)

    return parse


def _amount(raw: JSON, split: Callable[[str], tuple[Decimal, str] | UnreadableValue], *names: str) -> _AmountOf:
    """The number, and the unit or currency written with it ("" for none); ``names`` are an object's members for it."""
    beside = ""
    if isinstance(raw, dict):
        named = member(raw, *names)
        text = plain_text(named) if named is not None else ""
        if isinstance(text, UnreadableValue):
            return text
        beside, amount = text, member(raw, "amount", "value")
        if isinstance(amount, dict):
            return wrong_kind(amount, "an amount")
        if amount is None:
            return None if not raw or "amount" in raw or "value" in raw else wrong_kind(raw, "an amount")
        raw = amount.strip() if isinstance(amount, str) else amount
        if raw == "":
            return None
    if isinstance(raw, str):
        found = split(raw)
        return found if isinstance(found, UnreadableValue) else (found[0], found[1] or beside)
    number = number_of(raw)
    return number if isinstance(number, UnreadableValue) else (number, beside)
