from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.declaration import NoteMapping
from sources.interpretation.clocks import read_clock, zone
from sources.interpretation.currencies import find_currency, minor_unit_digits
from sources.interpretation.interpret import Hints, interpret
from sources.interpretation.json_form import lenient_json_form
from sources.interpretation.unreadable import UnreadableValue
from sources.values import FieldType, Media, Money, Note, Quantity, decode, encode

COMMA = Hints(decimal=",")
EUR = Hints(currency="EUR")


def read(kind: FieldType, raw: Any, hints: Hints | None = None) -> Any:
    return interpret(kind, raw, hints or Hints())


def reason(kind: FieldType, raw: Any, hints: Hints | None = None) -> str:
    answer = read(kind, raw, hints)
    assert isinstance(answer, UnreadableValue), answer
    answer.reason.encode()
    assert "\0" not in answer.reason
    assert len(answer.reason) < 400
    return answer.reason


@pytest.mark.parametrize("kind", list(FieldType))
def test_nothing_is_no_value_in_every_type(kind: FieldType) -> None:
    for raw in (None, "", "   ", "\u00a0\u200b\ufeff"):
        assert read(kind, raw) is None
    assert read(kind, " N/A ", Hints(empty=("n/a", "-"))) is None
    assert reason(kind, UnreadableValue("the system gave an error")) == "the system gave an error"


def test_a_declared_empty_number_and_zero() -> None:
    assert read(FieldType.INTEGER, -1, Hints(empty=("-1",))) is None
    assert read(FieldType.INTEGER, 1, Hints(empty=("-1",))) == 1
    nonzero = Hints(zero_is_empty=True, currency="EUR", unit="kg")
    for kind in (FieldType.NUMBER, FieldType.INTEGER, FieldType.MONEY, FieldType.QUANTITY, FieldType.TEXT):
        assert read(kind, Decimal("0.00"), nonzero) is None, kind
        assert read(kind, "0", nonzero) is None, kind
        assert read(kind, "7", nonzero) is not None, kind
    assert read(FieldType.BOOLEAN, 0, nonzero) is False


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  Kettle\u200b ", "Kettle"),
        ("Cafe\u0301", "Caf\u00e9"),
        (Decimal("121066.0"), "121066"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (17, "17"),
        (True, "true"),
        (date(2025, 12, 31), "2025-12-31"),
        (datetime(2025, 12, 31, 10, tzinfo=UTC), "2025-12-31T10:00:00Z"),
    ],
)
def test_texts(raw: Any, text: str) -> None:
    assert read(FieldType.TEXT, raw) == text


def test_texts_that_cannot_be_kept() -> None:
    assert "NUL" in reason(FieldType.TEXT, "a\0b")
    assert "surrogate" in reason(FieldType.TEXT, "a\ud800")
    assert "100001 characters" in reason(FieldType.TEXT, "x" * 100_001)
    assert len(read(FieldType.TEXT, "x" * 100_000)) == 100_000
    assert "name[0]" in reason(FieldType.TEXT, ["a"])
    assert "an object" in reason(FieldType.TEXT, {"a": 1})
    assert "binary data" in reason(FieldType.TEXT, b"a")
    assert read(FieldType.TEXT, "42", Hints(prefix="No. ")) == "No. 42"


@pytest.mark.parametrize(
    ("raw", "hints", "number"),
    [
        ("1,246.50", None, "1246.50"),
        ("1 246", None, "1246"),
        ("1.246,50", COMMA, "1246.50"),
        ("1'246.5", None, "1246.5"),
        ("1\u202f246", COMMA, "1246"),
        ("-3", None, "-3"),
        ("\u22123,5", COMMA, "-3.5"),
        ("+7", None, "7"),
        (".5", None, "0.5"),
        ("5.", None, "5"),
        ("1e3", None, "1000"),
        ("12 %", None, "12"),
        ("49,90 €", COMMA, "49.90"),
        ("$1,000.00", None, "1000.00"),
        (Decimal("19.99999999999999999999"), None, "19.99999999999999999999"),
        (12, None, "12"),
        (0.1, None, "0.1"),
        ("1,234,567.8", None, "1234567.8"),
    ],
)
def test_numbers(raw: Any, hints: Hints | None, number: str) -> None:
    value = read(FieldType.NUMBER, raw, hints)
    assert value == Decimal(number)
    assert encode(FieldType.NUMBER, value) == number


