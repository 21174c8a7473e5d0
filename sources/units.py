"""The units that Whence knows, as people write them, and exact conversion between those of one dimension.

Why a table and not a units library: its parser reads ``10 pcs`` as ten parsecs and knows no ``Stück`` and no ``5 "``,
so every unit must be listed here anyway, and what it would then add is constants that standards fix exactly (a pound is
0.45359237 kg). Importing pint and making its registry costs half a second at every start; it is what the tests compare
these factors with, one by one.

A unit's size is exact: a fraction of its dimension's base unit, and for temperatures an offset. Names are compared
after NFKC, without dots and with white space collapsed; first as written (``mW`` is not ``MW``), then without regard to
case where only one unit can be meant. Words that mean different units in different places (ton, Pfund, livre, cup) are
not listed: a weight that is wrong by ten percent is worse than one that is named as unreadable.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache

from sources.values import Quantity

SIGNIFICANT_DIGITS = 12
"""A converted amount is rounded to this many digits."""

_EXACT = Context(prec=100)
_ROUND = Context(prec=SIGNIFICANT_DIGITS)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``base = (amount + offset) * factor`` in the base unit of its dimension, whose factor is 1."""

    symbol: str
    dimension: str
    factor: Fraction
    offset: Decimal
    aliases: tuple[str, ...]


