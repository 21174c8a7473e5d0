"""A mapping applied to rows, column by column: what :meth:`sources.mapping.Mapping.read` says of each row, in a fraction of
the time. It knows no rules of its own; what is not plain is given to the functions that read one document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from itertools import repeat
from types import NoneType
from typing import Any

from sources.contract import Basis, Claim, Identifier, Record, RecordKey
from sources.identifier_columns import brands_and_mpns, identifier_column
from sources.interpretation.column_readers import read_clocks
from sources.interpretation.entries import Entry
from sources.interpretation.interpret import look_up
from sources.interpretation.plain_text import optional_text
from sources.interpretation.texts import quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.naming import MAX_ID, MAX_NAME, Refused, read_id, read_identifiers, read_names
from sources.paths import Path
from sources.rows import Column, Rows
from sources.statements import Stated, StatementReader
from sources.stored_columns import fingerprints, stored_rows
from sources.values import JSON

_SINGLE = frozenset({NoneType, str, int})
"""Types of which a value is one identifier at most."""
_make_claim = partial(tuple.__new__, Claim)
_make_key = partial(tuple.__new__, RecordKey)
_make_record = partial(tuple.__new__, Record)


@dataclass(frozen=True)
class Columnwise:
    """One mapping's parts, as :class:`~sources.mapping.Mapping` has compiled them."""

    source: str
    timezone: tzinfo
    key: Path
    clock: Path | None
    names: tuple[Path, ...]
    identifiers: Mapping[str, Path]
    entries: tuple[Entry, ...]
    underscored: Collection[str]
    all_columns: Callable[[], Collection[str]]
    first_of_each: Callable[[list[Claim]], list[Claim]] | None
    """None where each entry stands alone for its field and scope."""
    statements: StatementReader | None = None

    def ids(self, rows: Rows) -> Sequence[str | UnreadableValue]:
        """The record's id in each row, or why there is none."""
        column = _Sheet(rows).at(self.key)
        if column.kind is str and column.is_clean:
            ids = [*map(str.strip, column.values)]
            if column.longest <= MAX_ID and all(ids):
                return ids
        if column.kind is int and column.fits_64_bits:
            return [*map(str, column.values)]
        return [read_id(raw, self.key.text) for raw in column.values]

    def records(self, rows: Rows, ids: Sequence[str], observed_at: datetime) -> list[Record]:
        """The record that each row is; every row has its id."""
        sheet = _Sheet(rows)
        clocks = self._clocks(sheet)
        identifiers, invalid = self._identified(sheet)
        return [
            *map(
                _make_record,
                zip(
                    map(_make_key, zip(repeat(self.source), ids)),
                    self._claims(sheet, clocks, observed_at),
                    self._named(sheet),
                    identifiers,
                    invalid,
                    clocks,
                    repeat(observed_at),
                    stored_rows(rows, self.timezone, self.underscored, self.all_columns),
                    self._stated(sheet, ids, clocks),
                ),
            )
        ]

    def fingerprints(self, rows: Rows) -> list[bytes]:
        """What the document of each row is recognised by."""
        paths = (self.key, *self.names, *self.identifiers.values())
        with_file = any("_file" in path.columns for path in paths) or any(
            "_file" in entry.columns - (entry.clock.columns if entry.clock is not None else frozenset())
            for entry in self.entries
        )
        return fingerprints(rows, self.timezone, self.underscored, with_file=with_file)

    # ── Claims ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _clocks(self, sheet: _Sheet) -> Sequence[datetime | None]:
        return [None] * len(sheet) if self.clock is None else read_clocks(sheet.at(self.clock), self.timezone)

    def _claims(
        self, sheet: _Sheet, clocks: Sequence[datetime | None], observed_at: datetime
    ) -> Iterable[tuple[Claim, ...]]:
        by_record = [Basis.OBSERVED if clock is None else Basis.SOURCE_RECORD for clock in clocks]
        columns: list[Sequence[Claim | None]] = []
        whole = True
        for entry in self.entries:
            values = self._values(sheet, entry)
            dates, bases = clocks, by_record
            if entry.clock is not None:
                own = read_clocks(sheet.at(entry.clock), self.timezone)
                dates = [mine or record for mine, record in zip(own, clocks, strict=True)]
                bases = [Basis.SOURCE_FIELD if mine else record for mine, record in zip(own, by_record, strict=True)]
            kinds = set(map(type, values))
            reasons: Iterable[str | None] = repeat(None)
            if UnreadableValue in kinds:
                reasons = [value.reason if isinstance(value, UnreadableValue) else None for value in values]
                said = [None if reason is not None else value for value, reason in zip(values, reasons, strict=True)]
            else:
                said = values  # type: ignore[assignment]
            claims: Iterable[Claim] = map(
                _make_claim,
                zip(repeat(entry.field), repeat(entry.scope), said, dates, bases, repeat(observed_at), reasons),
            )
            if type(None) in kinds:
                whole = False
                columns.append([None if value is None else claim for value, claim in zip(values, claims, strict=True)])
            else:
                columns.append([*claims])
        if not columns:
            return repeat((), len(sheet))
        of_rows = zip(*columns, strict=True)
        if whole and self.first_of_each is None:
            return of_rows
        present = ([claim for claim in of_row if claim is not None] for of_row in of_rows)
        return map(tuple, present if self.first_of_each is None else map(self.first_of_each, present))

    def _values(self, sheet: _Sheet, entry: Entry) -> Sequence[Any]:
        raws = sheet.of(entry)
        if entry.read_beside is None:
            return entry.read_column(raws)
        read = entry.read_beside
        return [
            None if raw is None else read(raw, content)
            for raw, content in zip(raws.values, sheet.contents, strict=True)
        ]

    def _stated(self, sheet: _Sheet, ids: Sequence[str], clocks: Sequence[datetime | None]) -> Iterable[Stated | None]:
        statements = self.statements
        if statements is None:
            return repeat(None, len(ids))
        return map(statements.read, ids, sheet.contents, clocks)

    # ── Names and identifiers ──────────────────────────────────────────────────────────────────────────────────────

    def _named(self, sheet: _Sheet) -> Iterable[tuple[str, ...]]:
        if not self.names:
            return repeat((), len(sheet))
        if len(self.names) == 1:
            column = sheet.at(self.names[0])
            texts = column.cleaned if column.kind is str and column.longest <= MAX_NAME else None
            if texts is not None:
                return [(text,) if text else () for text in texts]
        return map(partial(read_names, self.names), sheet.contents)

    def _identified(self, sheet: _Sheet) -> tuple[Iterable[tuple[Identifier, ...]], Iterable[tuple[Refused, ...]]]:
        columns = {scheme: sheet.at(path) for scheme, path in self.identifiers.items()}
        if not all(column.kinds <= _SINGLE for column in columns.values()):
            pairs = [read_identifiers(self.identifiers, content) for content in sheet.contents]
            return [identifiers for identifiers, _ in pairs], [invalid for _, invalid in pairs]
        valid: dict[str, Sequence[Identifier | None]] = {}
        refused: list[Sequence[Refused | None]] = []
        for scheme, column in columns.items():
            found = column.by_kind(partial(_identifiers, scheme))
            if tuple in set(map(type, found)):
                refused.append([one if type(one) is tuple else None for one in found])
                found = [one if type(one) is Identifier else None for one in found]
            valid[scheme] = found  # type: ignore[assignment]
        brands = valid.pop("brand", None)
        of_rows = [*valid.values()]
        if brands is not None and "mpn" in valid:
            of_rows.append(brands_and_mpns(brands, valid["mpn"]))
        return _present(of_rows, len(sheet)), _present(refused, len(sheet))


