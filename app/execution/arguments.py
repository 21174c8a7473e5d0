"""The arguments of fields, coerced by graphql-core's rules.

What does not depend on a variable is coerced once. Where variables stand, and have plainly right values, the arguments are
put together from these; everything else, and everything that is wrong, is left to graphql-core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_argument_values,
    get_nullable_type,
    is_input_object_type,
    is_required_argument,
    is_required_input_field,
)
from graphql.execution.values import VariableValues
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from app.execution.variables import DEEPEST_INPUT, NOT_PLAIN, Take

_NO_VALUES = VariableValues({}, {})
FIXED = (str, int, float, bool, type(None), Enum)
"""Types whose values no resolver can change."""


class Arguments:
    """The arguments of one field in one place of the document."""

    __slots__ = ("_definition", "_fixed", "_hide_suggestions", "_node", "_quick", "needed", "varies")

    def __init__(self, definition: GraphQLField, node: FieldNode, hide_suggestions: bool) -> None:
        self._definition = definition
        self._node = node
        self._hide_suggestions = hide_suggestions
        self._fixed: dict[str, Any] | None = None
        self._quick: Callable[[Mapping[str, Any]], dict[str, Any] | None] | None = None
        self.needed = bool(definition.args)
        self.varies = self.needed and any(has_variable(argument.value) for argument in node.arguments or ())
        if self.varies:
            self._quick = _quickly(definition, node)
        elif self.needed:
            try:
                values = self.coerce(_NO_VALUES)
            except GraphQLError:
                return  # told at each parent, when the field is run
            if immutable(values):
                self._fixed = values

    def coerce(self, variable_values: VariableValues) -> dict[str, Any]:
        """The arguments as keyword arguments. Raises the GraphQLError that tells which does not coerce."""
        if self._quick is not None and (values := self._quick(variable_values.coerced)) is not None:
            return values
        return get_argument_values(self._definition, self._node, variable_values, None, self._hide_suggestions)

    def values(self, variable_values: VariableValues, known: dict[Any, dict[str, Any]]) -> dict[str, Any]:
        """The arguments for this run; ``known`` remembers them for its other parents."""
        if not self.needed:
            return {}
        if self._fixed is not None:
            return self._fixed
        values = known.get(self)
        if values is None:
            values = self.coerce(variable_values)
            if immutable(values):
                known[self] = values
        return values


def _quickly(definition: GraphQLField, node: FieldNode) -> Callable[[Mapping[str, Any]], dict[str, Any] | None] | None:
    """What gives the arguments from the variables' values where these are plainly there; None where it takes graphql-core
    to tell in any case."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    made: list[tuple[str, Take]] = []
    for name, argument in definition.args.items():
        out = argument.out_name or name
        if name in given:
            take = _from_literal(given[name], argument.type)
            if take is None:
                return None
            made.append((out, take))
        elif is_required_argument(argument) or coerce_default_value(argument) is not Undefined:
            return None

    def quick(coerced: Mapping[str, Any]) -> dict[str, Any] | None:
        values = {}
        for out, take in made:
            value = take(coerced)
            if value is NOT_PLAIN:
                return None
            values[out] = value
        return values

    return quick


def _from_literal(node: ValueNode, type_: Any, depth: int = 0) -> Take | None:
    """What gives the value of a literal from the variables' values, or NOT_PLAIN; None where it is not so simple."""
    if isinstance(node, VariableNode):
        name = node.name.value

        def of_variable(coerced: Mapping[str, Any]) -> Any:
            value = coerced.get(name, NOT_PLAIN)
            return NOT_PLAIN if value is None else value

        return of_variable
    if not has_variable(node):
        value = coerce_input_literal(node, type_)
        return (lambda _: value) if value is not Undefined and isinstance(value, FIXED) else None
    type_ = get_nullable_type(type_)
    if not isinstance(node, ObjectValueNode) or not is_input_object_type(type_) or depth >= DEEPEST_INPUT:
        return None
    given = {field.name.value: field.value for field in node.fields}
    if type_.is_one_of and len(given) != 1:
        return None
    made: list[tuple[str, Take]] = []
    for name, field in type_.fields.items():
        if name in given:
            take = _from_literal(given[name], field.type, depth + 1)
            if take is None:
                return None
            made.append((field.out_name or name, take))
        elif is_required_input_field(field) or coerce_default_value(field) is not Undefined:
            return None
    out = type_.out_type

    def of_object(coerced: Mapping[str, Any]) -> Any:
        values = {}
        for name, take in made:
            values[name] = value = take(coerced)
            if value is NOT_PLAIN:
                return NOT_PLAIN
        try:
            return out(values)
        except Exception:  # as above
            return NOT_PLAIN

    return of_object


def immutable(values: Mapping[str, Any]) -> bool:
    """Whether no resolver can change these, so that several may share them."""
    return all(isinstance(value, FIXED) for value in values.values())


def has_variable(node: ValueNode) -> bool:
    """Whether a variable stands in this value."""
    if isinstance(node, VariableNode):
        return True
    return any(has_variable(value) for value in getattr(node, "values", ())) or any(
        has_variable(field.value) for field in getattr(node, "fields", ())
    )
