"""What is read from a title: words in any script, quantities, model numbers, colours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.matching.profile import Listing, Profile, model_like, profile, usable
from resolvers.matching.quantities import Amount, amounts
from resolvers.matching.wording import respelt
from resolvers.matching.words import MAX_TEXT, plain


def of(name: str) -> Profile:
    return profile(Listing("1", name))


@pytest.mark.parametrize(
    ("text", "dimension", "amount"),
    [
        ("16GB", "data", 16000),
        ("16 gb", "data", 16000),
        ("1 TB", "data", 1_000_000),
        ("40'", "screen", 40),
        ('40"', "screen", 40),
        ("14.1-Inch", "screen", 14.1),
        ("1,5 kg", "mass", 1500),
        ("230V", "voltage", 230),
        ("pack of 12", "pack", 12),
        ("12-pack", "pack", 12),
        ("100/box", "pack", 100),
        ("25.0 Cu. Ft.", "space", 25),
        ("25 cubic feet", "space", 25),
        ("22-1/2'", "screen", 22.5),
        ("22 1/2 inch", "screen", 22.5),
        ("22½ inch", "screen", 22.5),
        ("3/4-inch", "screen", 0.75),
        ("1/4 kg", "mass", 250),
    ],
)
def test_a_quantity_is_one_however_it_is_written(text: str, dimension: str, amount: float) -> None:
    found, rest = amounts(plain(text))
    assert Amount(dimension, amount) in found
    assert not any(map(str.isdigit, rest))


@pytest.mark.parametrize("text", ["24/7 pc", "3/2 inch", "1/2/2007", "10/100/1000"])
def test_what_is_no_part_of_one_is_no_fraction(text: str) -> None:
    assert not any(one.amount < 2 for one in amounts(plain(text))[0])


@pytest.mark.parametrize("text", ["VN-4100PC", "CLI-8M", "MP3", "A4", "PS3"])
def test_a_part_of_a_model_number_is_no_quantity(text: str) -> None:
    assert amounts(plain(text))[0] == frozenset()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Shelf CD-SB10", "cdsb10"),
        ("Shelf CDSB10", "cdsb10"),
        ("Mount - 9N00.101", "9n00101"),
        ("Card 910-000153", "910000153"),
        ("Tripod 5160", "5160"),
    ],
)
def test_a_model_number_is_read_without_its_punctuation(text: str, code: str) -> None:
    assert code in of(text).name.codes


def test_a_model_number_with_spaces_is_tried_as_one() -> None:
    assert "mdrex32lpblk" in of("Earbuds MDR EX32LP/BLK").joined


@pytest.mark.parametrize("text", ["2009", "1999", "16gb", "40'", "10ft", "42", "5-pack"])
def test_a_year_a_size_or_a_quantity_is_no_model_number(text: str) -> None:
    assert of(f"Kettle {text}").name.codes == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"), [("ab1", True), ("1234", True), ("123", False), ("abc", False), ("2024", False)]
)
def test_what_may_be_a_model_number(text: str, expected: bool) -> None:
    assert model_like(text) is expected


def test_colours_are_one_in_their_abbreviations_and_translations() -> None:
    assert [of(f"Kettle {word}").name.colours for word in ("Black", "BLK", "schwarz")] == [frozenset({"black"})] * 3


def test_other_scripts_are_read() -> None:
    one, other = of("電気ケトル 1.7L ブラック"), of("ﾌﾞﾗｯｸ 電気ケトル １．７Ｌ")
    assert one.name.words == other.name.words
    assert one.name.quantities == other.name.quantities == frozenset({Amount("volume", 1700)})
    assert of("Чайник ЭЛЕКТРИЧЕСКИЙ").name.words == of("чайник электрический").name.words
    assert of("Crème Brûlée").name.words == of("creme brulee").name.words
    assert of("чай").name.words != of("чаи").name.words


@pytest.mark.parametrize("value", ["", "N/A", "n/a", "0000000000000", "-", "unknown", "xxxx", "   "])
def test_a_placeholder_identifies_nothing(value: str) -> None:
    assert not usable(value)
    one = profile(
        Listing(
            "1",
            "Kettle",
            brand=value if value in ("N/A", "-", "unknown") else "",
            identifiers={"gtin": value, "mpn": value},
        )
    )
    assert (one.values, one.model, one.brand) == ({}, "", "")


@pytest.mark.parametrize("price", [None, 0.0, -5.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_none(price: float | None) -> None:
    assert profile(Listing("1", "Kettle", price=price)).price is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("folder", "fldr", True),
        ("envelope", "env", True),
        ("headphone", "headphones", True),
        ("wireless", "wirless", True),
        ("black", "block", True),
        ("cat", "car", False),
        ("mountain", "road", False),
        ("printer", "plotter", False),
    ],
)
def test_what_is_another_spelling(one: str, other: str, expected: bool) -> None:
    assert respelt(one, other) is respelt(other, one) is expected


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    first, second = of(text), of(text)
    assert first == second
    assert all(word and not any(map(str.isspace, word)) for word in first.name.words | first.name.codes)


@given(st.text(max_size=200))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert len(plain(text)) <= MAX_TEXT
    assert plain(text).upper().lower() == plain(text) or not text.isascii()
