"""The sql connector against SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import ValidationError
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from sources.contract import Connector
from sources.contract_suite import Faults
from sources.contract_suite.guarded import GuardedUpstream
from sources.contract_suite.in_pytest import ConnectorContract, SourceContract
from sources.declaration import SourceDeclaration
from sources.failures import Failure, FailureKind, SourceFailure
from sources.ledger.server import LedgerServer
from sources.sql import KIND, SqlConnector, SqlOptions
from sources.sql.engine import parse_url
from sources.values import JSON
from tests.contract.walking import walk
from tests.upstreams.mariadb import PASSWORD, USER, MariaDB
from tests.upstreams.silence import closed_port, silent_port
from tests.upstreams.sql_switches import ServerSwitches, SqliteSwitches
from tests.upstreams.tcp_proxy import TcpProxy

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


OPENED: list[SqlConnector] = []


@pytest.fixture(autouse=True)
async def closed_connectors() -> AsyncIterator[None]:
    """Closes every connector that the test opened."""
    yield
    while OPENED:
        await OPENED.pop().close()


def connect(url: str, declaration: SourceDeclaration | None = None, **options: Any) -> SqlConnector:
    """A connector as whence.toml would open it."""
    if "query" not in options:
        options["from"] = options.pop("table", "articles")
    connector = KIND.open(declaration or declare(), SqlOptions.model_validate({"url": url, **options}))
    assert isinstance(connector, SqlConnector)
    OPENED.append(connector)
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
    proxy: TcpProxy | None = None
    """The wire that connectors read through; the test itself writes directly."""
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

    @property
    def read_url(self) -> str:
        if self.proxy is None:
            return self.url
        url = make_url(self.url)
        return url.set(host="127.0.0.1", port=self.proxy.port, query={}).render_as_string(hide_password=False)

    def connector(self) -> Connector:
        return connect(self.read_url, declare(sync={"page": 3, "by": self.by}, deadline="5s"))

    @cached_property
    def faults(self) -> Faults:
        def impatient() -> Connector:
            return connect(self.read_url, declare(sync={"page": 3, "by": self.by}, deadline="50ms"))

        if self.proxy is not None:
            return ServerSwitches(self.proxy, impatient, self.execute)
        return SqliteSwitches(Path(self.engine.url.database or ""), self.execute, impatient)

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


@pytest.fixture
async def postgres_by_wire(postgres: Database) -> AsyncIterator[Database]:
    """The same through a wire that can be tampered with."""
    url = make_url(postgres.url)
    port, directory = int(str(url.query.get("port", url.port or 5432))), url.query.get("host")
    proxy = TcpProxy(path=f"{directory}/.s.PGSQL.{port}") if directory else TcpProxy(port=port)
    async with proxy as postgres.proxy:
        yield postgres


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


@pytest.fixture
async def mariadb_by_wire(mariadb: Database, mariadb_server: MariaDB) -> AsyncIterator[Database]:
    """The same through a wire that can be tampered with."""
    async with TcpProxy(port=mariadb_server.port) as mariadb.proxy:
        yield mariadb


async def with_articles(database: Database, by: str | None = None) -> Database:
    """``database`` with the contract's table, followed by the clock ``by``."""
    await database.execute(CREATE[database.backend])
    database.by = by
    return database


WALKS = {"a walk", "what changed", "asking by key"}
"""What a clock makes a difference to; keys besides, for they are walked through."""


class TestSQLite(ConnectorContract):
    @pytest.fixture
    async def upstream(self, sqlite: Database) -> Database:
        return await with_articles(sqlite)


class TestSQLiteByClock(ConnectorContract, about=WALKS):
    @pytest.fixture
    async def upstream(self, sqlite: Database) -> Database:
        return await with_articles(sqlite, by="changed_on")


class TestPostgreSQL(ConnectorContract):
    @pytest.fixture
    async def upstream(self, postgres_by_wire: Database) -> Database:
        return await with_articles(postgres_by_wire)


class TestPostgreSQLByClock(ConnectorContract, about=WALKS):
    @pytest.fixture
    async def upstream(self, postgres_by_wire: Database) -> Database:
        return await with_articles(postgres_by_wire, by="changed_on")


@pytest.mark.needs("mariadb")
class TestMariaDB(ConnectorContract):
    @pytest.fixture
    async def upstream(self, mariadb_by_wire: Database) -> Database:
        return await with_articles(mariadb_by_wire)


