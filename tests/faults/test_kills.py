"""Killed at any instant and started again, the ledger holds what an undisturbed run holds: nothing lost, nothing twice.

``WHENCE_KILLS`` says how often each test kills (12), ``WHENCE_KILLS_SEED`` at which instants.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sources.ledger.database import migrate, open_pool
from sources.ledger.server import LedgerServer
from tests.faults.ledger_dump import Dump, differences, dump
from tests.faults.workshop import NAMES, Worker, Workshop
from tests.ledger.servers import processes_on

KILLS = int(os.environ.get("WHENCE_KILLS", "12"))
SEED = int(os.environ.get("WHENCE_KILLS_SEED", "20261122"))
ROWS = 400


async def undisturbed(one: Worker, shop: Workshop, dsn: str) -> tuple[Dump, float]:
    """What a ledger holds that was let alone, and the seconds that it took."""
    await migrate(dsn)
    began = time.monotonic()
    assert await one.at(shop, dsn).run() == 0
    seconds = time.monotonic() - began
    async with open_pool(dsn, size=2) as pool:
        await shop.check(pool)
        held = await dump(pool)
    assert len(held["changes"]) == len(NAMES) * ROWS
    return _comparable(held), seconds


def _comparable(held: Dump) -> Dump:
    """Without how often a source was walked through: one that was killed after its first walk walks again."""
    for row in held["cursors"]:
        del row["walk"], row["batch"]
    return held


async def run_killed(one: Worker, dice: random.Random, seconds: float, kills: int) -> int:
    """Runs that are killed within ``seconds``, until one comes to its end; how many were killed."""
    killed = 0
    while killed < kills:
        await one.begin()
        await asyncio.sleep(dice.uniform(0, seconds))
        if await one.kill() == 0:
            return killed
        killed += 1
    assert await one.run() == 0
    return killed


async def test_a_worker_killed_at_any_instant_and_started_again_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, database_url: str, empty_database_url: str, one_worker: Worker
) -> None:
    shop = Workshop(tmp_path, ROWS)
    wanted, seconds = await undisturbed(one_worker, shop, empty_database_url)
    killed = await run_killed(one_worker.at(shop, database_url), random.Random(SEED), seconds / 4, KILLS)
    assert killed > 1
    async with open_pool(database_url, size=2) as pool:
        assert differences(wanted, _comparable(await dump(pool))) == []
        await shop.check(pool)
        unfinished = await pool.fetchval("select count(*) from runs where outcome is null")
        assert unfinished > 0


async def test_a_worker_killed_while_the_systems_change_ends_with_what_they_hold(
    tmp_path: Path, database_url: str, empty_database_url: str, one_worker: Worker
) -> None:
    shop = Workshop(tmp_path, ROWS)
    dice = random.Random(SEED)
    one = one_worker.at(shop, database_url)
    for day in range(1, KILLS + 1):
        await one.begin()
        await asyncio.sleep(dice.uniform(0, 0.4))
        await one.kill()
        shop.edit(dice, day)
    for _ in range(2):  # the first may end a walk that began before the last edits
        assert await one.run() == 0
    await migrate(empty_database_url)
    assert await one_worker.at(shop, empty_database_url).run() == 0
    held = []
    for url in (database_url, empty_database_url):
        async with open_pool(url, size=2) as pool:
            await shop.check(pool)
            rows = await pool.fetch(
                "select source, record_id, document - '_file' as document, claims, names, identifiers "
                "from records where gone_at is null order by source, record_id"
            )
            # how each value is dated depends on when it was seen, and is another test's matter
            held.append([{**row, "claims": _values(row["claims"])} for row in rows])
    assert [(one, other) for one, other in zip(*held, strict=True) if one != other][:2] == []


def _values(claims: Mapping[str, list[dict[str, object]]]) -> dict[str, list[object]]:
    return {name: [one["value"] for one in entries] for name, entries in claims.items()}


async def test_a_postgresql_that_crashes_at_any_instant_and_recovers_has_lost_nothing(
    tmp_path: Path, empty_database_url: str, used_directory: Path, one_worker: Worker
) -> None:
    shop = Workshop(tmp_path, ROWS)
    wanted, seconds = await undisturbed(one_worker, shop, empty_database_url)
    dice = random.Random(SEED)
    server = await LedgerServer.start(used_directory)
    try:
        await migrate(server.url)
        one = one_worker.at(shop, server.dsn)
        crashes = 0
        while crashes < max(3, KILLS // 3):
            await one.begin()
            await asyncio.sleep(dice.uniform(0.05, seconds / 3))
            _crash(server)
            crashes += 1
            status = await one.ended()
            assert status != -signal.SIGKILL
            await server.stop()
            server = await LedgerServer.start(used_directory)
            if status == 0:
                break
        for _ in range(2):
            assert await one.run() == 0
        async with open_pool(server.dsn, size=2) as pool:
            assert await pool.fetchval("show fsync") == "on"
            assert differences(wanted, _comparable(await dump(pool))) == []
            await shop.check(pool)
    finally:
        await server.stop()


def _crash(server: LedgerServer) -> None:
    """SIGKILL to the server and to all that it has started, none of which gets to do anything about it."""
    os.kill(server.pid, signal.SIGSTOP)  # so that it starts nothing more
    children = [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]
    for pid in (server.pid, *children):
        with suppress(ProcessLookupError):  # a session may have ended meanwhile
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while len(processes_on(server.place.data)) > 0 and time.monotonic() < deadline:
        time.sleep(0.01)
