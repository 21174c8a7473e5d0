"""Winners chosen ahead: survivorship done once per change, not once per question.

A product's winners are kept as they are answered with: each field's value as JSON text, at the field's place in the map,
and beside it where it came from, each origin once (most facts of a product come from a few records), its members as JSON
texts too: nothing is parsed to be written again. What time and the state of systems decide is decided when it is asked for:
freshness, and how the fact came about.

Kept are winners that hold whoever asks; for a field whose claims have scopes also those for other locales and channels.
What cannot be said ahead is *undecided* and read from the records: an integer that GraphQL does not know, and which of a
system's records speaks where one of them is dated ahead of its observation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from resolvers.ownership import FieldDefinition, OwnershipMap
from resolvers.survivorship import Said, gathered, last_changed, measurable, recency, value_of
from sources.contract import RecordKey, Scope
from sources.ledger.claims import decode_claims
from sources.ledger.winners import StandingRecord, WinnersRow
from sources.values import JSON, FieldType, decode_datetime, encode, encode_datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FORM = 1
"""The version of how rows are written: those of another are not read."""
NULL = "null"
NOBODY = -1
"""The origin of a field for which no system holds a value."""
_BETWEEN = "\x1f"
"""What stands between values: no JSON holds it."""
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


class Origin(NamedTuple):
    """Where a value came from, as it is answered with; moments as text, and in microseconds since 1970."""

    source: str
    record_id: str
    last_updated: str | None
    last_updated_us: int | None
    basis: str
    observed_at: str
    observed_us: int
    locale: str | None = None
    channel: str | None = None


class Winners(NamedTuple):
    """A product's winners, as read for one asker."""

    values: Sequence[str]
    """By the field's place: its value as JSON, in the field's unit; NULL where nobody holds one."""
    places: Sequence[int]
    """By the field's place: which of ``origins`` it came from, or NOBODY. Empty where origins were not asked for."""
    origins: Sequence[Sequence[str]]
    """Each as :class:`Origin`, its members as JSON."""
    undecided: Collection[int]
    """The fields that are to be read from the records."""


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def winning_rules(ownership: OwnershipMap) -> str:
    """The version of everything that decides who wins, and in which form."""
    said = [
        FORM,
        [
            [field.name, field.type.value, field.unit, list(field.chain), sorted(ownership.mapped[field.name])]
            for field in ownership.fields.values()
        ],
        list(ownership.locales),
    ]
    return hashlib.blake2b(orjson.dumps(said), digest_size=8).hexdigest()


class Chooser:
    """Chooses winners by one ownership map."""

    def __init__(self, ownership: OwnershipMap) -> None:
        self.rules = winning_rules(ownership)
        self._fields = tuple(ownership.fields.values())
        self._mapped = ownership.mapped
        self._types = {field.name: field.type for field in self._fields}
        self._usual = ownership.scopes(None, None)

    def row(self, product: UUID, records: Sequence[StandingRecord]) -> WinnersRow:
        """The winners that the present ``records`` of a product make."""
        by_source: dict[str, list[StandingRecord]] = {}
        for record in records:
            by_source.setdefault(record.source, []).append(record)
        origins: dict[Origin, int] = {}
        known: dict[tuple[int, str | None, str], int] = {}
        values: list[JSON] = []
        places: list[int] = []
        undecided: list[int] = []
        scoped: dict[int, list[list[JSON]]] = {}
        for place, field in enumerate(self._fields):
            plain = self._plain(field, by_source)
            if plain is not None:
                record, entry = plain
                which = (id(record), entry.get("lastUpdated"), entry["basis"])
                number = known.get(which)
                if number is None:
                    number = known[which] = origins.setdefault(_origin(record, entry), len(origins))
                values.append(entry["value"])
                places.append(number)
                continue
            try:
                choices = list(self._choices(field, by_source))
            except _Undecided:
                undecided.append(place)
                choices = []
            numbered = [(value, origins.setdefault(origin, len(origins))) for value, origin in choices]
            chosen = chosen_among([origin for _, origin in choices], self._usual) if choices else None
            values.append(None if chosen is None else numbered[chosen][0])
            places.append(NOBODY if chosen is None else numbered[chosen][1])
            if any(origin.locale or origin.channel for _, origin in choices):
                scoped[place] = [[_json(value), number] for value, number in numbered]
        every = [list(origin) for origin in origins]
        return WinnersRow(
            product,
            _BETWEEN.join(map(_json, values)).encode(),
            orjson.dumps([places, [[_json(member) for member in origin] for origin in every]]),
            orjson.dumps([every, list(scoped.items())]) if scoped else None,
            undecided or None,
        )

    def _plain(
        self, field: FieldDefinition, by_source: Mapping[str, Sequence[StandingRecord]]
    ) -> tuple[StandingRecord, Mapping[str, JSON]] | None:
        """The most usual case, told without decoding anything: the first system of the chain that says anything says it in
        one record, for everywhere, in the form in which it is answered. None where it is not that."""
        for source in field.chain:
            records = by_source.get(source, ())
            if len(records) != 1:
                if records:
                    return None
                continue
            entries = records[0].claims.get(field.name)
            if not entries or source not in self._mapped[field.name]:
                continue
            entry = entries[0]
            if len(entries) > 1 or "locale" in entry or "channel" in entry or "unreadable" in entry:
                return None
            return (records[0], entry) if _is_as_answered(field, entry["value"]) else None
        return None

    def _choices(
        self, field: FieldDefinition, by_source: Mapping[str, Sequence[StandingRecord]]
    ) -> Iterator[tuple[JSON, Origin]]:
        """What may win for somebody: in the order of the chain, of each system one value a scope, up to the first
        system that holds a value for everywhere. Raises _Undecided."""
        name, mapped = field.name, self._mapped[field.name]
        for source in field.chain:
            records = by_source.get(source)
            if records is None or source not in mapped:
                continue
            saying = [record for record in records if record.claims.get(name)]
            if not saying:
                continue
            everywhere = False
            for value, origin in self._considered(field, saying):
                everywhere = everywhere or (origin.locale is None and origin.channel is None)
                yield value, origin
            if everywhere:
                return

    def _considered(self, field: FieldDefinition, records: Sequence[StandingRecord]) -> Iterator[tuple[JSON, Origin]]:
        """One system's values, one a scope."""
        by_scope: dict[Scope, list[Said]] = {}
        for record in records:
            claims = decode_claims(record.claims, self._types, record.observed_at, (field.name,))
            for claim in claims.get(field.name, ()):
                said = Said(RecordKey(record.source, record.record_id), measurable(field, claim))
                if said.claim.value is not None:
                    by_scope.setdefault(claim.scope, []).append(said)
        for scope, fitting in by_scope.items():
            if len(fitting) > 1 and any(_ahead(one) for one in fitting):
                raise _Undecided
            winner = max(fitting, key=recency)
            claims_of_value = gathered(field, fitting, winner)
            value = value_of(field, claims_of_value)
            if field.type is FieldType.INTEGER and not _SMALLEST <= value <= _LARGEST:
                raise _Undecided
            last_updated = last_changed(claims_of_value)
            yield (
                encode(field.type, value),
                Origin(
                    winner.key.source,
                    winner.key.id,
                    encode_datetime(last_updated) if last_updated else None,
                    microseconds(last_updated) if last_updated else None,
                    winner.claim.basis.value,
                    encode_datetime(winner.claim.observed_at),
                    microseconds(winner.claim.observed_at),
                    scope.locale,
                    scope.channel,
                ),
            )