@pytest.mark.needs("mariadb")
class TestMariaDBByClock(ConnectorContract, about=WALKS):
    @pytest.fixture
    async def upstream(self, mariadb_by_wire: Database) -> Database:
        return await with_articles(mariadb_by_wire, by="changed_on")


class TestSQLiteAsASource(SourceContract):
    @pytest.fixture
    async def upstream(self, sqlite: Database) -> GuardedUpstream:
        return GuardedUpstream(await with_articles(sqlite))


class TestPostgreSQLAsASource(SourceContract):
    @pytest.fixture
    async def upstream(self, postgres: Database) -> GuardedUpstream:
        return GuardedUpstream(await with_articles(postgres))


@pytest.mark.needs("mariadb")
class TestMariaDBAsASource(SourceContract):
    @pytest.fixture
    async def upstream(self, mariadb: Database) -> GuardedUpstream:
        return GuardedUpstream(await with_articles(mariadb))


# ── What differs from one database to another ──────────────────────────────────────────────────────────────────────

EACH = ["sqlite", "postgres", pytest.param("mariadb", marks=pytest.mark.needs("mariadb"))]


@pytest.fixture(params=EACH)
def database(request: pytest.FixtureRequest) -> Database:
    """Each database in turn, empty."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


@pytest.fixture(params=[EACH[0], EACH[2]])
def folding(request: pytest.FixtureRequest) -> Database:
    """Each database that may take ``a`` and ``A`` for one key."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


async def read(connector: SqlConnector, cursor: JSON = None) -> list[Mapping[str, JSON]]:
    pages = await walk(connector, cursor)
    await connector.close()
    return [document.content for page in pages for document in page.documents]


async def ids(connector: SqlConnector, cursor: JSON) -> set[str]:
    return {document.content["article_no"] for page in await walk(connector, cursor) for document in page.documents}


async def fetched(connector: SqlConnector, *keys: str, columns: Sequence[str] = ("label",)) -> list[Mapping[str, JSON]]:
    documents = await connector.fetch(keys, columns)
    await connector.close()
    return [document.content for document in documents]


async def failure(attempt: Any) -> Failure:
    with pytest.raises(SourceFailure) as caught:
        await attempt
    return caught.value.failure


