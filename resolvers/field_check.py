"""The rules about ``[fields.X]``, one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from resolvers.map_tables import FIELD_TYPES, FieldTable, MapTables
from resolvers.mistakes import Finding, Loc, one_of, quoted, shown
from resolvers.ownership import Tolerance
from resolvers.value_check import (
    LONGEST,
    LONGEST_NAME,
    check_audiences_named,
    check_currency,
    check_source_named,
    check_sources_named,
    check_unit,
)
from sources.values import FieldType

RESERVED = frozenset(
    {"id", "values", "facts", "crosswalk", "conflicts", "completeness", "history", "compatibleWith"}
)  # fmt: skip
"""What every product has besides its fields."""
TOLERANT = frozenset({FieldType.NUMBER, FieldType.INTEGER, FieldType.MONEY, FieldType.QUANTITY})

_FIELD_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_TOLERANCE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)\s?(%?)")


def check_fields(tables: MapTables) -> Iterator[Finding]:
    """What is wrong with the fields."""
    if tables.fields is not None and not tables.fields:
        yield Finding(("fields",), "no field", "write [fields.NAME] with a type and a system_of_record")
    for name, field in (tables.fields or {}).items():
        loc: Loc = ("fields", name)
        yield from _name(name, loc)
        yield from _type(tables, field, loc)
        yield from _ownership(tables, name, field, loc)
        yield from _people(tables, field, loc)
        yield from _texts(tables, field, loc)


def parse_tolerance(text: str) -> Tolerance | None:
    """The tolerance that ``1%`` or ``0.01`` names; None for any other text, and for more than 100%."""
    found = _TOLERANCE.fullmatch(text.strip())
    if not found:
        return None
    number = Decimal(found[1])
    if not found[2]:
        return Tolerance(text, amount=number)
    return Tolerance(text, share=number / 100) if number <= 100 else None


def _name(name: str, loc: Loc) -> Iterator[Finding]:
    if name in RESERVED:
        yield Finding(loc, f"{name}, which every product has already", f"name the field otherwise, such as {name}Text")
    elif not _FIELD_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        words = re.findall(r"[A-Za-z0-9]+", name)
        camel = (
            "".join([words[0][0].lower() + words[0][1:], *(word[0].upper() + word[1:] for word in words[1:])])
            if words
            else ""
        )
        fits = _FIELD_NAME.fullmatch(camel) and len(camel) <= LONGEST_NAME and camel not in RESERVED
        instead = (
            f"write [fields.{camel}]"
            if fits
            else "write a name such as listPrice: letters and digits, a small letter first"
        )
        yield Finding(loc, "a name that no field can have", instead)


def _type(tables: MapTables, field: FieldTable, loc: Loc) -> Iterator[Finding]:
    place = (*loc, "type")
    if field.type is None:
        yield Finding(place, "nothing", f"write type = one of {', '.join(FIELD_TYPES)}")
    elif field.kind is None:
        yield Finding(place, f"{shown(tables.at(place))}, which is no type", one_of(field.type, FIELD_TYPES, "types"))
    kind, place = field.kind, (*loc, "unit")
    if field.unit is not None:
        yield from check_unit(tables, field.unit, place)
        if kind not in (None, FieldType.QUANTITY):
            yield Finding(place, f"a unit on a field of type {kind}", 'remove it, or write type = "quantity"')
    elif kind is FieldType.QUANTITY:
        yield Finding(place, "nothing", 'write the unit of the answers, such as unit = "g"')
    place = (*loc, "currency")
    if field.currency is not None:
        yield from check_currency(tables, field.currency, place)
        if kind not in (None, FieldType.MONEY):
            yield Finding(place, f"a currency on a field of type {kind}", 'remove it, or write type = "money"')
    place = (*loc, "tolerance")
    if field.tolerance is not None:
        if parse_tolerance(field.tolerance) is None:
            yield Finding(
                place, shown(tables.at(place)), 'write a share up to 100%, such as "1%", or an amount, such as "0.01"'
            )
        if kind is not None and kind not in TOLERANT:
            yield Finding(
                place,
                f"a tolerance on a field of type {kind}",
                "remove it; only numbers, money and quantities have one",
            )


def _ownership(tables: MapTables, name: str, field: FieldTable, loc: Loc) -> Iterator[Finding]:
    place: Loc = (*loc, "system_of_record")
    if field.system_of_record is None:
        yield Finding(place, "nothing", f"write system_of_record = {_candidates(tables, name)}")
    chain = (
        (place, field.system_of_record),
        *(((*loc, "fallback", index), name) for index, name in enumerate(field.fallback)),
    )
    path: list[str] = []
    for at, system in chain:
        if system is None:
            continue
        if system in path:
            cycle = " → ".join([*path[path.index(system) :], system])
            yield Finding(at, f"a cycle in fallback: {cycle}", "name each system once in system_of_record and fallback")
            continue
        path.append(system)
        source = (tables.sources or {}).get(system)
        if source is None:
            yield from check_source_named(tables, system, at)
        elif source.maps is not None and name not in source.maps:
            role = "the system of record" if at == place else "a fallback"
            yield Finding(
                at,
                f"{system}, {role} of {name}, but [sources.{system}.fields] has no {name}",
                f"map {name} in [sources.{system}.fields], or name {_candidates(tables, name)}",
            )
    yield from check_sources_named(tables, field.readers, (*loc, "readers"))
    yield from check_sources_named(tables, field.writers, (*loc, "writers"))


def _people(tables: MapTables, field: FieldTable, loc: Loc) -> Iterator[Finding]:
    yield from check_audiences_named(tables, field.audiences, (*loc, "audiences"))
    if field.steward is not None and not field.steward.name.strip():
        yield Finding((*loc, "steward", "name"), "an empty text", 'write who is responsible, such as "Logistics"')
    if field.max_age is not None and not timedelta(0) < field.max_age <= LONGEST:
        place = (*loc, "max_age")
        yield Finding(place, shown(tables.at(place)), 'write a time above 0 and up to 100y, such as "90d"')


def _texts(tables: MapTables, field: FieldTable, loc: Loc) -> Iterator[Finding]:
    for key, text in (("label", field.label), ("description", field.description)):
        if text is not None and (not text.strip() or len(text) > 2000):
            yield Finding((*loc, key), shown(tables.at((*loc, key))), "write up to 2,000 characters, or leave it out")


def _candidates(tables: MapTables, name: str) -> str:
    """The sources that map a field, as what could be its system of record."""
    mapping = [source for source, table in (tables.sources or {}).items() if table.maps and name in table.maps]
    return " or ".join(quoted(source) for source in mapping[:5]) or "a source that maps it"
