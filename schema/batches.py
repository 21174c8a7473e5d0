"""Products' fields in batches: what the compiled executor calls once a level, where graphql-core calls a resolver a field.

They answer what the resolvers of :mod:`schema.product` and :mod:`schema.query` answer, through the same reader. Whatever
is asked of facts beyond their leaves is handed on as facts, and goes on field by field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry
from graphql import GraphQLObjectType

from resolvers import facts
from resolvers.lookup import Ambiguous, Lookup
from resolvers.ownership import FieldDefinition
from resolvers.reader import Answer
from schema.context import RequestContext
from schema.facts import FACT_TYPES
from schema.inputs import lookup_from
from schema.product import ProductNode, ValuesNode, in_unit, unit_of
from schema.query import MOST_LOOKUPS, ambiguous, find_one, find_several
from schema.shapes import FactShape, Memory, Moment, Render, Selected, Shapes, ValuesShape
from sources.units import convert
from sources.values import FieldType, decode, encode

Batch = Callable[[Sequence[Any], Sequence[Selected], Any], Awaitable[Sequence[Any]]]
MOST_SHAPES = 5_000
"""Shapes that are kept; then all are made anew."""
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


def attach_batches(schema: strawberry.Schema, fields: Sequence[FieldDefinition]) -> None:
    """Give the fields of products in ``schema``, whose audience sees ``fields``, their batch resolvers."""
    types = schema._schema.type_map
    product, query = types["Product"], types["Query"]
    assert isinstance(product, GraphQLObjectType)
    assert isinstance(query, GraphQLObjectType)
    batches = ProductBatches(fields)
    for name in ("id", "values", *batches.fields):
        if name in product.fields:
            product.fields[name].extensions["batch"] = batches.of_products
    query.fields["product"].extensions["batch"] = batches.product
    query.fields["productsBy"].extensions["batch"] = batches.products_by


@dataclass(frozen=True, slots=True)
class _Column:
    """A field that is asked of products, and its place in the answer. ``field`` is None for ``values``; without a shape,
    what stands behind it is handed on."""

    at: int
    selected: Selected
    field: FieldDefinition | None
    shape: FactShape | ValuesShape | None

    @property
    def names(self) -> tuple[str, ...]:
        """The map's fields that it takes."""
        if self.field is not None:
            return (self.field.name,)
        return self.shape.fields if isinstance(self.shape, ValuesShape) else ()


