"""Texts as they are compared everywhere: what differs only in case, white space or invisible characters does not differ."""

from __future__ import annotations

import unicodedata

NAME_LENGTH = 300
"""Characters of a name that are indexed."""
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))


def fold(text: str) -> str:
    """A text as names are compared: NFKC, case folded, white space collapsed, invisible characters dropped."""
    if text.isascii():  # which is in its normal form
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold().split())


def fold_name(name: str) -> str:
    """A name as it is indexed: folded, and cut where an index could not hold it."""
    return fold(name)[:NAME_LENGTH]
