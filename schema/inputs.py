"""What callers ask with: lookups, and the filter and order of product lists, made from the fields an audience sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types import get_object_definition

from resolvers.catalogue import Catalogue
from resolvers.lookup import LONGEST_LOOKUP, Lookup
from resolvers.ownership import FieldDefinition
from schema.failures import bad_input
from sources.contract import RecordKey
from sources.ledger.conditions import Condition, Either, Every, FieldIs, HasRecord, Nor, Operator, Order
from sources.values import FieldType

DEEPEST_FILTER = 8
MOST_OPERANDS = 200


@strawberry.input(description="A record of a system, by that system's own id.")
class RecordInput:
    """A record's key."""

    source: str
    id: str


@strawberry.input(one_of=True, description="A product, by exactly one of these.")
class ProductLookup:
    """See :class:`resolvers.lookup.Lookup`."""

    id: strawberry.ID | None = strawberry.UNSET
    sku: str | None = strawberry.UNSET
    gtin: str | None = strawberry.field(
        default=strawberry.UNSET, description="Of any length; its check digit is tested."
    )
    record: RecordInput | None = strawberry.UNSET
    alias: str | None = strawberry.field(
        default=strawberry.UNSET, description="A name or identifier that any department has for it."
    )

    def lookup(self) -> Lookup:
        """The lookup that was given. Raises GraphQLError for one that is too long."""
        given = {
            name: value
            for name in ("id", "sku", "gtin", "alias")
            if (value := getattr(self, name)) is not strawberry.UNSET
        }
        if any(len(str(value)) > LONGEST_LOOKUP for value in given.values()):
            raise _too_long()
        record = RecordKey(self.record.source, self.record.id) if self.record else None
        return Lookup(record=record, **{name: str(value) for name, value in given.items()})


def lookup_from(given: Mapping[str, Any]) -> Lookup:
    """The lookup of a ``ProductLookup`` as GraphQL coerced it. Raises GraphQLError for one that is too long."""
    ((way, value),) = given.items()
    if way == "record":
        return Lookup(record=RecordKey(value["source"], value["id"]))
    if len(value) > LONGEST_LOOKUP:
        raise _too_long()
    return Lookup(**{way: value})


def _too_long() -> Exception:
    return bad_input(f"A lookup has at most {LONGEST_LOOKUP} characters.")


@strawberry.input(description="How a text compares; case does not matter.")
class TextFilter:
    """Conditions on a text, all of which must hold."""

    eq: str | None = strawberry.UNSET
    in_: list[str] | None = strawberry.field(name="in", default=strawberry.UNSET)
    contains: str | None = strawberry.UNSET
    starts_with: str | None = strawberry.UNSET
    is_missing: bool | None = strawberry.UNSET


@strawberry.input(description="How a number compares: an amount of money, or of a quantity in its field's unit.")
class NumberFilter:
    """Conditions on a number, all of which must hold."""

    eq: Decimal | None = strawberry.UNSET
    gt: Decimal | None = strawberry.UNSET
    gte: Decimal | None = strawberry.UNSET
    lt: Decimal | None = strawberry.UNSET
    lte: Decimal | None = strawberry.UNSET
    is_missing: bool | None = strawberry.UNSET


@strawberry.input(description="How an integer compares.")
class IntegerFilter:
    """Conditions on an integer, all of which must hold."""

    eq: int | None = strawberry.UNSET
    gt: int | None = strawberry.UNSET
    gte: int | None = strawberry.UNSET
    lt: int | None = strawberry.UNSET
    lte: int | None = strawberry.UNSET
    is_missing: bool | None = strawberry.UNSET


@strawberry.input(description="How a moment compares.")
class DateTimeFilter:
    """Conditions on a moment, all of which must hold."""

    gt: datetime | None = strawberry.UNSET
    gte: datetime | None = strawberry.UNSET
    lt: datetime | None = strawberry.UNSET
    lte: datetime | None = strawberry.UNSET
    is_missing: bool | None = strawberry.UNSET


@strawberry.input(description="Whether something holds.")
class BooleanFilter:
    """Conditions on a yes or no."""

    eq: bool | None = strawberry.UNSET
    is_missing: bool | None = strawberry.UNSET


@strawberry.input(description="What a list of texts holds.")
class TextListFilter:
    """Conditions on a list of texts."""

    contains: str | None = strawberry.UNSET
    is_missing: bool | None = strawberry.UNSET


@strawberry.input(description="Whether there is a value.")
class PresenceFilter:
    """The one condition on what cannot be compared."""

    is_missing: bool | None = strawberry.UNSET


FILTERS: dict[FieldType, type] = {
    FieldType.TEXT: TextFilter,
    FieldType.NUMBER: NumberFilter,
    FieldType.MONEY: NumberFilter,
    FieldType.QUANTITY: NumberFilter,
    FieldType.INTEGER: IntegerFilter,
    FieldType.DATETIME: DateTimeFilter,
    FieldType.BOOLEAN: BooleanFilter,
    FieldType.TEXT_LIST: TextListFilter,
}
_OPERATORS = {
    "eq": Operator.EQ,
    "in_": Operator.IN,
    "contains": Operator.CONTAINS,
    "starts_with": Operator.STARTS_WITH,
    "gt": Operator.GT,
    "gte": Operator.GTE,
    "lt": Operator.LT,
    "lte": Operator.LTE,
    "is_missing": Operator.IS_MISSING,
}
SORTABLE = frozenset(FILTERS) - {FieldType.TEXT_LIST}