@pytest.mark.parametrize(
    ("raw", "hints"),
    [
        ("1,5", None),
        ("12.5", COMMA),
        ("1,24,6", None),
        ("1,246 500", None),
        ("1.2.3", None),
        ("1246,500", None),
        ("abc", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e400", None),
        ("9" * 200, None),
        ("0." + "1" * 200, None),
        ("٣", None),
        ("1 2", None),
        (Decimal("NaN"), None),
        (Decimal("sNaN"), None),
        (Decimal("Infinity"), None),
        (Decimal("1e400"), None),
        (Decimal("1e-400"), None),
        pytest.param(10**5000, None, id="10^5000"),
        (float("nan"), None),
        (True, None),
        ([1], None),
        (".", None),
        ("-", None),
    ],
)
def test_what_is_no_number(raw: Any, hints: Hints | None) -> None:
    reason(FieldType.NUMBER, raw, hints)


def test_integers_are_whole_and_of_32_bits() -> None:
    assert read(FieldType.INTEGER, "1,246") == 1246
    assert read(FieldType.INTEGER, Decimal("12.0")) == 12
    assert type(read(FieldType.INTEGER, Decimal("12.0"))) is int
    assert read(FieldType.INTEGER, 2**31 - 1) == 2**31 - 1
    assert "32 bits" in reason(FieldType.INTEGER, 2**31)
    assert "whole" in reason(FieldType.INTEGER, "12.5")


def test_booleans() -> None:
    for raw in (True, 1, "1", "Yes", "ja", "OUI", "y", "x", "true", Decimal(1), b"\x01"):
        assert read(FieldType.BOOLEAN, raw) is True, raw
    for raw in (False, 0, "0", "No", "nein", "non", "n", "FALSE", Decimal("0.0"), b"\x00"):
        assert read(FieldType.BOOLEAN, raw) is False, raw
    for bad in list[Any](("maybe", 2, Decimal("0.5"), [], {})):
        reason(FieldType.BOOLEAN, bad)


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("2025-12-31", "2025-12-30T23:00:00Z"),
        ("2025-07-01", "2025-06-30T22:00:00Z"),
        (date(2025, 12, 31), "2025-12-30T23:00:00Z"),
        (datetime(2025, 12, 31, 10), "2025-12-31T09:00:00Z"),
        (datetime(2025, 12, 31, 10, tzinfo=timezone(timedelta(hours=-5))), "2025-12-31T15:00:00Z"),
        ("2025-12-31T10:00:00Z", "2025-12-31T10:00:00Z"),
        ("2025-12-31 10:00:00.000", "2025-12-31T09:00:00Z"),
        ("2025-12-31 10:00:00.1234567", "2025-12-31T09:00:00.123456Z"),
        ("2025-12-31T10:00+02:00", "2025-12-31T08:00:00Z"),
        ("2025-12-31 10:00:00 +0200", "2025-12-31T08:00:00Z"),
        ("2025-12-31 10:00:00 UTC", "2025-12-31T10:00:00Z"),
        ("2025/12/31 10:00", "2025-12-31T09:00:00Z"),
        ("31.12.2025", "2025-12-30T23:00:00Z"),
        ("1.2.2025 8:05", "2025-02-01T07:05:00Z"),
        ("20251231", "2025-12-30T23:00:00Z"),
        (20251231, "2025-12-30T23:00:00Z"),
        ("20251231100000", "2025-12-31T09:00:00Z"),
        (1767175200, "2025-12-31T10:00:00Z"),
        ("1767175200", "2025-12-31T10:00:00Z"),
        (1767175200000, "2025-12-31T10:00:00Z"),
        (Decimal("1767175200.5"), "2025-12-31T10:00:00.500000Z"),
        ("Wed, 31 Dec 2025 10:00:00 +0100", "2025-12-31T09:00:00Z"),
        ("Wed, 31 Dec 2025 10:00:00 GMT", "2025-12-31T10:00:00Z"),
    ],
)
def test_clocks_without_a_zone_are_in_the_declared_one(raw: Any, moment: str) -> None:
    value = read(FieldType.DATETIME, raw, Hints(timezone="Europe/Berlin"))
    assert encode(FieldType.DATETIME, value) == moment
    assert value.tzinfo is UTC
    assert read_clock(raw, zone("Europe/Berlin")) == value


