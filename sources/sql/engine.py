"""From a database's URL to a pool of connections that can only read."""

from __future__ import annotations

import json
import os
import ssl
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from sources.sql.far_moments import read_far_moments

CONNECT_SECONDS = 2.0
POOL_SIZE = 4
_STATEMENTS_KEPT = 100
_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mariadb+asyncmy",
    "sqlite": "sqlite+aiosqlite",
}
_JSON = json.JSONDecoder(parse_float=Decimal, parse_constant=str)
_PARAMETERS = {
    "postgresql": {"host", "port", "sslmode", "application_name"},
    "mysql": {"charset", "unix_socket", "ssl"},
    "mariadb": {"charset", "unix_socket", "ssl"},
    "sqlite": set[str](),
}


def parse_url(text: str) -> URL:
    """The URL with the driver that Whence uses. Raises ValueError, without repeating the URL, where it cannot be."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("write a database URL such as postgresql://user:password@host/database") from None
    driver = _DRIVERS.get(url.drivername.partition("+")[0])
    if driver is None:
        raise ValueError(f"{url.drivername}:// is not known; write postgresql://, mariadb://, mysql:// or sqlite:///")
    url = url.set(drivername=driver)
    backend = url.get_backend_name()
    unknown = sorted(url.query.keys() - _PARAMETERS[backend])
    if unknown:
        known = ", ".join(sorted(_PARAMETERS[backend])) or "none"
        raise ValueError(f"the URL's parameter {unknown[0]!r} is not known; there are: {known}")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("the URL names no file; write sqlite:///path/to/file.db")
    return url


def open_engine(url: URL, patience: float, *, far: bool = False) -> AsyncEngine:
    """An engine over ``url`` (of :func:`parse_url`), connected to nothing yet. ``patience``: seconds that a statement
    may take before the server itself gives it up, where it can. ``far``: it holds values that its driver cannot read
    (:mod:`sources.sql.far_moments`)."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, patience)
    if url.get_backend_name() == "postgresql":
        return _postgresql(url, far)
    return _mariadb(url, patience)


def _engine(url: URL, **arguments: Any) -> AsyncEngine:
    return create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_recycle=1800,
        json_deserializer=read_json,
        hide_parameters=True,
        **arguments,
    )


def read_json(text: str | bytes) -> Any:
    """JSON with exact numbers; what is no number in JSON stays a text."""
    return _JSON.decode(text if isinstance(text, str) else text.decode())


def _sqlite(url: URL, patience: float) -> AsyncEngine:
    # mode=ro: a missing file is an error, not a new and empty database
    path = quote(os.path.abspath(os.path.expanduser(url.database or "")))
    engine = _engine(
        url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"}), connect_args={"timeout": patience}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # what is no UTF-8 is shown as such, and does not cost the whole page
        connection.driver_connection.text_factory = lambda raw: raw.decode("utf-8", "replace")

    return engine


def _postgresql(url: URL, far: bool) -> AsyncEngine:
    query = dict(url.query)
    name = str(query.pop("application_name", "whence"))
    arguments: dict[str, Any] = {"timeout": CONNECT_SECONDS, "server_settings": {"application_name": name}}
    if "sslmode" in query:
        arguments["ssl"] = query.pop("sslmode")
    engine = _engine(url.set(query=query), connect_args=arguments)
    if far:

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, record: Any) -> None:
            connection.run_async(read_far_moments)

    return engine.execution_options(postgresql_readonly=True)


def _mariadb(url: URL, patience: float) -> AsyncEngine:
    query = dict(url.query)
    arguments: dict[str, Any] = {"connect_timeout": max(1, round(CONNECT_SECONDS))}
    if query.pop("ssl", "false") in ("true", "1", "required"):
        arguments["ssl"] = ssl.create_default_context()
    query.setdefault("charset", "utf8mb4")
    engine = _engine(url.set(query=query), connect_args=arguments, isolation_level="AUTOCOMMIT")

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        is_mariadb = "mariadb" in str(connection.driver_connection.get_server_info()).lower()
        limit = f"max_statement_time={patience:.3f}" if is_mariadb else f"max_execution_time={round(patience * 1000)}"
        cursor = connection.cursor()
        # in UTC, so that a TIMESTAMP reads the same whatever zone the server keeps
        cursor.execute(f"SET SESSION time_zone='+00:00', SESSION {limit}")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.close()

    return engine
