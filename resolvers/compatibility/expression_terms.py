"""The small parts of expressions: tokens, and the numbers, texts, quantities, moments and patterns written down in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import cel

from resolvers.compatibility.expression_types import MOMENT, TEXT, ExpressionError, FactName, Kind, Type, in_base_unit
from sources.units import dimension, find_unit
from sources.values import Quantity

LONGEST_PATTERN = 200
DEAREST_PATTERN, DEAREST_IN_A_LOOP = 5000, 100
"""The engine compiles a pattern anew for each text that it is held against: about as many microseconds as that."""
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.\d*|\.?\d+)(?:[eE][+-]?\d+)?)|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%<>!?:.,()\[\]]))"
)
_ATOM = re.compile(
    r"(?P<atom>\\[pPxuU]\{[^}]*\}|\\[pP].|\\.|\[(?:\\.|[^\]\\])+\]|.)(?:\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\})?", re.S
)
_CLASS_COSTS = {"w": 400, "W": 400, "p": 400, "P": 400, "D": 150, "d": 60, "S": 50, "s": 15}
_QUANTITY = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*(\S.*?)\s*")


class Term(NamedTuple):
    """A part of an expression: its type, its text for the engine, and whether no fact goes into it."""

    type: Type
    text: str
    constant: bool = False
    fact: FactName | None = None
    """The fact that it is, where it is nothing else."""
    equal: tuple[tuple[FactName, FactName], ...] = ()
    """Texts of the two sides that are the same wherever it is true."""


def tokens_of(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token. Raises ExpressionError for what is none."""
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(
                f"{shown_token(text[at:].strip()[:1])}, which no expression has", "correct the expression there"
            )
        yield str(found.lastgroup), found[str(found.lastgroup)]
        at = found.end()


def shown_token(token: str) -> str:
    """A token as a message shows it."""
    return json.dumps(token[:40], ensure_ascii=False) if token else "the end"


def text_of(token: str) -> str:
    """The text that a token in quotes is."""
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def double(number: float) -> str:
    """A number as the engine reads a double."""
    text = repr(number)
    return text if "." in text or "e" in text else f"{text}.0"


def number_of(text: str) -> float:
    """The number that a constant part of an expression is."""
    try:
        return float(cel.evaluate(text))
    except (ArithmeticError, RuntimeError, TypeError, ValueError):
        return 0.0


def pattern_term(pattern: str) -> Term:
    """A regular expression. Raises ExpressionError for one that is none, or too large."""
    if len(pattern) > LONGEST_PATTERN or re.search(r"\{\s*\d{3,}|\{\d*,\s*\d{3,}", pattern):
        raise ExpressionError(
            "a pattern that may become very large", f"write at most {LONGEST_PATTERN} characters, and counts below 100"
        )
    text = json.dumps(f"(?i){pattern}", ensure_ascii=False)  # texts are folded before they are compared
    try:
        cel.evaluate(f'"".matches({text})')
    except (RuntimeError, TypeError, ValueError):
        raise ExpressionError(f"{shown_token(pattern)}, which is no pattern", "write a regular expression") from None
    return Term(TEXT, text, True)


def pattern_cost(pattern: str) -> int:
    """About how many microseconds it takes to make a pattern ready; classes that all of Unicode is sorted by are dear."""
    total, times = 20, 1
    for found in _ATOM.finditer(pattern):
        atom, count = found["atom"], max(1, *(int(one) for one in found.groups()[1:] if one), 1)
        if atom == ")":
            times *= count
            continue
        classes = re.findall(r"\\(.)", atom)
        cost = sum(_CLASS_COSTS.get(one, 1) for one in classes) or (10 if atom == "." or atom.startswith("[^") else 2)
        total += cost * count
    return total * times


def quantity_term(text: str) -> Term:
    """``5 mm``, in the base unit of its dimension. Raises ExpressionError."""
    found = _QUANTITY.fullmatch(text)
    unit = find_unit(found[2]) if found else None
    if found is None or unit is None:
        raise ExpressionError(
            f"{shown_token(text)}, which is no quantity", 'write an amount and a unit, such as quantity("5 mm")'
        )
    amount = in_base_unit(Quantity(Decimal(found[1]), unit))
    return Term(Type(Kind.QUANTITY, dimension(unit)), double(float(amount)), True)


def moment_term(text: str) -> Term:
    """A moment with its zone. Raises ExpressionError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ExpressionError(
            f"{shown_token(text)}, which is no moment", 'write one with its zone: moment("2026-01-31T00:00:00Z")'
        )
    return Term(MOMENT, f"timestamp({json.dumps(moment.isoformat())})", True)
