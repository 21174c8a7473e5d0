"""From documents to records: what ``[sources.X]`` says about paths, units, clocks and identifiers, compiled once.

A mapping looks up, reads and labels; it decides nothing between systems. It is the hot path of a sync, so each entry is
made into one function of a document when the mapping is made, and the plain cases (a column's name, one entry a field)
cost a dictionary's look-up.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from itertools import islice
from typing import TypeAlias, TypeVar

import orjson

from sources.contract import PROBLEM, Basis, Claim, Document, Identifier, Record, RecordKey, Rejected, Scope
from sources.declaration import SourceDeclaration
from sources.identifiers import brand_and_mpn, normalise_identifier
from sources.interpretation.clocks import read_clock, zone
from sources.interpretation.entries import Content, Entry, FieldShape, compile_entry
from sources.interpretation.interpret import look_up
from sources.interpretation.json_form import lenient_json_form
from sources.interpretation.plain_text import optional_text, plain_text, wrong_kind
from sources.interpretation.texts import clean_text, is_encodable, quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.paths import Path, compile_path
from sources.values import JSON

__all__ = ["FieldShape", "Mapping"]

MAX_ID = 200
"""Characters of a record's id."""
MAX_NAME = 300
"""Characters of a name; a longer one is cut."""
MAX_NAMES = 50
MAX_IDENTIFIERS = 50
"""Identifiers of one scheme on one record."""
MAX_DOCUMENT = 64 * 1024
"""Bytes of a record's document as JSON; of a larger one only the mapped columns are kept."""

_T = TypeVar("_T")
_LOCALE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")


_Plan: TypeAlias = tuple[tuple[Entry, ...], bool]
"""Entries, and whether each of them stands alone for its field and scope."""