class ProductBatches:
    """The batch resolvers of an audience that sees ``fields``."""

    def __init__(self, fields: Sequence[FieldDefinition]) -> None:
        self.fields = {one.name: one for one in fields}
        self._plain = {name: (one, False) for name, one in self.fields.items()}
        for one in fields:
            if one.type is FieldType.MONEY:
                self._plain.setdefault(f"{one.name}Currency", (one, True))
        self._made = Shapes()
        self._shapes: dict[int, tuple[object, FactShape | ValuesShape | None]] = {}

    # ── The ways in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def product(self, parents: Sequence[Any], asked: Sequence[Selected], info: Any) -> Sequence[Any]:
        """``Query.product``."""
        return [[await _or_error(self._one(one, info.context))] for one in asked]

    async def products_by(self, parents: Sequence[Any], asked: Sequence[Selected], info: Any) -> Sequence[Any]:
        """``Query.productsBy``."""
        return [[await _or_error(self._several(one, info.context))] for one in asked]

    async def _one(self, asked: Selected, context: RequestContext) -> Any:
        lookup = lookup_from(asked.arguments["by"])
        as_of = asked.arguments.get("asOf")
        if as_of is not None:
            return await find_one(context, lookup, as_of)
        (found,) = await self._found([lookup], asked, context)
        return found

    async def _several(self, asked: Selected, context: RequestContext) -> Any:
        lookups = [lookup_from(one) for one in asked.arguments["lookups"]]
        as_of = asked.arguments.get("asOf")
        if as_of is not None or len(lookups) > MOST_LOOKUPS:
            return await find_several(context, lookups, as_of)
        return await self._found(lookups, asked, context)

    async def _found(
        self, lookups: Sequence[Lookup], asked: Selected, context: RequestContext
    ) -> list[ProductNode | Exception | None]:
        """What each lookup means, together with the winners where those will be asked for."""
        names = {one.name for one in asked.selection("Product")}
        origins = not names.isdisjoint(self.fields)
        if not origins and "values" not in names:
            return await find_several(context, lookups, None)
        found = await context.catalogue.find_with_winners(
            lookups, context.visible, context.reader.rules, origins=origins
        )
        nodes: list[ProductNode | Exception | None] = []
        for one, lookup in zip(found, lookups, strict=True):
            if isinstance(one, Ambiguous):
                nodes.append(ambiguous(one, lookup))
            else:
                nodes.append(None if one is None else ProductNode(one[0], None, (one[1],)))
        return nodes

    # ── A product's fields ─────────────────────────────────────────────────────────────────────────────────────────

    async def of_products(self, parents: Sequence[ProductNode], asked: Sequence[Selected], info: Any) -> Sequence[Any]:
        """The fields of ``Product`` that are asked of ``parents``, which are all of one moment."""
        told: list[Any] = [None] * len(asked)
        groups: dict[tuple[str | None, str | None], list[_Column]] = {}
        for at, one in enumerate(asked):
            if one.name == "id":
                told[at] = one.ready([str(parent.product) for parent in parents])
                continue
            field = self.fields.get(one.name)
            arguments = one.arguments
            scope = (arguments.get("locale"), arguments.get("channel")) if arguments else (None, None)
            groups.setdefault(scope, []).append(_Column(at, one, field, self._shape(one, field)))
        (as_of,) = {parent.as_of for parent in parents}
        for (locale, channel), columns in groups.items():
            level = _Level(info.context, parents, as_of, locale, channel)
            for column, values in zip(columns, await level.columns(columns), strict=True):
                told[column.at] = values
        return told

    def _shape(self, asked: Selected, field: FieldDefinition | None) -> FactShape | ValuesShape | None:
        type_name = "ProductValues" if field is None else FACT_TYPES[field.type].__name__
        selection = asked.selection(type_name)
        known = self._shapes.get(id(selection))
        if known is not None and known[0] is selection:
            return known[1]
        shape: FactShape | ValuesShape | None
        if field is not None:
            shape = self._made.of_facts(field.type, type_name, selection)
        else:
            shape = ValuesShape([(one.response_key, *self._plain.get(one.name, (None, False))) for one in selection])
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        self._shapes[id(selection)] = selection, shape
        return shape


