"""What cannot be decided, and what to do instead: each refusal names the records it is about, as far as its asker sees
them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger import links
from sources.ledger.database import Connection
from sources.ledger.former_ids import resolve_products
from sources.ledger.pairs import APART, Decision, Pair, latest_decisions, ties_of

MOST_NAMED = 5
"""Records or decisions that one message names."""


class Refused(Exception):
    """It cannot be decided so. ``code`` is for programs, the message for people: what was found and what to do instead."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class Refusing:
    """Looks at what is to be decided, for one who sees the records of ``visible`` sources. Each method raises Refused where
    what it is named after is the case, or returns what it found."""

    ownership: OwnershipMap
    visible: frozenset[str]

    # ── What there is ──────────────────────────────────────────────────────────────────────────────────────────────

    def unseen(self, records: Iterable[RecordKey]) -> None:
        """A record of a system that its asker does not see: it does not exist for them."""
        for key in records:
            if key.source not in self.visible:
                raise _no_record(key)

    async def present(self, connection: Connection, records: Collection[RecordKey]) -> dict[RecordKey, UUID]:
        """The product of each record, all of which must be there."""
        found = await links.current_links(connection, records)
        for key in records:
            if key not in found:
                raise _no_record(key)
        return {key: row.product for key, row in found.items()}

    async def known(self, connection: Connection, records: Collection[RecordKey]) -> None:
        """A record that was never seen."""
        found = await links.ever_seen(connection, records)
        for key in records:
            if key not in found:
                raise _no_record(key)

    async def one(self, connection: Connection, product: UUID) -> UUID:
        """The product that an id means now."""
        return (await self._resolved(connection, [product]))[product]

    async def several(self, connection: Connection, products: Collection[UUID]) -> list[UUID]:
        """The products that these ids mean now, which must be two at least."""
        resolved = await self._resolved(connection, products)
        ends = list(dict.fromkeys(resolved[product] for product in products))
        if len(ends) > 1:
            return ends
        merged = [f"{old} was merged into {new}" for old, new in resolved.items() if old != new]
        because = f": {', and '.join(merged[:MOST_NAMED])}" if merged else ""
        raise Refused("SAME_PRODUCT", f"These are one product already{because}. Name two that are not one yet.")

    async def _resolved(self, connection: Connection, products: Collection[UUID]) -> dict[UUID, UUID]:
        resolved = await resolve_products(connection, products)
        members = await links.holders(connection, set(resolved.values()))
        for product in products:
            if all(key.source not in self.visible for key in members.get(resolved.get(product, product), ())):
                raise Refused("NOT_FOUND", f"There is no product {product}.")
        return resolved

    async def members(self, connection: Connection, products: Sequence[UUID]) -> Mapping[UUID, set[RecordKey]]:
        """The records of each product."""
        return await links.holders(connection, products)

    # ── What stands against it ─────────────────────────────────────────────────────────────────────────────────────

    def too_many(self, count: int, most: int) -> None:
        """More pairs than one act decides about."""
        if count > most:
            raise Refused(
                "TOO_MANY",
                f"This would decide about {count} pairs of records, and at most {most} can be decided at once. Name fewer; "
                "where one identifier is on so many products, correct it in its system.",
            )

    def too_many_products(self, count: int, most: int) -> None:
        """More products than one merge puts together."""
        if count > most:
            raise Refused("TOO_MANY", f"{count} products; at most {most} are merged at once.")

    def unlike(self, pair: Pair) -> None:
        """Two records that can never be joined: of one catalogue, or neither of any."""
        self.only_notes(pair)
        if pair.left.source == pair.right.source:
            raise Refused(
                "TWO_OF_ONE_SOURCE",
                f"{self._named(pair)} are two records of one catalogue, and a product has one of each. If they are one "
                f"product, remove one of them in {pair.left.source}.",
            )

    def only_notes(self, pair: Pair) -> None:
        """Two notes: whether they are about one product is said of each and a record of a catalogue."""
        if all(key.source not in self.ownership.catalogues for key in pair):
            raise Refused(
                "ONLY_NOTES",
                f"{self._named(pair)} are notes about products. Say of each of them, and a record of a catalogue, whether it "
                "is about that product.",
            )

    async def decided(self, connection: Connection, pair: Pair, verdict: str) -> None:
        """It is so by somebody's word already."""
        found = (await latest_decisions(connection, [pair])).get(pair)
        if found is not None and found.verdict == verdict:
            raise _decided(found)

    def all_decided(self, left: Collection[Pair], earlier: Iterable[Decision]) -> None:
        """Nothing is ``left`` of what is to be decided: it is so by what was decided ``earlier``."""
        if not left:
            raise _decided(max(earlier, key=lambda one: one.decided_at))

    async def two_of_one(self, connection: Connection, products: Collection[UUID]) -> None:
        """Two records of one catalogue that would be on one product."""
        held: dict[str, set[RecordKey]] = defaultdict(set)
        for keys in (await links.holders(connection, set(products))).values():
            for key in keys:
                if key.source in self.ownership.catalogues:
                    held[key.source].add(key)
        twice = [key for keys in held.values() if len(keys) > 1 for key in sorted(keys)]
        if twice:
            named = self._named(twice)
            raise Refused(
                "TWO_OF_ONE_SOURCE",
                f"{_opened(named)} would be on one product, and a product has one record of each catalogue. Split off "
                "(splitProduct) the one that does not belong to its product, or remove it in its system, and decide then.",
                records=self._shown(twice),
            )

    async def kept_apart(self, connection: Connection, products: Collection[UUID], but: Pair) -> None:
        """Others of these products' records that a person keeps apart, so that not all would be one."""
        lies = {key: end for end, keys in (await links.holders(connection, products)).items() for key in keys}
        pairs = [
            tie.pair
            for tie in await ties_of(connection, lies)
            if tie.says == APART
            and tie.pair != but
            and all(key in lies for key in tie.pair)
            and lies[tie.pair.left] != lies[tie.pair.right]
        ]
        if not pairs:
            return
        found = await latest_decisions(connection, sorted(pairs)[:MOST_NAMED])
        seen = [one for one in found.values() if all(key.source in self.visible for key in one.pair)]
        told = "; ".join(f"{self._named(one.pair)}, by {one.by}" for one in seen) or "some that you do not see"
        raise Refused(
            "KEPT_APART",
            f"Of their two products other records are kept apart: {told}. Undo that, or merge the two products "
            "(mergeProducts), which overrides it.",
            decisions=[str(one.id) for one in seen],
        )

    async def not_one(
        self, connection: Connection, records: Collection[RecordKey], products: Mapping[RecordKey, UUID]
    ) -> None:
        """Records that did not become one product, whatever else was decided: then nothing was."""
        if len({products.get(key) for key in records}) < 2:
            return
        rows = await links.current_links(connection, records)
        reasons = dict.fromkeys(
            f"{key.source} {key.id}: {row.reason}" for key, row in sorted(rows.items()) if row.reason
        )
        told = f" ({'; '.join(list(reasons)[:MOST_NAMED])})" if reasons and self._sees_all() else ""
        raise Refused(
            "HELD_APART",
            f"{self._named(sorted(records))} would not be one product{told}. Undo or split what stands against it first.",
        )

    def no_part(self, product: UUID, members: Collection[RecordKey], off: Collection[RecordKey]) -> None:
        """Records that are none of the product's, or all of them that their asker sees."""
        strange = sorted(key for key in off if key not in members or key.source not in self.visible)
        if strange:
            named = ", ".join(f"{key.source} {key.id}" for key in strange[:MOST_NAMED])
            raise Refused("NOT_FOUND", f"The product {product} has no record {named}. Name records of its crosswalk.")
        seen = [key for key in members if key.source in self.visible]
        if not off or len(off) == len(seen):
            raise Refused("NO_PART", f"Name some of the records of {product} that you see, and not all of them.")

    def nothing_to_undo(self, found: Sequence[Decision]) -> list[Decision]:
        """The decisions that are to be undone, which must be there, and not be undone."""
        seen = [one for one in found if all(key.source in self.visible for key in one.pair)]
        if not seen:
            raise Refused("NOT_FOUND", "There is no such decision.")
        standing = [one for one in found if one.undone_at is None]
        if not standing:
            last = seen[0]
            raise Refused("UNDONE", f"{last.undone_by} undid this on {last.undone_at:%Y-%m-%d}.")
        return standing

    # ── Naming ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _sees_all(self) -> bool:
        return self.visible >= self.ownership.sources.keys()

    def _shown(self, records: Iterable[RecordKey]) -> list[dict[str, str]]:
        return [{"source": key.source, "recordId": key.id} for key in records if key.source in self.visible]

    def _named(self, records: Iterable[RecordKey]) -> str:
        keys = list(records)
        seen = [f"{key.source} {key.id}" for key in keys if key.source in self.visible]
        named = seen[:MOST_NAMED]
        if len(seen) > MOST_NAMED:
            named.append(f"{len(seen) - MOST_NAMED} more")
        if len(seen) < len(keys):
            named.append("records of systems that you do not see")
        return " and ".join(named)


def _decided(found: Decision) -> Refused:
    said = f"{found.by} said so on {found.decided_at:%Y-%m-%d}: nothing is left to decide."
    return Refused("DECIDED", said, decision=str(found.id))


def _no_record(key: RecordKey) -> Refused:
    return Refused("NOT_FOUND", f"There is no record {key.source} {key.id}.")


def _opened(text: str) -> str:
    """A text that begins a sentence; the name of a source stays as it is."""
    return (
        text.replace("records of systems", "Records of systems", 1) if text.startswith("records of systems") else text
    )
