"""What the tests of faults share."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.telemetry import configure_logging
from tests.faults.workshop import Worker, worker
from tests.ledger.conftest import open_directory, template, used_directory
from tests.resolvers.conftest import house, standing_house

__all__ = ["house", "open_directory", "standing_house", "template", "used_directory"]


@pytest.fixture(autouse=True, scope="package")
def logs() -> io.StringIO:
    """Logs are written as they are in production, and read by nobody."""
    stream = io.StringIO()
    configure_logging(json_lines=True, stream=stream)
    return stream


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def one_worker() -> AsyncIterator[Worker]:
    """A worker; what it is to do, the test says."""
    async with worker() as one:
        yield one


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def other_worker() -> AsyncIterator[Worker]:
    """Another worker."""
    async with worker() as one:
        yield one
