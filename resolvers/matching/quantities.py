"""Quantities in titles: sizes, capacities, voltages, pack counts. ``16GB``, ``16 GB`` and ``16-gigabyte`` are one.

:mod:`sources.units` reads a value that a system says is a quantity; here the text is free, so only what titles write is
taken for a unit, and what two titles may write in two units of a dimension is brought to one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# By dimension: a unit's name and its factor, and again. Those before the slash may follow after a space or a hyphen, those
# after it must stand at the number.
_TABLE = {
    "data": "kb 0.001 mb 1 gb 1000 tb 1000000 megabyte 1 megabytes 1 gigabyte 1000 gigabytes 1000 terabyte 1000000 gig 1000"
    " / g 1000",
    "screen": "inch 1 inches 1 zoll 1 pouces 1 / in 1 \" 1 '' 1 ' 1",
    "length": "mm 0.001 cm 0.01 meter 1 meters 1 metre 1 metres 1 ft 0.3048 feet 0.3048 foot 0.3048 yd 0.9144 yards 0.9144"
    " / m 1",
    "mass": "kg 1000 gram 1 grams 1 lb 453.6 lbs 453.6 pound 453.6 pounds 453.6 mg 0.001 / g 1",
    "volume": "ml 1 cl 10 liter 1000 liters 1000 litre 1000 litres 1000 gallon 3785 gallons 3785 l 1000",
    "ounces": "oz 1 ounce 1 ounces 1 floz 1",
    "space": "cuft 1",
    "power": "watt 1 watts 1 kw 1000 w 1",
    "voltage": "volt 1 volts 1 v 1",
    "charge": "mah 1 / ah 1000",
    "current": "amp 1 amps 1 ampere 1 / a 1",
    "frequency": "hz 0.000001 khz 0.001 mhz 1 ghz 1000",
    "pixels": "mp 1 megapixel 1 megapixels 1 mpix 1",
    "lines": "/ p 1 i 1",
    "heat": "btu 1 btus 1",
    "pack": "pack 1 packs 1 pk 1 ct 1 count 1 pcs 1 pc 1 pieces 1 piece 1 stück 1 stk 1 er-pack 1 disc 1 discs 1 sheets 1",
    "packed": "pack 1 packs 1 pk 1 er-pack 1",
    "ports": "port 1 ports 1",
    "time": "minutes 1 minute 1 min 1 hours 60 hour 60 hr 60",
}
_SPOKEN = (
    (re.compile(r"\bcu(?:bic)?\.?[ -]?(?:ft|feet|foot)\b\.?"), "cuft"),
    (re.compile(r"\bfl(?:uid)?\.? ?(?:oz|ounces?)\b\.?"), "floz"),
)
_PACK_WORDS = "pack|set|box|case|carton|bundle|packung|lot"
_NUMBER = r"(?<![\w.,])(?<![^\W\d_]-)(\d{1,7}(?:[.,]\d{1,3})?)"


class Amount(NamedTuple):
    """A quantity: what it measures, and how much in that dimension's unit, to four digits."""

    dimension: str
    amount: float


def _units() -> tuple[dict[str, list[tuple[str, float]]], list[str], list[str]]:
    meaning: dict[str, list[tuple[str, float]]] = {}
    spaced: list[str] = []
    close: list[str] = []
    for dimension, listing in _TABLE.items():
        far, _, near = listing.partition("/")
        for part, names in ((far, spaced), (near, close)):
            entries = part.split()
            for name, factor in zip(entries[::2], entries[1::2], strict=True):
                meaning.setdefault(name, []).append((dimension, float(factor)))
                names.append(name)
    return meaning, spaced, close


_MEANING, _SPACED, _CLOSE = _units()


def _either(names: list[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True))


_QUANTITY = re.compile(rf"{_NUMBER}(?:[ -]{{0,2}}({_either(_SPACED)})|-?({_either(_CLOSE)}))(?![^\W\d_])")
_FRACTION = re.compile(
    r"(?<![\w.,/])(?:(\d{1,4})[ -]{1,2})?(\d{1,2})/(2|3|4|8|16|32|64)"
    rf"(?=(?:[ -]{{0,2}}(?:{_either(_SPACED)})|-?(?:{_either(_CLOSE)}))(?![^\W\d_]))"
)
"""``22-1/2"``: a number of a quantity, whole and broken."""
_PACK_OF = re.compile(
    rf"\b(?:{_PACK_WORDS}) (?:of|à|von|de) (\d{{1,5}})\b"
    rf"|\b(\d{{1,4}}) ?(?:x|/) ?(?:{_PACK_WORDS})\b"
    rf"|\b(\d{{1,5}})/(?:{_PACK_WORDS}|pk|bx|ct|st)\b"
)


_EXTENT = re.compile(
    r"(?<![\w.,])(\d{1,4}(?:[.,]\d)?) ?[x×] ?(\d{1,4}(?:[.,]\d)?)(?: ?[x×] ?(\d{1,4}(?:[.,]\d)?))?(?![\w×])"
)
"""``30x40``: two or three sides."""


def amounts(text: str) -> tuple[frozenset[Amount], str]:
    """The quantities in a :func:`~resolvers.matching.words.plain` text, and the text without them."""
    found: set[Amount] = set()

    def take(match: re.Match[str]) -> str:
        number, unit = match[1], match[2] or match[3]
        figure = float(number.replace(",", "." if len(number.rpartition(",")[2]) < 3 else ""))
        for dimension, factor in _MEANING[unit]:
            found.add(Amount(dimension, _rounded(figure * factor)))
        return " "

    def take_pack(match: re.Match[str]) -> str:
        count = float(match[1] or match[2] or match[3])
        found.update((Amount("pack", count), Amount("packed", count)))
        return " "

    def take_extent(match: re.Match[str]) -> str:
        sides = [float(side.replace(",", ".")) for side in match.groups() if side]
        found.add(Amount("extent", sum(side * 10_000**place for place, side in enumerate(reversed(sides)))))
        return " "

    if not any(map(str.isdigit, text)):
        return frozenset(), text
    for pattern, name in _SPOKEN:
        text = pattern.sub(name, text)
    rest = _PACK_OF.sub(take_pack, _FRACTION.sub(_decimal, text))
    rest = _EXTENT.sub(take_extent, rest)
    rest = _QUANTITY.sub(take, rest)
    return frozenset(found), rest


def _decimal(match: re.Match[str]) -> str:
    whole, part, of = int(match[1] or 0), int(match[2]), int(match[3])
    return f"{whole + part / of:.3f}" if part < of else match[0]


def _rounded(figure: float) -> float:
    return float(f"{figure:.4g}")
