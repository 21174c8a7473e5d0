"""What PostgreSQL keeps of the texts that systems say: not a NUL, and not half of a surrogate pair."""

from __future__ import annotations

import json

import orjson

from sources.values import JSON

_WRITTEN = "_json"


def is_storable(text: str) -> bool:
    """Whether a text column takes ``text``."""
    if text.isascii():
        return "\0" not in text
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def storable(text: str) -> str:
    """``text`` with a mark for what no text column takes."""
    if is_storable(text):
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def keep_cursor(cursor: JSON) -> JSON:
    """The form in which the ledger keeps a connector's own note of how far it has read, whatever texts are in it."""
    try:
        if b"\\u0000" not in orjson.dumps(cursor):
            return cursor
    except TypeError:
        pass
    return {_WRITTEN: json.dumps(cursor)}


def kept_cursor(form: JSON) -> JSON:
    """The cursor that :func:`keep_cursor` kept."""
    return json.loads(form[_WRITTEN]) if isinstance(form, dict) and form.keys() == {_WRITTEN} else form
