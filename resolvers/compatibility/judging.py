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
from sources.ledger.statements import ProductNames, StoredStatement, names_of, names_of_several, statements_between
from sources.ledger.winners import WinnersRow
from sources.statements import party_key, record_party, trait_key

LONGEST_CALLED = 200
"""Characters of a name in a sentence."""


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
        own: Known | None = None,
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> Hearing:
        """All that verdicts about ``product`` and each of ``others``, none of which is it, need. ``own`` is what is known of
        it, where that has been read: then only what the rules about it need is read of the others. ``rows`` are the winners
        of all of them, where the caller has looked them up."""
        now = datetime.now(UTC)
        book = RuleBook(self.ownership.compatibility, viewer.fields)
        if own is None:
            known, failures = await self.know([product, *others], context, viewer, rows=rows)
        else:
            fields = fields_of(self.ownership.compatibility, book.about(own.facts))
            known, failures = await self.know(others, context, viewer, fields, rows=rows)
            known[product] = own
        keys = list(dict.fromkeys(key for other in others for key in known[other].keys))
        at = _moment(context) or now
        statements = (
            await statements_between(self.pool, list(known[product].keys), keys, at, pairs=len(others)) if keys else []
        )
        statements = await self._unambiguous(statements)
        voices = Voices(self.ownership, {"date": now.date().isoformat(), **context}, now, viewer)
        return Hearing(product, known, statements, voices, book, failures)

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
        asker = Asker(None, context.get("channel"), None)
        (read, failures), names = await asyncio.gather(
            self.reader.winning_facts(products, self._fields if fields is None else fields, asker, rows=rows),
            names_of(self.pool, products),
        )
        facts = {product: self._facts(product, read[product], names[product], viewer) for product in products}
        parents = await self._parents(facts)
        found = {}
        for product in products:
            keys: dict[str, Nearness] = {}
            for key in self._traits_of(facts[product]):
                keys[key] = Nearness.FAMILY if key.startswith("family=") else Nearness.CATEGORY
            keys.update(dict.fromkeys(parents.get(product, ()), Nearness.VARIANT_PARENT))
            own = self._own_keys([product], names[product])
            keys.update(dict.fromkeys(own, Nearness.PRODUCT))
            found[product] = Known(facts[product], keys)
        return found, failures

    def _facts(self, product: UUID, read: WinningFacts, names: ProductNames, viewer: Viewer) -> ProductFacts:
        confirmed = {one.source: one.confirmed_at for one in names.records if one.confirmed_at is not None}
        facts = ProductFacts(product, read, confirmed, self.ownership.compatibility.forms)
        called = self.ownership.compatibility.name
        text = facts.value(called) if called is not None and called in viewer.fields else None
        if not isinstance(text, str):
            seen = (name for one in names.records if one.source in viewer.sources for name in one.names)
            text = next(seen, f"product {product}")
        facts.called = text if len(text) <= LONGEST_CALLED else f"{text[:LONGEST_CALLED]}…"
        return facts

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
