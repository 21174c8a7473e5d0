from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.contract import EVERYWHERE, Basis, Claim, Document, Identifier, Record, RecordKey, Rejected, Scope
from sources.declaration import SourceDeclaration
from sources.interpretation.unreadable import UnreadableValue
from sources.mapping import FieldShape, Mapping
from sources.values import FieldType, Media, Money, Note, Quantity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHAPES = {
    shape.name: shape
    for shape in (
        FieldShape("weight", FieldType.QUANTITY, unit="g"),
        FieldShape("price", FieldType.MONEY),
        FieldShape("cost", FieldType.MONEY, currency="USD"),
        FieldShape("origin", FieldType.TEXT),
        FieldShape("description", FieldType.TEXT),
        FieldShape("stock", FieldType.INTEGER),
        FieldShape("image", FieldType.MEDIA),
        FieldShape("complaints", FieldType.NOTE_LIST),
        FieldShape("raw", FieldType.JSON),
    )
}


def mapping(**declared: Any) -> Mapping:
    common = {"name": "wms", "title": "Warehouse", "connector": "sql", "key": "id"}
    return Mapping(SourceDeclaration.model_validate(common | declared), SHAPES)


def record(of: Mapping, content: dict[str, Any], **options: Any) -> Record:
    answer = of.read(Document(content, "articles, row 1"), NOW, **options)
    assert isinstance(answer, Record), answer
    return answer


def values(of: Mapping, content: dict[str, Any]) -> dict[tuple[str, str | None], Any]:
    claims = record(of, content).claims
    assert len({(claim.field, claim.scope) for claim in claims}) == len(claims)
    return {(claim.field, claim.scope.locale): claim.unreadable or claim.value for claim in claims}


def test_a_row_becomes_a_record() -> None:
    wms = mapping(
        updated_at="changed_on",
        timezone="Europe/Berlin",
        names=["label", "short"],
        identifiers={"gtin": "ean", "sku": "shop_sku", "brand": "maker", "mpn": "part"},
        fields={"weight": {"path": "weight_kg", "unit": "kg"}, "origin": "origin", "stock": "stock"},
    )
    row = {
        "id": Decimal("121066.0"),
        "changed_on": datetime(2026, 1, 5, 10),
        "label": " Kettle 1.7 l ",
        "short": "Kettle 1.7 l",
        "ean": Decimal("4006381333931"),
        "shop_sku": "BK-17",
        "maker": "Brewster",
        "part": "N/A",
        "weight_kg": Decimal("0.85"),
        "origin": "DE",
        "stock": None,
        "_rowid": 5,
    }
    clock = datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert record(wms, row) == Record(
        key=RecordKey("wms", "121066"),
        claims=(
            Claim("weight", EVERYWHERE, Quantity(Decimal("0.85"), "kg"), clock, Basis.SOURCE_RECORD, NOW),
            Claim("origin", EVERYWHERE, "DE", clock, Basis.SOURCE_RECORD, NOW),
        ),
        names=("Kettle 1.7 l",),
        identifiers=(
            Identifier("gtin", "04006381333931", "4006381333931"),
            Identifier("sku", "bk-17", "BK-17"),
        ),
        invalid_identifiers=(("mpn", "N/A", '"N/A" stands for no identifier'),),
        updated_at=clock,
        observed_at=NOW,
        document={
            "id": "121066.0",
            "changed_on": "2026-01-05T09:00:00Z",
            "label": " Kettle 1.7 l ",
            "short": "Kettle 1.7 l",
            "ean": "4006381333931",
            "shop_sku": "BK-17",
            "maker": "Brewster",
            "part": "N/A",
            "weight_kg": "0.85",
            "origin": "DE",
            "stock": None,
            "_forms": {"id": "d", "changed_on": "n2026-01-05T10:00:00", "ean": "d", "weight_kg": "d"},
        },
    )


def test_brand_and_mpn_link_only_together() -> None:
    pim = mapping(identifiers={"brand": "maker", "mpn": "part"})
    both = record(pim, {"id": 1, "maker": "Brewster", "part": "BK-17"}).identifiers
    assert [(one.scheme, one.value) for one in both] == [("mpn", "bk17"), ("brand+mpn", "brewster|bk17")]
    assert [one.scheme for one in record(pim, {"id": 1, "part": "BK-17"}).identifiers] == ["mpn"]
    assert record(pim, {"id": 1, "maker": "Brewster"}).identifiers == ()