@pytest.mark.parametrize(
    "raw",
    [
        "0000-00-00",
        "0000-00-00 00:00:00",
        "1899-12-31",
        "2201-01-01",
        "20000-01-01",
        "2025-13-01",
        "2025-02-30",
        "31.02.2025",
        "03/04/2025",
        "infinity",
        "soon",
        5,
        10**8,
        45000,
        True,
        Decimal("NaN"),
        Decimal("1e300"),
        pytest.param(10**5000, id="10^5000"),
        [],
        "2025-12-31T25:00:00Z",
        "2025-12-31T10:00:00+99:00",
        datetime(1, 1, 1),
        datetime(9999, 12, 31, tzinfo=UTC),
        "Wed, 99 Foo 2025 10:00:00 +0100",
        "99999999",
        "99999999999999",
    ],
)
def test_what_is_no_date(raw: Any) -> None:
    reason(FieldType.DATETIME, raw, Hints(timezone="Pacific/Auckland"))
    assert read_clock(raw, UTC) is None


def test_a_time_zone_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Europe/Berlin"):
        zone("Berlin")
    with pytest.raises(ValueError, match="Europe/Berlin"):
        zone("../etc/passwd")


@pytest.mark.parametrize(
    ("raw", "hints", "amount", "currency"),
    [
        ("49,90 €", COMMA, "49.90", "EUR"),
        ("EUR 49.90", None, "49.90", "EUR"),
        ("1.299,00\u00a0EUR", COMMA, "1299.00", "EUR"),
        ("$49.90", Hints(currency="CAD"), "49.90", "CAD"),
        ("US$49.90", None, "49.90", "USD"),
        ("£5", None, "5", "GBP"),
        ("Fr. 12.50", None, "12.50", "CHF"),
        ("-5 EUR", None, "-5", "EUR"),
        (Decimal("49.90"), EUR, "49.90", "EUR"),
        ("49.90", EUR, "49.90", "EUR"),
        ("49.90 USD", EUR, "49.90", "USD"),
        ({"amount": "49.90", "currency": "eur"}, None, "49.90", "EUR"),
        ({"value": Decimal("49.90"), "currencyCode": "USD"}, EUR, "49.90", "USD"),
        (4990, Hints(currency="EUR", minor_units=True), "49.90", "EUR"),
        (4990, Hints(currency="JPY", minor_units=True), "4990", "JPY"),
        (4990, Hints(currency="TND", minor_units=True), "4.990", "TND"),
        (4990, Hints(currency="RSD", minor_units=True), "49.90", "RSD"),
    ],
)
def test_money(raw: Any, hints: Hints | None, amount: str, currency: str) -> None:
    value = read(FieldType.MONEY, raw, hints)
    assert value == Money(Decimal(amount), currency)
    assert encode(FieldType.MONEY, value) == {"amount": amount, "currency": currency}


@pytest.mark.parametrize(
    ("raw", "hints", "why"),
    [
        ("49.90", None, "names no currency"),
        ("$49.90", None, '"$" is not one currency'),
        ("49.90 PCS", EUR, '"PCS" is not one currency'),
        ("49,90 €", None, "is not a number"),
        ("on request", EUR, "does not begin with a number"),
        ({"amount": "49.90", "currency": "Euronen"}, None, "Euronen"),
        ({"price": 5}, EUR, "an object"),
        ({"amount": {"a": 1}}, EUR, "an object"),
        (True, EUR, "a yes or no"),
    ],
)
def test_what_is_no_money(raw: Any, hints: Hints | None, why: str) -> None:
    assert why in reason(FieldType.MONEY, raw, hints)


def test_currencies() -> None:
    assert find_currency("kr", "SEK") == "SEK"
    assert find_currency("kr") is None
    assert find_currency("¥") is None
    assert [minor_unit_digits(code) for code in ("EUR", "JPY", "KWD", "CLF", "ALL")] == [2, 0, 3, 4, 2]


