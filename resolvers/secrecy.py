"""Which values of whence.toml are secret, and keeping them out of what is said about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from resolvers.interpolation import Interpolated
from resolvers.mistakes import Finding, Loc, secret_key

SHORTEST = 4
"""A shorter value from the environment is no secret, and hiding it everywhere would hide everything."""
HIDDEN = "…"

_PASSWORD = re.compile(r"://[^/?#\s:@]*:([^/?#\s]+)@")
_PIECE = re.compile(r"[^\W_]{4,}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def secrets_of(interpolated: Interpolated, options: Mapping[Loc, Mapping[str, Any]]) -> frozenset[str]:
    """What must never be shown: the values that came from the environment, the passwords in their addresses, and what
    stands under a key such as ``password`` in ``options`` (the connectors' own keys, by the place of their source)."""
    found: set[str] = set()
    for loc, values in interpolated.values.items():
        for value in values.values():
            if loc[-1:] != ("user",):  # a login name is often a common word: hiding it would maim every log
                found.add(value)
            found.update(_passwords(value))
    found = {value for value in found if len(value) >= SHORTEST}
    for base, table in options.items():
        for loc, text in _texts(table, base):
            found.update(_passwords(text))
            if secret_key(loc):
                found.add(text)
    return frozenset(found - {""})


def without_literals(table: Any, loc: Loc = ()) -> Any:
    """A copy of a parsed file without the secrets that it holds literally, so that its digest says nothing of them."""
    if isinstance(table, dict):
        return {key: without_literals(value, (*loc, key)) for key, value in table.items()}
    if isinstance(table, list):
        return [without_literals(value, (*loc, index)) for index, value in enumerate(table)]
    if isinstance(table, str) and loc[:1] == ("sources",) and len(loc) > 2 and loc[2] not in ("fields", "identifiers"):
        return HIDDEN if secret_key(loc) else _PASSWORD.sub("://:@", table)
    return table


def conceal(finding: Finding, interpolated: Interpolated, secrets: frozenset[str]) -> Finding:
    """The finding without any value that came from the environment, nor a piece of one, nor a literal secret.

    A piece is looked for only where the finding is about a text that the value is part of, or about a table around it:
    there a connector's own message may quote it.
    """
    near = {
        name: value
        for loc, values in interpolated.values.items()
        if loc[: len(finding.loc)] == finding.loc or finding.loc[: len(loc)] == loc
        for name, value in values.items()
    }
    found, instead = finding.found, finding.instead
    for secret in sorted(secrets, key=len, reverse=True):
        found, instead = found.replace(secret, HIDDEN), instead.replace(secret, HIDDEN)
    if any(_quotes(instead, value) for value in near.values()):
        names = " and ".join(sorted(near))
        instead = f"look at what {names} holds in the environment; it is not what this place takes"
    return Finding(finding.loc, found, instead)


def _quotes(message: str, value: str) -> bool:
    """Whether a message quotes a value, or a piece of it that is more than the scheme of an address."""
    if len(value) < SHORTEST:
        return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", message) is not None if value.strip() else False
    said = message.casefold()
    pieces = _PIECE.findall(unquote(_SCHEME.sub(" ", value)).casefold())
    return HIDDEN in message or any(piece in said for piece in pieces)


def _passwords(text: str) -> Iterator[str]:
    for password in _PASSWORD.findall(text):
        yield password
        yield unquote(password)


def _texts(table: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield from _texts(value, (*loc, key))
    elif isinstance(table, list):
        for index, value in enumerate(table):
            yield from _texts(value, (*loc, index))
    elif isinstance(table, str) and table:
        yield loc, table
