"""The small company, and the command line called within this process."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from typer.testing import CliRunner, Result

from app.cli.application import application
from tests.cli.company import Company

Call: TypeAlias = Callable[..., Result]


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that the account of the embedded PostgreSQL reaches when root runs the tests: pytest's are private."""
    directory = Path(tempfile.mkdtemp(prefix="whence-cli-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def call(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """``call("check", "--json")``: a command of this company, in this process."""
    for name, value in company.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(company.directory)
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield lambda *arguments: CliRunner().invoke(application, arguments)
    logging.disable(logging.NOTSET)
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def on_database(call: Call, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The same, with a ledger of its own on the tests' server."""
    monkeypatch.setenv("WHENCE_DATABASE_URL", database_url)
    return call