def test_identifiers_may_be_lists_and_a_number_in_scientific_form_is_refused() -> None:
    pim = mapping(identifiers={"gtin": "codes"})
    read = record(
        pim, {"id": 1, "codes": ["4006381333931", "36000291452", "4006381333931", Decimal("4.00638E+12"), None, ""]}
    )
    assert [one.value for one in read.identifiers] == ["04006381333931", "00036000291452"]
    assert [(raw, "lost its last digits" in why) for _, raw, why in read.invalid_identifiers] == [("4.00638E+12", True)]


def test_the_clock_is_the_fields_own_then_the_records_then_none() -> None:
    pim = mapping(
        updated_at="changed", fields={"origin": {"path": "origin", "updated_at": "origin_at"}, "stock": "stock"}
    )
    own, whole = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)

    def clocks(**row: Any) -> dict[str, tuple[datetime | None, Basis]]:
        claims = record(pim, {"id": 1, "origin": "DE", "stock": 3, **row}).claims
        return {claim.field: (claim.last_updated, claim.basis) for claim in claims}

    assert clocks(changed="2026-01-01", origin_at="2026-01-02") == {
        "origin": (own, Basis.SOURCE_FIELD),
        "stock": (whole, Basis.SOURCE_RECORD),
    }
    assert clocks(changed="2026-01-01", origin_at="soon")["origin"] == (whole, Basis.SOURCE_RECORD)
    assert clocks(changed="0000-00-00")["stock"] == (None, Basis.OBSERVED)
    assert clocks(origin_at="2026-01-02")["origin"] == (own, Basis.SOURCE_FIELD)


def test_of_several_entries_for_one_field_the_first_with_a_value_counts() -> None:
    pim = mapping(
        fields={
            "description": [
                {"path": "web", "locale": "en"},
                {"path": "print", "locale": "en"},
                {"path": "de", "locale": "de"},
            ]
        }
    )
    assert values(pim, {"id": 1, "web": "a", "print": "b", "de": "c"}) == {
        ("description", "en"): "a",
        ("description", "de"): "c",
    }
    assert values(pim, {"id": 1, "web": " ", "print": "b"}) == {("description", "en"): "b"}
    assert values(pim, {"id": 1, "web": [1], "print": "b"}) == {("description", "en"): "b"}
    assert "a list" in values(pim, {"id": 1, "web": [1]})["description", "en"]
    assert values(pim, {"id": 1}) == {}


def test_an_object_of_locales_is_a_claim_for_each() -> None:
    pim = mapping(fields={"description": {"path": "texts", "per_locale": True, "channel": "web"}})
    claims = record(pim, {"id": 1, "texts": {"en": "Kettle", "de_at": "Kocher", "fr": "", "zh-hans-cn": "壶"}}).claims
    assert {claim.scope: claim.value for claim in claims} == {
        Scope("en", "web"): "Kettle",
        Scope("de-AT", "web"): "Kocher",
        Scope("zh-Hans-CN", "web"): "壶",
    }
    (claim,) = record(pim, {"id": 1, "texts": "Kettle"}).claims
    assert claim.unreadable == "a text, where an object of locales is wanted"
    (claim,) = record(pim, {"id": 1, "texts": {"english!": "Kettle"}}).claims
    assert claim.unreadable == '"english!" is not a locale'
    assert record(pim, {"id": 1, "texts": None}).claims == ()


def test_what_cannot_be_read_is_a_claim_that_says_so() -> None:
    wms = mapping(fields={"weight": "weight", "stock": "stock"})
    assert values(wms, {"id": 1, "weight": "1,5 kg", "stock": UnreadableValue("the system gave an error")}) == {
        ("weight", None): '"1,5" is not a number with the decimal separator "."',
        ("stock", None): "the system gave an error",
    }
    (claim, _) = record(wms, {"id": 1, "weight": "1,5 kg", "stock": 4}).claims
    assert claim.value is None


