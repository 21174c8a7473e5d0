from __future__ import annotations

from decimal import Decimal
from typing import Any

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.units import UNITS, convert, dimension, find_unit, same_dimension, unit_symbols
from sources.values import Quantity


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("kg", "kg"),
        ("KG", "kg"),
        ("Kg.", "kg"),
        ("lbs", "lb"),
        ("lbs.", "lb"),
        ("Gramm", "g"),
        ("t", "t"),
        ('"', "in"),
        ("″", "in"),
        ("''", "in"),
        ("Zoll", "in"),
        ("in.", "in"),
        ("'", "ft"),
        ("mm", "mm"),
        ("MM", "mm"),
        ("fl oz", "fl oz"),
        ("fl. oz.", "fl oz"),
        ("Liter", "l"),
        ("ML", "ml"),
        ("cm3", "cm³"),
        ("m2", "m²"),
        ("qm", "m²"),
        ("°C", "°C"),
        ("℃", "°C"),
        ("º C", "°C"),
        ("Stück", "pcs"),
        ("Stk.", "pcs"),
        ("pcs", "pcs"),
        ("pc", "pcs"),
        ("mW", "mW"),
        ("MW", "MW"),
        ("MB", "MB"),
        ("Mb", "Mbit"),
        ("μm", "µm"),
        ("um", "µm"),
        ("dB (A)", "dB(A)"),
        ("dB", "dB(A)"),
        ("prozent", "%"),
        ("Stunden", "h"),
        ("mois", "month"),
        ("V~", "V"),
        ("Ohm", "Ω"),
    ],
)
def test_units_are_found_as_people_write_them(written: str, unit: str) -> None:
    assert find_unit(written) == unit


@pytest.mark.parametrize(
    "written", ["", "kgg", "mw", "mb", "ton", "Pfund", "livre", "cup", "5", "kg/m", "x" * 1000, "\0"]
)
def test_what_is_no_unit_or_could_be_two_is_not_found(written: str) -> None:
    assert find_unit(written) is None


@pytest.mark.parametrize(
    ("amount", "unit", "target", "expected"),
    [
        ("0.85", "kg", "g", "850"),
        ("1.874", "lb", "g", "850.03210138"),
        ("850", "g", "kg", "0.85"),
        ("1", "in", "mm", "25.4"),
        ("12", "fl oz", "ml", "354.88235475"),
        ("212", "°F", "°C", "100"),
        ("100", "°C", "°F", "212"),
        ("-273.15", "°C", "K", "0"),
        ("24", "month", "year", "2"),
        ("1000000000000", "t", "g", "1000000000000000000"),
        ("0", "kg", "g", "0"),
        ("1", "g", "t", "0.000001"),
        ("1", "kWh", "J", "3600000"),
        ("1", "g", "lb", "0.00220462262185"),
    ],
)
def test_conversion_is_exact_and_plain(amount: str, unit: str, target: str, expected: str) -> None:
    converted = convert(Quantity(Decimal(amount), unit), target)
    assert (format(converted.amount, "f"), converted.unit) == (expected, target)
    assert "E" not in str(converted.amount) or Decimal(expected) < Decimal("0.00001")


def test_a_quantity_in_the_wanted_unit_comes_back_as_written() -> None:
    assert str(convert(Quantity(Decimal("0.850"), "kg"), "kg").amount) == "0.850"
    assert convert(Quantity(Decimal("2"), "lbs"), "lb") == Quantity(Decimal("2"), "lb")


def test_what_cannot_be_converted_says_what_to_write() -> None:
    with pytest.raises(ValueError, match="g is a unit of mass, cm of length"):
        convert(Quantity(Decimal(1), "g"), "cm")
    with pytest.raises(ValueError, match='"furlong" is not a unit that Whence knows; write one of g, kg'):
        dimension("furlong")
    assert same_dimension("lbs", "g")
    assert not same_dimension("lb", "l")
    assert unit_symbols("voltage") == ("V", "mV", "kV")


