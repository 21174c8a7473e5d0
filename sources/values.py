"""The values a field can have, and their one JSON form.

A claim keeps a value as its system said it (a weight in pounds stays in pounds); the resolvers convert. The JSON form is
what the ledger stores and what a document-minded reader finds there: decimals are strings, never floats.

=============  ===========================  ==========================================
type           Python                       JSON
=============  ===========================  ==========================================
text           str                          "..."
number         Decimal                      "12.50"
integer        int                          12
boolean        bool                         true
datetime       datetime, aware, UTC         "2026-03-01T12:00:00Z"
money          Money                        {"amount": "49.90", "currency": "EUR"}
quantity       Quantity                     {"amount": "0.85", "unit": "kg"}
media          Media                        {"url": ..., "alt": ..., "mediaType": ...}
text_list      tuple[str, ...]              ["...", ...]
note_list      tuple[Note, ...]             [{"text": ..., "author": ..., ...}, ...]
json           any JSON value               itself
=============  ===========================  ==========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

JSON: TypeAlias = Any
"""A JSON value: None, bool, int, str, list or dict of JSON values; decimals as strings."""


class FieldType(StrEnum):
    """The type of a field, as ``type`` in ``[fields.X]`` names it."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    MONEY = "money"
    QUANTITY = "quantity"
    MEDIA = "media"
    TEXT_LIST = "text_list"
    NOTE_LIST = "note_list"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217 code)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount in a unit that :mod:`sources.units` knows."""

    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, film or document by its address."""

    url: str
    alt: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person wrote about a product."""

    text: str
    author: str | None = None
    created_at: datetime | None = None
    kind: str | None = None


Value: TypeAlias = Any
"""A value of any :class:`FieldType`, in the Python form above; None where a system holds none. The type of a field decides
which it is, and only the functions below, which are given it, look inside."""


def encode_datetime(moment: datetime) -> str:
    """The RFC 3339 form of an aware datetime, in UTC with a ``Z``; microseconds only where there are any."""
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat().replace("+00:00", "Z")


def decode_datetime(text: str) -> datetime:
    """The aware datetime of :func:`encode_datetime`'s form."""
    return datetime.fromisoformat(text)


def encode_decimal(number: Decimal) -> str:
    """A decimal in plain notation, as many digits as it has (``1E+3`` is written ``1000``)."""
    return format(number, "f")


def encode(kind: FieldType, value: Value) -> JSON:
    """The JSON form of a value of type ``kind``; None stays None."""
    if value is None:
        return None
    match kind:
        case FieldType.NUMBER:
            return encode_decimal(value)
        case FieldType.DATETIME:
            return encode_datetime(value)
        case FieldType.MONEY:
            return {"amount": encode_decimal(value.amount), "currency": value.currency}
        case FieldType.QUANTITY:
            return {"amount": encode_decimal(value.amount), "unit": value.unit}
        case FieldType.MEDIA:
            return _present({"url": value.url, "alt": value.alt, "mediaType": value.media_type})
        case FieldType.TEXT_LIST:
            return list(value)
        case FieldType.NOTE_LIST:
            return [_encode_note(note) for note in value]
        case _:
            return value


def decode(kind: FieldType, form: JSON) -> Value:
    """The value whose JSON form is ``form``; the inverse of :func:`encode`."""
    if form is None:
        return None
    match kind:
        case FieldType.NUMBER:
            return Decimal(form)
        case FieldType.DATETIME:
            return decode_datetime(form)
        case FieldType.MONEY:
            return Money(Decimal(form["amount"]), form["currency"])
        case FieldType.QUANTITY:
            return Quantity(Decimal(form["amount"]), form["unit"])
        case FieldType.MEDIA:
            return Media(form["url"], form.get("alt"), form.get("mediaType"))
        case FieldType.TEXT_LIST:
            return tuple(form)
        case FieldType.NOTE_LIST:
            return tuple(_decode_note(note) for note in form)
        case _:
            return form


def display(kind: FieldType, value: Value) -> str:
    """One line a person can read: ``0.85 kg``, ``49.90 EUR``, ``yes``; an empty string for None."""
    if value is None:
        return ""
    match kind:
        case FieldType.NUMBER:
            return encode_decimal(value)
        case FieldType.BOOLEAN:
            return "yes" if value else "no"
        case FieldType.DATETIME:
            return encode_datetime(value)
        case FieldType.MONEY:
            return f"{encode_decimal(value.amount)} {value.currency}"
        case FieldType.QUANTITY:
            return f"{encode_decimal(value.amount)} {value.unit}"
        case FieldType.MEDIA:
            return str(value.url)
        case FieldType.TEXT_LIST:
            return ", ".join(value)
        case FieldType.NOTE_LIST:
            return "; ".join(note.text for note in value)
        case _:
            return str(value)


def _encode_note(note: Note) -> JSON:
    created = encode_datetime(note.created_at) if note.created_at else None
    return _present({"text": note.text, "author": note.author, "createdAt": created, "kind": note.kind})


def _decode_note(form: Mapping[str, JSON]) -> Note:
    created = form.get("createdAt")
    return Note(form["text"], form.get("author"), decode_datetime(created) if created else None, form.get("kind"))


def _present(form: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in form.items() if value is not None}