class Mapping:
    """One source's mapping, compiled from its declaration and the definitions of the fields it feeds."""

    def __init__(self, declaration: SourceDeclaration, shapes: abc.Mapping[str, FieldShape]) -> None:
        """Raises ValueError, with the key path, for a field that is not defined, and a unit, currency or time zone that
        is not known."""
        self.source = declaration.name
        self._place = f"sources.{declaration.name}"
        self._declaration = declaration
        self._timezone = self._checked("timezone", lambda: zone(declaration.timezone))
        self._key = self._path("key", declaration.key)
        self._clock = self._path("updated_at", declaration.updated_at) if declaration.updated_at else None
        self._names = tuple(self._path("names", name) for name in declaration.names)
        self._identifiers = {
            scheme: self._path(f"identifiers.{scheme}", path) for scheme, path in declaration.identifiers.items()
        }
        self._entries = tuple(self._compile_all(shapes))
        self._everything = self._planned(self._entries)
        self._plans: dict[frozenset[str], _Plan] = {}

    @property
    def fields(self) -> frozenset[str]:
        """The fields that this source feeds."""
        return frozenset(self._declaration.fields)

    def columns(self, fields: Collection[str]) -> frozenset[str]:
        """The top-level names in a document that a read of ``fields`` needs, with the key's and the clock's."""
        found = set(self._key.columns)
        if self._clock is not None:
            found |= self._clock.columns
        for entry in self._plan(fields)[0]:
            found |= entry.columns
        return frozenset(found)

    def all_columns(self) -> frozenset[str]:
        """The top-level names that anything in this mapping needs: fields, key, clocks, names and identifiers."""
        paths = (*self._names, *self._identifiers.values())
        return self.columns(self.fields).union(*(path.columns for path in paths))

    def read(
        self, document: Document, observed_at: datetime, fields: Collection[str] | None = None
    ) -> Record | Rejected:
        """The record that ``document`` is, with its claims about ``fields`` (None: all that are mapped).

        ``observed_at`` is aware. Where the system holds no value there is no claim; where it holds one that cannot be
        read, there is a claim that says so. Of several entries for one field and scope the first with a value counts.
        """
        content = document.content
        if PROBLEM in content:
            return self.reject(document, str(content[PROBLEM]))
        record_id = self._record_id(content)
        if isinstance(record_id, UnreadableValue):
            return self.reject(document, record_id.reason)
        clock = self._clock
        updated_at = read_clock(look_up(clock, content), self._timezone) if clock is not None else None
        entries, alone = self._everything if fields is None else self._plan(fields)
        record_basis = Basis.OBSERVED if updated_at is None else Basis.SOURCE_RECORD
        claims: list[Claim] = []
        for entry in entries:
            column = entry.column
            raw = entry.take(content) if column is None else content.get(column)
            if raw is None:
                continue
            beside = entry.read_beside
            last_updated, basis = updated_at, record_basis
            if entry.clock is not None:
                own = read_clock(look_up(entry.clock, content), self._timezone)
                if own is not None:
                    last_updated, basis = own, Basis.SOURCE_FIELD
            for scope, part in self._parts(entry, raw) if entry.per_locale else ((entry.scope, raw),):
                value = entry.read(part) if beside is None else beside(part, content)
                if value is None:
                    continue
                if isinstance(value, UnreadableValue):
                    claims.append(Claim(entry.field, scope, None, last_updated, basis, observed_at, value.reason))
                else:
                    claims.append(Claim(entry.field, scope, value, last_updated, basis, observed_at))
        identifiers, invalid = self._read_identifiers(content) if self._identifiers else ((), ())
        return Record(
            RecordKey(self.source, record_id),
            tuple(claims if alone else _first_of_each(claims)),
            self._read_names(content) if self._names else (),
            identifiers,
            invalid,
            updated_at,
            observed_at,
            self._document(content),
        )

    def reject(self, document: Document, reason: str) -> Rejected:
        """The note that ``document`` is no record, with its key, where that can be read, and its beginning."""
        record_id = self._record_id(document.content)
        members = islice(document.content.items(), 8)
        sample = orjson.dumps({quoted(name)[1:-1]: lenient_json_form(value) for name, value in members})
        return Rejected(
            document.place,
            reason,
            sample[:300].decode(errors="ignore"),
            record_id if isinstance(record_id, str) else None,
        )

    # ── Making ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _compile_all(self, shapes: abc.Mapping[str, FieldShape]) -> Iterator[Entry]:
        for field, mappings in self._declaration.fields.items():
            place = f"fields.{field}"
            shape = shapes.get(field)
            if shape is None:
                raise ValueError(f"{self._place}.{place}: there is no [fields.{field}]; define it or take this out")
            for mapping in mappings:
                yield self._checked(place, partial(compile_entry, shape, mapping, self._declaration))

    def _path(self, place: str, text: str) -> Path:
        return self._checked(place, lambda: compile_path(text))

    def _checked(self, place: str, make: Callable[[], _T]) -> _T:
        try:
            return make()
        except ValueError as mistake:
            raise ValueError(f"{self._place}.{place}: {mistake}") from None

    def _planned(self, entries: tuple[Entry, ...]) -> _Plan:
        stands = [(entry.field, entry.scope) for entry in entries]
        alone = len(set(stands)) == len(stands) and not any(entry.per_locale for entry in entries)
        return entries, alone

    def _plan(self, fields: Collection[str]) -> _Plan:
        wanted = frozenset(fields)
        plan = self._plans.get(wanted)
        if plan is None:
            if len(self._plans) >= 1000:
                self._plans.clear()
            plan = self._plans[wanted] = self._planned(tuple(e for e in self._entries if e.field in wanted))
        return plan

    # ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _record_id(self, content: Content) -> str | UnreadableValue:
        raw = look_up(self._key, content)
        if raw is None:
            return UnreadableValue(f"nothing stands at its key {quoted(self._key.text)}")
        text: str | UnreadableValue
        if isinstance(raw, str):
            text = raw.strip()
            if not text.isascii() or "\0" in text:
                cleaned = clean_text(text)
                text = cleaned if isinstance(cleaned, UnreadableValue) else text
        else:
            text = plain_text(raw)
        if isinstance(text, UnreadableValue):
            return UnreadableValue(f"its key {quoted(self._key.text)}: {text.reason}")
        if not text:
            return UnreadableValue(f"nothing stands at its key {quoted(self._key.text)}")
        if len(text) > MAX_ID:
            return UnreadableValue(
                f"its key {quoted(self._key.text)} has {len(text)} characters; {MAX_ID} at most are read"
            )
        return text

    def _parts(self, entry: Entry, raw: JSON) -> Iterator[tuple[Scope, JSON]]:
        """The locales of an object whose members are locales."""
        if not isinstance(raw, abc.Mapping):
            if not isinstance(raw, str) or raw.strip():
                unread = raw if isinstance(raw, UnreadableValue) else wrong_kind(raw, "an object of locales")
                yield entry.scope, unread
            return
        for name, part in islice(raw.items(), 200):
            found = _LOCALE.fullmatch(name) if isinstance(name, str) else None
            if found is None:
                if part is not None:
                    yield entry.scope, UnreadableValue(f"{quoted(name)} is not a locale")
                continue
            language, script, region = found.groups()
            subtags = (language.lower(), script and script.title(), region and region.upper())
            yield Scope("-".join(filter(None, subtags)), entry.scope.channel), part

    def _texts(self, raw: JSON, limit: int) -> Iterator[str]:
        for one in islice(raw, limit) if isinstance(raw, list | tuple) else (raw,):
            if isinstance(one, Decimal) and one.is_finite() and one and one.as_tuple().exponent > 0:  # type: ignore[operator]
                yield str(one)
            elif isinstance(one, str):
                yield one
            elif (text := optional_text(one)) is not None:
                yield text

    def _read_names(self, content: Content) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for path in self._names:
            for text in self._texts(look_up(path, content), MAX_NAMES):
                name = clean_text(text)
                if isinstance(name, str) and name:
                    names[name[:MAX_NAME].rstrip()] = None
        return tuple(islice(names, MAX_NAMES))

    def _read_identifiers(self, content: Content) -> tuple[tuple[Identifier, ...], tuple[tuple[str, str, str], ...]]:
        valid: dict[str, dict[str, Identifier]] = {}
        invalid: list[tuple[str, str, str]] = []
        for scheme, path in self._identifiers.items():
            raw = look_up(path, content)
            if isinstance(raw, UnreadableValue):
                invalid.append((scheme, "", raw.reason))
                continue
            for text in self._texts(raw, MAX_IDENTIFIERS):
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

    # ── The document, to be shown ──────────────────────────────────────────────────────────────────────────────────

    def _document(self, content: Content) -> dict[str, JSON]:
        timezone = self._timezone
        document = {name: lenient_json_form(value, timezone) for name, value in content.items() if _is_shown(name)}
        if len(orjson.dumps(document)) <= MAX_DOCUMENT:
            return document
        mapped = self.all_columns()
        document = {name: value for name, value in document.items() if name in mapped}
        if len(orjson.dumps(document)) <= MAX_DOCUMENT:
            return document
        allowed = MAX_DOCUMENT // (len(document) + 1)
        return {name: value for name, value in document.items() if len(orjson.dumps({name: value})) <= allowed}


@lru_cache(maxsize=10_000)
def _is_shown(name: object) -> bool:
    """Whether a document keeps the member of that name."""
    if not isinstance(name, str) or (name.startswith("_") and name.partition(".")[0] != "_file"):
        return False
    return "\0" not in name and (name.isascii() or is_encodable(name))


def _first_of_each(claims: list[Claim]) -> list[Claim]:
    """For each field and scope the first claim with a value, or else the first that could not be read."""
    chosen: dict[tuple[str, Scope], Claim] = {}
    for claim in claims:
        stand = (claim.field, claim.scope)
        held = chosen.get(stand)
        if held is None or (held.unreadable is not None and claim.unreadable is None):
            chosen[stand] = claim
    return list(chosen.values())
