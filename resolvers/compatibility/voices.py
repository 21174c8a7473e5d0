"""What systems and stewards state about two products, as evidence in a context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from resolvers.compatibility.applying import ProductFacts, schema_term
from resolvers.compatibility.declared import ANSWERS, CompatibilityMap, Relation
from resolvers.compatibility.evidence import Evidence, EvidenceKind, Nearness, Verdict
from resolvers.compatibility.narrowing import Context, narrow
from resolvers.compatibility.sentences import opened
from resolvers.compatibility.viewing import Viewer
from resolvers.freshness import freshness
from resolvers.ownership import OwnershipMap, Steward
from sources.folding import fold
from sources.ledger.statements import StoredStatement

Keys = Mapping[str, Nearness]
"""What a product is known by in statements, and how near to itself that is."""
ELSEWHERE = "another system"


@dataclass(frozen=True)
class Voices:
    """The statements of a map's sources, heard for ``viewer``."""

    ownership: OwnershipMap
    context: Context
    now: datetime
    viewer: Viewer

    @property
    def declared(self) -> CompatibilityMap:
        """What the map says about compatibility."""
        return self.ownership.compatibility

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Source to its title."""
        return {name: source.declaration.title for name, source in self.ownership.sources.items()}

    def hear(
        self, statements: Iterable[StoredStatement], one: ProductFacts, own: Keys, other: ProductFacts, theirs: Keys
    ) -> Iterator[Evidence]:
        """What ``statements`` say about ``one`` and ``other``, as seen from ``one``."""
        for statement in statements:
            ways = []
            if statement.subject in own and statement.object in theirs:
                ways.append((max(own[statement.subject], theirs[statement.object]), True))
            if statement.object in own and statement.subject in theirs:
                ways.append((max(own[statement.object], theirs[statement.subject]), False))
            if ways:
                nearness, forwards = min(ways, key=lambda way: (way[0], not way[1]))
                subject, obj = ((one, own), (other, theirs)) if forwards else ((other, theirs), (one, own))
                piece = self._evidence(statement, nearness, subject, obj, forwards=forwards)
                yield piece

    def _evidence(
        self,
        statement: StoredStatement,
        nearness: Nearness,
        subject: tuple[ProductFacts, Keys],
        obj: tuple[ProductFacts, Keys],
        *,
        forwards: bool,
    ) -> Evidence:
        said = Verdict(statement.verdict)
        shown = self.viewer.answers if statement.source == ANSWERS else statement.source in self.viewer.sources
        text = statement.text if shown else None
        narrowed = narrow(said, statement.qualifiers, statement.condition if shown else None, text, self.context)
        relation, turned = self._relation(statement.relation)
        first, second = (
            self._called(key, *side) for key, side in ((statement.subject, subject), (statement.object, obj))
        )
        no = said is Verdict.INCOMPATIBLE
        title = "does not go with" if no else self._title(relation, turned=turned)
        sentence = f"{self._speaker(statement, shown)} that {first} {title} {second}"
        if narrowed.only is not None:
            sentence += f", but only for {narrowed.only}"
        elif narrowed.condition is not None:
            sentence += f" for {narrowed.condition}" if no else f", on the condition: {narrowed.condition}"
        condition = f"only {narrowed.only}" if narrowed.only is not None else narrowed.condition
        max_age, steward = self._care(statement)
        return Evidence(
            kind=EvidenceKind.ANSWER if statement.source == ANSWERS else EvidenceKind.STATEMENT,
            verdict=narrowed.verdict or Verdict.UNKNOWN,
            sentence=opened(sentence),
            elsewhere=narrowed.only if narrowed.verdict is None else None,
            nearness=nearness,
            rank=self.declared.rank(statement.source),
            relation=self._name(statement.relation, relation, seen=forwards is not turned),
            schema_org=schema_term(self.declared, relation.name if relation else None, forwards=forwards is not turned),
            source=statement.source if shown else None,
            record_id=statement.record_id if shown else None,
            author=statement.author if shown else None,
            text=text,
            conditions=() if condition is None else (f"not for {condition}" if no else condition,),
            last_updated=statement.last_updated,
            observed_at=statement.observed_at,
            expires_at=statement.expires_at,
            freshness=freshness(max_age, statement.last_updated, self.now),
            max_age=max_age,
            steward=steward if shown else None,
            bears=relation is not None and relation.bears,
            voice=self._voice(statement, shown),
        )

    def _relation(self, name: str) -> tuple[Relation | None, bool]:
        """The relation that a statement names, and whether by what it is called from the other side."""
        found = self.declared.relations.get(name) or self.declared.relations.get(fold(name).replace(" ", "-"))
        if found is not None:
            return found, False
        return self.declared.turned.get(fold(name).replace(" ", "-")), True

    @staticmethod
    def _title(relation: Relation | None, *, turned: bool) -> str:
        if relation is None:
            return "has to do with"
        return (turned and relation.inverse_title) or relation.title

    @staticmethod
    def _name(given: str, relation: Relation | None, *, seen: bool) -> str:
        if relation is None:
            return given
        return relation.name if seen else relation.inverse or relation.name

    def _voice(self, statement: StoredStatement, shown: bool) -> str:
        if statement.source == ANSWERS:
            return (statement.author if shown else None) or "a steward"
        declared = self.ownership.sources.get(statement.source)
        return declared.declaration.title if shown and declared else ELSEWHERE

    def _speaker(self, statement: StoredStatement, shown: bool) -> str:
        return f"{self._voice(statement, shown)} {'answered' if statement.source == ANSWERS else 'says'}"

    def _care(self, statement: StoredStatement) -> tuple[timedelta | None, Steward | None]:
        """How old what a source states may be, and who answers for it."""
        declared = self.ownership.sources.get(statement.source)
        if declared is None:
            return None, Steward(statement.author) if statement.author else None
        mappings = declared.declaration.statements
        if not statement.mapping < len(mappings):  # one that the map in force does not declare, until it is read anew
            return None, Steward(declared.declaration.title)
        said = mappings[statement.mapping]
        return said.max_age, Steward(said.steward or declared.declaration.title, said.contact)

    def _called(self, key: str, product: ProductFacts, keys: Keys) -> str:
        """A party of a statement: the product, and what of it the statement names."""
        if keys[key] is Nearness.PRODUCT:
            return product.called
        if keys[key] is Nearness.VARIANT_PARENT:
            return f"{product.called} (by its parent)"
        scheme, _, value = key.partition("=")
        kind = scheme.removeprefix("field.")
        field = {"category": self.declared.category, "family": self.declared.family}.get(scheme, kind) or kind
        if field not in self.viewer.fields:
            return product.called
        label = self.ownership.fields[field].label.lower() if kind == field else kind
        return f"{product.called} (by its {label} {product.spelt(field, value)})"
