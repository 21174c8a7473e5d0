"""Numbers as people write them, read strictly: ``1,246.50``, ``1 246``, ``1.246,50``, never a guess.

The decimal separator is declared by the source. A group separator that does not stand before exactly three digits makes
the text unreadable, so that ``1,5`` under a decimal point is not 15.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from sources.interpretation.texts import kind_of, quoted
from sources.interpretation.unreadable import UnreadableValue

DecimalSeparator = Literal[".", ","]

MAX_DIGITS = 60
"""Digits before and after the decimal point, each: more than any fact needs, and PostgreSQL's numeric takes it."""

_SPACES = " \u00a0\u2009\u202f"
_QUOTES = "'\u2019"
_PLAIN = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


def _grouped(separator: str, other: str) -> re.Pattern[str]:
    groups = f"[{re.escape(other)}{_SPACES}{_QUOTES}]"
    return re.compile(
        rf"(?P<sign>[+\-\u2212]?)[ ]?"
        rf"(?P<whole>[0-9]{{1,3}}(?P<group>{groups})[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*|[0-9]*)"
        rf"(?:{re.escape(separator)}(?P<fraction>[0-9]*))?"
        rf"(?:[eE](?P<exponent>[+\-]?[0-9]{{1,4}}))?"
    )


_FORMS = {".": _grouped(".", ","), ",": _grouped(",", ".")}
_NOT_DIGITS = re.compile(r"[^0-9]")
_LEADING = re.compile(rf"[+\-\u2212]?[ ]?[.,]?[0-9](?:[0-9.,{_QUOTES}{_SPACES}]*[0-9])?(?:[eE][+\-]?[0-9]+)?")


def parse_number(text: str, separator: DecimalSeparator = ".") -> Decimal | UnreadableValue:
    """The number that the whole of ``text`` (already trimmed) writes, with ``separator`` before its decimals."""
    if separator == "." and _PLAIN.fullmatch(text):
        return Decimal(text)
    found = _FORMS[separator].fullmatch(text)
    if found is None or not (found["whole"] or found["fraction"]):
        return UnreadableValue(f"{quoted(text)} is not a number with the decimal separator {quoted(separator)}")
    sign = "" if found["sign"] in ("", "+") else "-"
    whole = _NOT_DIGITS.sub("", found["whole"]) or "0"
    plain = f"{sign}{whole}.{found['fraction'] or ''}"
    if len(plain) > 2 * MAX_DIGITS + 2:
        return UnreadableValue(f"{quoted(text)} has more than {MAX_DIGITS} digits")
    return bounded(Decimal(f"{plain}e{found['exponent'] or '0'}"))


def split_number(text: str, separator: DecimalSeparator = ".") -> tuple[Decimal, str] | UnreadableValue:
    """The number that ``text`` begins with, and the rest of it: a unit or a currency.

    All of ``1,5`` belongs to the number even where the comma is not well placed; the rest never begins inside it.
    """
    found = _LEADING.match(text)
    if found is None:
        return UnreadableValue(f"{quoted(text)} does not begin with a number")
    number = parse_number(found[0], separator)
    if isinstance(number, UnreadableValue):
        return number
    return number, text[found.end() :].strip()


def bounded(number: Decimal) -> Decimal | UnreadableValue:
    """``number`` itself; unreadable where it is NaN, infinite, or beyond MAX_DIGITS. Minus zero is zero."""
    if not number.is_finite():
        return UnreadableValue(f"{number} is not a number")
    if -40 < number.adjusted() < 40 and number and len(str(number)) < 50:
        return number
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if len(digits) + exponent > MAX_DIGITS or exponent < -MAX_DIGITS or len(digits) > 2 * MAX_DIGITS:
        return UnreadableValue(f"{quoted(number)} has more than {MAX_DIGITS} digits before or after the decimal point")
    return number if number else Decimal(0).scaleb(min(exponent, 0))


def number_of(raw: object, separator: DecimalSeparator = ".") -> Decimal | UnreadableValue:
    """The number that a raw int, Decimal, float or trimmed text is."""
    if isinstance(raw, str):
        return parse_number(raw, separator)
    if isinstance(raw, Decimal):
        return bounded(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return UnreadableValue(f"{quoted(raw)} is {kind_of(raw)}, where a number is wanted")
    if isinstance(raw, float):
        return bounded(Decimal(repr(raw)))
    if raw.bit_length() > 200:
        return UnreadableValue(f"{quoted(raw)} has more than {MAX_DIGITS} digits")
    return Decimal(raw)


def is_integral(number: Decimal) -> bool:
    """Whether ``number``, within its bounds, has no decimals but zeros."""
    return number == number.to_integral_value()
