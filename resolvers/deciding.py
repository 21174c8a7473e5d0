"""Deciding: a person says which records are one product and which are not, once and for all.

What is said is said of records, by their ids: so it outlives every sync, a record that vanishes and comes back, and whatever
matching learns. It is written and linked in one transaction, under the turn that everybody takes who links: of two people who
decide opposite things at once, one is the later, and the answer to that one names what it overrides. Nothing is deleted: who
said what, when and why stays readable, and can be undone.

- *confirm*: two records are one product. *merge*: whole products are; that is said of as few pairs as hold them together, and
  of every pair that somebody had kept apart.
- *reject*: two records are not one product. *split*: some of a product's records are not one product with the others, said of
  each of these with each of those, so that they stay apart whatever key they share.
- *undo*: this was never said. What was said before it about the same records holds again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from uuid import UUID, uuid4

from resolvers.linking import relink, stored_keys
from resolvers.ownership import OwnershipMap
from resolvers.refusals import Refused, Refusing
from resolvers.restoring import ids_before, lead_former_back
from sources.contract import RecordKey
from sources.ledger import links
from sources.ledger.database import Connection, Pool
from sources.ledger.map_versions import digest_in_force
from sources.ledger.match_records import make_due
from sources.ledger.meeting import sources_now
from sources.ledger.pairs import (
    APART,
    SAME,
    Decision,
    Pair,
    decisions_by_id,
    latest_decisions,
    ties_of,
    undo_decisions,
    write_decisions,
)

MOST_MERGED = 20
"""Products that one merge puts together."""
MOST_PAIRS = 2000
"""Pairs that one act decides about."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of it: the decisions it was, the products that the records are now, and what others said before that holds
    no more."""

    action: UUID
    decisions: Sequence[Decision]
    products: Sequence[UUID]
    overrides: Sequence[Decision]


async def begin_linking(connection: Connection, source: str) -> None:
    """Wait until nobody else links, and keep others from it until this transaction ends: the row of the cursor of ``source``,
    whichever that is, and then the turn. Not within a batch, which holds such a row, and takes the turn itself."""
    await links.hold_records(connection, source)
    await links.take_turn(connection)


async def relink_records(
    connection: Connection,
    keys: Collection[RecordKey],
    ownership: OwnershipMap,
    *,
    begun: bool = False,
    at: datetime | None = None,
    keeping: Mapping[RecordKey, UUID] | None = None,
) -> dict[RecordKey, UUID]:
    """Link stored records anew, as if they had just been touched; the products of all that were looked at for it.

    Within the caller's transaction. ``begun``: it has called :func:`begin_linking`, or has the turn within a batch; else
    that is done here, and the caller holds no other source's cursor, nor links beside others. Records that are gone, or
    were never seen, are left out. ``keeping``: see :func:`resolvers.linking.relink`. The winners of products whose records
    move are dropped.
    """
    if not keys:
        return {}
    if not begun:
        await begin_linking(connection, min(key.source for key in keys))
    present = await links.current_links(connection, keys)
    return await relink(
        connection,
        await stored_keys(connection, present, ownership.identity_keys),
        (),
        returned={},
        beside={},
        schemes=ownership.identity_keys,
        catalogues=ownership.catalogues,
        at=at or datetime.now(UTC),
        keeping=keeping,
    )


@dataclass(frozen=True, slots=True)
class Deciding:
    """Decisions of people who see the records of the ``visible`` sources, by one ownership map."""

    pool: Pool
    ownership: OwnershipMap
    visible: Collection[str]

    async def confirm(self, pair: Pair, by: str, why: str | None) -> Decided:
        """The two records are one product. Raises Refused."""
        async with self._acting(pair) as (connection, refusing):
            refusing.unlike(pair)
            lies = await refusing.present(connection, pair)
            await refusing.decided(connection, pair, SAME)
            if all(key.source in self.ownership.catalogues for key in pair):
                ends = [lies[pair.left], lies[pair.right]]
                await refusing.two_of_one(connection, ends)
                await refusing.kept_apart(connection, ends, but=pair)
            done, now = await self._decide(connection, "confirm", {pair: SAME}, by, why)
            await refusing.not_one(connection, pair, now)
            return done

    async def reject(self, pair: Pair, by: str, why: str | None) -> Decided:
        """The two records are not one product, and never proposed again. Raises Refused."""
        async with self._acting(pair) as (connection, refusing):
            refusing.only_notes(pair)
            await refusing.known(connection, pair)
            await refusing.decided(connection, pair, APART)
            done, _ = await self._decide(connection, "reject", {pair: APART}, by, why)
            return done

    async def keep_apart(self, pairs: Collection[Pair], by: str, why: str | None) -> Decided:
        """None of these pairs of records is one product. Raises Refused."""
        records = {key for pair in pairs for key in pair}
        async with self._acting(records) as (connection, refusing):
            await refusing.known(connection, records)
            refusing.too_many(len(pairs), MOST_PAIRS)
            earlier = await latest_decisions(connection, pairs)
            left = [pair for pair in pairs if pair not in earlier or earlier[pair].verdict != APART]
            refusing.all_decided(left, earlier.values())
            done, _ = await self._decide(connection, "reject", dict.fromkeys(left, APART), by, why)
            return done

    async def merge(self, products: Collection[UUID], by: str, why: str | None) -> Decided:
        """These products are one, and whatever was said against it holds no more. Raises Refused: where they are one already,
        and where two records of one catalogue would be on one product."""
        async with self._acting() as (connection, refusing):
            refusing.too_many_products(len(products), MOST_MERGED)
            ends = await refusing.several(connection, products)
            members = await refusing.members(connection, ends)
            await refusing.two_of_one(connection, ends)
            whole = [key for end in ends for key in members[end]]
            across = await self._apart_across(connection, ends)
            heads = await self._heads(connection, [members[end] for end in ends])
            joints = {Pair.of(heads[0], other): SAME for other in heads[1:]}
            pairs = dict.fromkeys(across, SAME) | joints
            for pair in joints:
                refusing.unlike(pair)
            refusing.too_many(len(pairs), MOST_PAIRS)
            done, now = await self._decide(connection, "merge", pairs, by, why)
            await refusing.not_one(connection, [key for key in whole if key.source in self.ownership.catalogues], now)
            return done

    async def split(self, whole: UUID, records: Collection[RecordKey], by: str, why: str | None) -> Decided:
        """These records of a product are not one product with its others, which keep its id. Raises Refused."""
        async with self._acting() as (connection, refusing):
            product_id = await refusing.one(connection, whole)
            members = (await refusing.members(connection, [product_id]))[product_id]
            off = set(records)
            refusing.no_part(product_id, members, off)
            rest = members - off
            catalogues = self.ownership.catalogues
            pairs = {
                Pair.of(one, other): APART
                for one, other in product(sorted(off), sorted(rest))
                if one.source in catalogues or other.source in catalogues
            }
            refusing.too_many(len(pairs), MOST_PAIRS)
            done, _ = await self._decide(connection, "split", pairs, by, why, dict.fromkeys(rest, product_id))
            return done

    async def undo(self, decision: UUID, by: str, why: str | None) -> Decided:
        """What was decided, by the id of a decision or of a whole act, was never said. Raises Refused."""
        async with self._acting() as (connection, refusing):
            found = refusing.nothing_to_undo(await decisions_by_id(connection, [decision]))
            records = {key for one in found for key in one.pair}
            keeping = await ids_before(connection, records) if any(one.verdict == SAME for one in found) else {}
            await undo_decisions(connection, [one.id for one in found], by, why)
            now = await relink_records(connection, records, self.ownership, begun=True, keeping=keeping)
            await lead_former_back(connection, now)
            await self._compare_again(connection, now)
            undone = await decisions_by_id(connection, [one.id for one in found])
            lies = dict.fromkeys(now[key] for key in sorted(records) if key in now)
            return Decided(found[0].action, undone, list(lies), ())

    @asynccontextmanager
    async def _acting(self, records: Iterable[RecordKey] = ()) -> AsyncIterator[tuple[Connection, Refusing]]:
        """One person's turn, in a transaction of its own."""
        refusing = Refusing(self.ownership, frozenset(self.visible))
        refusing.unseen(records)
        async with self.pool.acquire() as connection, connection.transaction():
            await begin_linking(connection, min(self.ownership.sources))
            if await digest_in_force(connection) not in (None, self.ownership.digest):
                raise Refused("SUPERSEDED", "Another whence.toml has been taken into use since; ask again.")
            yield connection, refusing

    async def _decide(
        self,
        connection: Connection,
        kind: str,
        pairs: Mapping[Pair, str],
        by: str,
        why: str | None,
        keeping: Mapping[RecordKey, UUID] | None = None,
    ) -> tuple[Decided, Mapping[RecordKey, UUID]]:
        """Write decisions and link by them; what came of it, and where all records lie that were looked at."""
        records = {key for pair in pairs for key in pair}
        before = await self._together(connection, records)
        earlier = await latest_decisions(connection, pairs)
        overridden = [one for pair, one in earlier.items() if one.verdict != pairs[pair]]
        action = uuid4()
        written = await write_decisions(
            connection,
            [
                Decision(uuid4(), action, kind, pair, verdict, by, why, datetime.now(UTC))
                for pair, verdict in pairs.items()
            ],
        )
        now = await relink_records(connection, records, self.ownership, begun=True, keeping=keeping)
        await self._compare_again(connection, now)
        broken = [
            pair
            for pair in before
            if pair not in pairs and now.get(pair.left) is not None and now.get(pair.left) != now.get(pair.right)
        ]
        overridden += (await latest_decisions(connection, broken)).values()
        lies = dict.fromkeys(now[key] for key in sorted(records) if key in now)
        return Decided(action, written, list(lies), overridden), now

    async def _compare_again(self, connection: Connection, records: Iterable[RecordKey]) -> None:
        """Have matching look at ``records`` anew: they may have lost a partner, or gained one."""
        taking_part = self.ownership.matching.sources if self.ownership.matching is not None else ()
        await make_due(connection, [key for key in records if key.source in taking_part])

    async def _together(self, connection: Connection, records: Collection[RecordKey]) -> list[Pair]:
        """The pairs that are one product by a person's word, among the products that have ``records``."""
        ends = {row.product for row in (await links.current_links(connection, records)).values()}
        members = await links.holders(connection, ends)
        lies = {key: end for end, keys in members.items() for key in keys}
        return [
            tie.pair
            for tie in await ties_of(connection, lies)
            if tie.says == SAME and lies.get(tie.pair.left) == lies.get(tie.pair.right)
        ]

    async def _apart_across(self, connection: Connection, products: Collection[UUID]) -> list[Pair]:
        """The pairs of records of different ones of ``products`` that a person keeps apart, those included that are gone."""
        lies = await links.ever_of(connection, products)
        return [
            tie.pair
            for tie in await ties_of(connection, lies)
            if tie.says == APART
            and all(key in lies for key in tie.pair)
            and lies[tie.pair.left] != lies[tie.pair.right]
            and tie.pair.left.source != tie.pair.right.source
        ]

    async def _heads(self, connection: Connection, products: Sequence[Collection[RecordKey]]) -> list[RecordKey]:
        """A record for each product that stands for it, those of catalogues first, and of each the one that ranks best."""
        states, catalogues = await sources_now(connection), self.ownership.catalogues

        def place(key: RecordKey) -> tuple[bool, int, str]:
            return key.source not in catalogues, states[key.source].rank, key.id

        return sorted((min(keys, key=place) for keys in products), key=place)
