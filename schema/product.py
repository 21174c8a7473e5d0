"""``Product``: one type whose fields are the map's, each resolved from the system that owns it.

No rule stands here: a field asks the reader, through the request's loader, and hands on the fact it gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from resolvers import facts
from resolvers.ownership import FieldDefinition
from schema.completeness import Completeness, completeness
from schema.connections import connect, page_size, read_position
from schema.context import FactKey, RequestContext, WhenceInfo
from schema.crosswalk import Crosswalk, ExplainedCrosswalk, crosswalk
from schema.facts import FACT_TYPES, PLAIN_TYPES, Conflict, Fact, plain
from schema.failures import bad_input
from schema.history import ChangeConnection, page_of
from sources.ledger.winners import WinnersRow
from sources.units import convert, find_unit, same_dimension
from sources.values import FieldType

Resolver = Callable[..., Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class ProductNode:
    """A product that was found; what stands behind GraphQL's ``Product``."""

    product: UUID
    as_of: datetime | None = None
    winners: tuple[WinnersRow | None] | None = None
    """The row of its winners, where that was looked up with it; there may be none."""

    @property
    def winners_at_hand(self) -> dict[UUID, WinnersRow] | None:
        """The same by product, empty where it has none; None where that, or where they came from, was not looked up."""
        if self.winners is None or (self.winners[0] is not None and not self.winners[0].origins):
            return None
        return {} if self.winners[0] is None else {self.product: self.winners[0]}


@dataclass(frozen=True, slots=True)
class ValuesNode:
    """What stands behind ``ProductValues``."""

    node: ProductNode
    locale: str | None
    channel: str | None


async def read_fact(
    context: RequestContext, node: ProductNode, field: str, locale: str | None = None, channel: str | None = None
) -> facts.Fact:
    """One fact of a product, read together with all others that are asked for at the same time."""
    # Others wait for the same reading: who is cancelled, since a sibling failed, must not take it along.
    reading = await asyncio.shield(context.readings.load(FactKey(node.product, field, node.as_of)))
    assert reading is not None, "every product that was asked for is read"
    return reading.fact(field, context.asker(locale, channel))


async def read_facts(context: RequestContext, node: ProductNode, fields: Sequence[str]) -> list[facts.Fact]:
    """Some facts of a product."""
    return list(await asyncio.gather(*(read_fact(context, node, field) for field in fields)))


def product_type(fields: Sequence[FieldDefinition], explained: bool = False) -> type[Any]:
    """``Product`` (and ``ProductValues``) with one field for each of ``fields``, as declared in order; with
    ``explained``, links say what they rest on."""
    names = [definition.name for definition in fields]

    def known(asked: list[str] | None) -> list[str]:
        """The fields asked for, all where none is named. Raises GraphQLError for one that this audience does not see."""
        for name in asked or ():
            if name not in names:
                raise bad_input(f"Product has no field {name[:80]!r}.")
        return names if asked is None else list(dict.fromkeys(asked))

    async def id_(root: strawberry.Parent[ProductNode]) -> strawberry.ID:
        return strawberry.ID(str(root.product))

    async def values_(
        root: strawberry.Parent[ProductNode], locale: str | None = None, channel: str | None = None
    ) -> ValuesNode:
        return ValuesNode(root, locale, channel)

    async def facts_(
        root: strawberry.Parent[ProductNode],
        info: WhenceInfo,
        fields: list[str] | None = None,
        locale: str | None = None,
        channel: str | None = None,
    ) -> list[facts.Fact]:
        wanted = known(fields)
        return list(await asyncio.gather(*(read_fact(info.context, root, name, locale, channel) for name in wanted)))

    async def conflicts(root: strawberry.Parent[ProductNode], info: WhenceInfo) -> list[facts.Conflict]:
        return [one.conflict for one in await read_facts(info.context, root, names) if one.conflict is not None]

    async def crosswalk_(root: strawberry.Parent[ProductNode], info: WhenceInfo) -> list[Crosswalk]:
        return await crosswalk(info.context, root.product)

    async def completeness_(
        root: strawberry.Parent[ProductNode], info: WhenceInfo, channel: str | None = None
    ) -> Completeness:
        found = await asyncio.gather(*(read_fact(info.context, root, name, None, channel) for name in names))
        return completeness(found, channel)

    async def history_(
        root: strawberry.Parent[ProductNode],
        info: WhenceInfo,
        fields: list[str] | None = None,
        first: int = 50,
        after: str | None = None,
    ) -> ChangeConnection:
        wanted, context, size = known(fields), info.context, page_size(first)
        listing = ["history", str(root.product), sorted(wanted), str(root.as_of)]
        position = read_position(context.cursors, listing, after)
        changes = await context.catalogue.history(root.product, wanted, context.visible, root.as_of)
        page: Any = connect(context.cursors, listing, page_of(changes, position, size), size, after)
        return page  # type: ignore[no-any-return]

    linked: Any = ExplainedCrosswalk if explained else Crosswalk
    own = [
        _field("id", id_, strawberry.ID, "Stable, opaque, never reused; a merged id still resolves."),
        _field("facts", facts_, list[Fact], "The same facts, generically: all, or those named."),
        _field("crosswalk", crosswalk_, list[linked], "Every record of this product in every system, today."),
        _field("conflicts", conflicts, list[Conflict], "The fields about which systems disagree."),
        _field("completeness", completeness_, Completeness, "How much of what may be said about it is said."),
        _field("history", history_, ChangeConnection, "What changed, newest first."),
    ]
    if fields:  # an audience that sees none has no values either: GraphQL knows no empty type
        values = _type("ProductValues", [_plain_field(one) for one in fields] + _currencies(fields), _VALUES)
        own.append(_field("values", values_, values, "The same fields as plain scalars, for storefronts."))
    described = "A product: each field from the system that owns it, with where it came from."
    return _type("Product", [*own, *(_fact_field(one) for one in fields)], described)


