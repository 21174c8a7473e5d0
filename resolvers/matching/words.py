"""Words of a text as matching compares them, in whatever script it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_TEXT = 4000
"""Characters of a text that are read; a description's later parts seldom tell products apart."""

_FRAGMENT = re.compile(r"[^\W_]+")
_SPACED = re.compile(r"\S+")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_MARKS = str.maketrans(
    {"“": '"', "”": '"', "″": '"', "’": "'", "′": "'", "×": "x", "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-"}
    | {"¼": " 1/4", "½": " 1/2", "¾": " 3/4"}
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]{2,}")
"""Runs of scripts that write no spaces (Kana, Han, Thai) or glue endings to words (Hangul)."""


class Spelling(NamedTuple):
    """One word as it is spaced, and its parts between punctuation: ``kx-fg2451`` and ``("kx", "fg2451")``."""

    written: str
    fragments: tuple[str, ...]

    @property
    def compact(self) -> str:
        """The word without its punctuation."""
        return "".join(self.fragments)


def plain(text: str) -> str:
    """``text`` in NFKC, case folded, accents dropped, dashes and quotation marks of one kind, at most MAX_TEXT characters."""
    text = text[:MAX_TEXT]
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", text.translate(_MARKS)).translate(_INVISIBLE).casefold()
    parts = unicodedata.normalize("NFD", folded)
    if parts != folded:
        # Only Latin letters lose their marks: й is no и, and が is no か.
        kept = [c for i, c in enumerate(parts) if not (unicodedata.combining(c) and _latin_before(parts, i))]
        folded = unicodedata.normalize("NFC", "".join(kept))
    return folded.translate(_MARKS)[:MAX_TEXT]


def _latin_before(text: str, index: int) -> bool:
    while index and unicodedata.combining(text[index]):
        index -= 1
    return text[index] < "\u0250"


def spellings(text: str) -> Iterator[Spelling]:
    """The words of a :func:`plain` text in their order, those without a letter or digit left out."""
    for word in _SPACED.findall(text):
        fragments = (word,) if word.isalnum() else tuple(_FRAGMENT.findall(word))
        if fragments:
            yield Spelling(word, fragments)


def pieces(word: str) -> tuple[str, ...]:
    """``word``, or for scripts without spaces its pairs of neighbouring characters."""
    if word.isascii() or not _UNSPACED.search(word):
        return (word,)
    found: list[str] = []
    at = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > at:
            found.append(word[at : run.start()])
        found += [word[i : i + 2] for i in range(run.start(), run.end() - 1)]
        at = run.end()
    if at < len(word):
        found.append(word[at:])
    return tuple(found)
