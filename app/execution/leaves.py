"""Leaves: the values that need no second look before they are written.

graphql-core calls a scalar's ``coerce_output_value`` for every leaf. For the five built-in scalars nearly every value
is already what it must be, and one comparison of types tells. A :class:`Leaf` names that comparison as an expression
for generated code (``accepts``); whatever fails it goes the ordinary way, through the scalar itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

_ACCEPTS = {
    GraphQLString.coerce_output_value: "type({0}) is str",
    GraphQLID.coerce_output_value: "type({0}) is str",
    GraphQLInt.coerce_output_value: "type({0}) is int and -2147483648 <= {0} <= 2147483647",
    # What is finite leaves nothing when taken from itself; inf and nan leave nan.
    GraphQLFloat.coerce_output_value: "type({0}) is float and {0} - {0} == 0.0",
    GraphQLBoolean.coerce_output_value: "type({0}) is bool",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """How values of one leaf type are written."""

    accepts: str | None
    """A Python condition on ``{0}``, true only of values that are written as they are; None where there is none."""
    write: Callable[[Any], Any]
    """Any value that is not null, to what stands in the answer; raises what graphql-core raises."""


def leaf(type_: GraphQLLeafType) -> Leaf:
    """How values of ``type_`` (a scalar or an enum) are written."""
    coerce = type_.coerce_output_value

    def write(value: Any) -> Any:
        written = coerce(value)
        if written is None or written is Undefined:
            raise TypeError(
                f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})`"
                f" to return non-nullable value, returned: {inspect(written)}"
            )
        return written

    return Leaf(_ACCEPTS.get(coerce), write)


@cache
def accepter(condition: str | None) -> Callable[[Any], bool] | None:
    """A test that every one of some values is written as it is."""
    if condition is None:
        return None
    test: Callable[[Any], bool] = eval(f"lambda values: all([{condition.format('value')} for value in values])")  # noqa: S307 - the text is ours
    return test
