"""What a process does with a page of records: profiles, keys, and counts of words, as columns for the tables of a run."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from resolvers.matching.candidates import key_numbers, number
from resolvers.matching.profile import Listing, Profile, profile
from resolvers.matching.vocabulary import SHORTEST_STEM, own_codes
from resolvers.matching_whole.counts import Kind, value_text
from resolvers.matching_whole.shelf import packed


@dataclass(frozen=True, slots=True)
class Page:
    """A page of one catalogue, read. Columns that belong together have the same length."""

    names: list[str]
    """The keys that the records have in their catalogue."""
    digests: list[bytes]
    """Of what the records were when they were read, as their catalogue has it."""
    profiles: bytes
    lengths: array[int]
    keys: array[int]
    carriers: array[int]
    """For each of ``keys``, the place of the record in the page."""
    kinds: array[int]
    texts: array[int]
    counts: array[int]
    heads: dict[str, int]
    brands: frozenset[str]
    fields: frozenset[str]


def to_be_counted(one: Profile) -> dict[Kind, Collection[str]]:
    """The texts of a record that are counted, each once: as :func:`resolvers.matching.vocabulary.vocabulary` counts them."""
    codes = own_codes(one) | one.joined
    return {
        Kind.WORD: one.name.words | one.name.compounds,
        Kind.TEXT: one.name.words | one.more.words,
        Kind.CODE: codes | one.more.codes | one.more.parts,
        Kind.STEM: {code[:length] for code in codes for length in range(SHORTEST_STEM, len(code) + 1)},
        Kind.VALUE: [value_text(field, value) for field, value in one.values.items()],
    }


def read_page(listings: Sequence[Listing], digests: Sequence[bytes] | None = None) -> Page:
    """The profiles of ``listings`` in their order, and what is to be counted of them; ``digests`` of what they were made of
    go with them."""
    profiles: list[bytes] = []
    keys = array("Q")
    carriers = array("I")
    seen: tuple[Counter[str], ...] = tuple(Counter() for _ in Kind)
    heads: Counter[str] = Counter()
    brands: set[str] = set()
    fields: set[str] = set()
    for place, listing in enumerate(listings):
        one = profile(listing)
        profiles.append(packed(one))
        mine = key_numbers(one)
        keys.extend(mine)
        carriers.extend([place] * len(mine))
        for kind, texts_of_one in to_be_counted(one).items():
            seen[kind].update(texts_of_one)
        fields.update(one.values)
        heads[one.head] += 1
        if one.brand:
            brands.add(one.brand)
    kinds = array("B")
    texts = array("Q")
    counts = array("I")
    for kind in Kind:
        kinds.extend([kind] * len(seen[kind]))
        texts.extend(map(number, seen[kind]))
        counts.extend(seen[kind].values())
    return Page(
        names=[listing.key for listing in listings],
        digests=list(digests) if digests is not None else [b""] * len(listings),
        profiles=b"".join(profiles),
        lengths=array("I", map(len, profiles)),
        keys=keys,
        carriers=carriers,
        kinds=kinds,
        texts=texts,
        counts=counts,
        heads=dict(heads),
        brands=frozenset(brands),
        fields=frozenset(fields),
    )
