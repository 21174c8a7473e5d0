"""Reading a table of whence.toml into a pydantic model, with what pydantic finds wrong said in plain words.

Neither pydantic's jargon, nor its addresses, nor an input value that came through ``${ENV}`` gets out of here: what was
found is shown as the file says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from resolvers.mistakes import Finding, Loc, listed, nearest, quoted, shown

NAMED_AT_MOST = 200
"""Mistakes of one table that are named one by one; a table with more of them is not a table of ours."""

_PLACEHOLDER = "-"
_EXAMPLES = {
    "title": 'title = "Warehouse", what people call this system',
    "connector": 'connector = "sql", the kind of system',
    "key": 'key = "article_no", the column or path of the record\'s own id',
    "name": 'name = "Logistics"',
}
_WORDS = {
    "string_type": "write a text in quotes",
    "string_sub_type": "write a text in quotes",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a smaller whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number that is not inf or nan",
    "decimal_type": "write a number",
    "decimal_parsing": "write a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "tuple_type": "write a list in brackets",
    "list_type": "write a list in brackets",
    "set_type": "write a list in brackets",
    "frozen_set_type": "write a list in brackets",
    "dict_type": "write a table, { key = value }",
    "mapping_type": "write a table, { key = value }",
    "model_type": "write a table, { key = value }",
    "model_attributes_type": "write a table, { key = value }",
    "url_type": "write an address in quotes",
    "url_parsing": "write a whole address, such as https://host/path",
    "url_syntax_violation": "write a whole address, such as https://host/path",
    "path_type": "write a path in quotes",
    "path_not_file": "write the path of a file that is there",
    "path_not_directory": "write the path of a directory that is there",
    "time_delta_type": 'write a length of time in quotes, such as "5m"',
    "time_delta_parsing": 'write a length of time in quotes, such as "5m"',
    "none_required": "leave the key out",
}
_LIMITS = {
    "greater_than": ("gt", "write a number above {}"),
    "greater_than_equal": ("ge", "write {} or more"),
    "less_than": ("lt", "write a number below {}"),
    "less_than_equal": ("le", "write {} or less"),
    "multiple_of": ("multiple_of", "write a multiple of {}"),
    "string_too_short": ("min_length", "write at least {} characters"),
    "string_too_long": ("max_length", "write at most {} characters"),
    "too_short": ("min_length", "write at least {} entries"),
    "too_long": ("max_length", "write at most {} entries"),
    "string_pattern_mismatch": ("pattern", "write a text of the form {}"),
    "url_too_long": ("max_length", "write at most {} characters"),
    "url_scheme": ("expected_schemes", "write an address that begins with {}"),
    "literal_error": ("expected", "write {}"),
    "enum": ("expected", "write {}"),
}

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reading(Generic[M]):
    """What a table says: the model with what could be read of it (None: nothing), what is wrong, and the places that
    are not in the model as the file has them."""

    model: M | None
    findings: tuple[Finding, ...] = ()
    unreadable: frozenset[Loc] = frozenset()


def read_table(
    model: type[M],
    table: Mapping[str, Any],
    loc: Loc,
    raw: Any,
    *,
    also: tuple[str, ...] = (),
    salvage: bool = True,
) -> Reading[M]:
    """``table``, which stands at ``loc``, as a ``model``.

    ``raw`` is the table before its environment was filled in, for showing; ``also`` are further keys that the table may
    have as far as the reader is concerned; with ``salvage``, what is wrong is left out and the rest read nevertheless.
    """
    try:
        return Reading(model.model_validate(table))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    findings = _merged(_finding(detail, model, table, loc, raw, also) for detail in details[:NAMED_AT_MOST])
    if len(details) > NAMED_AT_MOST:
        findings += (Finding(loc, f"{len(details) - NAMED_AT_MOST} more mistakes", "correct the ones above first"),)
    places = _places(details, table)
    return Reading(
        _salvaged(model, table, places) if salvage else None, findings, frozenset((*loc, *place) for place in places)
    )


def known_keys(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that a model takes, as the file writes them."""
    return tuple(
        field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name
        for name, field in model.model_fields.items()
    )


