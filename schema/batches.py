"""Products' fields in batches: what the compiled executor calls once a level, where graphql-core calls a resolver a field.

They answer what the resolvers of :mod:`schema.product` and :mod:`schema.query` answer, through the same reader. Whatever
is asked of facts beyond their leaves is handed on as facts, and goes on field by field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLObjectType
from orjson import Fragment

from resolvers import facts
from resolvers.lookup import Ambiguous, Lookup
from resolvers.ownership import FieldDefinition
from resolvers.reader import Answer
from schema.context import RequestContext
from schema.facts import FACT_TYPES
from schema.inputs import lookup_from
from schema.product import ProductNode, ValuesNode, in_unit, read_fact, unit_of
from schema.query import MOST_LOOKUPS, ambiguous, find_one, find_several
from schema.shapes import FactShape, Memory, Moment, Render, Selected, Shapes, ValuesShape
from sources.ledger.winners import WinnersRow
from sources.units import convert
from sources.values import FieldType, decode, encode

Batch = Callable[[Sequence[Any], Sequence[Selected], Any], Awaitable[Sequence[Any]]]
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
    unit: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The map's fields that it takes."""
        if self.field is not None:
            return (self.field.name,)
        return self.shape.fields if isinstance(self.shape, ValuesShape) else ()


class _Asked:
    """What one place of an operation asks of products, sorted out."""

    def __init__(
        self,
        selected: Sequence[Selected],
        ids: Sequence[tuple[int, Selected]],
        groups: Mapping[tuple[str | None, str | None], Sequence[_Column]],
    ) -> None:
        self.selected, self.ids, self.groups = selected, ids, groups
        self.whole_rows = selected[0].whole
        self.keys = [f'"{one.response_key}":' for one in selected]
        columns = [column for group in groups.values() for column in group]
        self.names = tuple(dict.fromkeys(name for column in columns for name in column.names))
        self.origins = any(column.field is not None for column in columns)
        self.observed = any(isinstance(one.shape, FactShape) and one.shape.layout.observed for one in columns)
        self.handed_on = frozenset(one.field.name for one in columns if one.field is not None and one.shape is None)


class ProductBatches:
    """The batch resolvers of an audience that sees ``fields``."""

    def __init__(self, fields: Sequence[FieldDefinition]) -> None:
        self.fields = {one.name: one for one in fields}
        self._plain = {name: (one, False) for name, one in self.fields.items()}
        for one in fields:
            if one.type is FieldType.MONEY:
                self._plain.setdefault(f"{one.name}Currency", (one, True))
        self._made = Shapes()

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

    async def of_products(self, parents: Sequence[ProductNode], asked: Sequence[Selected], info: Any) -> Any:
        """The fields of ``Product`` that are asked of ``parents``, which are all of one moment: whole products where that
        is all that is asked of them, else their columns."""
        known: _Asked | None = asked[0].memo.get("asked")
        if known is None or known.selected is not asked:
            known = self._sorted_out(asked)
        level = _Level(info.context, parents, known)
        if known.groups:
            await level.tell()
        texts = level.texts
        for at, _ in known.ids:
            texts[at] = [f'{known.keys[at]}"{parent.product}"' for parent in parents]
        if known.whole_rows and len(texts) == len(asked):
            columns = [texts[at] for at in range(len(asked))]
            return asked[0].rows([Fragment(f"{{{','.join(row)}}}") for row in zip(*columns, strict=True)])
        told: list[Any] = [None] * len(asked)
        for at, column in texts.items():
            start = len(known.keys[at])
            told[at] = asked[at].ready([Fragment(text[start:]) for text in column])
        for at, values in level.handed_on.items():
            told[at] = values
        return told

    def _sorted_out(self, asked: Sequence[Selected]) -> _Asked:
        ids: list[tuple[int, Selected]] = []
        groups: dict[tuple[str | None, str | None], list[_Column]] = {}
        for at, one in enumerate(asked):
            if one.name == "id":
                ids.append((at, one))
                continue
            field, arguments = self.fields.get(one.name), one.arguments
            column = _Column(at, one, field, self._shape(one, field), arguments.get("unit"))
            groups.setdefault((arguments.get("locale"), arguments.get("channel")), []).append(column)
        known = _Asked(asked, ids, groups)
        if all(one.constant for one in asked):
            asked[0].memo["asked"] = known
        return known

    def _shape(self, asked: Selected, field: FieldDefinition | None) -> FactShape | ValuesShape | None:
        if "shape" in asked.memo:
            known: FactShape | ValuesShape | None = asked.memo["shape"]
            return known
        type_name = "ProductValues" if field is None else FACT_TYPES[field.type].__name__
        selection = asked.selection(type_name)
        shape: FactShape | ValuesShape | None
        if field is not None:
            shape = self._made.of_facts(field.type, type_name, selection)
        else:
            shape = ValuesShape([(one.response_key, *self._plain.get(one.name, (None, False))) for one in selection])
        asked.memo["shape"] = shape
        return shape


class _Level:
    """Products of which columns are asked, by the locale and channel they are asked for."""

    def __init__(self, context: RequestContext, parents: Sequence[ProductNode], asked: _Asked) -> None:
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
        self, column: _Column, field: FieldDefinition, answer: Answer, moment: Moment, memory: Memory
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

    def _tell_values(self, column: _Column, scope: tuple[str | None, str | None], answer: Answer) -> None:
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


async def _or_error(awaitable: Awaitable[Any]) -> Any:
    """A field's failure is its own, and no other's."""
    try:
        return await awaitable
    except Exception as error:
        return error


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
