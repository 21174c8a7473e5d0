"""The ERP: a PostgreSQL database of its own, with a clock for the price and one for the stock.

It holds every item, under a description of at most forty capitals, as ERPs do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.demo.catalogue import CURRENCY, Catalogue, Product, Row
from app.demo.gate import Upstream

DATABASE = "brewster_erp"
SCHEMA = "brewster_erp"
"""The same in a database of its own and as a guest in another, so that ``from = "brewster_erp.items"`` fits both."""

_OURS = "Brewster Appliances, the demo company of Whence; made anew at every start"
_PREPARING_LOCK = 0x42726577  # "Brew"
_SECONDS = 10
_DEFAULT_PORT = 5432
_FIRST_ITEM = 100_001

_BLANK: Row = {
    "item_no": 0,
    "description": "",
    "sku": "",
    "ean": "",
    "list_price": None,
    "currency": CURRENCY,
    "price_changed_at": None,
    "cost": None,
    "cost_changed_at": None,
    "stock_on_hand": None,
    "stock_changed_at": None,
    "status": "",
    "created_at": None,
    "changed_at": None,
}
_TABLE = """
    create table {schema}.items (
        item_no          integer primary key,
        description      varchar(40) not null,
        sku              varchar(20) not null unique,
        ean              varchar(14),
        list_price       numeric(12, 2),
        currency         char(3) not null,
        price_changed_at timestamptz,
        cost             numeric(12, 2),
        cost_changed_at  timestamptz,
        stock_on_hand    integer,
        stock_changed_at timestamptz,
        status           varchar(16) not null,
        created_at       timestamptz not null,
        changed_at       timestamptz not null
    )
"""


class ErpUnavailable(Exception):
    """The PostgreSQL server cannot hold the ERP; the text says why and what to do, and names no password."""


@dataclass(frozen=True, slots=True)
class ErpDatabase:
    """Where the ERP's database really is (``upstream``), and how its address reads once a gate stands before it."""

    upstream: Upstream
    url: URL

    def through(self, port: int) -> str:
        """The address for clients who go through 127.0.0.1:``port``."""
        return self.url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)


def items(catalogue: Catalogue) -> list[Row]:
    """The rows of ``items``; a row's own clock is the latest of its fields' clocks."""
    numbers = {product.sku: number for number, product in enumerate(catalogue.products, start=_FIRST_ITEM)}

    def item(product: Product) -> Row:
        return {
            "item_no": numbers[product.sku],
            "description": f"{product.name['en']} {product.colour}".strip().upper()[:40],
            "sku": product.sku,
            "ean": product.gtin,
            "list_price": product.list_price,
            "price_changed_at": catalogue.usual_clock("price", product.sku, within=330),
            "cost": product.cost,
            "cost_changed_at": catalogue.usual_clock("cost", product.sku, within=120),
            "stock_on_hand": product.stock,
            "stock_changed_at": catalogue.usual_clock("stock", product.sku, within=9),
            "status": product.status.upper(),
            "created_at": product.launched,
        }

    rows = catalogue.rows("erp", item, None, blank=_BLANK)
    for row in rows:
        row["changed_at"] = max(row[name] for name in ("price_changed_at", "cost_changed_at", "stock_changed_at"))
    return rows


async def prepare(postgres_url: str, catalogue: Catalogue) -> ErpDatabase:
    """Put the ERP on the server of ``postgres_url``: in a database of its own where the role may make one, else in a
    schema of the database that the URL names. Raises ErpUnavailable."""
    try:
        async with asyncio.timeout(3 * _SECONDS):
            url = await _own_database(make_url(postgres_url).set(drivername="postgresql"))
            await _load(url, items(catalogue))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError, ArgumentError) as error:
        raise ErpUnavailable(
            f"The demo's ERP needs the PostgreSQL server, and that answered: {type(error).__name__}: {error}. "
            "Check that it runs, and that its user may create a database or a schema."
        ) from error
    return ErpDatabase(_upstream(url), _public(url))


async def _own_database(url: URL) -> URL:
    """The address of ``brewster_erp``, made if need be; ``url`` itself where that may not be made."""
    connection = await _connect(url)
    try:
        if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
            try:
                await connection.execute(f"create database {DATABASE} template template0 encoding 'UTF8'")
            except asyncpg.InsufficientPrivilegeError:
                return url
            except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                pass  # another demo on this server was faster
        may_use = await connection.fetchval(
            "select has_database_privilege($1, 'connect') and has_database_privilege($1, 'create')", DATABASE
        )
        return url.set(database=DATABASE) if may_use else url
    finally:
        await connection.close()


async def _load(url: URL, rows: list[Row]) -> None:
    connection = await _connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _PREPARING_LOCK)
            comment = await connection.fetchrow(
                "select obj_description(oid, 'pg_namespace') as text from pg_namespace where nspname = $1", SCHEMA
            )
            if comment is not None and comment["text"] != _OURS:
                raise ErpUnavailable(
                    f"The database {url.database!r} has a schema {SCHEMA!r} that is not the demo's. Rename it, "
                    "or give the demo another database."
                )
            await connection.execute(f"drop schema if exists {SCHEMA} cascade")
            await connection.execute(f"create schema {SCHEMA}")
            await connection.execute(f"comment on schema {SCHEMA} is '{_OURS}'")
            await connection.execute(_TABLE.format(schema=SCHEMA))
            columns = list(_BLANK)
            await connection.copy_records_to_table(
                "items", schema_name=SCHEMA, columns=columns, records=[[row[name] for name in columns] for row in rows]
            )
    finally:
        await connection.close()


async def _connect(url: URL) -> Any:
    return await asyncpg.connect(url.render_as_string(hide_password=False), timeout=_SECONDS, command_timeout=_SECONDS)


def _upstream(url: URL) -> Upstream:
    host, port = url.host or url.query.get("host") or "localhost", url.port or url.query.get("port") or _DEFAULT_PORT
    if not isinstance(host, str) or not isinstance(port, str | int) or "," in host:
        raise ErpUnavailable("The demo's ERP needs one PostgreSQL server; the address names several.")
    if host.startswith("/"):
        return str(PurePosixPath(host) / f".s.PGSQL.{port}")
    return host, int(port)


def _public(url: URL) -> URL:
    """``url`` without what leads past the gate; the server's certificate cannot be for the gate's address."""
    query = {name: value for name, value in url.query.items() if name not in {"host", "port"}}
    if query.get("sslmode") == "verify-full":
        query["sslmode"] = "verify-ca"
    return url.set(query=query)
