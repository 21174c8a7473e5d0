"""Answers in the shape in which they are asked for, straight from winners that were chosen ahead.

A *shape* is what a selection asks of a field's envelope: which of its members, under which names, in which order. Most
selections ask for leaves alone, and then a fact is its value's text between the texts that its origin gives; these are the
same for all facts of one origin and are written once. What asks for more (``definition``, ``candidates``, ``conflict``) has
no shape: it goes the way of every GraphQL field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Protocol, TypeAlias

import orjson

from resolvers.facts import Fact, Freshness, status_of
from resolvers.freshness import SKEW
from resolvers.ownership import FieldDefinition
from resolvers.winners import NOBODY, NULL, Winners, microseconds
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

    @property
    def memo(self) -> dict[str, Any]:
        """Kept as long as the operation."""

    @property
    def whole(self) -> bool:
        """Whether the fields of the call are all that is asked of its parents."""

    def ready(self, values: list[Any]) -> Any:
        """A column whose entries are complete."""

    def rows(self, values: list[Any]) -> Any:
        """In place of all columns, whole objects."""


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


Memory: TypeAlias = "dict[Any, list[tuple[Sequence[str], Sequence[int], list[Any]]]]"
"""What was made of one answer's origins: by layout, for each product its values, their places, and by origin what stands
around a value."""


class Layout:
    """An envelope's members around its value: response key and name, the value's own key between them. Layouts that are alike
    are one, so that what they make of an origin is made once.

    Where no member stands before the value, all facts begin alike, with ``head``."""

    def __init__(
        self,
        head: Sequence[tuple[str, str]],
        value: str | None,
        tail: Sequence[tuple[str, str]],
        type_name: str | None,
    ) -> None:
        self._before, self._value, self._after, self._type_name = head, value, tail, type_name
        names = {name for _, name in (*head, *tail)}
        self.of_the_moment = bool(names & _OF_THE_MOMENT)
        self.observed = "observedAt" in names
        self.led = bool(head)
        self.head = "{" if value is None else f'{{"{value}":'
        self._pick: itemgetter[Any] | None = None
        self._template = self._closed([f'"{key}":%s' for key, _ in tail])
        self._of_nobody = self._closed([f'"{key}":null' for key, _ in tail])
        if tail and not head and names <= _OF_ORIGIN.keys():
            self._pick = itemgetter(*(_OF_ORIGIN[name] for _, name in tail))

    def parts(self, field: FieldDefinition, origin: Sequence[str] | None, moment: Moment) -> Any:
        """What stands around values of facts of ``field`` that came from ``origin``; None is of nobody. What is behind,
        where the layout is not ``led``: else before and behind."""
        if self._pick is not None:
            return self._of_nobody if origin is None else self._template % self._pick(origin)
        said = dict.fromkeys(_OF_ORIGIN, NULL) if origin is None else {n: origin[at] for n, at in _OF_ORIGIN.items()}
        said["__typename"] = f'"{self._type_name}"'
        if self.of_the_moment:
            source = None if origin is None else orjson.loads(origin[0])
            last_updated = None if origin is None else orjson.loads(origin[3])
            said["status"] = f'"{status_of(field, source, moment.failing).value}"'
            said["freshness"] = f'"{_freshness(field, last_updated, moment.now).value}"'
            said["observedAt"] = NULL if origin is None else _observed(source or "", origin, moment.confirmed)
        return self._around(said)

    def of_fact(self, fact: Fact) -> Any:
        """The same of a fact that was read from the records."""
        told = {
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
        return self._around({name: text_of(value) for name, value in told.items()})

    def _around(self, said: Mapping[str, str]) -> Any:
        behind = self._closed([f'"{key}":{said[name]}' for key, name in self._after])
        if not self.led:
            return behind
        before = ",".join([f'"{key}":{said[name]}' for key, name in self._before])
        return f'{{{before},"{self._value}":', behind

    def _closed(self, members: Sequence[str]) -> str:
        told = ",".join(members)
        return f"{told}}}" if self._value is None or not members else f",{told}}}"


class FactShape:
    """How a selection wants the facts of fields of one type. Made by :class:`Shapes`."""

    def __init__(self, layout: Layout, valued: bool, render: Render | None) -> None:
        self.layout = layout
        self._valued, self._render = valued, render

    def texts(
        self,
        field: FieldDefinition,
        place: int,
        winners: Sequence[Winners],
        moment: Moment,
        memory: Memory,
        convert: Render | None = None,
        key: str = "",
    ) -> list[str]:
        """The facts of ``field``, which has ``place`` among the ``winners`` of each product, as JSON behind ``key``.
        ``memory`` is kept for all columns of the same winners."""
        layout = self.layout
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
        head = f"{key}{layout.head}"
        if not self._valued:  # then the layout is not led
            return [f"{head}{parts[places[place]]}" for _, places, parts in rows]
        render = _both(convert, self._render)
        if render is None and not layout.led:
            return [f"{head}{values[place]}{parts[places[place]]}" for values, places, parts in rows]
        told = []
        for values, places, parts in rows:
            value = values[place] if render is None else rendered(values[place], render)
            around = parts[places[place]]
            told.append(f"{key}{around[0]}{value}{around[1]}" if layout.led else f"{head}{value}{around}")
        return told

    def of_fact(self, fact: Fact, key: str = "") -> str:
        """The same of a fact that was read from the records."""
        around = self.layout.of_fact(fact)
        head, tail = around if self.layout.led else (self.layout.head, around)
        if not self._valued:
            return f"{key}{head}{tail}"
        value = encode(fact.definition.type, fact.value)
        return f"{key}{head}{text_of(value if value is None or self._render is None else self._render(value))}{tail}"


def text_of(value: JSON) -> str:
    """``value`` as JSON."""
    return orjson.dumps(value).decode()


def rendered(text: str, render: Render) -> str:
    """What ``render`` makes of a value, both as JSON; null stays null."""
    return NULL if text == NULL else text_of(render(orjson.loads(text)))


def _freshness(field: FieldDefinition, last_updated_us: int | None, now: datetime) -> Freshness:
    """As :func:`resolvers.freshness.freshness`, in microseconds."""
    if field.max_age is None or last_updated_us is None:
        return Freshness.UNKNOWN
    age = microseconds(now) - last_updated_us
    if -age > _SKEW_US:
        return Freshness.UNKNOWN
    return Freshness.STALE if age > field.max_age // field.max_age.resolution else Freshness.FRESH


def _observed(source: str, origin: Sequence[str], confirmed: Mapping[str, datetime]) -> str:
    since = confirmed.get(source)
    if since is not None and microseconds(since) > int(origin[6]):
        return f'"{encode_datetime(since)}"'
    return origin[5]


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
        key = (tuple(head), value, tuple(tail), named)
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = Layout(*key)
        return FactShape(layout, value is not None, render)


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
