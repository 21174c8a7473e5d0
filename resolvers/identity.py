"""Which records are one product: a pure function of the records' keys, whatever order they came in.

Records of catalogues are joined by shared key values, the declared schemes in their order. Three things keep records
apart, each with its reason:

- a **reused** value, one that two records of the same catalogue carry, joins none of that catalogue's records;
- a record **whose keys point at two products**, that is, one that would join two records of the same catalogue, is set
  aside and the others are joined without it;
- a record **without a key** has nothing to be joined by.

Records that are notes about products (``per_product = "many"``) join a product by their keys and never join two.

What id a product has, :mod:`resolvers.product_ids` says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sources.contract import RecordKey

ALONE = "alone"
"""``linkedBy`` of a record that has keys which no other record shares."""
APART = "apart"
"""``linkedBy`` of a record that cannot be joined, for a reason that is told."""


class KeyValue(NamedTuple):
    """One identifying value: a scheme of ``[identity] keys`` and the value as compared."""

    scheme: str
    value: str

    def __str__(self) -> str:
        return f"{spoken_scheme(self.scheme)} {self.value.replace('|', ' ')}"


def spoken_scheme(scheme: str) -> str:
    """A scheme as people say it: GTIN, SKU, brand and MPN."""
    return _SPOKEN.get(scheme, scheme)


_SPOKEN = {"gtin": "GTIN", "sku": "SKU", "mpn": "MPN", "brand+mpn": "brand and MPN"}


@dataclass(frozen=True, slots=True)
class Keyed:
    """A record as identity sees it."""

    key: RecordKey
    values: tuple[KeyValue, ...]
    remark: str | None = None
    """Why an identifier it has cannot be used: a wrong check digit."""


@dataclass(frozen=True, slots=True)
class Link:
    """How a record came to its product: by which scheme, and what is to be told about it."""

    linked_by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The records of one product."""

    links: Mapping[RecordKey, Link]

    @property
    def members(self) -> Collection[RecordKey]:
        """The records' keys."""
        return self.links.keys()


def unusable(invalid: Iterable[tuple[str, str, str]]) -> str | None:
    """What is to be told about identifiers (scheme, as written, why not) that link nothing; None of none."""
    return "; ".join(f"its {spoken_scheme(scheme)} {raw!r} is not used: {why}" for scheme, raw, why in invalid) or None


def lone_link(record: Keyed, reason: str | None) -> Link:
    """The link of a record that no other shares a key with; ``reason``: what is to be told about its keys."""
    if not record.values:
        return Link(APART, reason or "it has no key that others could share")
    return Link(ALONE if reason is None else APART, reason)


def reused_values(records: Iterable[Keyed]) -> frozenset[tuple[str, KeyValue]]:
    """The values that two records of the same source carry, with that source."""
    seen: Counter[tuple[str, KeyValue]] = Counter()
    for record in records:
        seen.update((record.key.source, value) for value in set(record.values))
    return frozenset(one for one, count in seen.items() if count > 1)


def partition(
    records: Sequence[Keyed],
    schemes: Sequence[str],
    reused: Collection[tuple[str, KeyValue]] = (),
    *,
    rank: Mapping[str, int],
) -> tuple[Group, ...]:
    """The products among catalogue ``records``, which must be closed: whoever shares a value with one is among them.

    ``reused``: values known to stand on several records of a source, with that source; those records may be left out.
    ``rank``: the sources' order; of two records that each would join the same two products, the one of the later source
    is set aside.
    """
    reused = reused_values(records).union(reused)
    by_key = {record.key: record for record in records}
    carriers: dict[KeyValue, list[RecordKey]] = defaultdict(list)
    for record in records:
        for value in record.values:
            if (record.key.source, value) not in reused and value.scheme in schemes:
                carriers[value].append(record.key)
    values = sorted(carriers, key=lambda value: (schemes.index(value.scheme), value.value))
    torn: dict[RecordKey, str] = {}
    while True:
        joined = _join(values, carriers, torn, rank)
        if joined.torn is None:
            break
        torn[joined.torn[0]] = joined.torn[1]
    groups: dict[RecordKey, list[RecordKey]] = defaultdict(list)
    for key in by_key:
        groups[joined.root(key)].append(key)
    return tuple(
        Group({key: _link(by_key[key], members, carriers, joined.refused, reused, torn, values) for key in members})
        for members in groups.values()
    )


