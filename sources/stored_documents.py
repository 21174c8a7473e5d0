"""Documents as the ledger keeps them: JSON to look at, with what it takes to read them again exactly.

JSON has no decimals, dates or bytes, so these become texts; beside them stands, under ``_forms``, what each had been::

    {"id": "K-1", "price": "1.50", "changed": "2026-01-10T08:00:00Z", "_forms": {"price": "d", "changed": "t"}}

A form is a letter, and behind it the exact value where the text alone does not give it back::

    d  a Decimal       t  an aware datetime     D  a date      b  bytes, in hexadecimal    x  nothing that can be got back
    f  a float         n  a naive datetime      i  an integer beyond 64 bits    u  what its system could not say (unreadable)

So a mapping that changes can be applied to what the ledger holds, and the system need not be read again. Of a document
that was too large only the mapped members are there, and ``_cut`` is 1; or only the smaller ones of these, and it is 2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from sources.interpretation.json_form import MAX_DEPTH, MAX_NODES, lenient_json_form
from sources.interpretation.numbers import bounded
from sources.interpretation.texts import MAX_TEXT, is_encodable
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON, encode_datetime, encode_decimal

FORMS = "_forms"
CUT = "_cut"
MAX_DOCUMENT = 64 * 1024
"""Bytes of a document as JSON; of a larger one only the mapped columns are kept."""
MAX_BYTES = 16
"""Bytes that are kept of a binary value: more is a picture, not a fact."""

_INT64 = 2**63
_LOST = "x"

Form: TypeAlias = "str | Mapping[str, Form]"
"""Of one value; of an object or list that of its members by name or index, ``*`` for all of a list."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A document as it was read. ``lost`` are the members that cannot be got back; ``cut``: 1 where others that were not
    mapped are missing, 2 where any may be, else 0."""

    content: Mapping[str, JSON]
    lost: frozenset[str]
    cut: int


def stored(
    content: Mapping[str, JSON], timezone: tzinfo, mapped: Collection[str], all_mapped: Callable[[], Collection[str]]
) -> dict[str, JSON]:
    """``content`` as JSON that any database takes. Naive moments are in ``timezone``.

    ``mapped`` are names kept although they begin with an underscore. Of a document that is too large only the columns
    ``all_mapped`` stay, and of these only what is not too large itself."""
    document: dict[str, JSON] = {}
    forms: dict[str, Form] = {}
    for name, value in content.items():
        if not is_shown(name) and name not in mapped:
            continue
        kind = type(value)
        if kind is str:
            if len(value) <= MAX_TEXT and value.isascii() and "\0" not in value:
                document[name] = value
                continue
        elif value is None or kind is bool or (kind is int and -_INT64 <= value < _INT64):
            document[name] = value
            continue
        document[name], form = store(value, timezone)
        if form is not None:
            forms[name] = form
    cut = 0
    if len(orjson.dumps(document)) > MAX_DOCUMENT:
        document, cut = _cut(document, all_mapped())
        forms = {name: form for name, form in forms.items() if name in document}
    if forms:
        document[FORMS] = forms
    if cut:
        document[CUT] = cut
    return document


def restored(document: Mapping[str, JSON]) -> Restored:
    """The document whose stored form is ``document``; the order of an object's members may be another."""
    forms = document.get(FORMS, {})
    content: dict[str, JSON] = {}
    lost: set[str] = set()
    for name, value in document.items():
        if name in (FORMS, CUT):
            continue
        form = forms.get(name)
        try:
            content[name] = value if form is None else _restored(value, form)
        except (LookupError, ValueError, TypeError, ArithmeticError):
            lost.add(name)
    return Restored(content, frozenset(lost), document.get(CUT, 0))


def _cut(document: dict[str, JSON], mapped: Collection[str]) -> tuple[dict[str, JSON], int]:
    document = {name: value for name, value in document.items() if name in mapped}
    if len(orjson.dumps(document)) <= MAX_DOCUMENT:
        return document, 1
    allowed = MAX_DOCUMENT // (len(document) + 1)
    return {name: value for name, value in document.items() if len(orjson.dumps({name: value})) <= allowed}, 2


def store(raw: JSON, timezone: tzinfo) -> tuple[JSON, Form | None]:
    """One value as JSON, and what it takes to get it back."""
    return _Storing(timezone).store(raw, 0)


@lru_cache(maxsize=10_000)
def is_shown(name: object) -> bool:
    """Whether a document keeps the member of that name, mapped or not."""
    if not isinstance(name, str) or (name.startswith("_") and name.partition(".")[0] != "_file"):
        return False
    return "\0" not in name and (name.isascii() or is_encodable(name))


