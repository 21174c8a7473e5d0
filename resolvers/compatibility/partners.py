"""Partners: the products that may go with one, found without trying every pair, and judged a page at a time.

Whatever a statement names together with the product, and whatever is of the other side of a rule, comes from the ledger's
indexes, in the order of product ids, so that a page goes on where the last one ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from resolvers.compatibility.applying import ProductFacts
from resolvers.compatibility.declared import Rule
from resolvers.compatibility.evidence import Judgement, Verdict
from resolvers.compatibility.hearing import Hearing
from resolvers.compatibility.judging import Asked, Judging
from resolvers.compatibility.narrowing import Context
from resolvers.compatibility.viewing import Viewer
from sources.failures import Failure
from sources.folding import fold
from sources.ledger.statements import MOST_CANDIDATES, Trait, identifiers_of, products_by_key
from sources.ledger.winners import WinnersRow
from sources.statements import trait_key

FEWEST, AT_ONCE = 10, MOST_CANDIDATES
"""Candidates that are judged together: at first some more than fit on the page, then as many as are likely to fill it."""
MOST_ROUNDS = 10
"""Rounds of candidates for one page; a page that is not full then says where to go on."""
DEFAULT_VERDICTS = frozenset({Verdict.COMPATIBLE, Verdict.CONDITIONAL, Verdict.CONFLICTING})


@dataclass(frozen=True, slots=True)
class PartnerPage:
    """A page of partners. ``reached`` is how far it came, None where none is left; behind it there may be none either.
    ``failures`` are the systems that could not be reached for it, also where it is empty: that may be why."""

    found: tuple[Judgement, ...]
    reached: UUID | None
    failures: dict[str, Failure]


@dataclass(frozen=True, slots=True)
class Partners:
    """Finds partners by one ownership map."""

    judging: Judging

    async def page(
        self,
        product: UUID,
        context: Context,
        viewer: Viewer,
        *,
        size: int,
        after: UUID | None = None,
        verdicts: Collection[Verdict] = DEFAULT_VERDICTS,
        categories: Sequence[str] | None = None,
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> PartnerPage:
        """Up to ``size`` products behind ``after`` of which the verdict is one of ``verdicts``. ``rows`` holds the winners of
        ``product``, if it has any, where the caller has looked them up."""
        asked = await self.judging.ask(product, context, viewer, rows=rows)
        parties = [(scheme, value) for scheme, _, value in (key.partition("=") for key in sorted(asked.partners))]
        traits = self._traits(parties, asked, fitting=DEFAULT_VERDICTS.issuperset(verdicts))
        single = [party for party in parties if party[0] in _SINGLE]
        traits += await self._children(single)
        category = self.judging.ownership.compatibility.category if categories else None
        wanted = {fold(one) for one in categories or ()}
        kinds = None if category is None else [trait_key(f"field.{category}", one) for one in wanted]
        found: list[tuple[Hearing, UUID]] = []
        failures = dict(asked.failures)
        # What statements name mostly fits; of what a rule is about, much does not.
        together, examined = min(2 * size + FEWEST if traits else size + FEWEST, AT_ONCE), 0
        for _ in range(MOST_ROUNDS):
            rules = self.judging.reader.rules
            batch = await products_by_key(
                self.judging.pool, single, traits, viewer.sources, after, together, rules, kinds
            )
            candidates = {one: candidate for one, candidate in batch.items() if one != product}
            if candidates:
                hearing = await self.judging.hear_candidates(asked, candidates)
                failures.update(hearing.failures)
                for one in candidates:
                    facts = hearing.known[one].facts
                    if category is None or wanted.intersection(facts.texts(category)):
                        if hearing.verdict(one) in verdicts:
                            found.append((hearing, one))
                        if len(found) > size:
                            break
            examined += len(batch)
            ended = len(batch) < together
            if len(found) > size or (len(found) == size and not ended):
                return PartnerPage(await self._told(found[:size], viewer), found[size - 1][1], failures)
            if ended:
                return PartnerPage(await self._told(found, viewer), None, failures)
            share = max(len(found), 1) / examined
            after, together = next(reversed(batch)), min(FEWEST + int((size - len(found)) / share), AT_ONCE)
        return PartnerPage(await self._told(found, viewer), after, failures)

    async def _told(self, found: Sequence[tuple[Hearing, UUID]], viewer: Viewer) -> tuple[Judgement, ...]:
        """The judgements of those that are on the page: what the others are called is not read."""
        await self.judging.knowing.name([hearing.known[one].facts for hearing, one in found], viewer)
        return tuple(hearing.judgement(one) for hearing, one in found)

    def _traits(self, parties: Sequence[tuple[str, str]], asked: Asked, *, fitting: bool) -> list[Trait]:
        """Whole kinds of products: those that statements name, and the other sides of rules; ``fitting``: of these only what
        has the text that the rule wants to be the same."""
        declared = self.judging.ownership.compatibility
        fields = {"category": declared.category, "family": declared.family}
        found = []
        for scheme, value in parties:
            if scheme in fields:
                found.append(Trait(f"field.{fields[scheme]}={value}"))
            elif scheme not in _SINGLE:
                found.append(Trait(f"{scheme}={value}"))
        own = asked.own.facts
        for number, sides in asked.book.sides(own).items():
            rule = declared.rules[number]
            for theirs, turned in [(rule.b, False)] * ("a" in sides) + [(rule.a, True)] * ("b" in sides):
                name, values = next(iter(theirs.items()))
                for also in self._alike(rule, own, turned=turned) if fitting else (None,):
                    found += [Trait(f"field.{name}={value}", also) for value in values]
        return list(dict.fromkeys(found))

    async def _children(self, parties: Sequence[tuple[str, str]]) -> list[Trait]:
        """The variants of single products that statements name: what is said of their parent is said of them."""
        parent = self.judging.ownership.compatibility.parent
        if parent is None or not parties:
            return []
        values = [value for scheme, value in parties if scheme == parent.scheme]
        values += await identifiers_of(self.judging.pool, parties, parent.scheme)
        return [Trait(parent.child_key(value)) for value in dict.fromkeys(values)]

    @staticmethod
    def _alike(rule: Rule, own: ProductFacts, *, turned: bool) -> Sequence[str | None]:
        """What a product must have for which a rule holds, beside being of its other side; nothing where none can."""
        if not rule.check.equal:
            return (None,)
        mine, theirs = rule.check.equal[0][::-1] if turned else rule.check.equal[0]
        return [trait_key(f"field.{theirs.field}", text) for text in own.texts(mine.field)]


_SINGLE = frozenset({"id", "record", "sku", "gtin", "mpn", "brand+mpn", "name"})
"""The schemes of keys that name single products."""