@dataclass(frozen=True, slots=True)
class _Level:
    """Products of which columns are asked for one locale and channel."""

    context: RequestContext
    parents: Sequence[ProductNode]
    as_of: datetime | None
    locale: str | None
    channel: str | None

    async def columns(self, columns: Sequence[_Column]) -> list[Any]:
        """Their values, one for each parent."""
        shaped = [column for column in columns if column.shape is not None]
        handed_on = {column.field.name for column in columns if column.shape is None and column.field is not None}
        made: dict[int, Any] = {}
        if shaped:
            answer = await self._answer(shaped)
            moment = await self._moment(answer, shaped)
            memory: Memory = {}
            for column in shaped:
                values = self._column(column, answer, moment, memory)
                if values is None and column.field is not None:
                    handed_on.add(column.field.name)
                elif values is not None:
                    made[column.at] = values
        read = await self._read(handed_on) if handed_on else {}
        return [made[column.at] if column.at in made else self._handed_on(column, read) for column in columns]

    async def _answer(self, shaped: Sequence[_Column]) -> Answer:
        context, parents = self.context, self.parents
        names = tuple(dict.fromkeys(name for column in shaped for name in column.names))
        rows = None
        if all(parent.winners is not None for parent in parents):
            rows = {one.product: one.winners[0] for one in parents if one.winners and one.winners[0] is not None}
        answer, failures = await context.reader.answer(
            [parent.product for parent in parents],
            names,
            context.asker(self.locale, self.channel),
            as_of=self.as_of,
            origins=any(column.field is not None for column in shaped),
            rows=rows,
        )
        if failures:
            context.failures.update(failures)
        return answer

    async def _moment(self, answer: Answer, shaped: Sequence[_Column]) -> Moment:
        observed = any(isinstance(one.shape, FactShape) and one.shape.observed for one in shaped)
        confirmed = await self.context.reader.confirmations() if observed else {}
        return Moment(answer.failing, answer.now, confirmed)

    def _column(self, column: _Column, answer: Answer, moment: Moment, memory: Memory) -> Any:
        """A column that is complete; None where GraphQL has no way to say one of its values."""
        shape, field = column.shape, column.field
        places = self.context.reader.places
        read = [answer.read.get(name, {}) for name in column.names]
        if any(not _sayable(fact) for by_product in read for fact in by_product.values()):
            return None
        if isinstance(shape, ValuesShape):
            if not any(read):
                return column.selected.ready(shape.column(places, answer.winners))  # type: ignore[arg-type]
            rows = []
            for parent, one in zip(self.parents, answer.winners, strict=True):
                known = {name: facts[parent.product] for name, facts in answer.read.items() if parent.product in facts}
                (row,) = shape.column(places, [one]) if one is not None else (shape.empty(),)
                rows.append(shape.of_facts(known, row))
            return column.selected.ready(rows)
        assert isinstance(shape, FactShape)
        assert field is not None
        convert_to: Render | None = None
        unit = column.selected.arguments.get("unit") if column.selected.arguments else None
        if unit is not None:
            try:
                convert_to = _converter(unit_of(field, unit))
            except Exception as error:
                return [error for _ in self.parents]
        (by_product,) = read
        place = places.get(field.name, 0)
        if not by_product:
            ready = shape.column(field, place, answer.winners, moment, memory, convert_to)  # type: ignore[arg-type]
            return column.selected.ready(ready)
        values = []
        for parent, one in zip(self.parents, answer.winners, strict=True):
            fact = by_product.get(parent.product)
            if fact is not None:
                values.append(shape.of_fact(in_unit(fact, unit)))
            else:
                assert one is not None
                values += shape.column(field, place, [one], moment, {}, convert_to)
        return column.selected.ready(values)

    async def _read(self, names: set[str]) -> Mapping[str, list[facts.Fact]]:
        """The facts of ``names`` with all that is said about them, a list by parent."""
        context, ordered = self.context, sorted(names)
        readings = await context.reader.read([parent.product for parent in self.parents], ordered, self.as_of)
        context.failures.update(readings.failures)
        asker = context.asker(self.locale, self.channel)
        return {
            name: [readings.products[parent.product].fact(name, asker) for parent in self.parents] for name in ordered
        }

    def _handed_on(self, column: _Column, read: Mapping[str, list[facts.Fact]]) -> list[Any]:
        if column.field is None:
            return [ValuesNode(parent, self.locale, self.channel) for parent in self.parents]
        unit = column.selected.arguments.get("unit") if column.selected.arguments else None
        if unit is None:
            return list(read[column.field.name])
        return [_in_unit(fact, unit) for fact in read[column.field.name]]


async def _or_error(awaitable: Awaitable[Any]) -> Any:
    """A field's failure is its own, and no other's."""
    try:
        return await awaitable
    except Exception as error:
        return error


def _in_unit(fact: facts.Fact, unit: str) -> facts.Fact | Exception:
    try:
        return in_unit(fact, unit)
    except Exception as error:
        return error


def _converter(unit: str) -> Render:
    return lambda form: encode(FieldType.QUANTITY, convert(decode(FieldType.QUANTITY, form), unit))


def _sayable(fact: facts.Fact) -> bool:
    """Whether GraphQL knows the fact's value."""
    return fact.definition.type is not FieldType.INTEGER or fact.value is None or _SMALLEST <= fact.value <= _LARGEST