def filter_type(fields: Sequence[FieldDefinition], governs: bool) -> type[Any]:
    """``ProductFilter`` over ``fields``; an audience that sees the sources may also ask who has a record."""
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {"__annotations__": annotations, "__module__": __name__}

    def add(python_name: str, annotation: Any, description: str, name: str | None = None) -> None:
        annotations[python_name] = annotation
        namespace[python_name] = strawberry.field(
            name=name or python_name, default=strawberry.UNSET, description=description
        )

    for definition in fields:
        add(definition.name, FILTERS.get(definition.type, PresenceFilter) | None, definition.label)
    if governs:
        add("has_record_in", str | None, "A system that has a record of the product.", "hasRecordIn")
    for name, description in (("and", "All of these."), ("or", "One of these."), ("not", "Not this.")):
        add(f"{name}_", Any, description, name)
    made: type[Any] = strawberry.input(
        type("ProductFilter", (), namespace), description="Products by what their facts are; all conditions must hold."
    )
    # The type can name itself only once it exists.
    for field in get_object_definition(made, strict=True).fields:
        if field.python_name in ("and_", "or_"):
            field.type_annotation = StrawberryAnnotation(list[made] | None)  # type: ignore[valid-type]
        elif field.python_name == "not_":
            field.type_annotation = StrawberryAnnotation(made | None)
    return made


def order_type(fields: Sequence[FieldDefinition]) -> type[Any]:
    """``ProductOrder`` over the sortable ones of ``fields``."""
    names = {one.name: one.name for one in fields if one.type in SORTABLE} or {"id": "id"}
    by: Any = Enum("ProductOrderField", names)  # type: ignore[misc]
    strawberry.enum(by, description="What products are ordered by.")
    made = type(
        "ProductOrder",
        (),
        {
            "__annotations__": {"field": by, "direction": Direction},
            "__module__": __name__,
            "direction": strawberry.field(default=Direction.ASC),
        },
    )
    return strawberry.input(made, description="The order of a list; products without a value come last.")


@strawberry.enum(description="Which end of a list comes first.")
class Direction(Enum):
    """Ascending or descending."""

    ASC = "ASC"
    DESC = "DESC"


def read_order(order: Any, catalogue: Catalogue) -> Order | None:
    """The order that was asked for."""
    if not order or order.field.value == "id":
        return None
    return Order(catalogue.listed_field(order.field.value), order.direction is Direction.DESC)


def read_filter(where: Any, fields: Sequence[FieldDefinition], catalogue: Catalogue, depth: int = 0) -> Condition:
    """The condition that was asked for. Raises GraphQLError for one too deep, too long or about no known source."""
    if not where:
        return Every(())
    if depth > DEEPEST_FILTER:
        raise bad_input(f"A filter nests at most {DEEPEST_FILTER} deep.")
    parts: list[Condition] = []
    for definition in fields:
        given = getattr(where, definition.name)
        if given:
            parts += _conditions(given, definition, catalogue)
    if where.and_:
        parts.append(Every(tuple(read_filter(one, fields, catalogue, depth + 1) for one in _bounded(where.and_))))
    if where.or_:
        parts.append(Either(tuple(read_filter(one, fields, catalogue, depth + 1) for one in _bounded(where.or_))))
    if where.not_:
        parts.append(Nor(read_filter(where.not_, fields, catalogue, depth + 1)))
    source = getattr(where, "has_record_in", None)
    if source:
        if source not in catalogue.ownership.sources:
            known = ", ".join(catalogue.ownership.sources)
            raise bad_input(f"hasRecordIn names no source that is declared; name one of {known}.")
        parts.append(HasRecord((source,)))
    return Every(tuple(parts))


def _conditions(given: Any, definition: FieldDefinition, catalogue: Catalogue) -> Iterator[Condition]:
    field = catalogue.listed_field(definition.name)
    for name, operator in _OPERATORS.items():
        operand = getattr(given, name, strawberry.UNSET)
        if operand is strawberry.UNSET or operand is None:
            continue
        if isinstance(operand, list):
            _bounded(operand)
        texts = operand if isinstance(operand, list) else [operand]
        if any(isinstance(text, str) and ("\x00" in text or len(text) > LONGEST_LOOKUP) for text in texts):
            raise bad_input(f"A text to compare {definition.name} with has 1 to {LONGEST_LOOKUP} plain characters.")
        yield FieldIs(field, operator, operand)


def _bounded(parts: list[Any]) -> list[Any]:
    if len(parts) > MOST_OPERANDS:
        raise bad_input(f"A filter lists at most {MOST_OPERANDS} at one place.")
    return parts
