"""A sync that is told to end: after the batch under way, with exit code 0, and the next one goes on there."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from resolvers.ingest import ELSEWHERE, STOPPED
from resolvers.recording import Counts, Recorder
from resolvers.turns import Turn
from sources.ledger.runs import failing_sources, source_states
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House
from tests.worker.fleet import Fleet, came, stop
from tests.worker.slow_system import SlowSystem


@pytest.mark.parametrize("watching", [True, False], ids=["watch", "once"])
async def test_sigterm_ends_a_run_between_two_batches_and_the_next_one_goes_on_there(
    watching: bool, system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    system.fill("erp", 25)
    fleet = Fleet(tmp_path, database_url, system)
    asked, _ = system.hold("erp", 20)  # it does not answer the third page
    with fleet.whence("sync", *(["--watch"] if watching else [])) as worker:
        await came(asked)
        if watching:
            stop(worker)
        else:
            code, seconds = worker.end(signal.SIGTERM)
            assert code == 128 + signal.SIGTERM
            assert seconds < 15
    runs = await fleet.fetch("select outcome, seen from runs")
    assert [tuple(run) for run in runs] == [("STOPPED", 20)]
    assert len(await fleet.fetch("select from records")) == 20
    if watching:
        return
    with fleet.whence("sync", "--json") as once:
        assert once.process.wait(timeout=60) == 0
    runs = await fleet.fetch("select outcome, seen, added from runs order by number desc limit 1")
    assert [tuple(run) for run in runs] == [("DONE", 5, 5)]
    await fleet.check()


async def test_serving_ends_its_worker_at_a_border_too(system: SlowSystem, tmp_path: Path, database_url: str) -> None:
    system.fill("erp", 25)
    fleet = Fleet(tmp_path, database_url, system)
    with fleet.whence("serve", "--port", "0") as served:
        await fleet.until("select count(*) > 0 from runs where outcome = 'DONE'")
        asked, _ = system.hold("erp", 20)
        await came(asked)
        stop(served)
    runs = await fleet.fetch("select outcome, seen from runs order by number desc limit 1")
    assert [tuple(run) for run in runs] == [("STOPPED", 20)]
    await fleet.check()


async def test_a_second_signal_ends_it_at_once(system: SlowSystem, tmp_path: Path, database_url: str) -> None:
    system.fill("erp", 25)
    fleet = Fleet(tmp_path, database_url, system)
    with fleet.workers(1) as (worker,):
        await fleet.until("select count(*) > 0 from runs where outcome = 'DONE'")
        blocker = await fleet.connect()
        await blocker.execute("begin; select from cursors for update")  # no batch can be written
        await fleet.until(
            "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'for update'"
        )
        worker.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1.5)
        assert worker.process.poll() is None, "it waits for the batch under way"
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(timeout=5) == 0
        await blocker.close()
    await fleet.check()


class Meddling(Recorder):
    """Writes as ever, and lets something happen in the middle of the batch."""

    def __init__(self, like: Recorder, turn: Turn) -> None:
        super().__init__(like.map)
        self.turn = turn

    async def write(self, *of_a_batch: Any, **how: Any) -> None:
        self.turn.stop.ask()
        await asyncio.sleep(0)
        await super().write(*of_a_batch, **how)


async def test_a_batch_under_way_is_finished(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(10):
        erp.put(str(number), stock=number)
    erp.page = 3
    turn = Turn("a worker")
    recorder, house.ingest.recorder = house.ingest.recorder, Meddling(house.ingest.recorder, turn)
    try:
        report = await house.sync("erp", turn=turn)
    finally:
        house.ingest.recorder = recorder
    assert (report.failure, report.outcome, report.counts) == (STOPPED, "STOPPED", Counts(seen=3, added=3))
    assert await failing_sources(house.pool) == {}
    state = (await source_states(house.pool))["erp"]
    assert (state.last_run, state.failing_since, state.confirmed_at) == (None, None, None)
    await check_ledger(house)
    assert (await house.sync("erp")).counts == Counts(seen=7, added=7)
    run = (await source_states(house.pool))["erp"].last_run
    assert run is not None
    assert (run.seen, run.worker) == (7, None)
    assert [row["worker"] for row in await house.pool.fetch("select worker from runs order by number")] == [
        "a worker",
        None,
    ]


async def test_a_stop_that_comes_with_the_last_page_stops_nothing(house: House) -> None:
    house.systems["erp"].put("1", stock=1)
    turn = Turn()
    report = await house.sync("erp", turn=turn, progress=lambda *_: turn.stop.ask())
    assert report.outcome == "DONE"
    assert (await house.sync("erp", turn=turn)).counts == Counts(), "and one that came before begins nothing"


async def test_what_another_worker_holds_is_not_written(house: House) -> None:
    house.systems["erp"].put("1", stock=1)

    async def not_ours(_: Any) -> bool:
        return False

    report = await house.sync("erp", turn=Turn(holds=not_ours))
    assert (report.failure, report.counts) == (ELSEWHERE, Counts())
    assert not await house.pool.fetch("select from records")
    lost = Turn()
    lost.lose()
    assert (await house.sync("erp", turn=lost)).failure == ELSEWHERE


class Cut(Recorder):
    """Loses its connection in the middle of a batch."""

    async def write(self, *_: Any, **__: Any) -> None:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


async def test_an_outage_of_the_ledger_is_no_failure_of_the_system(house: House) -> None:
    house.systems["erp"].put("1", stock=1)
    recorder, house.ingest.recorder = house.ingest.recorder, Cut(house.ownership)
    try:
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await house.sync("erp")
    finally:
        house.ingest.recorder = recorder
    assert await failing_sources(house.pool) == {}
    assert [row["outcome"] for row in await house.pool.fetch("select outcome from runs")] == [None]
    assert (await house.sync("erp")).counts.added == 1
