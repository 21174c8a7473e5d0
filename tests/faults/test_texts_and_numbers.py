"""Texts that no column takes, texts that no index takes, and numbers that no JSON takes, on every way into the ledger."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.recording import Counts
from sources.contract import PROBLEM, Document, DocumentPage, Identifier, Missing, Reading, RecordKey
from sources.failures import FailureKind, SourceFailure
from sources.identifiers import normalise_identifier
from sources.ledger.lookups import Wanted, find_products
from sources.ledger.runs import failing_sources, source_states, sync_state
from sources.values import JSON, FieldType, encode
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, MemorySystem, house_map

NUL, HALF = "a\0b", "half \ud800 of a pair"
CANNOT_BE_KEPT = [pytest.param(NUL, id="NUL"), pytest.param(HALF, id="half"), pytest.param("\udfff", id="only half")]

hostile_texts = st.text(
    st.one_of(st.characters(), st.sampled_from("\0\ud800\udfff\u200b\ufeff\u2028\x7f\x85\x1f\ufffe\U0010ffff\"\\'")),
    max_size=12,
)
hostile_numbers = st.one_of(
    st.integers(),
    st.sampled_from([10**400, -(2**63), 2**63, True]),
    st.floats(),
    st.decimals(),
    st.sampled_from(
        [Decimal("1e400"), Decimal("-1e-400"), Decimal("Infinity"), Decimal("sNaN"), Decimal("0.00000049")]
    ),
)
hostile_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), hostile_texts, hostile_numbers, st.binary(max_size=5), st.datetimes(), st.dates()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(hostile_texts, inner, max_size=3)),
    max_leaves=6,
)
COLUMNS = [
    "label",
    "gtin",
    "sku",
    "brand",
    "mpn",
    "price",
    "weight",
    "stock",
    "title",
    "extra",
    "changed",
    "price_changed",
]
hostile_documents = st.dictionaries(st.one_of(st.sampled_from(COLUMNS), hostile_texts), hostile_values, max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.one_of(hostile_texts, hostile_values), hostile_documents), max_size=4))
async def test_whatever_a_system_sends_is_kept_set_aside_or_said_to_be_unreadable(
    standing_house: House, sent: list[tuple[Any, dict[str, Any]]]
) -> None:
    house = standing_house
    await house.empty()
    for place, (key, content) in enumerate(sent):
        house.systems["erp"].documents[str(place)] = {**content, "id": key}
    house.systems["erp"].put("plain", price="10", label="Kettle")
    report = await house.sync("erp")
    assert report.failure is None
    assert report.counts.seen == len(sent) + 1
    assert report.counts.added + report.counts.rejected == len(sent) + 1
    await check_ledger(house)
    assert (await house.sync("erp", full=True)).counts.changed == 0, "what was read twice is the same"


@pytest.mark.parametrize("text", CANNOT_BE_KEPT)
async def test_a_text_that_no_column_takes_costs_its_own_field_and_no_other(house: House, text: str) -> None:
    erp = house.systems["erp"]
    erp.put("1", label=text, sku=text, title=text, price="10", extra={"deep": [text]}, other=text)
    assert (await house.sync("erp")).counts.added == 1
    outcomes = (await house.ledger.fetch([RecordKey("erp", "1")], ["title", "price", "extra"]))[RecordKey("erp", "1")]
    unreadable = {}
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Reading)
        unreadable[name] = outcome.claims[0].unreadable
    assert unreadable["price"] is None
    assert unreadable["title"]
    assert unreadable["extra"]


@pytest.mark.parametrize("text", CANNOT_BE_KEPT)
async def test_a_text_that_no_column_takes_as_a_key_a_place_or_a_reason_is_set_aside_with_it(
    house: House, text: str
) -> None:
    erp = house.systems["erp"]
    erp.documents[text] = {"id": text, "price": "10"}
    erp.documents[f"{text} 2"] = {"id": "2", PROBLEM: f"line {text} is cut", "price": text}
    erp.put("3", price="10")
    assert (await house.sync("erp")).counts == Counts(seen=3, added=1, rejected=2)
    assert (await source_states(house.pool))["erp"].rejected == 2


@pytest.mark.parametrize("text", CANNOT_BE_KEPT)
async def test_an_id_that_no_column_takes_can_be_said_to_be_gone(house: House, text: str) -> None:
    erp = house.systems["erp"]
    erp.log = []
    erp.put("1", price="10")
    erp.put("2", price="10")
    await house.sync_all(["erp"])
    erp.log += [(text, True), ("2", True)]
    del erp.documents["2"]
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone) == (None, 1)


@pytest.mark.parametrize("text", CANNOT_BE_KEPT)
async def test_a_systems_own_words_are_kept_whatever_they_are(house: House, text: str) -> None:
    class Broken(MemorySystem):
        async def changes(self, cursor: JSON) -> AsyncIterator[DocumentPage]:
            if cursor is None:
                raise SourceFailure(FailureKind.UNREACHABLE, f"the server said {text}")
            yield DocumentPage((), None, enumerating=True, last=True)

    sources = dict(house.systems)
    broken = House(house.pool, house.ownership, {**sources, "erp": Broken()})
    report = await broken.sync("erp")
    assert report.failure is not None
    (failure,) = [failure for _, failure in (await failing_sources(house.pool)).values()]
    assert failure.message.startswith("the server said")


@pytest.mark.parametrize("text", CANNOT_BE_KEPT)
async def test_a_cursor_is_opaque_and_comes_back_as_it_was(house: House, text: str) -> None:
    given_back: list[JSON] = []

    class Odd(MemorySystem):
        async def changes(self, cursor: JSON) -> AsyncIterator[DocumentPage]:
            given_back.append(cursor)
            yield DocumentPage(
                (Document({"id": "1", "price": "10"}, "1"),), {text: [text]}, enumerating=True, last=True
            )

    odd = House(house.pool, house.ownership, {**house.systems, "erp": Odd()})
    for _ in range(2):
        report = await odd.sync("erp")
        assert report.failure is None
    assert given_back == [None, {text: [text]}]
    assert (await sync_state(house.pool, "erp")).cursor == {text: [text]}


@pytest.mark.parametrize("text", CANNOT_BE_KEPT)
async def test_a_live_reading_and_a_lookup_with_such_a_text_harm_nobody(house: House, text: str) -> None:
    house.systems["erp"].put("1", price="10", title="Kettle")
    await house.sync_all(["erp"])
    ask = house.sources["erp"].fetch
    assert ask is not None
    key = RecordKey("erp", "1")
    house.systems["erp"].edit("1", title=text, price="12")
    seen = await ask([key, RecordKey("erp", text)], ["title", "price"])
    await house.observer.observe("erp", seen, datetime.now(UTC))
    outcome = (await house.ledger.fetch([key], ["price", "title"]))[key]
    assert isinstance(outcome["price"], Reading)
    assert outcome["price"].claims[0].value.amount == 12
    assert isinstance(outcome["title"], Missing | Reading)


# ── What no index takes ────────────────────────────────────────────────────────────────────────────────────────────


def wide(length: int, seed: int = 0) -> str:
    """A text of characters of four bytes that does not compress."""
    dice = random.Random(seed)
    return "".join(chr(dice.randrange(0x20000, 0x2A000)) for _ in range(length))


def growing(length: int) -> str:
    """A text that is many times longer once it is written for comparing, and does not compress."""
    dice = random.Random(length)
    return "".join(chr(dice.choice([0xFDFA, 0xFDFB, *range(0x3300, 0x3358)])) for _ in range(length))


def folding(length: int) -> str:
    """A text that is three times longer once it is folded."""
    dice = random.Random(length)
    letters = [letter for letter in map(chr, range(0x80, 0x2000)) if len(letter.casefold()) > 2]
    return "".join(dice.choice(letters) for _ in range(length))


@pytest.mark.parametrize("make", [wide, growing, folding])
async def test_the_longest_of_everything_fits_the_indexes(house: House, make: Any) -> None:
    erp, crm = house.systems["erp"], house.systems["crm"]
    long = {name: make(200) for name in ("sku", "brand", "mpn")}
    erp.put(wide(200), label=make(300), title=make(2000), **long)
    erp.put(wide(201, 1), label="too long a key", **long)
    crm.put(wide(200, 2), label=make(5000), text=make(5000), **long)
    erp.documents[wide(900, 3)] = {"id": wide(900, 3)}
    for name in ("erp", "crm"):
        report = await house.sync(name)
        assert report.failure is None
        assert report.counts.added == 1
    assert (await source_states(house.pool))["erp"].rejected == 2
    await check_ledger(house)


@pytest.mark.parametrize("make", [growing, folding])
def test_an_identifier_that_grows_beyond_what_an_index_takes_is_none(make: Callable[[int], str]) -> None:
    assert "once written alike" in str(normalise_identifier("mpn", make(200)))
    assert isinstance(normalise_identifier("mpn", make(30)), Identifier)


async def test_unreadable_values_are_counted_under_the_longest_names(house: House) -> None:
    name = "f" * 60
    renamed = house_map(("[fields.stock]", f"[fields.{name}]"), ('\nstock = "stock"', f'\n{name} = "stock"'))
    house.rewire(renamed)
    try:
        house.systems["erp"].put(wide(200), stock="many")
        assert (await house.sync("erp")).counts.added == 1
    finally:
        house.rewire(house_map())


# ── Numbers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "written",
    ["123456789012345678901234567890.123456789", "0.00000049", "19.99999999999999999999", "1" + "0" * 40, "-0.1"],
)
async def test_a_number_has_in_the_ledger_the_digits_that_it_had_in_the_system(house: House, written: str) -> None:
    house.systems["wms"].put("1", rating=Decimal(written))
    house.systems["erp"].put("1", price=written, weight=Decimal(written))
    await house.sync_all(["wms", "erp"])
    rating = (await house.ledger.fetch([RecordKey("wms", "1")], ["rating"]))[RecordKey("wms", "1")]["rating"]
    assert isinstance(rating, Reading)
    assert encode(FieldType.NUMBER, rating.claims[0].value) == written
    assert rating.claims[0].value == Decimal(written)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), Decimal("1e400"), 10**4000, "NaN", "1e400"],
)
async def test_what_is_no_number_is_unreadable_and_not_absent_or_zero(house: House, value: Any) -> None:
    house.systems["wms"].put("1", rating=value)
    assert (await house.sync("wms")).counts.added == 1
    rating = (await house.ledger.fetch([RecordKey("wms", "1")], ["rating"]))[RecordKey("wms", "1")]["rating"]
    assert isinstance(rating, Reading)
    assert rating.claims[0].value is None
    assert rating.claims[0].unreadable
    document = await house.pool.fetchval("select document from records where source = 'wms'")
    assert isinstance(document["rating"], str), "shown as it was, in a form that is JSON"


@pytest.mark.parametrize("confidence", ["NaN", "Infinity", "-1", "1.5"])
async def test_a_confidence_is_a_share(house: House, confidence: str) -> None:
    house.systems["erp"].put("1", price="10")
    await house.sync_all(["erp"])
    with pytest.raises(asyncpg.CheckViolationError):
        await house.pool.execute(f"update crosswalk set confidence = '{confidence}'")


async def test_lookups_of_any_text_find_nothing_and_break_nothing(house: House) -> None:
    for text in (wide(300), growing(300), "\U0010ffff", "'; --", "%_"):
        assert await find_products(house.pool, {}, [Wanted(0, "name", text)], ["erp"]) == {}
