"""Rules applied to two products: which apply, whether they hold, and which fact they lack."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from resolvers.compatibility.declared import RULES, CompatibilityMap, Pattern, Rule
from resolvers.compatibility.evidence import Evidence, EvidenceKind, Missing, Nearness, UsedFact, Verdict
from resolvers.compatibility.expression_types import FactName, operand
from resolvers.compatibility.expressions import Expression, Undecided
from resolvers.compatibility.sentences import opened
from resolvers.facts import Fact, Freshness
from sources.folding import fold
from sources.values import FieldType, display


@dataclass
class ProductFacts:
    """One product: what it is called, and its facts, each assembled once."""

    product: UUID
    called: str
    read: Callable[[str], Fact]
    sides: Collection[tuple[int, str]] | None = None
    """The rules that it is a side of, once somebody looked."""
    _facts: dict[str, Fact] = field(default_factory=dict)
    _texts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def fact(self, name: str) -> Fact:
        """One of the fields that were read."""
        found = self._facts.get(name)
        if found is None:
            found = self._facts[name] = self.read(name)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a field, as they are compared."""
        found = self._texts.get(name)
        if found is None:
            value = self.fact(name).value
            several = self.fact(name).definition.type is FieldType.TEXT_LIST
            values = () if value is None else value if several else (str(value),)
            found = self._texts[name] = tuple(fold(one) for one in values)
        return found

    def is_of(self, pattern: Pattern) -> bool:
        """Whether each field of a pattern has one of its values."""
        return all(any(text in values for text in self.texts(name)) for name, values in pattern.items())


def fields_of(declared: CompatibilityMap, rules: Iterable[Rule] | None = None) -> frozenset[str]:
    """Every field that a verdict may need; with ``rules``, where no others are about the products."""
    own = (declared.name, declared.category, declared.family, declared.parent.field if declared.parent else None)
    found = {name for name in own if name is not None} | declared.named
    for rule in declared.rules if rules is None else rules:
        found |= rule.a.keys() | rule.b.keys()
        for expression in (rule.when, rule.check):
            if expression is not None:
                found |= {one.field for one in (*expression.facts, *expression.optional)}
        found |= {one.field for template in (rule.holds, rule.fails) for one in template.facts}
    return frozenset(found)


