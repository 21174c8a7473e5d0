"""One demo company for the tests of its systems; each test leaves all of them running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from app.demo.launch import DemoCompany, DemoControl, read_control
from tests.conftest import PostgresServer


@dataclass(frozen=True, slots=True)
class Running:
    """A running company, and the directory of its files."""

    company: DemoCompany
    directory: Path
    control: DemoControl

    @property
    def environment(self) -> dict[str, str]:
        return self.company.environment


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opened(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    directory = tmp_path_factory.mktemp("demo")
    company = await DemoCompany.start(directory, postgres_server.url)
    try:
        yield Running(company, directory, read_control(directory))
    finally:
        await company.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def brewster(opened: Running) -> AsyncIterator[Running]:
    """The company, every system well before and after."""
    yield opened
    for state in await opened.control.status():
        if state.condition != "running":
            await opened.control.start(state.name)


@pytest_asyncio.fixture(loop_scope="session")
async def web() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        yield client
