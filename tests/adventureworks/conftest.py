"""The departments of AdventureWorks, running; once for all tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.adventureworks.raw import RawFiles
from tests.adventureworks.systems import departments, tryton_articles
from tests.conftest import PostgresServer, product_data
from tests.upstreams.tryton import Tryton, running_tryton


@pytest.fixture(scope="session")
def raw_files() -> RawFiles:
    return RawFiles(product_data() / "adventureworks")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def erp_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """An empty database for the ERP."""
    name = f"erp_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}"')
    try:
        yield postgres_server.database(name)
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def company(
    raw_files: RawFiles, erp_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, str]]:
    """The five systems, the warehouse on SQLite: the environment for whence.toml."""
    async with departments(raw_files, tmp_path_factory.mktemp("departments"), erp_url) as environment:
        yield environment


@pytest.fixture(scope="session")
def loaded_tryton(raw_files: RawFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """A Tryton that holds a hundred of the products."""
    with running_tryton(tmp_path_factory.mktemp("tryton")) as tryton:
        tryton.load(tryton_articles(raw_files))
        yield tryton
