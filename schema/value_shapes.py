"""Plain values in the shape in which they are asked for, from winners that were chosen ahead; see :mod:`schema.shapes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

from resolvers.facts import Fact
from resolvers.ownership import FieldDefinition
from resolvers.winners import NULL, Winners
from schema.shapes import Render, rendered, text_of
from sources.values import FieldType, encode

_PART = {FieldType.MONEY: "amount", FieldType.QUANTITY: "amount", FieldType.MEDIA: "url"}


class ValuesShape:
    """How a selection wants the plain values of products. ``members``: response key, field (None is ``__typename``), and
    whether its currency is meant."""

    def __init__(self, members: Sequence[tuple[str, FieldDefinition | None, bool]]) -> None:
        self.fields = tuple(dict.fromkeys(field.name for _, field, _ in members if field is not None))
        self._members = [(key, field, _plain_part(field, currency)) for key, field, currency in members]
        written = ",".join(f'"{key}":%s' for key, _, _ in members)
        self._template = f"{{{written}}}"
        self._as_they_are = all(field is not None and render is None for _, field, render in self._members)

    def texts(self, places: Mapping[str, int], winners: Sequence[Winners], key: str = "") -> list[str]:
        """The values objects of the products whose ``winners`` these are, as JSON behind ``key``."""
        template = key + self._template  # names of GraphQL hold no %
        if self._as_they_are and len(self._members) > 1:
            chosen = itemgetter(*(places[field.name] for _, field, _ in self._members if field is not None))
            return [template % chosen(one.values) for one in winners]
        return [template % tuple(self._told(places, one, {})) for one in winners]

    def of_facts(
        self, places: Mapping[str, int], winners: Winners | None, facts: Mapping[str, Fact], key: str = ""
    ) -> str:
        """The same of one product, of which ``facts``, by field, were read from the records and go before."""
        return key + self._template % tuple(self._told(places, winners, facts))

    def _told(self, places: Mapping[str, int], winners: Winners | None, facts: Mapping[str, Fact]) -> Iterator[str]:
        for _, field, render in self._members:
            if field is None:
                yield '"ProductValues"'
            elif (fact := facts.get(field.name)) is not None:
                value = encode(field.type, fact.value)
                yield text_of(value if render is None or value is None else render(value))
            elif winners is None:
                yield NULL
            else:
                text = winners.values[places[field.name]]
                yield text if render is None else rendered(text, render)


def _plain_part(field: FieldDefinition | None, currency: bool) -> Render | None:
    if field is None:
        return None
    if field.type is FieldType.NOTE_LIST:
        return lambda notes: [note["text"] for note in notes]
    part = "currency" if currency else _PART.get(field.type)
    return None if part is None else lambda form: form[part]
