"""Rule expressions: CEL over the facts of two products, checked for type, unit and size before anything is evaluated.

The language is a part of CEL, and what passes here is written anew in a form whose types are plain: numbers are doubles,
quantities are amounts in their dimension's base unit, texts are folded as they are compared everywhere else. So ``a.height
<= b.clearance`` is right whatever the two units are, and kilograms are never held against millimetres.

The engine counts no steps. Time is bounded by what may be written: a text of 1,000 characters and 15 levels, lists that no
fact has more than 1,000 entries of, no loop within a loop, and patterns that are made ready in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cel

from resolvers.compatibility.expression_parser import read_expression
from resolvers.compatibility.expression_types import (
    TRUTH,
    ExpressionError,
    FactName,
    FieldForm,
    Form,
    Operand,
    Variable,
)

LONGEST = 1000
"""Characters of an expression."""


class Undecided(Exception):
    """An expression that has no value for these facts: it would divide by zero."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that may be evaluated. ``facts`` must be there for that, ``optional`` ones need not."""

    text: str
    facts: tuple[FactName, ...]
    optional: tuple[FactName, ...]
    variables: tuple[Variable, ...] = field(repr=False)
    program: Any = field(repr=False, compare=False)
    equal: tuple[tuple[FactName, FactName], ...] = ()
    """Texts of a and b that are the same wherever it holds."""

    def holds(self, operand: Callable[[FactName], Operand | None]) -> bool | tuple[FactName, ...]:
        """Its value for the facts of the two sides, or those that it needs and lacks. ``operand`` tells each, None where it
        is not there. Raises Undecided."""
        context: dict[str, Any] = {}
        lacks: list[FactName] = []
        for text, fact, form in self.variables:
            found = operand(fact)
            if form is Form.THERE:
                context[text] = found is not None
            elif found is not None:
                context[text] = found[form is Form.PLAIN]
            elif fact not in self.optional:
                lacks.append(fact)
        if lacks:
            return tuple(dict.fromkeys(lacks))
        try:
            answer = self.program.execute(context)
        except (ArithmeticError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise Undecided(type(error).__name__) from None
        if not isinstance(answer, bool):
            raise Undecided("no yes or no")
        return answer


def compile_expression(text: str, fields: Mapping[str, FieldForm]) -> Expression:
    """The expression that ``text`` says, which must be yes or no. Raises ExpressionError."""
    if len(text) > LONGEST:
        raise ExpressionError(
            f"{len(text):,} characters", f"write at most {LONGEST:,}; several rules may apply to one pair"
        )
    read = read_expression(text, fields)
    if read.term.type != TRUTH:
        instead = "write one that is true or false, with == or <= for instance"
        raise ExpressionError(f"an expression that is {read.term.type}", instead)
    if not read.facts and not read.optional:
        instead = "name facts of the two products, such as a.socket == b.socket"
        raise ExpressionError("an expression about no fact", instead)
    optional = tuple(dict.fromkeys(read.optional))
    required = tuple(name for name in dict.fromkeys(read.facts) if name not in optional)
    return Expression(text, required, optional, read.variables, _program(read.term.text), read.term.equal)


def _program(text: str) -> Any:
    try:
        return cel.compile(text)
    except ValueError:
        raise ExpressionError("an expression that CEL does not take", "write a simpler one") from None
