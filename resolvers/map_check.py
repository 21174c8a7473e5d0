"""All rules of the ownership map over the tables of one whence.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from resolvers.compatibility.check import check_compatibility
from resolvers.field_check import check_fields
from resolvers.map_tables import IDENTITY_KEYS, MapTables
from resolvers.matching_flow.build import check_matching
from resolvers.mistakes import Finding, Loc, one_of, shown, under
from resolvers.source_check import check_sources
from resolvers.value_check import LONGEST_NAME, check_locale

_AUDIENCE_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def check_map(tables: MapTables) -> tuple[Finding, ...]:
    """Everything that is wrong with a file, in its order; a place that could not be read is reported once."""
    reported = (
        finding
        for finding in (
            *check_sections(tables),
            *check_sources(tables),
            *check_fields(tables),
            *check_compatibility(tables),
            *check_matching(tables),
        )
        if not under(finding.loc, tables.unreadable)
    )
    found = dict.fromkeys((*tables.findings, *reported))
    order = _Order(tables.raw)
    return tuple(sorted(found, key=lambda finding: order.position(finding.loc)))


def check_sections(tables: MapTables) -> Iterator[Finding]:
    """What is wrong with the sections besides the sources and the fields."""
    for name in tables.audiences or ():
        if not _AUDIENCE_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield Finding(
                ("audiences", name), "a name that no audience can have", "write small letters, digits, - and _"
            )
    for name, table in (tables.audiences or {}).items():
        loc: Loc = ("audiences", name, "only_trusted")
        untold = table.trusted_documents is None and ("audiences", name, "trusted_documents") not in tables.unreadable
        if table.only_trusted and untold:
            yield Finding(loc, "true, and no trusted documents", 'write trusted_documents = "documents.json"')
    if tables.audiences is not None and not tables.audiences:
        yield Finding(("audiences",), "no audience", "write [audiences.NAME], or leave the section out")
    loc = ("content", "locales")
    for index, locale in enumerate(tables.content.locales or ()):
        yield from check_locale(tables, locale, (*loc, index))
    yield from _repeated(tables, tables.content.locales or (), loc)
    loc, known = ("identity", "keys"), (*IDENTITY_KEYS, "mpn")
    for index, key in enumerate(tables.identity.keys):
        if key not in known:
            written = shown(tables.at((*loc, index)))
            yield Finding((*loc, index), f"{written}, which is no identity key", one_of(key, known, "identity keys"))
    yield from _repeated(tables, tables.identity.keys, loc)
    if not tables.identity.keys:
        yield Finding(loc, "no key", 'write keys = ["gtin", "brand+mpn", "sku"], or leave it out')


def _repeated(tables: MapTables, names: Sequence[str], loc: Loc) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding((*loc, index), f"{shown(tables.at((*loc, index)))} for the second time", "write it once")


class _Order:
    """The order in which the places of a file come."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._indexes: dict[int, dict[str, int]] = {}

    def position(self, loc: Loc) -> tuple[int, ...]:
        """The index of each part of a place; what is not there comes last in its table."""
        value, position = self._raw, []
        for part in loc:
            if isinstance(value, dict) and isinstance(part, str) and part in value:
                indexes = self._indexes.setdefault(id(value), {}) or {key: index for index, key in enumerate(value)}
                self._indexes[id(value)] = indexes
                position.append(indexes[part])
                value = value[part]
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                position.append(part)
                value = value[part]
            else:
                position.append(len(value) if isinstance(value, dict | list) else 0)
                break
        return tuple(position)
