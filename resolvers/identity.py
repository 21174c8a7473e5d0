"""Which records are one product: a pure function of the records' keys, whatever order they came in.

Records of catalogues are joined by shared key values, the declared schemes in their order. Three things keep records
apart, each with its reason:

- a **reused** value, one that two records of the same catalogue carry, joins none of that catalogue's records;
- a record **whose keys point at two products**, that is, one that would join two records of the same catalogue, is set
  aside and the others are joined without it;
- a record **without a key** has nothing to be joined by.

What people decided about two records goes before all keys. Two that are one product by a person's word are joined first, and
never set aside for their keys; two that a person keeps **apart** are never in one product, whatever joins them, over any
distance. What matching links comes last, and joins what no key contradicts.

Records that are notes about products (``per_product = "many"``) join a product by their keys and never join two.

What id a product has, :mod:`resolvers.product_ids` says.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from resolvers.joining import Joined, join
from resolvers.key_values import MATCHING, PAIRED, PERSON, KeyValue, ranked_schemes, spoken_scheme
from sources.contract import RecordKey
from sources.ledger.pairs import Pair

ALONE = "alone"
"""``linkedBy`` of a record that has keys which no other record shares."""
APART = "apart"
"""``linkedBy`` of a record that cannot be joined, for a reason that is told."""


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
    rests_on: KeyValue | None = field(default=None, compare=False)
    """The strongest value that it shares with another record of its product; None where there is none."""


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
    if all(value.scheme in PAIRED for value in record.values):
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
    apart: Collection[Pair] = (),
    strength: Mapping[KeyValue, float] | None = None,
) -> tuple[Group, ...]:
    """The products among catalogue ``records``, which must be closed: whoever shares a value with one is among them.

    ``schemes``: the declared ones; pairs join too. ``reused``: values known to stand on several records of a source, with
    that source; those records may be left out. ``rank``: the sources' order; of two records that each would join the same
    two products, the one of the later source is set aside. ``apart``: pairs that a person keeps apart. ``strength``: of
    two values of one scheme that cannot both join, the one with more of it does.
    """
    strength = strength or {}
    order = ranked_schemes(schemes)
    reused = reused_values(records).union(reused)
    by_key = {record.key: record for record in records}
    carriers: dict[KeyValue, list[RecordKey]] = defaultdict(list)
    for record in records:
        for value in record.values:
            if (record.key.source, value) not in reused and value.scheme in order:
                carriers[value].append(record.key)
    values = sorted(carriers, key=lambda value: (order[value.scheme], -strength.get(value, 0.0), value.value))
    torn: dict[RecordKey, str] = {}
    while True:
        joined = join(values, carriers, torn, rank, apart)
        if joined.torn is None:
            break
        torn[joined.torn[0]] = joined.torn[1]
    groups: dict[RecordKey, list[RecordKey]] = defaultdict(list)
    for key in by_key:
        groups[joined.root(key)].append(key)
    return tuple(
        Group({key: _link(by_key[key], members, carriers, joined, reused, torn, values) for key in members})
        for members in groups.values()
    )


def _link(
    record: Keyed,
    members: Sequence[RecordKey],
    carriers: Mapping[KeyValue, Sequence[RecordKey]],
    joined: Joined,
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
        f"{value} would join {joined.refused[value, record.key]}"
        for value in sorted(record.values)
        if (value, record.key) in joined.refused and value not in several
    ]
    if record.remark:
        remarks.append(record.remark)
    reason = "; ".join(remarks) or None
    others = set(members) - {record.key}
    own = set(record.values)
    for value in values:
        if value in own and (source, value) not in reused and not others.isdisjoint(carriers[value]):
            return Link(value.scheme, reason, value)
    return lone_link(record, reason)


def attach(
    note: Keyed,
    schemes: Sequence[str],
    products: Mapping[KeyValue, Collection[UUID]],
    barred: Collection[UUID] = (),
    strength: Mapping[KeyValue, float] | None = None,
) -> tuple[UUID | None, Link]:
    """The product that a note is about, and by which key; None where it stays apart.

    ``products`` says, for each of its values, which products' catalogue records carry it; ``barred``: those that a person
    keeps it apart from. A person's word goes before all keys, and matching counts where no key leads anywhere.
    """
    order = ranked_schemes(schemes)
    strength = strength or {}
    remarks: list[str] = []
    found: dict[UUID, KeyValue] = {}
    for value in sorted(note.values, key=lambda value: (order[value.scheme], -strength.get(value, 0.0), value.value)):
        if found and value.scheme == MATCHING:
            break
        behind = [product for product in products.get(value, ()) if product not in barred]
        if len(behind) == 1:
            found.setdefault(behind[0], value)
            if value.scheme == PERSON:
                break
        elif behind:
            remarks.append(f"{value} stands on {len(behind)} products")
        elif value in products:
            remarks.append(f"a person keeps it apart from the product that has {value}")
        elif value.scheme not in PAIRED:
            remarks.append(f"no product has {value}")
    if note.remark:
        remarks.append(note.remark)
    if len(found) == 1:
        product, value = next(iter(found.items()))
        return product, Link(value.scheme, "; ".join(remarks) or None, value)
    if found:
        named = " and ".join(f"{value} at {product}" for product, value in found.items())
        return None, Link(APART, f"its keys point at two products: {named}")
    return None, Link(APART, "; ".join(remarks) or "it has no key that a product could share")
