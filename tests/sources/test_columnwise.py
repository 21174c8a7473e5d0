"""Reading rows column by column says of each row what reading it alone says: the same record, the same rejection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sources.contract import PROBLEM, Document, Record, Rejected
from sources.declaration import SourceDeclaration
from sources.interpretation.entries import FieldShape
from sources.interpretation.unreadable import UnreadableValue
from sources.mapping import Mapping
from sources.rows import Column, Rows
from sources.stored_columns import fingerprints
from sources.stored_documents import stored
from sources.values import FieldType

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHAPES = {
    shape.name: shape
    for shape in (
        FieldShape("weight", FieldType.QUANTITY, unit="g"),
        FieldShape("width", FieldType.QUANTITY, unit="mm"),
        FieldShape("price", FieldType.MONEY, currency="EUR"),
        FieldShape("cost", FieldType.MONEY),
        FieldShape("rating", FieldType.NUMBER),
        FieldShape("stock", FieldType.INTEGER),
        FieldShape("active", FieldType.BOOLEAN),
        FieldShape("origin", FieldType.TEXT),
        FieldShape("released", FieldType.DATETIME),
        FieldShape("tags", FieldType.TEXT_LIST),
        FieldShape("picture", FieldType.MEDIA),
        FieldShape("raw", FieldType.JSON),
        FieldShape("notes", FieldType.NOTE_LIST),
    )
}
NAMES = (
    "id",
    "at",
    "label",
    "ean",
    "sku",
    "maker",
    "part",
    "amount",
    "number",
    "flag",
    "text",
    "when",
    "about",
    "_hidden",
)
PLAIN = {
    "updated_at": "at",
    "names": ["label"],
    "identifiers": {"gtin": "ean", "sku": "sku", "brand": "maker", "mpn": "part"},
    "fields": {
        "weight": {"path": "amount", "unit": "kg"},
        "price": {"path": "amount", "currency": "EUR"},
        "rating": "number",
        "stock": "number",
        "active": "flag",
        "origin": "text",
        "released": "when",
    },
}
MAPPINGS = {
    "plain": PLAIN,
    "in Berlin, with a comma": PLAIN | {"timezone": "Europe/Berlin", "decimal": ","},
    "with prefixes": {
        "names": ["text"],
        "fields": {
            "origin": {"path": "text", "prefix": "#"},
            "picture": "text",
            "tags": {"path": "label", "split": ";"},
            "raw": "about",
            "price": {"path": "number", "minor_units": True},
            "stock": {"path": "number", "zero_is_empty": True},
        },
    },
    "without identifiers": {"fields": {"origin": "text", "width": "amount"}},
    "several ways": {
        "updated_at": "about.modified",
        "names": ["label", "text", "maker"],
        "identifiers": {"mpn": "part", "sku": "about.sku", "gtin": "ean"},
        "fields": {
            "origin": ["text", "label", {"path": "maker", "locale": "de"}],
            "cost": {"path": "amount", "currency_path": "maker", "zero_is_empty": True},
            "price": {"path": "number", "minor_units": True},
            "weight": {"path": "amount", "unit_path": "text", "updated_at": "when"},
            "stock": {"path": "number", "empty": ["1", "n/a"]},
            "active": {"path": "flag", "updated_at": "at"},
            "rating": {"path": "max(about.many)"},
            "tags": {"path": "text", "split": ";"},
            "picture": {"path": "text", "prefix": "https://x.example/"},
            "raw": "about",
            "notes": {"note": {"text": "label"}},
        },
    },
    "a locale a member": {"fields": {"origin": {"path": "about", "per_locale": True}, "stock": "number"}},
    "what is hidden": {"names": ["_hidden"], "fields": {"origin": "_hidden", "stock": "missing"}},
}

TEXTS = (
    "",
    " ",
    "DE",
    " Müller ",
    "Zu\u0308rich",
    "n/a",
    "N/A",
    "XX",
    "x" * 201,
    "x" * 310,
    "x" * 12_000,
    "x" * 100_001,
    "a; b;; \u200bc;",
    "c;" * 1001,
    "kg",
    "EUR",
)
CODES = (
    "BK-17",
    "A0" * 101,
    "bk_9/2",
    "test1",
    "007",
    "0",
    "00",
    "7",
    "A0",
    "a\nb",
    "\nBK-17",
    "a\0b",
    "\ud800",
    "\u200bBK-17",
    "٣",
)
GTINS = (
    "4006381333931",
    "4006381333932",
    "12345678",
    "01234567890128",
    "11111111",
    "0012345678905",
    "8373449884",
    "4006381333931.0",
)
AMOUNTS = ("-5", "1.50", "1,50", "-0", "-0.5", "1.246,50", "12 kg", "49,90 €", "$ 5", "1e3", "1E+5", "-0,5", "1" * 50)
MOMENTS_WRITTEN = (
    *("2026-01-05 10:00:00", "2026-01-05T10:00:00Z", "2026-13-05 10:00:00", "2026-01-05", "1899-01-01 00:00:00"),
    *(
        "2026-01-05 10:00:00.123456",
        "2026-01-05T10:00:00+02:00",
        "0000-00-00 00:00:00",
        "05.01.2026 10:00",
        "1767607200",
    ),
)
WRITTEN = (*TEXTS, *CODES, *GTINS, *AMOUNTS, *MOMENTS_WRITTEN, "yes", "nein", "1", "x", "true")
WORDS = st.sampled_from(WRITTEN)
BESIDE: tuple[tuple[Any, ...], ...] = (
    *(("BK-17", word) for word in WRITTEN),
    *(("1.50", word) for word in WRITTEN),
    *(("4006381333931", word) for word in WRITTEN),
    *(("2026-01-05 10:00:00", word) for word in WRITTEN),
    *((Decimal("1.50"), Decimal(text)) for text in ("0.00", "-0.0", "1E+3", "1E-8", "NaN", "121066.0", "9" * 70)),
    *((7, number) for number in (0, -7, 2**31, 2**63, 10**70, True)),
    *(({"a": 1}, other) for other in ({"b": 1}, {1: "x"}, {"\0": 1}, {"a": {"b": {"c": 1}}}, {"a": "\0"}, {})),
    ({1: "x"}, {1: "y"}),
    ({"\0": 1}, {"\0": 2}),
    ({"ü": 1}, {"ü": 2}),
    (datetime(2026, 1, 5, 10, fold=1), datetime(2026, 1, 5, 10, fold=1)),
    (datetime(800, 1, 5, 10, tzinfo=UTC), datetime(2300, 1, 5, 10, tzinfo=UTC)),
)
NUMBERS = st.one_of(
    st.integers(-3, 120),
    st.sampled_from([2**31, -(2**31) - 1, 2**63 - 1, 2**63, 10**70, 121066]),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-10, max_value=10**6, places=2),
    st.sampled_from(
        [Decimal(text) for text in ("0.00", "-0.0", "1E+3", "1E-8", "NaN", "Infinity", "121066.0", "1E-70")]
    ),
    st.floats(),
)
MOMENTS = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(),
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2030, 1, 1)),
    st.sampled_from(
        [
            datetime(2026, 1, 5, 10, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 5, 10, fold=1, tzinfo=UTC),
            datetime(2025, 10, 26, 2, 30, fold=1),
            datetime(2026, 1, 5, 10, 0, 0, 120, tzinfo=UTC),
        ]
    ),
    st.dates(),
)
OTHERS = st.one_of(
    st.booleans(),
    st.binary(max_size=20),
    st.builds(UnreadableValue, st.just("the system gave an error")),
    st.lists(WORDS, max_size=3),
    st.dictionaries(
        st.sampled_from(["en", "de", "amount", "modified", "sku", "many", "\0", "ü"]), WORDS | MOMENTS, max_size=3
    ),
    st.fixed_dictionaries({"path": WORDS, "modified": MOMENTS, "many": st.lists(NUMBERS, max_size=2), "row": NUMBERS}),
)
ANYTHING = WORDS | NUMBERS | MOMENTS | OTHERS | st.text(max_size=6) | st.none()


@st.composite
def columns(draw: st.DrawFn, count: int) -> list[Any]:
    """Mostly of one kind, as databases and files have them; some with a value of another kind among them."""
    kind = draw(
        st.sampled_from(
            [
                WORDS,
                st.sampled_from(TEXTS),
                st.sampled_from([code for code in CODES if code.isascii() and code.isprintable()]),
                st.sampled_from(GTINS[:-1]),
                st.sampled_from(AMOUNTS),
                st.sampled_from(MOMENTS_WRITTEN),
                NUMBERS,
                st.sampled_from([7, -(2**31) - 1, 2**63, 10**70]),
                st.sampled_from([Decimal("1.50"), Decimal("0.00"), Decimal("9" * 70)]),
                st.sampled_from(["https://x.example/a.jpg", "https://x.example", "/a.jpg", "https://me@x.example/"]),
                st.integers(0, 120),
                st.decimals(min_value=0, max_value=999, places=2),
                st.from_regex(r"[A-Z]{2}-[0-9]{1,4}", fullmatch=True),
                st.from_regex(r"[0-9]{1,3}(\.[0-9]{2})?", fullmatch=True),
                st.from_regex(r"[0-9]{13}", fullmatch=True),
                st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)),
                st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2030, 1, 1)).map(
                    lambda at: f"{at:%Y-%m-%d %H:%M:%S}"
                ),
                st.fixed_dictionaries({"path": st.just("a.csv"), "modified": st.just(NOW), "row": st.integers(1, 99)}),
                MOMENTS,
                st.booleans(),
                ANYTHING,
            ]
        )
    )
    of = draw(st.sampled_from([kind, kind, kind | st.none(), kind | ANYTHING]))
    return draw(st.lists(of, min_size=count, max_size=count))


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    count = draw(st.integers(1, 5))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)))
    if draw(st.integers(0, 9)):
        names = [*dict.fromkeys(["id", *names])]
    made = {name: draw(columns(count)) for name in names}
    if "id" in made and draw(st.integers(0, 5)):
        made["id"] = [f" K-{row}" for row in range(count)]
    problems = draw(st.dictionaries(st.integers(0, count - 1), st.just("the row has 7 cells"), max_size=1))
    return Rows(names, [Column(made[name]) for name in names], "row {}".format, problems, count)


def mapping(declared: dict[str, Any]) -> Mapping:
    common = {"name": "wms", "title": "Warehouse", "connector": "sql", "key": "id"}
    return Mapping(SourceDeclaration.model_validate(common | declared), SHAPES)


def exactly(one: object) -> str:
    """To the last detail: 1 is not 1.0, True not 1, and a Decimal keeps its zeros."""
    return repr(one)


@pytest.mark.parametrize("declared", MAPPINGS.values(), ids=MAPPINGS.keys())
@settings(max_examples=60, deadline=None)
@given(rows=rows())
def test_rows_are_read_as_each_of_them_is(declared: dict[str, Any], rows: Rows) -> None:
    of = mapping(declared)
    together = [exactly(one) for one in of.read_all(rows, NOW)]
    assert together == [exactly(of.read(document, NOW)) for document in rows]


@pytest.mark.parametrize("declared", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_a_plain_value_and_what_may_stand_beside_it(declared: dict[str, Any]) -> None:
    of = mapping(declared)
    for values in BESIDE:
        for ids in (["K-1", "K-2"], values):
            columns = {name: Column(values) for name in NAMES} | {"id": Column(ids)}
            rows = Rows([*columns], [*columns.values()], "row {}".format)
            together = [exactly(one) for one in of.read_all(rows, NOW)]
            assert together == [exactly(of.read(document, NOW)) for document in rows], values


@settings(max_examples=100, deadline=None)
@given(rows=rows())
def test_records_not_read_yet_are_those_that_reading_brings(rows: Rows) -> None:
    of = mapping(PLAIN)
    looked = of.look_through(rows, NOW)
    assert looked is not None
    unread, rejected = looked
    firsts: dict[str, Record] = {}
    others: list[Rejected] = []
    for document in rows:
        one = of.read(document, NOW)
        if isinstance(one, Rejected):
            others.append(one)
        elif firsts.setdefault(one.key.id, one) is not one:
            others.append(of.reject(document, f'a second record with the key "{one.key.id}"'))
    assert [*unread.ids] == [*firsts]
    assert [exactly(one) for one in unread] == [exactly(one) for one in firsts.values()]
    assert [exactly(one) for one in rejected] == [exactly(one) for one in others]
    every_second = [row % 2 == 0 for row in range(len(unread))]
    assert [exactly(one) for one in unread.read(every_second)] == [exactly(one) for one in [*firsts.values()][::2]]


@settings(max_examples=150, deadline=None)
@given(rows=rows())
def test_a_document_is_recognised_in_whatever_company(rows: Rows) -> None:
    assume(not rows.problems)
    together = fingerprints(rows, UTC, (), with_file=False)
    alone = [fingerprints(rows[row : row + 1], UTC, (), with_file=False)[0] for row in range(len(rows))]
    turned = Rows(rows.names[::-1], rows.columns[::-1], str, count=len(rows))
    assert together == alone == fingerprints(turned, UTC, (), with_file=False)
    kept = [
        orjson.dumps(stored(document.content, UTC, (), frozenset), option=orjson.OPT_SORT_KEYS) for document in rows
    ]
    for row, one in enumerate(kept):
        for other, another in enumerate(kept):
            if b"_cut" not in one + another:
                assert (together[row] == together[other]) is (one == another)


@pytest.mark.parametrize(
    "values",
    [["1.50", Decimal("1.50"), 1, None], [True, 1, "1", "true"], [NOW, "2026-03-01T12:00:00Z"], [{"a": 1}, '{"a": 1}']],
)
def test_what_is_written_alike_is_not_the_same(values: list[Any]) -> None:
    told = fingerprints(Rows(["x"], [Column(values)], str), UTC, (), with_file=False)
    assert len(set(told)) == len(values)


def test_what_is_not_kept_of_a_value_counts_too() -> None:
    deep: list[Any] = []
    for end in ("red", "blue"):
        inner: dict[str, Any] = {"colour": end}
        for _ in range(40):
            inner = {"in": inner}
        deep.append(inner)
    wide = [{"images": [{"n": n} for n in range(12_000)], "colour": end} for end in ("red", "blue")]
    for values in (deep, wide):
        told = fingerprints(Rows(["x"], [Column([*values, 1])], str), UTC, (), with_file=False)
        assert len(set(told)) == 3
        assert fingerprints(Rows(["x"], [Column([1])], str), UTC, (), with_file=False) == told[2:]


def test_the_place_in_a_file_counts_only_where_it_is_read() -> None:
    rows = Rows(["id", "_file"], [Column(["K-1", "K-1"]), Column([{"row": 1}, {"row": 2}])], str)

    def told(**declared: Any) -> list[bytes]:
        looked = [mapping(declared).look_through(part, NOW) for part in (rows[:1], rows[1:])]
        return [one for unread, _ in filter(None, looked) for one in unread.fingerprints]

    assert len(told()) == 2
    assert len(set(told())) == len(set(told(updated_at="_file.modified"))) == 1
    assert len(set(told(fields={"stock": "_file.row"}))) == 2
    price = {"path": "id", "currency_path": "_file.row"}
    assert len(set(told(fields={"price": price}))) == 2


def test_what_is_cut_off_a_document_counts() -> None:
    texts = Column(["x" * 70_000 + end for end in "ab"])
    rows = Rows(["id", "text"], [Column(["K-1", "K-1"]), texts], str)
    first, second = fingerprints(rows, UTC, (), with_file=False)
    assert first != second
    documents = [one.document for one in mapping({}).read_all(rows, NOW) if isinstance(one, Record)]
    assert documents[0] == documents[1] == {"id": "K-1", "_cut": True}


def test_a_large_page_is_read_by_column() -> None:
    """Lest the quick ways be there and nothing go them: what is plain makes no document on the way."""
    count = 50
    made: dict[str, list[Any]] = {
        "id": [f"K-{row}" for row in range(count)],
        "at": [NOW] * count,
        "label": [f"Kettle {row} für zwei" for row in range(count)],
        "ean": ["4006381333931"] * count,
        "sku": [f"BK-{row}" for row in range(count)],
        "maker": ["Brewster"] * count,
        "part": [f"B.{row}/K" for row in range(count)],
        "amount": [Decimal(row) / 4 for row in range(count)],
        "number": [*range(count)],
        "flag": [True] * count,
        "text": ["DE"] * count,
        "when": ["2026-01-05 10:00:00"] * count,
    }
    rows = Rows([*made], [Column(values) for values in made.values()], "row {}".format)
    of = mapping(PLAIN)
    expected = [exactly(of.read(document, NOW)) for document in rows]
    rows.contents = None  # type: ignore[assignment, method-assign]
    of.read = None  # type: ignore[assignment, method-assign]
    assert [exactly(one) for one in of.read_all(rows, NOW)] == expected


def test_rows_are_documents() -> None:
    about = Column([{"row": 1}, {"row": 2}, {"row": 3}])
    rows = Rows(["a", "_file"], [Column([1, None, 3]), about], "row {}".format, {1: "cut"})
    assert [*rows] == [
        Document({"a": 1, "_file": {"row": 1}}, "row 0"),
        Document({PROBLEM: "cut", "_file": {"row": 2}}, "row 1"),
        Document({"a": 3, "_file": {"row": 3}}, "row 2"),
    ]
    assert rows[-1] == rows[2]
    assert [*rows[1:]] == [*rows][1:]
    assert [*rows[::-1]] == [*rows][::-1]
    assert [*rows.take([False, True, True])] == [*rows][1:]
    with pytest.raises(IndexError):
        rows[3]
    with pytest.raises(ValueError, match="each name once"):
        Rows(["a", "a"], [Column([1]), Column([1])], str)


def test_the_order_of_members_does_not_count() -> None:
    objects = [{"a": {"x": 1, "y": Decimal(2)}, "b": 3}, {"b": 3, "a": {"y": Decimal(2), "x": 1}}]
    first, second = fingerprints(Rows(["about"], [Column(objects)], str), UTC, (), with_file=False)
    assert first == second
