"""What the ledger keeps of a document is read as the document itself was."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.contract import Document, Record
from sources.declaration import SourceDeclaration
from sources.interpretation.entries import FieldShape
from sources.interpretation.unreadable import UnreadableValue
from sources.ledger.claims import encode_claims
from sources.mapping import Mapping
from sources.stored_documents import MAX_DOCUMENT, restored, stored
from sources.values import JSON, FieldType

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def kept(document: AbstractMapping[str, JSON]) -> dict[str, JSON]:
    """As a database of JSON gives it back: its members in another order."""
    form: dict[str, JSON] = orjson.loads(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
    return form


def store(content: AbstractMapping[str, JSON], zone: Any = UTC) -> dict[str, JSON]:
    return kept(stored(content, zone, (), lambda: content.keys()))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63),
        2**63,
        -(10**40),
        Decimal("1.50"),
        Decimal("-0.0"),
        Decimal("1E+3"),
        Decimal("1E-7"),
        Decimal("4.00638E+12"),
        Decimal(5),
        "1.50",
        "<a text of 5 characters>",
        "",
        datetime(2026, 1, 10, 8),
        datetime(2026, 3, 29, 2, 30),
        datetime(2026, 1, 10, 8, 0, 0, 123456, UTC),
        datetime(2026, 1, 10, 8, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1, 1, 1),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-3))),
        date(2026, 1, 10),
        b"",
        b"\x01",
        1.5,
        UnreadableValue("the system gave an error"),
        [Decimal("1.1"), Decimal("2.20")],
        [Decimal("1.1"), None, {"a": Decimal("1E+2"), "*": date(2026, 1, 1)}],
        {"a": [], "b": {}, "*": [1, Decimal(1)]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("zone", [UTC, BERLIN], ids=["utc", "berlin"])
def test_a_value_comes_back_as_it_was(value: JSON, zone: Any) -> None:
    back = restored(store({"one": value, "other": "x"}, zone))
    assert back.content == {"one": value, "other": "x"}
    assert type(back.content["one"]) is type(value)
    assert str(back.content["one"]) == str(value) or isinstance(value, datetime | dict | list)
    assert not back.lost
    assert not back.cut


@pytest.mark.parametrize(
    "value",
    [
        "half \ud800",
        "a\0b",
        "x" * 100_001,
        b"x" * 17,
        10**100,
        Decimal("NaN"),
        Decimal("1E+400"),
        [1, "a\0b"],
        {"a\0": 1},
        {5: "five"},
        {"deep": [[["a\0"]]]},
        datetime(2026, 10, 25, 2, 30, fold=1),
        float("inf"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_come_back_is_said_to_be_lost(value: JSON) -> None:
    back = restored(store({"one": value, "other": Decimal("1.0")}, BERLIN))
    assert back.lost == {"one"}
    assert back.content == {"other": Decimal("1.0")}


def test_of_a_large_document_it_is_said_that_it_was_cut() -> None:
    content = {"id": "1", "price": Decimal("1.50"), "other": "x" * MAX_DOCUMENT, "gone": Decimal("2.50")}
    back = restored(kept(stored(content, UTC, (), lambda: {"id", "price"})))
    assert back.cut
    assert back.content == {"id": "1", "price": Decimal("1.50")}


def test_a_mapped_name_is_kept_though_it_begins_with_an_underscore() -> None:
    content = {"_id": "1", "_rowid": 5, "price": 1}
    assert stored(content, UTC, {"_id"}, content.keys) == {"_id": "1", "price": 1}


# ── A mapping reads the one as it reads the other ──────────────────────────────────────────────────────────────────

_texts = st.one_of(
    st.sampled_from(
        [
            "1,50",
            "1.50",
            "1.234",
            " 12 kg",
            "yes",
            "2026-01-10",
            "10.01.2026 08:00",
            "0",
            "1.5 EUR",
            "a;b",
            "4006381333931",
        ]
    ),
    st.text(max_size=5),
)
_numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**6), max_value=10**6),
    st.decimals(),
    st.sampled_from([Decimal("1E+3"), Decimal("4.00638E+12"), Decimal("0.00"), Decimal("-0")]),
    st.integers(-(10**5), 10**5),
    st.integers(),
)
_moments = st.one_of(
    st.datetimes(min_value=datetime(1890, 1, 1), max_value=datetime(2210, 1, 1)),
    st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(BERLIN)),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
)
_leaves = st.one_of(
    st.none(), st.booleans(), _texts, _numbers, _moments, st.binary(max_size=18), st.just(UnreadableValue("?"))
)
_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "b", "en", "de-AT"]), inner, max_size=3)
    ),
    max_leaves=5,
)
_documents = st.fixed_dictionaries(
    {"id": st.one_of(st.sampled_from(["1", " K-1 "]), _numbers, _moments)},
    optional=dict.fromkeys(("a", "b", "unit", "when", "code", "_file"), _values),
)
_FIELDS = {
    "text": ("text", {"path": "a", "empty": ["n/a", "1"]}),
    "number": ("number", {"path": "a", "zero_is_empty": True}),
    "integer": ("integer", {"path": "a"}),
    "boolean": ("boolean", {"path": "a"}),
    "datetime": ("datetime", {"path": "a", "updated_at": "when"}),
    "money": ("money", {"path": "a", "currency": "EUR", "currency_path": "unit", "minor_units": True}),
    "quantity": ("quantity", {"path": "a", "unit": "kg", "unit_path": "unit"}),
    "media": ("media", {"path": "a", "alt": "b"}),
    "texts": ("text_list", {"path": "a", "split": ";"}),
    "notes": ("note_list", {"path": "a", "note": {"text": "text", "created_at": "b"}}),
    "json": ("json", {"path": "a"}),
    "inner": ("text", {"path": "a.b"}),
    "chosen": ("number", {"path": "a[?b > `1`].b | [0]"}),
    "local": ("text", {"path": "b", "per_locale": True}),
}


def _mapping(decimal: str, zone: str) -> Mapping:
    declaration = SourceDeclaration.model_validate(
        {
            "name": "shop",
            "title": "Shop",
            "connector": "sql",
            "key": "id",
            "updated_at": "when",
            "timezone": zone,
            "decimal": decimal,
            "names": ["a", "b"],
            "identifiers": {"gtin": "code", "sku": "a", "brand": "b", "mpn": "code"},
            "fields": {name: declared for name, (_, declared) in _FIELDS.items()},
        }
    )
    shapes = {
        name: FieldShape(name, FieldType(kind), "g" if kind == "quantity" else None, "EUR" if kind == "money" else None)
        for name, (kind, _) in _FIELDS.items()
    }
    return Mapping(declaration, shapes)


_MAPPINGS = {
    (decimal, zone): _mapping(decimal, zone)
    for decimal in (".", ",")
    for zone in ("UTC", "Europe/Berlin", "Asia/Tokyo")
}


def said(record: Record) -> dict[str, JSON]:
    """The claims of a record as the ledger would keep them."""
    types = {name: FieldType(kind) for name, (kind, _) in _FIELDS.items()}
    claims = sorted(record.claims, key=lambda claim: (claim.field, str(claim.scope)))
    return kept(encode_claims(claims, types))


@given(_documents, st.sampled_from(sorted(_MAPPINGS)), st.sampled_from(sorted(_MAPPINGS)))
def test_a_mapping_reads_what_was_kept_as_it_reads_the_document(
    content: dict[str, Any], first: tuple[str, str], then: tuple[str, str]
) -> None:
    before = _MAPPINGS[first].read(Document(content, "here"), NOW)
    afresh = _MAPPINGS[then].read(Document(content, "here"), NOW)
    if not isinstance(before, Record):
        return
    assert isinstance(afresh, Record)
    back = restored(kept(before.document))
    assert not back.cut
    if back.lost:
        return
    again = _MAPPINGS[then].read(Document(back.content, "there"), NOW)
    assert isinstance(again, Record)
    assert said(again) == said(afresh)
    assert (again.key, again.names, again.identifiers, again.invalid_identifiers, again.updated_at) == (
        afresh.key,
        afresh.names,
        afresh.identifiers,
        afresh.invalid_identifiers,
        afresh.updated_at,
    )
    assert kept(again.document) == kept(afresh.document), "or the next sync would take the record for a new one"
