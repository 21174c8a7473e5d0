"""Two catalogues of the ledger matched as a whole: records read by the page, and what came out held against what stands.

What people decided and what keys joined is no longer open: such pairs are left out, and records that have their partner so
take no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from uuid import UUID

from resolvers.matching.evidence import Finding
from resolvers.matching.run import Settings
from resolvers.matching.verdicts import Verdict
from resolvers.matching_flow.bound import bound_among
from resolvers.matching_flow.declared import MatchingMap
from resolvers.matching_flow.listing import listing
from resolvers.matching_whole.reading import Page, read_page
from resolvers.matching_whole.run import PAGE, Decided, Resources, Told, WholeRun
from resolvers.ownership import FieldDefinition, OwnershipMap
from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.match_between import pairs_between, products_shared
from sources.ledger.match_pairs import Stand, decided_pairs, decisions_between, pairs_of, stands_of
from sources.ledger.match_records import SourceRecord, ids_after, present_records
from sources.ledger.pairs import REVIEW, SAME, Pair

LOT = 500
"""Pairs that are held against the ledger at once."""

DECISIONS = 1_000_000
"""Decisions of people about two catalogues that a run knows of, the latest; beyond them they still hold."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a run would change about a pair. ``kind`` is LINK, REVIEW, HELD (sure, but one of its products has a record of
    the other's catalogue already, so a person is asked), or DROP (found earlier, and no more).

    ``products``: of either record, where they are two. ``was``: the verdict that stands.
    """

    pair: Pair
    kind: str
    probability: float
    findings: tuple[Finding, ...]
    products: tuple[UUID, UUID]
    was: str | None


class Stopped(Exception):
    """The run was told to stop; it can be gone on with."""


class CatalogueRun:
    """A run over two catalogues, the lesser name left, in a directory of its own."""

    def __init__(
        self,
        pool: Pool,
        ownership: OwnershipMap,
        matching: MatchingMap,
        sources: tuple[str, str],
        directory: Path,
        *,
        resources: Resources | None = None,
        told: Told | None = None,
    ) -> None:
        """Goes on with what is in ``directory``. Raises OSError, and duckdb.IOException where another process is at it."""
        self.sources = (min(sources), max(sources))
        self._pool = pool
        self._map = ownership
        self._matching = matching
        self._catalogues = [name for name, one in ownership.sources.items() if one.declaration.per_product == "one"]
        self._stopped = False
        self._told = told or (lambda step, done, of: None)
        once = (matching.once.get(self.sources[0]), matching.once.get(self.sources[1]))
        self._run = WholeRun(
            directory,
            f"{self.sources} {matching.reading}",
            Settings(policy=matching.policy, once=once),
            resources,
            self._tell,
        )

    @property
    def fresh(self) -> bool:
        """Whether nothing of this run had been done before."""
        return self._run.state.fresh

    @property
    def version(self) -> str:
        """The version of the rule, once it has been learned."""
        return self._run.version

    @property
    def sizes(self) -> tuple[int, int]:
        """Records of either catalogue."""
        return self._run.sizes

    def _tell(self, step: str, done: int, of: int | None) -> None:
        if self._stopped:
            raise Stopped
        self._told(step, done, of)

    def close(self) -> None:
        """Close the files; the run can be gone on with."""
        self._run.close()

    def remove(self) -> None:
        """Close and remove the files: the run is over."""
        self._run.state.remove()

    async def find(self) -> None:
        """Everything up to the verdicts. Cancelled, it stops after the lots under way, and can be gone on with."""
        for side, source in enumerate(self.sources):
            await self._in_thread(partial(self._read, side, source, asyncio.get_running_loop()))
        await self._in_thread(partial(self._know, asyncio.get_running_loop()))
        await self._in_thread(self._run.finish)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self._stopped = True
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # seen; what was cancelled is not told twice
            raise

    def _read(self, side: int, source: str, loop: asyncio.AbstractEventLoop) -> None:
        count = asyncio.run_coroutine_threadsafe(self._count(source), loop).result()
        self._run.read(
            side, self._pages(side, source, loop), count, partial(_read_stored, self._matching, self._map.fields)
        )

    async def _count(self, source: str) -> int:
        count: int = await self._pool.fetchval(
            "select count(*) from crosswalk where source = $1 and gone_at is null", source
        )
        return count

    def _pages(self, side: int, source: str, loop: asyncio.AbstractEventLoop) -> Iterator[Sequence[SourceRecord]]:
        after = self._run.so_far(side)[1] or ""
        while True:
            ids, records = asyncio.run_coroutine_threadsafe(self._page(source, after), loop).result()
            if not ids:
                return
            if records:
                yield records
            after = ids[-1]

    async def _page(self, source: str, after: str) -> tuple[list[str], list[SourceRecord]]:
        ids = await ids_after(self._pool, source, after, PAGE)
        if not ids:
            return [], []
        async with self._pool.acquire() as connection:
            records = await present_records(connection, source, ids)
        order = {one: place for place, one in enumerate(ids)}
        return ids, sorted(records, key=lambda one: order[one.record_id])

    def _know(self, loop: asyncio.AbstractEventLoop) -> None:
        def lots() -> Iterator[list[tuple[str, str, bool]]]:
            after = ""
            while True:
                found = asyncio.run_coroutine_threadsafe(self._joined(after), loop).result()
                if found is None:
                    break
                after, joined = found
                yield [(left, right, True) for left, right in joined]
            decided = asyncio.run_coroutine_threadsafe(
                decisions_between(self._pool, *self.sources, DECISIONS), loop
            ).result()
            yield [(pair.left.id, pair.right.id, said == SAME) for pair, said in decided.items()]

        self._run.know(lots())

    async def _joined(self, after: str) -> tuple[str, list[tuple[str, str]]] | None:
        """The next pairs behind the left record ``after`` that keys or people joined, and the record that they end with.
        Those that only matching brought to one product, each with others that share its keys, are as open as before."""
        found = await products_shared(self._pool, *self.sources, after, PAGE)
        if not found:
            return None
        products = {product for _, _, product in found}
        bound = await bound_among(self._pool, products, self._map.identity_keys, self._catalogues)
        pairs = [self._keys(left, right) for left, right, _ in found]
        return found[-1][0], [(left.id, right.id) for left, right in pairs if bound.joined(left, right)]

    async def changes(self, after: int = 0) -> AsyncIterator[tuple[int, list[Change]]]:
        """What is to be changed, in lots: how many decided pairs lie behind the lot, and its changes. Pairs that came out as
        they stand, by the same rule, are among them. Those to drop come last; what shares a key that did not join it stays
        proposed, however faint. Pairs of records that came or changed since they were read here are left as they stand: what
        this run knows of them is not so any more."""
        source = self._run.decided(after)
        while lot := await asyncio.to_thread(_some, source, LOT):
            after += len(lot)
            yield after, await self._held_against(lot)
        found = await asyncio.to_thread(lambda: {self._pair(one) for one in self._run.decided()})
        standing: Pair | None = None
        while stored := await pairs_between(self._pool, *self.sources, standing, LOT):
            standing = stored[-1].pair
            gone = [one for one in stored if one.pair not in found and one.decided is None]
            stands = await stands_of(self._pool, [key for one in gone for key in one.pair])
            moved = await self._moved(stands)
            products = {stand.product for stand in stands.values()}
            bound = await bound_among(self._pool, products, self._map.identity_keys, self._catalogues)
            gone = [
                one
                for one in gone
                if moved.isdisjoint(one.pair) and not (one.verdict == REVIEW and bound.share_a_key(*one.pair))
            ]
            nobody = UUID(int=0)
            yield (
                after,
                [
                    Change(
                        one.pair,
                        "DROP",
                        one.probability,
                        (),
                        tuple(stands[key].product if key in stands else nobody for key in one.pair),  # type: ignore[arg-type]
                        one.verdict,
                    )
                    for one in gone
                ],
            )

    async def _moved(self, stands: Mapping[RecordKey, Stand]) -> set[RecordKey]:
        """The present records that are not as they were read."""
        read: dict[RecordKey, bytes] = {}
        for side, source in enumerate(self.sources):
            names = [key.id for key in stands if key.source == source]
            digests = await asyncio.to_thread(self._run.digests, side, names)
            read.update((RecordKey(source, name), digest) for name, digest in digests.items())
        return {key for key, stand in stands.items() if read.get(key) != stand.digest}

    def _pair(self, one: Decided) -> Pair:
        return Pair(*self._keys(one.left, one.right))

    def _keys(self, left: str, right: str) -> tuple[RecordKey, RecordKey]:
        return RecordKey(self.sources[0], left), RecordKey(self.sources[1], right)

    async def _held_against(self, lot: Sequence[Decided]) -> list[Change]:
        pairs = {self._pair(one): one for one in lot}
        ends = {key for pair in pairs for key in pair}
        stands = await stands_of(self._pool, ends)
        moved = await self._moved(stands)
        decided = await decided_pairs(self._pool, ends)
        stood = {one.pair: one.verdict for one in await pairs_of(self._pool, ends)}
        products = {one.product for one in stands.values()}
        bound = await bound_among(self._pool, products, self._map.identity_keys, self._catalogues)
        changes = []
        for pair, one in pairs.items():
            if pair in decided or pair.left not in stands or pair.right not in stands or not moved.isdisjoint(pair):
                continue
            if not bound.open(pair.left, pair.right.source) or not bound.open(pair.right, pair.left.source):
                continue
            kind = one.verdict.name
            if one.verdict is Verdict.LINK and (
                bound.share_a_key(pair.left, pair.right) or not bound.may_join(pair.left, pair.right)
            ):
                kind = "HELD"
            two = (stands[pair.left].product, stands[pair.right].product)
            changes.append(Change(pair, kind, one.probability, one.findings, two, stood.get(pair)))
        return changes


def _read_stored(matching: MatchingMap, fields: Mapping[str, FieldDefinition], records: Sequence[SourceRecord]) -> Page:
    return read_page([listing(one, matching, fields) for one in records], [one.digest for one in records])


def _some(source: Iterator[Decided], most: int) -> list[Decided]:
    return list(islice(source, most))