class TestKeys:
    async def test_keys_that_repeat_and_keys_that_are_missing_lose_no_row(self, database: Database) -> None:
        await database.execute("create table articles (article_no varchar(20), label integer)")
        keys = ["A", "A", "B", "B", "B", "B", "B", "C", None, "D", "D", None, "E", None, None, None, "F"]
        for label, key in enumerate(keys):
            await database.execute("insert into articles values (:key, :label)", key=key, label=label)
        declaration = declare(fields={}, updated_at=None, sync={"page": 3})
        connector = connect(database.url, declaration)
        pages = await walk(connector)
        labels = [document.content["label"] for page in pages for document in page.documents]
        assert sorted(labels) == list(range(len(keys)))
        assert [page.last for page in pages].count(True) == 1
        for position, page in enumerate(pages[:-1], start=1):
            rest = await walk(connector, json.loads(json.dumps(page.cursor)))
            # in whatever order a database gives rows that have the same key: it may be another each time
            assert sorted(document.content["label"] for found in rest for document in found.documents) == sorted(
                document.content["label"] for found in pages[position:] for document in found.documents
            )
        places = [
            document.place for page in pages for document in page.documents if document.content["article_no"] is None
        ]
        assert len(set(places)) == 5
        await connector.close()

    async def test_one_key_on_everything_is_refused(self, database: Database) -> None:
        await database.execute("create table articles (article_no varchar(20), label integer)")
        for label in range(60):
            await database.execute("insert into articles values ('A', :label)", label=label)
        connector = connect(database.url, declare(fields={}, updated_at=None, sync={"page": 3}))
        found = await failure(walk(connector))
        assert found.kind is FailureKind.TOO_LARGE
        assert "article_no" in found.message
        await connector.close()

    async def test_keys_that_the_database_takes_for_equal_are_not_lost(self, folding: Database) -> None:
        kind = "text collate nocase" if folding.backend == "sqlite" else "varchar(20) collate utf8mb4_general_ci"
        await folding.execute(f"create table articles (article_no {kind}, label text)")
        keys = ["a", "A", "b", "B", "c", "C", "d", "D"]
        for key in keys:
            await folding.execute("insert into articles values (:key, 'x')", key=key)
        for page in (1, 2, 3, 5):
            rows = await read(connect(folding.url, declare(fields={}, updated_at=None, sync={"page": page})))
            assert sorted(row["article_no"] for row in rows) == sorted(keys)

    @pytest.mark.parametrize("kind", ["integer", "bigint", "numeric(20)"])
    async def test_whole_numbers_are_found_by_their_texts(self, database: Database, kind: str) -> None:
        await database.execute(f"create table articles (article_no {kind} primary key, label text)")
        for key in (7, 121066, -3):
            await database.execute("insert into articles values (:key, 'x')", key=key)
        asked = ["7", "121066", "-3", "99999999999999999999", "9223372036854775807", "x", "", "1e400", "\x00", "\udc80"]
        rows = await fetched(connect(database.url, declare(fields={}, updated_at=None)), *asked)
        assert sorted(int(row["article_no"]) for row in rows) == [-3, 7, 121066]

    async def test_an_empty_table_has_no_keys_of_any_type(self, database: Database) -> None:
        await database.execute("create table articles (article_no integer primary key, label text)")
        assert await fetched(connect(database.url, declare(fields={}, updated_at=None)), "7", "x") == []

    async def test_uuids_dates_and_padded_texts_of_postgresql(self, postgres: Database) -> None:
        id_ = str(uuid4())
        for kind, key, other in (
            ("uuid", id_, "x"),
            ("date", "2026-03-01", "x"),
            ("char(10)", "A1", "A2"),
            ("varchar(2)", "A1", "A12345"),
            ("numeric(12,2)", "5.50", "x"),
        ):
            await postgres.execute(f"create table articles (article_no {kind} primary key, label text)")
            await postgres.execute(f"insert into articles values ('{key}', 'x')")
            connector = connect(postgres.url, declare(fields={}, updated_at=None, sync={"page": 1}))
            assert len(await connector.fetch([key, other], ["label"])) == 1
            assert len(await read(connector)) == 1
            await postgres.execute("drop table articles")


class TestClocks:
    async def followed(self, database: Database, rows: Mapping[str, Any]) -> tuple[SqlConnector, JSON]:
        """A connector by clock and the cursor after a walk through ``rows`` (id to clock)."""
        await with_articles(database)
        await self.put(database, rows)
        connector = connect(database.url, declare(sync={"page": 2, "by": "changed_on"}))
        return connector, json.loads(json.dumps((await walk(connector))[-1].cursor))

    async def put(self, database: Database, rows: Mapping[str, datetime]) -> None:
        for id_, moment in rows.items():
            clock: Any = moment.isoformat() if database.backend == "sqlite" else moment
            if database.backend == "mariadb":
                clock = moment.replace(tzinfo=None)
            await database.execute("delete from articles where article_no = :id", id=id_)
            await database.execute("insert into articles values (:id, 'x', 1, 1, :clock)", id=id_, clock=clock)

    async def test_rows_of_one_moment_are_all_seen(self, database: Database) -> None:
        moment = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
        connector, cursor = await self.followed(database, {"A": moment})
        await self.put(database, {f"B{number}": moment for number in range(7)})
        found = {
            document.content["article_no"] for page in await walk(connector, cursor) for document in page.documents
        }
        assert found >= {f"B{number}" for number in range(7)}
        await connector.close()

    async def test_only_what_is_new_is_read(self, database: Database) -> None:
        start = datetime(2026, 3, 1, tzinfo=UTC)
        connector, cursor = await self.followed(
            database, {f"A{hour}": start + timedelta(hours=hour) for hour in range(9)}
        )
        await self.put(database, {"A3": start + timedelta(hours=9)})
        pages = await walk(connector, cursor)
        assert {document.content["article_no"] for page in pages for document in page.documents} == {"A8", "A3"}
        assert not any(page.enumerating for page in pages)
        await connector.close()

    async def test_a_clock_in_the_future_hides_nothing(self, database: Database) -> None:
        now = datetime.now(UTC)
        connector, cursor = await self.followed(database, {"A": now, "WRONG": now + timedelta(days=4000)})
        await self.put(database, {"B": now + timedelta(seconds=5)})
        found = {
            document.content["article_no"] for page in await walk(connector, cursor) for document in page.documents
        }
        assert "B" in found
        await connector.close()

    async def test_a_row_written_during_the_walk_is_seen_after_it(self, database: Database) -> None:
        start = datetime(2026, 3, 1, tzinfo=UTC)
        await with_articles(database)
        await self.put(database, {f"B{number}": start + timedelta(hours=number) for number in range(6)})
        connector = connect(database.url, declare(sync={"page": 2, "by": "changed_on"}))
        seen: list[str] = []
        cursor: JSON = None
        async for page in connector.changes(None):
            if not seen:  # behind the walk by key, and newer than everything
                await self.put(database, {"A": start + timedelta(hours=9), "B0": start + timedelta(hours=10)})
            seen += [document.content["article_no"] for document in page.documents]
            cursor = page.cursor
        assert "A" not in seen
        found = {
            document.content["article_no"] for page in await walk(connector, cursor) for document in page.documents
        }
        assert {"A", "B0"} <= found
        await connector.close()

    @pytest.mark.parametrize("cursor", [{}, [], "x", 5, {"of": 1}, {"of": "", "phase": "since"}])
    async def test_a_foreign_cursor_begins_again(self, sqlite: Database, cursor: JSON) -> None:
        connector, own = await self.followed(sqlite, {"A": datetime(2026, 3, 1, tzinfo=UTC)})
        assert (await walk(connector, cursor))[0].enumerating
        damaged = own | {"since": {"datetime": "x"}, "after": [1]}
        assert (await walk(connector, damaged))[0].enumerating
        await connector.close()


