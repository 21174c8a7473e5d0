"""Reading a whole column as one type: what :mod:`sources.interpretation.interpret` says of each value, said of all at once.

A text's *shape* (each digit a 0) decides whether it is written plainly: ``00.00`` is a number without any doubt, and a
thousand prices have a handful of shapes. What is plain is read by C functions over the column; whatever is not is read
value by value, as everywhere else. So there is one meaning, in :func:`~sources.interpretation.interpret.reader`, and this
is a shorter way to it where the way is straight.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Context, Decimal
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from types import NoneType
from typing import Any, TypeAlias, TypeVar

from sources.interpretation.amounts import INT_MAX, INT_MIN
from sources.interpretation.clocks import FIRST_YEAR, LAST_YEAR, read_clock, zone
from sources.interpretation.currencies import minor_unit_digits
from sources.interpretation.interpret import MAX_ENTRIES, Hints, Read, reader
from sources.interpretation.media import MAX_ADDRESS
from sources.interpretation.texts import EDGES
from sources.rows import Column
from sources.stored_columns import json_objects
from sources.units import dimension, find_unit
from sources.values import FieldType, Media, Money, Quantity, Value

ReadColumn: TypeAlias = Callable[[Column], Sequence[Any]]
"""Of each row the value, None or an UnreadableValue."""
_Quick: TypeAlias = Mapping[type, Callable[[Column], "Sequence[Any] | None"]]
"""By the one type of a column's values how to read them all; None where that does not do for this column."""
_Wrap: TypeAlias = Callable[[list[Decimal]], Sequence[Value]]

_T = TypeVar("_T")
_EXACT = Context(prec=200)
_NUMBERS = {".": re.compile(rb"-?0{1,40}(?:\.0{1,40})?"), ",": re.compile(rb"0{1,40}(?:,0{1,40})?")}
_WHOLE = re.compile(rb"-?0{1,9}")
_FORMS = {
    "naive": re.compile(rb"0000-00-00[T ]00:00:00(?:\.000(?:000)?)?"),
    "in UTC": re.compile(rb"0000-00-00[T ]00:00:00(?:\.000(?:000)?)?Z"),
    "day": re.compile(rb"0000-00-00"),
    "dotted": re.compile(rb"00\.00\.0000(?: 00:00(?::00)?)?"),
}
_IN_UTC = {"naive": "Z", "day": "T00:00Z"}
"""What makes a moment without a zone one in UTC."""
_ADDRESS = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.\-]*(?:/[A-Za-z0-9._~/%+,=&?\-]*)?")
_REMEMBERED = 1000
"""Different values that are remembered."""
_SHORT = 50
"""Characters of a text that is remembered, at most."""


def column_reader(kind: FieldType, hints: Hints) -> ReadColumn:
    """:func:`~sources.interpretation.interpret.reader` for whole columns; for the same hints it raises the same."""
    read = reader(kind, hints)
    make = _QUICK.get(kind)
    quick: _Quick = {} if make is None or hints.empty or hints.zero_is_empty else make(hints, read)

    def read_kind(column: Column) -> Iterable[Any]:
        way = quick.get(column.kind or NoneType)
        values = way(column) if way is not None else None
        return map(read, column.values) if values is None else values

    return lambda column: column.by_kind(read_kind)


def read_clocks(column: Column, timezone: tzinfo) -> Sequence[datetime | None]:
    """:func:`~sources.interpretation.clocks.read_clock` of each value."""

    def read_kind(column: Column) -> Iterable[datetime | None]:
        way = _MOMENT_WAYS.get(column.kind or NoneType)
        moments = way(column, timezone) if way is not None else None
        return (read_clock(raw, timezone) for raw in column.values) if moments is None else moments

    return column.by_kind(read_kind)


def made(kind: type[_T], *columns: Iterable[Any]) -> list[_T]:
    """Instances of a frozen dataclass with slots, each field from its column; the first says how many. The class does
    nothing when it makes one but set these: its own ``__init__`` takes three times as long."""
    first, *others = columns
    values = list(first)
    instances = list(map(object.__new__, repeat(kind, len(values))))
    for name, column in zip(kind.__slots__, (values, *others), strict=True):  # type: ignore[attr-defined]
        deque(map(getattr(kind, name).__set__, instances, column), maxlen=0)
    return instances


# ── Texts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(hints: Hints, _: Read) -> _Quick:
    def texts(column: Column) -> Sequence[str | None] | None:
        cleaned = column.cleaned
        return None if cleaned is None else [text or None for text in cleaned]

    return {} if hints.prefix else {str: texts}


def _boolean(_: Hints, read: Read) -> _Quick:
    return {bool: lambda column: column.values, str: _remembering(read), int: _remembering(read)}


def _remembering(read: Read) -> Callable[[Column], Sequence[Any] | None]:
    """For columns in which few different values stand, all of one type and short."""
    memory: dict[Any, Any] = {}

    def look_up(column: Column) -> Sequence[Any] | None:
        unknown = set(column.values) - memory.keys()
        if len(unknown) + len(memory) > _REMEMBERED or (unknown and column.kind is str and column.longest > _SHORT):
            return None
        memory.update((value, read(value)) for value in unknown)
        return [memory[value] for value in column.values]

    return look_up


def _text_list(hints: Hints, _: Read) -> _Quick:
    separator = hints.split
    if separator is None or hints.prefix:
        return {}

    def entries(column: Column) -> Sequence[tuple[str, ...] | None] | None:
        if column.cleaned is None:
            return None
        lists = [[part.strip(EDGES) for part in text.split(separator)] for text in column.cleaned]
        return None if max(map(len, lists)) > MAX_ENTRIES else [tuple(filter(None, parts)) or None for parts in lists]

    return {str: entries}


