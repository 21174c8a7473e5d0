"""Raw documents as JSON: decimals as strings, clocks in RFC 3339, and nothing that a database or an encoder refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from sources.interpretation.numbers import bounded
from sources.interpretation.texts import MAX_TEXT, is_encodable, kind_of
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON, encode_datetime, encode_decimal

MAX_DEPTH = 32
"""Objects within objects."""
MAX_NODES = 10_000
"""Values in one document."""

_INT64 = 2**63


class _RefusedError(Exception):
    """Ends a strict walk at the first value that has no JSON form."""


def json_form(raw: JSON, timezone: tzinfo = UTC) -> JSON | UnreadableValue:
    """``raw`` as a JSON value; unreadable, with the reason, where any part of it has no JSON form."""
    try:
        return _Walk(timezone, _refuse).form(raw, 0)
    except _RefusedError as refused:
        return UnreadableValue(str(refused))


def lenient_json_form(raw: JSON, timezone: tzinfo = UTC) -> JSON:
    """``raw`` as a JSON value, with a note in angle brackets for what has no JSON form. To show, not to read."""
    kind = type(raw)
    if kind is str and len(raw) <= MAX_TEXT and raw.isascii() and "\0" not in raw:
        return raw
    if raw is None or kind is bool or (kind is int and -_INT64 <= raw < _INT64):
        return raw
    return _Walk(timezone, _note).form(raw, 0)


def _refuse(reason: str) -> JSON:
    raise _RefusedError(reason)


def _note(reason: str) -> JSON:
    return f"<{reason}>"


class _Walk:
    """One walk over one value; counts what it passes."""

    def __init__(self, timezone: tzinfo, refuse: Callable[[str], JSON]) -> None:
        self._timezone = timezone
        self._refuse = refuse
        self._left = MAX_NODES

    def form(self, raw: JSON, depth: int) -> JSON:
        self._left -= 1
        if self._left < 0:
            return self._refuse(f"more than {MAX_NODES} values in one")
        if raw is None or isinstance(raw, bool):
            return raw
        if isinstance(raw, str):
            return self._text(raw)
        if isinstance(raw, int):
            return self._integer(raw)
        if isinstance(raw, Decimal | float):
            number = bounded(raw if isinstance(raw, Decimal) else Decimal(repr(raw)))
            return self._refuse(number.reason) if isinstance(number, UnreadableValue) else encode_decimal(number)
        if isinstance(raw, datetime):
            return self._moment(raw)
        if isinstance(raw, date):
            return raw.isoformat()
        if isinstance(raw, UnreadableValue):
            return self._refuse(raw.reason)
        if isinstance(raw, Mapping | list | tuple) and depth >= MAX_DEPTH:
            return self._refuse(f"more than {MAX_DEPTH} levels of objects")
        if isinstance(raw, Mapping):
            return {self._name(name): self.form(value, depth + 1) for name, value in raw.items()}
        if isinstance(raw, list | tuple):
            return [self.form(value, depth + 1) for value in raw]
        return self._refuse(f"{kind_of(raw)}, which has no JSON form")

    def _text(self, raw: str) -> JSON:
        if len(raw) > MAX_TEXT:
            return self._refuse(f"a text of {len(raw)} characters")
        if "\0" in raw:
            return self._refuse("a text that holds a NUL character")
        if not is_encodable(raw):
            return self._refuse("a text that holds half of a surrogate pair")
        return raw

    def _name(self, raw: object) -> str:
        name = raw if isinstance(raw, str) else str(self.form(raw, MAX_DEPTH))
        return str(self._text(name))

    def _integer(self, raw: int) -> JSON:
        if -_INT64 <= raw < _INT64:
            return raw
        if raw.bit_length() > 200:
            return self._refuse(f"an integer of {raw.bit_length()} bits")
        return str(raw)

    def _moment(self, raw: datetime) -> JSON:
        try:
            return encode_datetime(raw if raw.tzinfo else raw.replace(tzinfo=self._timezone))
        except (OverflowError, ValueError):
            return raw.isoformat()
