"""The rules about ``[sources.X.fields]``: a mapping must suit the type of the field that it fills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolvers.field_check import TOLERANT
from resolvers.map_tables import FieldTable, MapTables
from resolvers.mistakes import Finding, Loc, quoted, shown
from resolvers.value_check import check_currency, check_locale, check_path, check_unit
from sources.declaration import FieldMapping
from sources.units import dimension, find_unit, same_dimension
from sources.values import FieldType

_ONLY = {
    "unit": (FieldType.QUANTITY,),
    "unit_path": (FieldType.QUANTITY,),
    "currency": (FieldType.MONEY,),
    "currency_path": (FieldType.MONEY,),
    "minor_units": (FieldType.MONEY,),
    "split": (FieldType.TEXT_LIST, FieldType.NOTE_LIST),
    "note": (FieldType.NOTE_LIST,),
    "alt": (FieldType.MEDIA,),
    "media_type": (FieldType.MEDIA,),
    "prefix": (FieldType.TEXT, FieldType.MEDIA, FieldType.TEXT_LIST, FieldType.NOTE_LIST),
    "zero_is_empty": (FieldType.TEXT, *sorted(TOLERANT)),
}
"""The keys that only fields of some types can use."""


def check_mappings(
    tables: MapTables, mappings: Sequence[FieldMapping], field: FieldTable | None, loc: Loc
) -> Iterator[Finding]:
    """What is wrong with the mappings of one field of one source; ``field`` is its definition, where it has one."""
    if not mappings:
        yield Finding(loc, "an empty list", "write where the value stands, or remove it")
    for index, mapping in enumerate(mappings):
        place = (*loc, index) if isinstance(tables.at(loc), list) else loc
        yield from _one(tables, mapping, field, place)


def _one(tables: MapTables, mapping: FieldMapping, field: FieldTable | None, loc: Loc) -> Iterator[Finding]:
    kind = field.kind if field else None
    short = not isinstance(tables.at(loc), dict)
    yield from check_path(tables, mapping.path, loc if short else (*loc, "path"))
    for key in ("unit_path", "currency_path", "updated_at", "alt"):
        yield from check_path(tables, getattr(mapping, key), (*loc, key))
    if mapping.note is not None:
        for key in type(mapping.note).model_fields:
            yield from check_path(tables, getattr(mapping.note, key), (*loc, "note", key))
    if mapping.path is None and kind not in (None, FieldType.NOTE_LIST):
        yield Finding((*loc, "path"), "nothing", "write path = the column or path of the value")
    for key in mapping.model_fields_set & _ONLY.keys() if kind else ():
        if kind not in _ONLY[key] and getattr(mapping, key):
            only = " or ".join(_ONLY[key])
            yield Finding((*loc, key), f"a key that a {kind} has no use for", f"remove it; it is for {only}")
    yield from _measure(tables, mapping, field, loc)
    if mapping.locale is not None:
        yield from check_locale(tables, mapping.locale, (*loc, "locale"))
        if mapping.per_locale:
            yield Finding((*loc, "per_locale"), "per_locale beside a locale", "keep one of the two")
    if mapping.channel is not None and not mapping.channel.strip():
        yield Finding((*loc, "channel"), "an empty text", "write the channel's name, or leave it out")
    if mapping.split == "":
        yield Finding((*loc, "split"), "an empty text", 'write what separates the entries, such as ";"')


def _measure(tables: MapTables, mapping: FieldMapping, field: FieldTable | None, loc: Loc) -> Iterator[Finding]:
    if mapping.unit is not None:
        place = (*loc, "unit")
        yield from check_unit(tables, mapping.unit, place)
        unit, target = find_unit(mapping.unit), find_unit(field.unit) if field and field.unit else None
        if unit and target and not same_dimension(unit, target):
            yield Finding(
                place,
                f"{shown(tables.at(place))}, which is a unit of {dimension(unit)}, for a field in {quoted(target)}",
                f"write a unit of {dimension(target)}, or correct the field's unit",
            )
    if mapping.currency is not None:
        yield from check_currency(tables, mapping.currency, (*loc, "currency"))
