"""Products' fields in batches: what the compiled executor calls once a level, where graphql-core calls a resolver a field.

They answer what the resolvers of :mod:`schema.product` and :mod:`schema.query` answer, through the same reader. Whatever
is asked of facts beyond their leaves is handed on as facts, and goes on field by field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import strawberry
from graphql import GraphQLObjectType
from orjson import Fragment

from resolvers.compatibility.evidence import Judgement
from resolvers.lookup import Lookup
from resolvers.ownership import FieldDefinition
from schema.context import RequestContext
from schema.facts import FACT_TYPES
from schema.inputs import lookup_from
from schema.product import ProductNode
from schema.product_columns import Asked, Column, Level
from schema.query import MOST_LOOKUPS, find_one, find_several, find_with_winners
from schema.shapes import FactShape, Selected, Shapes
from schema.value_shapes import ValuesShape
from sources.values import FieldType

Batch = Callable[[Sequence[Any], Sequence[Selected], Any], Awaitable[Sequence[Any]]]


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
    verdict = types["CompatibilityVerdict"]
    assert isinstance(verdict, GraphQLObjectType)
    for name in _SIDES:
        verdict.fields[name].extensions["batch"] = _products_of_verdicts
    query.fields["product"].extensions["batch"] = batches.product
    query.fields["productsBy"].extensions["batch"] = batches.products_by


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
        origins = "compatibleWith" in names or not names.isdisjoint(self.fields)
        if not origins and "values" not in names:
            return await find_several(context, lookups, None)
        return await find_with_winners(context, lookups, origins=origins)

    # ── A product's fields ─────────────────────────────────────────────────────────────────────────────────────────

    async def of_products(self, parents: Sequence[ProductNode], asked: Sequence[Selected], info: Any) -> Any:
        """The fields of ``Product`` that are asked of ``parents``, which are all of one moment: whole products where that
        is all that is asked of them, else their columns."""
        known: Asked | None = asked[0].memo.get("asked")
        if known is None or known.selected is not asked:
            known = self._sorted_out(asked)
        level = Level(info.context, parents, known)
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

    def _sorted_out(self, asked: Sequence[Selected]) -> Asked:
        ids: list[tuple[int, Selected]] = []
        groups: dict[tuple[str | None, str | None], list[Column]] = {}
        for at, one in enumerate(asked):
            if one.name == "id":
                ids.append((at, one))
                continue
            field, arguments = self.fields.get(one.name), one.arguments
            column = Column(at, one, field, self._shape(one, field), arguments.get("unit"))
            groups.setdefault((arguments.get("locale"), arguments.get("channel")), []).append(column)
        known = Asked(asked, ids, groups)
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


_SIDES = {"product": "product", "with": "other"}
"""The products of a verdict, by the attribute of a judgement that is their id."""


async def _products_of_verdicts(parents: Sequence[Judgement], asked: Sequence[Selected], info: Any) -> Sequence[Any]:
    """``CompatibilityVerdict.product`` and ``with``."""
    return [[ProductNode(getattr(parent, _SIDES[one.name])) for parent in parents] for one in asked]


async def _or_error(awaitable: Awaitable[Any]) -> Any:
    """A field's failure is its own, and no other's."""
    try:
        return await awaitable
    except Exception as error:
        return error
