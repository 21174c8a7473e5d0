"""Values as they are compared: what differs only in units, case, white space or number format does not differ."""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal

from resolvers.ownership import FieldDefinition, Tolerance
from sources.folding import NAME_LENGTH, fold, fold_name
from sources.units import convert, same_dimension
from sources.values import FieldType, Quantity, Value, encode

__all__ = ["NAME_LENGTH", "comparable", "contradicts", "fold", "fold_name", "in_field_unit", "spellings"]


def spellings(folded: str) -> tuple[str, ...]:
    """The record ids that are looked for as they are, where ``folded`` is; any other that folds to it has an alias."""
    return tuple({folded: None, folded.upper(): None})


def in_field_unit(value: Value, definition: FieldDefinition) -> Value:
    """A claim's value in its field's unit; anything that is no quantity as it is."""
    if isinstance(value, Quantity) and definition.unit is not None and value.unit != definition.unit:
        return convert(value, definition.unit)
    return value


def contradicts(one: Value, other: Value, definition: FieldDefinition) -> bool:
    """Do two values of a field differ beyond its tolerance?

    None never contradicts: holding no value is not saying anything. Notes complement each other and never contradict.
    """
    if one is None or other is None or definition.type is FieldType.NOTE_LIST:
        return False
    match definition.type:
        case FieldType.NUMBER | FieldType.INTEGER:
            return _apart(Decimal(one), Decimal(other), definition.tolerance)
        case FieldType.MONEY:
            return bool(one.currency != other.currency) or _apart(one.amount, other.amount, definition.tolerance)
        case FieldType.QUANTITY:
            if not same_dimension(one.unit, other.unit):
                return True
            unit = definition.unit or one.unit
            return _apart(convert(one, unit).amount, convert(other, unit).amount, definition.tolerance)
        case _:
            return comparable(one, definition.type) != comparable(other, definition.type)


def comparable(value: Value, kind: FieldType) -> Hashable:
    """A form of ``value`` that is equal for values that do not differ; tolerance apart."""
    match kind:
        case FieldType.TEXT:
            return fold(value)
        case FieldType.TEXT_LIST:
            return frozenset(fold(entry) for entry in value)
        case FieldType.MEDIA:
            return str(value.url).strip()
        case FieldType.JSON:
            return _frozen(value)
        case FieldType.BOOLEAN | FieldType.DATETIME | FieldType.NUMBER | FieldType.INTEGER:
            return value  # type: ignore[no-any-return]
        case _:
            return _frozen(encode(kind, value))


def _apart(one: Decimal, other: Decimal, tolerance: Tolerance | None) -> bool:
    gap = abs(one - other)
    if tolerance is None or gap == 0:
        return gap != 0
    if tolerance.share is not None:
        return gap > tolerance.share * max(abs(one), abs(other))
    return gap > (tolerance.amount or 0)


def _frozen(value: Value) -> Hashable:
    if isinstance(value, dict):
        return frozenset((name, _frozen(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(part) for part in value)
    return value  # type: ignore[no-any-return]
