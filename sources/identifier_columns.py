"""Whole columns of identifiers: :func:`sources.identifiers.normalise_identifier` of each, where most are well written.

What a shape cannot promise, such as a placeholder (``n/a``), is looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import compress, repeat

from sources.contract import Identifier
from sources.identifiers import BRAND_AND_MPN, MAX_IDENTIFIER, SAMPLE_GTINS, normalise_identifier
from sources.rows import Column

_TRIPLE = bytes(3 * (byte - 48) if 48 <= byte < 58 else 0 for byte in range(256))
_SINGLE = bytes(byte - 48 if 48 <= byte < 58 else 0 for byte in range(256))
_LETTERS = bytes(65 if chr(byte).isalpha() and byte < 128 else byte for byte in range(256))
_CODE = re.compile(rb"(?=.*A)(?=.*0)[A0]+(?:[-_./]+[A0]+)*|0{2,}")
"""The shape of a code that is one beyond doubt: letters and digits, or digits only."""
_NO_GTINS = SAMPLE_GTINS | {(str(digit) * length).rjust(14, "0") for digit in range(10) for length in (8, 12, 13, 14)}
_NO_CODES = frozenset("0" * length for length in range(1, MAX_IDENTIFIER + 1))
_BETWEEN = str.maketrans("", "", "-_./")

make_identifier = partial(tuple.__new__, Identifier)
"""From a tuple of scheme, value and raw."""
_remembered = lru_cache(maxsize=4096)(normalise_identifier)


def identifier_column(scheme: str, column: Column) -> Sequence[Identifier | str]:
    """The identifier that each text writes in ``scheme``, or why it is none. The column's kind is str."""
    if scheme == "brand":
        return [
            _remembered(scheme, text) if len(text) <= MAX_IDENTIFIER else normalise_identifier(scheme, text)
            for text in column.values
        ]
    wanted = _PLAIN[scheme](column) if column.is_ascii and column.is_clean else ()
    if not any(wanted):
        return [normalise_identifier(scheme, text) for text in column.values]
    normalise = _NORMALISE[scheme]
    if all(wanted):
        return [*map(make_identifier, zip(repeat(scheme), normalise(column.values), column.values, strict=False))]
    plain = [*compress(column.values, wanted)]
    found = map(make_identifier, zip(repeat(scheme), normalise(plain), plain, strict=False))
    return [
        next(found) if is_wanted else normalise_identifier(scheme, text)
        for is_wanted, text in zip(wanted, column.values, strict=True)
    ]


def brands_and_mpns(
    brands: Sequence[Identifier | None], mpns: Sequence[Identifier | None]
) -> Sequence[Identifier | None]:
    """:func:`~sources.identifiers.brand_and_mpn` of each row that has both."""
    return [
        None
        if brand is None or mpn is None
        else make_identifier((BRAND_AND_MPN, f"{brand[1]}|{mpn[1]}", f"{brand[2]} {mpn[2]}"))
        for brand, mpn in zip(brands, mpns, strict=True)
    ]


# ── GTINs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain_gtins(column: Column) -> Sequence[bool]:
    """Which are GTINs of 8, 12, 13 or 14 digits with the right check digit, and no sample."""
    if all(_is_gtin(shape) for shape in set(column.shapes)):
        return _checked(column.values)
    wanted = [_is_gtin(shape) for shape in column.shapes]
    checked = iter(_checked([*compress(column.values, wanted)]))
    return [is_wanted and next(checked) for is_wanted in wanted]


@lru_cache(maxsize=1000)
def _is_gtin(shape: bytes) -> bool:
    return len(shape) in (8, 12, 13, 14) and not shape.strip(b"0")


def _checked(gtins: Sequence[str]) -> list[bool]:
    padded = _padded(gtins)
    right = _check(padded)
    if _NO_GTINS.isdisjoint(padded):
        return right
    return [is_right and gtin not in _NO_GTINS for is_right, gtin in zip(right, padded, strict=True)]


def _padded(texts: Sequence[str]) -> list[str]:
    return [text.rjust(14, "0") for text in texts]


def _check(padded: Sequence[str]) -> list[bool]:
    """Whether the check digit of each is right: three times every other digit and the ones between make a multiple of 10."""
    digits = "".join(padded).encode()
    places = (digits[place::14].translate(_SINGLE if place % 2 else _TRIPLE) for place in range(14))
    return [total % 10 == 0 for total in map(sum, zip(*places, strict=True))]


# ── Codes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain_codes(column: Column) -> Sequence[bool]:
    """Which are codes beyond doubt."""
    shapes = [shape.translate(_LETTERS) for shape in column.shapes]
    wanted = [_is_code(shape) for shape in shapes]
    if not _NO_CODES.isdisjoint(column.values):
        wanted = [is_wanted and text not in _NO_CODES for is_wanted, text in zip(wanted, column.values, strict=True)]
    return wanted


@lru_cache(maxsize=10_000)
def _is_code(shape: bytes) -> bool:
    return len(shape) <= MAX_IDENTIFIER and _CODE.fullmatch(shape) is not None


def _folded(texts: Sequence[str]) -> list[str]:
    return "\n".join(texts).lower().split("\n")


def _joined(texts: Sequence[str]) -> list[str]:
    return "\n".join(texts).lower().translate(_BETWEEN).split("\n")


_PLAIN: Mapping[str, Callable[[Column], Sequence[bool]]] = {
    "gtin": _plain_gtins,
    "sku": _plain_codes,
    "mpn": _plain_codes,
}
_NORMALISE: Mapping[str, Callable[[Sequence[str]], list[str]]] = {"gtin": _padded, "sku": _folded, "mpn": _joined}
