"""``[identity.matching]``: what is wrong with it, and what is made of it where nothing is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from resolvers.matching.verdicts import Policy
from resolvers.matching_flow.declared import MatchingMap, MatchingTable
from resolvers.mistakes import Finding, Loc, one_of, shown
from sources.values import FieldType

if TYPE_CHECKING:
    from resolvers.map_tables import MapTables
    from resolvers.ownership import DeclaredSource, FieldDefinition

_USUAL: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "title", "productName", "label", "designation"),
    "description": ("description", "longDescription", "text", "shortDescription"),
    "brand": ("brand", "manufacturer", "maker", "vendor"),
    "category": ("category", "categories", "productType", "productGroup"),
    "price": ("price", "listPrice", "webPrice", "retailPrice"),
}
"""The names by which a field is found that the table does not name, best first."""
_TYPES: Mapping[str, tuple[FieldType, ...]] = {
    "name": (FieldType.TEXT,),
    "description": (FieldType.TEXT,),
    "brand": (FieldType.TEXT,),
    "category": (FieldType.TEXT, FieldType.TEXT_LIST),
    "price": (FieldType.MONEY, FieldType.NUMBER),
}
_COMPARED = (FieldType.TEXT, FieldType.TEXT_LIST, FieldType.QUANTITY, FieldType.NUMBER, FieldType.INTEGER)
"""Types that an attribute may have."""
_SAID = (FieldType.TEXT, FieldType.QUANTITY)
"""Types of the attributes that are found by themselves: numbers are stock and stars as often as not."""
_LOC: Loc = ("identity", "matching")


def check_matching(tables: MapTables) -> Iterator[Finding]:
    """What is wrong with ``[identity.matching]``."""
    table = tables.identity.matching
    if table is None:
        return
    for key, kinds in _TYPES.items():
        yield from _field(tables, getattr(table, key), kinds, (*_LOC, key))
    for index, name in enumerate(table.attributes or ()):
        yield from _field(tables, name, _COMPARED, (*_LOC, "attributes", index))
        yield from _again(tables, table.attributes or (), index, (*_LOC, "attributes", index))
    for index, name in enumerate(table.sources or ()):
        yield from _source(tables, name, (*_LOC, "sources", index))
        yield from _again(tables, table.sources or (), index, (*_LOC, "sources", index))
    if table.sources is not None and len(table.sources) < 2:
        found = "no source" if not table.sources else "one source"
        yield Finding((*_LOC, "sources"), found, "name at least two, or leave it out: then all catalogues are matched")
    for name in table.once:
        yield from _source(tables, name, (*_LOC, "once", name), chosen=table.sources)
    if table.on and table.sources is None and tables.sources is not None and len(_catalogues(tables)) < 2:
        yield Finding(_LOC, "fewer than two catalogues to match", "declare another source, or leave the table out")


def _field(tables: MapTables, name: str | None, kinds: tuple[FieldType, ...], loc: Loc) -> Iterator[Finding]:
    if name is None or tables.fields is None:
        return
    table = tables.fields.get(name)
    if table is None:
        found = f"{shown(tables.at(loc))}, which is no declared field"
        yield Finding(loc, found, one_of(name, tables.fields, "fields"))
    elif table.kind is not None and table.kind not in kinds:
        instead = f"name a field of type {' or '.join(kind.value for kind in kinds)}"
        yield Finding(loc, f"{shown(tables.at(loc))}, a field of type {table.kind.value}", instead)


def _source(tables: MapTables, name: str, loc: Loc, chosen: tuple[str, ...] | None = None) -> Iterator[Finding]:
    if tables.sources is None:
        return
    written = shown(tables.at(loc)) if isinstance(loc[-1], int) else shown(name)
    table = tables.sources.get(name)
    if table is None:
        yield Finding(loc, f"{written}, which is no declared source", one_of(name, tables.sources, "sources"))
    elif table.declaration is not None and table.declaration.per_product != "one":
        found = f"{written}, whose records are notes about products"
        yield Finding(loc, found, one_of(name, _catalogues(tables), "catalogues"))
    elif chosen is not None and name not in chosen:
        yield Finding(loc, f"{written}, which is not among its sources", one_of(name, chosen, "sources"))


def _again(tables: MapTables, names: tuple[str, ...], index: int, loc: Loc) -> Iterator[Finding]:
    if names[index] in names[:index]:
        yield Finding(loc, f"{shown(tables.at(loc))} for the second time", "write it once")


def _catalogues(tables: MapTables) -> list[str]:
    """The sources that are catalogues, as far as they could be read."""
    return [
        name
        for name, table in (tables.sources or {}).items()
        if table.declaration is None or table.declaration.per_product == "one"
    ]


def build_matching(
    table: MatchingTable | None,
    sources: Mapping[str, DeclaredSource],
    fields: Mapping[str, FieldDefinition],
    locales: tuple[str, ...],
) -> MatchingMap | None:
    """The map's part about matching; None where it is off."""
    if table is None or not table.on:
        return None
    catalogues = [name for name, source in sources.items() if source.declaration.per_product == "one"]
    chosen = tuple(catalogues if table.sources is None else table.sources)
    named = {key: getattr(table, key) or _usual(key, fields) for key in _USUAL}
    taken = {name for name in named.values() if name is not None}
    attributes = table.attributes
    if attributes is None:
        attributes = tuple(
            name
            for name, field in fields.items()
            if name not in taken and field.type in _SAID and len(_mapping(name, chosen, sources)) > 1
        )
    texts = [name for name in (*named.values(), *attributes) if name is not None]
    return MatchingMap(
        sources=chosen,
        name=named["name"],
        description=named["description"],
        brand=named["brand"],
        category=named["category"],
        price=named["price"],
        attributes=attributes,
        locales={name: _order(name, chosen, sources, locales) for name in texts},
        policy=Policy(precision=table.link, faintest=table.review, queue=table.queue),
        once=dict(table.once),
    )


def _usual(key: str, fields: Mapping[str, FieldDefinition]) -> str | None:
    return next((name for name in _USUAL[key] if name in fields and fields[name].type in _TYPES[key]), None)


def _mapping(name: str, chosen: Iterable[str], sources: Mapping[str, DeclaredSource]) -> list[str]:
    """Those of ``chosen`` that say something about a field."""
    return [source for source in chosen if name in sources[source].declaration.fields]


def _order(
    name: str, chosen: Iterable[str], sources: Mapping[str, DeclaredSource], locales: tuple[str, ...]
) -> tuple[str | None, ...]:
    """The locales of a field's claims, first those that most sources have; what is said for everywhere fits any."""
    speakers: Counter[str] = Counter()
    for source in _mapping(name, chosen, sources):
        mappings = sources[source].declaration.fields[name]
        every = any(mapping.per_locale for mapping in mappings)
        speakers.update(locales if every else {one.locale for one in mappings if one.locale})
    known = [*locales, *sorted(speakers.keys() - set(locales))]
    return (*sorted(known, key=lambda locale: -speakers[locale]), None)
