"""Ties: what people decided and matching found about the records that are linked anew, as identity reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from resolvers.identity import Link
from resolvers.key_values import MATCHING, PERSON, KeyValue, pair_value
from sources.contract import RecordKey
from sources.ledger.database import Connection
from sources.ledger.links import LinkBasis
from sources.ledger.pairs import APART, LINK, SAME, Pair, Tie, note_linked, ties_of
from sources.values import JSON

CERTAIN = LinkBasis(1.0, None, None)
"""What a link by a declared key rests on: the key says it."""


@dataclass
class Ties:
    """The ties of all records that were looked at."""

    _ties: dict[Pair, Tie] = field(default_factory=dict)
    _of: dict[RecordKey, list[Tie]] = field(default_factory=lambda: defaultdict(list))
    _behind: dict[KeyValue, Tie] = field(default_factory=dict)

    async def look(self, connection: Connection, records: Collection[RecordKey]) -> set[RecordKey]:
        """Look at ``records`` too; the records that they are tied to, those that they are kept apart from left out."""
        near: set[RecordKey] = set()
        for tie in await ties_of(connection, records) if records else ():
            if tie.pair not in self._ties:
                self._ties[tie.pair] = tie
                self._behind[_value(tie)] = tie
                for key in tie.pair:
                    self._of[key].append(tie)
            if tie.says != APART:
                near.update(tie.pair)
        return near.difference(records)

    def values(self, record: RecordKey, present: Collection[RecordKey]) -> tuple[KeyValue, ...]:
        """What joins ``record`` to others that are ``present``. No two records of one source are ever joined."""
        return tuple(
            _value(tie)
            for tie in self._of.get(record, ())
            if tie.says != APART and tie.pair.other(record) in present and tie.pair.left.source != tie.pair.right.source
        )

    def partners(self, record: RecordKey, *, apart: bool) -> Iterable[tuple[KeyValue, RecordKey]]:
        """The records that ``record`` is tied to, or kept ``apart`` from, and the value that stands for it."""
        return [
            (_value(tie), tie.pair.other(record))
            for tie in self._of.get(record, ())
            if (tie.says == APART) is apart and tie.pair.left.source != tie.pair.right.source
        ]

    @property
    def apart(self) -> list[Pair]:
        """The pairs that a person keeps apart."""
        return [tie.pair for tie in self._ties.values() if tie.says == APART]

    @property
    def strength(self) -> Mapping[KeyValue, float]:
        """Of two words of people the later is the stronger; of two matches the more probable."""
        return {
            value: tie.at.timestamp() if tie.probability is None else tie.probability
            for value, tie in self._behind.items()
        }

    async def note_linked(self, connection: Connection, products: Mapping[RecordKey, UUID]) -> None:
        """Note which pairs that matching links are on one product, where that is not noted yet."""
        news = {
            tie.pair: together
            for tie in self._ties.values()
            if tie.says == LINK and all(key in products for key in tie.pair)
            if (together := products[tie.pair.left] == products[tie.pair.right]) != tie.linked
        }
        if news:
            await note_linked(connection, news)

    def basis(self, record: RecordKey, link: Link) -> LinkBasis:
        """What the link of ``record`` rests on, for the crosswalk."""
        tie = (
            self._behind.get(link.rests_on)
            if link.rests_on is not None and link.linked_by in (PERSON, MATCHING)
            else None
        )
        if tie is None:
            return CERTAIN
        evidence: dict[str, JSON] = {"with": list(tie.pair.other(record)), "at": tie.at.isoformat()}
        if tie.says == SAME:
            return LinkBasis(1.0, {**evidence, "decision": str(tie.decision), "by": tie.by, "why": tie.why}, None)
        assert tie.probability is not None
        return LinkBasis(tie.probability, {**evidence, "findings": list(tie.findings or ())}, tie.rule_version)


def _value(tie: Tie) -> KeyValue:
    return pair_value(PERSON if tie.says == SAME else MATCHING, tie.pair)
