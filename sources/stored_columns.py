"""Rows as the ledger keeps their documents: :func:`sources.stored_documents.stored`, column by column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from itertools import repeat
from operator import attrgetter
from types import NoneType
from typing import Any

import orjson

from sources.rows import Column, Rows
from sources.stored_documents import FORMS, MAX_DOCUMENT, Form, is_lossy, is_shown, store, stored
from sources.values import JSON

_FILE = "_file"
_WIDEST = 6
"""Bytes that a character takes as JSON, at most."""
_MEMBERS = 50
"""Of an object that is read together with others."""
_MOMENTS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """One member of many documents as JSON, and of each what it had been: the same of all, or one by one."""

    values: Sequence[JSON]
    form: Form | None = None
    forms: Sequence[Form | None] | None = None
    longest: int = 20
    """Characters of a value, at most."""


def stored_rows(
    rows: Rows, timezone: tzinfo, mapped: Collection[str], all_mapped: Callable[[], Collection[str]]
) -> list[dict[str, JSON]]:
    """What :func:`~sources.stored_documents.stored` makes of each row; there are no problems among them."""
    kept = {name: column for name, column in rows.by_name.items() if is_shown(name) or name in mapped}
    columns = [column.once(store_column, timezone) for column in kept.values()]
    documents = _documents(tuple(kept), columns, len(rows))
    if _WIDEST * sum(len(name) + column.longest + 4 for name, column in zip(kept, columns, strict=True)) > MAX_DOCUMENT:
        for position, document in enumerate(documents):
            if len(orjson.dumps(document)) > MAX_DOCUMENT:
                documents[position] = stored(rows[position].content, timezone, mapped, all_mapped)
    return documents


def fingerprints(rows: Rows, timezone: tzinfo, mapped: Collection[str], *, with_file: bool) -> list[bytes]:
    """What the document of each row is recognised by: 16 bytes that differ where anything in it does, whatever the order of
    its members. All of it counts, also what is cut off a document that is too large to be kept; where in a file it stood
    counts only ``with_file``."""
    kept = sorted(name for name in rows.names if (is_shown(name) or name in mapped) and (with_file or name != _FILE))
    columns = [rows.by_name[name].once(store_column, timezone) for name in kept]
    values = [column.values for column in columns]
    forms = [*_forms_of_rows(kept, columns, len(rows))]
    told: Iterable[tuple[Any, ...]] = zip(*values, forms, strict=True)
    lossy = {key for key, one in {id(one): one for one in forms}.items() if is_lossy(one)}
    if lossy:  # what is kept of these rows does not show all that was read
        told = [
            (*row, repr([rows.by_name[name].values[place] for name in kept])) if id(row[-1]) in lossy else row
            for place, row in enumerate(told)
        ]
    digest = partial(blake2b, digest_size=16, person=blake2b(orjson.dumps(kept), digest_size=16).digest())
    return [digest(orjson.dumps(one, option=orjson.OPT_SORT_KEYS)).digest() for one in told]


def _forms_of_rows(
    names: Sequence[str], columns: Sequence[StoredColumn], count: int
) -> Iterable[dict[str, Form] | None]:
    """What it takes to get each row back; None for nothing."""
    same = {name: column.form for name, column in zip(names, columns, strict=True) if column.form is not None}
    varied = {name: column.forms for name, column in zip(names, columns, strict=True) if column.forms is not None}
    if not varied:
        return repeat(same or None, count)
    order = sorted({*same, *varied}, key=names.index)
    each = ((same | dict(zip(varied, row, strict=True))) for row in zip(*varied.values(), strict=True))
    return [{name: forms[name] for name in order if forms[name] is not None} or None for forms in each]


def _documents(names: tuple[str, ...], columns: Sequence[StoredColumn], count: int) -> list[dict[str, JSON]]:
    if not columns:
        return [{} for _ in range(count)]
    values = zip(*(column.values for column in columns), strict=True)
    documents = [dict(zip(names, row)) for row in values]  # noqa: B905 (the hottest line there is)
    for document, forms in zip(documents, _forms_of_rows(names, columns, count), strict=True):
        if forms is not None:
            document[FORMS] = forms
    return documents


def store_column(column: Column, timezone: tzinfo) -> StoredColumn:
    """What :func:`~sources.stored_documents.store` makes of each value."""
    if column.kind is not None:
        way = _WAYS.get(column.kind)
        return (way(column, timezone) if way is not None else None) or _one_by_one(column, timezone)
    parts = {NoneType: StoredColumn((), longest=4)}

    def pairs(part: Column) -> Iterable[tuple[JSON, Form | None]]:
        stored = store_column(part, timezone)
        parts[type(part.values[0])] = stored
        return zip(stored.values, stored.forms or repeat(stored.form), strict=False)

    each = [pair or (None, None) for pair in column.by_kind(pairs)]
    forms = [form for _, form in each]
    longest = max(part.longest for part in parts.values())
    return StoredColumn([value for value, _ in each], None, forms if any(forms) else None, longest)


def _one_by_one(column: Column, timezone: tzinfo) -> StoredColumn:
    pairs = [store(value, timezone) for value in column.values]
    forms = [form for _, form in pairs]
    return StoredColumn([value for value, _ in pairs], None, forms if any(forms) else None, MAX_DOCUMENT)


def _texts(column: Column, _: tzinfo) -> StoredColumn | None:
    return StoredColumn(column.values, longest=column.longest) if column.is_clean else None


def _given(column: Column, _: tzinfo) -> StoredColumn:
    return StoredColumn(column.values)


def _whole(column: Column, _: tzinfo) -> StoredColumn | None:
    return StoredColumn(column.values) if column.fits_64_bits else None


def _decimals(column: Column, _: tzinfo) -> StoredColumn | None:
    texts = column.plain_numbers
    return None if texts is None else StoredColumn(texts, "d", longest=40)


def _moments(column: Column, timezone: tzinfo) -> StoredColumn | None:
    """Moments in UTC, or without a zone where UTC is meant, in the one form that both ways of writing them share."""
    zones = set(map(attrgetter("tzinfo"), column.values))
    form = {(UTC,): "t", (None,): "n" if timezone is UTC else None}.get(tuple(zones))
    if form is None or any(map(attrgetter("fold"), column.values)):
        return None
    return StoredColumn(orjson.loads(orjson.dumps(column.values, option=_MOMENTS)), form, longest=40)


def json_objects(column: Column, timezone: tzinfo) -> Sequence[JSON] | None:
    """:func:`~sources.interpretation.json_form.json_form` of objects of one shape, where nothing in them is lost."""
    stored = column.once(_objects, timezone)
    return None if stored is None else stored.values


def _objects(column: Column, timezone: tzinfo, *, deeper: bool = True) -> StoredColumn | None:
    """Objects of one shape, with simple members and such objects in them."""
    members = column.members
    if members is None or len(members) > _MEMBERS or not all(name.isascii() and "\0" not in name for name in members):
        return None
    stored: dict[str, StoredColumn] = {}
    for name, member in members.items():
        if member.kinds <= _SIMPLE:
            found: StoredColumn | None = store_column(member, timezone)
        else:
            found = _objects(member, timezone, deeper=False) if deeper and member.kind is dict else None
        if found is None or found.forms is not None:
            return None
        stored[name] = found
    form = {name: member.form for name, member in stored.items() if member.form is not None}
    rows = zip(*(member.values for member in stored.values()), strict=True)
    longest = sum(len(name) + member.longest + 4 for name, member in stored.items())
    return StoredColumn([dict(zip(stored, row)) for row in rows], form or None, longest=longest)  # noqa: B905


_SIMPLE = frozenset({NoneType, bool, int, str, Decimal, datetime})
_WAYS: Mapping[type, Callable[[Column, tzinfo], StoredColumn | None]] = {
    str: _texts,
    bool: _given,
    NoneType: _given,
    int: _whole,
    Decimal: _decimals,
    datetime: _moments,
    dict: lambda column, timezone: column.once(_objects, timezone),
}
