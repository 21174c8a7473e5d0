"""From a raw value to a typed one: what a system wrote, read as the type that the field's definition names.

Three answers: the value; None where the system holds none; :class:`UnreadableValue` with its reason where something is
there that is not of that type. Nothing is guessed, nothing is rounded and nothing raises, whatever the raw value is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from sources.declaration import TIMEZONE_DEFAULT, NoteMapping
from sources.interpretation.amounts import integer_reader, money_reader, number_reader, quantity_reader
from sources.interpretation.clocks import read_clock, read_moment, zone
from sources.interpretation.json_form import json_form
from sources.interpretation.media import media_reader
from sources.interpretation.numbers import DecimalSeparator
from sources.interpretation.plain_text import optional_text, plain_text
from sources.interpretation.texts import clean_text, quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.paths import Path, compile_path
from sources.units import dimension
from sources.values import JSON, FieldType, Money, Note, Quantity, Value

MAX_ENTRIES = 1000
"""Entries of one list: texts or notes."""

Read: TypeAlias = Callable[[JSON], "Value | UnreadableValue"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known about a raw value beside itself, from the mapping and the field's definition."""

    unit: str | None = None
    """For an amount that names no unit."""
    field_unit: str | None = None
    """The field's own unit: what is read must measure the same."""
    currency: str | None = None
    """For an amount that names no currency, and to tell apart currencies that share a sign."""
    minor_units: bool = False
    decimal: DecimalSeparator = "."
    timezone: str = TIMEZONE_DEFAULT
    split: str | None = None
    empty: tuple[str, ...] = ()
    zero_is_empty: bool = False
    prefix: str = ""
    note: NoteMapping | None = None


NO_HINTS = Hints()


def interpret(kind: FieldType, raw: JSON, hints: Hints = NO_HINTS) -> Value | UnreadableValue:
    """``raw`` as a value of type ``kind``: None where there is none, UnreadableValue where it cannot be read."""
    return reader(kind, hints)(raw)


@lru_cache(maxsize=4096)
def reader(kind: FieldType, hints: Hints = NO_HINTS) -> Read:
    """:func:`interpret` for one type and one set of hints, made once and called for every record.

    Raises ValueError for hints that cannot be: a time zone or a field's unit that does not exist.
    """
    parse = _PARSERS[kind](hints)
    empties = frozenset(text.strip().casefold() for text in hints.empty)

    def read(raw: JSON) -> Value | UnreadableValue:
        if raw is None:
            return None
        if isinstance(raw, str):
            text = clean_text(raw)
            if isinstance(text, UnreadableValue):
                return text
            if not text or (empties and text.casefold() in empties):
                return None
            return parse(text)
        if isinstance(raw, UnreadableValue):
            return raw
        if empties and isinstance(raw, int | Decimal) and plain_text(raw) in empties:
            return None
        return parse(raw)

    if not hints.zero_is_empty:
        return read

    def read_nonzero(raw: JSON) -> Value | UnreadableValue:
        value = read(raw)
        amount = value.amount if isinstance(value, Quantity | Money) else value
        if isinstance(amount, bool) or not isinstance(amount, int | Decimal | str):
            return value
        return None if amount in (0, "0") else value

    return read_nonzero


def _text(hints: Hints) -> Read:
    prefix = hints.prefix

    def parse(raw: JSON) -> Value | UnreadableValue:
        text = raw if isinstance(raw, str) else plain_text(raw)
        return prefix + text if prefix and isinstance(text, str) else text

    return parse


def _text_list(hints: Hints) -> Read:
    return _list_reader(reader(FieldType.TEXT, Hints(empty=hints.empty, prefix=hints.prefix)), hints.split)


_TRUE = frozenset(
    ["true", "yes", "y", "t", "1", "x", "on", "ja", "j", "wahr", "oui", "o", "vrai", "si", "sí", "✓", "✔"]
)
_FALSE = frozenset(["false", "no", "n", "f", "0", "off", "nein", "falsch", "non", "faux"])


