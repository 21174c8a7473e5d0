"""What records share: the values of declared keys, and, as if they were such, what a person or matching says of two records.

A pair that a person called the same product is a value of the scheme ``person`` on both records, stronger than every declared
one; a pair that matching links is a value of ``matching``, weaker than every declared one. So they join as keys do, over any
distance, and what they joined comes apart when they go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from sources.ledger.pairs import Pair

PERSON = "person"
"""The scheme of pairs that a person called the same product."""
MATCHING = "matching"
"""The scheme of pairs that matching links."""
PAIRED = frozenset({PERSON, MATCHING})


class KeyValue(NamedTuple):
    """One identifying value: a scheme of ``[identity] keys`` and the value as compared; or a pair, see :func:`pair_value`."""

    scheme: str
    value: str

    def __str__(self) -> str:
        if self.scheme in PAIRED:
            source, record, other_source, other = orjson.loads(self.value)
            return f"{_SPOKEN[self.scheme]} {source} {record} and {other_source} {other} are one"
        return f"{spoken_scheme(self.scheme)} {self.value.replace('|', ' ')}"


def pair_value(scheme: str, pair: Pair) -> KeyValue:
    """The value that the two records of ``pair`` share, by ``scheme``: PERSON or MATCHING."""
    return KeyValue(scheme, orjson.dumps([*pair.left, *pair.right]).decode())


def spoken_scheme(scheme: str) -> str:
    """A scheme as people say it: GTIN, SKU, brand and MPN."""
    return _SPOKEN.get(scheme, scheme)


def ranked_schemes(declared: Sequence[str]) -> dict[str, int]:
    """Every scheme that joins, and its place: a person's word first, then the declared ones in their order, then matching."""
    return {scheme: place for place, scheme in enumerate((PERSON, *declared, MATCHING))}


_SPOKEN = {
    "gtin": "GTIN",
    "sku": "SKU",
    "mpn": "MPN",
    "brand+mpn": "brand and MPN",
    PERSON: "a person's word that",
    MATCHING: "matching, by which",
}
