"""Directories for servers that tests start themselves."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sources.ledger.server import LedgerServer


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account reaches; what pytest makes is for one user alone."""
    directory = Path(tempfile.mkdtemp(prefix="whence-server-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template() -> AsyncIterator[Path]:
    """A state directory whose server was made, started and stopped once."""
    directory = Path(tempfile.mkdtemp(prefix="whence-template-"))
    directory.chmod(0o755)
    async with await LedgerServer.start(directory, durable=False):
        pass
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def used_directory(open_directory: Path, template: Path) -> Path:
    """A state directory with data in it, for tests that need no fresh one: that takes a second of the processor."""
    subprocess.run(["cp", "-a", template, open_directory / ".whence"], check=True)
    return open_directory / ".whence"
