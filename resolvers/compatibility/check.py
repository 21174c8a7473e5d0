"""The rules about ``[compatibility]``, ``[relations.X]``, ``[rules.X]`` and ``[sources.X.statements]``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from resolvers.compatibility.declared import ANSWERS, BUILT_IN, RULES
from resolvers.compatibility.expression_types import ExpressionError, FieldForm
from resolvers.compatibility.expressions import compile_expression
from resolvers.compatibility.sentences import template
from resolvers.mistakes import Finding, Loc, one_of, shown
from resolvers.value_check import LONGEST, LONGEST_NAME, check_path, check_source_named
from sources.declaration import Choice, PartyMapping, RangeMapping, StatementMapping
from sources.statements import VERDICTS
from sources.units import find_unit
from sources.values import FieldType

if TYPE_CHECKING:
    from resolvers.compatibility.tables import RuleTable
    from resolvers.map_tables import MapTables

MOST_VALUES = 100
"""Values of one field of a pattern."""
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_TRAITS = (FieldType.TEXT, FieldType.TEXT_LIST)


def field_forms(tables: MapTables) -> dict[str, FieldForm]:
    """The fields that are declared well enough for a rule to name them."""
    forms = {}
    for name, table in (tables.fields or {}).items():
        if table.kind is not None:
            forms[name] = FieldForm(table.kind, find_unit(table.unit) if table.unit else None, table.currency)
    return forms


def check_compatibility(tables: MapTables) -> Iterator[Finding]:
    """What is wrong with everything that is declared about compatibility."""
    forms = field_forms(tables)
    relations = {*BUILT_IN, *(tables.relations or {})}
    yield from _relations(tables)
    yield from _order(tables, forms)
    for name, rule in (tables.rules or {}).items():
        yield from _rule(tables, rule, forms, relations, ("rules", name))
    for name, source in (tables.sources or {}).items():
        declared = source.declaration.statements if source.declaration else ()
        loc: Loc = ("sources", name, "statements")
        for index, mapping in enumerate(declared):
            place = (*loc, index) if isinstance(tables.at(loc), list) else loc
            yield from _statements(tables, mapping, forms, relations, place)


def _relations(tables: MapTables) -> Iterator[Finding]:
    for name, table in (tables.relations or {}).items():
        loc: Loc = ("relations", name)
        if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
            yield Finding(loc, "a name that no relation can have", "write small letters, digits and -, such as part-of")
        if table.title is None and name not in BUILT_IN:
            yield Finding(
                (*loc, "title"), "nothing", 'write what a sentence says between the two, such as "is a part of"'
            )
        if table.inverse is not None and table.inverse_title is None:
            instead = 'write what it says from the other side, such as "has as a part"'
            yield Finding((*loc, "inverse_title"), "nothing", instead)
        if table.inverse == name:
            yield Finding(
                (*loc, "inverse"),
                shown(tables.at((*loc, "inverse"))),
                "leave it out: without it both sides are the same",
            )


def _order(tables: MapTables, forms: Mapping[str, FieldForm]) -> Iterator[Finding]:
    table, loc = tables.compatibility, ("compatibility",)
    for key in ("name", "category", "family"):
        yield from _trait(tables, getattr(table, key), forms, (*loc, key))
    if table.parent is not None:
        yield from _trait(tables, table.parent.field, forms, (*loc, "parent", "field"))
    voices = (*(tables.sources or {}), RULES, ANSWERS)
    named: set[str] = set()
    for place, together in enumerate(table.evidence):
        for index, voice in enumerate(together):
            at: Loc = (*loc, "evidence", place)
            at = (*at, index) if isinstance(tables.at(at), list) else at
            if tables.sources is not None and voice not in voices:
                found = f"{shown(tables.at(at))}, which is neither a declared source nor rules nor answers"
                yield Finding(at, found, one_of(voice, voices, "kinds of evidence"))
            if voice in named:
                yield Finding(at, f"{shown(tables.at(at))} for the second time", "write it once")
            named.add(voice)
    if table.answers_last is not None and not timedelta(0) < table.answers_last <= LONGEST:
        at = (*loc, "answers_last")
        yield Finding(at, shown(tables.at(at)), 'write a time above 0 and up to 100y, such as "1y"')


def _trait(tables: MapTables, name: str | None, forms: Mapping[str, FieldForm], loc: Loc) -> Iterator[Finding]:
    """The name of a field by whose texts products are told apart."""
    if name is None or tables.fields is None:
        return
    if name not in tables.fields:
        yield Finding(
            loc, f"{shown(tables.at(loc))}, which is no declared field", one_of(name, tables.fields, "fields")
        )
    elif name in forms and forms[name].kind not in _TRAITS:
        yield Finding(loc, f"{shown(tables.at(loc))}, a field of type {forms[name].kind}", "name a field of type text")


def _rule(
    tables: MapTables, rule: RuleTable, forms: Mapping[str, FieldForm], relations: Collection[str], loc: Loc
) -> Iterator[Finding]:
    name = str(loc[-1])
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        yield Finding(loc, "a name that no rule can have", "write small letters, digits and -, such as cpu-board")
    for side in ("a", "b"):
        pattern: Mapping[str, tuple[str, ...]] = getattr(rule, side)
        if not pattern:
            yield Finding((*loc, side), "nothing", f'write what {side} is, such as {side} = {{ category = "Kettles" }}')
        for field, values in pattern.items():
            at: Loc = (*loc, side, field)
            if tables.fields is not None and field not in tables.fields:
                yield Finding(at, "a field that is not declared", one_of(field, tables.fields, "fields"))
            elif field in forms and forms[field].kind not in _TRAITS:
                yield Finding(
                    at,
                    f"a field of type {forms[field].kind}",
                    "tell products apart by a text, and compare the rest in when",
                )
            if not 0 < len(values) <= MOST_VALUES or not all(value.strip() for value in values):
                yield Finding(at, shown(tables.at(at)), f"write 1 to {MOST_VALUES} texts, none of them empty")
    for key in ("check", "holds", "fails"):
        if getattr(rule, key) is None:
            yield Finding((*loc, key), "nothing", _NEEDED[key])
    for key in ("when", "check"):
        yield from _expression(getattr(rule, key), forms, tables, (*loc, key))
    for key in ("holds", "fails"):
        text = getattr(rule, key)
        try:
            if text is not None:
                template(text, forms)
        except ValueError as error:
            yield Finding((*loc, key), shown(tables.at((*loc, key))), str(error))
    if rule.relation is not None and tables.relations is not None and rule.relation not in relations:
        at = (*loc, "relation")
        yield Finding(
            at, f"{shown(tables.at(at))}, which is no relation", one_of(rule.relation, relations, "relations")
        )


_NEEDED = {
    "check": 'write an expression, such as "a.socket == b.socket"',
    "holds": 'write the sentence to read out where it holds, such as "{a} goes into {b}: both have socket {a.socket}."',
    "fails": 'write the sentence to read out where it does not, such as "{a} has socket {a.socket}, {b} has {b.socket}."',
}


def _expression(text: str | None, forms: Mapping[str, FieldForm], tables: MapTables, loc: Loc) -> Iterator[Finding]:
    if text is None or tables.fields is None:
        return
    if forms.keys() != tables.fields.keys():  # fields whose type is a mistake are told as that
        forms = {**dict.fromkeys(tables.fields, FieldForm(FieldType.TEXT)), **forms}
    try:
        compile_expression(text, forms)
    except ExpressionError as error:
        yield Finding(loc, error.found, error.instead)


def _statements(
    tables: MapTables, mapping: StatementMapping, forms: Mapping[str, FieldForm], relations: Collection[str], loc: Loc
) -> Iterator[Finding]:
    yield from check_path(tables, mapping.each, (*loc, "each"))
    for side in ("subject", "object"):
        party = getattr(mapping, side)
        if party is None:
            continue
        given = party.given()
        if len(given) != 1:
            found = f"{len(given)} ways to name it" if given else "nothing that names it"
            yield Finding(
                (*loc, side),
                found,
                'write one, such as { sku = "column" }, or leave it out for the record\'s own product',
            )
        if party.field is not None:
            yield from _trait(tables, party.field, forms, (*loc, side, "field"))
            if (party.value is None) == (party.is_ is None):
                yield Finding((*loc, side), "a field without its value", 'write value = "column", or is = "text"')
        for key, path in party.paths():
            yield from check_path(tables, path, (*loc, side, key))
        yield from _elsewhere(tables, party, (*loc, side))
    if mapping.subject is None and mapping.object is None:
        yield Finding(loc, "a statement about one product alone", 'write object = { sku = "column" }, for instance')
    verdict: Choice | None = mapping.verdict
    for key, choice, allowed, what in (
        ("verdict", verdict, VERDICTS, "verdicts"),
        ("relation", mapping.relation, relations, "relations"),
    ):
        if choice is None:
            continue
        yield from check_path(tables, choice.path, (*loc, key, "path"))
        named = [((*loc, key, "values", written), meant) for written, meant in choice.values.items()]
        if choice.default is not None:
            named.append(
                ((*loc, key) if isinstance(tables.at((*loc, key)), str) else (*loc, key, "default"), choice.default)
            )
        for at, meant in named:
            if meant not in allowed and not (key == "relation" and tables.relations is None):
                instead = one_of(meant, allowed, what)
                if isinstance(tables.at(at), str) and at == (*loc, key):
                    instead += f"; where it is a column, write {key} = {{ path = {shown(meant)} }}"
                yield Finding(at, f"{shown(meant)}, which is none of the {what}", instead)
    for key in ("condition", "text", "author", "updated_at"):
        yield from check_path(tables, getattr(mapping, key), (*loc, key))
    for name, where in mapping.qualifiers.items():
        if isinstance(where, RangeMapping):
            yield from check_path(tables, where.from_, (*loc, "qualifiers", name, "from"))
            yield from check_path(tables, where.to, (*loc, "qualifiers", name, "to"))
        else:
            yield from check_path(tables, where, (*loc, "qualifiers", name))


def _elsewhere(tables: MapTables, party: PartyMapping, loc: Loc) -> Iterator[Finding]:
    """What a party leans on that is declared elsewhere; without it, no statement would ever meet a product."""
    if party.source is not None:
        yield from check_source_named(tables, party.source, (*loc, "source"))
    for key in ("category", "family"):
        if getattr(party, key) is not None and getattr(tables.compatibility, key) is None:
            yield Finding(
                (*loc, key), f"a {key}, and no field that tells it", f'write {key} = "FIELD" in [compatibility]'
            )
