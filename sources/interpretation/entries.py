"""One entry of a mapping: where a claim stands in a document, and how it is read."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sources.contract import Scope
from sources.declaration import FieldMapping, SourceDeclaration
from sources.interpretation.column_readers import ReadColumn, column_reader
from sources.interpretation.currencies import find_currency
from sources.interpretation.interpret import Hints, Read, look_up, reader
from sources.interpretation.plain_text import optional_text
from sources.interpretation.texts import quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.paths import Path, compile_path
from sources.units import dimension, find_unit, same_dimension, unit_symbols
from sources.values import JSON, FieldType, Media, Value

Content: TypeAlias = abc.Mapping[str, JSON]
ReadBeside: TypeAlias = Callable[[JSON, Content], "Value | UnreadableValue"]
"""Reads a raw value, with the document it stands in for what is said beside it: a unit, a currency."""


@dataclass(frozen=True, slots=True)
class FieldShape:
    """What a mapping must know of a field's definition. ``unit`` and ``currency`` are its own, None for other types."""

    name: str
    type: FieldType
    unit: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One field mapping, compiled."""

    field: str
    scope: Scope
    column: str | None
    """The column's name, where the path is only that."""
    path: Path | None
    take: Callable[[Content], JSON]
    """What stands at the path; without a path, the document itself."""
    read: Read
    read_column: ReadColumn
    """``read`` for a whole column."""
    read_beside: ReadBeside | None
    """Instead of ``read`` and ``read_column``, where something beside the value says how it is meant."""
    clock: Path | None
    per_locale: bool
    columns: frozenset[str]
    """The top-level names that this entry reads."""


def compile_entry(shape: FieldShape, mapping: FieldMapping, declaration: SourceDeclaration) -> Entry:
    """The entry of one field mapping. Raises ValueError, saying what to write, for one that cannot be."""
    _check(shape, mapping)
    path = compile_path(mapping.path) if mapping.path is not None else None
    note = mapping.note
    beside = [mapping.unit_path, mapping.currency_path, mapping.updated_at, mapping.alt]
    if mapping.media_type and "/" not in mapping.media_type:
        beside.append(mapping.media_type)
    if path is None:
        beside += [note.text, note.author, note.created_at, note.kind] if note else ["text"]
    paths = [compile_path(text) for text in beside if text]
    hints = _hints(shape, mapping, declaration)
    return Entry(
        field=shape.name,
        scope=Scope(mapping.locale, mapping.channel),
        column=path.text if path is not None and path.text.isidentifier() else None,
        path=path,
        take=(lambda content: content) if path is None else (lambda content: look_up(path, content)),
        read=reader(shape.type, hints),
        read_column=column_reader(shape.type, hints),
        read_beside=_beside_reader(shape, mapping, hints),
        clock=compile_path(mapping.updated_at) if mapping.updated_at else None,
        per_locale=mapping.per_locale,
        columns=frozenset[str]().union(*(one.columns for one in (*paths, path) if one is not None)),
    )


def _hints(shape: FieldShape, mapping: FieldMapping, declaration: SourceDeclaration) -> Hints:
    return Hints(
        unit=mapping.unit,
        field_unit=shape.unit if shape.type is FieldType.QUANTITY else None,
        currency=mapping.currency or shape.currency,
        minor_units=mapping.minor_units,
        decimal=declaration.decimal,
        timezone=declaration.timezone,
        split=mapping.split,
        empty=mapping.empty,
        zero_is_empty=mapping.zero_is_empty,
        prefix=mapping.prefix,
        note=mapping.note,
    )


def _check(shape: FieldShape, mapping: FieldMapping) -> None:
    if mapping.path is None and shape.type is not FieldType.NOTE_LIST:
        raise ValueError("write a path; only a note_list can be the record itself")
    if shape.type is FieldType.MONEY:
        for currency in (mapping.currency, shape.currency):
            if currency and find_currency(currency) != currency:
                raise ValueError(f'{quoted(currency)} is not a currency; write a code such as "EUR"')
    if shape.type is FieldType.QUANTITY:
        for unit in (mapping.unit, shape.unit):
            if unit and find_unit(unit) is None:
                raise ValueError(f"{quoted(unit)} is not a unit; write one of {', '.join(unit_symbols())}")
        if mapping.unit and shape.unit and not same_dimension(mapping.unit, shape.unit):
            wanted = dimension(shape.unit)
            known = ", ".join(unit_symbols(wanted))
            raise ValueError(f"{quoted(mapping.unit)} is not a unit of {wanted}; write one of {known}")


def _beside_reader(shape: FieldShape, mapping: FieldMapping, hints: Hints) -> ReadBeside | None:
    if shape.type is FieldType.QUANTITY and mapping.unit_path:
        return _measured(hints, compile_path(mapping.unit_path))
    if shape.type is FieldType.MONEY and mapping.currency_path:
        return _priced(hints, compile_path(mapping.currency_path))
    if shape.type is FieldType.MEDIA and (mapping.alt or mapping.media_type):
        return _described(hints, mapping)
    return None


def _measured(hints: Hints, unit: Path) -> ReadBeside:
    """Quantities whose unit stands beside the amount; the declared unit counts where none does."""

    def read(raw: JSON, content: Content) -> Value | UnreadableValue:
        name = optional_text(look_up(unit, content))
        # A unit that is not known is as good as any other here: the reader names it where the amount brings none.
        return reader(FieldType.QUANTITY, replace(hints, unit=name[:60]) if name else hints)(raw)

    return read


def _priced(hints: Hints, currency: Path) -> ReadBeside:
    """Money whose currency stands beside the amount; the declared currency counts where none does."""

    def read(raw: JSON, content: Content) -> Value | UnreadableValue:
        name = optional_text(look_up(currency, content))
        code = find_currency(name, hints.currency) if name else hints.currency
        if name and code is None:
            return UnreadableValue(f"{quoted(name)} is not a currency")
        return reader(FieldType.MONEY, replace(hints, currency=code))(raw)

    return read


def _described(hints: Hints, mapping: FieldMapping) -> ReadBeside:
    """Media whose alternative text or media type stands beside the address: in its object, or in the document."""
    read_media = reader(FieldType.MEDIA, hints)
    alt = compile_path(mapping.alt) if mapping.alt else None
    fixed_type = mapping.media_type if mapping.media_type and "/" in mapping.media_type else None
    media_type = compile_path(mapping.media_type) if mapping.media_type and not fixed_type else None

    def beside(path: Path, raw: JSON, content: Content) -> str | None:
        inside = optional_text(look_up(path, raw)) if isinstance(raw, abc.Mapping) else None
        return inside or optional_text(look_up(path, content))

    def read(raw: JSON, content: Content) -> Value | UnreadableValue:
        media = read_media(raw)
        if not isinstance(media, Media):
            return media
        return Media(
            media.url,
            (beside(alt, raw, content) if alt else None) or media.alt,
            fixed_type or (beside(media_type, raw, content) if media_type else None) or media.media_type,
        )

    return read