@pytest.mark.parametrize(
    ("raw", "hints", "amount", "unit"),
    [
        ("0.85 kg", None, "0.85", "kg"),
        ("850g", None, "850", "g"),
        ('5 "', None, "5", "in"),
        ("5'", None, "5", "ft"),
        ("1,5 kg", COMMA, "1.5", "kg"),
        ("1 246 g", None, "1246", "g"),
        ("1.246,5 mm", COMMA, "1246.5", "mm"),
        ("10 pcs", None, "10", "pcs"),
        ("-5 °C", None, "-5", "°C"),
        ("230 V~", None, "230", "V"),
        (Decimal("0.85"), Hints(unit="kg", field_unit="g"), "0.85", "kg"),
        ("0.85", Hints(field_unit="g"), "0.85", "g"),
        ("2 lbs", Hints(unit="kg", field_unit="g"), "2", "lb"),
        ({"value": Decimal("0.85"), "unit": "kg"}, None, "0.85", "kg"),
        ({"amount": "850", "unit": "Gramm"}, None, "850", "g"),
        (1500, Hints(unit="W", field_unit="kW"), "1500", "W"),
    ],
)
def test_quantities_stay_in_the_unit_the_system_uses(raw: Any, hints: Hints | None, amount: str, unit: str) -> None:
    assert read(FieldType.QUANTITY, raw, hints) == Quantity(Decimal(amount), unit)


@pytest.mark.parametrize(
    ("raw", "hints", "why"),
    [
        ("1,5 kg", None, '"1,5" is not a number'),
        ("5 kgg", None, '"kgg" is not a unit'),
        ("10x20 cm", None, '"x20 cm" is not a unit'),
        ("220-240 V", None, '"-240 V" is not a unit'),
        ("5 1/2 in", None, "5 1"),
        ("2 kg 300 g", None, "kg 300 g"),
        ("5", None, "names no unit"),
        (5, Hints(unit="furlong"), '"furlong" is not a unit'),
        ("5 cm", Hints(field_unit="g"), "a unit of mass is wanted"),
        (5, Hints(unit="cm", field_unit="g"), "a unit of mass is wanted"),
        (Decimal(5), Hints(unit="cm", field_unit="g"), "a unit of mass is wanted"),
        ("heavy", None, "does not begin with a number"),
        ({"unit": "kg", "weight": 1}, None, "an object"),
    ],
)
def test_what_is_no_quantity(raw: Any, hints: Hints | None, why: str) -> None:
    assert why in reason(FieldType.QUANTITY, raw, hints)


CDN = Hints(prefix="https://cdn.example")


@pytest.mark.parametrize(
    ("raw", "hints", "media"),
    [
        (" https://x.example/a.jpg ", None, Media("https://x.example/a.jpg")),
        ("/img/a b.jpg", CDN, Media("https://cdn.example/img/a%20b.jpg")),
        ("img/a.jpg", CDN, Media("https://cdn.example/img/a.jpg")),
        ("/a.jpg", Hints(prefix="https://cdn.example/i/"), Media("https://cdn.example/i/a.jpg")),
        ("//cdn.example/a.jpg", Hints(prefix="https:"), Media("https://cdn.example/a.jpg")),
        ("http://x.example/a.jpg", CDN, Media("http://x.example/a.jpg")),
        (
            {"url": "https://x.example/a.jpg", "altText": "Front", "mimeType": "image/jpeg"},
            None,
            Media("https://x.example/a.jpg", "Front", "image/jpeg"),
        ),
        ({"url": None, "alt": "x"}, None, None),
    ],
)
def test_media(raw: Any, hints: Hints | None, media: Media | None) -> None:
    assert read(FieldType.MEDIA, raw, hints) == media


@pytest.mark.parametrize(
    "raw",
    [
        "img/a.jpg",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:image/png;base64,AA",
        "https://",
        "https://[bad",
        "C:\\a.jpg",
        "https://x.example/a\nb",
        "https://x.example/" + "a" * 5000,
        5,
        ["https://x.example"],
        {"url": 5},
        "ftp://x.example/a",
    ],
)
def test_what_is_no_address(raw: Any) -> None:
    reason(FieldType.MEDIA, raw)


def test_an_address_with_a_password_is_not_repeated() -> None:
    assert "hunter2" not in reason(FieldType.MEDIA, "https://user:hunter2@x.example/a.jpg")