def test_units_and_currencies_that_stand_beside_the_amount() -> None:
    pim = mapping(
        fields={
            "weight": {"path": "weight.value", "unit_path": "weight.unit", "unit": "kg"},
            "price": {"path": "price", "currency_path": "currency", "minor_units": True},
            "cost": "cost",
            "image": {"path": "image", "alt": "caption", "media_type": "image/jpeg"},
        }
    )
    row = {
        "id": 1,
        "weight": {"value": Decimal("1.9"), "unit": "lbs"},
        "price": 4990,
        "currency": "eur",
        "cost": "7",
        "image": "https://x.example/a.jpg",
        "caption": "Front",
    }
    assert values(pim, row) == {
        ("weight", None): Quantity(Decimal("1.9"), "lb"),
        ("price", None): Money(Decimal("49.90"), "EUR"),
        ("cost", None): Money(Decimal(7), "USD"),
        ("image", None): Media("https://x.example/a.jpg", "Front", "image/jpeg"),
    }
    assert values(pim, {"id": 1, "weight": {"value": Decimal("1.9")}})["weight", None] == Quantity(Decimal("1.9"), "kg")
    assert "stein" in values(pim, {"id": 1, "weight": {"value": 2, "unit": "stein"}})["weight", None]
    assert "a unit of mass" in values(pim, {"id": 1, "weight": {"value": 2, "unit": "cm"}})["weight", None]
    assert values(pim, {"id": 1, "price": 5, "currency": "XQZ"})["price", None] == '"XQZ" is not a currency'
    assert "no currency" in values(pim, {"id": 1, "price": 5})["price", None]


def test_a_record_can_be_the_note_itself() -> None:
    crm = mapping(fields={"complaints": {"note": {"text": "body", "author": "agent"}}})
    assert values(crm, {"id": 1, "body": "Leaks", "agent": "Ada"}) == {("complaints", None): (Note("Leaks", "Ada"),)}
    assert crm.columns(["complaints"]) == {"id", "body", "agent"}


def test_columns_are_those_of_the_fields_the_key_and_the_clocks() -> None:
    pim = mapping(
        key="sku.code",
        updated_at="meta.changed",
        names=["label"],
        identifiers={"gtin": "ean"},
        fields={
            "weight": {"path": "dims.weight", "unit_path": "dims.unit", "updated_at": "dims_at"},
            "price": {"path": "prices[0].amount", "currency_path": "iso"},
            "origin": "Land (ISO)",
        },
    )
    common = {"sku.code", "sku", "meta.changed", "meta"}
    assert pim.columns([]) == common
    assert pim.columns(["weight"]) == common | {"dims.weight", "dims", "dims.unit", "dims_at"}
    assert pim.columns(["price", "nothing"]) == common | {"prices[0].amount", "prices", "iso"}
    assert pim.columns(["origin"]) >= common | {"Land (ISO)"}
    assert pim.all_columns() >= pim.columns(["weight", "price", "origin"]) | {"label", "ean"}
    assert pim.fields == {"weight", "price", "origin"}


def test_only_the_fields_asked_for_are_read() -> None:
    wms = mapping(fields={"origin": "origin", "stock": "stock"})
    row = {"id": 1, "origin": "DE", "stock": 4}
    assert [claim.field for claim in record(wms, row, fields=["stock", "unknown"]).claims] == ["stock"]
    assert record(wms, row, fields=[]).claims == ()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, 'nothing stands at its key "id"'),
        ({"id": None}, "nothing stands"),
        ({"id": "  "}, "nothing stands"),
        ({"id": "x" * 201}, "201 characters"),
        ({"id": "a\0"}, "NUL"),
        ({"id": "a\ud800"}, "surrogate"),
        ({"id": [1]}, "a list"),
        ({"id": UnreadableValue("an error")}, "an error"),
        ({"id": 10**5000}, "bits"),
    ],
)
def test_a_document_without_a_key_is_no_record(row: dict[str, Any], reason: str) -> None:
    answer = mapping().read(Document(row | {"label": "Kettle\0"}, "sheet A, row 12"), NOW)
    assert isinstance(answer, Rejected)
    assert answer.place == "sheet A, row 12"
    assert reason in answer.reason
    assert len(answer.sample) <= 300
    answer.sample.encode()
    assert "\0" not in answer.sample


def test_names_are_bounded_and_cleaned() -> None:
    crm = mapping(names=["names", "label"])
    read = record(
        crm, {"id": 1, "names": ["a\u200b", "a", None, 5, {"b": 1}, "x" * 400, "bad\0"], "label": Decimal("7.0")}
    )
    assert read.names == ("a", "5", "x" * 300, "7")


