"""Listing products by what their facts are: filter, order and page in SQL, on what the ledger holds.

A field's value here is that of the first system in its chain that holds one, as in a fact, its live systems with what
they last said. Statements are built with SQLAlchemy Core, values always as parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    Select,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, asyncpg
from sqlalchemy.types import Boolean, Text

from sources.ledger.conditions import (
    Condition,
    Either,
    Every,
    FieldIs,
    HasRecord,
    Listed,
    ListedField,
    Nor,
    Operator,
    Order,
)
from sources.ledger.database import Pool
from sources.ledger.tables import products, records
from sources.values import FieldType

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]
ORDERED_BY = 200
"""Characters of a text by which lists are ordered; among those that begin alike, the product id decides."""


async def list_products(
    pool: Pool, condition: Condition, order: Order | None, after: Listed | None, limit: int
) -> list[Listed]:
    """At most ``limit`` listed products that meet ``condition``, behind ``after``."""
    value = _order_key(order.field) if order is not None else cast(literal(None), Text)
    query: Select[Any] = select(products.c.product_id, value.label("ordered_by")).where(
        products.c.listed, _where(condition)
    )
    page = query.subquery()
    key: ColumnElement[Any] = page.c.ordered_by
    query = select(page.c.product_id, cast(key, Text).label("ordered_by"))
    if order is None:
        query = query.order_by(page.c.product_id)
        if after is not None:
            query = query.where(page.c.product_id > after.product)
    else:
        query = query.order_by(key.is_(None), key.desc() if order.descending else key.asc(), page.c.product_id)
        if after is not None:
            query = query.where(_behind(key, page.c.product_id, after, order))
    rows = await _fetch(pool, query.limit(limit))
    return [Listed(row["product_id"], row["ordered_by"]) for row in rows]


async def count_products(pool: Pool, condition: Condition) -> int:
    """How many listed products meet ``condition``."""
    rows = await _fetch(pool, select(func.count()).select_from(products).where(products.c.listed, _where(condition)))
    return int(rows[0][0])


async def _fetch(pool: Pool, query: Select[Any]) -> Sequence[Any]:
    compiled = query.compile(dialect=_DIALECT)
    parameters = compiled.params
    rows: Sequence[Any] = await pool.fetch(str(compiled), *(parameters[name] for name in compiled.positiontup or ()))
    return rows


def _behind(key: ColumnElement[Any], product: ColumnElement[Any], after: Listed, order: Order) -> ColumnElement[bool]:
    if after.ordered_by is None:
        return and_(key.is_(None), product > after.product)
    value = cast(cast(literal(after.ordered_by), Text), _SQL_TYPES.get(order.field.type, Text()))
    beyond = key < value if order.descending else key > value
    return or_(key.is_(None), beyond, and_(key == value, product > after.product))


_SQL_TYPES: Mapping[FieldType, Any] = {
    FieldType.NUMBER: Numeric(),
    FieldType.MONEY: Numeric(),
    FieldType.QUANTITY: Numeric(),
    FieldType.INTEGER: BigInteger(),
    FieldType.BOOLEAN: Boolean(),
    FieldType.DATETIME: DateTime(timezone=True),
}
"""What a field's value is compared as; texts and the rest as text."""


def _json(field: ListedField) -> ColumnElement[Any]:
    """The JSON form of the field's value for the outer query's product, or SQL null: the choice that
    :func:`resolvers.assembler.assemble` makes for who asks for no locale and no channel."""
    values = []
    for source in field.chain:
        entry = (
            func.jsonb_array_elements(records.c.claims[field.name])
            .table_valued(column("value", JSONB))
            .render_derived()
        )
        claim = entry.c.value
        locale = claim["locale"].astext
        declared = cast(list(field.locales), ARRAY(Text))
        values.append(
            select(claim["value"])
            .select_from(records.join(entry, true()))
            .where(
                records.c.product_id == products.c.product_id,
                records.c.source == source,
                records.c.gone_at.is_(None),
                func.jsonb_typeof(claim["value"]) != "null",
                claim["channel"].astext.is_(None),
                or_(locale.is_(None), locale == any_(declared)),
            )
            .order_by(
                func.array_position(declared, locale).asc().nulls_last(),
                cast(claim["lastUpdated"].astext, DateTime(timezone=True)).desc().nulls_last(),
                records.c.record_id.desc(),
            )
            .limit(1)
            .correlate(products)
            .scalar_subquery()
        )
    return func.coalesce(*values) if len(values) > 1 else values[0]