class TestValues:
    async def test_of_postgresql(self, postgres: Database) -> None:
        await postgres.execute(
            "create table articles as select 'A'::text as article_no, 0.1::float8 as price, 'NaN'::float8 as bad, "
            "'Infinity'::numeric as far, 12345678901234567890.123456789::numeric as exact, "
            """'{"a": 19.99999999999999999999, "b": [1, null]}'::jsonb as attributes, '{"c": 0.1}'::json as older, """
            "array[1.5, 2.5]::numeric[] as list, '2026-03-01 12:00+02'::timestamptz as seen, "
            "'2026-03-01 12:00'::timestamp as naive, 'infinity'::timestamptz as forever, '2026-03-01'::date as day, "
            "'\\xff00'::bytea as picture, true as active, '1 day'::interval as length, '10.0.0.1'::inet as address"
        )
        (row,) = await read(connect(postgres.url, declare(fields={}, updated_at=None, names=())))
        assert dict(row) == {
            "article_no": "A",
            "price": Decimal("0.1"),
            "bad": "NaN",
            "far": "Infinity",
            "exact": Decimal("12345678901234567890.123456789"),
            "attributes": {"a": Decimal("19.99999999999999999999"), "b": [1, None]},
            "older": {"c": Decimal("0.1")},
            "list": [Decimal("1.5"), Decimal("2.5")],
            "seen": datetime(2026, 3, 1, 10, tzinfo=UTC),
            "naive": datetime(2026, 3, 1, 12),
            "forever": "infinity",
            "day": date(2026, 3, 1),
            "active": True,
            "length": "1 day, 0:00:00",
            "address": "10.0.0.1",
        }
        (row,) = await read(connect(postgres.url, declare(fields={"image": "picture"}, updated_at=None, names=())))
        assert row["picture"] == b"\xff\x00"

    @pytest.mark.needs("mariadb")
    async def test_of_mariadb(self, mariadb: Database) -> None:
        await mariadb.execute(
            "create table articles (article_no varchar(9), price double, exact decimal(30,10), attributes json, "
            "seen timestamp(6) null, naive datetime, day date, active bool, sizes set('b', 'a'))"
        )
        async with mariadb.engine.connect() as connection:
            await connection.execute(text("set time_zone = '+05:00'"))
            await connection.execute(
                text(
                    "insert into articles values ('A', 0.1, 12345678901234567890.123456789, :attributes, "
                    "'2026-03-01 12:00', '2026-03-01 12:00', '2026-03-01', true, 'a,b')"
                ),
                {"attributes": '{"a": 0.1}'},
            )
        declaration = declare(fields={"colour": "attributes.a"}, updated_at=None, names=())
        (row,) = await read(connect(mariadb.url, declaration))
        assert row["price"] == Decimal("0.1")
        assert row["exact"] == Decimal("12345678901234567890.1234567890")
        assert row["attributes"] == {"a": Decimal("0.1")}
        assert row["seen"] == datetime(2026, 3, 1, 7, tzinfo=UTC)
        assert row["naive"] == datetime(2026, 3, 1, 12)
        assert row["day"] == date(2026, 3, 1)
        assert not any(isinstance(value, float) for value in row.values())

    async def test_of_sqlite(self, sqlite: Database) -> None:
        await sqlite.execute("create table articles (article_no, price real, attributes text, odd text, picture blob)")
        await sqlite.execute(
            "insert into articles values ('A', 9e999, '{\"a\": [0.1]}', cast(x'41ff42' as text), x'00ff')"
        )
        declaration = declare(fields={"colour": "attributes.a[0]"}, updated_at=None, names=())
        (row,) = await read(connect(sqlite.url, declaration))
        assert dict(row) == {
            "article_no": "A",
            "price": "Infinity",
            "attributes": {"a": [Decimal("0.1")]},
            "odd": "A\N{REPLACEMENT CHARACTER}B",
        }

    async def test_fetch_reads_the_columns_asked_for_and_those_it_needs(self, database: Database) -> None:
        await with_articles(database)
        await database.put("A", {"label": "Kettle", "weight": Decimal(1), "stock": 5})
        (row,) = await fetched(connect(database.url), "A", columns=["weight", "weight.x", "no such"])
        assert set(row) == {"article_no", "weight", "changed_on"}


