"""Reading an expression: recursive descent over the part of CEL that rules are written in. Types are checked on the way, and
the text for the engine is written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, NoReturn

from resolvers.compatibility.expression_terms import (
    DEAREST_IN_A_LOOP,
    DEAREST_PATTERN,
    Term,
    double,
    moment_term,
    number_of,
    pattern_cost,
    pattern_term,
    quantity_term,
    shown_token,
    text_of,
    tokens_of,
)
from resolvers.compatibility.expression_types import (
    MOST_ENTRIES,
    NUMBER,
    TEXT,
    TEXTS,
    TRUTH,
    ExpressionError,
    FactName,
    FieldForm,
    Form,
    Kind,
    Type,
    Variable,
    plain,
    type_of,
)
from resolvers.mistakes import one_of
from sources.folding import fold
from sources.values import FieldType

DEEPEST = 15
MOST_DIVISIONS = 3
_LOOPS = ("exists", "all", "exists_one")
_FUNCTIONS = "has, plain, size, quantity, moment, contains, startsWith, endsWith, matches, exists, all and exists_one"


class Reading(NamedTuple):
    """An expression as read: its type and its text for the engine, the facts that it names, and those among them that it
    asks for with ``has``. ``variables`` are what the text calls them."""

    term: Term
    facts: tuple[FactName, ...]
    optional: tuple[FactName, ...]
    variables: tuple[Variable, ...]


def read_expression(text: str, fields: Mapping[str, FieldForm]) -> Reading:
    """What ``text`` says about ``fields``. Raises ExpressionError."""
    parser = _Parser(text, fields)
    term = parser.whole()
    return Reading(term, tuple(parser.facts), tuple(parser.optional), tuple(dict.fromkeys(parser.variables)))


class _Parser:
    """Recursive descent over the part of CEL that rules are written in; it writes the engine's text as it goes."""

    def __init__(self, text: str, fields: Mapping[str, FieldForm]) -> None:
        self.fields = fields
        self.facts: list[FactName] = []
        self.optional: list[FactName] = []
        self.variables: list[Variable] = []
        self.tokens = list(tokens_of(text))
        self.at = 0
        self.depth = 0
        self.divisions = 0
        self.matching, self.matching_in_loops = 0, 0
        self.variable: str | None = None

    def whole(self) -> Term:
        term = self.expression()
        if self.peek() != "":
            self.fail(f"{shown_token(self.peek())} where the expression should end", "connect the parts with && or ||")
        return term

    # ── Tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def met(self, *signs: str) -> str | None:
        return self.take() if self.kind() == "sign" and self.peek() in signs else None

    def expect(self, sign: str) -> None:
        if self.met(sign) is None:
            self.fail(f"{shown_token(self.peek())} where {sign!r} should stand", "correct the expression there")

    @staticmethod
    def fail(found: str, instead: str) -> NoReturn:
        raise ExpressionError(found, instead)

    # ── Operators, the weakest first ───────────────────────────────────────────────────────────────────────────────

    def expression(self) -> Term:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"an expression more than {DEEPEST} levels deep", "write a flatter one")
        term = self.either()
        if self.met("?"):
            self.must(term, TRUTH, "before the ?")
            yes = self.expression()
            self.expect(":")
            no = self.expression()
            self.alike(yes, no, ":")
            term = Term(
                yes.type, f"({term.text} ? {yes.text} : {no.text})", term.constant and yes.constant and no.constant
            )
        self.depth -= 1
        return term

    def either(self) -> Term:
        return self.logical("||", lambda: self.logical("&&", self.relation))

    def logical(self, sign: str, inner: Callable[[], Term]) -> Term:
        term = inner()
        while self.met(sign):
            other = inner()
            self.must(term, TRUTH, f"before {sign}")
            self.must(other, TRUTH, f"behind {sign}")
            equal = term.equal + other.equal if sign == "&&" else ()
            term = Term(TRUTH, f"({term.text} {sign} {other.text})", term.constant and other.constant, equal=equal)
        return term

    def relation(self) -> Term:
        term = self.sum()
        if sign := self.met("==", "!=", "<", "<=", ">", ">="):
            other = self.sum()
            self.alike(term, other, sign)
            if sign not in ("==", "!=") and term.type.kind in (Kind.TRUTH, Kind.TEXTS, Kind.TEXT):
                self.fail(f"{term.type} on a side of {sign}", "compare it with == or !=")
            equal: tuple[tuple[FactName, FactName], ...] = ()
            if sign == "==" and term.type == TEXT and term.fact and other.fact and term.fact.side != other.fact.side:
                pair = (term.fact, other.fact) if term.fact.side == "a" else (other.fact, term.fact)
                equal = (pair,)
            return Term(TRUTH, f"({term.text} {sign} {other.text})", term.constant and other.constant, equal=equal)
        if self.kind() == "name" and self.peek() == "in":
            self.take()
            other = self.sum()
            self.must(term, TEXT, "before in")
            self.must(other, TEXTS, "behind in")
            return Term(TRUTH, f"({term.text} in {other.text})", term.constant and other.constant)
        return term

    def sum(self) -> Term:
        term = self.product()
        while sign := self.met("+", "-"):
            other = self.product()
            if term.type.kind not in (Kind.NUMBER, Kind.QUANTITY, Kind.MONEY):
                self.fail(f"{term.type} on a side of {sign}", "add numbers, quantities or money")
            self.alike(term, other, sign)
            term = Term(term.type, f"({term.text} {sign} {other.text})", term.constant and other.constant)
        return term

    def product(self) -> Term:
        term = self.unary()
        while sign := self.met("*", "/", "%"):
            term = self.scaled(term, sign, self.unary())
        return term

    def scaled(self, term: Term, sign: str, other: Term) -> Term:
        constant = term.constant and other.constant
        for one in (term, other):
            if one.type.kind not in (Kind.NUMBER, Kind.QUANTITY, Kind.MONEY):
                self.fail(f"{one.type} on a side of {sign}", "multiply or divide numbers, quantities or money")
        if sign == "*":
            if NUMBER not in (term.type, other.type):
                self.fail(f"{term.type} times {other.type}", "multiply by a number")
            kind = other.type if term.type == NUMBER else term.type
            return Term(kind, f"({term.text} * {other.text})", constant)
        if sign == "%":
            self.fail("%, for which numbers here are too fine", "write / and compare")
        if other.type != NUMBER and other.type != term.type:
            self.fail(f"{term.type} divided by {other.type}", "divide by a number, or by the same kind of amount")
        if other.constant and number_of(other.text) == 0:
            self.fail("a division by zero", "divide by something else")
        self.divisions += 1
        if self.divisions > MOST_DIVISIONS:
            self.fail(
                f"more than {MOST_DIVISIONS} divisions", "multiply instead: x / y <= z is x <= z * y where y is above 0"
            )
        kind = NUMBER if other.type != NUMBER else term.type
        # No quotient is no number: 1.0 / 0.0 would be infinite, and pass for very large.
        guarded = f"({other.text} == 0.0 ? double(1 / int({other.text})) : {term.text} / {other.text})"
        return Term(kind, guarded, constant)

    def unary(self) -> Term:
        if self.met("!"):
            term = self.unary_within()
            self.must(term, TRUTH, "behind !")
            return Term(TRUTH, f"(!{term.text})", term.constant)
        if self.met("-"):
            term = self.unary_within()
            if term.type.kind not in (Kind.NUMBER, Kind.QUANTITY, Kind.MONEY):
                self.fail(f"{term.type} behind -", "negate a number, quantity or money")
            return Term(term.type, f"(-{term.text})", term.constant)
        return self.member()

    def unary_within(self) -> Term:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"an expression more than {DEEPEST} levels deep", "write a flatter one")
        term = self.unary()
        self.depth -= 1
        return term

    # ── What stands between them ───────────────────────────────────────────────────────────────────────────────────

    def member(self) -> Term:
        term = self.primary()
        while self.met("."):
            name = self.take()
            self.expect("(")
            term = self.loop(term, name) if name in _LOOPS else self.method(term, name)
        if self.kind() == "sign" and self.peek() == "[":
            self.fail(
                "an entry of a list by its number", 'ask for any of them: "x" in b.list, or b.list.exists(e, ...)'
            )
        return term

    def method(self, term: Term, name: str) -> Term:
        if name not in ("contains", "startsWith", "endsWith", "matches"):
            self.fail(f"{shown_token(name)}, which is no function here", "the functions are " + _FUNCTIONS)
        self.must(term, TEXT, f"before .{name}")
        if name == "matches":
            if self.kind() != "text":
                self.fail("a pattern that is not written down", "write the pattern itself in quotes")
            pattern = text_of(self.take())
            argument = pattern_term(pattern)
            self.spend(pattern_cost(pattern))
        else:
            argument = self.expression()
            self.must(argument, TEXT, f"in {name}")
        self.expect(")")
        return Term(TRUTH, f"{term.text}.{name}({argument.text})", term.constant and argument.constant)

    def spend(self, cost: int) -> None:
        """Count what a pattern costs whenever the expression is worked out; within a loop that is once an entry."""
        if self.variable is not None:
            self.matching_in_loops += cost
        else:
            self.matching += cost
        if self.matching > DEAREST_PATTERN or self.matching_in_loops > DEAREST_IN_A_LOOP:
            self.fail(
                "patterns that take too long to make ready",
                "write classes such as [a-z0-9] instead of \\\\w, smaller counts, and few patterns within a loop",
            )

    def loop(self, term: Term, name: str) -> Term:
        self.must(term, TEXTS, f"before .{name}")
        if self.variable is not None:
            found = f"a loop within a loop: up to {MOST_ENTRIES:,} × {MOST_ENTRIES:,} elements"
            self.fail(found, f"loop over one list of up to {MOST_ENTRIES:,}")
        variable = self.take()
        if variable in ("a", "b") or not variable.isidentifier():
            self.fail(f"{shown_token(variable)} as the name of a list's entry", f"write .{name}(entry, ...)")
        self.expect(",")
        self.variable = variable
        inner = self.expression()
        self.variable = None
        self.must(inner, TRUTH, f"in {name}")
        self.expect(")")
        return Term(TRUTH, f"{term.text}.{name}(e_{variable}, {inner.text})", False)

    def primary(self) -> Term:
        kind = self.kind()
        if self.met("("):
            term = self.expression()
            self.expect(")")
            return term
        if self.met("["):
            return self.listing()
        token = self.take()
        match kind:
            case "number":
                number = float(token)
                if not math.isfinite(number):
                    self.fail("a number beyond count", "write a smaller one")
                return Term(NUMBER, double(number), True)
            case "text":
                return Term(TEXT, json.dumps(fold(text_of(token)), ensure_ascii=False), True)
            case "name" if token in ("true", "false"):
                return Term(TRUTH, token, True)
            case "name" if token in ("a", "b"):
                name = self.fact(token)
                return self.of_fact(name, Form.COMPARED)
            case "name" if token == self.variable:
                return Term(TEXT, f"e_{token}")
            case "name" if self.met("("):
                return self.function(token)
        self.fail(
            f"{shown_token(token)} where a fact or a value should stand" if token else "an expression that breaks off",
            "name facts as a.NAME and b.NAME, texts in quotes",
        )

    def listing(self) -> Term:
        entries: list[Term] = []
        while not self.met("]"):
            if entries:
                self.expect(",")
            entries.append(self.expression())
            self.must(entries[-1], TEXT, "in a list")
        return Term(TEXTS, f"[{', '.join(one.text for one in entries)}]", all(one.constant for one in entries))

    def function(self, name: str) -> Term:
        if name == "has":
            side = self.take()
            if side not in ("a", "b"):
                self.fail(f"has({side})", "write has(a.NAME)")
            fact = self.fact(side)
            self.type_of(fact)
            self.optional.append(fact)
            self.expect(")")
            return Term(TRUTH, self.variable_of(fact, Form.THERE))
        if name == "plain":
            return self.plain()
        if name in ("quantity", "moment"):
            if self.kind() != "text":
                self.fail(
                    f"{name}() of something else than a text",
                    f'write {name}("5 mm")' if name == "quantity" else 'write moment("2026-01-31T00:00:00Z")',
                )
            text = text_of(self.take())
            self.expect(")")
            return quantity_term(text) if name == "quantity" else moment_term(text)
        if name == "size":
            term = self.expression()
            if term.type not in (TEXT, TEXTS):
                self.fail(f"size() of {term.type}", "ask for the size of a text or a list")
            self.expect(")")
            return Term(NUMBER, f"double(size({term.text}))", term.constant)
        self.fail(f"{shown_token(name)}, which is no function here", "the functions are " + _FUNCTIONS)

    def plain(self) -> Term:
        """A text or a list without what only spelling puts into it; it is made before, not by the engine."""
        if self.kind() == "text":
            term = Term(TEXT, json.dumps(plain(text_of(self.take()))), True)
        elif self.peek() in ("a", "b"):
            side = self.take()
            fact = self.fact(side)
            term = self.of_fact(fact, Form.PLAIN)
            if term.type not in (TEXT, TEXTS):
                self.fail(f"plain() of {term.type}", "write plain() around a text or a list of texts")
        else:
            self.fail("plain() of an expression", "write plain() around a fact or a text")
        self.expect(")")
        return term

    def fact(self, side: str) -> FactName:
        self.expect(".")
        return FactName(side, self.take())

    def of_fact(self, name: FactName, form: Form) -> Term:
        kind = self.type_of(name)
        self.facts.append(name)
        return Term(kind, self.variable_of(name, form), fact=name if form is Form.COMPARED else None)

    def variable_of(self, name: FactName, form: Form) -> str:
        variable = Variable(f"{form}_{name.side}_{name.field}", name, form)
        self.variables.append(variable)
        return variable.text

    def type_of(self, name: FactName) -> Type:
        form = self.fields.get(name.field)
        if form is None:
            self.fail(
                f"{shown_token(str(name))}, but there is no such field", one_of(name.field, self.fields, "fields")
            )
        kind = type_of(form)
        if kind is None:
            what = (
                "money without a declared currency" if form.kind is FieldType.MONEY else f"a field of type {form.kind}"
            )
            self.fail(
                f"{name}, {what}, which a rule cannot compare",
                "use a text, a number, a quantity, a list of texts or a yes or no",
            )
        return kind

    # ── Types ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def must(self, term: Term, kind: Type, where: str) -> None:
        if term.type != kind:
            self.fail(f"{term.type} {where}", f"write {kind} there")

    def alike(self, one: Term, other: Term, sign: str) -> None:
        if one.type == other.type:
            return
        if Kind.QUANTITY in (one.type.kind, other.type.kind) and NUMBER in (one.type, other.type):
            instead = 'write the number with its unit, as quantity("5 mm")'
        else:
            instead = "hold like against like"
        self.fail(f"{one.type} {sign} {other.type}", instead)