class _Storing:
    """One walk over one value; counts what it passes. What it writes is :func:`lenient_json_form`'s."""

    def __init__(self, timezone: tzinfo) -> None:
        self._timezone = timezone
        self._left = MAX_NODES

    def store(self, raw: JSON, depth: int) -> tuple[JSON, Form | None]:
        self._left -= 1
        if self._left < 0:
            return f"<more than {MAX_NODES} values in one>", _LOST
        if raw is None or isinstance(raw, bool):
            return raw, None
        if isinstance(raw, str):
            text = lenient_json_form(raw)
            return text, None if text is raw or text == raw else _LOST
        if isinstance(raw, Decimal):
            return self._decimal(raw)
        if isinstance(raw, datetime):
            return self._moment(raw)
        if isinstance(raw, int):
            whole = lenient_json_form(raw)
            return whole, None if isinstance(whole, int) else _LOST if whole.startswith("<") else "i"
        if isinstance(raw, Mapping | list | tuple):
            if depth >= MAX_DEPTH:
                return f"<more than {MAX_DEPTH} levels of objects>", _LOST
            return self._object(raw, depth) if isinstance(raw, Mapping) else self._list(raw, depth)
        form = lenient_json_form(raw, self._timezone)
        if isinstance(raw, UnreadableValue):
            return form, "u"
        if isinstance(raw, bytes):
            return form, f"b{raw.hex()}" if len(raw) <= MAX_BYTES else _LOST
        if isinstance(raw, date):
            return form, "D"
        if isinstance(raw, float) and not form.startswith("<"):
            return form, f"f{raw!r}"
        return form, _LOST

    def _decimal(self, raw: Decimal) -> tuple[JSON, Form]:
        number = bounded(raw)
        if isinstance(number, UnreadableValue):
            return f"<{number.reason}>", _LOST
        text = encode_decimal(number)
        exact = str(raw)
        return text, "d" if exact == text else f"d{exact}"

    def _moment(self, raw: datetime) -> tuple[JSON, Form]:
        naive = raw.tzinfo is None
        letter = "n" if naive else "t"
        try:
            moment = raw.replace(tzinfo=self._timezone) if naive else raw
            text = encode_datetime(moment)
        except (OverflowError, ValueError):
            return raw.isoformat(), f"{letter}{raw.isoformat()}"
        if raw.fold:
            return text, _LOST
        plain = self._timezone is UTC if naive else raw.tzinfo is UTC or not raw.utcoffset()
        return text, letter if plain else f"{letter}{raw.isoformat()}"

    def _object(self, raw: Mapping[Any, JSON], depth: int) -> tuple[JSON, Form | None]:
        made: dict[str, JSON] = {}
        forms: dict[str, Form] = {}
        for name, value in raw.items():
            text = lenient_json_form(name)
            if not isinstance(name, str) or text != name or name in made:
                return lenient_json_form(raw, self._timezone), _LOST
            made[name], form = self.store(value, depth + 1)
            if form is not None:
                forms[name] = form
        return made, forms or None

    def _list(self, raw: list[JSON] | tuple[JSON, ...], depth: int) -> tuple[JSON, Form | None]:
        pairs = [self.store(value, depth + 1) for value in raw]
        made = [value for value, _ in pairs]
        forms = [form for _, form in pairs]
        if not any(forms):
            return made, None
        if len(forms) > 1 and all(form == forms[0] for form in forms):
            return made, {"*": forms[0]}  # type: ignore[dict-item]
        return made, {str(index): form for index, form in enumerate(forms) if form is not None}


class _GoneError(ValueError):
    """What stood there cannot be got back."""


def _restored(value: JSON, form: Form) -> JSON:
    if isinstance(form, Mapping):
        if isinstance(value, list):
            every = form.get("*")
            return [
                one if (own := every or form.get(str(index))) is None else _restored(one, own)
                for index, one in enumerate(value)
            ]
        return {name: one if name not in form else _restored(one, form[name]) for name, one in value.items()}
    kind, exact = form[:1], form[1:]
    read = _READERS.get(kind)
    if read is None:
        raise _GoneError
    return read(value, exact)


_READERS: Mapping[str, Callable[[JSON, str], JSON]] = {
    "d": lambda value, exact: Decimal(exact or value),
    "f": lambda value, exact: float(exact),
    "i": lambda value, exact: int(value),
    "t": lambda value, exact: datetime.fromisoformat(exact or value),
    "n": lambda value, exact: datetime.fromisoformat(exact or value).replace(tzinfo=None),
    "D": lambda value, exact: date.fromisoformat(value),
    "b": lambda value, exact: bytes.fromhex(exact),
    "u": lambda value, exact: UnreadableValue(value[1:-1]),
}


def is_lossy(forms: Any) -> bool:
    """Whether any of a document's forms says that the value cannot be got back."""
    if not forms:
        return False
    return any(form == _LOST or (not isinstance(form, str) and is_lossy(form)) for form in forms.values())