# symbol | factor | aliases, separated by commas
_TABLE = {
    "mass": """
        g   | 1                | gr, gram, grams, gramme, grammes, gramm
        kg  | 1000             | kgs, kilo, kilos, kilogram, kilograms, kilogramm, kilogramme, kilogrammes
        mg  | 1/1000           | milligram, milligrams, milligramm, milligramme
        µg  | 1/1000000        | ug, mcg, microgram, micrograms
        t   | 1000000          | tonne, tonnes, tonnen, metric ton, metric tons
        lb  | 453.59237        | lbs, pound, pounds
        oz  | 28.349523125     | ounce, ounces
        st  | 6350.29318       | stone
    """,
    "length": """
        m   | 1                | meter, meters, metre, metres, mètre, mètres, mtr
        mm  | 1/1000           | millimeter, millimeters, millimetre, millimetres, millimètre, millimètres
        cm  | 1/100            | centimeter, centimeters, centimetre, centimetres, zentimeter, centimètre, centimètres
        dm  | 1/10             | decimetre, decimeter, dezimeter
        km  | 1000             | kilometer, kilometers, kilometre, kilometres
        µm  | 1/1000000        | um, micron, microns, micrometre, micrometer
        nm  | 1/1000000000     | nanometre, nanometer
        in  | 0.0254           | ", '', ″, “, ”, inch, inches, zoll, pouce, pouces
        ft  | 0.3048           | ', ′, ’, foot, feet, fuß
        yd  | 0.9144           | yard, yards
        mi  | 1609.344         | mile, miles
    """,
    "area": """
        m²  | 1                | qm, sqm, sq m, square metre, square metres, square meter, square meters, quadratmeter
        cm² | 1/10000          | qcm, sq cm, square centimetre, quadratzentimeter
        mm² | 1/1000000        | qmm, sq mm
        km² | 1000000          | sq km
        ha  | 10000            | hectare, hectares, hektar
        in² | 0.00064516       | sq in, square inch, square inches
        ft² | 0.09290304       | sq ft, sqft, square foot, square feet
    """,
    "volume": """
        l     | 1                | ltr, liter, liters, litre, litres
        ml    | 1/1000           | milliliter, milliliters, millilitre, millilitres
        cl    | 1/100            | centiliter, centilitre, zentiliter
        dl    | 1/10             | deciliter, decilitre, deziliter
        hl    | 100              | hectolitre, hectoliter, hektoliter
        m³    | 1000             | cbm, cubic metre, cubic metres, cubic meter, cubic meters, kubikmeter
        dm³   | 1                | cubic decimetre
        cm³   | 1/1000           | ccm, cc, cubic centimetre, kubikzentimeter
        mm³   | 1/1000000        |
        fl oz | 0.0295735295625  | floz, us fl oz, oz fl, fluid ounce, fluid ounces
        pt    | 0.473176473      | pint, pints, us pt
        qt    | 0.946352946      | quart, quarts, us qt
        gal   | 3.785411784      | gallon, gallons, us gal
        imp fl oz | 0.0284130625 | uk fl oz
        imp gal | 4.54609        | uk gal
        in³   | 0.016387064      | cu in, cubic inch, cubic inches
        ft³   | 28.316846592     | cu ft, cuft, cubic foot, cubic feet
    """,
    "power": """
        W     | 1                | watt, watts
        mW    | 1/1000           | milliwatt, milliwatts
        kW    | 1000             | kilowatt, kilowatts
        MW    | 1000000          | megawatt, megawatts
        PS    | 735.49875        | cv, pferdestärke, pferdestärken, metric hp
        hp    | 745.69987158227022 | horsepower
        BTU/h | 1055.05585262/3600 | btu/hr, btuh
    """,
    "apparent power": """
        VA  | 1                | volt ampere, voltampere
        kVA | 1000             |
    """,
    "energy": """
        J    | 1                | joule, joules
        mJ   | 1/1000           | millijoule, millijoules
        kJ   | 1000             | kilojoule, kilojoules
        MJ   | 1000000          | megajoule, megajoules
        Wh   | 3600             | watt hour, watt hours, wattstunden
        mWh  | 3.6              |
        kWh  | 3600000          | kilowatt hour, kilowatt hours, kilowattstunde, kilowattstunden
        MWh  | 3600000000       |
        cal  | 4.184            | calorie, calories, kalorien
        kcal | 4184             | kilocalorie, kilocalories, kilokalorien
        BTU  | 1055.05585262    | btus
    """,
    "energy a year": """
        kWh/a | 1               | kwh/year, kwh/annum, kwh/jahr, kwh/an, kwh/yr
    """,
    "voltage": """
        V   | 1                | volt, volts, vac, v ac, v~, vdc, v dc, v-, v⎓, v=
        mV  | 1/1000           | millivolt, millivolts
        kV  | 1000             | kilovolt, kilovolts
    """,
    "current": """
        A   | 1                | amp, amps, ampere, amperes, ampère, ampères
        mA  | 1/1000           | milliamp, milliamps, milliampere
    """,
    "charge": """
        Ah  | 1                | amp hour, amp hours, amperestunden
        mAh | 1/1000           | milliamp hour, milliamp hours
    """,
    "resistance": """
        Ω   | 1                | ohm, ohms
        mΩ  | 1/1000           | milliohm
        kΩ  | 1000             | kohm, kiloohm
        MΩ  | 1000000          | megaohm
    """,
    "frequency": """
        Hz  | 1                | hertz
        kHz | 1000             | kilohertz
        MHz | 1000000          | megahertz
        GHz | 1000000000       | gigahertz
    """,
    "rotation": """
        rpm | 1                | 1/min, u/min, tr/min, r/min, min-1
    """,
    "temperature": """
        °C  | 1    + 273.15    | C, degc, deg c, ° c, celsius, degrees celsius, grad celsius
        °F  | 5/9  + 459.67    | F, degf, deg f, ° f, fahrenheit, degrees fahrenheit
        K   | 1                | kelvin
    """,
    "time": """
        s     | 1              | sec, secs, second, seconds, sek, sekunde, sekunden, seconde, secondes
        ms    | 1/1000         | millisecond, milliseconds
        min   | 60             | mins, minute, minutes, minuten
        h     | 3600           | hr, hrs, hour, hours, std, stunde, stunden, heure, heures
        d     | 86400          | day, days, tag, tage, jour, jours
        week  | 604800         | weeks, wk, wks, woche, wochen, semaine, semaines
        month | 2629800        | months, mo, monat, monate, mois
        year  | 31557600       | years, yr, yrs, a, jahr, jahre, an, ans, année, années
    """,
    "pressure": """
        Pa   | 1               | pascal, pascals
        hPa  | 100             | hectopascal
        kPa  | 1000            | kilopascal
        MPa  | 1000000         | megapascal
        bar  | 100000          | bars
        mbar | 100             | millibar
        psi  | 4.4482216152605/0.00064516 | lb/in², lbf/in²
        atm  | 101325          | atmosphere, atmospheres
    """,
    "data": """
        B    | 1               | byte, bytes, octet, octets
        kB   | 1000            | kilobyte, kilobytes, Ko
        MB   | 1000000         | megabyte, megabytes, Mo
        GB   | 1000000000      | gigabyte, gigabytes, Go
        TB   | 1000000000000   | terabyte, terabytes, To
        KiB  | 1024            | kibibyte
        MiB  | 1048576         | mebibyte
        GiB  | 1073741824      | gibibyte
        TiB  | 1099511627776   | tebibyte
        bit  | 1/8             | bits
        kbit | 125             | kilobit, kilobits
        Mbit | 125000          | Mb, megabit, megabits
        Gbit | 125000000       | Gb, gigabit, gigabits
    """,
    "data rate": """
        bit/s  | 1             | bps
        kbit/s | 1000          | kbps
        Mbit/s | 1000000       | mbps
        Gbit/s | 1000000000    | gbps
        MB/s   | 8000000       |
    """,
    "count": """
        pcs   | 1              | pc, pce, piece, pieces, stück, stk, St, ea, each, unit, units, pièce, pièces
        pair  | 2              | pairs, paar, paire, paires
        dozen | 12             | dozens, dz, dutzend, douzaine
    """,
    "ratio": """
        %    | 1               | percent, per cent, pct, prozent, pour cent, pourcent
        ‰    | 1/10            | permille, per mille, promille
        ppm  | 1/10000         | parts per million
    """,
    "loudness": """
        dB(A) | 1              | dba, db a, db (a), db, decibel, decibels, dezibel, décibel, décibels
    """,
    "luminous flux": """
        lm  | 1                | lumen, lumens
    """,
    "illuminance": """
        lx  | 1                | lux
    """,
    "force": """
        N   | 1                | newton, newtons
        kN  | 1000             | kilonewton
    """,
    "torque": """
        Nm  | 1                | n·m, n m, newton metre, newton metres, newtonmeter
    """,
    "angle": """
        °   | 1                | deg, degree, degrees, grad, degré, degrés
    """,
    "speed": """
        m/s  | 1               | meter/s
        km/h | 1/3.6           | kmh, kph
        mph  | 0.44704         | mi/h
    """,
    "flow": """
        l/h   | 1              | litre/h
        l/min | 60             | lpm, litre/min
        l/s   | 3600           |
        m³/h  | 1000           | cbm/h, m³/hr
        cfm   | 1699.01079552  | ft³/min, cu ft/min
    """,
    "area weight": """
        g/m² | 1               | gsm
    """,
}


