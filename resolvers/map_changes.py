"""What changed between two ownership maps, and what each change takes. Pure: the old map is known by what was kept of it.

Of a map is kept what it says, without what its connectors are given: their options are there as keyed digests only, for
addresses and queries may hold what nobody should see, and it is enough to know that one changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from resolvers.map_reading import COMMON_KEYS
from resolvers.mistakes import Loc, key_path, secret_key
from resolvers.ownership import OwnershipMap
from sources.columns import declared_paths
from sources.declaration import SourceDeclaration
from sources.values import JSON

SHOWN = 60
"""Characters of a value that a change shows."""
OPTIONS = "(options)"
"""Where the digests of a source's connector options stand in what is kept of it."""
NO_LONGER, NOT_YET = "nothing", "nothing"


class Takes(StrEnum):
    """What a change takes until it is in effect, from the least to the most."""

    NOTHING = "decided when it is read"
    REMAP = "mapped anew from the ledger"
    RELINK = "mapped and linked anew from the ledger"
    READ = "read from the system"
    LEAVE = "its records leave, and are kept"


@dataclass(frozen=True, slots=True)
class MapChange:
    """One change: where (a key path), what stood there and what does now, in words, and what it takes."""

    path: str
    old: str
    new: str
    takes: Takes

    def __str__(self) -> str:
        return f"{self.path}: {self.old} → {self.new} ({self.takes.value})"


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What decides how a source is read, as versions. ``origin`` is what its documents are read with, ``mapping`` what is
    read from them; ``paths`` are those it names, ``fields`` the version of each field's mapping."""

    mapping: str
    origin: str
    connector: str
    catalogue: bool
    paths: frozenset[str]
    fields: Mapping[str, str]

    @classmethod
    def kept(cls, form: Mapping[str, JSON]) -> SourceReading:
        """What :meth:`form` wrote."""
        return cls(**{**form, "paths": frozenset(form["paths"])})

    def form(self) -> dict[str, JSON]:
        """As JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"paths": sorted(self.paths)}


def readings(ownership: OwnershipMap, mappings: Mapping[str, str]) -> dict[str, SourceReading]:
    """How each source of a map is read; ``mappings`` are the versions of their mappings."""
    shapes = ownership.shapes()
    found: dict[str, SourceReading] = {}
    for name, source in ownership.sources.items():
        declaration = source.declaration
        fields = {
            field: _digest([_plain(mapping), shapes[field], declaration.decimal, declaration.timezone])
            for field, mapping in declaration.fields.items()
            if field in shapes
        }
        options = {key: value for key, value in _options(ownership.written, name).items() if not _harmless(key)}
        found[name] = SourceReading(
            mapping=mappings[name],
            origin=_digest([declaration.connector, declaration.key, options]),
            connector=declaration.connector,
            catalogue=declaration.per_product == "one",
            paths=frozenset(paths_read(declaration)),
            fields=fields,
        )
    return found


def paths_read(declaration: SourceDeclaration) -> Iterator[str]:
    """Every path that the mapping of a source reads in its documents."""
    for place, path in declared_paths(declaration):
        if place != "sync.by":
            yield path
    for mappings in declaration.fields.values():
        for mapping in mappings:
            if mapping.path is None and mapping.note is None:
                yield "text"
            if mapping.media_type and "/" not in mapping.media_type:
                yield mapping.media_type


def keep_map(ownership: OwnershipMap, mappings: Mapping[str, str], key: bytes) -> dict[str, JSON]:
    """What is kept of a map, as JSON. ``key`` is this installation's, for the digests of what is not kept."""
    written = json.loads(json.dumps(ownership.written, default=str))
    for table in written.get("sources", {}).values():
        table[OPTIONS] = {
            name: hashlib.blake2b(orjson.dumps([name, table.pop(name)]), key=key, digest_size=8).hexdigest()
            for name in sorted(table.keys() - {*COMMON_KEYS, OPTIONS})
        }
    return {
        "written": written,
        "order": {section: list(written.get(section, {})) for section in ("sources", "fields")},
        "readings": {name: one.form() for name, one in readings(ownership, mappings).items()},
        "identity": list(ownership.identity_keys),
    }


