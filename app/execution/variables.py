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
    FieldNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_argument_values,
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
