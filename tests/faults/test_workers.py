"""Several workers at one source: one works, and one that was paused and wakes does not overwrite what is newer."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.ingest import ELSEWHERE, SyncReport
from sources.contract import Cursor, Failed, Follow, Page
from sources.ledger.database import migrate, open_pool
from tests.faults.in_the_loop import in_the_loop
from tests.faults.ledger_dump import differences, dump
from tests.faults.workshop import NAMES, Worker, Workshop, check_once
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House

LONG = 30.0
ROWS = 300


async def test_of_two_processes_at_once_one_works_and_the_other_leaves_it_to_that(
    tmp_path: Path, database_url: str, empty_database_url: str, one_worker: Worker, other_worker: Worker
) -> None:
    shop = Workshop(tmp_path, ROWS)
    await migrate(empty_database_url)
    assert await one_worker.at(shop, empty_database_url).run() == 0
    one, other = one_worker.at(shop, database_url), other_worker.at(shop, database_url)
    for name in (*NAMES, *NAMES):
        await one.begin([name])
        await other.begin([name])
        ended = sorted([await one.ended(), await other.ended()])
        assert ended[0] == 0, "somebody must come to the end"
        assert set(ended) <= {0, 2}
    held = []
    for url in (empty_database_url, database_url):
        async with open_pool(url, size=2) as pool:
            await shop.check(pool)
            held.append(await dump(pool, without=["cursors"]))
    assert differences(held[0], held[1]) == []


@pytest.mark.parametrize(
    ("limit", "blocked"),
    [
        # while it waits for an answer, and between the two halves of a statement that the server has not seen before
        ("IDLE_SECONDS", "select from records for update"),
        ("LONGEST_BATCH_SECONDS", "lock table changes in access exclusive mode"),
    ],
)
async def test_a_worker_paused_within_a_batch_holds_nobody_up_and_writes_nothing_when_it_wakes(
    tmp_path: Path, database_url: str, one_worker: Worker, other_worker: Worker, limit: str, blocked: str
) -> None:
    shop = Workshop(tmp_path, ROWS)
    other = other_worker.at(shop, database_url)
    assert await other.run() == 0
    shop.edit(random.Random(1), 1)
    blocker, watch = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        if limit == "LONGEST_BATCH_SECONDS" and watch.get_server_version().major < 17:
            return  # such a server cannot be told
        paused = one_worker.at(shop, database_url, **{limit: 1.5})
        async with blocker.transaction():
            await blocker.execute(blocked)
            pid = await paused.begin(["stock"])
            await _until(watch, "select count(*) from pg_locks where not granted", 1)
            os.kill(pid, signal.SIGSTOP)
        try:
            shop.edit(random.Random(2), 2)
            assert await other.run() == 0
            newest = await watch.fetch("select * from records order by 1, 2, 3")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert await paused.ended() != 0
        assert await watch.fetch("select * from records order by 1, 2, 3") == newest
    finally:
        await blocker.close()
        await watch.close()
    async with open_pool(database_url, size=2) as pool:
        await shop.check(pool)


async def _until(connection: asyncpg.Connection[asyncpg.Record], query: str, count: int) -> None:
    async with asyncio.timeout(LONG):
        while await connection.fetchval(query) != count:
            await asyncio.sleep(0.02)


# ── Interleavings ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Stepped:
    """A run that goes on by one step at a time: to where it has read a page, and then to where that is written."""

    house: House
    full: bool
    steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[SyncReport] = field(init=False)

    def __post_init__(self) -> None:
        changes = self.house.sources["erp"].changes
        assert changes is not None
        self.task = asyncio.create_task(self.house.ingest.sync("erp", self._stepwise(changes), full=self.full))

    def _stepwise(self, changes: Follow) -> Follow:
        async def stepwise(cursor: Cursor) -> AsyncIterator[Page | Failed]:
            await self._permit()
            async with aclosing(changes(cursor)) as pages:  # type: ignore[type-var]
                async for page in pages:
                    await self._permit()
                    yield page
                    await self._permit()

        return stepwise

    async def _permit(self) -> None:
        self.waits.set()
        await self.steps.acquire()
        self.waits.clear()

    async def step(self) -> None:
        """One step, to its end."""
        await self._stands()
        if not self.task.done():
            self.waits.clear()
            self.steps.release()
            await self._stands()

    async def end(self) -> SyncReport:
        """All steps that are left."""
        for _ in range(1000):
            self.steps.release()
        return await self.task

    async def _stands(self) -> None:
        waits = asyncio.create_task(self.waits.wait())
        await asyncio.wait({waits, self.task}, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()


actions = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 2)),
        st.tuples(st.just("edit"), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.integers(0, 5)),
    ),
    min_size=5,
    max_size=30,
)


@pytest.mark.parametrize("knows_its_changes", [False, True])
async def test_however_the_steps_of_several_runs_interleave_nothing_older_overwrites(
    standing_house: House, knows_its_changes: bool
) -> None:
    house = standing_house

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.booleans(), min_size=2, max_size=3), actions)
    async def interleave(full: list[bool], plan: list[tuple[str, int]]) -> None:
        await house.empty()
        erp = house.systems["erp"]
        erp.log = [] if knows_its_changes else None
        erp.page = 2
        version = 0

        def edit(number: int) -> None:
            nonlocal version
            version += 1
            erp.put(f"E{number}", stock=version, changed=f"2026-01-01T{version // 60:02d}:{version % 60:02d}:00Z")

        for number in range(5):
            edit(number)
        await house.sync_all(["erp"])
        runs = [Stepped(house, one) for one in full]
        for what, number in plan:
            if what == "step":
                await runs[number % len(runs)].step()
            elif what == "edit":
                edit(number)
            elif f"E{number}" in erp.documents and len(erp.documents) > 3:
                erp.drop(f"E{number}")
        reports = [await run.end() for run in runs]
        assert all(
            report.failure in (None, ELSEWHERE) or "not there any more" in report.failure.message for report in reports
        )
        await house.sync_all(["erp"])
        await house.sync_all(["erp"])
        await check_ledger(house)
        await check_once(house.pool)
        rows = await house.pool.fetch("select record_id, claims from records where gone_at is null")
        assert {row["record_id"]: row["claims"]["stock"][0]["value"] for row in rows} == {
            name: document["stock"] for name, document in erp.documents.items()
        }
        log = await house.pool.fetch(
            "select record_id, claims from changes where kind <> 'GONE' order by record_id, batch"
        )
        for earlier, later in pairwise(log):
            if (
                earlier["record_id"] == later["record_id"]
                and "stock" in earlier["claims"]
                and "stock" in later["claims"]
            ):
                assert earlier["claims"]["stock"][0]["value"] <= later["claims"]["stock"][0]["value"], "it went back"

    await in_the_loop(interleave)
