"""One database as a connector: check, describe, fetch and changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sources.columns import instead_of, missing_columns
from sources.contract import Changes, Column, Cursor, Description, Document, DocumentPage, Fetch, Problem
from sources.declaration import ConnectorKind, SourceDeclaration
from sources.durations import format_duration
from sources.failures import FailureKind, SourceFailure
from sources.rows import Rows
from sources.sql.engine import open_engine, parse_url
from sources.sql.failures import address, is_lost, source_failure
from sources.sql.options import SqlOptions
from sources.sql.rows import Answer, ask
from sources.sql.schema import Schema, other_tables, read_schema
from sources.sql.values import bound_keys
from sources.sql.walk import Walk

T = TypeVar("T")
PAGE_DEADLINES = 10
"""A page of a sync, a check and a description may take this many times the declared deadline."""
KEYS_AT_ONCE = 500
INTERRUPT_EVERY = 0.05
"""Seconds between two attempts to stop a statement of SQLite that nobody waits for any more."""
ROWS_A_KEY = 100
"""How many rows one key may stand on, when asked by key."""


class SqlConnector:
    """A table, view or query of a database. It only reads, and reconnects by itself after the server was away."""

    def __init__(self, declaration: SourceDeclaration, options: SqlOptions) -> None:
        self._declaration = declaration
        self._options = options
        self._url = parse_url(options.url.get_secret_value())
        self._deadline = declaration.deadline.total_seconds()
        self._engine: AsyncEngine | None = None
        self._far = False
        self._schema: Schema | None = None
        self._like: Any = None
        self._abandoned: set[asyncio.Task[Any]] = set()

    @property
    def fetch(self) -> Fetch:
        """By key, in one statement for up to 500 keys."""
        return self._fetch

    @property
    def changes(self) -> Changes:
        """All rows in pages by key; with ``sync.by`` then those whose clock moved."""
        return self._changes

    async def check(self) -> tuple[Problem, ...]:
        """A table that is not there, or each column that is not."""

        async def look(connection: AsyncConnection) -> tuple[Problem, ...]:
            schema = await read_schema(connection, self._options)
            if schema is None:
                named = self._options.table or ""
                tables = await other_tables(connection, self._options)
                return (Problem("from", f"there is no table or view {named!r}", instead_of(named, tables)),)
            if schema.repeated:
                name = schema.repeated[0]
                return (Problem("query", f"two columns are called {name!r}", "give one of them an alias: ... as ..."),)
            return missing_columns(self._declaration, schema.names)

        try:
            return await self._ask(look, self._deadline * PAGE_DEADLINES)
        except SourceFailure as failure:
            if failure.failure.kind is FailureKind.MISSING_OBJECT and self._options.query is not None:
                return (Problem("query", failure.failure.message, "write a select statement that runs there"),)
            raise

    async def describe(self) -> Description:
        """The columns, their types in the database's words, and a value of each from the first row."""

        async def look(connection: AsyncConnection) -> Description:
            schema = await self._load(connection, fresh=True)
            sample = await ask(connection, schema.statements(self._declaration).anything())
            row = {name: column.values[0] for name, column in sample.columns().items() if len(sample)}
            return Description(
                tuple(Column(name, kind, _shortened(row.get(name))) for name, kind in schema.columns), complete=True
            )

        return await self._ask(look, self._deadline * PAGE_DEADLINES)

    async def close(self) -> None:
        """Give back the connections."""
        engine, self._engine = self._engine, None
        if self._abandoned:
            await asyncio.wait(self._abandoned, timeout=self._deadline)
        if engine is not None:
            await engine.dispose()

    # ── By key ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return ()

        async def look(connection: AsyncConnection) -> list[Document]:
            schema = await self._load(connection)
            statements = schema.statements(self._declaration)
            if self._like is None:
                self._like = (await ask(connection, statements.some_key())).first_value()
            if self._like is None:
                return []
            loose = self._url.get_backend_name() == "sqlite"
            bound = [value for key in wanted for value in bound_keys(key, self._like, loose=loose)]
            needed = {self._declaration.key, *self._clocks(), *columns}
            documents: list[Document] = []
            for start in range(0, len(bound), KEYS_AT_ONCE):
                chunk = bound[start : start + KEYS_AT_ONCE]
                limit = len(chunk) * ROWS_A_KEY
                rows = await ask(
                    connection, statements.by_keys(_padded(chunk), needed, limit + 1), statements.structured
                )
                if len(rows) > limit:
                    raise SourceFailure(
                        FailureKind.TOO_LARGE,
                        f"{self._named()} holds more than {limit} rows for {len(chunk)} keys; "
                        f"{self._declaration.key!r} must name one record each",
                    )
                documents += self._documents(rows)
            return documents

        return await self._ask(look, self._deadline)

    def _clocks(self) -> set[str]:
        declared = {self._declaration.updated_at, self._declaration.sync.by}
        return {name for name in declared if name is not None}

    # ── Changes ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        walk = Walk.resume(cursor, self._declaration, self._options)
        fresh = True
        while True:

            async def look(
                connection: AsyncConnection, walk: Walk = walk, fresh: bool = fresh
            ) -> tuple[Answer, Walk, bool]:
                schema = await self._load(connection, fresh=fresh)
                return await walk.step(connection, schema.statements(self._declaration))

            rows, next_walk, last = await self._ask(look, self._deadline * PAGE_DEADLINES)
            yield DocumentPage(
                self._documents(rows),
                cursor=next_walk.cursor(last=last),
                enumerating=walk.enumerating,
                last=last,
                total=next_walk.total,
            )
            if last:
                return
            walk, fresh = next_walk, False

    # ── What both need ─────────────────────────────────────────────────────────────────────────────────────────────

    def _documents(self, rows: Answer) -> Sequence[Document]:
        columns = rows.columns()
        if not len(rows):
            return ()
        name, key = self._named(), self._declaration.key
        ids = columns[key].values if key in columns else [None] * len(rows)

        def place(row: int) -> str:
            id_ = ids[row]
            return f"{name}, row {rows.position + row + 1} without {key}" if id_ is None else f"{name}, {key} {id_}"

        return Rows([*columns], [*columns.values()], place, count=len(rows))

    def _named(self) -> str:
        return self._options.table or "the query"

    async def _load(self, connection: AsyncConnection, *, fresh: bool = False) -> Schema:
        if self._schema is None or fresh:
            schema = await read_schema(connection, self._options)
            if schema is None:
                raise SourceFailure(
                    FailureKind.MISSING_OBJECT,
                    f"{address(self._url)} has no table or view {self._options.table!r}",
                )
            schema.require(self._declaration, self._named())
            self._schema = schema
        return self._schema

    async def _ask(self, look: Callable[[AsyncConnection], Coroutine[Any, Any, T]], seconds: float) -> T:
        """``look`` on a connection, within ``seconds``; a server that hangs is left behind, not waited for."""
        task = asyncio.create_task(self._twice(look, seconds))
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            self._abandon(task)
            raise
        if not done:
            self._abandon(task)
            length = format_duration(self._declaration.deadline * round(seconds / self._deadline))
            raise SourceFailure(FailureKind.TIMEOUT, f"{address(self._url)} did not answer within {length}")
        try:
            return task.result()
        except (SQLAlchemyError, OSError, TimeoutError, EOFError, ValueError, OverflowError) as error:
            self._schema = None  # it may have changed under us; look again next time
            raise source_failure(error, self._url) from error

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()  # seen: nobody waits for it any more

    async def _twice(self, look: Callable[[AsyncConnection], Awaitable[T]], seconds: float) -> T:
        """``look``, and once more where the pool's connection turned out to be dead, or its driver could not read a
        value and can be made to: reading again does no harm."""
        engine = self._opened()
        try:
            return await self._once(engine, look, seconds)
        except SQLAlchemyError as error:
            if not is_lost(error):
                raise
        except (ValueError, OverflowError):
            if self._far or self._url.get_backend_name() != "postgresql":
                raise
            self._far, self._engine = True, None
            await engine.dispose()
        return await self._once(self._opened(), look, seconds)

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            self._engine = open_engine(self._url, self._deadline * PAGE_DEADLINES, far=self._far)
        return self._engine

    @staticmethod
    async def _once(engine: AsyncEngine, look: Callable[[AsyncConnection], Awaitable[T]], seconds: float) -> T:
        async with engine.connect() as connection:
            if engine.dialect.name != "sqlite":
                return await look(connection)
            raw = await connection.get_raw_connection()
            driver: Any = raw.driver_connection
            # a statement of SQLite runs in a thread that no cancelling reaches
            timer = asyncio.get_running_loop().call_later(seconds, driver._conn.interrupt)
            reading = asyncio.ensure_future(look(connection))
            try:
                return await asyncio.shield(reading)
            finally:
                timer.cancel()
                # a cursor that is cancelled stays open until it is collected, and keeps the system from writing
                while not reading.done():
                    driver._conn.interrupt()
                    await asyncio.wait({reading}, timeout=INTERRUPT_EVERY)
                if not reading.cancelled():
                    reading.exception()


def _padded(keys: list[Any]) -> list[Any]:
    """``keys``, the last one repeated up to a power of two, so that few different statements are prepared."""
    size = 1 << (len(keys) - 1).bit_length()
    return keys + [keys[-1]] * (size - len(keys))


def _shortened(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _open(declaration: SourceDeclaration, options: SqlOptions) -> SqlConnector:
    return SqlConnector(declaration, options)


KIND: ConnectorKind[SqlOptions] = ConnectorKind(options=SqlOptions, open=_open)

__all__ = ["KIND", "SqlConnector"]