def _finding(
    detail: ErrorDetails, model: type[BaseModel], table: Mapping[str, Any], base: Loc, raw: Any, also: tuple[str, ...]
) -> Finding:
    place = _place(detail["loc"], table, detail["type"])
    loc = (*base, *place)
    value = _value_at(raw, place)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        key = str(place[-1]) if place else ""
        return Finding(loc, "nothing", f"write {_EXAMPLES.get(key, f'{key} = ...')}")
    if kind == "extra_forbidden":
        allowed = (*_keys_at(model, detail["loc"][:-1]), *(also if len(detail["loc"]) == 1 else ()))
        return Finding(loc, "an unknown key", _other_key(str(place[-1]), allowed))
    if detail["loc"] and detail["loc"][-1] == "[key]":
        allowed = tuple(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return Finding(loc, "an unknown key", _other_key(str(place[-1]), allowed))
    if kind in ("value_error", "assertion_error"):
        said = _sentence(str(context.get("error", "")))
        if isinstance(value, dict):
            return _about_a_table(loc, value, said)
        return Finding(loc, shown(value, loc), said)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        key = str(context.get("discriminator", "")).strip("'")
        tag = _value_at(raw, (*place, key))
        tags = f"one of {_plain(str(context['expected_tags']))}" if "expected_tags" in context else "..."
        return Finding((*loc, key), shown(tag, (*loc, key)), f"write {key} = {tags}")
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return Finding(loc, shown(value, loc), words.format(_plain(str(context.get(name, "")))))
    words = _WORDS.get(kind) or _sentence(detail["msg"])
    return Finding(loc, shown(value, loc), words)


def _about_a_table(loc: Loc, table: Mapping[str, Any], said: str) -> Finding:
    """What a model says about its keys together; where it begins with a key's name, it is about that key."""
    key, colon, rest = said.partition(": ")
    if colon and key in table:
        return Finding((*loc, key), shown(table[key], (*loc, key)), rest)
    return Finding(loc, "keys that do not go together", said)


def _other_key(written: str, allowed: tuple[str, ...]) -> str:
    near = nearest(written, allowed)
    if near is not None:
        return f"did you mean {quoted(near)}?"
    return (
        f"remove it; the keys here are {listed(allowed, at_most=40)}" if allowed else "remove it; no key is taken here"
    )


def _plain(expected: str) -> str:
    return expected.replace("'", '"')


def _sentence(message: str) -> str:
    """A validator's message, in one line and bounded, as what to do."""
    text = " ".join(message.split())[:300].removeprefix("Value error, ")
    if text.startswith("Input should be"):
        text = "write" + text.removeprefix("Input should be")
    return text or "write something else"


def _place(error_loc: Loc, table: Any, kind: str) -> Loc:
    """Where an error of pydantic's stands in the table itself: without the names of union members, and without the
    index of a list that the file leaves out."""
    place: list[str | int] = []
    value = table
    for index, part in enumerate(error_loc):
        last = index == len(error_loc) - 1
        if isinstance(value, Mapping) and isinstance(part, str):
            if part in value:
                place.append(part)
                value = value[part]
            elif last and kind == "missing":
                place.append(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            place.append(part)
            value = value[part]
    return tuple(place)


def _value_at(table: Any, place: Loc) -> Any:
    value = table
    for part in place:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _merged(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    """One finding a place: the members of a union each have their own opinion."""
    merged: dict[Loc, Finding] = {}
    for finding in findings:
        before = merged.get(finding.loc)
        if before is None:
            merged[finding.loc] = finding
        elif finding.instead not in before.instead and len(before.instead) < 300:
            either = finding.instead.removeprefix("write ")
            merged[finding.loc] = before._replace(instead=f"{before.instead}, or {either}")
    return tuple(merged.values())


def _places(details: list[ErrorDetails], table: Mapping[str, Any]) -> set[Loc]:
    return {place for detail in details if (place := _place(detail["loc"], table, detail["type"]))}


def _salvaged(model: type[M], table: Mapping[str, Any], places: set[Loc]) -> M | None:
    """What can be read of a table in which ``places`` are wrong. Without them another may be missing, so: twice."""
    rest = dict(table)
    for _ in range(2):
        rest = _without(rest, places)
        try:
            return model.model_validate(rest)
        except ValidationError as error:
            places = _places(error.errors(include_url=False, include_input=False), rest)
    return None


def _without(table: Mapping[str, Any], places: set[Loc]) -> dict[str, Any]:
    """The table without what is wrong in it; where something must be, a dash."""
    rest = deepcopy(dict(table))
    for place in sorted(places, key=len, reverse=True):
        *way, last = place
        holder = _value_at(rest, tuple(way))
        if isinstance(holder, dict):
            if last in holder:
                del holder[last]
            else:
                holder[last] = _PLACEHOLDER
        elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
            holder[last] = _PLACEHOLDER
    return rest


def _keys_at(model: Any, loc: Loc) -> tuple[str, ...]:
    """The keys that the models standing at ``loc`` under ``model`` take; ``loc`` may name members of unions."""
    types = [model]
    for part in loc:
        inner = [inner for one in types for inner in _members(one, part)]
        types = inner or [flat for one in types for flat in _flat(one) if _tagged(flat, part)] or types
    return tuple(dict.fromkeys(key for one in types for flat in _flat(one) for key in known_keys(flat)))


def _members(annotation: Any, part: str | int) -> Iterator[Any]:
    """The types that may stand at key or index ``part`` of a value of type ``annotation``."""
    for flat in _flat(annotation):
        for name, field in flat.model_fields.items():
            if part in (name, field.alias, field.validation_alias):
                yield field.annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType) or hasattr(annotation, "__metadata__"):
        for one in arguments:
            yield from _members(one, part)
    elif isinstance(part, int) and arguments:
        yield arguments[0]
    elif arguments and isinstance(origin, type) and issubclass(origin, Mapping):
        yield arguments[-1]


def _tagged(model: type[BaseModel], tag: str | int) -> bool:
    """Whether ``tag`` is pydantic's name for ``model`` in a union."""
    return model.__name__ == tag or any(tag in get_args(field.annotation) for field in model.model_fields.values())


def _flat(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models among the alternatives of a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType) or hasattr(annotation, "__metadata__"):
        for one in get_args(annotation):
            yield from _flat(one)
