"""Who is joined with whom already, by keys or by people: those are not matched any more, and take no other partner.

What matching itself joined does not count: that is decided anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.match_pairs import decided_pairs, fellow_rows
from sources.ledger.pairs import SAME


class Fellow(NamedTuple):
    """A present record of a catalogue: its product, and the values of declared schemes that it carries."""

    key: RecordKey
    product: UUID
    values: frozenset[tuple[str, str]]


class Bound:
    """Of some records the others that they are joined with."""

    def __init__(self, fellows: Iterable[Fellow], same: Iterable[tuple[RecordKey, RecordKey]]) -> None:
        """``fellows``: the records asked about, with all others of their products; ``same``: pairs that a person joined."""
        self._fellows = {one.key: one for one in fellows}
        self._parents: dict[RecordKey, RecordKey] = {}
        first: dict[tuple[UUID, tuple[str, str]], RecordKey] = {}
        for one in self._fellows.values():
            for value in one.values:
                # A value that joins nobody, because several records of a source have it, stands on several products.
                self._join(first.setdefault((one.product, value), one.key), one.key)
        for left, right in same:
            here, there = self._fellows.get(left), self._fellows.get(right)
            if here is not None and there is not None and here.product == there.product:
                self._join(left, right)
        self._groups: dict[RecordKey, dict[str, RecordKey]] = defaultdict(dict)
        for key in self._fellows:
            self._groups[self._root(key)][key.source] = key

    def with_(self, record: RecordKey) -> Mapping[str, RecordKey]:
        """Source to the record of it that ``record`` is joined with, itself included."""
        return self._groups.get(self._root(record), {record.source: record})

    def open(self, record: RecordKey, source: str) -> bool:
        """Whether ``record`` has no partner in ``source``."""
        return source not in self.with_(record)

    def joined(self, one: RecordKey, other: RecordKey) -> bool:
        """Whether the two are joined."""
        return self.with_(one).get(other.source) == other

    def may_join(self, one: RecordKey, other: RecordKey) -> bool:
        """Whether no source would have two records among those that the two are joined with."""
        mine, theirs = self.with_(one), self.with_(other)
        return all(mine[source] == theirs[source] for source in mine.keys() & theirs.keys())

    def share_a_key(self, one: RecordKey, other: RecordKey) -> bool:
        """Whether the two carry the same value of a declared scheme."""
        mine, theirs = self._fellows.get(one), self._fellows.get(other)
        return mine is not None and theirs is not None and not mine.values.isdisjoint(theirs.values)

    def _root(self, key: RecordKey) -> RecordKey:
        while (parent := self._parents.get(key, key)) != key:
            key = parent
        return key

    def _join(self, one: RecordKey, other: RecordKey) -> None:
        mine, theirs = self._root(one), self._root(other)
        if mine != theirs:
            self._parents[max(mine, theirs)] = min(mine, theirs)


def fellows_of(
    rows: Iterable[tuple[str, str, UUID, Collection[Mapping[str, str]]]], schemes: Collection[str]
) -> list[Fellow]:
    """Rows of (source, record id, product, identifiers as the ledger keeps them) as fellows."""
    return [
        Fellow(
            RecordKey(source, record_id),
            product,
            frozenset(
                (one["scheme"], one["value"]) for one in identifiers if one["scheme"] in schemes and "value" in one
            ),
        )
        for source, record_id, product, identifiers in rows
    ]


async def bound_among(
    pool: Pool, products: Collection[UUID], schemes: Collection[str], catalogues: Collection[str]
) -> Bound:
    """Who of the records that ``catalogues`` have of ``products`` is joined with whom, as the ledger has it."""
    fellows = fellows_of(await fellow_rows(pool, products, catalogues), schemes)
    decided = await decided_pairs(pool, [one.key for one in fellows])
    return Bound(fellows, [(pair.left, pair.right) for pair, said in decided.items() if said == SAME])
