"""The rules about single values, wherever in whence.toml they stand: a locale, a currency, a unit, a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta

from babel import Locale, UnknownLocaleError

from resolvers.map_tables import MapTables
from resolvers.mistakes import Finding, Loc, key_path, nearest, one_of, quoted, shown
from sources.interpretation.currencies import find_currency
from sources.paths import compile_path
from sources.units import find_unit, unit_symbols

LONGEST = timedelta(days=36525)
"""A century: a longer time is a slip of the pen."""
LONGEST_NAME = 60

_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")


def check_locale(tables: MapTables, locale: str, loc: Loc) -> Iterator[Finding]:
    """A locale is written ``de``, ``de-AT`` or ``zh-Hant-TW``."""
    if _LOCALE.fullmatch(locale):
        try:
            Locale.parse(locale, sep="-")
        except (UnknownLocaleError, ValueError):
            yield Finding(
                loc, f"{shown(tables.at(loc))}, which is no known locale", 'write one such as "de" or "de-AT"'
            )
        return
    spelt = _spelt(locale)
    instead = (
        f"write {quoted(spelt)}" if _LOCALE.fullmatch(spelt) else 'write one such as "de", "de-AT" or "zh-Hant-TW"'
    )
    if tables.at(loc) != locale:  # it came from the environment: its spelling must not be told
        instead = 'write one such as "de", "de-AT" or "zh-Hant-TW"'
    yield Finding(loc, f"{shown(tables.at(loc))}, which is not how a locale is written", instead)


def check_currency(tables: MapTables, currency: str, loc: Loc) -> Iterator[Finding]:
    """A currency is an ISO 4217 code."""
    code = find_currency(currency) if len(currency) < 20 else None
    if code == currency:
        return
    instead = f"write {quoted(code)}" if code and tables.at(loc) == currency else 'write one such as "EUR"'
    yield Finding(loc, f"{shown(tables.at(loc))}, which is no ISO 4217 code", instead)


def check_unit(tables: MapTables, unit: str, loc: Loc) -> Iterator[Finding]:
    """A unit is one that Whence knows, in any of its names."""
    if find_unit(unit) is None:
        near = nearest(unit, unit_symbols())
        instead = f"did you mean {quoted(near)}?" if near else 'write one such as "g", "kg", "mm", "cm", "l" or "W"'
        yield Finding(loc, f"{shown(tables.at(loc))}, which is no unit that Whence knows", instead)


def check_sources_named(tables: MapTables, names: Sequence[str], loc: Loc) -> Iterator[Finding]:
    """Names of systems are names of declared sources."""
    if tables.sources is None:
        return
    for index, name in enumerate(names):
        yield from check_source_named(tables, name, (*loc, index))


def check_source_named(tables: MapTables, name: str, loc: Loc) -> Iterator[Finding]:
    """The name of a system is the name of a declared source."""
    if tables.sources is None or name in tables.sources:
        return
    near = nearest(name, tables.sources)
    if near:
        instead = f"did you mean {quoted(near)}?"
    elif len(name) <= LONGEST_NAME:
        instead = f"declare it as [{key_path(('sources', name))}], or correct the name"
    else:
        instead = "write the name of a declared source"
    yield Finding(loc, f"{shown(tables.at(loc))}, which is no declared source", instead)


def check_audiences_named(tables: MapTables, names: Collection[str] | None, loc: Loc) -> Iterator[Finding]:
    """Names of audiences are names of declared audiences."""
    if tables.audiences is None:
        return
    for index, name in enumerate(names or ()):
        if name not in tables.audiences:
            found = f"{shown(tables.at((*loc, index)))}, which is no declared audience"
            yield Finding((*loc, index), found, one_of(name, tables.audiences, "audiences"))


def check_path(tables: MapTables, path: str | None, loc: Loc) -> Iterator[Finding]:
    """A path is not empty."""
    if path is None:
        return
    try:
        compile_path(path)
    except ValueError as error:
        yield Finding(loc, shown(tables.at(loc), loc), str(error))


def _spelt(locale: str) -> str:
    """A locale with its parts in the customary case."""
    language, *parts = re.split(r"[-_]", locale)
    return "-".join([language.lower(), *(part.title() if len(part) == 4 else part.upper() for part in parts)])