def _media(hints: Hints, read: Read) -> _Quick:
    def addresses(column: Column) -> Sequence[Any] | None:
        if not column.is_ascii or column.longest > MAX_ADDRESS or not all(map(_ADDRESS.fullmatch, column.values)):
            return None
        return made(Media, column.values, repeat(None), repeat(None))

    return {} if hints.prefix else {str: addresses}


def _json(hints: Hints, _: Read) -> _Quick:
    timezone = zone(hints.timezone)
    return {dict: lambda column: json_objects(column, timezone)}


# ── Numbers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _number(hints: Hints, read: Read) -> _Quick:
    return _amounts(hints, read, lambda amounts: amounts)


def _money(hints: Hints, read: Read) -> _Quick:
    currency = hints.currency
    if currency is None:
        return {}
    digits = minor_unit_digits(currency) if hints.minor_units else 0

    def price(amounts: list[Decimal]) -> Sequence[Money]:
        if digits:
            amounts = [amount.scaleb(-digits, _EXACT) for amount in amounts]
        return made(Money, amounts, repeat(currency))

    return _amounts(hints, read, price)


def _quantity(hints: Hints, read: Read) -> _Quick:
    declared = hints.unit or hints.field_unit
    unit = find_unit(declared) if declared else None
    if unit is None or (hints.field_unit and dimension(unit) != dimension(hints.field_unit)):
        return {}
    return _amounts(hints, read, lambda amounts: made(Quantity, amounts, repeat(unit)))


def _amounts(hints: Hints, read: Read, wrap: _Wrap) -> _Quick:
    """Plain numbers, and what ``wrap`` makes of them."""

    def numbers(column: Column) -> Sequence[Value]:
        return wrap([*map(Decimal, column.values)])

    def written(column: Column) -> Sequence[Value] | None:
        if hints.decimal == ",":
            column = Column(column.lines(column.joined.replace(",", ".")))
        return numbers(column)

    return {
        str: lambda column: _in_part(column, _NUMBERS[hints.decimal], written, read),
        int: lambda column: numbers(column) if column.fits_64_bits else None,
        Decimal: lambda column: wrap([*column.values]) if column.plain_numbers is not None else None,
    }


def _integer(_: Hints, read: Read) -> _Quick:
    def given(column: Column) -> Sequence[int] | None:
        return column.values if min(column.values) >= INT_MIN and max(column.values) <= INT_MAX else None

    return {int: given, str: lambda column: _in_part(column, _WHOLE, lambda plain: [*map(int, plain.values)], read)}


# ── Moments ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _datetime(hints: Hints, _: Read) -> _Quick:
    timezone = zone(hints.timezone)
    return {str: lambda column: _written_moments(column, timezone), datetime: lambda column: _moments(column, timezone)}


def _moments(column: Column, timezone: tzinfo) -> Sequence[datetime] | None:
    if not set(map(attrgetter("year"), column.values)) <= _YEARS:
        return None
    zones = set(map(attrgetter("tzinfo"), column.values))
    if zones == {UTC}:
        return column.values
    if zones == {None} and timezone is UTC:
        return [moment.replace(tzinfo=UTC) for moment in column.values]
    if zones == {None}:
        return [moment.replace(tzinfo=timezone).astimezone(UTC) for moment in column.values]
    return None


def _written_moments(column: Column, timezone: tzinfo) -> Sequence[datetime] | None:
    """Moments in a form that databases and programs write, all in the same one."""
    if not column.is_clean:
        return None
    forms = {_form_of(shape) for shape in set(column.shapes)}
    form = forms.pop() if len(forms) == 1 else None
    if form is None:
        return None
    texts = column.values
    if form == "dotted":
        texts = [f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}" for text in texts]
    elif form in _IN_UTC and timezone is UTC:
        texts = column.lines(f"{column.joined}\n".replace("\n", f"{_IN_UTC[form]}\n"))[:-1]
    try:
        return _moments(Column([*map(datetime.fromisoformat, texts)]), timezone)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _form_of(shape: bytes) -> str | None:
    """In which of the forms of plain moments a text of that shape is written."""
    return next((form for form, pattern in _FORMS.items() if pattern.fullmatch(shape)), None)


_YEARS = frozenset(range(FIRST_YEAR, LAST_YEAR + 1))
_MOMENT_WAYS: Mapping[type, Callable[[Column, tzinfo], Sequence[datetime] | None]] = {
    str: _written_moments,
    datetime: _moments,
}


# ── Shapes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_part(
    column: Column, plain: re.Pattern[bytes], quick: Callable[[Column], Sequence[Any] | None], read: Read
) -> Sequence[Any] | None:
    """The texts whose shape is ``plain`` by ``quick``, the others one by one."""
    if not column.is_clean:
        return None
    shapes = column.shapes
    if all(_is_plain(plain, shape) for shape in set(shapes)):
        return quick(column)
    wanted = [_is_plain(plain, shape) for shape in shapes]
    part = quick(column.take(wanted)) if any(wanted) else ()
    if part is None:
        return None
    results = iter(part)
    return [next(results) if is_wanted else read(text) for is_wanted, text in zip(wanted, column.values, strict=True)]


@lru_cache(maxsize=10_000)
def _is_plain(plain: re.Pattern[bytes], shape: bytes) -> bool:
    return plain.fullmatch(shape) is not None


_QUICK: Mapping[FieldType, Callable[[Hints, Read], _Quick]] = {
    FieldType.TEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATETIME: _datetime,
    FieldType.MONEY: _money,
    FieldType.QUANTITY: _quantity,
    FieldType.TEXT_LIST: _text_list,
    FieldType.MEDIA: _media,
    FieldType.JSON: _json,
}
