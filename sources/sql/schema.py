"""The columns that a table, a view or a query has, asked of the database's own catalogue."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from sources.columns import declared_paths, instead_of
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.paths import compile_path
from sources.sql.options import SqlOptions
from sources.sql.statements import Statements, nothing, relation, table_name

_BINARY = re.compile(r"bytea|blob|binary|image", re.IGNORECASE)
_JSON = re.compile(r"jsonb?\b", re.IGNORECASE)
_COLUMNS = {
    "sqlite": "select name, type from pragma_table_xinfo(:table, coalesce(:schema, 'main')) "
    "where hidden <> 1 order by cid",
    "mysql": "select column_name, column_type from information_schema.columns "
    "where table_schema = coalesce(:schema, database()) and table_name = :table order by ordinal_position",
    "postgresql": "select attname::text, format_type(atttypid, atttypmod) from pg_attribute "
    "where attrelid = to_regclass(:quoted) and attnum > 0 and not attisdropped "
    "and has_column_privilege(attrelid, attnum, 'select') order by attnum",
}
_TABLES = {
    "sqlite": "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite~_%' escape '~'",
    "mysql": "select table_name from information_schema.tables where table_schema = coalesce(:schema, database())",
    "postgresql": "select relname::text from pg_class where relkind in ('r', 'v', 'm', 'f', 'p') "
    "and relnamespace = any(select oid from pg_namespace where nspname = :schema "
    "or (cast(:schema as text) is null and nspname = any(current_schemas(false))))",
}
_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Schema:
    """What was found: each column with its type in the database's words (empty for a query's)."""

    options: SqlOptions
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(name for name, _ in self.columns)

    @property
    def repeated(self) -> tuple[str, ...]:
        """Names that several columns of a query have."""
        return tuple(name for name, count in Counter(self.names).items() if count > 1)

    def require(self, declaration: SourceDeclaration, named: str) -> None:
        """Raises SourceFailure where a column that reading itself needs is missing: the key, the clock."""
        if self.repeated:
            raise SourceFailure(
                FailureKind.MISSING_OBJECT, f"{named} has two columns called {self.repeated[0]!r}; give one an alias"
            )
        for name in (declaration.key, declaration.sync.by):
            if name is not None and name not in self.names:
                raise SourceFailure(
                    FailureKind.MISSING_OBJECT, f"{named} has no column {name!r}; {instead_of(name, self.names)}"
                )

    def structured(self, declaration: SourceDeclaration) -> frozenset[str]:
        """The columns that hold JSON: by their type, or because a declared path goes into them."""
        typed = {name for name, kind in self.columns if _JSON.match(kind)}
        entered = {
            root for _, path in declared_paths(declaration) for root in compile_path(path).columns if root != path
        }
        return frozenset(typed | (entered & set(self.names)))

    def statements(self, declaration: SourceDeclaration) -> Statements:
        """The statements that read this; a walk leaves out pictures and the like that no path names."""
        named = {root for _, path in declared_paths(declaration) for root in compile_path(path).columns}
        read = tuple(name for name, kind in self.columns if name in named or not _BINARY.search(kind))
        return Statements(relation(self.options, self.names), read, declaration.key, self.structured(declaration))


async def read_schema(connection: AsyncConnection, options: SqlOptions) -> Schema | None:
    """The columns; None where there is no such table. Raises SQLAlchemyError where it cannot be asked."""
    if options.query is None:
        schema, table = table_name(options)
        named = {"schema": schema, "table": table, "quoted": _quoted(connection, schema, table)}
        statement = text(_COLUMNS[_family(connection)])
        bound = {name: named[name] for name in statement.compile().params}
        found = (await connection.execute(statement, bound)).all()
        if found:
            return Schema(options, tuple((str(name), str(kind)) for name, kind in found))
    try:
        result = await connection.execute(nothing(options))
    except SQLAlchemyError as error:
        if options.query is None and _says_missing(error):
            return None
        raise
    return Schema(options, tuple((name, "") for name in map(str, result.keys())))


async def other_tables(connection: AsyncConnection, options: SqlOptions) -> tuple[str, ...]:
    """The tables and views there are in the schema that ``options`` means, at most 1,000."""
    await connection.rollback()
    schema, _ = table_name(options)
    statement = text(f"{_TABLES[_family(connection)]} order by 1 limit {_LISTED}")
    bound = {"schema": schema} if "schema" in statement.compile().params else {}
    names = [str(name) for (name,) in await connection.execute(statement, bound)]
    prefix = f"{schema}." if schema is not None and options.schema_name is None else ""
    return tuple(f"{prefix}{name}" for name in names)


def _family(connection: AsyncConnection) -> str:
    name = connection.dialect.name
    return "mysql" if name == "mariadb" else name


def _quoted(connection: AsyncConnection, schema: str | None, table: str) -> str:
    preparer = connection.dialect.identifier_preparer
    return ".".join(preparer.quote_identifier(part) for part in (schema, table) if part is not None)


def _says_missing(error: SQLAlchemyError) -> bool:
    original = getattr(error, "orig", None)
    state = getattr(original, "sqlstate", None)
    code = original.args[0] if original is not None and original.args else None
    return state in ("42P01", "3F000") or code in (1146, 1049) or "no such table" in str(original)
