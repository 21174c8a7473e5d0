"""A mistake in whence.toml: where it stands, what was found there, what to write instead.

While the file is being checked a mistake is a :class:`Finding`, whose place is still a tuple; at the end it becomes a
:class:`Mistake`, whose place is a key path that a person can search for.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, TypeAlias

from sources.contract import Problem

Mistake: TypeAlias = Problem
"""``path`` is a key path (``sources.wms.fields.weight.unit``); ``found`` and ``instead`` are phrases, safe to show."""

Loc: TypeAlias = tuple[str | int, ...]
"""A place in a parsed file: keys and list indexes from the top."""

SHOWN_AT_MOST = 60
KEY_AT_MOST = 100
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_USERINFO = re.compile(r"(://)[^/?#\s\"]*@")
_SECRET_KEY = re.compile(
    r"(?:^|[_-])(?:token|password|passwd|passphrase|secret|api[_-]?key|apikey|authorization|cookie)$", re.I
)


class Finding(NamedTuple):
    """A mistake while its place is still a tuple."""

    loc: Loc
    found: str
    instead: str


class MapError(Exception):
    """A whence.toml that cannot be used, with everything that is wrong with it."""

    def __init__(self, place: str, mistakes: Sequence[Mistake]) -> None:
        """``place`` is the file as the reader knows it; ``mistakes`` are all of them, at least one."""
        self.place = place
        self.mistakes: tuple[Mistake, ...] = tuple(mistakes)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = f"{len(self.mistakes)} mistakes" if len(self.mistakes) > 1 else "1 mistake"
        return "\n".join((f"{self.place} has {count}:", *(f"  {describe(one)}" for one in self.mistakes)))


def describe(mistake: Mistake) -> str:
    """One line: ``fields.weight.unit: found "kgg", which is no unit; write "kg"``."""
    return f"{mistake.path}: found {mistake.found}; {mistake.instead}"


def key_path(loc: Loc) -> str:
    """The place as a key path of TOML, list indexes in brackets: ``sources.pim.fields.description[1].path``."""
    path = "" if loc else "the file"
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + (part if _plain_key(part) else quoted(part))
    return path


def _plain_key(key: str) -> bool:
    return len(key) <= KEY_AT_MOST and _BARE_KEY.fullmatch(key) is not None


def under(loc: Loc, places: Collection[Loc]) -> bool:
    """Whether ``loc`` is one of ``places`` (a set) or stands in one of them."""
    return any(loc[:length] in places for length in range(len(loc) + 1))


def quoted(text: str) -> str:
    """A text in double quotes on one line, cut where it is long, without the user and password of an address."""
    plain = _USERINFO.sub(r"\1…@", text)
    shown = plain if len(plain) <= SHOWN_AT_MOST else plain[:SHOWN_AT_MOST] + "…"
    return json.dumps(shown.encode(errors="replace").decode(), ensure_ascii=False)


def secret_key(loc: Loc) -> bool:
    """Whether what stands there is a secret by its key: ``token``, ``password``, ``X-Api-Key``, ``auth.value``."""
    names = [part for part in loc if isinstance(part, str)]
    return bool(names) and (bool(_SECRET_KEY.search(names[-1])) or names[-2:] == ["auth", "value"])


def shown(value: Any, loc: Loc = ()) -> str:
    """A value as a mistake may show it: short, in TOML's words, and never a secret."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if secret_key(loc):
        return "a text" if isinstance(value, str) else "a number"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int) and value.bit_length() > 200:
        return "a very long number"
    if isinstance(value, int | float):
        return f"the number {value}"
    return f"the {type(value).__name__} {value}"


def nearest(written: str, allowed: Collection[str]) -> str | None:
    """The allowed word that ``written`` was probably meant to be, or None."""
    if len(written) > SHOWN_AT_MOST:
        return None
    folded = {_fold(word): word for word in allowed}
    near = difflib.get_close_matches(_fold(written), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def one_of(written: str, allowed: Collection[str], what: str) -> str:
    """What to write instead of a word that is not among the ``allowed``; ``what`` names them in the plural."""
    near = nearest(written, allowed)
    if near is not None:
        return f"did you mean {quoted(near)}?"
    return f"the {what} are {listed(allowed)}" if allowed else f"there are no {what}"


def listed(words: Collection[str], at_most: int = 24) -> str:
    """``a, b and c``; the rest is counted where there are many."""
    shown_words = list(words)[:at_most]
    rest = len(words) - len(shown_words)
    if rest:
        return ", ".join(shown_words) + f" and {rest} more"
    return (
        " and ".join((", ".join(shown_words[:-1]), shown_words[-1])) if len(shown_words) > 1 else "".join(shown_words)
    )


def _fold(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")
