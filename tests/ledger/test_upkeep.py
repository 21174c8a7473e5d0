"""An embedded server that ends by itself is started again, less and less often where that does not help."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from sources.ledger import upkeep
from sources.ledger.server import LedgerServer
from sources.ledger.upkeep import kept_running
from tests.ledger.servers import count_kept, keep, processes_on


async def answers(server: LedgerServer) -> bool:
    """Whether it does before long."""
    until = monotonic() + 60
    while monotonic() < until:
        try:
            return await count_kept(server) == 1
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
    return False


async def test_a_killed_server_is_back_at_the_same_address_and_ends_with_its_owner(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server, kept_running(server):
        await keep(server)
        address, first = server.url, server.pid
        for number in (signal.SIGKILL, signal.SIGQUIT):
            pid = server.pid
            os.kill(pid, number)
            while server.pid == pid:
                await asyncio.sleep(0.02)
            assert await answers(server)
        assert server.url == address
        assert server.pid != first
        assert processes_on(used_directory / "postgres") == [server.pid]
    assert processes_on(used_directory / "postgres") == []


async def test_a_server_that_cannot_start_is_tried_less_and_less_often_and_then_it_runs(
    used_directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(upkeep, "FIRST_PAUSE", 0.01)
    with caplog.at_level(logging.WARNING):
        async with await LedgerServer.start(used_directory) as server, kept_running(server):
            await keep(server)
            broken = server.place.data / "postgresql.conf"
            text = broken.read_text()
            broken.write_text(text + "\nthis is no setting\n")
            os.kill(server.pid, signal.SIGKILL)
            until = monotonic() + 60
            while sum("does not start" in one.message for one in caplog.records) < 3:
                assert monotonic() < until
                await asyncio.sleep(0.02)
            broken.write_text(text)
            assert await answers(server)
    pauses = [one.args[1] for one in caplog.records if "ended by itself" in one.message and isinstance(one.args, tuple)]
    assert pauses[:3] == [0.01, 0.02, 0.04]
