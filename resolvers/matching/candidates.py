"""Blocking: the few records of the other catalogue that are worth comparing with a record.

Records meet through the keys they share: model numbers, beginnings of model numbers, words of the name, identifiers. A key
that too many records carry leads nowhere, so 10,000 identical titles cost what one costs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from heapq import nlargest
from math import log

from resolvers.matching.profile import Profile
from resolvers.matching.vocabulary import SHORTEST_STEM, own_codes

MAX_CARRIERS = 500
"""Records behind one key that are looked at."""
MAX_CANDIDATES = 20
"""Records that one record is compared with."""
MAX_LOOKED_AT = 2000
"""Records that one record's keys lead to, rarest keys first, before the best are kept."""
WEIGHT_UNIT = 1_000_000
"""Parts of a nat that the weight of a shared key is told in: whole numbers have the same sum in any order."""
_ENDINGS = 4
"""Characters that one catalogue may leave off a model number."""


def keys(profile: Profile) -> Iterator[str]:
    """The keys of a record: ``i:`` an identifier, ``c:`` a model number, ``p:`` the beginning of one, ``w:`` a word of the
    name, ``q:`` a quantity, ``k:`` a colour, ``n:`` a number."""
    for field, value in profile.values.items():
        if len(value) >= 6:
            yield f"i:{field}:{value}"
    starts = set()
    for code in own_codes(profile) | profile.more.codes | profile.more.parts:
        yield f"c:{code}"
        for length in range(max(SHORTEST_STEM, len(code) - _ENDINGS), len(code) + 1):
            starts.add(code[:length])
    for start in starts:
        yield f"p:{start}"
    for code in profile.joined:
        yield f"c:{code}"
        if len(code) > 5:
            yield f"p:{code}"
    for word in profile.name.words | profile.name.compounds:
        yield f"w:{word}"
    for amount in profile.name.quantities:
        yield f"q:{amount.dimension}:{amount.amount:g}"
    for colour in profile.name.colours:
        yield f"k:{colour}"
    for number in profile.name.numbers:
        yield f"n:{number}"


@lru_cache(maxsize=1 << 16)
def number(text: str) -> int:
    """A text as 64 bits, the same in every process and on every machine: two of ten million texts meet with a chance of
    three in a million."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def key_numbers(profile: Profile) -> set[int]:
    """The :func:`keys` of a record, each as its :func:`number`."""
    return {number(key) for key in keys(profile)}


def key_weight(records: int, carriers: int) -> int:
    """What it says that a record carries a key which ``carriers`` of ``records`` carry: ``log(1 + N / n)``, in
    1 / WEIGHT_UNIT nats."""
    return round(WEIGHT_UNIT * log(1 + records / carriers))


class Index:
    """A catalogue by its keys."""

    def __init__(self, side: Sequence[Profile]) -> None:
        carriers: dict[int, int | array[int]] = {}
        for place, one in enumerate(side):
            for key in key_numbers(one):
                known = carriers.get(key)
                # Most keys lead to one record: a number costs a tenth of a list.
                if known is None:
                    carriers[key] = place
                elif isinstance(known, int):
                    carriers[key] = array("I", (known, place))
                elif len(known) <= MAX_CARRIERS:
                    known.append(place)
        self._carriers = carriers
        self._records = max(2, len(side))

    def candidates(self, one: Profile, *, but: int = -1, most: int = MAX_CANDIDATES) -> list[int]:
        """The places of the records most worth comparing with ``one``, best first; never the one at ``but``."""
        found: list[tuple[int, int, Sequence[int]]] = []
        for key in key_numbers(one):
            carriers = self._carriers.get(key)
            if isinstance(carriers, int):
                found.append((1, key, (carriers,)))
            elif carriers is not None and len(carriers) <= MAX_CARRIERS:
                found.append((len(carriers), key, carriers))
        found.sort(key=lambda entry: entry[:2])
        score: dict[int, int] = {}
        looked = 0
        for count, _, places in found:
            looked += count
            if looked > MAX_LOOKED_AT and score:
                break
            weight = key_weight(self._records, count)
            for place in places:
                score[place] = score.get(place, 0) + weight
        score.pop(but, None)
        if len(score) > most:
            least = nlargest(most, score.values())[-1]
            score = {place: value for place, value in score.items() if value >= least}
        best = sorted(score, key=lambda place: (-score[place], place))
        return best[:most]
