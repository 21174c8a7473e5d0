"""Taking secrets out of whatever is about to be written: logs, and messages that reach a client.

Two nets, one behind the other. The values that are known to be secret (of ``${ENV}`` in whence.toml, of settings) go
wherever they stand and however they are written. And what looks like a secret goes even if nobody told: passwords in
addresses, Authorization values, ``token=`` and the like.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
DEPTH = 8
"""How deep values are followed; what lies deeper is left out."""
TEXT_LENGTH = 20_000
"""Characters of one text that are kept."""
ENTRIES = 200
"""Entries of one mapping or list that are kept."""
SHORT = 6
"""A secret with fewer characters is only looked for as a whole word, or it would eat holes into other words."""

_SECRET_WORD = r"(?:access[-_]?token|refresh[-_]?token|id[-_]?token|token|api[-_]?key|apikey|password|passwd|passphrase|pwd|client[-_]?secret|secret|signature|sig|credentials?)"  # noqa: E501, S105
_SECRET_KEY = re.compile(
    rf"(?:.*[-_.])?(?:{_SECRET_WORD}|(?:proxy[-_])?authorization|cookie|set[-_]cookie|private[-_]?key)", re.IGNORECASE
)
_PATTERNS = (
    # scheme://user:password@host
    (re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"<>]*):[^\s/'\"<>]+@", re.IGNORECASE), rf"\1:{MASK}@"),
    # Authorization: Bearer x, 'authorization': 'Basic x', authorization=x
    (
        re.compile(
            r"(\bauthorization['\"]?\s*[:=,]\s*(?:b?['\"])?)((?:basic|bearer|token|digest|negotiate|apikey)\s+)?[^\s'\",;}]+",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(r"\b([Bb]earer|[Bb]asic|BEARER|BASIC)\s+(?=[A-Za-z0-9._~+/-]*[0-9=])[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1 {MASK}",
    ),
    # token=x in an address, a form or a connection string
    (re.compile(rf"\b({_SECRET_WORD}\s*=\s*['\"]?)[^&\s'\"<>,;]+", re.IGNORECASE), rf"\1{MASK}"),
    # 'password': 'x' in a printed mapping
    (
        re.compile(rf"(['\"](?:\w{{1,40}}[-_])?{_SECRET_WORD}['\"]\s*:\s*b?)(['\"])(?:(?!\2).)*\2", re.IGNORECASE),
        rf"\1\2{MASK}\2",
    ),
)


def _may_match(text: str) -> bool:
    """False where none of the patterns can match, which is told much sooner: each needs one of these."""
    return (
        not text.isascii()  # there are letters that match i, k and s without case
        or "=" in text
        or "@" in text
        or "'" in text
        or '"' in text
        or "uthorization" in (lower := text.lower())
        or "earer" in lower
        or "asic" in lower
    )


@lru_cache(maxsize=1000)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.fullmatch(key) is not None


class Redactor:
    """Knows the secrets. It may learn more while it is in use: logs are set up before whence.toml is read."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._forms: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Collection[str]) -> None:
        """Take these out too, from now on: as they are, percent-encoded, and escaped as JSON or Python would."""
        for secret in secrets:
            if not (bare := secret.strip()):
                continue
            escaped = {json.dumps(bare)[1:-1], json.dumps(bare, ensure_ascii=False)[1:-1], repr(bare)[1:-1]}
            self._forms |= {secret, bare, quote(bare, safe=""), quote(bare), quote_plus(bare)} | escaped
        longest_first = sorted(self._forms, key=len, reverse=True)
        parts = [
            re.escape(form) if len(form) >= SHORT else rf"(?<![\w]){re.escape(form)}(?![\w])" for form in longest_first
        ]
        self._known = re.compile("|".join(parts)) if parts else None

    def text(self, text: str) -> str:
        """``text`` without secrets, and cut to :data:`TEXT_LENGTH`."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if len(text) > TEXT_LENGTH:
            half = TEXT_LENGTH // 2
            text = f"{text[:half]} … {len(text) - TEXT_LENGTH} characters left out … {text[-half:]}"
        if _may_match(text):
            for pattern, replacement in _PATTERNS:
                text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any, depth: int = DEPTH) -> Any:
        """``value`` without secrets, made of what JSON can say: other objects come as their text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return self.text(bytes(value[:TEXT_LENGTH]).decode("utf-8", "replace"))
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            if depth <= 0:
                return "…"
            if isinstance(value, Mapping):
                return {self.text(str(key)): self._member(str(key), value[key], depth) for key in list(value)[:ENTRIES]}
            return [self.value(entry, depth - 1) for entry in list(value)[:ENTRIES]]
        if isinstance(value, datetime | date | timedelta | Decimal):
            return str(value)
        try:
            return self.text(str(value) if isinstance(value, BaseException) else repr(value))
        except Exception:
            return f"<{type(value).__name__} that cannot be printed>"

    def _member(self, key: str, value: Any, depth: int) -> Any:
        if isinstance(value, str | bytes | bytearray) and value and _is_secret(key[-200:]):
            return MASK
        return self.value(value, depth - 1)
