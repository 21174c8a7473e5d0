"""Linking what is new and plain: most records are, and for them one look at who carries their keys decides.

A new record of a catalogue is plain where

- nobody carries any of its key values: it founds a product; or
- all who carry any of them, each in a catalogue of its own, are one product, in which its own source has no record yet and
  whose keys nobody else has: it joins them, and the product keeps its id.

A new note is plain where no value of it stands on several products; and about neither has a person decided
before it came. What :func:`resolvers.identity.partition` decides is
then the same, and nobody else is concerned, but that a record which stood alone, or was joined by a weaker key, is from now
on joined by this one. Everything else is left to :mod:`resolvers.linking`.

Batches that link only what is plain work side by side. Two that meet in a value at the same time would not see each other:
so each looks again, on its way to the commit, when another one has committed in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from resolvers.identity import ALONE, APART, Keyed, Link, attach, lone_link
from resolvers.key_values import KeyValue, ranked_schemes
from resolvers.product_ids import founded_id
from resolvers.ties import CERTAIN
from sources.contract import RecordKey
from sources.ledger import links
from sources.ledger.database import Connection
from sources.ledger.meeting import (
    Met,
    SourceNow,
    add_links,
    add_products,
    meet,
    not_to_be_joined,
    sources_now,
    strengthen_links,
)
from sources.ledger.pairs import decided_ahead


@dataclass
class PlainLinks:
    """What is decided about new records: which product each joins, or that it founds one."""

    joining: dict[RecordKey, tuple[UUID, Link]] = field(default_factory=dict)
    founding: dict[RecordKey, tuple[UUID, Link]] = field(default_factory=dict)
    strengthened: dict[RecordKey, tuple[str, str]] = field(default_factory=dict)
    """Records that were there: the scheme that they were linked by, and the one that they are from now on."""
    left: list[Keyed] = field(default_factory=list)
    """What is not plain."""

    @property
    def decided(self) -> Collection[RecordKey]:
        """The records that are plain."""
        return self.joining.keys() | self.founding.keys()

    def product(self, record: RecordKey) -> UUID | None:
        """The product of a record, where it is plain."""
        found = self.joining.get(record) or self.founding.get(record)
        return found[0] if found is not None else None

    def leave(self, records: Collection[RecordKey]) -> None:
        """These turned out not to be plain."""
        for record in records:
            self.founding.pop(record, None)
            self.joining.pop(record, None)
        self.strengthened = {key: how for key, how in self.strengthened.items() if key not in records}


class PlainLinking:
    """Links the new records of one batch of ``source``, as far as they are plain."""

    def __init__(
        self, connection: Connection, source: str, schemes: Sequence[str], catalogues: Collection[str]
    ) -> None:
        self._connection = connection
        self._source = source
        self._order = ranked_schemes(schemes)
        self._schemes = schemes
        self._catalogues = catalogues
        self._states: Mapping[str, SourceNow] = {}
        self._decided: Collection[RecordKey] = ()
        self._values: list[KeyValue] = []
        self._met: Mapping[int, Met] = {}

    async def decide(self, newcomers: Sequence[Keyed]) -> PlainLinks:
        """What the ledger and the new records say about them; nothing is written."""
        self._states = await sources_now(self._connection)
        self._decided = await decided_ahead(self._connection, [keyed.key for keyed in newcomers])
        self._values = [value for keyed in newcomers for value in keyed.values]
        self._met = await self._meet()
        if self._source not in self._catalogues:
            return self._attach(newcomers)
        return await self._join(newcomers)

    async def write(self, plain: PlainLinks, digests: Mapping[str, bytes], at: datetime) -> bool:
        """Write what was decided; False where somebody else was faster, and the batch is to be undone."""
        if plain.strengthened and not await strengthen_links(self._connection, plain.strengthened):
            return False
        if plain.founding:
            products = [product for product, _ in plain.founding.values()]
            await add_products(self._connection, products, self._source in self._catalogues, at)
        rows = [
            (links.LinkRow(key, product, link.linked_by, link.reason, CERTAIN), digests[key.id])
            for decided in (plain.joining, plain.founding)
            for key, (product, link) in decided.items()
        ]
        await add_links(self._connection, rows, at)
        return True

    async def holds(self) -> bool:
        """Whether all that was decided still holds, as the last to look before this batch commits."""
        await links.come_to_the_end(self._connection)
        now = await sources_now(self._connection)
        before = {name: one.batch for name, one in self._states.items()}
        if all(one.batch == before.get(name, 0) for name, one in now.items() if name != self._source):
            return True
        return _of_others(await self._meet()) == _of_others(self._met)

    async def _meet(self) -> Mapping[int, Met]:
        if not self._values:
            return {}
        rank = self._states[self._source].rank
        return await meet(
            self._connection,
            self._source,
            [value.scheme for value in self._values],
            [value.value for value in self._values],
            [name for name, one in self._states.items() if one.rank < rank and name in self._catalogues],
            self._catalogues,
        )

    # ── Catalogues ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _join(self, newcomers: Sequence[Keyed]) -> PlainLinks:
        plain = PlainLinks()
        settling = any(one.unsettled for one in self._states.values())
        shared = _shared(self._values)
        joiners: dict[UUID, list[tuple[Keyed, list[tuple[int, Met]]]]] = defaultdict(list)
        place = 0
        for keyed in newcomers:
            target: UUID | None = None
            met: list[tuple[int, Met]] = []
            fits = keyed.key not in self._decided
            for value in keyed.values:
                one = self._met.get(place)
                place += 1
                if value in shared:
                    fits = False
                if one is None:
                    continue
                if one.reused or one.products is None or len(one.products) > 1 or (settling and not one.before):
                    fits = False
                    continue
                if target is None:
                    target = one.products[0]
                elif target != one.products[0]:
                    fits = False
                met.append((self._order[value.scheme], one))
            if not fits:
                plain.left.append(keyed)
            elif target is None:
                plain.founding[keyed.key] = founded_id(keyed.key), lone_link(keyed, keyed.remark)
            else:
                joiners[target].append((keyed, met))
        if joiners:
            await self._decide_joins(plain, joiners)
        return plain

    async def _decide_joins(
        self, plain: PlainLinks, joiners: Mapping[UUID, list[tuple[Keyed, list[tuple[int, Met]]]]]
    ) -> None:
        taken = await not_to_be_joined(self._connection, self._source, joiners)
        # A value that two records of a product share already has joined both; of one carrier, this is the first to.
        single = {
            RecordKey(str(one.source), str(one.record_id))
            for wishes in joiners.values()
            for _, met in wishes
            for _, one in met
            if one.carriers == 1
        }
        current = await links.current_links(self._connection, single) if single else {}
        for target, wishes in joiners.items():
            if len(wishes) > 1 or target in taken:
                plain.left += [keyed for keyed, _ in wishes]
                continue
            ((keyed, met),) = wishes
            stronger: dict[RecordKey, tuple[str, int]] = {}
            fits = True
            for order, one in met:
                if one.carriers > 1:
                    continue
                key = RecordKey(str(one.source), str(one.record_id))
                link = current.get(key)
                if link is None or link.product != target or link.linked_by == APART:
                    fits = False
                    break
                was = len(self._order) if link.linked_by == ALONE else self._order.get(link.linked_by, -1)
                if was < 0:  # joined by what is no key any more
                    fits = False
                    break
                best = min(order, stronger[key][1]) if key in stronger else order
                if best < was:
                    stronger[key] = link.linked_by, best
            if not fits:
                plain.left.append(keyed)
                continue
            named = list(self._order)
            plain.joining[keyed.key] = target, Link(named[min(order for order, _ in met)], keyed.remark)
            plain.strengthened.update((key, (was, named[best])) for key, (was, best) in stronger.items())

    # ── Notes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _attach(self, newcomers: Sequence[Keyed]) -> PlainLinks:
        plain = PlainLinks()
        place = 0
        for keyed in newcomers:
            products: dict[KeyValue, Collection[UUID]] = {}
            for value in keyed.values:
                one = self._met.get(place)
                place += 1
                if one is not None and one.products is not None:
                    products[value] = one.products
            if keyed.key in self._decided or any(len(behind) > 1 for behind in products.values()):
                plain.left.append(keyed)
                continue
            about, link = attach(keyed, self._schemes, products)
            if about is None:
                plain.founding[keyed.key] = founded_id(keyed.key), link
            else:
                plain.joining[keyed.key] = about, link
        return plain


def _shared(values: Collection[KeyValue]) -> frozenset[KeyValue]:
    """The values that are among ``values`` more than once."""
    if len(set(values)) == len(values):
        return frozenset()
    seen: set[KeyValue] = set()
    return frozenset(value for value in values if value in seen or seen.add(value))  # type: ignore[func-returns-value]


def _of_others(met: Mapping[int, Met]) -> dict[int, tuple[frozenset[UUID], int, bool]]:
    """What matters of who carries the values, the asking source's own records apart."""
    return {
        place: (frozenset(one.products or ()), one.carriers, one.noted)
        for place, one in met.items()
        if one.products or one.noted
    }
