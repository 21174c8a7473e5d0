"""The rules about ``[sources.X]``, one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from resolvers.map_tables import MapTables, SourceTable
from resolvers.mapping_check import check_mappings
from resolvers.mistakes import Finding, Loc, nearest, quoted, shown
from resolvers.value_check import LONGEST, LONGEST_NAME, check_audiences_named, check_path
from sources.declaration import SourceDeclaration
from sources.interpretation.clocks import zone

LONGEST_DEADLINE = timedelta(seconds=60)
SHORTEST_SYNC = timedelta(seconds=1)
LEDGER = "ledger"
"""The name of our own memory, which is a source too."""
_TAKEN = {
    LEDGER: "the name of Whence's own memory",
    "answers": "the name of what stewards answer",
    "rules": "the name of what rules say",
}

_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_sources(tables: MapTables) -> Iterator[Finding]:
    """What is wrong with the sources."""
    if tables.sources is not None and not tables.sources:
        yield Finding(("sources",), "no source", "write [sources.NAME] with title, connector and key")
    for name, source in (tables.sources or {}).items():
        loc: Loc = ("sources", name)
        yield from _name(name, loc)
        declaration = source.declaration
        if declaration is None:
            continue
        yield from _contents(source, declaration, loc)
        yield from _clock(tables, declaration, loc)
        yield from _paths(tables, declaration, loc)
        yield from check_audiences_named(tables, declaration.audiences, (*loc, "audiences"))
        for field in source.maps or ():
            if tables.fields is not None and field not in tables.fields:
                near = nearest(field, tables.fields)
                instead = f"did you mean {quoted(near)}?" if near else f"declare it as [fields.{field}], or remove it"
                yield Finding((*loc, "fields", field), "a field that is not declared", instead)
        for field, mappings in declaration.fields.items():
            definition = (tables.fields or {}).get(field)
            yield from check_mappings(tables, mappings, definition, (*loc, "fields", field))


def _name(name: str, loc: Loc) -> Iterator[Finding]:
    if name in _TAKEN:
        yield Finding(loc, _TAKEN[name], "name the source otherwise")
    elif not _SOURCE_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        plain = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
        fits = _SOURCE_NAME.fullmatch(plain) and len(plain) <= LONGEST_NAME and plain != LEDGER
        instead = f"write [sources.{plain}]" if fits else "write small letters, digits and _, a letter first"
        yield Finding(loc, "a name that no source can have", instead)


def _contents(source: SourceTable, declaration: SourceDeclaration, loc: Loc) -> Iterator[Finding]:
    if source.maps is not None and not (
        source.maps or declaration.names or declaration.identifiers or declaration.statements
    ):
        yield Finding(
            loc,
            "a source with no fields, names or identifiers",
            f"say what it holds, in [sources.{declaration.name}.fields] for instance, or remove it",
        )
    if declaration.read == "live" and declaration.connector == "file":
        yield Finding((*loc, "read"), '"live" for a file, which cannot be asked by key', 'write read = "stored"')


def _clock(tables: MapTables, declaration: SourceDeclaration, loc: Loc) -> Iterator[Finding]:
    place: Loc = (*loc, "deadline")
    if not timedelta(0) < declaration.deadline <= LONGEST_DEADLINE:
        yield Finding(place, shown(tables.at(place)), 'write a time above 0 and up to 60s, such as "800ms"')
    sync = declaration.sync
    for key, length in (("every", sync.every), ("full_every", sync.full_every)):
        place = (*loc, "sync", key)
        if not SHORTEST_SYNC <= length <= LONGEST:
            yield Finding(place, shown(tables.at(place)), 'write a time of 1s or more, such as "5m"')
    place = (*loc, "timezone")
    try:
        zone(declaration.timezone)
    except ValueError:
        found = f"{shown(tables.at(place))}, which is no known time zone"
        yield Finding(place, found, 'write one such as "Europe/Berlin"')


def _paths(tables: MapTables, declaration: SourceDeclaration, loc: Loc) -> Iterator[Finding]:
    yield from check_path(tables, declaration.key, (*loc, "key"))
    yield from check_path(tables, declaration.updated_at, (*loc, "updated_at"))
    yield from check_path(tables, declaration.sync.by, (*loc, "sync", "by"))
    for index, name in enumerate(declaration.names):
        yield from check_path(tables, name, (*loc, "names", index))
    for scheme, path in declaration.identifiers.items():
        yield from check_path(tables, path, (*loc, "identifiers", scheme))
    if not declaration.title.strip():
        yield Finding((*loc, "title"), "an empty text", "write what people call this system")
