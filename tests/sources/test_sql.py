"""The sql connector against SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from sources.contract import Connector
from sources.declaration import SourceDeclaration
from sources.sql import KIND, SqlConnector, SqlOptions
from sources.sql.engine import parse_url
from sources.values import JSON
from tests.contract.suite import ConnectorContract
from tests.upstreams.mariadb import PASSWORD, USER, MariaDB
from tests.upstreams.silence import closed_port, silent_port

CREATE = {
    "sqlite": "create table articles (article_no text primary key, label text, weight numeric, stock integer, "
    "changed_on text not null)",
    "postgresql": "create table articles (article_no text primary key, label text, weight numeric, stock integer, "
    "changed_on timestamptz not null)",
    "mariadb": "create table articles (article_no varchar(100) primary key, label text, weight decimal(18,6), "
    "stock integer, changed_on datetime(6) not null)",
}


def declare(**changes: Any) -> SourceDeclaration:
    """A declaration of the table ``articles``, with ``changes``."""
    declared: dict[str, Any] = {
        "name": "wms",
        "title": "Warehouse",
        "connector": "sql",
        "key": "article_no",
        "updated_at": "changed_on",
        "sync": {"page": 3},
        "names": ("label",),
        "fields": {"weight": {"path": "weight", "unit": "kg"}, "stock": "stock"},
    }
    return SourceDeclaration.model_validate(declared | changes)


def connect(url: str, declaration: SourceDeclaration | None = None, **options: Any) -> SqlConnector:
    """A connector as whence.toml would open it."""
    if "query" not in options:
        options["from"] = options.pop("table", "articles")
    connector = KIND.open(declaration or declare(), SqlOptions.model_validate({"url": url, **options}))
    assert isinstance(connector, SqlConnector)
    return connector


@dataclass
class Database:
    """A database that a test writes to as its system would, and reads through the connector."""

    url: str
    by: str | None = None
    nowhere: Sequence[str] = ()
    """Addresses of databases that cannot be read."""
    key: str = "article_no"
    secrets: Sequence[str] = (PASSWORD,)
    engine: AsyncEngine = field(init=False)

    def __post_init__(self) -> None:
        url = parse_url(self.url)
        arguments = {"isolation_level": "AUTOCOMMIT"} if url.get_backend_name() == "mariadb" else {}
        self.engine = create_async_engine(url, poolclass=NullPool, **arguments)

    @property
    def backend(self) -> str:
        return self.engine.url.get_backend_name()

    async def execute(self, statement: str, **parameters: Any) -> Any:
        async with self.engine.begin() as connection:
            return await connection.execute(text(statement), parameters)

    def connector(self) -> Connector:
        return connect(self.url, declare(sync={"page": 3, "by": self.by}))

    def misdeclared(self) -> Sequence[Connector]:
        return (
            connect(self.url, table="articels"),
            connect(self.url, declare(key="article_number")),
            connect(self.url, declare(fields={"weight": {"path": "wieght", "unit": "kg"}})),
            connect(self.url, declare(sync={"by": "changed"})),
            connect(self.url, query="select nothing_such from articles"),
        )

    def dead(self) -> Sequence[Connector]:
        return [connect(url, declare(deadline="300ms")) for url in self.nowhere]

    async def put(self, id_: str, values: Mapping[str, JSON]) -> None:
        now = datetime.now(UTC)
        clock: Any = {"sqlite": now.isoformat(), "postgresql": now}.get(self.backend, now.replace(tzinfo=None))
        weight = values.get("weight")
        if self.backend == "sqlite" and weight is not None:
            weight = str(weight)  # SQLite's numeric columns read it
        async with self.engine.begin() as connection:
            await connection.execute(text("delete from articles where article_no = :id"), {"id": id_})
            await connection.execute(
                text("insert into articles values (:id, :label, :weight, :stock, :clock)"),
                {
                    "id": id_,
                    "label": values.get("label"),
                    "weight": weight,
                    "stock": values.get("stock"),
                    "clock": clock,
                },
            )

    async def remove(self, id_: str) -> None:
        await self.execute("delete from articles where article_no = :id", id=id_)


# ── The three databases ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database, only a text of some length" * 100)
    missing = tmp_path / "absent.db"
    database = Database(f"sqlite:///{tmp_path / 'wms.db'}", nowhere=[f"sqlite:///{missing}", f"sqlite:///{garbage}"])
    yield database
    await database.engine.dispose()
    assert not missing.exists(), "reading must not make a database"


@pytest.fixture
async def postgres(empty_database_url: str) -> AsyncIterator[Database]:
    async with silent_port() as silent:
        nowhere = [f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/shop" for port in (closed_port(), silent)]
        database = Database(empty_database_url, nowhere=nowhere)
        yield database
        await database.engine.dispose()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mariadb_server() -> AsyncIterator[MariaDB]:
    async with await MariaDB.start() as server:
        yield server


@pytest.fixture
async def mariadb(mariadb_server: MariaDB) -> AsyncIterator[Database]:
    async with silent_port() as silent:
        nowhere = [f"mariadb://{USER}:{PASSWORD}@127.0.0.1:{port}/shop" for port in (closed_port(), silent)]
        nowhere.append(mariadb_server.url.replace(PASSWORD, "wrong-" + PASSWORD))
        admin = Database(mariadb_server.url)
        name = f"shop_{uuid4().hex[:8]}"
        await admin.execute(f"create database {name} character set utf8mb4")
        database = Database(mariadb_server.url.removesuffix("/shop") + f"/{name}", nowhere=nowhere)
        yield database
        await admin.execute(f"drop database {name}")


async def with_articles(database: Database, by: str | None = None) -> Database:
    """``database`` with the contract's table, followed by the clock ``by``."""
    await database.execute(CREATE[database.backend])
    database.by = by
    return database


class TestSQLite(ConnectorContract):
    @pytest.fixture
    async def upstream(self, sqlite: Database) -> Database:
        return await with_articles(sqlite)


class TestSQLiteByClock(ConnectorContract):
    @pytest.fixture
    async def upstream(self, sqlite: Database) -> Database:
        return await with_articles(sqlite, by="changed_on")


class TestPostgreSQL(ConnectorContract):
    @pytest.fixture
    async def upstream(self, postgres: Database) -> Database:
        return await with_articles(postgres)


class TestPostgreSQLByClock(ConnectorContract):
    @pytest.fixture
    async def upstream(self, postgres: Database) -> Database:
        return await with_articles(postgres, by="changed_on")


@pytest.mark.needs("mariadb")
class TestMariaDB(ConnectorContract):
    @pytest.fixture
    async def upstream(self, mariadb: Database) -> Database:
        return await with_articles(mariadb)


@pytest.mark.needs("mariadb")
class TestMariaDBByClock(ConnectorContract):
    @pytest.fixture
    async def upstream(self, mariadb: Database) -> Database:
        return await with_articles(mariadb, by="changed_on")