def test_a_document_is_kept_without_what_no_database_takes() -> None:
    row = {
        "id": 1,
        "Preis\n(EUR)": Decimal("1.10"),
        "bad": "a\0b",
        "half": "\ud800",
        "blob": b"\x00",
        "when": date(2026, 1, 1),
        "nested": {"x": ["\0", Decimal(2)]},
        "error": UnreadableValue("the system gave an error"),
        "_rowid": 7,
        "_file": {"modified": datetime(2026, 1, 1, tzinfo=UTC)},
        "na\0me": 1,
    }
    document = record(mapping(), row).document
    assert document == {
        "id": 1,
        "Preis\n(EUR)": "1.10",
        "bad": "<a text that holds a NUL character>",
        "half": "<a text that holds half of a surrogate pair>",
        "blob": "<binary data, which has no JSON form>",
        "when": "2026-01-01",
        "nested": {"x": ["<a text that holds a NUL character>", "2"]},
        "error": "<the system gave an error>",
        "_file": {"modified": "2026-01-01T00:00:00Z"},
        "_forms": {
            "Preis\n(EUR)": "d",
            "bad": "x",
            "half": "x",
            "blob": "b00",
            "when": "D",
            "nested": {"x": {"0": "x", "1": "d"}},
            "error": "u",
            "_file": {"modified": "t"},
        },
    }


def test_of_a_large_document_only_what_is_mapped_is_kept() -> None:
    wms = mapping(names=["label"], fields={"origin": "origin", "description": "text"})
    row = {"id": 1, "label": "Kettle", "origin": "DE", "text": "short", "other": "x" * 70_000}
    assert record(wms, row).document == {
        "id": 1,
        "label": "Kettle",
        "origin": "DE",
        "text": "short",
        "_cut": 1,
    }
    assert record(wms, row | {"text": "x" * 70_000}).document == {
        "id": 1,
        "label": "Kettle",
        "origin": "DE",
        "_cut": 2,
    }


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"fields": {"colour": "c"}}, r"sources\.wms\.fields\.colour: there is no \[fields\.colour\]"),
        (
            {"fields": {"weight": {"path": "w", "unit": "kgg"}}},
            r'fields\.weight: "kgg" is not a unit; write one of g, kg',
        ),
        ({"fields": {"weight": {"path": "w", "unit": "cm"}}}, r'"cm" is not a unit of mass; write one of g, kg'),
        ({"fields": {"price": {"path": "p", "currency": "Euro"}}}, 'write a code such as "EUR"'),
        ({"fields": {"origin": {"locale": "en"}}}, "write a path"),
        ({"fields": {"origin": ""}}, "write the name of a column"),
        ({"timezone": "Berlin"}, r"sources\.wms\.timezone: .*Europe/Berlin"),
        ({"key": " "}, r"sources\.wms\.key: write the name"),
    ],
)
def test_a_mapping_that_cannot_be_names_its_place(declared: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mapping(**declared)


def test_a_path_that_cannot_be_applied_costs_its_own_field_only() -> None:
    pim = mapping(fields={"origin": "origin", "stock": "length(stock)"})
    found = values(pim, {"id": 1, "origin": "DE", "stock": 4})
    assert found["origin", None] == "DE"
    assert '"length(stock)" cannot be applied' in found["stock", None]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(st.characters(), max_size=12)
    | st.binary(max_size=3)
)
RAW = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3)
)
EVERYTHING = mapping(
    updated_at="at",
    names=["label", "raw"],
    identifiers={"gtin": "origin", "sku": "raw", "mpn": "label", "brand": "stock"},
    fields={
        "weight": {"path": "weight", "unit_path": "unit"},
        "price": {"path": "price", "currency_path": "unit"},
        "origin": {"path": "raw", "per_locale": True},
        "description": ["label", {"path": "origin", "locale": "de"}],
        "stock": {"path": "max(stock)", "updated_at": "at"},
        "image": {"path": "image", "alt": "label"},
        "complaints": {"note": {"text": "label"}},
        "raw": "raw",
    },
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "at", "label", "raw", "origin", "stock", "weight", "price", "image", "unit"])
        | st.text(max_size=4),
        RAW,
    )
)
def test_no_document_raises_and_what_is_kept_can_be_stored(row: dict[str, Any]) -> None:
    answer = EVERYTHING.read(Document(row, "here"), NOW)
    if isinstance(answer, Rejected):
        answer.sample.encode()
        assert "\0" not in answer.sample
        return
    stored = json.dumps(answer.document, allow_nan=False, ensure_ascii=False)
    stored.encode()
    for text in (
        *answer.names,
        *(one.raw for one in answer.identifiers),
        *(p for i in answer.invalid_identifiers for p in i),
    ):
        text.encode()
        assert "\0" not in text
    assert "\\u0000" not in stored
    assert "\0" not in answer.key.id