_VALUES = (
    "A product's fields as plain scalars: of money and quantities the amount (in the field's unit), of media the address, "
    "of notes the texts."
)


def _type(name: str, fields: Sequence[tuple[str, Any]], description: str) -> type[Any]:
    made = type(name, (), {"__module__": __name__, "__annotations__": {}, **dict(fields)})
    return strawberry.type(made, description=description)


def _field(name: str, resolver: Resolver, graphql_type: Any, description: str | None) -> tuple[str, Any]:
    # strawberry keys fields by their function's name: closures all called alike would collapse into one.
    resolver.__name__ = name
    field = strawberry.field(resolver=resolver, name=name, description=description, graphql_type=graphql_type)
    return name, field


def _fact_field(definition: FieldDefinition) -> tuple[str, Any]:
    resolver: Resolver
    name = definition.name
    if definition.type is FieldType.QUANTITY:

        async def measured(
            root: strawberry.Parent[ProductNode],
            info: WhenceInfo,
            unit: str | None = None,
            locale: str | None = None,
            channel: str | None = None,
        ) -> facts.Fact:
            return in_unit(await read_fact(info.context, root, name, locale, channel), unit)

        resolver = measured
    else:

        async def as_is(
            root: strawberry.Parent[ProductNode],
            info: WhenceInfo,
            locale: str | None = None,
            channel: str | None = None,
        ) -> facts.Fact:
            return await read_fact(info.context, root, name, locale, channel)

        resolver = as_is
    return _field(name, resolver, FACT_TYPES[definition.type], definition.description or definition.label)


def in_unit(fact: facts.Fact, unit: str | None) -> facts.Fact:
    """A fact with its value in ``unit``, where one is asked for. Raises GraphQLError for one that does not measure it."""
    if unit is None:
        return fact
    symbol = unit_of(fact.definition, unit)
    return fact if fact.value is None else facts.with_value(fact, convert(fact.value, symbol))


def unit_of(field: FieldDefinition, unit: str) -> str:
    """The unit that ``unit`` means, in which ``field`` can be given. Raises GraphQLError."""
    symbol = find_unit(unit)
    if symbol is None or field.unit is None or not same_dimension(symbol, field.unit):
        raise bad_input(f"{field.name} cannot be given in {unit[:40]!r}; ask for a unit such as {field.unit}.")
    return symbol


def _plain_field(definition: FieldDefinition) -> tuple[str, Any]:
    name, kind = definition.name, definition.type

    async def resolver(root: strawberry.Parent[ValuesNode], info: WhenceInfo) -> Any:
        fact = await read_fact(info.context, root.node, name, root.locale, root.channel)
        return plain(kind, fact.value)

    return _field(name, resolver, PLAIN_TYPES[kind], definition.description or definition.label)


def _currencies(fields: Sequence[FieldDefinition]) -> list[tuple[str, Any]]:
    """For each money field, its currency beside it, where no field has that name."""
    taken = {definition.name for definition in fields}
    return [
        _currency_field(definition.name)
        for definition in fields
        if definition.type is FieldType.MONEY and f"{definition.name}Currency" not in taken
    ]


def _currency_field(name: str) -> tuple[str, Any]:
    async def resolver(root: strawberry.Parent[ValuesNode], info: WhenceInfo) -> str | None:
        fact = await read_fact(info.context, root.node, name, root.locale, root.channel)
        return fact.value.currency if fact.value is not None else None

    return _field(f"{name}Currency", resolver, str | None, f"The currency of {name}.")
