"""A house of systems in memory for each test that asks for one, on a ledger that is emptied in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from tests.conftest import PostgresServer
from tests.resolvers.memory_source import House, open_house


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def standing_house(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[House]:
    """The one house of the session; tests take it as ``house``."""
    name = f"whence_house_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}" template "{migrated_template}" strategy file_copy')
    try:
        async with open_house(postgres_server.database(name)) as house:
            yield house
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')


@pytest_asyncio.fixture(loop_scope="session")
async def house(standing_house: House) -> House:
    """A house whose systems and ledger are empty."""
    await standing_house.empty()
    return standing_house