class _Sheet:
    """Rows by path: the columns that stand there as they are, and others as the paths find them in the documents."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._contents: list[dict[str, JSON]] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def contents(self) -> list[dict[str, JSON]]:
        """The documents, made where something needs them."""
        if self._contents is None:
            self._contents = self._rows.contents()
        return self._contents

    def at(self, path: Path) -> Column:
        """What stands at ``path``."""
        column = self._rows.by_name.get(path.text)
        return column if column is not None else Column([look_up(path, content) for content in self.contents])

    def of(self, entry: Entry) -> Column:
        """What stands at the path of ``entry``; without one, the documents."""
        column = self._rows.by_name.get(entry.path.text) if entry.path is not None else None
        return column if column is not None else Column([entry.take(content) for content in self.contents])


def _identifiers(scheme: str, column: Column) -> Sequence[Identifier | Refused | None]:
    """Of each text or whole number the identifier that it is, or what is not valid about it; None where there is none."""
    if column.kind is int:
        column = Column([optional_text(number) or "" for number in column.values])
    found = identifier_column(scheme, column)
    if str not in set(map(type, found)):
        return found  # type: ignore[return-value]
    return [
        one
        if isinstance(one, Identifier)
        else (scheme, quoted(text, MAX_ID)[1:-1], one)
        if text and not text.isspace()
        else None
        for one, text in zip(found, column.values, strict=True)
    ]


def _present(columns: Sequence[Sequence[Any]], count: int) -> Iterable[tuple[Any, ...]]:
    """Row by row what stands there, without the places in which nothing does."""
    if not columns:
        return repeat((), count)
    rows = zip(*columns, strict=True)
    if all(all(column) for column in columns):
        return rows
    return [tuple(filter(None, row)) for row in rows]
