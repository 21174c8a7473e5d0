"""A walk through a relation, page by page, and the cursor that resumes it.

Without a trusted clock every walk is over everything, in the order of the key; its final cursor is None, so that the
next one begins again. With one (``sync.by``), the first walk is over everything too, and notes the newest clock
*before* it reads the first page; from there the following walks read what is as new or newer, in the order of clock
and key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from sources.contract import Cursor
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.sql.options import SqlOptions
from sources.sql.rows import Answer, ask
from sources.sql.statements import Statements
from sources.sql.values import NotKept, keep, kept, overlapped, tomorrow

GROUP_PAGES = 16
"""How many pages of rows may share one key before that is taken for a wrong key."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk is. ``of`` is what is walked through, so that a cursor of something else begins again."""

    of: str
    page: int
    key: str
    clock: str | None
    phase: Literal["keys", "keyless", "since"] = "keys"
    begun: bool = False
    after: Any = None
    """The last key read; a pair of clock and key in the phase ``since``."""
    offset: int = 0
    since: Any = None
    """Where this walk began, by the clock (phase ``since``)."""
    newest: Any = None
    """Where the next walk will begin, by the clock."""
    total: int | None = None

    @property
    def enumerating(self) -> bool:
        """Whether this walk is over everything."""
        return self.phase != "since"

    @classmethod
    def resume(cls, cursor: Cursor, declaration: SourceDeclaration, options: SqlOptions) -> Walk:
        """The walk at ``cursor``; from the beginning for None, and for a cursor of anything but this."""
        told = "\x00".join(
            str(part)
            for part in (options.schema_name, options.table, options.query, declaration.key, declaration.sync.by)
        )
        of = hashlib.sha256(told.encode()).hexdigest()[:12]
        start = cls(of, declaration.sync.page, declaration.key, declaration.sync.by)
        if not isinstance(cursor, dict) or cursor.get("of") != of:
            return start
        try:
            phase = cursor["phase"]
            after = cursor.get("after")
            if phase == "since":
                pair = None if after is None else (kept(after[0]), kept(after[1]))
                return replace(
                    start,
                    phase="since",
                    begun=pair is not None,
                    after=pair,
                    since=kept(cursor["since"]),
                    newest=kept(cursor.get("newest")),
                )
            return replace(
                start,
                phase="keyless" if phase == "keyless" else "keys",
                begun=True,
                after=kept(after),
                offset=int(cursor.get("offset", 0)),
                newest=kept(cursor.get("newest")),
                total=cursor.get("total"),
            )
        except (KeyError, ValueError, TypeError, IndexError, ArithmeticError):
            return start

    def cursor(self, *, last: bool) -> Cursor:
        """What resumes here; after the ``last`` page, what follows the changes from then on."""
        try:
            if last:
                newest = None if self.newest is None else keep(overlapped(self.newest))
                return None if newest is None else {"of": self.of, "phase": "since", "since": newest}
            if self.phase == "since":
                after = [keep(part) for part in self.after]
                form = {"since": keep(self.since), "after": after}
            else:
                form = {"after": keep(self.after), "offset": self.offset, "total": self.total}
            return {"of": self.of, "phase": self.phase, "newest": keep(self.newest), **form}
        except NotKept as unknown:
            raise SourceFailure(
                FailureKind.GARBLED,
                f"{self.key!r} or {self.clock!r} holds values of the type {unknown}, which cannot be paged by; "
                "read a query that casts it to text",
            ) from unknown

    async def step(self, connection: AsyncConnection, statements: Statements) -> tuple[Answer, Walk, bool]:
        """The next page's rows, the walk after them, and whether they were the last. Raises SourceFailure."""
        walk = self if self.begun else await self._begin(connection, statements)
        if walk.phase == "keyless":
            return await walk._keyless(connection, statements)
        rows, more = await walk._group(connection, statements)
        if walk.phase == "since":
            if not more:
                return rows, walk, True
            return rows, replace(walk, after=(rows.last_raw(str(walk.clock)), rows.last_raw(walk.key))), False
        if more:
            return rows, replace(walk, after=rows.last_raw(walk.key)), False
        keyless = replace(walk, phase="keyless")
        if not len(rows):
            return await keyless._keyless(connection, statements)
        some = await ask(connection, statements.without_key(0, 1))
        return (rows, keyless, False) if len(some) else (rows, walk, True)

    async def _begin(self, connection: AsyncConnection, statements: Statements) -> Walk:
        newest = self.since
        if self.clock is not None:
            found = (await ask(connection, statements.newest(self.clock))).first_value()
            until = None if found is None else tomorrow(found)
            if until is not None and found > until:  # a date in the future would hide everything until then
                found = (await ask(connection, statements.newest(self.clock, until))).first_value()
            newest = self.since if found is None else found
        if self.phase == "since":
            return replace(self, begun=True, newest=newest)
        total = (await ask(connection, statements.count())).first_value()
        return replace(self, begun=True, newest=newest, total=total)

    async def _keyless(self, connection: AsyncConnection, statements: Statements) -> tuple[Answer, Walk, bool]:
        found = await ask(connection, statements.without_key(self.offset, self.page + 1), statements.structured)
        rows = replace(found.first(self.page), position=self.offset)
        more = len(found) > self.page
        return rows, replace(self, offset=self.offset + len(rows)), not more

    async def _group(self, connection: AsyncConnection, statements: Statements) -> tuple[Answer, bool]:
        """A page of rows that ends where a key ends, and whether there are more after it."""
        limit = self.page
        while True:
            if self.phase == "since":
                statement = statements.since(str(self.clock), self.since, self.after, limit + 1)
            else:
                statement = statements.page(self.after, limit + 1)
            rows = await ask(connection, statement, statements.structured)
            if len(rows) <= limit:
                return rows, False
            for end in range(limit, 0, -1):
                if not rows.is_tied(end):
                    return rows.first(end), True
            limit *= 2  # one key fills the page and goes on
            if limit > self.page * GROUP_PAGES:
                raise SourceFailure(
                    FailureKind.TOO_LARGE,
                    f"more than {limit // 2} rows have the same {self.key!r}; the key must name one record each",
                )
