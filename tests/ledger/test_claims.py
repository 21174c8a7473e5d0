"""A record's claims as the ledger keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.contract import EVERYWHERE, Basis, Claim, Scope
from sources.ledger.claims import decode_claims, encode_claims
from sources.values import FieldType, Media, Money, Note, Quantity

SEEN = datetime(2026, 6, 1, tzinfo=UTC)
TYPES = {kind.value: kind for kind in FieldType}

moments = st.datetimes(timezones=st.just(UTC))
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20)
some = st.none() | texts
values: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: texts,
    FieldType.NUMBER: decimals,
    FieldType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATETIME: moments,
    FieldType.MONEY: st.builds(Money, decimals, st.sampled_from(["EUR", "USD"])),
    FieldType.QUANTITY: st.builds(Quantity, decimals, st.sampled_from(["g", "kg"])),
    FieldType.MEDIA: st.builds(Media, texts, some, some),
    FieldType.TEXT_LIST: st.lists(texts, max_size=3).map(tuple),
    FieldType.NOTE_LIST: st.lists(st.builds(Note, texts, some, st.none() | moments, some), max_size=3).map(tuple),
    FieldType.JSON: st.dictionaries(texts, texts | st.none() | st.booleans() | st.integers(-9, 9), max_size=3),
}
scopes = st.builds(Scope, st.sampled_from([None, "en", "de"]), st.sampled_from([None, "shop"]))
claims = st.sampled_from(list(values)).flatmap(
    lambda kind: st.builds(
        Claim,
        field=st.just(kind.value),
        scope=scopes,
        value=values[kind],
        last_updated=moments,
        basis=st.sampled_from(list(Basis)),
        observed_at=st.just(SEEN),
    )
)


@given(st.lists(claims, max_size=6, unique_by=lambda one: (one.field, one.scope)))
def test_what_is_kept_comes_back_through_json(said: list[Claim]) -> None:
    document = orjson.loads(orjson.dumps(encode_claims(said, TYPES)))
    found = decode_claims(document, TYPES, SEEN)
    assert sorted((one for of_field in found.values() for one in of_field), key=repr) == sorted(said, key=repr)


def claim(field: str, value: Any, **more: Any) -> Claim:
    return Claim(field, EVERYWHERE, value, SEEN, Basis.OBSERVED, SEEN, **more)


def test_a_field_without_a_definition_is_left_out_both_ways() -> None:
    assert encode_claims([claim("colour", "red")], TYPES) == {}
    assert decode_claims({"colour": [{"value": "red", "basis": "OBSERVED"}]}, TYPES, SEEN) == {}


def test_only_the_fields_asked_for_are_read_and_an_empty_list_is_nothing() -> None:
    document = encode_claims([claim("text", "a"), claim("integer", 1)], TYPES) | {"number": []}
    assert decode_claims(document, TYPES, SEEN, ["integer", "number"]).keys() == {"integer"}


def test_what_cannot_be_read_keeps_its_reason() -> None:
    said = claim("number", None, unreadable="a list")
    assert decode_claims(encode_claims([said], TYPES), TYPES, SEEN) == {"number": (said,)}


@pytest.mark.parametrize(
    ("stored_as", "value", "read_as"),
    [
        ("text", "many", "number"),
        ("text", "many", "money"),
        ("text", "soon", "datetime"),
        ("text", "2026-01-01", "datetime"),
        ("text", "x", "quantity"),
        ("integer", 3, "datetime"),
        ("integer", 3, "media"),
        ("integer", 3, "text_list"),
        ("number", Decimal(3), "note_list"),
        ("money", Money(Decimal(1), "EUR"), "quantity"),
        ("quantity", Quantity(Decimal(1), "g"), "number"),
        ("text_list", ("a",), "money"),
        ("boolean", True, "text"),
        ("integer", 3, "boolean"),
        ("text", "yes", "boolean"),
        ("text", "3", "integer"),
        ("boolean", True, "integer"),
        ("text", "abc", "text_list"),
        ("money", Money(Decimal(1), "EUR"), "text"),
        ("text", "NaN", "number"),
        ("text_list", ("2026-01-01",), "note_list"),
    ],
)
def test_a_value_of_another_type_reads_as_unreadable_and_never_as_itself(
    stored_as: str, value: Any, read_as: str
) -> None:
    document = encode_claims([claim(stored_as, value)], TYPES)
    ((found,),) = decode_claims({read_as: document[stored_as]}, TYPES, SEEN).values()
    assert found.value is None
    assert found.unreadable == f"it was stored before {read_as} became a {read_as}; sync its source again"
