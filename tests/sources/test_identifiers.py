from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from sources.contract import Identifier
from sources.identifiers import brand_and_mpn, normalise_identifier


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("4006381333931", "04006381333931"),
        ("4006381333931.0", "04006381333931"),
        (" 4006381-333 931 ", "04006381333931"),
        ("036000291452", "00036000291452"),
        ("36000291452", "00036000291452"),  # a spreadsheet dropped the zero
        ("73513537", "00000073513537"),
        ("978-0-471-11709-4", "09780471117094"),
        ("000004006381333931", "04006381333931"),  # 18 places, as some ERPs write every number
        ("14006381333938", "14006381333938"),
    ],
)
def test_gtins_come_in_fourteen_digits(raw: str, value: str) -> None:
    assert normalise_identifier("gtin", raw) == Identifier("gtin", value, raw.strip())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("4006381333932", "wrong check digit: 1 would be right"),
        ("4.00638E+12", "lost its last digits"),
        ("4,00638E+12", "lost its last digits"),
        ("4E12", "lost its last digits"),
        ("N/A", "stands for no identifier"),
        ("0", "stands for no identifier"),
        ("-", "stands for no identifier"),
        ("0000000000000", "stands for no identifier"),
        ("1111111111111", "stands for no identifier"),
        ("1234567890128", "sample number"),
        ("1234", "has 4 digits"),
        ("123456789012345", "has 15 digits"),
        ("40063813ABC31", "not made of digits"),
        ("9" * 300, "300 characters"),
        ("40063\0", "NUL"),
        ("\ud800", "surrogate"),
        ("", "stands for no identifier"),
    ],
)
def test_what_is_no_gtin_says_why(raw: str, reason: str) -> None:
    answer = normalise_identifier("gtin", raw)
    assert isinstance(answer, str)
    assert reason in answer
    assert "\0" not in answer
    answer.encode()


@given(st.integers(min_value=10**11, max_value=10**13 - 1), st.integers(min_value=0, max_value=4))
def test_zeros_before_a_gtin_change_nothing(number: int, zeros: int) -> None:
    gtin = f"{number}{ean.calc_check_digit(str(number))}"
    plain, padded = normalise_identifier("gtin", gtin), normalise_identifier("gtin", "0" * zeros + gtin)
    if isinstance(plain, Identifier):
        assert isinstance(padded, Identifier)
        assert plain.value == padded.value == gtin.rjust(14, "0")
    wrong = f"{number}{(int(gtin[-1]) + 1) % 10}"
    assert isinstance(normalise_identifier("gtin", wrong), str)


@pytest.mark.parametrize(
    ("scheme", "raw", "value"),
    [
        ("sku", " BREW-\u200b01  x ", "brew-01 x"),
        ("sku", "Cafe\u0301", "caf\u00e9"),
        ("sku", "A.0", "a.0"),
        ("mpn", "CD-SB10", "cdsb10"),
        ("mpn", "cd sb/1.0", "cdsb10"),
        ("mpn", "121066.0", "121066"),
        ("mpn", "ＡＢ１", "ab1"),
        ("brand", "  Brewster   &  Sons ", "brewster & sons"),
        ("brand", "A|B", "a b"),
    ],
)
def test_other_identifiers_are_compared_without_what_people_vary(scheme: str, raw: str, value: str) -> None:
    answer = normalise_identifier(scheme, raw)
    assert isinstance(answer, Identifier)
    assert answer.value == value


@pytest.mark.parametrize(
    ("scheme", "raw"),
    [
        ("sku", "n/a"),
        ("sku", "--"),
        ("sku", "000"),
        ("mpn", "x"),
        ("mpn", "TBD"),
        ("mpn", "1.21E+05"),
        ("brand", "No name"),
        ("brand", "unbekannt"),
        ("brand", "..."),
    ],
)
def test_placeholders_identify_nothing(scheme: str, raw: str) -> None:
    assert isinstance(normalise_identifier(scheme, raw), str)


def test_brand_and_mpn_are_one_identifier() -> None:
    brand, mpn = normalise_identifier("brand", "Brewster"), normalise_identifier("mpn", "BK-17")
    assert isinstance(brand, Identifier)
    assert isinstance(mpn, Identifier)
    assert brand_and_mpn(brand, mpn) == Identifier("brand+mpn", "brewster|bk17", "Brewster BK-17")


def test_a_scheme_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="write one of gtin, sku, mpn, brand"):
        normalise_identifier("isbn", "1")


@given(st.sampled_from(["gtin", "sku", "mpn", "brand"]), st.text(alphabet=st.characters(), max_size=40))
def test_normalising_twice_is_normalising_once(scheme: str, raw: str) -> None:
    once = normalise_identifier(scheme, raw)
    if isinstance(once, Identifier):
        again = normalise_identifier(scheme, once.value)
        assert isinstance(again, str) or again.value == once.value