class TestRelations:
    async def test_a_query_is_taken_as_it_stands(self, database: Database) -> None:
        await with_articles(database)
        await database.put("A:1", {"label": "100% :label", "weight": Decimal(1), "stock": 5})
        like = "like 'A:%'"
        query = (
            "-- the articles\nselect article_no, label, '12:30 %s ? $1 :x' as note, changed_on\n"
            f"from articles where article_no {like} ;  "
        )
        declaration = declare(fields={"note": "note"})
        connector = connect(database.url, declaration, query=query)
        assert await connector.check() == ()
        assert [column.name for column in (await connector.describe()).columns][:3] == ["article_no", "label", "note"]
        (row,) = await fetched(connector, "A:1", columns=["note", "label"])
        assert (row["note"], row["label"]) == ("12:30 %s ? $1 :x", "100% :label")
        (row,) = await read(connect(database.url, declaration, query=query.rstrip(" ;") + " -- no more"))
        assert row["note"] == "12:30 %s ? $1 :x"

    async def test_two_columns_of_one_name_are_named(self, database: Database) -> None:
        await with_articles(database)
        problems = await connect(database.url, query="select a.*, a.label from articles a").check()
        # SQLite gives the second one a name of its own
        assert [problem.path for problem in problems] == (["query"] if database.backend != "sqlite" else [])

    async def test_names_that_need_quotes(self, database: Database) -> None:
        quote = '"' if database.backend != "mariadb" else "`"
        names = ["Artikel Nr.", "Preis (EUR)", "100%", "select", "a:b", "o'c"]
        columns = ", ".join(f"{quote}{name}{quote} varchar(20)" for name in names)
        await database.execute(f"create table {quote}Order Lines{quote} ({columns})".replace(":", r"\:"))
        values = ", ".join(f"'{number}'" for number in range(len(names)))
        await database.execute(f"insert into {quote}Order Lines{quote} values ({values})")
        declaration = declare(key="Artikel Nr.", fields={"a": "Preis (EUR)"}, names=("a:b",), updated_at="100%")
        connector = connect(database.url, declaration, table="Order Lines")
        assert await connector.check() == ()
        (row,) = await fetched(connector, "0", columns=names)
        assert list(row.values()) == [str(number) for number in range(len(names))]
        assert await read(connector) == [row]

    async def test_a_view_and_a_table_of_a_schema(self, postgres: Database) -> None:
        await postgres.execute("create schema sales")
        await postgres.execute('create table sales."my.articles" (article_no text, label text)')
        await postgres.execute("insert into sales.\"my.articles\" values ('A', 'x')")
        await postgres.execute('create view sales.articles as select * from sales."my.articles"')
        await postgres.execute('create materialized view sales.kept as select * from sales."my.articles"')
        declaration = declare(fields={}, updated_at=None)
        for options in (
            {"table": "sales.articles"},
            {"table": "sales.kept"},
            {"table": "articles", "schema": "sales"},
            {"table": "my.articles", "schema": "sales"},
        ):
            connector = connect(postgres.url, declaration, **options)
            assert await connector.check() == ()
            assert [row["label"] for row in await read(connector)] == ["x"]
        (problem,) = await connect(postgres.url, declaration, table="sales.artikles").check()
        assert (problem.path, problem.instead) == ("from", "write 'sales.articles'")

    async def test_check_names_each_wrong_column_with_what_is_close(self, database: Database) -> None:
        await with_articles(database)
        connector = connect(
            database.url,
            declare(
                updated_at="changed_at",
                names=("label", "lable"),
                identifiers={"gtin": "ean"},
                fields={"weight": [{"path": "Weight"}, {"path": "weight", "unit_path": "unit"}], "x": "stock.a"},
            ),
        )
        problems = {problem.path: problem.instead for problem in await connector.check()}
        assert problems == {
            "updated_at": "write 'changed_on'",
            "names[1]": "write 'label'",
            "identifiers.gtin": "write one of: article_no, changed_on, label, stock, weight",
            "fields.weight[0].path": "write 'weight'",
            "fields.weight[1].unit_path": problems["fields.weight[1].unit_path"],
        }
        await connector.close()

    async def test_a_column_that_goes_away_between_two_readings(self, database: Database) -> None:
        await with_articles(database)
        await database.put("A", {"label": "x"})
        connector = connect(database.url)
        assert len(await connector.fetch(["A"], ["label", "stock"])) == 1
        await database.execute("alter table articles drop column stock")
        found = await failure(connector.fetch(["A"], ["label", "stock"]))
        assert found.kind is FailureKind.MISSING_OBJECT
        (document,) = await connector.fetch(["A"], ["label", "stock"])
        assert "stock" not in document.content
        await connector.close()


