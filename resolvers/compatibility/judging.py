"""Judging: does one product go with others? The ledger's statements, the rules and the facts of all of them, read together;
what they come to, :mod:`resolvers.compatibility.hearing` says.

A verdict costs three statements to the ledger, however many others there are: what the products are called, their facts,
and what is stated about them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from resolvers.compatibility.applying import ProductFacts, RuleBook, fields_of
from resolvers.compatibility.evidence import Nearness
from resolvers.compatibility.hearing import Hearing, Known
from resolvers.compatibility.narrowing import Context
from resolvers.compatibility.tally import Tally
from resolvers.compatibility.viewing import Viewer
from resolvers.compatibility.voices import Voices
from resolvers.lookup import Lookup, look_up
from resolvers.ownership import OwnershipMap
from resolvers.reader import Asker, Reader, WinningFacts
from sources.contract import Identifier, RecordKey
from sources.failures import Failure
from sources.folding import fold_name
from sources.identifiers import normalise_identifier
from sources.ledger.database import Pool
from sources.ledger.statements import (
    Candidate,
    ProductNames,
    StoredStatement,
    names_of,
    names_of_several,
    partner_keys,
    statements_about,
    statements_between,
)
from sources.ledger.winners import WinnersRow
from sources.statements import party_key, record_party, trait_key

LONGEST_CALLED = 200
"""Characters of a name in a sentence."""


KINDS = ("category=", "family=", "field.")
"""How the keys of whole kinds of products begin."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A product that others are held against, with what is the same for all of them."""

    own: Known
    partners: frozenset[str]
    """The keys of whatever some statement, even an expired one, names together with it."""
    statements: Sequence[StoredStatement] | None
    """What is stated about it today; None where that is more than is read for all candidates at once."""
    fields: frozenset[str]
    """The fields of others that verdicts may need."""
    context: Context
    voices: Voices
    book: RuleBook


