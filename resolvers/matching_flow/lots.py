"""A lot of records matched: found, compared and judged outside any transaction, and written in one under the turn to link.

Before it is written, everything it rests on is looked at again: what has moved meanwhile is left out, and is due again by
what moved it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from resolvers.matching.evidence import told
from resolvers.matching.profile import Profile
from resolvers.matching.verdicts import Verdict
from resolvers.matching_flow.blocking import Blocks
from resolvers.matching_flow.bound import Bound, bound_among
from resolvers.matching_flow.counting import LotCounts, hashed_keys, to_be_counted
from resolvers.matching_flow.declared import MatchingMap
from resolvers.matching_flow.judging import Judged, Learned, Place, Scores, Standing, judge, subject, why
from resolvers.matching_flow.storing import restored
from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.match_keys import carried
from sources.ledger.match_pairs import (
    PairRow,
    Stand,
    StoredPair,
    decided_pairs,
    pairs_of,
    stands_of,
)
from sources.ledger.match_records import StoredProfile, profiles_by_number, profiles_of
from sources.ledger.pairs import LINK, REVIEW, Pair


@dataclass
class LotResult:
    """What is to be written of a lot."""

    due: Sequence[RecordKey]
    rows: dict[Pair, PairRow] = field(default_factory=dict)
    judged: set[Pair] = field(default_factory=set)
    """Pairs that were compared, whatever came out."""
    stood: dict[Pair, StoredPair] = field(default_factory=dict)
    """Pairs of the lot's records, and of those they compete with, as they were."""
    stands: Mapping[RecordKey, Stand] = field(default_factory=dict)
    """How the records stood on which it rests."""
    looked_at: int = 0
    compared: int = 0

    @property
    def obsolete(self) -> set[Pair]:
        """Stored pairs that do not come out any more: those judged otherwise, and all others of the lot's records."""
        lot = set(self.due)
        return {
            pair
            for pair, one in self.stood.items()
            if pair not in self.rows and one.decided is None and (pair in self.judged or not lot.isdisjoint(pair))
        }


@dataclass
class LotMatching:
    """Matches lots, by one map and the models in use."""

    pool: Pool
    map: OwnershipMap
    matching: MatchingMap

    def __post_init__(self) -> None:
        declared = self.map.sources
        self.catalogues = [name for name, one in declared.items() if one.declaration.per_product == "one"]

    async def match(
        self, due: Sequence[RecordKey], models: Mapping[tuple[str, str], Learned], sizes: Mapping[str, int]
    ) -> LotResult:
        """Judge ``due``, records of one source. ``models``: of each two catalogues; ``sizes``: how many records each has."""
        found = LotResult(due)
        source = due[0].source
        rows = await profiles_of(self.pool, due)
        keys = {one.key: one.keys for one in rows}
        mine = dict(zip((one.key for one in rows), await asyncio.to_thread(_restored, rows), strict=True))
        found.stood = {one.pair: one for one in await pairs_of(self.pool, due)}
        found.stands = await stands_of(self.pool, {*due, *(key for pair in found.stood for key in pair)})
        mine = {key: one for key, one in mine.items() if key in found.stands}
        bound = await self._bound({key: found.stands[key] for key in mine})
        for other in self.matching.sources:
            pair = (min(source, other), max(source, other))
            if other != source and pair in models:
                open_ones = {key: one for key, one in mine.items() if bound.open(key, other)}
                await self._across(found, open_ones, keys, other, models[pair], max(2, sizes.get(other, 2)))
        return found

    async def _across(
        self,
        found: LotResult,
        mine: Mapping[RecordKey, Profile],
        keys: Mapping[RecordKey, Sequence[int]],
        other: str,
        learned: Learned,
        size: int,
    ) -> None:
        """Judge the lot's records with those of one other catalogue."""
        if not mine:
            return
        across = _Across(self, next(iter(mine)).source, other, learned, size)
        await across.find(mine, keys, found)
        await across.add_rivals(found)
        standing = await across.standing(found)
        judged = await asyncio.to_thread(judge, across.scores, standing, self.matching.policy)
        across.write(judged, found)

    async def _bound(self, stands: Mapping[RecordKey, Stand]) -> Bound:
        products = {one.product for one in stands.values()}
        return await bound_among(self.pool, products, self.map.identity_keys, self.catalogues)


