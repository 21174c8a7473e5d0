"""Learning from the ledger: a sample of two catalogues that fits into memory, what is certain among it, and how common words
are in them.

The sample holds pairs, not only records: some of the smaller catalogue, and those of the other that blocking finds for them.
It is the same whenever the same records are there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from resolvers.matching.profile import Profile
from resolvers.matching.vocabulary import BRAND_SHARE, MIN_BRAND, Vocabulary, own_codes
from resolvers.matching_flow.blocking import Blocks
from resolvers.matching_flow.bound import Bound, fellows_of
from resolvers.matching_flow.declared import MatchingMap
from resolvers.matching_flow.judging import Learned
from resolvers.matching_flow.learning import ENOUGH, Sample, learned
from resolvers.matching_flow.models import packed, unpacked
from resolvers.matching_flow.storing import restored
from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.match_keys import carried
from sources.ledger.match_models import StoredModel, last_models, model_content, write_model
from sources.ledger.match_pairs import count_decisions, decisions_between, fellow_rows, stands_of
from sources.ledger.match_records import (
    StoredProfile,
    come_to_match,
    make_all_due,
    profiles_by_number,
    sampled_profiles,
)
from sources.ledger.pairs import SAME

WHOLE = 3000
"""Records up to which a catalogue is learned from as a whole."""
SEEDS = 1500
"""Records of the smaller catalogue that a sample begins with, where one of the two is larger."""
NEIGHBOURS = 4
"""Records of the other that each brings along."""
COUNTED = 20_000
"""Records of a catalogue whose words are counted."""
PAGE = 500
"""Records that are read at a time."""
MOST_DECISIONS = 2000
"""Decisions that are learned from, the latest ones."""
K = TypeVar("K")
FEW_DECISIONS = 10
"""Decisions that must have come before it is learned anew, or a quarter of those known then."""


@dataclass
class Teaching:
    """Keeps the models of every two catalogues as good as what there is to learn from."""

    pool: Pool
    map: OwnershipMap
    matching: MatchingMap
    reading: str
    """The version of how records are read."""

    def __post_init__(self) -> None:
        self._at_hand: dict[tuple[str, str], Learned] = {}
        declared = self.map.sources
        self._catalogues = [name for name, one in declared.items() if one.declaration.per_product == "one"]

    @property
    def _version(self) -> str:
        policy, once = self.matching.policy, sorted(self.matching.once.items())
        return f"{self.reading} {policy.precision:g} {policy.faintest:g} {policy.queue:g} {once}"

    async def outdated(self) -> bool:
        """Whether any model was learned by other settings."""
        kept = await last_models(self.pool)
        chosen = self.matching.sources
        return any(
            one.reading != self._version for (left, right), one in kept.items() if left in chosen and right in chosen
        )

    async def models(self, sizes: Mapping[str, int]) -> dict[tuple[str, str], Learned]:
        """The model of each two catalogues that have records, learned anew where that is worth it. ``sizes``: how many
        records each has."""
        kept = await last_models(self.pool)
        found = {}
        for left in sorted(self.matching.sources):
            for right in sorted(self.matching.sources):
                if left < right and sizes.get(left) and sizes.get(right):
                    found[left, right] = await self._model(left, right, sizes, kept.get((left, right)))
        return found

    async def _model(self, left: str, right: str, sizes: Mapping[str, int], kept: StoredModel | None) -> Learned:
        decisions = await count_decisions(self.pool, left, right)
        if kept is None or self._outgrown(kept, (sizes[left], sizes[right]), decisions):
            return await self._learn(left, right, (sizes[left], sizes[right]), decisions)
        at_hand = self._at_hand.get((left, right))
        if at_hand is None or at_hand.version != kept.version:
            content = await model_content(self.pool, left, right, kept.version)
            try:
                at_hand = await asyncio.to_thread(unpacked, content or b"")
            except ValueError:  # it was written by another version of this code
                return await self._learn(left, right, (sizes[left], sizes[right]), decisions)
            self._at_hand[left, right] = at_hand
        return at_hand

    def _outgrown(self, kept: StoredModel, sizes: tuple[int, int], decisions: int) -> bool:
        """Whether there is so much more to learn from that it is worth it."""
        doubled = sizes[0] >= 2 * kept.left_records or sizes[1] >= 2 * kept.right_records
        said = abs(decisions - kept.decisions) >= max(FEW_DECISIONS, kept.decisions // 4)
        enough = kept.provisional and min(sizes) >= ENOUGH
        return kept.reading != self._version or doubled or said or enough

    async def _learn(self, left: str, right: str, sizes: tuple[int, int], decisions: int) -> Learned:
        sides = await self._sample(left, right, sizes)
        certain = await self._certain(left, right, sides)
        words = await self._words(left, right, sizes) if max(sizes) > WHOLE else None
        once = self.matching.once.get(left), self.matching.once.get(right)
        sample = Sample(*sides, sizes, certain)
        found = await asyncio.to_thread(learned, sample, self.matching.policy, once, words)
        content = await asyncio.to_thread(packed, found)
        model = StoredModel(
            found.version, self._version, found.link is None, sizes[0], sizes[1], len(certain), decisions
        )
        async with self.pool.acquire() as connection, connection.transaction():
            await come_to_match(connection)
            await write_model(connection, left, right, model, content)
            await make_all_due(connection, [left, right])
        self._at_hand[left, right] = found
        return found

    async def _sample(self, left: str, right: str, sizes: tuple[int, int]) -> tuple[list[Profile], list[Profile]]:
        if max(sizes) <= WHOLE:
            return (
                [one async for one in self._profiles(left, WHOLE, sizes[0])],
                [one async for one in self._profiles(right, WHOLE, sizes[1])],
            )
        small = 0 if sizes[0] <= sizes[1] else 1
        names = (left, right)
        seeds: list[Profile] = []
        neighbours: dict[int, Profile] = {}
        async for page in self._pages(names[small], SEEDS, sizes[small]):
            seeds += await asyncio.to_thread(_restored, page)
            keys = {key for one in page for key in one.keys}
            lists = await carried(self.pool, keys, [names[1 - small]], [])
            blocks = Blocks.of(lists, {names[1 - small]: sizes[1 - small]})[names[1 - small]]
            numbers = {number for one in page for number in blocks.candidates(one.keys, NEIGHBOURS)}
            for one in await profiles_by_number(self.pool, numbers - neighbours.keys()):
                neighbours[one.number] = restored(one.profile)
        others = list(neighbours.values())
        return (seeds, others) if small == 0 else (others, seeds)

    async def _certain(
        self, left: str, right: str, sides: tuple[Sequence[Profile], Sequence[Profile]]
    ) -> dict[tuple[str, str], bool]:
        """The pairs that keys or people have joined, or people have kept apart."""
        few = 0 if len(sides[0]) <= len(sides[1]) else 1
        source, other = (left, right)[few], (left, right)[1 - few]
        decided = {
            (pair.left.id, pair.right.id): said == SAME
            for pair, said in (await decisions_between(self.pool, left, right, MOST_DECISIONS)).items()
        }
        found: dict[tuple[str, str], bool] = {}
        for start in range(0, len(sides[few]), PAGE):
            keys = [RecordKey(source, one.key) for one in sides[few][start : start + PAGE]]
            stands = await stands_of(self.pool, keys)
            rows = await fellow_rows(self.pool, {one.product for one in stands.values()}, self._catalogues)
            bound = Bound(fellows_of(rows, self.map.identity_keys), [])
            for key in stands:
                partner = bound.with_(key).get(other)
                if partner is not None:
                    found[(key.id, partner.id) if few == 0 else (partner.id, key.id)] = True
        return found | decided

    async def _words(self, left: str, right: str, sizes: tuple[int, int]) -> Vocabulary:
        """How common words are in both catalogues, from some of either. How common a model number is, the ledger is asked
        when it matters; here are those that many records have."""
        counts = _WordCounts(sum(sizes))
        for side, source in enumerate((left, right)):
            step = _step(sizes[side], COUNTED)
            async for page in self._pages(source, COUNTED, sizes[side]):
                profiles = await asyncio.to_thread(_restored, page)
                await asyncio.to_thread(counts.add, side, profiles, step)
        return counts.vocabulary()

    async def _profiles(self, source: str, most: int, size: int) -> AsyncIterator[Profile]:
        async for page in self._pages(source, most, size):
            for one in await asyncio.to_thread(_restored, page):
                yield one

    async def _pages(self, source: str, most: int, size: int) -> AsyncIterator[list[StoredProfile]]:
        """Some of a catalogue's records, about ``most``, a page at a time."""
        after = 0
        while page := await sampled_profiles(self.pool, source, _step(size, most), after, PAGE):
            after = page[-1].number
            yield page


