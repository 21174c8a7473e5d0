"""Killed owners, killed servers, and what they leave for the next start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sources.ledger.binaries import find_binaries
from sources.ledger.place import Account, Place, reachable
from sources.ledger.server import LedgerServer
from tests.ledger.servers import (
    an_ordinary_account,
    count_kept,
    keep,
    owner_of,
    processes_on,
)


@pytest.mark.parametrize(
    "as_ordinary_user", [False, pytest.param(True, marks=pytest.mark.needs("root"))], ids=["same user", "ordinary user"]
)
async def test_a_killed_owner_leaves_no_server_and_the_next_start_recovers(
    open_directory: Path, as_ordinary_user: bool
) -> None:
    account, bin_directory = Account(), None
    directory = open_directory / ".whence"
    if as_ordinary_user:
        account = an_ordinary_account()
        directory.mkdir()
        account.own(directory)
        bin_directory = reachable(find_binaries(), Place(open_directory, account)).directory
    owner = owner_of(directory, bin_directory, account)
    try:
        assert owner.stdout is not None
        pid, home = owner.stdout.readline().split(maxsplit=1)
        assert home.strip() == str(directory)
        if as_ordinary_user:
            assert Path(f"/proc/{pid}").stat().st_uid == account.uid
        assert int(pid) in processes_on(directory / "postgres")
    finally:
        owner.kill()
        owner.communicate()
    # At once, while the old one may still be shutting down.
    async with await LedgerServer.start(directory) as server:
        assert await count_kept(server) == 1
    deadline = time.monotonic() + 10
    while processes_on(directory / "postgres") and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert processes_on(directory / "postgres") == []


async def test_a_killed_owner_leaves_no_server_without_any_next_start(used_directory: Path) -> None:
    owner = owner_of(used_directory)
    assert owner.stdout is not None
    assert owner.stdout.readline()
    owner.kill()
    owner.communicate()
    deadline = time.monotonic() + 10
    while processes_on(used_directory / "postgres") and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert processes_on(used_directory / "postgres") == []


async def test_a_killed_server_is_recovered_by_the_next_start(used_directory: Path) -> None:
    server = await LedgerServer.start(used_directory)
    await keep(server)
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()
    async with await LedgerServer.start(used_directory) as recovered:
        assert await count_kept(recovered) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_start_waits_for_what_a_killed_server_left_running(used_directory: Path) -> None:
    server = await LedgerServer.start(used_directory)
    await keep(server)
    children = [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]
    for pid in children:
        with suppress(ProcessLookupError):  # a session may have ended meanwhile
            os.kill(pid, signal.SIGSTOP)
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()
    starting = asyncio.create_task(LedgerServer.start(used_directory))
    try:
        await asyncio.sleep(1)
        assert not starting.done(), "two servers on one data directory"
    finally:
        for pid in children:
            with suppress(ProcessLookupError):  # a session may have ended meanwhile
                os.kill(pid, signal.SIGCONT)
    async with await starting as recovered:
        assert await count_kept(recovered) == 1


async def test_a_process_id_that_was_given_out_again_is_not_taken_for_a_server(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server:
        await keep(server)
        account = server.place.account
        status = (server.place.data / "postmaster.pid").read_text().splitlines()
    other = subprocess.Popen(["sleep", "60"], **account.spawn)
    try:
        left_behind = server.place.data / "postmaster.pid"
        left_behind.write_text("\n".join([str(other.pid), *status[1:], ""]))
        left_behind.chmod(0o600)
        account.own(left_behind)
        async with await LedgerServer.start(used_directory) as again:
            assert await count_kept(again) == 1
        assert other.poll() is None, "a process of somebody else's was ended"
    finally:
        other.kill()
        other.wait()


async def test_a_data_directory_that_was_half_made_is_made_again(open_directory: Path) -> None:
    (open_directory / "postgres.new" / "base").mkdir(parents=True)
    async with await LedgerServer.start(open_directory):
        assert not (open_directory / "postgres.new").exists()
