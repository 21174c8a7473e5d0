"""Rules applied to two products: which apply, whether they hold, and which fact they lack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from resolvers.compatibility.declared import RULES, CompatibilityMap, Pattern, Rule
from resolvers.compatibility.evidence import Evidence, EvidenceKind, Missing, Nearness, UsedFact, Verdict
from resolvers.compatibility.expression_types import FactName, FieldForm, Operand, operand
from resolvers.compatibility.expressions import Undecided
from resolvers.compatibility.sentences import opened
from resolvers.facts import Fact, Freshness
from resolvers.reader import WinningFacts
from sources.folding import fold
from sources.values import Value, display


@dataclass(slots=True)
class ProductFacts:
    """One product: what it is called, and its facts, each put together once and where it is told: most that a rule compares
    are not. What its records call it is read of those products alone that are told of."""

    product: UUID
    read: WinningFacts
    forms: Mapping[str, FieldForm]
    called: str = ""
    confirmed: Mapping[str, datetime] | None = None
    """Source to when what is known of it was last known to be so; None where its records were not read."""
    sides: Mapping[int, str] | None = None
    """The places of the rules that it is a side of, in their order, and of which (``ab``: of both), once somebody looked."""
    _facts: dict[str, Fact] = field(default_factory=dict)
    _values: dict[str, Value] = field(default_factory=dict)
    _operands: dict[str, Operand | None] = field(default_factory=dict)
    _texts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def fact(self, name: str) -> Fact:
        """One of the fields that were read."""
        found = self._facts.get(name)
        if found is None:
            assert self.confirmed is not None, "whoever is told of has a name"
            found = self._facts[name] = self.read.fact(name, self.confirmed)
        return found

    def value(self, name: str) -> Value:
        """The value of one of them."""
        if name not in self._values:
            self._values[name] = self.read.value(name)
        return self._values[name]

    def operand(self, name: str) -> Operand | None:
        """The same as expressions see it; None where there is none that they can use."""
        if name not in self._operands:
            value = self.value(name)
            self._operands[name] = None if value is None else operand(self.forms[name], value)
        return self._operands[name]

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a field, as they are compared."""
        found = self._texts.get(name)
        if found is None:
            value = self.value(name)
            values = () if value is None else (value,) if isinstance(value, str) else value
            found = self._texts[name] = tuple(fold(one) for one in values)
        return found

    def spelt(self, name: str, text: str) -> str:
        """A text of a field as the product has it, for ``text`` as it is compared."""
        value = self.value(name)
        values = () if value is None else (value,) if isinstance(value, str) else value
        return next((one for one in values if fold(one) == text), text)

    def is_of(self, pattern: Pattern) -> bool:
        """Whether each field of a pattern has one of its values."""
        return all(any(text in values for text in self.texts(name)) for name, values in pattern.items())


def fields_of(declared: CompatibilityMap, rules: Iterable[Rule] | None = None) -> frozenset[str]:
    """Every field that a verdict may need; with ``rules``, where no others are about the products. Which rules are about
    a product is looked up by the first field of every rule."""
    own = (declared.name, declared.category, declared.family, declared.parent.field if declared.parent else None)
    found = {name for name in own if name is not None} | declared.named | declared.rules_by_trait.keys()
    for rule in declared.rules if rules is None else rules:
        found |= rule.a.keys() | rule.b.keys()
        for expression in (rule.when, rule.check):
            if expression is not None:
                found |= {one.field for one in (*expression.facts, *expression.optional)}
        found |= {one.field for template in (rule.holds, rule.fails) for one in template.facts}
    return frozenset(found)


class Applied(NamedTuple):
    """A rule that is about two products, what it says of them, and the facts that it lacks; UNKNOWN without lacking any is
    one that would divide by zero. ``forwards``: ``a`` is the product that was asked about."""

    rule: Rule
    verdict: Verdict
    a: ProductFacts
    b: ProductFacts
    forwards: bool
    lacks: tuple[FactName, ...] = ()