def _fraction(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or "1")


def _units() -> dict[str, Unit]:
    units = {}
    for dimension_name, rows in _TABLE.items():
        for row in rows.strip().splitlines():
            symbol, size, aliases = (part.strip() for part in row.split("|"))
            factor, _, offset = (part.strip() for part in size.partition("+"))
            names = tuple(alias.strip() for alias in aliases.split(",") if alias.strip())
            units[symbol] = Unit(symbol, dimension_name, _fraction(factor), Decimal(offset or "0"), names)
    return units


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.replace("º", "°")).replace(".", " ").split())


def _index(units: dict[str, Unit]) -> tuple[dict[str, str], dict[str, str]]:
    written: dict[str, str] = {}
    folded: dict[str, set[str]] = {}
    for symbol, unit in units.items():
        for name in (symbol, *unit.aliases):
            plain = _plain(name)
            if written.setdefault(plain, symbol) != symbol:
                raise AssertionError(f"the unit name {name!r} is listed twice")
            folded.setdefault(plain.casefold(), set()).add(symbol)
    return written, {name: symbols.pop() for name, symbols in folded.items() if len(symbols) == 1}


UNITS = _units()
"""Every unit by its canonical symbol."""
_WRITTEN, _FOLDED = _index(UNITS)


@lru_cache(maxsize=4096)
def find_unit(text: str) -> str | None:
    """The canonical symbol of the unit that ``text`` names in any of its forms, or None where no one unit is meant."""
    if len(text) > 40:
        return None
    plain = _plain(text)
    return _WRITTEN.get(plain) or _FOLDED.get(plain.casefold())


def dimension(unit: str) -> str:
    """What ``unit`` measures: ``mass``, ``length``, ... Raises ValueError for a unit that is not known."""
    return _known(unit).dimension


def same_dimension(first: str, second: str) -> bool:
    """Whether the two units measure the same. Raises ValueError for a unit that is not known."""
    return _known(first).dimension == _known(second).dimension


def unit_symbols(dimension: str | None = None) -> tuple[str, ...]:
    """The canonical symbols, of one dimension or of all, for messages that say what to write."""
    return tuple(symbol for symbol, unit in UNITS.items() if dimension in (None, unit.dimension))


def convert(quantity: Quantity, unit: str) -> Quantity:
    """``quantity`` in ``unit``, rounded to SIGNIFICANT_DIGITS, without trailing zeros and in plain notation.

    A quantity that already is in ``unit`` comes back as it is. Raises ValueError for a unit that is not known or that
    measures something else.
    """
    source, target = _known(quantity.unit), _known(unit)
    if source.symbol == target.symbol:
        return quantity if quantity.unit == target.symbol else Quantity(quantity.amount, target.symbol)
    above, below = _ratio(source.symbol, target.symbol)
    shifted = _EXACT.multiply(_EXACT.add(quantity.amount, source.offset), above)
    amount = _EXACT.subtract(_EXACT.divide(shifted, below), target.offset)
    return Quantity(_trimmed(_ROUND.plus(amount)), target.symbol)


def _trimmed(number: Decimal) -> Decimal:
    number = number.normalize(_ROUND)
    _, _, exponent = number.as_tuple()
    if isinstance(exponent, int) and exponent > 0:
        return number.quantize(Decimal(1), context=_EXACT)
    return number if number else Decimal(0)


@lru_cache(maxsize=1024)
def _ratio(source: str, target: str) -> tuple[Decimal, Decimal]:
    first, second = UNITS[source], UNITS[target]
    if first.dimension != second.dimension:
        raise ValueError(f"{source} is a unit of {first.dimension}, {target} of {second.dimension}")
    ratio = first.factor / second.factor
    return Decimal(ratio.numerator), Decimal(ratio.denominator)


def _known(unit: str) -> Unit:
    symbol = unit if unit in UNITS else find_unit(unit)
    if symbol is None:
        raise ValueError(f'"{unit[:40]}" is not a unit that Whence knows; write one of {", ".join(UNITS)}')
    return UNITS[symbol]
