"""What a database's errors mean, in terms of what to do about them."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sources.failures import FailureKind, SourceFailure

_LENGTH = 300
_SQLSTATES: tuple[tuple[str, FailureKind], ...] = (
    ("08", FailureKind.UNREACHABLE),
    ("57014", FailureKind.TIMEOUT),
    ("57P", FailureKind.UNREACHABLE),
    ("28", FailureKind.REFUSED),
    ("25006", FailureKind.REFUSED),
    ("42501", FailureKind.REFUSED),
    ("3D", FailureKind.MISSING_OBJECT),
    ("3F", FailureKind.MISSING_OBJECT),
    ("42", FailureKind.MISSING_OBJECT),
    ("53", FailureKind.THROTTLED),
    ("55P03", FailureKind.TIMEOUT),
    ("22", FailureKind.GARBLED),
    ("54", FailureKind.TOO_LARGE),
    ("XX", FailureKind.GARBLED),
)
_MYSQL_CODES = {
    FailureKind.UNREACHABLE: {1043, 1053, 1077, 1079, 1080, 1152, *range(1158, 1162), 1927, *range(2001, 2016), 2055},
    FailureKind.REFUSED: {1044, 1045, 1095, 1130, 1142, 1143, 1227, 1251, 1370, 1698, 1792, 1820, 2059, 2061, 4151},
    FailureKind.MISSING_OBJECT: {1046, 1049, 1051, 1052, 1054, 1060, 1064, 1146, 1305, 1356, 4031},
    FailureKind.THROTTLED: {1040, 1041, 1203, 1226},
    FailureKind.TIMEOUT: {1205, 1213, 1317, 1969, 3024},
    FailureKind.TOO_LARGE: {1104, 1153, 1301, 2020},
    FailureKind.GARBLED: {1030, 1194, 1292, 1300, 1366},
}
_SQLITE_CODES = {
    sqlite3.SQLITE_CANTOPEN: FailureKind.MISSING_OBJECT,
    sqlite3.SQLITE_ERROR: FailureKind.MISSING_OBJECT,
    sqlite3.SQLITE_SCHEMA: FailureKind.MISSING_OBJECT,
    sqlite3.SQLITE_PERM: FailureKind.REFUSED,
    sqlite3.SQLITE_AUTH: FailureKind.REFUSED,
    sqlite3.SQLITE_READONLY: FailureKind.REFUSED,
    sqlite3.SQLITE_BUSY: FailureKind.TIMEOUT,
    sqlite3.SQLITE_LOCKED: FailureKind.TIMEOUT,
    sqlite3.SQLITE_INTERRUPT: FailureKind.TIMEOUT,
    sqlite3.SQLITE_CORRUPT: FailureKind.GARBLED,
    sqlite3.SQLITE_NOTADB: FailureKind.GARBLED,
    sqlite3.SQLITE_IOERR: FailureKind.UNREACHABLE,
    sqlite3.SQLITE_TOOBIG: FailureKind.TOO_LARGE,
    sqlite3.SQLITE_NOMEM: FailureKind.TOO_LARGE,
}
_SAID = {
    FailureKind.UNREACHABLE: "cannot be reached",
    FailureKind.TIMEOUT: "did not answer in time",
    FailureKind.THROTTLED: "takes no more connections now",
    FailureKind.REFUSED: "does not let us read",
    FailureKind.MISSING_OBJECT: "does not have what whence.toml names",
    FailureKind.GARBLED: "holds something that cannot be read",
    FailureKind.TOO_LARGE: "has an answer that is too large",
    FailureKind.DEFECT: "failed in a way nobody foresaw",
}


def is_lost(error: BaseException) -> bool:
    """Whether the connection was already dead when it was used, so that asking again on a new one may do."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def source_failure(error: BaseException, url: URL) -> SourceFailure:
    """The failure that ``error``, of the database at ``url``, is; its message holds no password."""
    if isinstance(error, SourceFailure):
        return error
    kind = _kind(error)
    detail = _detail(error)
    if kind is FailureKind.MISSING_OBJECT and _sqlite_code(error) == sqlite3.SQLITE_CANTOPEN:
        detail = "there is no such file, or it cannot be opened"
    return SourceFailure(kind, _without_password(f"{address(url)} {_SAID[kind]}: {detail}", url))


def address(url: URL) -> str:
    """What a person calls this database: its kind, host and name, and nothing secret."""
    if url.get_backend_name() == "sqlite":
        return f"The SQLite file {url.database}"
    name = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}[url.get_backend_name()]
    where = url.host or str(url.query.get("host") or url.query.get("unix_socket") or "localhost")
    port = f":{url.port}" if url.port else ""
    return f"{name} at {where}{port}" + (f" (database {url.database})" if url.database else "")


def _chain(error: BaseException) -> list[BaseException]:
    """``error`` and what it was made of, innermost last."""
    found: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue and len(found) < 10:
        current = queue.pop(0)
        if current is not None and current not in found:
            found.append(current)
            queue += [getattr(current, "orig", None), current.__cause__]
    return found


def _sqlite_code(error: BaseException) -> int | None:
    for link in _chain(error):
        code = getattr(link, "sqlite_errorcode", None)
        if isinstance(code, int):
            return code & 0xFF
    return None


def _kind(error: BaseException) -> FailureKind:
    chain = _chain(error)
    if (code := _sqlite_code(error)) is not None:
        return _SQLITE_CODES.get(code, FailureKind.DEFECT)
    for link in chain:
        state = getattr(link, "sqlstate", None)
        if isinstance(state, str):
            for prefix, kind in _SQLSTATES:
                if state.startswith(prefix):
                    return kind
        if type(link).__module__.startswith("asyncmy") and link.args and isinstance(link.args[0], int):
            for kind, codes in _MYSQL_CODES.items():
                if link.args[0] in codes:
                    return kind
    for link in chain:
        match link:
            case TimeoutError() | PoolTimeoutError():
                return FailureKind.TIMEOUT
            case OSError() | EOFError():
                return FailureKind.UNREACHABLE
            case NoSuchTableError():
                return FailureKind.MISSING_OBJECT
            case OverflowError() | UnicodeError():  # a value that Python has no type for, such as the year 20000
                return FailureKind.GARBLED
            case _:
                name = type(link).__name__
                if name in ("InterfaceError", "ConnectionDoesNotExistError", "InternalClientError"):
                    return FailureKind.UNREACHABLE
                # bytes that changed on the wire: a packet of no known kind, or out of order
                if name in ("InternalError", "ProtocolError") and type(link).__module__.startswith(
                    ("asyncmy", "asyncpg")
                ):
                    return FailureKind.UNREACHABLE
    return FailureKind.DEFECT


_CLASS = re.compile(r"^<class '[^']*'>: ")


def _detail(error: BaseException) -> str:
    """What the database said, in one line: the innermost words, without the statement and its parameters."""
    chain = [
        link for link in _chain(error) if not isinstance(link, SQLAlchemyError) or isinstance(link, NoSuchTableError)
    ]
    link: Any = chain[0] if chain else error
    args: tuple[Any, ...] = getattr(link, "args", ())
    told = args[1:] if len(args) > 1 and isinstance(args[0], int) else args
    text = str(told[0]) if told else ""
    text = _CLASS.sub("", text.strip()).split("\n")[0].strip()
    text = text or type(link).__name__
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def _without_password(text: str, url: URL) -> str:
    password = url.password
    return text.replace(str(password), "***") if password else text