Said = tuple[Verdict, tuple[FactName, ...]] | None
"""What a rule says and the facts that it lacks; None where it is not about the two products after all."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What rules said of one product and others, kept by what they looked at: many products have the same values."""

    rules: frozenset[int]
    """The places of the rules that the one is a side of: no other is looked at."""
    fields: tuple[str, ...]
    """By whose texts these tell products apart."""
    said: dict[tuple[int, bool, tuple[str, ...]], Said] = field(default_factory=dict)
    """By the place of a rule, its direction, and the values of the other that it is about."""
    sides: dict[tuple[str, ...], Mapping[int, str]] = field(default_factory=dict)
    """The sides of others, by the values of ``fields``."""


@dataclass(frozen=True)
class RuleBook:
    """The rules of a map, applied. ``seen`` are the fields that the asker may see, None for all.

    ``settled`` is there where one product is held against many: see :meth:`against`."""

    declared: CompatibilityMap
    seen: Collection[str] | None = None
    settled: Settled | None = None

    def apply(self, one: ProductFacts, other: ProductFacts) -> list[Applied]:
        """What the rules that are about the two say, and which facts they lack."""
        theirs = self.sides(other)
        found = []
        for number, mine in self.sides(one).items():
            side = theirs.get(number, "")
            forwards = "a" in mine and "b" in side
            if forwards or ("b" in mine and "a" in side):
                said = self._settled(number, one, other, forwards=forwards)
                if said is not None:
                    a, b = (one, other) if forwards else (other, one)
                    found.append(Applied(self.declared.rules[number], said[0], a, b, forwards, said[1]))
        return found

    def about(self, product: ProductFacts) -> list[Rule]:
        """The rules that a product is a side of."""
        return [self.declared.rules[number] for number in self.sides(product)]

    def against(self, product: ProductFacts) -> RuleBook:
        """The same, for holding others against ``product`` alone: each rule about it is asked once for a set of values."""
        rules = self.about(product)
        fields = dict.fromkeys(name for rule in rules for pattern in (rule.a, rule.b) for name in pattern)
        return RuleBook(self.declared, self.seen, Settled(frozenset(self.sides(product)), tuple(fields)))

    def sides(self, product: ProductFacts) -> Mapping[int, str]:
        """The places of the rules that a product is a side of, in their order, and of which: ``a``, ``b``, ``ab``."""
        if product.sides is None:
            told = product.read.told(self.settled.fields) if self.settled is not None else None
            if self.settled is None or told is None:
                product.sides = self._sides(product)
            else:
                if told not in self.settled.sides:
                    self.settled.sides[told] = self._sides(product)
                product.sides = self.settled.sides[told]
        return product.sides

    def _sides(self, product: ProductFacts) -> Mapping[int, str]:
        found: dict[int, str] = {}
        about = self.settled.rules if self.settled is not None else range(len(self.declared.rules))
        for name, by_text in self.declared.rules_by_trait.items():
            for text in product.texts(name):
                for number, side, others in by_text.get(text, ()):
                    sides = found.get(number, "")
                    if number in about and side not in sides and (not others or product.is_of(others)):
                        found[number] = sides + side
        return dict(sorted(found.items()))

    def untold(self, one: ProductFacts, other: ProductFacts) -> Iterator[Missing]:
        """The facts for lack of which no rule is known to be about the two."""
        if not self.declared.rules or self.declared.category is None:
            return
        for product in (one, other):
            fact = product.fact(self.declared.category)
            if fact.value is None:
                yield self._lacks(product, fact, None)

    def _settled(self, number: int, one: ProductFacts, other: ProductFacts, *, forwards: bool) -> Said:
        """What a rule says, asked for each set of values of ``other`` once."""
        rule = self.declared.rules[number]
        a, b = (one, other) if forwards else (other, one)
        told = other.read.told(rule.of_b if forwards else rule.of_a) if self.settled is not None else None
        if self.settled is None or told is None:
            return self._said(rule, a, b)
        key = (number, forwards, told)
        said = self.settled.said
        if key not in said:
            said[key] = self._said(rule, a, b)
        return said[key]

    @staticmethod
    def _said(rule: Rule, a: ProductFacts, b: ProductFacts) -> Said:
        """What a rule says; None where it is not about the two after all."""

        def operand(name: FactName) -> Operand | None:
            return (a if name.side == "a" else b).operand(name.field)

        for expression in (rule.when, rule.check):
            if expression is None:
                continue
            try:
                holds = expression.holds(operand)
            except Undecided:
                return Verdict.UNKNOWN, ()
            if isinstance(holds, tuple):
                return Verdict.UNKNOWN, holds
            if expression is rule.when and not holds:
                return None
        if not holds:
            return Verdict.INCOMPATIBLE, ()
        return Verdict.CONDITIONAL if rule.conditions else Verdict.COMPATIBLE, ()

    def missing(self, applied: Applied) -> list[Missing]:
        """The facts that a rule lacks."""
        sides = {"a": applied.a, "b": applied.b}
        return [
            self._lacks(sides[name.side], sides[name.side].fact(name.field), applied.rule) for name in applied.lacks
        ]

    def evidence(self, applied: Applied, *, decisive: bool = False) -> Evidence:
        """What a rule says, as a piece of evidence."""
        rule, verdict, a, b = applied.rule, applied.verdict, applied.a, applied.b
        used = [
            UsedFact(side.product, side.fact(name))
            for (which, name), needed in rule.used
            for side in (a if which == "a" else b,)
            if needed or side.value(name) is not None
        ]
        there = [one.fact for one in used if one.fact.value is not None]
        fresh = {one.freshness for one in there}
        shown = tuple(one for one in used if self.seen is None or one.fact.definition.name in self.seen)
        owners = (one.fact.definition.steward for one in shown if one.fact.definition.steward is not None)
        return Evidence(
            kind=EvidenceKind.RULE,
            verdict=verdict,
            sentence=opened(self.sentence(applied)),
            nearness=Nearness.PRODUCT,
            rank=self.declared.rank(RULES),
            relation=rule.relation if applied.forwards else self.declared.inverse(rule.relation),
            schema_org=schema_term(self.declared, rule.relation, forwards=applied.forwards),
            rule=rule.name,
            conditions=rule.conditions if verdict is Verdict.CONDITIONAL else (),
            last_updated=min((one.last_updated for one in there if one.last_updated), default=None),
            observed_at=min((one.observed_at for one in there if one.observed_at), default=None),
            freshness=next(
                (one for one in (Freshness.STALE, Freshness.UNKNOWN, Freshness.FRESH) if one in fresh),
                Freshness.UNKNOWN,
            ),
            steward=rule.steward or next(owners, None),
            facts=shown,
            decisive=decisive,
        )

    def sentence(self, applied: Applied) -> str:
        """What a rule says, to be read out."""
        rule, a, b = applied.rule, applied.a, applied.b
        if applied.lacks:
            return "It cannot be told: " + " and ".join(one.sentence for one in self.missing(applied))
        if applied.verdict is Verdict.UNKNOWN:
            return f"{rule.title}: it cannot be worked out for {a.called} and {b.called}, for it would divide by zero"
        holds = applied.verdict is not Verdict.INCOMPATIBLE
        template = rule.holds if holds else rule.fails
        if self._hidden(one.field for one in template.facts):
            return f"what is known of {a.called} and {b.called} {'fits' if holds else 'does not fit'} together"
        return template.filled(lambda hole: self._read_out(hole, a if hole.side == "a" else b))

    def _lacks(self, product: ProductFacts, fact: Fact, rule: Rule | None) -> Missing:
        definition = fact.definition
        name = rule.name if rule else None
        if self.seen is not None and definition.name not in self.seen:
            return Missing(f"something about {product.called} is not known", steward=self.declared.steward, rule=name)
        why = "could not be asked for" if fact.status.value == "UNAVAILABLE" else "is not known"
        if fact.value is not None:
            why = f"is {display(definition.type, fact.value)}, which cannot be compared"
        sentence = f"the {definition.label.lower()} of {product.called} {why}"
        return Missing(sentence, product.product, definition, definition.steward or self.declared.steward, name)

    def _hidden(self, fields: Iterable[str]) -> bool:
        return self.seen is not None and any(name not in self.seen for name in fields)

    @staticmethod
    def _read_out(hole: FactName, product: ProductFacts) -> str:
        if not hole.field:
            return product.called
        fact = product.fact(hole.field)
        return display(fact.definition.type, fact.value) if fact.value is not None else "unknown"


def schema_term(declared: CompatibilityMap, relation: str | None, *, forwards: bool) -> str | None:
    """schema.org's term for a relation as seen from one side, where it has one."""
    found = declared.relations.get(relation or "")
    if found is None:
        return None
    return found.schema_org if forwards or found.symmetric else found.inverse_schema_org
