"""A slow system for each test that asks for one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resolvers.conftest import house, standing_house
from tests.worker.slow_system import SlowSystem

__all__ = ["house", "standing_house"]


@pytest.fixture
def system() -> Iterator[SlowSystem]:
    with SlowSystem() as system:
        yield system


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that the account of an embedded PostgreSQL reaches when root runs the tests: pytest's are private."""
    directory = Path(tempfile.mkdtemp(prefix="whence-worker-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)
