"""What a record is called in its document: its id, its names and its identifiers."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import TypeAlias

from sources.contract import Identifier
from sources.identifiers import brand_and_mpn, normalise_identifier
from sources.interpretation.entries import Content
from sources.interpretation.interpret import look_up
from sources.interpretation.plain_text import optional_text, plain_text
from sources.interpretation.texts import clean_text, quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.paths import Path
from sources.values import JSON

MAX_ID = 200
"""Characters of a record's id."""
MAX_NAME = 300
"""Characters of a name; a longer one is cut."""
MAX_NAMES = 50
MAX_IDENTIFIERS = 50
"""Identifiers of one scheme on one record."""

Refused: TypeAlias = tuple[str, str, str]
"""What is no valid identifier: scheme, as written, why."""
Identified: TypeAlias = tuple[tuple[Identifier, ...], tuple[Refused, ...]]
"""A record's identifiers, and those that are not valid."""


def read_id(raw: JSON, path: str) -> str | UnreadableValue:
    """The record's id, which stands at ``path``, or why it has none."""
    if raw is None:
        return UnreadableValue(f"nothing stands at its key {quoted(path)}")
    text: str | UnreadableValue
    if isinstance(raw, str):
        text = raw.strip()
        if not text.isascii() or "\0" in text:
            cleaned = clean_text(text)
            text = cleaned if isinstance(cleaned, UnreadableValue) else text
    else:
        text = plain_text(raw)
    if isinstance(text, UnreadableValue):
        return UnreadableValue(f"its key {quoted(path)}: {text.reason}")
    if not text:
        return UnreadableValue(f"nothing stands at its key {quoted(path)}")
    if len(text) > MAX_ID:
        return UnreadableValue(f"its key {quoted(path)} has {len(text)} characters; {MAX_ID} at most are read")
    return text


def read_names(paths: Iterable[Path], content: Content) -> tuple[str, ...]:
    """What the record is called, each name once."""
    names: dict[str, None] = {}
    for path in paths:
        for text in _texts(look_up(path, content), MAX_NAMES):
            name = clean_text(text)
            if isinstance(name, str) and name:
                names[name[:MAX_NAME].rstrip()] = None
    return tuple(islice(names, MAX_NAMES))


def read_identifiers(paths: abc.Mapping[str, Path], content: Content) -> Identified:
    """The record's identifiers by their schemes, brand and part number together."""
    valid: dict[str, dict[str, Identifier]] = {}
    invalid: list[Refused] = []
    for scheme, path in paths.items():
        raw = look_up(path, content)
        if isinstance(raw, UnreadableValue):
            invalid.append((scheme, "", raw.reason))
            continue
        for text in _texts(raw, MAX_IDENTIFIERS):
            if not text or text.isspace():
                continue
            identifier = normalise_identifier(scheme, text)
            if isinstance(identifier, str):
                invalid.append((scheme, quoted(text, MAX_ID)[1:-1], identifier))
            else:
                valid.setdefault(scheme, {}).setdefault(identifier.value, identifier)
    brands = valid.pop("brand", {})
    found = [identifier for of_scheme in valid.values() for identifier in of_scheme.values()]
    for brand in islice(brands.values(), 1):
        found += [brand_and_mpn(brand, mpn) for mpn in valid.get("mpn", {}).values()]
    return tuple(found), tuple(invalid)


def _texts(raw: JSON, limit: int) -> Iterator[str]:
    for one in islice(raw, limit) if isinstance(raw, list | tuple) else (raw,):
        if isinstance(one, Decimal) and one.is_finite() and one and one.as_tuple().exponent > 0:  # type: ignore[operator]
            yield str(one)
        elif isinstance(one, str):
            yield one
        elif (text := optional_text(one)) is not None:
            yield text
