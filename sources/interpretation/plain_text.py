"""A single raw value as a text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sources.interpretation.numbers import is_integral, number_of
from sources.interpretation.texts import clean_text, kind_of
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON, encode_datetime, encode_decimal


def plain_text(raw: JSON) -> str | UnreadableValue:
    """``raw`` as a text: cleaned; a number without a needless ``.0``; a date in its ISO form; true or false.

    Lists, objects, binary data and nothing are unreadable as a text.
    """
    if isinstance(raw, str):
        return clean_text(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float | Decimal):
        number = number_of(raw)
        if isinstance(number, UnreadableValue):
            return number
        return encode_decimal(number.to_integral_value() if is_integral(number) else number)
    if isinstance(raw, datetime):
        return raw.isoformat() if raw.tzinfo is None else encode_datetime(raw)
    if isinstance(raw, date):
        return raw.isoformat()
    return raw if isinstance(raw, UnreadableValue) else wrong_kind(raw, "one text")


def optional_text(raw: JSON) -> str | None:
    """``raw`` as a text, or None where it is empty or none: for what only stands beside a value."""
    text = plain_text(raw) if raw is not None else None
    return text if isinstance(text, str) and text else None


def member(raw: dict[str, JSON], *names: str) -> JSON:
    """The first of those members of an object that is there and not null."""
    return next((raw[name] for name in names if raw.get(name) is not None), None)


def wrong_kind(raw: JSON, wanted: str) -> UnreadableValue:
    """What to answer where something stands that is not of the kind ``wanted``."""
    advice = "; a path such as name[0] takes one of a list" if isinstance(raw, list | tuple) else ""
    return UnreadableValue(f"{kind_of(raw)}, where {wanted} is wanted{advice}")
