"""A database driver's values, as documents hold them; and the keys and clocks among them, as cursors hold them."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sources.sql.far_moments import FarMoment
from sources.values import JSON

_LARGEST = 2**63


def plain(value: Any) -> JSON:
    """``value`` as a document holds it: exact numbers, no float; what is no number (NaN) as its name in a text."""
    match value:
        case None | bool() | bytes():
            return value
        case enum.Enum():
            return plain(value.value)
        case int():
            return int(value)
        case str():
            return str(value)
        case float():
            return Decimal(repr(value)) if math.isfinite(value) else _named(value)
        case Decimal():
            return value if value.is_finite() else "NaN" if value.is_nan() else _named(float(value))
        case FarMoment():
            return str(value)
        case datetime():
            return _far(value, datetime.max, datetime.min) or value
        case date():
            return _far(value, date.max, date.min) or value
        case time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case memoryview() | bytearray():
            return bytes(value)
        case Set():
            return sorted(plain(member) for member in value)
        case list() | tuple():
            return [plain(member) for member in value]
        case Mapping():
            return {str(plain(name)): plain(member) for name, member in value.items()}
        case _:
            # what a driver has of its own: a UUID, an address, a range, a composite
            return plain(dict(value.items())) if hasattr(value, "items") else plain(str(value))


def _named(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _far(value: Any, latest: Any, earliest: Any) -> str | None:
    """PostgreSQL's ``infinity``, which the driver reads as the last moment there is."""
    naive = value.replace(tzinfo=None) if isinstance(value, datetime) else value
    return "infinity" if naive == latest else "-infinity" if naive == earliest else None


# ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def bound_keys(key: str, like: Any, *, loose: bool) -> tuple[Any, ...]:
    """How ``key`` may stand in a column whose values are like ``like``; nothing where it cannot stand there at all.

    ``loose``: the database keeps values of several types in one column (SQLite), so that a whole number is both."""
    if "\x00" in key:
        return ()
    try:
        key.encode()
    except UnicodeEncodeError:
        return ()
    if loose:
        number = _whole(key)
        return (key,) if number is None else (key, number)
    reader = next((reader for kind, reader in _READERS if isinstance(like, kind)), None)
    if reader is None:
        return (key,)
    found = reader(key)
    return () if found is None else (found,)


def _whole(key: str) -> int | None:
    """The number that is written exactly so: not ``007``, which is another key than ``7``."""
    digits = key.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 19:
        return None
    number = int(key)
    return number if str(number) == key and -_LARGEST <= number < _LARGEST else None


def _decimal(key: str) -> Decimal | None:
    try:
        number = Decimal(key)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.adjusted() < 1000 else None


def _read(reader: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(key: str) -> Any:
        try:
            return reader(key)
        except ValueError:
            return None

    return read


_READERS: tuple[tuple[type, Callable[[str], Any]], ...] = (
    (int, _whole),
    (Decimal, _decimal),
    (float, _read(float)),
    (UUID, _read(UUID)),
    (datetime, _read(datetime.fromisoformat)),  # before date, which it also is
    (date, _read(date.fromisoformat)),
    (bytes, str.encode),
)


# ── Cursors ────────────────────────────────────────────────────────────────────────────────────────────────────────


class NotKept(ValueError):
    """A value whose type a cursor cannot keep, such as an array."""


def keep(value: Any) -> JSON:
    """The JSON form of a key or a clock, which :func:`kept` reads back. Raises NotKept."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return {"float": repr(value)}
        case Decimal():
            return {"decimal": str(value)}
        case UUID():
            return {"uuid": str(value)}
        case FarMoment():
            return {"zoned" if value.tzinfo else "unzoned": str(value.count)}
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case bytes() | bytearray() | memoryview():
            return {"bytes": bytes(value).hex()}
        case _:
            raise NotKept(type(value).__name__)


def kept(form: JSON) -> Any:
    """The value that :func:`keep` kept. Raises ValueError for anything else."""
    if form is None or isinstance(form, bool | int | str):
        return form
    if not isinstance(form, dict) or len(form) != 1:
        raise ValueError("not a kept value")
    ((name, text),) = form.items()
    readers: Mapping[str, Callable[[str], Any]] = {
        "float": float,
        "decimal": Decimal,
        "uuid": UUID,
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "bytes": bytes.fromhex,
        "zoned": lambda count: FarMoment.of(int(count), zoned=True),
        "unzoned": lambda count: FarMoment.of(int(count), zoned=False),
    }
    if name not in readers or not isinstance(text, str):
        raise ValueError("not a kept value")
    return readers[name](text)


# ── Clocks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

OVERLAP = timedelta(minutes=2)
"""How far before the newest clock the next reading begins: transactions end later than their clocks say."""


def tomorrow(clock: Any) -> Any | None:
    """The end of what a clock like ``clock`` can sensibly say now; None where that cannot be told (a counter)."""
    limit = datetime.now(UTC) + timedelta(days=1)
    match clock:
        case datetime():
            return limit if clock.tzinfo else limit.replace(tzinfo=None)
        case date():
            return limit.date()
        case str() if len(clock) >= 10 and clock[:4].isdecimal() and clock[4] == clock[7] == "-":
            return limit.date().isoformat() + "~"
        case _:
            return None


def overlapped(clock: Any) -> Any:
    """Where to read on from, ``clock`` being the newest that was seen."""
    if isinstance(clock, datetime) and clock.replace(tzinfo=None) > datetime.min + OVERLAP:
        return clock - OVERLAP
    return clock