class TestReadingOnly:
    async def test_postgresql_writes_nothing(self, postgres: Database) -> None:
        await with_articles(postgres)
        await postgres.execute("create sequence numbers")
        query = "select nextval('numbers')::text as article_no, now() as changed_on"
        found = await failure(walk(connect(postgres.url, declare(fields={}), query=query)))
        assert found.kind is FailureKind.REFUSED

    @pytest.mark.needs("mariadb")
    async def test_mariadb_writes_nothing(self, mariadb: Database) -> None:
        await with_articles(mariadb)
        await mariadb.execute(
            "create function note() returns int begin insert into articles values ('Z', '', 1, 1, now()); return 1; end"
        )
        query = "select note() as article_no, now() as changed_on"
        found = await failure(walk(connect(mariadb.url, declare(fields={}), query=query)))
        assert found.kind is FailureKind.REFUSED
        assert (await mariadb.execute("select count(*) from articles")).scalar() == 0

    async def test_what_may_not_be_read_is_refused(self, postgres: Database) -> None:
        await with_articles(postgres)
        role = f"reader_{uuid4().hex[:8]}"
        await postgres.execute(f"create role {role} login password '{PASSWORD}'")
        url = make_url(postgres.url).set(username=role, password=PASSWORD).render_as_string(hide_password=False)
        try:
            connector = connect(url)
            for attempt in (walk(connector), connector.check(), connector.fetch(["A"], ["label"])):
                assert (await failure(attempt)).kind is FailureKind.REFUSED
            await connector.close()
        finally:
            await postgres.execute(f"drop role {role}")


