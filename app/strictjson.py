"""JSON as Whence takes it from strangers, and as it answers: strict both ways.

Taken: UTF-8 only, no key twice, no NaN, no Infinity, no number that a double cannot hold, no integer of absurd length,
no lone surrogate, no NUL, no deeper than :data:`DEPTH`. The depth is counted before parsing: nesting costs nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

from sources.values import JSON

DEPTH = 64
"""How deep objects and lists may nest."""
DIGITS = 400
"""How many characters a number may have: more than any double or decimal has use for."""

_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[{]|[\]}]")
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_ESCAPES = "\\u"
_NUL = b"\\u0000"


class NotStrict(ValueError):
    """The text is not JSON as Whence takes it; the message says what and where, and what to write instead."""


class TooManyValues(NotStrict):
    """The text holds more values than it may."""


def loads(data: bytes | str, what: str, *, values: int | None = None) -> JSON:
    """The value that ``data`` holds. ``what`` names it in messages ("The request body"); ``values`` is how many it may
    hold, counted before they are made.

    Raises NotStrict."""
    content = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    bare = _TEXTS.sub(b"", content)
    opened = bare.count(b"{") + bare.count(b"[")
    if values is not None and (found := 1 + bare.count(b",") + opened) > values:
        raise TooManyValues(f"{what} is beyond the limit of values: at most {values} are allowed, and it has {found}.")
    if opened > DEPTH:
        _check_depth(bare, what)
    # What orjson takes is nearly all that is taken here, and much sooner; the rest, and all messages, are below.
    if _NUL not in content and not _LONG_NUMBER.search(bare):
        try:
            quick: JSON = orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
        else:
            if _keys(quick) == bare.count(b":"):  # or there is one twice
                return quick
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotStrict(f"{what} is not UTF-8: byte {error.start} is wrong. Send UTF-8.") from None
    else:
        text = data
    try:
        value: JSON = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, what),
            parse_constant=lambda name: _constant(name, what),
            parse_float=lambda digits: _float(digits, what),
            parse_int=lambda digits: _int(digits, what),
        )
    except json.JSONDecodeError as error:
        raise NotStrict(f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except RecursionError:  # the depth was counted; this is for an interpreter with very little stack left
        raise NotStrict(f"{what} is nested too deeply.") from None
    if _ESCAPES in text or not isinstance(data, bytes):
        check_text(value, what)
    return value


def check_text(value: JSON, what: str) -> None:
    """Refuse NUL and lone surrogates in any text of ``value``, keys included. Raises NotStrict."""
    waiting: list[Any] = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            if "\x00" in current:
                raise NotStrict(f"{what} holds a text with a NUL character (U+0000). Remove it.")
            try:
                current.encode("utf-8")
            except UnicodeEncodeError:
                raise NotStrict(f"{what} holds a text with half a surrogate pair. Write the whole character.") from None
        elif isinstance(current, dict):
            waiting.extend(current)
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)


def dumps(value: object) -> bytes:
    """``value`` as strict JSON bytes: a NaN becomes null.

    Raises TypeError for what JSON cannot say (a lone surrogate, an integer beyond 64 bits, an unknown type)."""
    return orjson.dumps(value)


def _keys(value: JSON) -> int:
    """How many keys there are in ``value``, as :mod:`orjson` made it."""
    count = 0
    waiting: list[Any] = [value]
    for current in waiting:  # which grows on the way
        if type(current) is dict:
            count += len(current)
            waiting += current.values()
        elif type(current) is list:
            waiting += current
    return count


def _check_depth(bare: bytes, what: str) -> None:
    """Refuse what nests too deeply; ``bare`` is the text without its strings."""
    depth = 0
    for match in _BRACKETS.finditer(bare):
        if match.group() in b"[{":
            depth += 1
            if depth > DEPTH:
                raise NotStrict(f"{what} is nested more than {DEPTH} deep. Send it flatter.")
        else:
            depth -= 1


def _object(pairs: list[tuple[str, JSON]], what: str) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotStrict(f"{what} has the key {key[:80]!a} twice in one object. Send it once.")
            seen.add(key)
    return found


def _constant(name: str, what: str) -> float:
    raise NotStrict(f"{what} holds {name}, which is not JSON. Send a number, or null.")


def _float(digits: str, what: str) -> float:
    number = float(digits) if len(digits) <= DIGITS else math.inf
    if not math.isfinite(number):
        raise NotStrict(f"{what} holds a number that is too large or too long: {digits[:20]}. Send a smaller one.")
    return number


def _int(digits: str, what: str) -> int:
    if len(digits) > DIGITS:
        raise NotStrict(f"{what} holds an integer of {len(digits)} digits. Send a smaller one, or a string.")
    return int(digits)
