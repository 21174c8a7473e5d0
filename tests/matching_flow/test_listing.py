"""What of a record is compared, and that it comes back from the ledger as it went in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.matching.profile import Listing, profile
from resolvers.matching_flow.listing import listing
from resolvers.matching_flow.storing import hashed, restored, stored
from sources.ledger.match_records import SourceRecord
from tests.matching_flow.shops import shops_map

MAP = shops_map()


def entry(value: Any, **scope: str) -> dict[str, Any]:
    return {"value": value, "basis": "OBSERVED", **scope}


def read(claims: dict[str, list[dict[str, Any]]], names: tuple[str, ...] = (), identifiers: Any = ()) -> Listing:
    assert MAP.matching is not None
    record = SourceRecord("r1", claims, names, list(identifiers), datetime(2026, 11, 22, tzinfo=UTC))
    return listing(record, MAP.matching, MAP.fields)


def test_a_name_is_taken_in_the_language_that_most_catalogues_have() -> None:
    both = [entry("Wasserkocher", locale="de"), entry("Kettle", locale="en")]
    assert read({"name": both}).name == "Kettle"
    assert read({"name": both[:1]}).name == "Wasserkocher"
    assert read({"name": [entry("Bouilloire", locale="fr")]}).name == "Bouilloire"
    assert read({"name": [entry("Anything"), *both[:1]]}).name == "Wasserkocher"


def test_a_channel_is_second_choice() -> None:
    channel = entry("Kettle!!! -20 %", locale="en", channel="shop")
    assert read({"name": [channel, entry("Kettle", locale="en")]}).name == "Kettle"
    assert read({"name": [channel]}).name == "Kettle!!! -20 %"


@pytest.mark.parametrize("claims", [{}, {"name": []}, {"name": [entry(None)]}])
def test_without_a_claim_the_department_s_own_name_stands_in(claims: Any) -> None:
    assert read(claims, (" ", "KTL 1.7")).name == "KTL 1.7"


def test_a_claim_that_cannot_be_read_says_nothing() -> None:
    claims = {"name": [{**entry(None), "unreadable": "it is a list"}], "price": [{**entry(None), "unreadable": "no"}]}
    found = read(claims, ("KTL",))
    assert (found.name, found.price) == ("KTL", None)


def test_money_is_a_number_only_in_the_field_s_currency() -> None:
    assert read({"price": [entry({"amount": "49.90", "currency": "EUR"})]}).price == 49.9
    assert read({"price": [entry({"amount": "49.90", "currency": "USD"})]}).price is None


def test_quantities_are_said_in_one_unit() -> None:
    here = read({"capacity": [entry({"amount": "1.7", "unit": "l"})]}).attributes["capacity"]
    there = read({"capacity": [entry({"amount": "1700", "unit": "ml"})]}).attributes["capacity"]
    assert here == there == "1.7l"
    assert read({"capacity": [entry({"amount": "1700", "unit": "g"})]}).attributes == {}


def test_identifiers_are_those_that_are_valid() -> None:
    found = read(
        {},
        identifiers=[
            {"scheme": "gtin", "raw": "0000000000000", "invalid": "it is a placeholder"},
            {"scheme": "sku", "value": "K-1", "raw": "k-1"},
            {"scheme": "sku", "value": "K-2", "raw": "k-2"},
            {"scheme": "brand+mpn", "value": "okanda|k1", "raw": "Okanda K1"},
        ],
    )
    assert found.identifiers == {"sku": "K-1"}
    assert found.brand == "okanda"


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80)


@given(TEXTS, TEXTS, st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_profile_comes_back_as_it_was(name: str, description: str, price: float | None) -> None:
    read_ = profile(Listing("k", f"{name} 16 GB red", description, "Sony", "Cameras", price, {"mpn": "DSC-W5"}))
    kept = stored(read_)
    assert restored(kept.profile) == read_
    assert list(kept.keys) == sorted(set(kept.keys))
    assert all(-(2**63) <= key < 2**63 for key in kept.keys)


def test_an_amount_beyond_all_numbers_is_left_out() -> None:
    read_ = profile(Listing("k", "9" * 400 + " GB drive"))
    assert restored(stored(read_).profile).name.words == read_.name.words
    orjson.loads(stored(read_).profile)


def test_keys_differ() -> None:
    assert len({hashed(f"w:{number}") for number in range(20_000)}) == 20_000
