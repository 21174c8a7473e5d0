"""Reading a parsed whence.toml table by table: what could be read of it, and what could not be.

What one table says about another is not looked at here; that is :mod:`resolvers.map_check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from resolvers.compatibility.tables import CompatibilityTable, RelationTable, RuleTable
from resolvers.interpolation import Interpolated
from resolvers.map_tables import (
    DEFAULT_AUDIENCES,
    SECTIONS,
    AudienceTable,
    ContentTable,
    FieldTable,
    IdentityTable,
    MapTables,
    SourceTable,
)
from resolvers.mistakes import Finding, Loc, one_of, shown, under
from resolvers.plain_words import NAMED_AT_MOST, known_keys, read_table
from resolvers.request_limits import LimitsTable
from sources.declaration import ConnectorKind, ConnectorOptions, SourceDeclaration
from sources.registry import connector_kind, connector_names

COMMON_KEYS = tuple(key for key in known_keys(SourceDeclaration) if key != "name")
"""The keys of ``[sources.X]`` that are the same for every connector; what is left over is the connector's own."""

AT_MOST: Mapping[str, int] = {"audiences": 50, "sources": 200, "fields": 1000, "relations": 100, "rules": 500}
"""How many of each a map may have."""

T = TypeVar("T", bound=BaseModel)


def read_tables(raw: Mapping[str, Any], interpolated: Interpolated) -> MapTables:
    """The tables of a file: ``raw`` as it says them, ``interpolated`` with the environment in place."""
    return _TablesReader(raw, interpolated).read()


def connector_options(table: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``[sources.X]`` that belongs to its connector."""
    return {key: value for key, value in table.items() if key not in COMMON_KEYS}


class _TablesReader:
    def __init__(self, raw: Mapping[str, Any], interpolated: Interpolated) -> None:
        self.raw = raw
        self.content = interpolated.content
        self.unset = interpolated.unreadable
        self.findings: list[Finding] = list(interpolated.findings)
        self.unreadable: set[Loc] = set(self.unset)

    def read(self) -> MapTables:
        unknown = [key for key in self.content if key not in SECTIONS]
        for key in unknown[:NAMED_AT_MOST]:
            self.say(Finding((key,), "an unknown key", one_of(key, SECTIONS, "sections")))
        if len(unknown) > NAMED_AT_MOST:
            self.say(Finding((), f"{len(unknown) - NAMED_AT_MOST} more unknown keys", "correct the ones above first"))
        audiences = self.named("audiences")
        sources = self.named("sources")
        fields = self.named("fields")
        relations, rules = self.named("relations"), self.named("rules")
        return MapTables(
            raw=self.raw,
            content=self.table(ContentTable, ("content",), self.content.get("content", {})) or ContentTable(),
            audiences=DEFAULT_AUDIENCES
            if "audiences" not in self.content
            else self.each(AudienceTable, "audiences", audiences),
            sources=None if sources is None else {name: self.source(name, table) for name, table in sources.items()},
            fields=self.each(FieldTable, "fields", fields),
            identity=self.table(IdentityTable, ("identity",), self.content.get("identity", {})) or IdentityTable(),
            compatibility=self.table(CompatibilityTable, ("compatibility",), self.content.get("compatibility", {}))
            or CompatibilityTable(),
            relations=self.each(RelationTable, "relations", relations),
            rules=self.each(RuleTable, "rules", rules),
            limits=self.table(LimitsTable, ("limits",), self.content.get("limits", {})) or LimitsTable(),
            findings=tuple(self.findings),
            unreadable=frozenset(self.unreadable),
        )

    def say(self, *findings: Finding) -> None:
        """Remember findings, other than those about a text whose environment is not set: that has been said."""
        self.findings += (one for one in findings if not under(one.loc, self.unset))

    def named(self, section: str) -> dict[str, Any] | None:
        """The tables ``[section.NAME]`` by name; None where the section is no table."""
        tables = self.content.get(section, {})
        if not isinstance(tables, dict):
            self.say(Finding((section,), shown(tables), f"write tables, each as [{section}.NAME]"))
            return None
        if len(tables) > AT_MOST[section]:
            self.say(Finding((section,), f"{len(tables)} of them", f"write at most {AT_MOST[section]}"))
        return dict(list(tables.items())[: AT_MOST[section]])

    def each(self, model: type[T], section: str, tables: Mapping[str, Any] | None) -> dict[str, T] | None:
        if tables is None:
            return None
        read = {name: self.table(model, (section, name), table) for name, table in tables.items()}
        return {name: one or model() for name, one in read.items()}

    def table(self, model: type[T], loc: Loc, table: Any, also: tuple[str, ...] = ()) -> T | None:
        if not isinstance(table, dict):
            self.say(Finding(loc, shown(table), f"write a table, [{'.'.join(map(str, loc))}]"))
            self.unreadable.add(loc)
            return None
        raw: Any = self.raw
        for part in loc:
            raw = raw.get(part, {})
        reading = read_table(model, table, loc, raw, also=also)
        self.say(*reading.findings)
        self.unreadable |= reading.unreadable
        return reading.model

    def source(self, name: str, table: Any) -> SourceTable:
        """``[sources.X]``: its common part, and its connector's own options by the connector's own model."""
        loc: Loc = ("sources", name)
        if not isinstance(table, dict):
            self.table(SourceDeclaration, loc, table)
            return SourceTable(None, None, None, None)
        common = {key: table[key] for key in COMMON_KEYS if key in table}
        declaration = self.table(SourceDeclaration, loc, {"name": name, **common})
        fields = table.get("fields", {})
        maps = frozenset(fields) if isinstance(fields, dict) else None
        kind = self.kind(loc, declaration.connector) if declaration and "connector" in table else None
        options = self.options(kind, loc, table) if kind else None
        return SourceTable(declaration, kind, options, maps)

    def kind(self, source: Loc, name: str) -> ConnectorKind[ConnectorOptions] | None:
        loc = (*source, "connector")
        if loc in self.unreadable:
            return None
        if name not in connector_names():
            written = shown(self.raw["sources"][source[1]]["connector"], loc)
            self.say(Finding(loc, f"{written}, which is no connector", one_of(name, connector_names(), "connectors")))
            return None
        try:
            return connector_kind(name)
        except Exception as error:  # a plugin's module may raise anything while it is imported
            reason = type(error).__name__
            self.say(Finding(loc, f"a connector that cannot be loaded ({reason})", "install or repair its package"))
            return None

    def options(
        self, kind: ConnectorKind[ConnectorOptions], loc: Loc, table: Mapping[str, Any]
    ) -> ConnectorOptions | None:
        own, raw = connector_options(table), self.raw["sources"][loc[1]]
        try:
            reading = read_table(kind.options, own, loc, raw, also=COMMON_KEYS, salvage=False)
        except Exception as error:  # a plugin's model is foreign code
            self.say(
                Finding(loc, f"options on which the connector fails ({type(error).__name__})", "repair the connector")
            )
            return None
        unset = any(place[:2] == loc for place in self.unset)
        self.say(*(one for one in reading.findings if one.loc != loc or not unset))
        self.unreadable |= reading.unreadable
        return reading.model