@dataclass(frozen=True)
class RuleBook:
    """The rules of a map, applied. ``seen`` are the fields that the asker may see, None for all."""

    declared: CompatibilityMap
    seen: Collection[str] | None = None

    def apply(self, one: ProductFacts, other: ProductFacts) -> tuple[list[Evidence], list[Missing]]:
        """What the rules that are about the two say, and which facts they lack."""
        found: list[Evidence] = []
        missing: list[Missing] = []
        mine, theirs = self._sides(one), self._sides(other)
        for number in sorted({number for number, _ in mine}):
            if (number, "a") in mine and (number, "b") in theirs:
                a, b = one, other
            elif (number, "b") in mine and (number, "a") in theirs:
                a, b = other, one
            else:
                continue
            rule = self.declared.rules[number]
            piece = self._apply(rule, a, b, missing, forwards=a is one)
            if piece is not None:
                found.append(piece)
        return found, missing

    def about(self, product: ProductFacts) -> list[Rule]:
        """The rules that a product is a side of."""
        return [self.declared.rules[number] for number in sorted({number for number, _ in self._sides(product)})]

    def _sides(self, product: ProductFacts) -> Collection[tuple[int, str]]:
        """The rules, by their places, that a product is one of the sides of, and which."""
        if product.sides is None:
            rules = self.declared.rules
            product.sides = {
                (number, side)
                for field, by_text in self.declared.rules_by_trait.items()
                for text in product.texts(field)
                for number, side in by_text.get(text, ())
                if product.is_of(rules[number].a if side == "a" else rules[number].b)
            }
        return product.sides

    def untold(self, one: ProductFacts, other: ProductFacts) -> Iterator[Missing]:
        """The facts for lack of which no rule is known to be about the two."""
        if not self.declared.rules or self.declared.category is None:
            return
        for product in (one, other):
            fact = product.fact(self.declared.category)
            if fact.value is None:
                yield self._lacks(product, fact, None)

    def _apply(
        self, rule: Rule, a: ProductFacts, b: ProductFacts, missing: list[Missing], *, forwards: bool
    ) -> Evidence | None:
        if rule.when is not None:
            lacks = self._lacking(rule.when, rule, a, b)
            if lacks:
                missing += lacks
                return self._piece(rule, Verdict.UNKNOWN, self._unsure(lacks), a, b, forwards)
            try:
                if not rule.when.holds(*self._operands(rule.when, a, b)):
                    return None
            except Undecided:
                return None
        lacks = self._lacking(rule.check, rule, a, b)
        if lacks:
            missing += lacks
            return self._piece(rule, Verdict.UNKNOWN, self._unsure(lacks), a, b, forwards)
        try:
            holds = rule.check.holds(*self._operands(rule.check, a, b))
        except Undecided:
            sentence = (
                f"{rule.title}: it cannot be worked out for {a.called} and {b.called}, for it would divide by zero"
            )
            return self._piece(rule, Verdict.UNKNOWN, sentence, a, b, forwards)
        verdict = Verdict.INCOMPATIBLE if not holds else Verdict.CONDITIONAL if rule.conditions else Verdict.COMPATIBLE
        template = rule.holds if holds else rule.fails
        if self._hidden(rule, (one.field for one in template.facts)):
            sentence = f"what is known of {a.called} and {b.called} {'fits' if holds else 'does not fit'} together"
        else:
            sentence = template.filled(lambda hole: self._read_out(hole, a if hole.side == "a" else b))
        return self._piece(rule, verdict, sentence, a, b, forwards)

    def _piece(
        self, rule: Rule, verdict: Verdict, sentence: str, a: ProductFacts, b: ProductFacts, forwards: bool
    ) -> Evidence:
        names = dict.fromkeys(one for expression in (rule.when, rule.check) if expression for one in expression.facts)
        used = [
            UsedFact((a if one.side == "a" else b).product, (a if one.side == "a" else b).fact(one.field))
            for one in names
        ]
        there = [one for one in used if one.fact.value is not None]
        fresh = {one.fact.freshness for one in there}
        owners = (one.fact.definition.steward for one in used if one.fact.definition.steward is not None)
        steward = rule.steward or next(owners, None)
        relation = rule.relation if forwards else self.declared.inverse(rule.relation)
        return Evidence(
            kind=EvidenceKind.RULE,
            verdict=verdict,
            sentence=opened(sentence),
            nearness=Nearness.PRODUCT,
            rank=self.declared.rank(RULES),
            relation=relation,
            schema_org=schema_term(self.declared, rule.relation, forwards=forwards),
            rule=rule.name,
            conditions=rule.conditions if verdict is Verdict.CONDITIONAL else (),
            last_updated=min((one.fact.last_updated for one in there if one.fact.last_updated), default=None),
            observed_at=min((one.fact.observed_at for one in there if one.fact.observed_at), default=None),
            freshness=next(
                (one for one in (Freshness.STALE, Freshness.UNKNOWN, Freshness.FRESH) if one in fresh),
                Freshness.UNKNOWN,
            ),
            steward=steward,
            facts=tuple(one for one in used if self.seen is None or one.fact.definition.name in self.seen),
        )

    def _lacking(self, expression: Expression, rule: Rule, a: ProductFacts, b: ProductFacts) -> list[Missing]:
        lacks = []
        for name in expression.facts:
            product = a if name.side == "a" else b
            if self._operand(name, product) is None:
                lacks.append(self._lacks(product, product.fact(name.field), rule))
        return lacks

    def _lacks(self, product: ProductFacts, fact: Fact, rule: Rule | None) -> Missing:
        definition = fact.definition
        name = rule.name if rule else None
        if self.seen is not None and definition.name not in self.seen:
            return Missing(f"something about {product.called} is not known", rule=name)
        why = "could not be asked for" if fact.status.value == "UNAVAILABLE" else "is not known"
        if fact.value is not None:
            why = f"is {display(definition.type, fact.value)}, which cannot be compared"
        sentence = f"the {definition.label.lower()} of {product.called} {why}"
        return Missing(sentence, product.product, definition, definition.steward or self.declared.steward, name)

    def _unsure(self, lacks: Sequence[Missing]) -> str:
        return "It cannot be told: " + " and ".join(one.sentence for one in lacks)

    def _operands(
        self, expression: Expression, a: ProductFacts, b: ProductFacts
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for name in (*expression.facts, *expression.optional):
            found = self._operand(name, a if name.side == "a" else b)
            if found is not None:
                sides[name.side == "b"][name.field] = found
        return sides

    def _operand(self, name: FactName, product: ProductFacts) -> tuple[Any, Any] | None:
        value = product.fact(name.field).value
        return None if value is None else operand(self.declared.forms[name.field], value)

    def _hidden(self, rule: Rule, fields: Iterator[str]) -> bool:
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