def _boolean(_: Hints) -> Read:
    def parse(raw: JSON) -> Value | UnreadableValue:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, bytes) and raw in (b"\x00", b"\x01"):
            return raw == b"\x01"
        word = plain_text(raw)
        if isinstance(word, UnreadableValue):
            return word
        word = word.casefold()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        return UnreadableValue(f"{quoted(raw)} is neither yes nor no")

    return parse


def _note_list(hints: Hints) -> Read:
    where = hints.note or NoteMapping()
    timezone = zone(hints.timezone)
    body = compile_path(where.text)
    author, created_at, kind = (
        compile_path(path) if path else None for path in (where.author, where.created_at, where.kind)
    )
    read_body = reader(FieldType.TEXT, Hints(empty=hints.empty, prefix=hints.prefix))

    def read_note(raw: JSON) -> Note | UnreadableValue | None:
        if not isinstance(raw, Mapping):
            text = read_body(raw)
            return Note(text) if isinstance(text, str) else text
        text = read_body(look_up(body, raw))
        if not isinstance(text, str):
            return text
        return Note(
            text,
            optional_text(look_up(author, raw)) if author else None,
            read_clock(look_up(created_at, raw), timezone) if created_at else None,
            optional_text(look_up(kind, raw)) if kind else None,
        )

    return _list_reader(read_note, hints.split)


def _list_reader(read_entry: Callable[[JSON], Any], separator: str | None) -> Read:
    """Lists, or a single entry for a list of one; a text is split where a separator is declared."""

    def parse(raw: JSON) -> Value | UnreadableValue:
        if isinstance(raw, str) and separator:
            raw = raw.split(separator)
        entries = raw if isinstance(raw, list | tuple) else [raw]
        if len(entries) > MAX_ENTRIES:
            return UnreadableValue(f"a list of {len(entries)} entries; {MAX_ENTRIES} at most are read")
        values = []
        for place, entry in enumerate(entries, 1):
            value = read_entry(entry)
            if isinstance(value, UnreadableValue):
                return UnreadableValue(f"entry {place}: {value.reason}") if len(entries) > 1 else value
            if value is not None:
                values.append(value)
        return tuple(values) or None

    return parse


def look_up(path: Path, document: Mapping[str, JSON]) -> JSON | UnreadableValue:
    """What stands at ``path``, or None; unreadable where the path's expression cannot be applied to this document."""
    try:
        return path(document)
    except Exception as error:  # JMESPath's functions raise whatever the values in a document make them raise
        return UnreadableValue(f"the path {quoted(path.text)} cannot be applied ({type(error).__name__})")


def _moment(hints: Hints) -> Read:
    timezone = zone(hints.timezone)
    return lambda raw: read_moment(raw, timezone)


def _json(hints: Hints) -> Read:
    timezone = zone(hints.timezone)
    return lambda raw: json_form(raw, timezone)


def _quantity(hints: Hints) -> Read:
    wanted = dimension(hints.field_unit) if hints.field_unit else None
    return quantity_reader(hints.decimal, hints.unit or hints.field_unit, wanted)


_PARSERS: dict[FieldType, Callable[[Hints], Read]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: lambda hints: number_reader(hints.decimal),
    FieldType.INTEGER: lambda hints: integer_reader(hints.decimal),
    FieldType.BOOLEAN: _boolean,
    FieldType.DATETIME: _moment,
    FieldType.MONEY: lambda hints: money_reader(hints.decimal, hints.currency, hints.minor_units),
    FieldType.QUANTITY: _quantity,
    FieldType.MEDIA: lambda hints: media_reader(hints.prefix),
    FieldType.TEXT_LIST: _text_list,
    FieldType.NOTE_LIST: _note_list,
    FieldType.JSON: _json,
}