class TestTime:
    SLOW: ClassVar[Mapping[str, str]] = {
        "postgresql": "select 'A' as article_no, now() as changed_on from pg_sleep(60)",
        "mariadb": "select 'A' as article_no, now() as changed_on, sleep(60) as slept",
        "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n) "
        "select 'A' as article_no, max(i) as changed_on from n",
    }

    async def test_a_slow_answer_is_given_up_in_time_and_stopped_there(self, database: Database) -> None:
        await with_articles(database)
        declaration = declare(fields={}, names=(), deadline="200ms")
        connector = connect(database.url, declaration, query=self.SLOW[database.backend])
        for patience, attempt in ((0.2, connector.fetch(["A"], ["x"])), (2.0, walk(connector))):
            begun = asyncio.get_running_loop().time()
            found = await failure(attempt)
            assert found.kind is FailureKind.TIMEOUT, found
            assert asyncio.get_running_loop().time() - begun < patience + 1.0
        begun = asyncio.get_running_loop().time()
        await connector.close()
        assert asyncio.get_running_loop().time() - begun < 3.0
        running = {
            "postgresql": "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' "
            "and state = 'active' and pid <> pg_backend_pid()",
            "mariadb": "select count(*) from information_schema.processlist "
            "where info like '%sleep(60)%' and id <> connection_id()",
        }.get(database.backend)
        if running is not None:
            async with asyncio.timeout(5):
                while (await database.execute(running)).scalar():
                    await asyncio.sleep(0.1)

    async def test_readings_that_nobody_waits_for_leave_the_connector_usable(self, database: Database) -> None:
        await with_articles(database)
        await database.put("A", {"label": "x"})
        connector = connect(database.url)
        for delay in (0.0, 0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05) * 2:
            task = asyncio.create_task(connector.fetch(["A"], ["label"]))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.wait({task})
        assert len(await connector.fetch(["A"], ["label"])) == 1
        await connector.close()

    async def test_postgresql_that_was_away_is_read_again(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        directory = Path(tempfile.mkdtemp(prefix="whence-away-"))
        directory.chmod(0o755)
        try:
            server = await LedgerServer.start(directory, durable=False)
            connector = connect(server.dsn, declare(fields={}, updated_at=None), query="select '1' as article_no")
            assert len(await connector.fetch(["1"], [])) == 1
            await server.stop()
            assert (await failure(connector.fetch(["1"], []))).kind is FailureKind.UNREACHABLE
            server = await LedgerServer.start(directory, durable=False)
            assert len(await connector.fetch(["1"], [])) == 1
            await server.stop()
            server = await LedgerServer.start(directory, durable=False)
            assert len(await connector.fetch(["1"], [])) == 1, "a restart between two readings is not noticed"
            await connector.close()
            await server.stop()
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @pytest.mark.needs("mariadb")
    async def test_mariadb_that_was_away_is_read_again(self, mariadb: Database, mariadb_server: MariaDB) -> None:
        await with_articles(mariadb)
        await mariadb.put("A", {"label": "x"})
        connector = connect(mariadb.url)
        assert len(await connector.fetch(["A"], ["label"])) == 1
        await mariadb_server.pause()
        try:
            assert (await failure(connector.fetch(["A"], ["label"]))).kind is FailureKind.UNREACHABLE
        finally:
            await mariadb_server.resume()
        assert len(await connector.fetch(["A"], ["label"])) == 1
        await connector.close()


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"from": "a", "query": "select 1"},
            {"query": "delete from articles"},
            {"query": "select 1", "schema": "x"},
            {"from": "a", "url": "oracle://u:s3cret-Pa55@h/d"},
            {"from": "a", "url": "s3cret-Pa55"},
            {"from": "a", "url": "sqlite://"},
            {"from": "a", "url": "postgresql://u:s3cret-Pa55@h/d?nonsense=1"},
            {"from": "a", "url": "postgresql://u:s3cret-Pa55@h:port/d"},
            {"from": ""},
        ],
    )
    def test_what_is_wrong_is_said_without_the_password(self, options: dict[str, str]) -> None:
        with pytest.raises(ValidationError) as caught:
            SqlOptions.model_validate({"url": f"postgresql://u:{PASSWORD}@h/d"} | options)
        assert PASSWORD not in str(caught.value)

    def test_the_password_is_not_shown(self) -> None:
        options = SqlOptions.model_validate({"url": f"postgresql://u:{PASSWORD}@h/d", "from": "a"})
        connector = KIND.open(declare(), options)
        assert (
            PASSWORD
            not in f"{options!r} {options} {options.model_dump_json(by_alias=True)} {connector!r} {vars(connector)}"
        )

    @pytest.mark.parametrize(
        ("given", "driver"),
        [
            ("postgres://h/d", "postgresql+asyncpg"),
            ("postgresql+psycopg://h/d", "postgresql+asyncpg"),
            ("mysql+pymysql://h/d", "mysql+asyncmy"),
            ("mariadb://h/d", "mariadb+asyncmy"),
            ("sqlite:////tmp/x.db", "sqlite+aiosqlite"),
        ],
    )
    def test_the_driver_is_ours_whatever_the_url_says(self, given: str, driver: str) -> None:
        assert parse_url(given).drivername == driver