def test_text_lists() -> None:
    assert read(FieldType.TEXT_LIST, ["a ", None, "", 5]) == ("a", "5")
    assert read(FieldType.TEXT_LIST, "a; b ;;c", Hints(split=";")) == ("a", "b", "c")
    assert read(FieldType.TEXT_LIST, "a; b") == ("a; b",)
    assert read(FieldType.TEXT_LIST, []) is None
    assert read(FieldType.TEXT_LIST, ["-"], Hints(empty=("-",))) is None
    assert "entry 2" in reason(FieldType.TEXT_LIST, ["a", {"b": 1}])
    assert "1001" in reason(FieldType.TEXT_LIST, ["a"] * 1001)


def test_note_lists() -> None:
    where = Hints(
        note=NoteMapping(text="body", author="by.name", created_at="at", kind="kind"), timezone="Europe/Berlin"
    )
    raw = [
        {"body": "Leaks at the lid", "by": {"name": "Ada"}, "at": "2025-07-01 10:00", "kind": "complaint"},
        {"body": " "},
        "plain",
    ]
    leak = Note("Leaks at the lid", "Ada", datetime(2025, 7, 1, 8, tzinfo=UTC), "complaint")
    assert read(FieldType.NOTE_LIST, raw, where) == (leak, Note("plain"))
    assert read(FieldType.NOTE_LIST, raw[0], where) == (leak,)
    assert read(FieldType.NOTE_LIST, {"text": "x"}) == (Note("x"),)
    assert read(FieldType.NOTE_LIST, {"other": "x"}) is None
    assert "entry 1: " in reason(FieldType.NOTE_LIST, [{"text": "a\0"}, {"text": "b"}])


def test_json_is_kept_with_decimals_as_strings() -> None:
    raw = {"a": Decimal("1.10"), "b": [1, True, None, datetime(2025, 1, 1)], "c": {"d": date(2025, 1, 1)}, 5: 2**70}
    form = read(FieldType.JSON, raw, Hints(timezone="Europe/Berlin"))
    assert form == {
        "a": "1.10",
        "b": [1, True, None, "2024-12-31T23:00:00Z"],
        "c": {"d": "2025-01-01"},
        "5": str(2**70),
    }
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    for bad in (
        b"x",
        {"a": b"x"},
        ["\0"],
        {"\0": 1},
        ["\ud800"],
        [Decimal("NaN")],
        nested,
        [0] * 20_000,
        {"a": {1, 2}},
    ):
        reason(FieldType.JSON, bad)
        json.dumps(lenient_json_form(bad)).encode()


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.floats()
    | st.text(st.characters())
    | st.binary(max_size=4)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.dates()
    | st.times()
    | st.from_regex(r"[-+]?[0-9]{0,4}[.,' ]?[0-9]{0,4}[eE.,]?[0-9]{0,3} ?(kg|g|\"|€|EUR|%|°C)?")
    | st.from_regex(
        r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}[T ]?([0-9]{2}:[0-9]{2}(:[0-9]{2})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
    )
    | st.sampled_from(["https://", "//", "http://[", "x:", "a/b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["amount", "value", "unit", "currency", "url", "alt", "text", "a"]) | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
HINTS = st.builds(
    Hints,
    unit=st.sampled_from([None, "kg", "cm", "nonsense"]),
    field_unit=st.sampled_from([None, "g"]),
    currency=st.sampled_from([None, "EUR", "JPY"]),
    minor_units=st.booleans(),
    decimal=st.sampled_from([".", ","]),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"]),
    split=st.sampled_from([None, ";"]),
    empty=st.sampled_from([(), ("-", "n/a", "0")]),
    zero_is_empty=st.booleans(),
    prefix=st.sampled_from(["", "https://cdn.example", "https:"]),
)  # fmt: skip


@given(st.sampled_from(list(FieldType)), ANYTHING, HINTS)
def test_interpreting_never_raises_and_what_it_reads_can_be_stored(kind: FieldType, raw: Any, hints: Hints) -> None:
    value = interpret(kind, raw, hints)
    if isinstance(value, UnreadableValue):
        value.reason.encode()
        assert "\0" not in value.reason
        return
    stored = json.dumps(encode(kind, value), allow_nan=False)
    stored.encode()
    assert "\\u0000" not in stored
    assert decode(kind, json.loads(stored)) == value