@given(
    st.sampled_from(sorted(UNITS)).flatmap(
        lambda first: st.tuples(st.just(first), st.sampled_from(unit_symbols(dimension(first))))
    ),
    st.decimals(min_value="0.001", max_value="1000000", places=4),
)
def test_there_and_back_is_the_same_amount(units: tuple[str, str], amount: Decimal) -> None:
    first, second = units
    there = convert(Quantity(amount, first), second)
    back = convert(there, first)
    # Rounding to 12 digits, and for temperatures the offset, which 12 digits are counted with.
    assert abs(back.amount - amount) <= max(abs(amount), Decimal(1000)) * Decimal("1e-9")


PINT_NAMES = {
    "µg": "microgram",
    "t": "metric_ton",
    "st": "stone",
    "°C": "degC",
    "°F": "degF",
    "K": "kelvin",
    "m²": "m**2",
    "cm²": "cm**2",
    "mm²": "mm**2",
    "km²": "km**2",
    "in²": "inch**2",
    "ft²": "foot**2",
    "in": "inch",
    "ft": "foot",
    "yd": "yard",
    "mi": "mile",
    "µm": "micrometer",
    "ha": "hectare",
    "m³": "m**3",
    "dm³": "dm**3",
    "cm³": "cm**3",
    "mm³": "mm**3",
    "fl oz": "US_fluid_ounce",
    "pt": "pint",
    "qt": "quart",
    "gal": "gallon",
    "imp fl oz": "imperial_fluid_ounce",
    "imp gal": "imperial_gallon",
    "in³": "inch**3",
    "ft³": "foot**3",
    "PS": "metric_horsepower",
    "BTU/h": "Btu_it/hour",
    "BTU": "Btu_it",
    "VA": "volt*ampere",
    "kVA": "kilovolt*ampere",
    "kWh/a": "kWh/year",
    "Ω": "ohm",
    "kΩ": "kiloohm",
    "MΩ": "megaohm",
    "mΩ": "milliohm",
    "rpm": "1/minute",
    "s": "second",
    "h": "hour",
    "d": "day",
    "atm": "standard_atmosphere",
    "B": "byte",
    "kB": "kilobyte",
    "MB": "megabyte",
    "GB": "gigabyte",
    "TB": "terabyte",
    "KiB": "kibibyte",
    "MiB": "mebibyte",
    "GiB": "gibibyte",
    "TiB": "tebibyte",
    "MB/s": "megabyte/second",
    "%": "percent",
    "lm": "lumen",
    "lx": "lux",
    "Nm": "newton*meter",
    "°": "degree",
    "km/h": "km/hour",
    "mph": "mile/hour",
    "l/h": "l/hour",
    "l/min": "l/minute",
    "l/s": "l/second",
    "m³/h": "m**3/hour",
    "cfm": "foot**3/minute",
    "g/m²": "g/m**2",
    "A": "ampere",
    "Ah": "ampere*hour",
    "mAh": "milliampere*hour",
    "kcal": "kilocalorie",
    "cal": "calorie",
}
NOT_IN_PINT = {"pcs", "pair", "dozen", "dB(A)", "‰", "ppm"}


def test_every_factor_is_that_of_an_independent_library() -> None:
    registry: Any = pint.UnitRegistry(non_int_type=Decimal)
    for symbol, unit in UNITS.items():
        base = next(name for name, other in UNITS.items() if other.dimension == unit.dimension)
        if symbol in NOT_IN_PINT:
            continue
        theirs = registry.Quantity(Decimal(7), PINT_NAMES.get(symbol, symbol)).to(PINT_NAMES.get(base, base)).magnitude
        ours = convert(Quantity(Decimal(7), symbol), base).amount
        assert abs(ours - theirs) <= abs(theirs) * Decimal("1e-11"), (symbol, base, ours, theirs)