class _Joined:
    """A union-find over records that never puts two records of one source together."""

    def __init__(self) -> None:
        self._parent: dict[RecordKey, RecordKey] = {}
        self._members: dict[RecordKey, dict[str, RecordKey]] = {}
        self.refused: dict[KeyValue, str] = {}
        self.torn: tuple[RecordKey, str] | None = None

    def root(self, key: RecordKey) -> RecordKey:
        while (parent := self._parent.get(key, key)) != key:
            self._parent[key] = self._parent.get(parent, parent)
            key = parent
        return key

    def by_source(self, root: RecordKey) -> dict[str, RecordKey]:
        return self._members.get(root, {root.source: root})

    def unite(self, roots: Sequence[RecordKey]) -> None:
        first, *others = roots
        members = dict(self.by_source(first))
        for other in others:
            members |= self.by_source(other)
            self._parent[other] = first
        self._members[first] = members

    def clash(self, roots: Iterable[RecordKey]) -> bool:
        """Would one source have two records among those of ``roots``?"""
        seen: set[str] = set()
        for root in roots:
            sources = self.by_source(root).keys()
            if not seen.isdisjoint(sources):
                return True
            seen |= sources
        return False


def _join(
    values: Sequence[KeyValue],
    carriers: Mapping[KeyValue, Sequence[RecordKey]],
    torn: Mapping[RecordKey, str],
    rank: Mapping[str, int],
) -> _Joined:
    """Join the carriers of each value, strongest scheme first, until done or one record proves to be torn."""
    joined = _Joined()
    for value in values:
        present = [key for key in carriers[value] if key not in torn]
        roots = sorted({joined.root(key) for key in present})
        if len(roots) < 2:
            continue
        if not joined.clash(roots):
            joined.unite(roots)
            continue
        between = [
            key
            for key in present
            if len(joined.by_source(joined.root(key))) > 1
            and not joined.clash({joined.root(other) for other in present if other != key})
        ]
        if between:
            aside = max(between, key=lambda key: (rank[key.source], key.id))
            own, other = joined.root(aside), next(root for root in roots if root != joined.root(aside))
            partner = min(key for key in joined.by_source(own).values() if key != aside)
            joined.torn = (
                aside,
                f"its keys point at two products: {value} at that of {_spoken(other)}, another key at that of "
                f"{_spoken(partner)}",
            )
            return joined
        joined.refused[value] = " and ".join(_spoken(root) for root in roots)
    return joined


def _spoken(key: RecordKey) -> str:
    return f"{key.source} {key.id}"


def _link(
    record: Keyed,
    members: Sequence[RecordKey],
    carriers: Mapping[KeyValue, Sequence[RecordKey]],
    refused: Mapping[KeyValue, str],
    reused: frozenset[tuple[str, KeyValue]],
    torn: Mapping[RecordKey, str],
    values: Sequence[KeyValue],
) -> Link:
    if record.key in torn:
        return Link(APART, torn[record.key])
    source = record.key.source
    several = [value for value in sorted(record.values) if (source, value) in reused]
    remarks = [f"{value} stands on several records of {source}" for value in several]
    remarks += [
        f"{value} would join {refused[value]}"
        for value in sorted(record.values)
        if value in refused and value not in several
    ]
    if record.remark:
        remarks.append(record.remark)
    reason = "; ".join(remarks) or None
    others = set(members) - {record.key}
    own = set(record.values)
    for value in values:
        if value in own and (source, value) not in reused and not others.isdisjoint(carriers[value]):
            return Link(value.scheme, reason)
    return lone_link(record, reason)


def attach(
    note: Keyed, schemes: Sequence[str], products: Mapping[KeyValue, Collection[UUID]]
) -> tuple[UUID | None, Link]:
    """The product that a note is about, and by which key; None where it stays apart.

    ``products`` says, for each of its values, which products' catalogue records carry it.
    """
    remarks: list[str] = []
    found: dict[UUID, KeyValue] = {}
    for value in sorted(note.values, key=lambda value: (schemes.index(value.scheme), value.value)):
        behind = products.get(value, ())
        if len(behind) == 1:
            found.setdefault(next(iter(behind)), value)
        elif behind:
            remarks.append(f"{value} stands on {len(behind)} products")
        else:
            remarks.append(f"no product has {value}")
    if note.remark:
        remarks.append(note.remark)
    if len(found) == 1:
        product, value = next(iter(found.items()))
        return product, Link(value.scheme, "; ".join(remarks) or None)
    if found:
        named = " and ".join(f"{value} at {product}" for product, value in found.items())
        return None, Link(APART, f"its keys point at two products: {named}")
    return None, Link(APART, "; ".join(remarks) or "it has no key that a product could share")
