"""Answers in the shape in which they are asked for, straight from winners that were chosen ahead.

A *shape* is what a selection asks of a field's envelope: which of its members, under which names, in which order. Most
selections ask for leaves alone, and then a fact is its value among the members that its origin gives; these are the same
for all facts of one origin and are written once. What asks for more (``definition``, ``candidates``, ``conflict``) has no
shape: it goes the way of every GraphQL field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from resolvers.facts import Fact, Freshness
from resolvers.freshness import SKEW
from resolvers.ownership import FieldDefinition
from resolvers.reader import status_of
from resolvers.winners import NOBODY, Winners, microseconds
from sources.values import JSON, FieldType, encode, encode_datetime

_SKEW_US = SKEW // SKEW.resolution
Render: TypeAlias = Callable[[JSON], JSON]


class Selected(Protocol):
    """A field that is asked for, as the compiled executor hands it to a batch resolver."""

    @property
    def name(self) -> str:
        """The field."""

    @property
    def response_key(self) -> str:
        """The name it has in the answer."""

    @property
    def constant(self) -> bool:
        """Whether it is the same object whenever its operation runs."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Its arguments, coerced."""

    def selection(self, type_name: str) -> tuple[Selected, ...]:
        """What is asked of its value, where that is of this type."""

    def ready(self, values: list[Any]) -> Any:
        """A column whose entries are complete."""


_OF_ORIGIN = {"source": 0, "sourceRecordId": 1, "lastUpdated": 2, "lastUpdatedBasis": 4, "locale": 7, "channel": 8}
MOST_LAYOUTS = 2_000
_OF_THE_MOMENT = frozenset({"status", "freshness", "observedAt"})


@dataclass(frozen=True, slots=True)
class Moment:
    """What is true of all facts of one answer."""

    failing: frozenset[str]
    now: datetime
    confirmed: Mapping[str, datetime]
    """Source to when what is known of it was last known to be so."""


Parts: TypeAlias = "tuple[dict[str, JSON], dict[str, JSON]]"
"""What of an envelope stands before its value, and what behind it."""
Memory: TypeAlias = "dict[Any, list[tuple[Sequence[JSON], Sequence[int], list[Any]]]]"
"""What was made of one answer's origins: by layout, for each product its values, their places, and the parts by origin."""


class Layout:
    """The members around a value: response key and name. Layouts that are alike are one, so that what they make of an
    origin is made once."""

    def __init__(self, head: Sequence[tuple[str, str]], tail: Sequence[tuple[str, str]], type_name: str | None) -> None:
        self._head, self._tail, self._type_name = head, tail, type_name
        names = {name for _, name in (*head, *tail)}
        self.of_the_moment = bool(names & _OF_THE_MOMENT)
        self.observed = "observedAt" in names
        self.led = bool(head)
        self._of_nobody = dict.fromkeys(key for key, _ in tail)
        self._plainly: list[tuple[str, int]] | None = None
        if not head and names <= _OF_ORIGIN.keys():
            self._plainly = [(key, _OF_ORIGIN[name]) for key, name in tail]

    def parts(self, field: FieldDefinition, origin: Sequence[Any] | None, moment: Moment) -> Any:
        """What stands around values of facts of ``field`` that came from ``origin``; None is of nobody. Behind it alone,
        where the layout is not ``led``: else before and behind."""
        if self._plainly is not None:
            return self._of_nobody if origin is None else {key: origin[at] for key, at in self._plainly}
        said: dict[str, JSON] = {"__typename": self._type_name}
        if origin is None:
            said.update(dict.fromkeys(_OF_ORIGIN))
        else:
            said.update((name, origin[at]) for name, at in _OF_ORIGIN.items())
        if self.of_the_moment:
            said["status"] = status_of(field, origin[0] if origin else None, moment.failing).value
            said["freshness"] = _freshness(field, origin[3] if origin else None, moment.now).value
            said["observedAt"] = _observed(origin, moment.confirmed) if origin and self.observed else None
        around = self._around(said)
        return around if self.led else around[1]

    def of_fact(self, fact: Fact) -> Parts:
        """Those of a fact that was read from the records."""
        return self._around(
            {
                "__typename": self._type_name,
                "source": fact.source,
                "sourceRecordId": fact.source_record_id,
                "lastUpdated": fact.last_updated and encode_datetime(fact.last_updated),
                "lastUpdatedBasis": fact.last_updated_basis and fact.last_updated_basis.value,
                "observedAt": fact.observed_at and encode_datetime(fact.observed_at),
                "status": fact.status.value,
                "freshness": fact.freshness.value,
                "locale": fact.scope.locale,
                "channel": fact.scope.channel,
            }
        )

    def _around(self, said: Mapping[str, JSON]) -> Parts:
        return {key: said[name] for key, name in self._head}, {key: said[name] for key, name in self._tail}