def _scalar(form: ColumnElement[Any]) -> ColumnElement[str]:
    """The text of a JSON string, number or boolean."""
    return form.op("#>>", return_type=Text())(text("'{}'"))


def _value(field: ListedField) -> ColumnElement[Any]:
    """The field's value as SQL compares it; null where what is stored is of another type, from before the map changed."""
    form = cast(_json(field), JSONB)
    match field.type:
        case FieldType.MONEY:
            return _cast(form["amount"].astext, field.type)
        case FieldType.QUANTITY:
            whole = func.jsonb_extract_path_text(form, "unit")
            amount = _cast(form["amount"].astext, field.type)
            return case(
                *(
                    (whole == unit, amount * bindparam(None, factor, Numeric) + bindparam(None, offset, Numeric))
                    for unit, (factor, offset) in field.units.items()
                ),
                else_=None,
            )
        case FieldType.NUMBER | FieldType.INTEGER | FieldType.BOOLEAN | FieldType.DATETIME:
            return _cast(_scalar(form), field.type)
        case FieldType.TEXT:
            return func.lower(_scalar(form))
        case _:
            return cast(form, Text)


def _order_key(field: ListedField) -> ColumnElement[Any]:
    """The field's value as lists are ordered by it: of a text its beginning, which a cursor can hold."""
    value = _value(field)
    return func.left(value, ORDERED_BY) if field.type is FieldType.TEXT else value


def _cast(value: ColumnElement[Any], kind: FieldType) -> ColumnElement[Any]:
    """``value`` as what ``kind`` is compared as, null where it does not look like one."""
    return case((value.regexp_match(_LOOKS[kind]), cast(value, _SQL_TYPES[kind])), else_=None)


_DECIMAL = r"^-?[0-9]+([.][0-9]+)?$"
_LOOKS: Mapping[FieldType, str] = {
    FieldType.NUMBER: _DECIMAL,
    FieldType.MONEY: _DECIMAL,
    FieldType.QUANTITY: _DECIMAL,
    FieldType.INTEGER: r"^-?[0-9]{1,18}$",
    FieldType.BOOLEAN: r"^(true|false)$",
    FieldType.DATETIME: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$",
}


def _where(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Every(parts):
            return and_(true(), *(_where(part) for part in parts))
        case Either(parts):
            return or_(false(), *(_where(part) for part in parts))
        case Nor(part):
            return not_(func.coalesce(_where(part), False))
        case HasRecord(sources):
            return exists().where(
                records.c.product_id == products.c.product_id,
                records.c.source == any_(cast(list(sources), ARRAY(Text))),
                records.c.gone_at.is_(None),
            )
        case FieldIs(field, operator, operand):
            return _compare(field, operator, operand)


def _compare(field: ListedField, operator: Operator, operand: Any) -> ColumnElement[bool]:
    if operator is Operator.IS_MISSING:
        missing = _json(field).is_(None)
        return missing if operand else not_(missing)
    if field.type is FieldType.TEXT_LIST:
        return cast(_json(field), JSONB).contains([operand])
    value = _value(field)
    kind = _SQL_TYPES.get(field.type, Text())

    def compared(one: Any) -> ColumnElement[Any]:
        # The server makes both sides lower case: its idea of that need not be Python's.
        return func.lower(literal(one, kind)) if field.type is FieldType.TEXT else literal(one, kind)

    match operator:
        case Operator.EQ:
            return value == compared(operand)
        case Operator.IN:
            return value.in_([compared(one) for one in operand]) if operand else false()
        case Operator.CONTAINS:
            return func.strpos(value, compared(operand)) > 0
        case Operator.STARTS_WITH:
            return func.starts_with(value, compared(operand))
        case Operator.GT:
            return value > compared(operand)
        case Operator.GTE:
            return value >= compared(operand)
        case Operator.LT:
            return value < compared(operand)
        case _:
            return value <= compared(operand)
