"""Copies: records of one catalogue that say the very same. What is learned is learned from few of them: 400 identical titles
are one case, and not 400."""

from __future__ import annotations

from collections import Counter

from resolvers.matching.profile import Profile

MOST = 2
"""Records that say the same which are learned from: two show that a catalogue lists a product twice."""


class Copies:
    """The records of one catalogue by what they say, in the order in which they are asked about."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()
        self._shown: dict[int, bool] = {}

    def shown(self, place: int, profile: Profile) -> bool:
        """Whether the record at ``place`` is among the first MOST that say what ``profile`` says."""
        found = self._shown.get(place)
        if found is None:
            # What 80,000 records say fills a quarter of a gigabyte; two share a hash with a chance of 2 in 10 billion.
            said = hash(
                (profile.name, profile.more, profile.model, profile.price, tuple(sorted(profile.values.items())))
            )
            self._seen[said] += 1
            found = self._shown[place] = self._seen[said] <= MOST
        return found

    def share(self) -> float:
        """Of those that were asked about, how many are shown; 1 where none was."""
        return sum(self._shown.values()) / len(self._shown) if self._shown else 1.0
