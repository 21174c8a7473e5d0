"""What systems and stewards state about two products, as evidence in a context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from resolvers.compatibility.applying import ProductFacts, schema_term
from resolvers.compatibility.declared import ANSWERS, CompatibilityMap
from resolvers.compatibility.evidence import Evidence, EvidenceKind, Nearness, Verdict
from resolvers.compatibility.narrowing import Context, narrow
from resolvers.compatibility.sentences import listed, opened
from resolvers.compatibility.viewing import Viewer
from resolvers.freshness import freshness
from resolvers.ownership import OwnershipMap, Steward
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
                if piece is not None:
                    yield piece

    def _evidence(
        self,
        statement: StoredStatement,
        nearness: Nearness,
        subject: tuple[ProductFacts, Keys],
        obj: tuple[ProductFacts, Keys],
        *,
        forwards: bool,
    ) -> Evidence | None:
        said = Verdict(statement.verdict)
        shown = self.viewer.answers if statement.source == ANSWERS else statement.source in self.viewer.sources
        text = statement.text if shown else None
        narrowed = narrow(said, statement.qualifiers, statement.condition, text, self.context)
        if narrowed.verdict is None:
            return None
        relation = self.declared.relations.get(statement.relation)
        first, second = (
            self._called(key, *side) for key, side in ((statement.subject, subject), (statement.object, obj))
        )
        title = (
            "does not go with"
            if narrowed.verdict is Verdict.INCOMPATIBLE
            else relation.title
            if relation
            else "goes with"
        )
        condition = f", on the condition: {listed(narrowed.conditions)}" if narrowed.conditions else ""
        max_age, steward = self._care(statement)
        return Evidence(
            kind=EvidenceKind.ANSWER if statement.source == ANSWERS else EvidenceKind.STATEMENT,
            verdict=narrowed.verdict,
            sentence=opened(f"{self._speaker(statement, shown)} that {first} {title} {second}{condition}"),
            nearness=nearness,
            rank=self.declared.rank(statement.source),
            relation=statement.relation if forwards else self.declared.inverse(statement.relation),
            schema_org=schema_term(self.declared, statement.relation, forwards=forwards),
            source=statement.source if shown else None,
            record_id=statement.record_id if shown else None,
            author=statement.author if shown else None,
            text=text,
            conditions=narrowed.conditions,
            last_updated=statement.last_updated,
            observed_at=statement.observed_at,
            expires_at=statement.expires_at,
            freshness=freshness(max_age, statement.last_updated, self.now),
            max_age=max_age,
            steward=steward if shown else None,
            bears=relation.bears if relation else True,
        )

    def _speaker(self, statement: StoredStatement, shown: bool) -> str:
        if statement.source == ANSWERS:
            return f"{(shown and statement.author) or 'A steward'} answered"
        declared = self.ownership.sources.get(statement.source)
        return f"{declared.declaration.title if shown and declared else ELSEWHERE} says"

    def _care(self, statement: StoredStatement) -> tuple[timedelta | None, Steward | None]:
        """How old what a source states may be, and who answers for it."""
        declared = self.ownership.sources.get(statement.source)
        if declared is None:
            return None, Steward(statement.author) if statement.author else None
        mappings = declared.declaration.statements
        ages = [one.max_age for one in mappings if one.max_age is not None]
        named = next((Steward(one.steward, one.contact) for one in mappings if one.steward), None)
        return min(ages, default=None), named or Steward(declared.declaration.title)

    def _called(self, key: str, product: ProductFacts, keys: Keys) -> str:
        """A party of a statement: the product, and what of it the statement names."""
        if keys[key] is Nearness.PRODUCT:
            return product.called
        if keys[key] is Nearness.VARIANT_PARENT:
            return f"{product.called} (by its parent)"
        scheme, _, value = key.partition("=")
        kind = scheme.removeprefix("field.")
        field = {"category": self.declared.category, "family": self.declared.family}.get(scheme, kind)
        return f"{product.called} (by its {kind} {value})" if field in self.viewer.fields else product.called
