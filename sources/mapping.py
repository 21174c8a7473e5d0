"""From documents to records: what ``[sources.X]`` says about paths, units, clocks and identifiers, compiled once.

A mapping looks up, reads and labels; it decides nothing between systems. It is the hot path of a sync, so each entry is
made into one function of a document when the mapping is made, and the plain cases (a column's name, one entry a field)
cost a dictionary's look-up.
"""

from __future__ import annotations

import re
from collections import abc
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import compress, islice
from typing import TypeAlias, TypeVar

import orjson

from sources.columnwise import Columnwise
from sources.contract import PROBLEM, Basis, Claim, Document, Record, RecordKey, Rejected, Scope
from sources.declaration import SourceDeclaration
from sources.interpretation.clocks import read_clock, zone
from sources.interpretation.entries import Content, Entry, FieldShape, compile_entry
from sources.interpretation.interpret import look_up
from sources.interpretation.json_form import lenient_json_form
from sources.interpretation.plain_text import wrong_kind
from sources.interpretation.texts import quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.naming import read_id, read_identifiers, read_names
from sources.paths import Path, compile_path
from sources.rows import Rows
from sources.statements import StatementReader
from sources.stored_documents import stored
from sources.unread import Unread
from sources.values import JSON

__all__ = ["FieldShape", "Mapping"]


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
        self._identifiers: dict[str, Path] = {
            scheme: self._path(f"identifiers.{scheme}", path) for scheme, path in declaration.identifiers.items()
        }
        self._statements = StatementReader.of(declaration, self._timezone)
        self._entries = tuple(self._compile_all(shapes))
        self._everything = self._planned(self._entries)
        self._plans: dict[frozenset[str], _Plan] = {}
        self._underscored = frozenset(name for name in self.all_columns() if name.startswith("_"))
        self._columnwise = self._by_columns()

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
        stated = self._statements.columns if self._statements is not None else frozenset[str]()
        return self.columns(self.fields).union(stated, *(path.columns for path in paths))

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
        record_id = read_id(look_up(self._key, content), self._key.text)
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
        identifiers, invalid = read_identifiers(self._identifiers, content)
        return Record(
            RecordKey(self.source, record_id),
            tuple(claims if alone else _first_of_each(claims)),
            read_names(self._names, content),
            identifiers,
            invalid,
            updated_at,
            observed_at,
            self._document(content),
            self._statements.read(record_id, content, updated_at) if self._statements is not None else None,
        )

    def read_all(self, documents: Sequence[Document], observed_at: datetime) -> list[Record | Rejected]:
        """What :meth:`read` says of each; of rows, it is found out column by column."""
        columnwise = self._columnwise
        if columnwise is None or not isinstance(documents, Rows):
            return [self.read(document, observed_at) for document in documents]
        ids = columnwise.ids(documents)
        good = [isinstance(one, str) and row not in documents.problems for row, one in enumerate(ids)]
        rows = documents if all(good) else documents.take(good)
        records = iter(columnwise.records(rows, [*compress(ids, good)], observed_at))  # type: ignore[list-item]
        return [
            next(records) if is_good else self.read(documents[row], observed_at) for row, is_good in enumerate(good)
        ]

    def look_through(
        self, documents: Sequence[Document], observed_at: datetime
    ) -> tuple[Unread, list[Rejected]] | None:
        """The records among ``documents``, not read yet, and what is no record or the second with one id; None where they
        are no rows, or this mapping cannot read them column by column."""
        columnwise = self._columnwise
        if columnwise is None or not isinstance(documents, Rows):
            return None
        ids = columnwise.ids(documents)
        if not documents.problems and set(map(type, ids)) <= {str} and len(set(ids)) == len(ids):
            return Unread(columnwise, documents, ids, observed_at), []  # type: ignore[arg-type]
        met: dict[str, None] = {}
        rejected: list[Rejected] = []
        good: list[bool] = []
        for row, one in enumerate(ids):
            good.append(isinstance(one, str) and row not in documents.problems and one not in met)
            if good[-1]:
                met[str(one)] = None
            elif isinstance(one, UnreadableValue):
                rejected.append(self.reject(documents[row], documents.problems.get(row, one.reason)))
            else:
                rejected.append(self.reject(documents[row], documents.problems.get(row) or second(one)))
        return Unread(columnwise, documents.take(good), [*met], observed_at), rejected

    def reject(self, document: Document, reason: str) -> Rejected:
        """The note that ``document`` is no record, with its key, where that can be read, and its beginning."""
        record_id = read_id(look_up(self._key, document.content), self._key.text)
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

    def _by_columns(self) -> Columnwise | None:
        entries, alone = self._everything
        if any(entry.per_locale for entry in entries):
            return None
        return Columnwise(
            source=self.source,
            timezone=self._timezone,
            key=self._key,
            clock=self._clock,
            names=self._names,
            identifiers=self._identifiers,
            entries=entries,
            underscored=self._underscored,
            all_columns=self.all_columns,
            first_of_each=None if alone else _first_of_each,
            statements=self._statements,
        )

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

    def _parts(self, entry: Entry, raw: JSON) -> Iterator[tuple[Scope, JSON]]:
        """The locales of an object whose members are locales."""
        if not isinstance(raw, abc.Mapping):
            if not isinstance(raw, str) or raw.strip():
                unread = raw if isinstance(raw, UnreadableValue) else wrong_kind(raw, "an object of locales")
                yield entry.scope, unread
            return
        # in an order of ours: the same object may come with its members in another one
        for name, part in sorted(islice(raw.items(), 200), key=lambda member: str(member[0])):
            found = _LOCALE.fullmatch(name) if isinstance(name, str) else None
            if found is None:
                if part is not None:
                    yield entry.scope, UnreadableValue(f"{quoted(name)} is not a locale")
                continue
            language, script, region = found.groups()
            subtags = (language.lower(), script and script.title(), region and region.upper())
            yield Scope("-".join(filter(None, subtags)), entry.scope.channel), part

    def _document(self, content: Content) -> dict[str, JSON]:
        return stored(content, self._timezone, self._underscored, self.all_columns)


def second(record_id: str) -> str:
    """Why a record is set aside whose id another one has already."""
    return f'a second record with the key "{record_id}"'


def _first_of_each(claims: list[Claim]) -> list[Claim]:
    """For each field and scope the first claim with a value, or else the first that could not be read."""
    chosen: dict[tuple[str, Scope], Claim] = {}
    for claim in claims:
        stand = (claim.field, claim.scope)
        held = chosen.get(stand)
        if held is None or (held.unreadable is not None and claim.unreadable is None):
            chosen[stand] = claim
    return list(chosen.values())