def _json(value: JSON) -> str:
    return orjson.dumps(value).decode()


class _Undecided(Exception):
    """Which claim wins cannot be said ahead."""


def _ahead(one: Said) -> bool:
    last_updated = one.claim.last_updated
    return last_updated is not None and last_updated > one.claim.observed_at


_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_MONEY = {"amount", "currency"}


def _origin(record: StandingRecord, entry: Mapping[str, JSON]) -> Origin:
    last_updated = entry.get("lastUpdated")
    return Origin(
        record.source,
        record.record_id,
        last_updated,
        microseconds(decode_datetime(last_updated)) if last_updated else None,
        entry["basis"],
        encode_datetime(record.observed_at),
        microseconds(record.observed_at),
    )


def _is_as_answered(field: FieldDefinition, value: JSON) -> bool:
    """Whether a value, as the ledger keeps it, is surely of the field's type and in the form in which it is answered."""
    match field.type:
        case FieldType.TEXT:
            return type(value) is str
        case FieldType.BOOLEAN:
            return type(value) is bool
        case FieldType.INTEGER:
            return type(value) is int and _SMALLEST <= value <= _LARGEST
        case FieldType.NUMBER:
            return type(value) is str and _NUMBER.fullmatch(value) is not None
        case FieldType.MONEY:
            return type(value) is dict and value.keys() == _MONEY
        case FieldType.QUANTITY:
            return type(value) is dict and value.get("unit") == field.unit
        case _:
            return False


def chosen_among(origins: Sequence[Origin | Sequence[Any]], scopes: Sequence[Scope]) -> int | None:
    """The place in ``origins`` (in the order of the chain, each system's together) of the one that wins for who looks in
    ``scopes``, best first; None where none fits."""
    start = 0
    while start < len(origins):
        end = start
        while end < len(origins) and origins[end][0] == origins[start][0]:
            end += 1
        by_scope = {Scope(origins[at][7], origins[at][8]): at for at in range(start, end)}
        for scope in scopes:
            if scope in by_scope:
                return by_scope[scope]
        start = end
    return None


def read_winners(row: WinnersRow, scopes: Sequence[Scope] | None) -> Winners:
    """A row, for who looks in ``scopes``; None is who asks for no locale and no channel."""
    values = row.plain.decode().split(_BETWEEN)
    places, origins = orjson.loads(row.origins) if row.origins else ([], [])
    if scopes is not None and row.scoped is not None:
        every, by_field = orjson.loads(row.scoped)
        for place, choices in by_field:
            chosen = chosen_among([every[number] for _, number in choices], scopes)
            values[place] = NULL if chosen is None else choices[chosen][0]
            if places:
                places[place] = NOBODY if chosen is None else choices[chosen][1]
    return Winners(values, places, origins, row.undecided or ())