def _restored(rows: Iterable[StoredProfile]) -> list[Profile]:
    return [restored(one.profile) for one in rows]


def _step(size: int, most: int) -> int:
    return max(1, -(-size // most))


class _WordCounts:
    """Counts over some records of two catalogues, as if over all."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._words: Counter[str] = Counter()
        self._texts: Counter[str] = Counter()
        self._heads: Counter[str] = Counter()
        self._given: set[str] = set()
        self._codes: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._values: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]] = (Counter(), Counter())
        self._step = 1

    def add(self, side: int, profiles: Iterable[Profile], step: int) -> None:
        """Count ``profiles``, each of which stands for ``step`` records."""
        self._step = max(self._step, step)
        for one in profiles:
            _count(self._words, one.name.words | one.name.compounds, step)
            _count(self._texts, one.name.words | one.more.words, step)
            _count(self._heads, (one.head,), step)
            _count(self._codes[side], own_codes(one) | one.joined | one.more.codes | one.more.parts, step)
            _count(self._values[side], one.values.items(), step)
            if one.brand:
                self._given.add(one.brand)

    def vocabulary(self) -> Vocabulary:
        """What was counted; what only one record had is left out."""
        brands = {
            word
            for word, count in self._heads.items()
            if count >= MIN_BRAND and word.isalpha() and count >= BRAND_SHARE * self._words[word]
        }
        return Vocabulary(
            records=self._records,
            words=self._common(self._words),
            texts=self._common(self._texts),
            codes=(self._common(self._codes[0]), self._common(self._codes[1])),
            stems=(Counter(), Counter()),
            values=(self._common(self._values[0]), self._common(self._values[1])),
            brands=frozenset(self._given | brands),
            variants=frozenset(),
        )

    def _common(self, counts: Counter[K]) -> Counter[K]:
        return Counter({entry: count for entry, count in counts.items() if count > self._step})


def _count(counter: Counter[K], entries: Iterable[K], step: int) -> None:
    for entry in entries:
        counter[entry] += step
