"""What is declared about compatibility, made from tables in which nothing is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from resolvers.compatibility.check import field_forms
from resolvers.compatibility.declared import BUILT_IN, CompatibilityMap, ParentField, Pattern, Relation, Rule
from resolvers.compatibility.expression_types import FieldForm
from resolvers.compatibility.expressions import compile_expression
from resolvers.compatibility.sentences import template
from sources.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from resolvers.compatibility.tables import NamedSteward, PatternTable, RelationTable, RuleTable
    from resolvers.map_tables import MapTables
    from resolvers.ownership import Steward

_YEAR = timedelta(days=365)
_RELATION = ("title", "inverse", "inverse_title", "bears", "schema_org", "inverse_schema_org")


def build_compatibility(tables: MapTables) -> CompatibilityMap:
    """The map's part about compatibility."""
    table, forms = tables.compatibility, field_forms(tables)
    relations = {name: _relation(name, one) for name, one in (tables.relations or {}).items()}
    named = "name" if table.name is None and "name" in forms else table.name
    rules = tuple(_rule(name, one, forms) for name, one in (tables.rules or {}).items())
    return CompatibilityMap(
        relations={**BUILT_IN, **relations},
        rules=rules,
        forms=forms,
        name=named,
        category=table.category,
        family=table.family,
        parent=ParentField(table.parent.field, table.parent.scheme) if table.parent else None,
        evidence=tuple(frozenset(together) for together in table.evidence),
        steward=steward_of(table.steward),
        named=_named(tables),
        traits=_traits(tables, rules),
        answers_last=table.answers_last or _YEAR,
    )


def _named(tables: MapTables) -> frozenset[str]:
    found: set[str | None] = set()
    for source in (tables.sources or {}).values():
        for mapping in source.declaration.statements if source.declaration else ():
            found |= {party.field for party in (mapping.subject, mapping.object) if party is not None}
    return frozenset(name for name in found if name is not None)


def _traits(tables: MapTables, rules: Iterable[Rule]) -> frozenset[str]:
    table = tables.compatibility
    parent = table.parent.field if table.parent is not None else None
    found = {table.category, table.family, parent, *_named(tables)}
    for rule in rules:
        found |= {next(iter(pattern)) for pattern in (rule.a, rule.b)}
        found |= {fact.field for pair in rule.check.equal[:1] for fact in pair}
    return frozenset(name for name in found if name is not None)


def steward_of(table: NamedSteward | None) -> Steward | None:
    """The steward that a table names."""
    from resolvers.ownership import Steward

    return Steward(table.name, table.contact) if table else None


def _relation(name: str, table: RelationTable) -> Relation:
    own = BUILT_IN.get(name)
    given = {key: getattr(table, key) for key in table.model_fields_set}
    if own is not None:
        given = {key: getattr(own, key) for key in _RELATION} | given
    return Relation(name, **given)


def _rule(name: str, table: RuleTable, forms: Mapping[str, FieldForm]) -> Rule:
    return Rule(
        name=name,
        title=table.title or name,
        a=_pattern(table.a),
        b=_pattern(table.b),
        when=compile_expression(table.when, forms) if table.when else None,
        check=compile_expression(table.check or "", forms),
        holds=template(table.holds or "", forms),
        fails=template(table.fails or "", forms),
        relation=table.relation,
        conditions=table.conditions,
        steward=steward_of(table.steward),
    )


def _pattern(table: PatternTable) -> Pattern:
    return {field: tuple(fold(value) for value in values) for field, values in table.items()}