def linked_otherwise(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> frozenset[str]:
    """The sources whose records the two maps link by other rules: all where the identity's keys changed, else those that are
    a catalogue in one and notes, or nothing, in the other."""
    before = {name: one["catalogue"] for name, one in old["readings"].items()}
    after = {name: one["catalogue"] for name, one in new["readings"].items()}
    names = before.keys() | after.keys()
    if old["identity"] != new["identity"]:
        return frozenset(names)
    return frozenset(name for name in names if before.get(name) != after.get(name))


def compare(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> tuple[MapChange, ...]:
    """What changed from the map kept as ``old`` to the one kept as ``new``, in the order of the file's sections."""
    changes = [_change(loc, before, after) for loc, before, after in _differences(old["written"], new["written"], ())]
    for section, order in new["order"].items():
        both = set(order) & set(old["order"].get(section, ()))
        if [name for name in order if name in both] != [name for name in old["order"].get(section, ()) if name in both]:
            changes.append(MapChange(section, "one order", "another", Takes.NOTHING))
    return tuple(changes)


def _differences(old: Any, new: Any, loc: Loc) -> Iterator[tuple[Loc, Any, Any]]:
    """Where two parsed files differ: the smallest tables and values, None for what is not there."""
    if len(loc) == 4 and loc[0] == "sources" and loc[2] == "fields":
        old, new = _spelled_out(old, new), _spelled_out(new, old)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*new, *old)):
            yield from _differences(old.get(key), new.get(key), (*loc, key))
    elif old != new:
        yield loc, old, new


def _spelled_out(mapping: Any, beside: Any) -> Any:
    """A field's mapping in the form of the one it is compared with: a path alone is short for a table of one key."""
    return {"path": mapping} if isinstance(mapping, str) and isinstance(beside, dict) else mapping


def _change(loc: Loc, old: Any, new: Any) -> MapChange:
    takes = _takes(loc, old, new)
    if len(loc) > 3 and loc[0] == "sources" and loc[2] == OPTIONS:
        loc, old, new = (*loc[:2], *loc[3:]), old and "one value", new and "another"
        return MapChange(key_path(loc), old or NOT_YET, new or NO_LONGER, takes)
    if len(loc) == 2 and isinstance(old or new, dict):
        return MapChange(key_path(loc), "declared" if old else NOT_YET, "declared" if new else NO_LONGER, takes)
    return MapChange(key_path(loc), _words(old), _words(new), takes)


def _takes(loc: Loc, old: Any, new: Any) -> Takes:
    match loc:
        case ("sources", _):
            return Takes.READ if new is not None else Takes.LEAVE
        case ("sources", _, "(options)", name, *_):
            return Takes.NOTHING if _harmless(str(name)) else Takes.READ
        case ("sources", _, "key" | "connector", *_):
            return Takes.READ
        case ("identity", "matching", *_):
            return Takes.NOTHING
        case ("sources", _, "identifiers" | "per_product", *_) | ("identity", *_):
            return Takes.RELINK
        case ("sources", _, "updated_at" | "timezone" | "decimal" | "names" | "fields" | "statements", *_):
            return Takes.REMAP
        case ("fields", _, "type" | "unit" | "currency", *_):
            return Takes.REMAP
        case _:
            return Takes.NOTHING


def _words(value: Any) -> str:
    if value is None:
        return NOT_YET
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _options(written: Mapping[str, Any], source: str) -> dict[str, Any]:
    table = written.get("sources", {}).get(source, {})
    return {key: value for key, value in table.items() if key not in COMMON_KEYS}


def _plain(mappings: Any) -> JSON:
    return [one.model_dump(mode="json") for one in mappings]


def _digest(parts: Any) -> str:
    body = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def _harmless(option: str) -> bool:
    """Whether a connector's option says only how the system is spoken to, and not what it answers."""
    return option == "auth" or secret_key((option,))
