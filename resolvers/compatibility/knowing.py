"""What is known of products: their facts, and the keys by which statements know them, read for many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from resolvers.compatibility.applying import ProductFacts, fields_of
from resolvers.compatibility.evidence import Nearness
from resolvers.compatibility.hearing import Known
from resolvers.compatibility.narrowing import Context
from resolvers.compatibility.viewing import Viewer
from resolvers.lookup import Lookup, look_up
from resolvers.ownership import OwnershipMap
from resolvers.reader import Asker, Reader, WinningFacts
from sources.contract import Identifier, RecordKey
from sources.failures import Failure
from sources.folding import fold_name
from sources.identifiers import normalise_identifier
from sources.ledger.database import Pool
from sources.ledger.statements import Candidate, ProductNames, names_of
from sources.ledger.winners import WinnersRow
from sources.statements import is_kind, party_key, record_party, trait_key

LONGEST_CALLED = 200
"""Characters of a name in a sentence."""


@dataclass
class Knowing:
    """Knows products by one ownership map."""

    pool: Pool
    ownership: OwnershipMap
    reader: Reader
    _fields: frozenset[str] = field(init=False)
    _schemes: frozenset[str] = field(init=False)
    """The schemes by which some declared statement names a product."""

    def __post_init__(self) -> None:
        self._fields = fields_of(self.ownership.compatibility)
        parties = [
            party
            for source in self.ownership.sources.values()
            for mapping in source.declaration.statements
            for party in (mapping.subject, mapping.object)
            if party is not None
        ]
        self._schemes = frozenset(scheme for party in parties for scheme in party.given())

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
            self.reader.winning_facts(products, self._fields if fields is None else fields, _asker(context), rows=rows),
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

    async def know_where_spoken_of(
        self,
        candidates: Mapping[UUID, Candidate],
        partners: Collection[str],
        context: Context,
        viewer: Viewer,
        fields: Collection[str],
    ) -> tuple[dict[UUID, Known], Mapping[str, Failure]]:
        """Each of ``candidates`` with its facts of ``fields``, and those that have one of the keys ``partners`` with their
        keys too. Most have none, for a rule led to them: what their records call them is not read, see :meth:`name`."""
        read, failures = await self.reader.winning_facts(
            list(candidates), fields, _asker(context), rows=rows_of(candidates)
        )
        facts = {product: self._facts(product, one) for product, one in read.items()}
        if not partners:
            return {product: Known(one, {}) for product, one in facts.items()}, failures
        parents = await self._parents(facts)
        kinds = any(map(is_kind, partners))
        keys = {
            product: self._shared_keys(one if kinds else None, parents.get(product, ()))
            for product, one in facts.items()
        }
        spoken = [
            product
            for product, candidate in candidates.items()
            if candidate.named or not keys[product].keys().isdisjoint(partners)
        ]
        names = await names_of(self.pool, spoken) if spoken else {}
        for product in spoken:
            self._name(facts[product], names[product], viewer)
            keys[product].update(dict.fromkeys(self._own_keys([product], names[product]), Nearness.PRODUCT))
        return {product: Known(one, keys[product]) for product, one in facts.items()}, failures

    async def name(self, products: Sequence[ProductFacts], viewer: Viewer) -> None:
        """Read what those of ``products`` are called of which that is not known yet."""
        unnamed = [one for one in products if one.confirmed is None]
        names = await names_of(self.pool, [one.product for one in unnamed]) if unnamed else {}
        for one in unnamed:
            self._name(one, names[one.product], viewer)

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


def rows_of(candidates: Mapping[UUID, Candidate]) -> dict[UUID, WinnersRow]:
    """The winners of those that have any."""
    return {product: one.winners for product, one in candidates.items() if one.winners is not None}


def _asker(context: Context) -> Asker:
    return Asker(None, context.get("channel"), None)


def _lookup(scheme: str, text: str) -> Lookup:
    if scheme == "gtin":
        return Lookup(gtin=text)
    return Lookup(sku=text) if scheme == "sku" else Lookup(alias=text)