@dataclass
class Judging:
    """Judges by one ownership map."""

    pool: Pool
    ownership: OwnershipMap
    reader: Reader
    tally: Tally = field(init=False)
    """How often which verdict was told."""
    _fields: frozenset[str] = field(init=False)
    _schemes: frozenset[str] = field(init=False)
    """The schemes by which some declared statement names a product."""

    def __post_init__(self) -> None:
        self.tally = Tally(self.pool)
        self._fields = fields_of(self.ownership.compatibility)
        parties = [
            party
            for source in self.ownership.sources.values()
            for mapping in source.declaration.statements
            for party in (mapping.subject, mapping.object)
            if party is not None
        ]
        self._schemes = frozenset(scheme for party in parties for scheme in party.given())

    async def hear(
        self,
        product: UUID,
        others: Sequence[UUID],
        context: Context,
        viewer: Viewer,
        *,
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> Hearing:
        """All that verdicts about ``product`` and each of ``others``, none of which is it, need. ``rows`` are the winners of
        all of them, where the caller has looked them up."""
        now = datetime.now(UTC)
        book = RuleBook(self.ownership.compatibility, viewer.fields)
        known, failures = await self.know([product, *others], context, viewer, rows=rows)
        statements = await self._between(known[product], [known[other] for other in others], _moment(context) or now)
        voices = Voices(self.ownership, {"date": now.date().isoformat(), **context}, now, viewer)
        return Hearing(product, known, statements, voices, book, failures)

    async def ask(
        self, product: UUID, context: Context, viewer: Viewer, *, rows: Mapping[UUID, WinnersRow] | None = None
    ) -> Asked:
        """What is the same for whatever is held against ``product``, read once. ``rows`` as in :meth:`hear`."""
        now = datetime.now(UTC)
        known, _ = await self.know([product], context, viewer, rows=rows)
        own = known[product]
        book = RuleBook(self.ownership.compatibility, viewer.fields).against(own.facts)
        statements = await statements_about(self.pool, list(own.keys))
        if statements is None:
            partners = await partner_keys(self.pool, list(own.keys))
        else:
            ends = [(one.subject, one.object) for one in statements]
            partners = [other for ends_ in ends for one, other in (ends_, ends_[::-1]) if one in own.keys]
            at = _moment(context) or now
            statements = await self._unambiguous(
                [one for one in statements if one.expires_at is None or one.expires_at > at]
            )
        return Asked(
            own,
            frozenset(partners),
            statements,
            fields_of(self.ownership.compatibility, book.about(own.facts)),
            context,
            Voices(self.ownership, {"date": now.date().isoformat(), **context}, now, viewer),
            book,
        )

    async def hear_candidates(self, asked: Asked, candidates: Mapping[UUID, Candidate]) -> Hearing:
        """All that verdicts about the product of ``asked`` and each of ``candidates`` need, as :meth:`hear`; a judgement of
        one of them needs what it is called too: see :meth:`name`."""
        statements = asked.statements
        if statements is None:
            known, failures, statements = await self._hear_all(asked, candidates)
        else:
            known, failures = await self._hear_some(asked, candidates)
        own = asked.own
        known[own.facts.product] = own
        return Hearing(own.facts.product, known, statements, asked.voices, asked.book, failures)

    async def name(self, products: Sequence[ProductFacts], viewer: Viewer) -> None:
        """Read what those of ``products`` are called of which that is not known yet."""
        unnamed = [one for one in products if one.confirmed is None]
        names = await names_of(self.pool, [one.product for one in unnamed]) if unnamed else {}
        for one in unnamed:
            self._name(one, names[one.product], viewer)

    async def _hear_all(
        self, asked: Asked, candidates: Mapping[UUID, Candidate]
    ) -> tuple[dict[UUID, Known], Mapping[str, Failure], Sequence[StoredStatement]]:
        """Where too much is stated about a product to be held: everything about the candidates is looked up."""
        known, failures = await self.know(
            list(candidates), asked.context, asked.voices.viewer, asked.fields, rows=_rows(candidates)
        )
        at = _moment(asked.context) or asked.voices.now
        return known, failures, await self._between(asked.own, list(known.values()), at)

    async def _hear_some(
        self, asked: Asked, candidates: Mapping[UUID, Candidate]
    ) -> tuple[dict[UUID, Known], Mapping[str, Failure]]:
        """Candidates with those keys alone by which the statements at hand may name them: most are there for a rule, and what
        their records call them nobody needs to know."""
        viewer = asked.voices.viewer
        read, failures = await self.reader.winning_facts(
            list(candidates), asked.fields, self._asker(asked.context), rows=_rows(candidates)
        )
        facts = {product: self._facts(product, one) for product, one in read.items()}
        if not asked.partners:
            return {product: Known(one, {}) for product, one in facts.items()}, failures
        parents = await self._parents(facts)
        kinds = any(_is_kind(key) for key in asked.partners)
        keys = {
            product: self._shared_keys(one if kinds else None, parents.get(product, ()))
            for product, one in facts.items()
        }
        spoken = [
            product
            for product, candidate in candidates.items()
            if candidate.named or not asked.partners.isdisjoint(keys[product])
        ]
        names = await names_of(self.pool, spoken) if spoken else {}
        for product in spoken:
            self._name(facts[product], names[product], viewer)
            keys[product].update(dict.fromkeys(self._own_keys([product], names[product]), Nearness.PRODUCT))
        return {product: Known(one, keys[product]) for product, one in facts.items()}, failures

    async def _between(self, own: Known, others: Sequence[Known], at: datetime) -> list[StoredStatement]:
        """What is stated about a product and each of ``others``."""
        keys = list(dict.fromkeys(key for other in others for key in other.keys))
        if not keys:
            return []
        return await self._unambiguous(await statements_between(self.pool, list(own.keys), keys, at, pairs=len(others)))

    async def _unambiguous(self, statements: list[StoredStatement]) -> list[StoredStatement]:
        """Without those that name a product by a name that several have: nobody is meant by it."""
        names = {
            key.removeprefix("name=")
            for one in statements
            for key in (one.subject, one.object)
            if key.startswith("name=")
        }
        several = await names_of_several(self.pool, names) if names else set()
        keys = {party_key("name", name) for name in several}
        return [one for one in statements if one.subject not in keys and one.object not in keys] if keys else statements

    async def know(
        self,
        products: Sequence[UUID],
        context: Context,
        viewer: Viewer,
        fields: Collection[str] | None = None,
        *,
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> tuple[dict[UUID, Known], Mapping[str, Failure]]:
        """Each of ``products`` with its facts, all that a verdict may need or ``fields``, and its keys."""
        (read, failures), names = await asyncio.gather(
            self.reader.winning_facts(
                products, self._fields if fields is None else fields, self._asker(context), rows=rows
            ),
            names_of(self.pool, products),
        )
        facts = {product: self._facts(product, read[product]) for product in products}
        parents = await self._parents(facts)
        found = {}
        for product in products:
            self._name(facts[product], names[product], viewer)
            keys = self._shared_keys(facts[product], parents.get(product, ()))
            keys.update(dict.fromkeys(self._own_keys([product], names[product]), Nearness.PRODUCT))
            found[product] = Known(facts[product], keys)
        return found, failures

    @staticmethod
    def _asker(context: Context) -> Asker:
        return Asker(None, context.get("channel"), None)

    def _shared_keys(self, facts: ProductFacts | None, parents: Sequence[str]) -> dict[str, Nearness]:
        """The keys that a product has in common with others: of the kinds that ``facts`` say it is of, and of its parent."""
        keys: dict[str, Nearness] = {}
        for key in self._traits_of(facts) if facts is not None else ():
            keys[key] = Nearness.FAMILY if key.startswith("family=") else Nearness.CATEGORY
        keys.update(dict.fromkeys(parents, Nearness.VARIANT_PARENT))
        return keys

    def _facts(self, product: UUID, read: WinningFacts) -> ProductFacts:
        return ProductFacts(product, read, self.ownership.compatibility.forms)

    def _name(self, facts: ProductFacts, names: ProductNames, viewer: Viewer) -> None:
        """Put what its records call a product, and when that was last known to be so, to its facts."""
        facts.confirmed = {one.source: one.confirmed_at for one in names.records if one.confirmed_at is not None}
        called = self.ownership.compatibility.name
        text = facts.value(called) if called is not None and called in viewer.fields else None
        if not isinstance(text, str):
            seen = (name for one in names.records if one.source in viewer.sources for name in one.names)
            text = next(seen, f"product {facts.product}")
        facts.called = text if len(text) <= LONGEST_CALLED else f"{text[:LONGEST_CALLED]}…"

    def _own_keys(self, ids: Sequence[UUID], names: ProductNames) -> list[str]:
        keys = [party_key("id", str(one)) for one in (*ids, *names.former)]
        for record in names.records:
            keys.append(record_party(RecordKey(record.source, record.record_id)))
            for one in record.identifiers:
                if one["scheme"] in self._schemes and "value" in one:
                    keys.append(party_key(one["scheme"], one["value"]))
            if "name" in self._schemes:
                keys += [party_key("name", fold_name(name)) for name in record.names]
        return list(dict.fromkeys(keys))

    def _traits_of(self, facts: ProductFacts) -> list[str]:
        declared = self.ownership.compatibility
        schemes = [("category", declared.category), ("family", declared.family)]
        schemes += [(f"field.{name}", name) for name in sorted(declared.named)]
        return [trait_key(scheme, text) for scheme, name in schemes if name is not None for text in facts.texts(name)]

    async def _parents(self, facts: Mapping[UUID, ProductFacts]) -> dict[UUID, list[str]]:
        """What the variant parent of each product is known by, where it has one."""
        declared = self.ownership.compatibility.parent
        if declared is None:
            return {}
        named = {product: one.value(declared.field) for product, one in facts.items()}
        wanted = {product: text for product, text in named.items() if isinstance(text, str) and text}
        if not wanted:
            return {}
        lookups = [_lookup(declared.scheme, text) for text in wanted.values()]
        parents = await look_up(self.pool, lookups, self.ownership.sources.keys())
        places = {product: place for product, place in zip(wanted, parents, strict=True) if isinstance(place, UUID)}
        ids = list(dict.fromkeys(places.values()))
        names = await names_of(self.pool, ids) if ids else {}
        found = {
            product: self._own_keys([place], names[place]) for product, place in places.items() if place != product
        }
        for product, text in wanted.items():
            identifier = normalise_identifier(declared.scheme, text)
            if isinstance(identifier, Identifier):
                found.setdefault(product, []).append(party_key(declared.scheme, identifier.value))
        return found


def _rows(candidates: Mapping[UUID, Candidate]) -> dict[UUID, WinnersRow]:
    return {product: one.winners for product, one in candidates.items() if one.winners is not None}


def _is_kind(key: str) -> bool:
    return key.startswith(KINDS)


def _lookup(scheme: str, text: str) -> Lookup:
    if scheme == "gtin":
        return Lookup(gtin=text)
    return Lookup(sku=text) if scheme == "sku" else Lookup(alias=text)


def _moment(context: Context) -> datetime | None:
    """The moment that a context is about, where it names one."""
    try:
        moment = datetime.fromisoformat(context["date"])
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
