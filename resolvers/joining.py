"""Joining the records that carry each value, strongest scheme first, and keeping apart what must not be one product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from resolvers.key_values import MATCHING, PERSON, KeyValue
from sources.contract import RecordKey
from sources.ledger.pairs import Pair

MOST_NAMED = 5
"""Records that one reason names."""


class Joined:
    """A union-find over records that never puts two records of one source together, nor two that a person keeps ``apart``."""

    def __init__(self, apart: Iterable[Pair] = ()) -> None:
        self._parent: dict[RecordKey, RecordKey] = {}
        self._members: dict[RecordKey, dict[str, RecordKey]] = {}
        self._apart: dict[RecordKey, set[RecordKey]] = defaultdict(set)
        for left, right in apart:
            self._apart[left].add(right)
            self._apart[right].add(left)
        self.refused: dict[tuple[KeyValue, RecordKey], str] = {}
        """Value and carrier to what the value would have joined, and did not."""
        self.torn: tuple[RecordKey, str] | None = None
        """A record that is to be set aside, and why."""

    def root(self, key: RecordKey) -> RecordKey:
        """The record that stands for all that are joined with ``key``."""
        while (parent := self._parent.get(key, key)) != key:
            self._parent[key] = self._parent.get(parent, parent)
            key = parent
        return key

    def by_source(self, root: RecordKey) -> dict[str, RecordKey]:
        """The records joined with ``root``, by source."""
        return self._members.get(root, {root.source: root})

    def unite(self, roots: Sequence[RecordKey]) -> None:
        """Join all that ``roots`` stand for; the first stands for them from now on."""
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

    def sides(self, roots: Sequence[RecordKey]) -> tuple[list[list[RecordKey]], list[RecordKey]]:
        """``roots`` parted so that no person keeps any two of one part apart, and those that are apart from any other.

        Two stay in one part only if they are apart from the very same others: of one that goes with each of two that are
        apart, nobody has said with which it goes."""
        if not self._apart:
            return [list(roots)], []
        among = set(roots)
        barred = {
            root: frozenset(
                self.root(other) for member in self.by_source(root).values() for other in self._apart.get(member, ())
            )
            & among
            for root in roots
        }
        parts: dict[frozenset[RecordKey], list[RecordKey]] = defaultdict(list)
        for root in roots:
            parts[barred[root]].append(root)
        return list(parts.values()), [root for root in roots if barred[root]]


def join(
    values: Sequence[KeyValue],
    carriers: Mapping[KeyValue, Sequence[RecordKey]],
    torn: Collection[RecordKey],
    rank: Mapping[str, int],
    apart: Iterable[Pair],
) -> Joined:
    """Join the carriers of each value, strongest scheme first, until done or one record proves to be torn."""
    joined = Joined(apart)
    held = {key for value in values if value.scheme == PERSON and len(carriers[value]) > 1 for key in carriers[value]}
    for value in values:
        present = [key for key in carriers[value] if key not in torn]
        roots = sorted({joined.root(key) for key in present})
        if len(roots) < 2:
            continue
        parts, quarrelling = joined.sides(roots)
        if quarrelling and value.scheme != MATCHING:
            why = f"{_named(quarrelling)}, which a person keeps apart"
            joined.refused.update(((value, key), why) for key in present)
        for part in parts:
            own = present if len(parts) == 1 else [key for key in present if joined.root(key) in part]
            _join_part(joined, value, own, part, held, rank)
            if joined.torn is not None:
                return joined
    return joined


def _join_part(
    joined: Joined,
    value: KeyValue,
    present: Sequence[RecordKey],
    roots: Sequence[RecordKey],
    held: Collection[RecordKey],
    rank: Mapping[str, int],
) -> None:
    """Join ``present``, the carriers of ``value`` that nobody keeps apart, and whose ``roots`` these are."""
    if len(roots) < 2:
        return
    if not joined.clash(roots):
        joined.unite(roots)
        return
    if value.scheme == MATCHING:  # it is sure of two records, and knows nothing of their products: keys know better
        return
    between = [
        key
        for key in present
        if len(joined.by_source(joined.root(key))) > 1
        and not joined.clash({joined.root(other) for other in present if other != key})
    ]
    free = [key for key in between if key not in held]
    if free:
        aside = max(free, key=lambda key: (rank[key.source], key.id))
        own, other = joined.root(aside), next(root for root in roots if root != joined.root(aside))
        partner = min(key for key in joined.by_source(own).values() if key != aside)
        joined.torn = (
            aside,
            f"its keys point at two products: {value} at that of {_spoken(other)}, another key at that of "
            f"{_spoken(partner)}",
        )
        return
    would = " and ".join(_spoken(root) for root in roots)
    if between and value.scheme != PERSON:
        # A person said where this one belongs: the value is not followed to it, and joins the others all the same.
        aside = max(between, key=lambda key: (rank[key.source], key.id))
        _refuse(joined, value, [aside], would)
        others = [root for root in roots if root != joined.root(aside)]
        _join_part(joined, value, [key for key in present if joined.root(key) in others], others, held, rank)
        return
    _refuse(joined, value, present, would)


def _refuse(joined: Joined, value: KeyValue, records: Iterable[RecordKey], would: str) -> None:
    for key in records:
        joined.refused.setdefault((value, key), would)


def _named(records: Sequence[RecordKey]) -> str:
    named = " and ".join(_spoken(key) for key in records[:MOST_NAMED])
    return named if len(records) <= MOST_NAMED else f"{named} and {len(records) - MOST_NAMED} more"


def _spoken(key: RecordKey) -> str:
    return f"{key.source} {key.id}"
