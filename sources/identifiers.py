"""Identifiers as Whence compares them: GTIN, SKU, brand and MPN, each normalised, or refused with a reason.

A refused identifier must link nothing, and stays visible: ``N/A`` in forty records does not make them one product.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from stdnum import ean, isbn

from sources.contract import Identifier
from sources.interpretation.texts import clean_text, quoted, without_invisible
from sources.interpretation.unreadable import UnreadableValue

MAX_IDENTIFIER = 200
"""Characters; more is a sentence in the wrong column."""
BRAND_AND_MPN: Final = "brand+mpn"
"""The scheme of a manufacturer's part number together with its brand."""

_FLOAT_LIKE = re.compile(r"([0-9]{4,})\.0+")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,3}")
_SCIENTIFIC_MARKED = re.compile(r"[0-9][.,][0-9]+[eE]\+[0-9]{1,3}")
_DIGITS = re.compile(r"[0-9]+")
_MPN_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212_./\\|]")
_NOTHING = re.compile(r"[\W_]*|0+|x{2,}", re.IGNORECASE)
_PLACEHOLDERS = frozenset(
    {
        *("n/a", "na", "n.a.", "n.a", "#n/a", "nan", "none", "null", "nil", "undefined", "unknown", "unspecified"),
        *("tbd", "tba", "tbc", "todo", "test", "dummy", "default", "missing", "not available", "not applicable"),
        *("does not apply", "no sku", "no ean", "no gtin", "no mpn", "keine", "keine angabe", "k.a.", "k. a."),
        *("unbekannt", "ohne", "entfällt", "diverse", "various", "misc", "other", "aucun", "aucune", "inconnu", "sans"),
    }
)
_NO_BRAND = frozenset({"no brand", "no name", "noname", "no-name", "unbranded", "generic", "ohne marke", "sans marque"})
SAMPLE_GTINS = frozenset({"00012345678905", "01234567890128", "00123456789012", "12345678901231"})


def normalise_identifier(scheme: str, raw: str) -> Identifier | str:
    """The identifier that ``raw`` writes in ``scheme`` (gtin, sku, mpn, brand), or one sentence part why it is none.

    GTINs come back in 14 digits, SKUs and brands without regard to case and white space, MPNs also without separators.
    Raises ValueError for a scheme that there is not.
    """
    if scheme == "sku" and (plain := plain_sku(raw)) is not None:
        return Identifier(scheme, plain, raw)
    normalise = _SCHEMES.get(scheme)
    if normalise is None:
        raise ValueError(f"{quoted(scheme)} is not a scheme of identifiers; write one of {', '.join(_SCHEMES)}")
    text = clean_text(raw)
    if isinstance(text, UnreadableValue):
        return text.reason
    if len(text) > MAX_IDENTIFIER:
        return f"{len(text)} characters, where {MAX_IDENTIFIER} at most are an identifier"
    written = text
    text = " ".join(without_invisible(text).split())
    if _NOTHING.fullmatch(text) or text.casefold() in _PLACEHOLDERS:
        return f"{quoted(text)} stands for no identifier"
    if _SCIENTIFIC_MARKED.fullmatch(text):
        return f"{quoted(text)} has lost its last digits in a spreadsheet"
    normalised = normalise(text)
    if isinstance(normalised, UnreadableValue):
        return normalised.reason
    if len(normalised) > MAX_IDENTIFIER:  # some letters are many once they are written alike
        return f"{len(normalised)} characters once written alike, where {MAX_IDENTIFIER} at most are an identifier"
    return Identifier(scheme, normalised, written)


def plain_sku(raw: str) -> str | None:
    """The value of the SKU that ``raw`` writes, told quickly; None where that takes a closer look.

    Nothing that there is to be looked for is in printable ASCII without a space that begins with a letter with which no
    pattern begins."""
    if (
        0 < len(raw) <= MAX_IDENTIFIER
        and raw.isascii()
        and raw[0].isalpha()
        and raw[0] not in "xX"
        and " " not in raw
        and raw.isprintable()
        and (lowered := raw.lower()) not in _PLACEHOLDERS
    ):
        return lowered
    return None


def brand_and_mpn(brand: Identifier, mpn: Identifier) -> Identifier:
    """The one identifier that a normalised brand and MPN make together."""
    return Identifier(BRAND_AND_MPN, f"{brand.value}|{mpn.value}", f"{brand.raw} {mpn.raw}")


def _gtin(text: str) -> str | UnreadableValue:
    whole = _FLOAT_LIKE.fullmatch(text)
    digits = whole[1] if whole else text
    if not _DIGITS.fullmatch(digits):
        digits = ean.compact(digits)
    if not _DIGITS.fullmatch(digits):
        if _SCIENTIFIC.fullmatch(text):
            return UnreadableValue(f"{quoted(text)} has lost its last digits in a spreadsheet")
        return UnreadableValue(f"{quoted(text)} is not made of digits only")
    if len(digits) > 14:
        digits = digits.lstrip("0").rjust(14, "0")
    if not 8 <= len(digits) <= 14:
        return UnreadableValue(f"{quoted(text)} has {len(digits)} digits, where a GTIN has 8, 12, 13 or 14")
    if len(set(digits)) == 1:
        return UnreadableValue(f"{quoted(text)} stands for no identifier")
    # A leading zero that a spreadsheet dropped leaves no trace in the check digit: it is weighed from the right.
    padded = digits.rjust(14, "0")
    right = ean.calc_check_digit(padded[:-1])
    if right != padded[-1]:
        return UnreadableValue(f"{quoted(text)} has a wrong check digit: {right} would be right")
    if padded in SAMPLE_GTINS:
        return UnreadableValue(f"{quoted(text)} is a sample number")
    if len(digits) == 10 and isbn.is_valid(digits):
        return UnreadableValue(f"{quoted(text)} could be an ISBN of 10 digits or a GTIN that lost its zeros")
    return padded


def _sku(text: str) -> str | UnreadableValue:
    return _folded(_repaired(text))


def _mpn(text: str) -> str | UnreadableValue:
    folded = _MPN_SEPARATORS.sub("", unicodedata.normalize("NFKC", _repaired(text))).casefold()
    compared = unicodedata.normalize("NFKC", folded)  # once more: what stands together now may compose
    if len(compared) < 2:
        return UnreadableValue(f"{quoted(text)} is too short for a part number")
    return compared


def _brand(text: str) -> str | UnreadableValue:
    compared = _folded(text).replace("|", " ").strip()
    if compared in _NO_BRAND:
        return UnreadableValue(f"{quoted(text)} stands for no brand")
    return compared


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.casefold())


def _repaired(text: str) -> str:
    """``121066.0`` is what a spreadsheet makes of the model number 121066."""
    whole = _FLOAT_LIKE.fullmatch(text)
    return whole[1] if whole else text


_SCHEMES = {"gtin": _gtin, "sku": _sku, "mpn": _mpn, "brand": _brand}
