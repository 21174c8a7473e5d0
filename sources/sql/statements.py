"""The statements that read a table, a view or a query: in pages by key, in pages by clock, by keys. Selects only.

Pages are cut where the *database* sees one key end and the next begin, in its own order and by its own equality: a
collation for which ``a`` and ``A`` are one key must not lose either of them between two pages. So each row of a page
says whether its key equals the one before (``TIE``), and a page is never cut within such a group.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnClause,
    ColumnElement,
    Select,
    and_,
    bindparam,
    column,
    false,
    func,
    or_,
    quoted_name,
    select,
    table,
    text,
)
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.types import NullType

from sources.sql.options import SqlOptions

TIE = "_whence_tie"


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements over one relation whose columns are known."""

    relation: FromClause
    columns: tuple[str, ...]
    """Those that a walk reads."""
    key: str
    structured: frozenset[str] = frozenset()
    """Those that hold JSON."""

    def anything(self) -> Select[Any]:
        """One row."""
        return select(*self._selected(self.columns)).limit(1)

    def page(self, after: Any | None, limit: int) -> Select[Any]:
        """Up to ``limit`` rows by key, after the key ``after``; rows without a key are not among them."""
        key = self.relation.c[self.key]
        conditions: list[ColumnElement[bool]] = [key.is_not(None)] if after is None else [key > _bound(after)]
        return self._tied(conditions, (self.key,), limit)

    def since(self, clock: str, since: Any, after: tuple[Any, Any] | None, limit: int) -> Select[Any]:
        """Up to ``limit`` rows by clock and key whose ``clock`` is ``since`` or later, after the pair ``after``."""
        key, moment = self.relation.c[self.key], self.relation.c[clock]
        conditions = [key.is_not(None), moment >= _bound(since if after is None else after[0])]
        if after is not None:
            conditions.append(or_(moment > _bound(after[0]), and_(moment == _bound(after[0]), key > _bound(after[1]))))
        return self._tied(conditions, (clock, self.key), limit)

    def without_key(self, offset: int, limit: int) -> Select[Any]:
        """Rows whose key is NULL: no record, but a person should learn of them."""
        key = self.relation.c[self.key]
        return select(*self._selected(self.columns)).where(key.is_(None)).limit(limit).offset(offset)

    def by_keys(self, keys: Sequence[Any], columns: Collection[str], limit: int) -> Select[Any]:
        """``columns`` of the rows whose key is among ``keys`` (values as the column has them)."""
        key = self.relation.c[self.key]
        kind = BigInteger() if all(isinstance(value, int) for value in keys) else NullType()
        among = key.in_(bindparam("keys", list(keys), type_=kind, expanding=True))
        return select(*self._selected([name for name in self.columns if name in columns])).where(among).limit(limit)

    def some_key(self) -> Select[Any]:
        """One key, to see of what type they are."""
        key = self.relation.c[self.key]
        return select(key).where(key.is_not(None)).limit(1)

    def count(self) -> Select[Any]:
        """How many rows there are."""
        return select(func.count()).select_from(self.relation)

    def newest(self, clock: str, until: Any | None = None) -> Select[Any]:
        """The newest ``clock``, of those up to ``until``."""
        moment = self.relation.c[clock]
        newest = select(func.max(moment))
        return newest if until is None else newest.where(moment <= _bound(until))

    def _selected(self, names: Sequence[str]) -> list[ColumnElement[Any]]:
        return [self.relation.c[name] for name in names]

    def _tied(self, conditions: list[ColumnElement[bool]], order: tuple[str, ...], limit: int) -> Select[Any]:
        names = list(dict.fromkeys((*self.columns, *order)))
        ordered = [self.relation.c[name] for name in order]
        page = select(*self._selected(names)).where(*conditions).order_by(*ordered).limit(limit).subquery("page")
        sort = [page.c[name] for name in order]
        tie = and_(*(page.c[name] == func.lag(page.c[name]).over(order_by=sort) for name in order))
        return select(*(page.c[name] for name in names), func.coalesce(tie, false()).label(TIE)).order_by(*sort)


def relation(options: SqlOptions, columns: Sequence[str]) -> FromClause:
    """The table, view or query of ``options``, with ``columns``."""
    members: list[ColumnClause[Any]] = [column(quoted_name(name, quote=True)) for name in columns]
    if options.query is not None:
        query: FromClause = _text(options).columns(*members).subquery("source")
        return query
    schema, name = table_name(options)
    return table(name, *members, schema=schema)


def nothing(options: SqlOptions) -> Select[Any]:
    """A statement that brings the columns and no row."""
    if options.query is not None:
        return select(text("*")).select_from(_text(options).columns().subquery("source")).limit(0)
    schema, name = table_name(options)
    return select(text("*")).select_from(table(name, schema=schema)).limit(0)


def table_name(options: SqlOptions) -> tuple[str | None, str]:
    """The schema, if one is named, and the table."""
    name = options.table or ""
    if options.schema_name is None and "." in name:
        schema, _, name = name.rpartition(".")
        return schema, name
    return options.schema_name, name


def _text(options: SqlOptions) -> Any:
    # every colon is the query's own, none is a parameter of ours; the line's end closes a comment
    return text((options.query or "").replace(":", r"\:") + "\n")


def _bound(value: Any) -> BindParameter[Any]:
    """A parameter of no declared type, so that the database takes it as what it is compared with."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return bindparam(None, value, type_=BigInteger() if whole else NullType(), unique=True)