class _Across:
    """A lot of one catalogue against another catalogue."""

    def __init__(self, lots: LotMatching, source: str, other: str, learned: Learned, size: int) -> None:
        self._lots, self._pool = lots, lots.pool
        self._source, self._other = source, other
        self._side = 0 if source < other else 1
        self._size = size
        self._counts = LotCounts(learned.model)
        self._profiles: tuple[dict[str, Profile], dict[str, Profile]] = ({}, {})
        self._learned = Learned(self._counts.model, learned.link, learned.review, learned.version)
        self.scores = Scores(self._learned)

    async def find(
        self, mine: Mapping[RecordKey, Profile], keys_of: Mapping[RecordKey, Sequence[int]], found: LotResult
    ) -> None:
        """Compare each of ``mine`` with its candidates; ``keys_of``: by which keys they are found."""
        texts = await asyncio.to_thread(hashed_keys, mine.values())
        carriers = await carried(self._pool, texts, [self._other], [self._source])
        for source, key, count, _ in carriers:
            self._counts.note(self._side_of(source), texts[key], count)
        blocks = Blocks.of(carriers, {self._other: self._size})[self._other]
        candidates = await asyncio.to_thread(_candidates, blocks, {key: keys_of[key] for key in mine})
        found.looked_at += blocks.looked_at
        numbers = {number for some in candidates.values() for number in some}
        keys: dict[int, str] = {}
        rows = await profiles_by_number(self._pool, numbers)
        for one, read in zip(rows, await asyncio.to_thread(_restored, rows), strict=True):
            keys[one.number] = one.key.id
            self._profiles[1 - self._side][one.key.id] = read
        self._profiles[self._side].update((key.id, one) for key, one in mine.items())
        places = [
            self._place(key.id, keys[number])
            for key, some in candidates.items()
            for number in some
            if number in keys  # it may be gone since
        ]
        found.compared += len(places)
        await self._score(places, found)

    async def add_rivals(self, found: LotResult) -> None:
        """Compare those too with whom the candidates stand in a pair already, and their other pairs."""
        likely = set(self.scores.odds)
        for side in (1 - self._side, self._side):
            source = self._other if side != self._side else self._source
            ends = {RecordKey(source, place[side]) for place in likely}
            stored = [one for one in await pairs_of(self._pool, ends) if self._between(one.pair)]
            found.stood.update((one.pair, one) for one in stored)
            likely = {Place(one.pair.left.id, one.pair.right.id) for one in stored} - self.scores.odds.keys()
            await self._load(likely)
            await self._score([place for place in likely if self._known(place)], found)
            if not likely:
                break

    async def standing(self, found: LotResult) -> Standing:
        """What else is known of the pairs that were compared."""
        left, right = (self._source, self._other)[self._side], (self._other, self._source)[self._side]
        places = list(self.scores.odds)
        ends = {RecordKey(left, place.left) for place in places} | {RecordKey(right, place.right) for place in places}
        ends.update(key for pair in found.stood for key in pair)
        stands = await stands_of(self._pool, ends)
        found.stands = {**stands, **found.stands}
        bound = await self._lots._bound(stands)
        decided = await decided_pairs(self._pool, ends)
        closed, asked, held = set(), set(), set()
        for place in places:
            one, other = RecordKey(left, place.left), RecordKey(right, place.right)
            gone = one not in stands or other not in stands
            if gone or not bound.open(one, right) or not bound.open(other, left) or Pair(one, other) in decided:
                closed.add(place)
            elif bound.share_a_key(one, other):
                asked.add(place)
            elif not bound.may_join(one, other):
                held.add(place)
        return Standing(closed, asked, held)

    def write(self, judged: Iterable[Judged], found: LotResult) -> None:
        """Note what came out, for the pairs of the lot's records and those that compete with them."""
        for one in judged:
            pair = self._pair(one.place)
            if one.verdict is not Verdict.NONE:
                findings = told(why(self._learned, one.levels))
                verdict = LINK if one.verdict is Verdict.LINK else REVIEW
                found.rows[pair] = PairRow(
                    pair, round(one.probability, 6), verdict, orjson.dumps(findings), self._learned.version
                )

    async def _score(self, wanted: Collection[Place], found: LotResult) -> None:
        model = self._learned.model
        found.judged.update(map(self._pair, wanted))

        def compare() -> None:
            left = {key: subject(self._profiles[0][key], model) for key in {place.left for place in wanted}}
            right = {key: subject(self._profiles[1][key], model) for key in {place.right for place in wanted}}
            self.scores.add(wanted, left, right, {place for place in wanted if self._share_a_key(place)})

        if wanted:
            await asyncio.to_thread(compare)

    async def _load(self, places: Collection[Place]) -> None:
        """The profiles of records that are not at hand, and how common their keys are."""
        sources = sorted((self._source, self._other))
        missing = {
            RecordKey(sources[side], place[side])
            for place in places
            for side in (0, 1)
            if place[side] not in self._profiles[side]
        }
        if not missing:
            return
        fresh = []
        for one in await profiles_of(self._pool, missing):
            fresh.append(restored(one.profile))
            self._profiles[self._side_of(one.key.source)][one.key.id] = fresh[-1]
        texts = hashed_keys(fresh)
        for source, key, count, _ in await carried(self._pool, to_be_counted(texts), [], sources):
            self._counts.note(self._side_of(source), texts[key], count)

    def _share_a_key(self, place: Place) -> bool:
        one, other = self._profiles[0][place.left].values, self._profiles[1][place.right].values
        return any(scheme in one and one[scheme] == other.get(scheme) for scheme in self._lots.map.identity_keys)

    def _known(self, place: Place) -> bool:
        return place.left in self._profiles[0] and place.right in self._profiles[1]

    def _side_of(self, source: str) -> int:
        return self._side if source == self._source else 1 - self._side

    def _place(self, mine: str, other: str) -> Place:
        return Place(mine, other) if self._side == 0 else Place(other, mine)

    def _pair(self, place: Place) -> Pair:
        left, right = sorted((self._source, self._other))
        return Pair(RecordKey(left, place.left), RecordKey(right, place.right))

    def _between(self, pair: Pair) -> bool:
        return {pair.left.source, pair.right.source} == {self._source, self._other}


def _restored(rows: Iterable[StoredProfile]) -> list[Profile]:
    return [restored(one.profile) for one in rows]


def _candidates(blocks: Blocks, mine: Mapping[RecordKey, Sequence[int]]) -> dict[RecordKey, list[int]]:
    return {key: blocks.candidates(keys) for key, keys in mine.items()}
