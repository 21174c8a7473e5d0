"""whence.toml as an :class:`OwnershipMap`, or every mistake in it at once.

Text → TOML → environment filled in → tables → rules → map. Nothing is opened or asked here; whether the systems really
have what the file says is a later question.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from resolvers.compatibility.build import build_compatibility
from resolvers.field_check import parse_tolerance
from resolvers.interpolation import interpolate
from resolvers.map_check import check_map
from resolvers.map_reading import connector_options, read_tables
from resolvers.map_tables import FieldTable, MapTables
from resolvers.matching_flow.build import build_matching
from resolvers.mistakes import Finding, Loc, MapError, Mistake, describe, key_path
from resolvers.ownership import Audience, DeclaredSource, FieldDefinition, OwnershipMap, Steward, map_digest
from resolvers.ownership_gaps import gaps
from resolvers.request_limits import RequestLimits
from resolvers.secrecy import conceal, secrets_of, without_literals
from resolvers.trusted_documents import ManifestError, read_manifest
from sources.units import find_unit

MAX_BYTES = 1_000_000
MAX_LINE = 20_000
"""Characters of one line; the TOML parser's time grows with the square of some of them."""
MAX_DEPTH = 20
MAX_KEYS = 2000
"""Keys of one table."""
MAX_ENTRIES = 1000
"""Entries of one list."""
MAX_INTEGER_BITS = 63

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def load_map(path: Path, environment: Mapping[str, str]) -> OwnershipMap:
    """The map that the file at ``path`` says, with its ``${ENV}`` from ``environment``; relative paths of files and SQLite
    databases in it are taken from where it is.

    Raises MapError with all mistakes."""
    place = str(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        instead = "write the file there, or name another; the README has an example, and whence serve --demo runs one"
        raise MapError(place, [Mistake(place, "no file", instead)]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is no path"
        raise MapError(place, [Mistake(place, f"a file that cannot be read ({reason})", "make it readable")]) from None
    if len(content) > MAX_BYTES:
        found = f"more than {MAX_BYTES:,} bytes"
        raise MapError(place, [Mistake(place, found, "write a smaller file; is it really the ownership map?")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"a byte that is not UTF-8 in line {line}"
        raise MapError(place, [Mistake(place, found, "save the file as UTF-8")]) from None
    ownership = parse_map(text, environment, place=place)
    directory = path.absolute().parent
    sources = {
        name: replace(source, options=source.options.beside(directory)) for name, source in ownership.sources.items()
    }
    audiences = _with_manifests(ownership.audiences, directory, place)
    return replace(ownership, sources=sources, audiences=audiences)


def parse_map(text: str, environment: Mapping[str, str], *, place: str = "whence.toml") -> OwnershipMap:
    """The map that ``text`` says; ``place`` is what messages call it. Raises MapError with all mistakes."""
    raw = _parse(text, place)
    interpolated = interpolate(raw, environment)
    tables = read_tables(raw, interpolated)
    findings = check_map(tables)
    written: Any = interpolated.content.get("sources", {})
    options: dict[Loc, Mapping[str, Any]] = {
        ("sources", name): connector_options(table)
        for name, table in (written.items() if isinstance(written, dict) else ())
        if isinstance(table, dict)
    }
    secrets = secrets_of(interpolated, options)
    if findings:
        told = (conceal(finding, interpolated, secrets) for finding in findings)
        raise MapError(place, [Mistake(key_path(one.loc), one.found, one.instead) for one in told])
    return replace(_build(tables, _digest(raw), secrets), written=without_literals(raw))


def _with_manifests(audiences: Mapping[str, Audience], directory: Path, place: str) -> dict[str, Audience]:
    """The audiences with the trusted documents that they name. Raises MapError with every mistake in the manifests."""
    read: dict[str, Audience] = {}
    mistakes: list[Mistake] = []
    for name, audience in audiences.items():
        trusted = None
        if audience.manifest is not None:
            try:
                trusted = read_manifest(directory / audience.manifest)
            except ManifestError as error:
                path = key_path(("audiences", name, "trusted_documents"))
                mistakes += (Mistake(path, found, instead) for found, instead in error.mistakes)
        read[name] = replace(audience, trusted=trusted)
    if mistakes:
        raise MapError(place, mistakes)
    return read


def _parse(text: str, place: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise MapError(place, [Mistake(place, f"more than {MAX_BYTES:,} characters", "write a smaller file")])
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE:
            found = f"more than {MAX_LINE:,} characters in line {number}"
            raise MapError(place, [Mistake(place, found, 'write shorter lines; a long text goes between """')])
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise MapError(place, [Mistake(place, "tables within tables beyond count", "write flat tables")]) from None
    except ValueError as error:  # TOMLDecodeError, and what int() says about thousands of digits
        raise MapError(place, [_syntax(str(error), text, place)]) from None
    strange = tuple(_strange(raw))
    if strange:
        raise MapError(place, [Mistake(key_path(one.loc[:MAX_DEPTH]), one.found, one.instead) for one in strange])
    return raw


def _syntax(message: str, text: str, place: str) -> Mistake:
    found = _AT.search(message)
    what = _AT.sub("", message)
    what = what[:1].lower() + what[1:]
    if found and found[1]:
        where = f"line {found[1]}, column {found[2]}"
    else:
        where = f"line {text.count(chr(10)) + 1}, the end of the file" if found else "somewhere"
    instead = "correct the TOML there: key = value, texts in double quotes, each key and [table] once"
    return Mistake(place, f"{what} in {where}" if found else what, instead)


def _strange(raw: dict[str, Any]) -> Iterator[Finding]:
    """What TOML allows and no map needs: a depth, a size or a number beyond every use."""
    stack: list[tuple[Loc, Any]] = [((), raw)]
    while stack:
        loc, value = stack.pop()
        if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
            yield Finding(loc, "a number beyond 64 bits", "write a smaller number")
        elif isinstance(value, dict | list) and len(loc) >= MAX_DEPTH:
            yield Finding(loc, f"tables {MAX_DEPTH} deep", "write flatter tables")
        elif isinstance(value, dict) and len(value) > MAX_KEYS:
            yield Finding(loc, f"{len(value)} keys", f"write at most {MAX_KEYS}")
        elif isinstance(value, list) and len(value) > MAX_ENTRIES:
            yield Finding(loc, f"a list of {len(value)} entries", f"write at most {MAX_ENTRIES}")
        elif isinstance(value, dict):
            stack += (((*loc, key), member) for key, member in value.items())
        elif isinstance(value, list):
            stack += (((*loc, index), member) for index, member in enumerate(value))


def _digest(raw: Mapping[str, Any]) -> str:
    """The version of what the file says: the order of sources and fields counts, other keys' order does not."""
    orders = {section: list(raw.get(section, {})) for section in ("sources", "fields", "audiences")}
    return map_digest(json.dumps([without_literals(raw), orders], sort_keys=True, default=str))


def _build(tables: MapTables, digest: str, secrets: frozenset[str]) -> OwnershipMap:
    """The map of tables in which nothing is wrong."""
    limits = RequestLimits().under(tables.limits)
    audiences = {
        name: Audience(
            name,
            table.governance,
            table.governance if table.asks is None else table.asks,
            table.answers,
            table.decides,
            limits=limits.under(table.limits),
            manifest=table.trusted_documents,
            only_trusted=table.only_trusted,
            automatic_persisted_queries=table.automatic_persisted_queries,
        )
        for name, table in (tables.audiences or {}).items()
    }
    governing = tuple(name for name, audience in audiences.items() if audience.governance)
    sources = {
        name: DeclaredSource(table.declaration, table.kind, table.options)
        for name, table in (tables.sources or {}).items()
        if table.declaration and table.kind and table.options is not None
    }
    fields = {name: _field(name, table, governing) for name, table in (tables.fields or {}).items()}
    locales = tables.content.locales
    if locales is None:
        mapped = (
            mapping.locale
            for source in sources.values()
            for mappings in source.declaration.fields.values()
            for mapping in mappings
        )
        locales = tuple(dict.fromkeys(locale for locale in mapped if locale))
    return OwnershipMap(
        sources=sources,
        fields=fields,
        audiences=audiences,
        identity_keys=tables.identity.keys,
        locales=locales,
        digest=digest,
        compatibility=build_compatibility(tables),
        matching=build_matching(tables.identity.matching, sources, fields, locales),
        secrets=secrets,
    )


def _field(name: str, table: FieldTable, governing: tuple[str, ...]) -> FieldDefinition:
    assert table.kind is not None
    assert table.system_of_record is not None
    return FieldDefinition(
        name=name,
        label=table.label or label_of(name),
        description=table.description,
        type=table.kind,
        unit=find_unit(table.unit) if table.unit else None,
        currency=table.currency,
        system_of_record=table.system_of_record,
        fallback=table.fallback,
        steward=Steward(table.steward.name, table.steward.contact) if table.steward else None,
        max_age=table.max_age,
        tolerance=parse_tolerance(table.tolerance) if table.tolerance else None,
        readers=table.readers,
        writers=table.writers,
        audiences=governing if table.audiences is None else table.audiences,
    )


def label_of(name: str) -> str:
    """The words of a field's name: ``listPrice`` is "List price", ``warrantyPDF`` is "Warranty PDF"."""
    words = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[0-9]+", name)
    spoken = " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)
    return spoken[:1].upper() + spoken[1:]


__all__ = ["MapError", "Mistake", "describe", "gaps", "load_map", "parse_map"]
