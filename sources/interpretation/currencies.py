"""Currencies: their codes, the signs people write for them, and how many minor units they have.

The codes are babel's. The minor units are ISO 4217's and not babel's, which follow what people print: babel gives the
Serbian dinar none, where every payment system counts its hundredths, and a price would be a hundred times too high.
"""

from __future__ import annotations

from functools import lru_cache

from babel.core import get_global

_MINOR_UNITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_SIGNS: dict[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "EURO": ("EUR",),
    "EUROS": ("EUR",),
    "£": ("GBP", "EGP", "FKP", "GIP", "LBP", "SHP", "SYP"),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD", "BRL"),
    "US$": ("USD",),
    "CA$": ("CAD",),
    "C$": ("CAD",),
    "A$": ("AUD",),
    "AU$": ("AUD",),
    "NZ$": ("NZD",),
    "S$": ("SGD",),
    "HK$": ("HKD",),
    "NT$": ("TWD",),
    "R$": ("BRL",),
    "¥": ("JPY", "CNY"),
    "元": ("CNY",),
    "円": ("JPY",),
    "₹": ("INR",),
    "₩": ("KRW",),
    "₺": ("TRY",),
    "₽": ("RUB",),
    "₴": ("UAH",),
    "₫": ("VND",),
    "₪": ("ILS",),
    "฿": ("THB",),
    "ZŁ": ("PLN",),
    "KČ": ("CZK",),
    "FT": ("HUF",),
    "LEI": ("RON",),
    "ЛВ": ("BGN",),
    "KR": ("SEK", "NOK", "DKK", "ISK"),
    "FR": ("CHF",),
    "SFR": ("CHF",),
}
_ALONE = {"£": "GBP"}
"""Signs that several currencies share and that mean this one wherever nothing else is declared."""


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    return frozenset(get_global("all_currencies"))


def minor_unit_digits(currency: str) -> int:
    """How many decimals the amount has in its minor unit: 2 for cents, 0 for yen."""
    return _MINOR_UNITS.get(currency, 2)


@lru_cache(maxsize=1024)
def find_currency(text: str, declared: str | None = None) -> str | None:
    """The ISO 4217 code that ``text``, a code or a sign, means; None where it means none or several.

    ``declared`` decides where currencies share a sign: ``$`` is CAD in a source that declares CAD.
    """
    name = text.strip().rstrip(".").upper()
    if len(name) == 3 and name in _codes():
        return name
    candidates = _SIGNS.get(name, ())
    if declared in candidates:
        return declared
    return candidates[0] if len(candidates) == 1 else _ALONE.get(name)