class FactShape:
    """How a selection wants the facts of fields of one type. Made by :class:`Shapes`."""

    def __init__(self, layout: Layout, value: str | None, render: Render | None) -> None:
        self.layout = layout
        self._value, self._render = value, render
        self._plainly = value is not None and render is None and not layout.led and not layout.of_the_moment

    @property
    def observed(self) -> bool:
        """Whether it tells when a value was last seen."""
        return self.layout.observed

    def column(
        self,
        field: FieldDefinition,
        place: int,
        winners: Sequence[Winners],
        moment: Moment,
        memory: Memory,
        convert: Render | None = None,
    ) -> list[JSON]:
        """The facts of ``field``, which has ``place`` among the ``winners`` of each product. ``memory`` is kept for all
        columns of the same winners."""
        layout, key = self.layout, self._value
        if self._plainly and convert is None and (known := memory.get(layout)) is not None:
            return [{key: values[place], **parts[places[place]]} for values, places, parts in known]
        which = (layout, field.system_of_record, field.max_age) if layout.of_the_moment else layout
        rows: Any = memory.get(which)
        if rows is None:
            rows = memory[which] = [(one.values, one.places, [None] * (len(one.origins) + 1)) for one in winners]
            if not layout.of_the_moment:
                for one, (_, _, parts) in zip(winners, rows, strict=True):
                    parts[:] = [layout.parts(field, origin, moment) for origin in (*one.origins, None)]
        if layout.of_the_moment:
            for one, (_, places, parts) in zip(winners, rows, strict=True):
                if parts[at := places[place]] is None:
                    parts[at] = layout.parts(field, None if at == NOBODY else one.origins[at], moment)
        if key is None:  # then the layout is not led
            return [parts[places[place]] for _, places, parts in rows]
        render = _both(convert, self._render)
        if render is None and not layout.led:
            return [{key: values[place], **parts[places[place]]} for values, places, parts in rows]
        told = []
        for values, places, parts in rows:
            value = values[place]
            if render is not None and value is not None:
                value = render(value)
            around = parts[places[place]]
            told.append({**around[0], key: value, **around[1]} if layout.led else {key: value, **around})
        return told

    def of_fact(self, fact: Fact) -> JSON:
        """The same of a fact that was read from the records."""
        head, tail = self.layout.of_fact(fact)
        if self._value is None:
            return tail
        value = encode(fact.definition.type, fact.value)
        return {**head, self._value: value if value is None or self._render is None else self._render(value), **tail}


def _freshness(field: FieldDefinition, last_updated_us: int | None, now: datetime) -> Freshness:
    """As :func:`resolvers.freshness.freshness`, in microseconds."""
    if field.max_age is None or last_updated_us is None:
        return Freshness.UNKNOWN
    age = microseconds(now) - last_updated_us
    if -age > _SKEW_US:
        return Freshness.UNKNOWN
    return Freshness.STALE if age > field.max_age // field.max_age.resolution else Freshness.FRESH


def _observed(origin: Sequence[Any], confirmed: Mapping[str, datetime]) -> str:
    since = confirmed.get(origin[0])
    if since is not None and microseconds(since) > origin[6]:
        return encode_datetime(since)
    return str(origin[5])


def _both(first: Render | None, then: Render | None) -> Render | None:
    if first is None or then is None:
        return first or then
    return lambda value: then(first(value))


# ── From selections to shapes ──────────────────────────────────────────────────────────────────────────────────────

_MEMBERS = {
    FieldType.MONEY: ("Money", ("amount", "currency")),
    FieldType.QUANTITY: ("Quantity", ("amount", "unit")),
    FieldType.MEDIA: ("Media", ("url", "alt", "mediaType")),
    FieldType.NOTE_LIST: ("Note", ("text", "author", "createdAt", "kind")),
}
"""The types of values that have members; those of the first two are always all there."""


