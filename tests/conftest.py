"""What all tests share: what a machine must have for some of them, and a database for each that asks for one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from sources.ledger.database import asyncpg_dsn, migrate
from sources.ledger.server import LedgerServer

CHECKOUT = Path(__file__).resolve().parents[1]
OPTIONAL_IN_CI = {"product-data", "root", "spark"}
"""What a run in CI may lack; any other lack fails it there."""

# Debian keeps servers in sbin, which is not on an ordinary user's PATH.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])

_EXCUSED = pytest.StashKey[bool]()


def in_ci() -> bool:
    """Whether this run must not skip."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def product_data() -> Path:
    """Where the real product data is, if it is anywhere."""
    return Path(os.environ.get("WHENCE_PRODUCT_DATA") or CHECKOUT.parent / "shared" / "data")


def lacking(what: str) -> str | None:
    """Why ``what``, as a ``needs`` marker names it, is not to be had on this machine; None if it is."""
    match what:
        case "mariadb":
            return None if shutil.which("mariadbd") else "no mariadbd on PATH (Debian: apt install mariadb-server)"
        case "node":
            missing = [name for name in ("node", "npm") if not shutil.which(name)]
            return f"no {' and no '.join(missing)} on PATH (Debian: apt install nodejs npm)" if missing else None
        case "openssl":
            return None if shutil.which("openssl") else "no openssl on PATH (Debian: apt install openssl)"
        case "tryton":
            return "Tryton is installed from the network, and WHENCE_OFFLINE is set" if _offline() else None
        case "pypi":
            return "it is fetched from PyPI, and WHENCE_OFFLINE is set" if _offline() else None
        case "match":
            return _not_installed("duckdb", "pyarrow", "splink")
        case "spark":
            if not shutil.which("java"):
                return "no java on PATH (Debian: apt install openjdk-17-jre-headless)"
            return _not_installed("pyspark", "duckdb", "pyarrow", "splink")
        case "product-data":
            found = product_data()
            return None if found.is_dir() else f"no product data in {found} (WHENCE_PRODUCT_DATA names its directory)"
        case "root":
            return None if os.geteuid() == 0 else "only root can change to another user"
        case _:
            raise pytest.UsageError(
                f"needs({what!r}): write mariadb, node, openssl, tryton, pypi, match, spark, product-data or root"
            )


def _not_installed(*modules: str) -> str | None:
    missing = [name for name in modules if find_spec(name) is None]
    return f"no {' and no '.join(missing)} (pip install {' '.join(missing)})" if missing else None


def _offline() -> bool:
    return os.environ.get("WHENCE_OFFLINE", "") not in {"", "0"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that needs what is not here; in CI fail it."""
    for marker in item.iter_markers("needs"):
        for what in marker.args:
            if reason := lacking(what):
                item.stash[_EXCUSED] = what in OPTIONAL_IN_CI or not in_ci()
                if not item.stash[_EXCUSED]:
                    pytest.fail(f"required in CI: {reason}", pytrace=False)
                pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips itself by any other way fails too."""
    report = yield
    if report.skipped and in_ci() and not item.stash.get(_EXCUSED, False) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be: {report.longrepr}"
    return report


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The tests' PostgreSQL: the address of one of its databases, from which those of the others follow."""

    url: str

    def database(self, name: str) -> str:
        """The address of the database ``name``, as asyncpg reads it."""
        head, _, query = self.url.partition("?")
        return f"{head.rpartition('/')[0]}/{name}{'?' + query if query else ''}"

    async def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server() -> AsyncIterator[PostgresServer]:
    """One PostgreSQL for all tests: the one that WHENCE_TEST_DATABASE_URL names, or one of our own that forgets."""
    if named := os.environ.get("WHENCE_TEST_DATABASE_URL"):
        yield PostgresServer(asyncpg_dsn(named))
        return
    directory = Path(tempfile.mkdtemp(prefix="whence-tests-"))
    directory.chmod(0o755)  # so that the account the server runs under reaches it when root runs the tests
    try:
        async with await LedgerServer.start(directory, durable=False) as server:
            yield PostgresServer(server.dsn)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_template(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The name of a database with the ledger's tables in it, from which those of the tests are copied."""
    name = f"whence_template_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}"')
    try:
        await migrate(postgres_server.database(name))
        yield name
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated database for this test alone; it is dropped afterwards."""
    name = f"whence_test_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}" template "{migrated_template}" strategy file_copy')
    try:
        yield postgres_server.database(name)
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The address of a fresh database without any table, for this test alone; it is dropped afterwards."""
    name = f"whence_empty_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}"')
    try:
        yield postgres_server.database(name)
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')
