"""The columns of a level of products: read once for all, each told as the locale and channel it is asked for get it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from resolvers import facts
from resolvers.ownership import FieldDefinition
from resolvers.reader import Answer
from schema.context import RequestContext
from schema.product import ProductNode, ValuesNode, in_unit, read_fact, unit_of
from schema.shapes import FactShape, Memory, Moment, Render, Selected
from schema.value_shapes import ValuesShape
from sources.ledger.winners import WinnersRow
from sources.units import convert
from sources.values import FieldType, decode, encode

_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """A field that is asked of products, and its place in the answer. ``field`` is None for ``values``; without a shape,
    what stands behind it is handed on."""

    at: int
    selected: Selected
    field: FieldDefinition | None
    shape: FactShape | ValuesShape | None
    unit: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The map's fields that it takes."""
        if self.field is not None:
            return (self.field.name,)
        return self.shape.fields if isinstance(self.shape, ValuesShape) else ()


class Asked:
    """What one place of an operation asks of products, sorted out."""

    def __init__(
        self,
        selected: Sequence[Selected],
        ids: Sequence[tuple[int, Selected]],
        groups: Mapping[tuple[str | None, str | None], Sequence[Column]],
    ) -> None:
        self.selected, self.ids, self.groups = selected, ids, groups
        self.whole_rows = selected[0].whole
        self.keys = [f'"{one.response_key}":' for one in selected]
        columns = [column for group in groups.values() for column in group]
        self.names = tuple(dict.fromkeys(name for column in columns for name in column.names))
        self.origins = any(column.field is not None for column in columns)
        self.observed = any(isinstance(one.shape, FactShape) and one.shape.layout.observed for one in columns)
        self.handed_on = frozenset(one.field.name for one in columns if one.field is not None and one.shape is None)


class Level:
    """Products of which columns are asked, by the locale and channel they are asked for."""

    def __init__(self, context: RequestContext, parents: Sequence[ProductNode], asked: Asked) -> None:
        self._context, self._parents, self._asked = context, parents, asked
        self.texts: dict[int, list[str]] = {}
        """By their place, columns that are complete: for each parent its member of the object, as JSON."""
        self.handed_on: dict[int, list[Any]] = {}
        """Those that are not."""

    async def tell(self) -> None:
        """Read once, and tell each column as its group gets it."""
        context, parents, asked = self._context, self._parents, self._asked
        (as_of,) = {parent.as_of for parent in parents}
        rows: dict[UUID, WinnersRow] | None = {}
        for parent in parents:
            if parent.winners is None:
                rows = None
                break
            if parent.winners[0] is not None:
                rows[parent.product] = parent.winners[0]  # type: ignore[index]
        answers = await context.reader.answer(
            [parent.product for parent in parents],
            asked.names,
            [context.asker(locale, channel) for locale, channel in asked.groups],
            as_of=as_of,
            origins=asked.origins,
            whole=asked.handed_on,
            rows=rows,
        )
        if answers.failures:
            context.failures.update(answers.failures)
        confirmed = await context.reader.confirmations() if asked.observed else {}
        moment = Moment(answers.failing, answers.now, confirmed)
        places, texts, keys = context.reader.places, self.texts, asked.keys
        for (scope, group), answer in zip(asked.groups.items(), answers.of, strict=True):
            memory: Memory = {}
            winners: Any = answer.winners
            for column in group:
                if not answer.read and column.field is not None and column.unit is None:
                    shape: Any = column.shape
                    place, key = places[column.field.name], keys[column.at]
                    texts[column.at] = shape.texts(column.field, place, winners, moment, memory, None, key)
                elif column.field is None:
                    self._tell_values(column, scope, answer)
                else:
                    await self._tell_facts(column, column.field, answer, moment, memory)

    async def _tell_facts(
        self, column: Column, field: FieldDefinition, answer: Answer, moment: Moment, memory: Memory
    ) -> None:
        shape, unit, at = column.shape, column.unit, column.at
        read = answer.facts(field.name) if answer.read else {}
        if shape is None:
            self.handed_on[at] = [_in_unit(read[parent.product], unit) for parent in self._parents]
            return
        assert isinstance(shape, FactShape)
        if not all(map(_sayable, read.values())):  # GraphQL has no way to say one: its error is told as ever
            asker = answer.asker
            reads = (
                read_fact(self._context, parent, field.name, asker.locale, asker.channel) for parent in self._parents
            )
            self.handed_on[at] = [_in_unit(fact, unit) for fact in await asyncio.gather(*reads)]
            return
        convert_to: Render | None = None
        if unit is not None:
            try:
                convert_to = _converter(unit_of(field, unit))
            except Exception as error:
                self.handed_on[at] = [error for _ in self._parents]
                return
        place, key = self._context.reader.places.get(field.name, 0), self._asked.keys[at]
        if not read:
            winners: Any = answer.winners
            self.texts[at] = shape.texts(field, place, winners, moment, memory, convert_to, key)
            return
        told: list[str] = []
        for parent, one in zip(self._parents, answer.winners, strict=True):
            fact = read.get(parent.product)
            if fact is not None:
                told.append(shape.of_fact(in_unit(fact, unit), key))
            else:
                assert one is not None
                told += shape.texts(field, place, [one], moment, {}, convert_to, key)
        self.texts[at] = told

    def _tell_values(self, column: Column, scope: tuple[str | None, str | None], answer: Answer) -> None:
        shape, places, key = column.shape, self._context.reader.places, self._asked.keys[column.at]
        assert isinstance(shape, ValuesShape)
        read = {name: answer.facts(name) for name in shape.fields if name in answer.read} if answer.read else {}
        if not read:
            winners: Any = answer.winners
            self.texts[column.at] = shape.texts(places, winners, key)
        elif not all(_sayable(fact) for by_product in read.values() for fact in by_product.values()):
            self.handed_on[column.at] = [ValuesNode(parent, *scope) for parent in self._parents]
        else:
            self.texts[column.at] = [
                shape.of_facts(
                    places,
                    one,
                    {name: facts[parent.product] for name, facts in read.items() if parent.product in facts},
                    key,
                )
                for parent, one in zip(self._parents, answer.winners, strict=True)
            ]


def _in_unit(fact: facts.Fact, unit: str | None) -> facts.Fact | Exception:
    try:
        return in_unit(fact, unit)
    except Exception as error:
        return error


def _converter(unit: str) -> Render:
    return lambda form: encode(FieldType.QUANTITY, convert(decode(FieldType.QUANTITY, form), unit))


def _sayable(fact: facts.Fact) -> bool:
    """Whether GraphQL knows the fact's value."""
    return fact.definition.type is not FieldType.INTEGER or fact.value is None or _SMALLEST <= fact.value <= _LARGEST
