"""Variables and arguments, coerced by graphql-core's rules.

graphql-core looks up a variable's type and builds its signature in every run. Here that is done once, and a value
that is plainly right (a ``str`` for ``ID!``, a list of input objects of such) is taken at once. Anything else, and
everything that is wrong, is left to graphql-core's own functions, so that messages and defaults are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    get_nullable_type,
    get_variable_values,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value

Take = Callable[[Any], Any]
NOT_PLAIN = object()
"""What a value gives that is not plainly right."""
DEEPEST_INPUT = 4
"""Input objects within each other, of which such values are told."""

_MAX_ERRORS = 50
_NO_VALUES = VariableValues({}, {})
_FIXED = (str, int, float, bool, type(None), Enum)


class Variables:
    """The variables that one operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, hide_suggestions: bool) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._hide_suggestions = hide_suggestions
        self._simple: list[tuple[str, GraphQLVariableSignature, Take, Any]] | None = []
        for definition in self._definitions:
            signature = get_variable_signature(schema, definition)
            if isinstance(signature, GraphQLError):
                self._simple = None
                break
            absent = None
            if definition.default_value is None and not is_non_null_type(signature.type):
                absent = VariableValueSource(signature)
            self._simple.append((signature.name, signature, _taking(signature.type), absent))

    def coerce(self, given: Mapping[str, Any] | None) -> VariableValues | list[GraphQLError]:
        """The variables' values as resolvers see them, or every error in them."""
        if not self._definitions:
            return VariableValues({}, {})
        given = given or {}
        if self._simple is not None:
            sources: dict[str, VariableValueSource] = {}
            coerced: dict[str, Any] = {}
            for name, signature, take, absent in self._simple:
                if name in given:
                    value = given[name]
                    taken = take(value)
                    if taken is NOT_PLAIN:
                        break
                    sources[name] = VariableValueSource(signature, value)
                    coerced[name] = taken
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


def _not_plain(_value: Any) -> Any:
    return NOT_PLAIN


def _int(value: Any) -> Any:
    return value if type(value) is int and -2147483648 <= value <= 2147483647 else NOT_PLAIN


def _text(value: Any) -> Any:
    return value if type(value) is str else NOT_PLAIN


_LEAVES: dict[Any, Take] = {
    GraphQLString.coerce_input_value: _text,
    GraphQLID.coerce_input_value: _text,
    GraphQLBoolean.coerce_input_value: lambda value: value if type(value) is bool else NOT_PLAIN,
    GraphQLInt.coerce_input_value: _int,
    GraphQLFloat.coerce_input_value: lambda value: (
        value if type(value) is float and value - value == 0.0 else NOT_PLAIN
    ),
}


def _taking(type_: Any, depth: int = 0) -> Take:
    """What gives a value as graphql-core would coerce it to ``type_``, or NOT_PLAIN: then graphql-core is to say."""
    if is_non_null_type(type_):
        return _taking(type_.of_type, depth)
    if is_list_type(type_):
        item = get_nullable_type(type_.of_type)
        if is_list_type(item):
            return _not_plain
        inner = _taking(item, depth)
        return _not_plain if inner is _not_plain else _list_of(inner)
    if is_input_object_type(type_):
        return _not_plain if depth >= DEEPEST_INPUT else _input_object(type_, depth)
    return _LEAVES.get(getattr(type_, "coerce_input_value", None), _not_plain)


def _list_of(inner: Take) -> Take:
    def take(value: Any) -> Any:
        if type(value) is not list:
            return NOT_PLAIN
        taken = [inner(one) for one in value]
        return NOT_PLAIN if NOT_PLAIN in taken else taken

    return take


def _input_object(type_: GraphQLInputObjectType, depth: int) -> Take:
    fields = {name: (field.out_name or name, _taking(field.type, depth + 1)) for name, field in type_.fields.items()}
    asked = {
        name
        for name, field in type_.fields.items()
        if is_required_input_field(field) or coerce_default_value(field) is not Undefined
    }
    out, order = type_.out_type, {name: place for place, name in enumerate(fields)}

    def take(value: Any) -> Any:
        if type(value) is not dict or not asked <= value.keys() or (type_.is_one_of and len(value) != 1):
            return NOT_PLAIN
        taken = {}
        for name in value if len(value) == 1 else sorted(value, key=lambda one: order.get(one, -1)):
            field = fields.get(name)
            one = NOT_PLAIN if field is None else field[1](value[name])
            if field is None or one is NOT_PLAIN:
                return NOT_PLAIN
            taken[field[0]] = one
        try:
            return out(taken)
        except Exception:  # what it says of a value that it refuses is graphql-core's to tell
            return NOT_PLAIN

    return take
