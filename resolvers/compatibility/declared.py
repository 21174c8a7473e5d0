"""What whence.toml declares about compatibility: relations, rules, and the order in which evidence decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from resolvers.compatibility.expression_types import FactName, FieldForm
from resolvers.compatibility.expressions import Expression
from sources.ledger.statements import ANSWERS as ANSWERS  # as the order of evidence names them too
from sources.statements import party_key

if TYPE_CHECKING:
    from resolvers.compatibility.sentences import Template
    from resolvers.ownership import Steward

RULES = "rules"
"""What rules say, as the order of evidence names it."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How one product may stand to another: ``[relations.X]``. ``title`` is what a sentence says between the two."""

    name: str
    title: str
    inverse: str | None = None
    """The name of the same relation seen from the other product; None for one that is the same from both sides."""
    inverse_title: str | None = None
    bears: bool = True
    """Whether it says that the two go together: a product that replaces another need not."""
    schema_org: str | None = None
    inverse_schema_org: str | None = None

    @property
    def symmetric(self) -> bool:
        """Whether it is the same from both sides."""
        return self.inverse is None


BUILT_IN: Mapping[str, Relation] = MappingProxyType(
    {
        one.name: one
        for one in (
            Relation(
                "accessory-of", "is an accessory of", "has-accessory", "has as an accessory",
                schema_org="isAccessoryOrSparePartFor",
            ),
            Relation("part-of", "is a part of", "has-part", "has as a part", schema_org="isAccessoryOrSparePartFor"),
            Relation("consumable-for", "is a consumable for", "uses", "uses up", schema_org="isConsumableFor"),
            Relation("fits", "fits", "takes", "takes"),
            Relation("works-with", "works with"),
            Relation("replaces", "replaces", "replaced-by", "is replaced by", bears=False, schema_org="isSimilarTo",
                     inverse_schema_org="isSimilarTo"),
        )
    }
)  # fmt: skip
"""The relations that need no declaration; one that is declared under such a name takes its place."""

Pattern = Mapping[str, tuple[str, ...]]
"""Field to the values, as they are compared, one of which it must have."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``[rules.X]``: about any ``a`` and ``b`` that are of its patterns, and for which ``when`` holds."""

    name: str
    title: str
    a: Pattern
    b: Pattern
    when: Expression | None
    check: Expression
    holds: Template
    fails: Template
    relation: str | None = None
    conditions: tuple[str, ...] = ()
    """What must be so besides, where it holds."""
    steward: Steward | None = None
    used: tuple[tuple[FactName, bool], ...] = field(init=False)
    """The facts that its expressions are about, each with whether it must be there."""
    of_a: tuple[str, ...] = field(init=False)
    of_b: tuple[str, ...] = field(init=False)
    """The same facts' fields, by side."""

    def __post_init__(self) -> None:
        expressions = [one for one in (self.when, self.check) if one is not None]
        needed = {one for expression in expressions for one in expression.facts}
        names = dict.fromkeys(one for expression in expressions for one in (*expression.facts, *expression.optional))
        object.__setattr__(self, "used", tuple((one, one in needed) for one in names))
        for side in ("a", "b"):
            object.__setattr__(self, f"of_{side}", tuple(dict.fromkeys(one.field for one in names if one.side == side)))


@dataclass(frozen=True, slots=True)
class ParentField:
    """The field that names a variant's parent, by an identifier of ``scheme``."""

    field: str
    scheme: str = "sku"

    def child_key(self, value: str) -> str:
        """The key of all products whose parent has this identifier, which is normalised."""
        return party_key(f"field.{self.field}.parent", value)


@dataclass(frozen=True)
class CompatibilityMap:
    """``[compatibility]``, ``[relations]`` and ``[rules]``."""

    relations: Mapping[str, Relation] = field(default_factory=lambda: BUILT_IN)
    rules: tuple[Rule, ...] = ()
    forms: Mapping[str, FieldForm] = field(default_factory=dict)
    """The fields as expressions see them."""
    name: str | None = None
    """The field that a sentence calls a product by."""
    category: str | None = None
    family: str | None = None
    parent: ParentField | None = None
    evidence: tuple[frozenset[str], ...] = ()
    """Sources, ``rules`` and ``answers``, the strongest first; what is not named comes last."""
    steward: Steward | None = None
    """Whose question a pair is of which nothing is known."""
    named: frozenset[str] = frozenset()
    """The fields by whose texts statements name whole kinds of products."""
    traits: frozenset[str] = frozenset()
    """These, the fields by whose texts rules tell products apart, and the one that names a parent: they are indexed."""
    answers_last: timedelta = timedelta(days=365)

    @cached_property
    def rules_by_trait(self) -> Mapping[str, Mapping[str, Sequence[tuple[int, str, Pattern]]]]:
        """By the first field of each side's pattern and each of its values: the places of the rules, the side, and what
        else it asks for."""
        found: dict[str, dict[str, list[tuple[int, str, Pattern]]]] = {}
        for number, rule in enumerate(self.rules):
            for side, pattern in (("a", rule.a), ("b", rule.b)):
                (name, values), *others = pattern.items()
                for value in values:
                    found.setdefault(name, {}).setdefault(value, []).append((number, side, dict(others)))
        return found

    def rank(self, voice: str) -> int:
        """How far behind the strongest a source's statements are, or rules, or answers."""
        for place, voices in enumerate(self.evidence):
            if voice in voices:
                return place
        return len(self.evidence)

    @cached_property
    def turned(self) -> Mapping[str, Relation]:
        """The relations by what they are called from the other side."""
        return {one.inverse: one for one in self.relations.values() if one.inverse is not None}

    def inverse(self, name: str | None) -> str | None:
        """The relation seen from the other side."""
        relation = self.relations.get(name or "")
        return relation.inverse or relation.name if relation else None
