"""JSON from systems we do not control, read strictly: exact numbers, each name once, a bounded depth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON

MAX_DEPTH = 100
"""Objects and lists within each other."""
MAX_DIGITS = 100
MAX_EXPONENT = 300
_INTEGER_DIGITS = 18
"""A longer whole number becomes a Decimal: not everything after us can count beyond 64 bits."""
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJSONError(ValueError):
    """The body is no JSON that Whence accepts; the text says why, and holds nothing of the body but a member's name."""


def parse_json(body: bytes) -> JSON:
    """The value of ``body``: None, bool, int, Decimal, str, list or dict of these, at most :data:`MAX_DEPTH` deep.

    A text with a NUL or half a surrogate pair, which no database keeps, becomes an :class:`UnreadableValue`. Raises
    NotJSONError for everything else that is not strict JSON: NaN, an exponent beyond ±300, a name given twice.
    """
    if not body.strip():
        raise NotJSONError("an empty body")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJSONError(f"not UTF-8 from byte {error.start} on") from None
    try:
        value = json.loads(
            text, parse_float=_number, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        end = " (it is cut off)" if error.pos >= len(text.rstrip()) else ""
        raise NotJSONError(f"no JSON from character {error.pos} on{end}: {error.msg}") from None
    except RecursionError:
        raise NotJSONError(f"JSON nested deeper than {MAX_DEPTH} levels") from None
    _bound_depth(value)
    return _keepable(value) if _SUSPECT.search(body) else value


def _bound_depth(value: JSON) -> None:
    level = _holders([value])
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            inner for holder in level for inner in _holders(holder.values() if isinstance(holder, dict) else holder)
        ]
    if level:
        raise NotJSONError(f"JSON nested deeper than {MAX_DEPTH} levels")


def _holders(members: Iterable[JSON]) -> list[dict[str, JSON] | list[JSON]]:
    return [member for member in members if isinstance(member, dict | list)]


def _keepable(value: JSON) -> JSON:
    if isinstance(value, str):
        if "\0" in value:
            return UnreadableValue("the text holds a NUL character")
        if not value.isascii() and _SURROGATE.search(value):
            return UnreadableValue("the text holds half of a surrogate pair")
        return value
    if isinstance(value, list):
        return [_keepable(entry) for entry in value]
    if isinstance(value, dict):
        if any(isinstance(_keepable(name), UnreadableValue) for name in value):
            raise NotJSONError("a member's name with a NUL or half of a surrogate pair")
        return {name: _keepable(member) for name, member in value.items()}
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise NotJSONError(f"an object that names {twice[:40]!a} twice")
    return found


def _number(text: str) -> Decimal:
    if len(text) > MAX_DIGITS + 10:
        raise NotJSONError(f"a number of more than {MAX_DIGITS} digits")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise NotJSONError("a number beyond all bounds") from None
    if abs(number.adjusted()) > MAX_EXPONENT:
        raise NotJSONError(f"a number with an exponent beyond {MAX_EXPONENT}")
    return number


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INTEGER_DIGITS else _number(text)


def _constant(name: str) -> Any:
    raise NotJSONError(f"{name}, which is not a JSON number")