class Shapes:
    """Makes shapes, and keeps their layouts: MOST_LAYOUTS, then all are made anew."""

    def __init__(self) -> None:
        self._layouts: dict[object, Layout] = {}

    def of_facts(self, kind: FieldType, type_name: str, selection: Sequence[Selected]) -> FactShape | None:
        """The shape of a selection on ``type_name``, the envelope of fields of type ``kind``; None where it has none."""
        head: list[tuple[str, str]] = []
        tail: list[tuple[str, str]] = []
        value: str | None = None
        render: Render | None = None
        for one in selection:
            if one.name == "value":
                if value is not None:
                    return None
                value = one.response_key
                render = _rendering(kind, one)
            elif one.name in _OF_ORIGIN or one.name in _OF_THE_MOMENT or one.name == "__typename":
                (head if value is None else tail).append((one.response_key, one.name))
            else:
                return None
        if value is None:
            head, tail = [], head
        named = type_name if any(name == "__typename" for _, name in (*head, *tail)) else None
        key = (tuple(head), tuple(tail), named)
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = Layout(*key)
        return FactShape(layout, value, render)


def _rendering(kind: FieldType, value: Selected) -> Render | None:
    """From a value's JSON form to what is asked of it; None where it is that."""
    if kind not in _MEMBERS:
        return None
    type_name, names = _MEMBERS[kind]
    asked = [(one.response_key, one.name) for one in value.selection(type_name)]
    if kind in (FieldType.MONEY, FieldType.QUANTITY) and asked == [(name, name) for name in names]:
        return None

    def members(form: Mapping[str, JSON]) -> JSON:
        return {key: type_name if name == "__typename" else form.get(name) for key, name in asked}

    if kind is FieldType.NOTE_LIST:
        return lambda notes: [members(note) for note in notes]
    return members


# ── Plain values ───────────────────────────────────────────────────────────────────────────────────────────────────

_PART = {FieldType.MONEY: "amount", FieldType.QUANTITY: "amount", FieldType.MEDIA: "url"}


class ValuesShape:
    """How a selection wants the plain values of products. ``members``: response key, field (None is ``__typename``), and
    whether its currency is meant."""

    def __init__(self, members: Sequence[tuple[str, FieldDefinition | None, bool]]) -> None:
        self.fields = tuple(dict.fromkeys(field.name for _, field, _ in members if field is not None))
        self._members = tuple(members)
        self._renders: list[tuple[str, Render, str | None]] = []
        for key, field, currency in members:
            if (render := _plain_part(field, currency)) is not None:
                self._renders.append((key, render, field.name if field is not None else None))

    def column(self, places: Mapping[str, int], winners: Sequence[Winners]) -> list[JSON]:
        """The values objects of the products whose ``winners`` these are."""
        # One that only its systems can tell has no place: of_facts puts its value here.
        wanted = [(key, places.get(field.name, 0) if field else 0) for key, field, _ in self._members]
        rows: list[JSON] = [{key: values[at] for key, at in wanted} for values in [one.values for one in winners]]
        for key, render, name in self._renders:
            if name is None or name in places:
                for row in rows:
                    row[key] = render(row[key])
        return rows

    def of_facts(self, facts: Mapping[str, Fact], row: dict[str, JSON]) -> JSON:
        """``row`` with those members replaced whose fields are among ``facts``, as read from the records."""
        for key, field, currency in self._members:
            fact = facts.get(field.name) if field is not None else None
            if field is not None and fact is not None:
                value = encode(field.type, fact.value)
                render = _plain_part(field, currency)
                row[key] = value if render is None else render(value)
        return row

    def empty(self) -> dict[str, JSON]:
        """An object whose members are to be replaced."""
        return {key: None if field else "ProductValues" for key, field, _ in self._members}


def _plain_part(field: FieldDefinition | None, currency: bool) -> Render | None:
    if field is None:
        return lambda _: "ProductValues"
    if field.type is FieldType.NOTE_LIST:
        return lambda notes: notes and [note["text"] for note in notes]
    part = "currency" if currency else _PART.get(field.type)
    return None if part is None else lambda form: form and form[part]
