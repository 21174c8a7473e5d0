"""The records most worth comparing with a record, among those that carry its keys: the weights and bounds of
:class:`resolvers.matching.candidates.Index`, over what the ledger says of the keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from math import log

from resolvers.matching.candidates import MAX_CANDIDATES, MAX_CARRIERS, MAX_LOOKED_AT
from sources.ledger.match_keys import Carried

FAR = 0.2
"""A candidate with less than this share of the best one's weight is not compared: beside a shared model number, two shared
words are nothing. Where nothing much is shared, all are near."""


@dataclass
class Blocks:
    """A catalogue by the keys of a lot of records. ``records``: how many the catalogue has."""

    records: int
    looked_at: int = 0
    """Places in lists of carriers that were gone through: what candidates cost."""
    _lists: dict[int, tuple[int, Sequence[int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, carried: Iterable[Carried], records: Mapping[str, int]) -> dict[str, Blocks]:
        """The catalogues, by source, each with ``records`` records."""
        found = {source: cls(max(2, count)) for source, count in records.items()}
        for source, key, carriers, numbers in carried:
            if source in found and 0 < carriers <= MAX_CARRIERS and len(numbers) == carriers:
                found[source]._lists[key] = carriers, numbers
        return found

    def candidates(self, keys: Iterable[int], most: int = MAX_CANDIDATES) -> list[int]:
        """The numbers of the records most worth comparing with one that has ``keys``, best first."""
        lists = [(self._lists[key][0], key, self._lists[key][1]) for key in keys if key in self._lists]
        lists.sort(key=lambda entry: entry[:2])
        score: dict[int, float] = {}
        looked = 0
        for count, _, numbers in lists:
            looked += count
            if looked > MAX_LOOKED_AT and score:
                looked -= count
                break
            weight = log(1 + self.records / count)
            for number in numbers:
                score[number] = score.get(number, 0.0) + weight
        self.looked_at += looked
        if len(score) > 1:
            best = nlargest(most, score.values())
            least = max(best[-1], FAR * best[0])
            score = {number: value for number, value in score.items() if value >= least}
        return sorted(score, key=lambda number: (-score[number], number))[:most]
