"""Texts as they arrive: cleaned, bounded, and quoted so that they are safe to store and to show."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal

from sources.interpretation.unreadable import UnreadableValue

MAX_TEXT = 100_000
"""Characters in one text; more is a document, not a fact."""

_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
EDGES = _INVISIBLE + "".join(chr(point) for point in range(0x3001) if chr(point).isspace())
"""What does not count at the ends of a text."""
_NOT_INVISIBLE = dict.fromkeys(map(ord, _INVISIBLE))


def clean_text(raw: str) -> str | UnreadableValue:
    """``raw`` in NFC without white space and zero-width characters at its ends; "" where nothing is left.

    A NUL, a lone surrogate, and more than MAX_TEXT characters are unreadable: no database takes the first two.
    """
    if len(raw) > MAX_TEXT:
        return UnreadableValue(f"a text of {len(raw)} characters; {MAX_TEXT} at most are read")
    if "\0" in raw:
        return UnreadableValue(f"{quoted(raw)} holds a NUL character")
    if raw.isascii():
        return raw.strip()
    if not is_encodable(raw):
        return UnreadableValue(f"{quoted(raw)} holds half of a surrogate pair")
    return unicodedata.normalize("NFC", raw).strip(EDGES)


def without_invisible(text: str) -> str:
    """``text`` without zero-width characters anywhere, for comparing identifiers."""
    return text if text.isascii() else text.translate(_NOT_INVISIBLE)


def is_encodable(text: str) -> bool:
    """False where ``text`` holds a lone surrogate, which UTF-8 has no form for."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def quoted(raw: object, length: int = 60) -> str:
    """The beginning of ``raw`` in quotes, on one line, without characters that cannot be stored or shown.

    Of lists, objects and binary data only their kind is said: ``a list``.
    """
    if isinstance(raw, int) and raw.bit_length() > 256:
        return f"an integer of {raw.bit_length()} bits"
    if not isinstance(raw, str | int | float | Decimal | date):
        return kind_of(raw)
    text = raw[: length + 1] if isinstance(raw, str) else str(raw)[: length + 1]
    shown = "".join(character if character.isprintable() else "\ufffd" for character in text[:length])
    return f'"{shown}…"' if len(text) > length else f'"{shown}"'


def kind_of(raw: object) -> str:
    """What ``raw`` is, in words for a reason."""
    return _KINDS.get(type(raw).__name__, f"a {type(raw).__name__}")


_KINDS = {
    "NoneType": "nothing",
    "bool": "a yes or no",
    "int": "a number",
    "float": "a number",
    "Decimal": "a number",
    "str": "a text",
    "bytes": "binary data",
    "datetime": "a date and a time",
    "date": "a date",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
}
