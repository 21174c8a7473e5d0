"""Values as they are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.normalise import NAME_LENGTH, contradicts, fold, fold_name, in_field_unit
from resolvers.ownership import FieldDefinition, Tolerance
from sources.values import FieldType, Media, Money, Note, Quantity

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def field(kind: FieldType, tolerance: Tolerance | None = None, unit: str | None = None) -> FieldDefinition:
    return FieldDefinition("f", "F", None, kind, unit, None, "a", (), None, None, tolerance, (), (), ())


def kg(amount: str, unit: str = "kg") -> Quantity:
    return Quantity(Decimal(amount), unit)


PERCENT = Tolerance("1%", share=Decimal("0.01"))
CENT = Tolerance("0.01", amount=Decimal("0.01"))
TEXT, NUMBER, MONEY = field(FieldType.TEXT), field(FieldType.NUMBER), field(FieldType.MONEY)
WEIGHT = field(FieldType.QUANTITY, None, "g")


@pytest.mark.parametrize(
    ("definition", "one", "other"),
    [
        (TEXT, "Electric  Kettle", "electric kettle\u00a0"),
        (TEXT, "Straße", "STRASSE"),
        (TEXT, "cafe\u0301", "café"),
        (TEXT, "Ket\u200btle\u200e", "\ufeffKettle"),
        (TEXT, "１２", "12"),
        (NUMBER, Decimal("1.50"), Decimal("1.5")),
        (field(FieldType.INTEGER), 3, 3),
        (field(FieldType.NUMBER, PERCENT), Decimal("100"), Decimal("99")),
        (field(FieldType.NUMBER, PERCENT), Decimal("-100"), Decimal("-99")),
        (field(FieldType.INTEGER, CENT), 3, 3),
        (MONEY, Money(Decimal("1.50"), "EUR"), Money(Decimal("1.5"), "EUR")),
        (field(FieldType.MONEY, CENT), Money(Decimal("1.50"), "EUR"), Money(Decimal("1.51"), "EUR")),
        (WEIGHT, kg("1"), kg("1000", "g")),
        (field(FieldType.QUANTITY, PERCENT, "g"), kg("1"), kg("2.2", "lb")),
        (field(FieldType.QUANTITY, Tolerance("10", amount=Decimal(10)), "g"), kg("1"), kg("1010", "g")),
        (field(FieldType.DATETIME), NOON, NOON.astimezone(timezone(timedelta(hours=5)))),
        (field(FieldType.TEXT_LIST), ("Red", "blue"), ("BLUE", "red ")),
        (field(FieldType.MEDIA), Media("https://x/a.png", "A"), Media("https://x/a.png ", None, "image/png")),
        (field(FieldType.JSON), {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        (field(FieldType.NOTE_LIST), (Note("a"),), (Note("b"),)),
        (TEXT, None, "x"),
        (TEXT, "x", None),
    ],
)
def test_what_does_not_contradict(definition: FieldDefinition, one: Any, other: Any) -> None:
    assert not contradicts(one, other, definition)
    assert not contradicts(other, one, definition)


@pytest.mark.parametrize(
    ("definition", "one", "other"),
    [
        (TEXT, "Kettle", "Kettles"),
        (NUMBER, Decimal("1.50"), Decimal("1.51")),
        (NUMBER, Decimal(0), Decimal("0.0000001")),
        (field(FieldType.NUMBER, PERCENT), Decimal("100"), Decimal("98.9")),
        (field(FieldType.NUMBER, PERCENT), Decimal("100"), Decimal("-100")),
        (field(FieldType.NUMBER, PERCENT), Decimal(0), Decimal("0.01")),
        (field(FieldType.INTEGER), 3, 4),
        (field(FieldType.MONEY, CENT), Money(Decimal("1.50"), "EUR"), Money(Decimal("1.5101"), "EUR")),
        (field(FieldType.MONEY, CENT), Money(Decimal("1.50"), "EUR"), Money(Decimal("1.50"), "USD")),
        (WEIGHT, kg("1"), kg("1001", "g")),
        (WEIGHT, kg("1"), kg("1", "m")),
        (field(FieldType.QUANTITY, PERCENT, "g"), kg("1"), kg("2.3", "lb")),
        (field(FieldType.BOOLEAN), True, False),
        (field(FieldType.DATETIME), NOON, NOON + timedelta(seconds=1)),
        (field(FieldType.TEXT_LIST), ("red",), ("red", "blue")),
        (field(FieldType.MEDIA), Media("https://x/a.png"), Media("https://x/A.png")),
        (field(FieldType.JSON), {"a": 1}, {"a": 2}),
        (field(FieldType.JSON), [1, 2], [2, 1]),
        (field(FieldType.JSON), {"a": {}}, {"a": []}),
    ],
)
def test_what_contradicts(definition: FieldDefinition, one: Any, other: Any) -> None:
    assert contradicts(one, other, definition)
    assert contradicts(other, one, definition)


def test_a_quantity_is_put_into_its_fields_unit_and_anything_else_left_alone() -> None:
    assert in_field_unit(kg("0.85"), WEIGHT) == Quantity(Decimal("850"), "g")
    assert in_field_unit(kg("850", "g"), WEIGHT) == Quantity(Decimal("850"), "g")
    assert in_field_unit("Kettle", TEXT) == "Kettle"
    assert in_field_unit(None, WEIGHT) is None


@given(st.text())
def test_folding_leaves_nothing_at_the_ends_and_regards_no_case_or_white_space(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert fold(f"\u00a0 {text}\t\u200b") == folded
    assert fold(text.replace(" ", "\u00a0 ")) == folded
    assert len(fold_name(text * 20)) <= NAME_LENGTH


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_folding_regards_no_case(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower())
