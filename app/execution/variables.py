"""Variables and arguments, coerced by graphql-core's rules.

graphql-core looks up a variable's type and builds its signature in every run. Here that is done once, and a value
that is plainly right (a ``str`` for ``ID!``, a list of them for ``[ID!]!``) is taken as it is. Anything else, and
everything that is wrong, is left to graphql-core's own functions, so that messages and defaults are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_argument_values,
    get_variable_values,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

Check = Callable[[Any], bool]

_MAX_ERRORS = 50
_NO_VALUES = VariableValues({}, {})
_FIXED = (str, int, float, bool, type(None), Enum)


class Variables:
    """The variables that one operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, hide_suggestions: bool) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._hide_suggestions = hide_suggestions
        self._simple: list[tuple[str, GraphQLVariableSignature, Check, Any]] | None = []
        for definition in self._definitions:
            signature = get_variable_signature(schema, definition)
            if isinstance(signature, GraphQLError):
                self._simple = None
                break
            absent = None
            if definition.default_value is None and not is_non_null_type(signature.type):
                absent = VariableValueSource(signature)
            self._simple.append((signature.name, signature, _check(signature.type), absent))

    def coerce(self, given: Mapping[str, Any] | None) -> VariableValues | list[GraphQLError]:
        """The variables' values as resolvers see them, or every error in them."""
        if not self._definitions:
            return VariableValues({}, {})
        given = given or {}
        if self._simple is not None:
            sources: dict[str, VariableValueSource] = {}
            coerced: dict[str, Any] = {}
            for name, signature, check, absent in self._simple:
                if name in given:
                    value = given[name]
                    if not check(value):
                        break
                    sources[name] = VariableValueSource(signature, value)
                    # A list is copied, as graphql-core does: a resolver may change what it is given.
                    coerced[name] = list(value) if type(value) is list else value
                elif absent is not None:
                    sources[name] = absent
                else:
                    break
            else:
                return VariableValues(sources, coerced)
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(given),
            max_errors=_MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )


def _never(_value: Any) -> bool:
    return False


def _is_int(value: Any) -> bool:
    return type(value) is int and -2147483648 <= value <= 2147483647


_CHECKS: dict[Any, Check] = {
    GraphQLString.coerce_input_value: lambda value: type(value) is str,
    GraphQLID.coerce_input_value: lambda value: type(value) is str,
    GraphQLBoolean.coerce_input_value: lambda value: type(value) is bool,
    GraphQLInt.coerce_input_value: _is_int,
    GraphQLFloat.coerce_input_value: lambda value: type(value) is float and value - value == 0.0,
}


def _check(type_: Any) -> Check:
    """A test that is true only of values which graphql-core would take for ``type_`` unchanged."""
    if is_non_null_type(type_):
        return _check(type_.of_type)
    if is_list_type(type_):
        item = type_.of_type
        inner = _check(item.of_type if is_non_null_type(item) else item)
        if inner is _never or is_list_type(item.of_type if is_non_null_type(item) else item):
            return _never
        return lambda value: type(value) is list and all(map(inner, value))
    return _CHECKS.get(getattr(type_, "coerce_input_value", None), _never)


class Arguments:
    """The arguments of one field in one place of the document."""

    __slots__ = ("_definition", "_direct", "_fixed", "_hide_suggestions", "_node", "needed", "varies")

    def __init__(self, definition: GraphQLField, node: FieldNode, hide_suggestions: bool) -> None:
        self._definition = definition
        self._node = node
        self._hide_suggestions = hide_suggestions
        self._fixed: dict[str, Any] | None = None
        self._direct: list[tuple[str, str, bool]] | None = None
        self.needed = bool(definition.args)
        self.varies = self.needed and any(has_variable(argument.value) for argument in node.arguments or ())
        if self.varies:
            self._direct = _direct(definition, node)
        elif self.needed:
            try:
                values = self.coerce(_NO_VALUES)
            except GraphQLError:
                return  # told at each parent, when the field is run
            if immutable(values):
                self._fixed = values

    def coerce(self, variable_values: VariableValues) -> dict[str, Any]:
        """The arguments as keyword arguments. Raises the GraphQLError that tells which does not coerce."""
        return get_argument_values(self._definition, self._node, variable_values, None, self._hide_suggestions)

    def values(self, variable_values: VariableValues, known: dict[Any, dict[str, Any]]) -> dict[str, Any]:
        """The arguments for this run; ``known`` remembers them for its other parents."""
        if not self.needed:
            return {}
        if self._fixed is not None:
            return self._fixed
        values = known.get(self)
        if values is None and self._direct is not None:
            # Each argument is a variable: its value, if it has one, is the argument's.
            coerced, values = variable_values.coerced, {}
            for out_name, variable, non_null in self._direct:
                if variable not in coerced or (non_null and coerced[variable] is None):
                    values = None
                    break
                values[out_name] = coerced[variable]
            else:
                return values
        if values is None:
            values = self.coerce(variable_values)
            if immutable(values):
                known[self] = values
        return values


def _direct(definition: GraphQLField, node: FieldNode) -> list[tuple[str, str, bool]] | None:
    """Name, variable and whether null is refused, of each argument, where all are given as variables."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    found: list[tuple[str, str, bool]] = []
    for name, argument in definition.args.items():
        value = given.get(name)
        if not isinstance(value, VariableNode):
            return None
        found.append((argument.out_name or name, value.name.value, bool(is_non_null_type(argument.type))))
    return found


def immutable(values: Mapping[str, Any]) -> bool:
    """Whether no resolver can change these, so that several may share them."""
    return all(isinstance(value, _FIXED) for value in values.values())


def has_variable(node: ValueNode) -> bool:
    """Whether a variable stands in this value."""
    if isinstance(node, VariableNode):
        return True
    return any(has_variable(value) for value in getattr(node, "values", ())) or any(
        has_variable(field.value) for field in getattr(node, "fields", ())
    )
