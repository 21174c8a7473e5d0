"""What matching knows of one record: its words, model numbers, quantities, colours, price, all as they are compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from resolvers.matching.colours import COLOURS
from resolvers.matching.quantities import Amount, amounts
from resolvers.matching.words import Spelling, pieces, plain, spellings

MAX_WORDS = 60
"""Words of a name that are looked at; more is a description in the wrong column."""
MAX_MORE = 300
"""Words of a description that are looked at."""
MAX_JOINED = 4
"""Fragments that are tried as one model number: ``mdr ex32lp/blk`` has three."""
MODEL_SCHEMES = ("mpn", "model")
"""Identifiers that are the manufacturer's number for the product."""

_YEAR = re.compile(r"(19|20)\d\d")
_DECIMAL = re.compile(r"\d+\.\d+")
_PLACEHOLDERS = frozenset(
    {"", "n/a", "na", "n.a.", "#n/a", "nan", "none", "null", "nil", "unknown", "unspecified", "tbd", "undefined"}
)
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Listing:
    """A record as it comes to matching. ``key`` names it and orders it; texts are as the source wrote them.

    ``price`` is an amount in the catalogues' currency, None or 0 where there is none. ``identifiers`` are normalised
    values by scheme. ``attributes`` are further claims by field; those that both catalogues have are compared.
    """

    key: str
    name: str
    description: str = ""
    brand: str = ""
    category: str = ""
    price: float | None = None
    identifiers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    attributes: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says: words have no digit; numbers are those that are no quantity and no model number."""

    words: frozenset[str]
    compounds: frozenset[str]
    """Words of letters with punctuation inside, written as one: ``lcs-csj`` is ``lcscsj``."""
    numbers: frozenset[str]
    codes: frozenset[str]
    """Words that may be a model number, without punctuation."""
    parts: frozenset[str]
    """Fragments of a word with punctuation inside that may be one of themselves: ``215930348`` in ``Niko_215930348``."""
    quantities: frozenset[Amount]
    colours: frozenset[str]


@dataclass(frozen=True, slots=True)
class Profile:
    """A record as it is compared."""

    key: str
    name: Reading
    more: Reading
    """The description, and the short values of attributes."""
    joined: frozenset[str]
    """Neighbouring fragments of the name as one: a title may have spaces in its model number."""
    model: str
    """The model number that the record gives as such."""
    head: str
    """The name's first word, where brands stand."""
    brand: str
    category: frozenset[str]
    price: float | None
    values: Mapping[str, str]
    """Attributes and identifiers by field, plain; without those that say nothing."""


def profile(listing: Listing) -> Profile:
    """What is compared of ``listing``."""
    quantities, rest = amounts(plain(told(listing.name)))
    spelt = list(spellings(rest))[:MAX_WORDS]
    name = _reading(spelt, quantities)
    values = {name: text for name, value in listing.attributes.items() if (text := plain(told(value)).strip())}
    values.update((scheme, value) for scheme, value in listing.identifiers.items() if usable(value))
    more_text = " | ".join(
        [
            plain(told(listing.description)),
            *(v for k, v in sorted(values.items()) if k in listing.attributes and len(v) <= 60),
        ]
    )
    more_quantities, rest = amounts(more_text)
    more = _reading(list(spellings(rest))[:MAX_MORE], more_quantities)
    model = next((compact(listing.identifiers[s]) for s in MODEL_SCHEMES if usable(listing.identifiers.get(s, ""))), "")
    return Profile(
        key=listing.key,
        name=name,
        more=more,
        joined=(_joined(spelt) | name.parts) - name.codes,
        model=model if len(model) >= 3 else "",
        head=spelt[0].fragments[0] if spelt else "",
        brand=compact(told(listing.brand)),
        category=frozenset(part for one in spellings(plain(told(listing.category))) for part in one.fragments),
        price=listing.price if listing.price and 0 < listing.price < 1e12 else None,
        values=values,
    )


def told(text: str) -> str:
    """``text``, or nothing where it says that there is nothing: ``N/A``, ``-``, ``unknown``."""
    return text if any(map(str.isalnum, text)) and text.strip().casefold() not in _PLACEHOLDERS else ""


def usable(value: str) -> bool:
    """Whether an identifier may identify: not empty, no placeholder, not one character over and over."""
    return bool(told(value)) and len(set(compact(value))) > 1


def compact(text: str) -> str:
    """``text`` plain, its letters and digits alone."""
    return "".join(part for one in spellings(plain(text)) for part in one.fragments)


def model_like(text: str) -> bool:
    """Whether a word may be a model number: letters with digits from three characters, digits alone from four, no year."""
    if text.isalpha() or len(text) > 40:
        return False
    if text.isdigit():
        return len(text) >= 4 and not _YEAR.fullmatch(text)
    return len(text) >= 3 and any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def _reading(spelt: Iterable[Spelling], quantities: frozenset[Amount]) -> Reading:
    words: set[str] = set()
    compounds: set[str] = set()
    numbers: set[str] = set()
    codes: set[str] = set()
    parts: set[str] = set()
    colours: set[str] = set()
    sizes: set[Amount] = set()
    for spelling in spelt:
        fragments = spelling.fragments
        if len(fragments) > 1:
            whole = "".join(fragments)
            if _DECIMAL.fullmatch(spelling.written.strip("()[],;:!?")):
                numbers.add(f"{float('.'.join(fragments)):g}")
                continue
            if model_like(whole):
                codes.add(whole)
            elif whole.isalpha():
                compounds.add(whole)
        for fragment in fragments:
            if fragment.isalpha():
                colour = COLOURS.get(fragment)
                if colour is not None:
                    colours.add(colour)
                if fragment in _SIZES:
                    sizes.add(Amount("size", _SIZES[fragment]))
                elif colour is None and (len(fragment) > 1 or not fragment.isascii()):
                    words.update(pieces(fragment))
            elif fragment in _SIZES:
                sizes.add(Amount("size", _SIZES[fragment]))
            elif fragment.isdigit():
                if model_like(fragment):
                    (codes if len(fragments) == 1 else parts).add(fragment)
                numbers.add(fragment.lstrip("0") or "0")
            elif len(fragment) <= 3:
                numbers.add(fragment)
                if len(fragments) == 1 and len(fragment) == 3:
                    codes.add(fragment)
            elif len(fragments) == 1:
                codes.add(fragment)
            elif len(fragment) >= 5:
                parts.add(fragment)
    return Reading(
        words=frozenset(words),
        compounds=frozenset(compounds),
        numbers=frozenset(numbers),
        codes=frozenset(codes),
        parts=frozenset(parts - codes),
        quantities=quantities | sizes,
        colours=frozenset(colours),
    )


_SIZES = {
    "xxs": 1,
    "xs": 2,
    "s": 3,
    "m": 4,
    "l": 5,
    "xl": 6,
    "xxl": 7,
    "2xl": 7,
    "xxxl": 8,
    "3xl": 8,
    "4xl": 9,
    "5xl": 10,
}


def _joined(spelt: list[Spelling]) -> frozenset[str]:
    """Two to MAX_JOINED neighbouring fragments as one, where the whole has letters and digits, or digits with hyphens."""
    fragments = [(part, at) for at, spelling in enumerate(spelt) for part in spelling.fragments]
    found: set[str] = set()
    for start, (text, at) in enumerate(fragments):
        for part, place in fragments[start + 1 : start + MAX_JOINED]:
            text += part
            if len(text) > 24:
                break
            if len(text) >= 4 and model_like(text) and (at == place or not text.isdigit()):
                found.add(text)
    return frozenset(found)
