"""Several worker processes on one ledger: they share the sources, and take over from one that is paused or killed."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.cli.company import Company
from tests.worker.fleet import Fleet, came, stop
from tests.worker.slow_system import SlowSystem

NAMES = ("erp", "wms", "pim", "crm", "shop")


def assert_one_at_a_time(runs: list[Any]) -> None:
    by_source = defaultdict(list)
    for run in runs:
        by_source[run["source"]].append(run)
    for of_source in by_source.values():
        for one, after in pairwise(of_source):
            assert one["finished_at"] <= after["started_at"], (one, after)


async def test_two_workers_share_five_sources_and_each_is_synced_by_one_at_a_time(
    system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    for name in NAMES:
        system.fill(name, 25)
    system.delay = 0.05
    fleet = Fleet(tmp_path, database_url, system)
    with fleet.workers(2) as workers:
        await fleet.until(
            "select count(distinct source) = 5 and min(times) >= 3 and "
            "(select count(distinct worker) = 2 from runs where outcome = 'DONE') "
            "from (select source, count(*) as times from runs where outcome = 'DONE' group by source) done"
        )
        system.edit("wms", 24, "new")
        await fleet.until("select claims::text like '%new%' from records where record_id = 'wms-24'")
        at_once = set(system.most_at_once.values())  # the system goes on with what a worker that ended had asked of it
        for worker in workers:
            stop(worker)
        said = ["".join(worker.out) for worker in workers]
    runs = await fleet.fetch("select * from runs order by number")
    ended = [run for run in runs if run["outcome"] is not None]  # a busy server may have cut one off
    assert {run["outcome"] for run in ended} <= {"DONE", "STOPPED"}
    assert_one_at_a_time(ended)
    assert at_once == {1}
    assert sum("wms: 25 seen, 1 changed" in one for one in said) == 1, "one told of it"
    held = await fleet.fetch("select source from schedule where worker is not null")
    assert held == [], "a worker that ends gives back what it had"
    await fleet.check()


async def test_a_worker_that_was_paused_past_its_lease_and_wakes_overwrites_nothing(
    system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    system.fill("erp", 25)
    fleet = Fleet(tmp_path, database_url, system, lease="1s")
    asked, release = system.hold("erp", 10)
    with fleet.workers(1) as (paused,):
        await came(asked)
        paused.process.send_signal(signal.SIGSTOP)
        with fleet.workers(1) as (awake,):
            await fleet.until("select count(*) > 0 from runs where outcome = 'DONE'")
            system.edit("erp", 15, "new")
            await fleet.until("select claims::text like '%new%' from records where record_id = 'erp-15'")
            release.set()  # what is as it was when the paused one asked
            paused.process.send_signal(signal.SIGCONT)
            await fleet.until("select outcome is not null from runs order by number limit 1")
            first, *others = await fleet.fetch("select * from runs order by number")
            assert (first["outcome"], first["seen"]) == ("YIELDED", 10)
            assert first["worker"] not in {run["worker"] for run in others if run["started_at"] < first["finished_at"]}
            stop(awake)
        stop(paused)
    moved = await fleet.fetch("select kind from changes where record_id = 'erp-15' order by batch")
    assert [row["kind"] for row in moved] == ["ADDED", "CHANGED"]
    assert (await fleet.fetch("select failures from schedule"))[0][0] == 0
    await fleet.check()


async def test_a_worker_that_is_killed_loses_nothing_and_keeps_nothing_longer_than_its_lease(
    system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    system.fill("erp", 25)
    fleet = Fleet(tmp_path, database_url, system, lease="2s")
    asked, _ = system.hold("erp", 10)
    with fleet.workers(1) as (killed,):
        await came(asked)
        killed.process.kill()
    with fleet.workers(1) as (other,):
        await fleet.until("select count(*) > 0 from runs where outcome = 'DONE'")
        stop(other)
    first, second, *_ = await fleet.fetch("select outcome, seen, added from runs order by number")
    assert (first["outcome"], second["outcome"], second["added"]) == (None, "DONE", 15), (
        "it goes on where the other was"
    )
    assert len(await fleet.fetch("select from records")) == 25
    await fleet.check()


async def test_a_source_that_fails_is_left_alone_longer_and_longer_and_then_goes_on(
    system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    system.fill("erp", 5)
    system.fill("wms", 5)
    records = system.records.pop("erp")
    system.records["erp"] = []
    fleet = Fleet(tmp_path, database_url, system, every="1s")
    del system.records["erp"]  # every request for it breaks
    with fleet.workers(1) as (worker,):
        await fleet.until("select failures >= 2 from schedule where source = 'erp'")
        await fleet.until("select count(*) > 2 from runs where source = 'wms' and outcome = 'DONE'")
        system.records["erp"] = records
        await fleet.until("select outcome = 'DONE' from runs where source = 'erp' order by number desc limit 1")
        assert (await fleet.fetch("select failures from schedule where source = 'erp'"))[0][0] == 0
        stop(worker)
        told = [line for line in worker.out if "erp: UNREACHABLE" in line]
        assert len(told) == 1, "told once"
        worker.wait_for("erp: 5 seen, 5 added")
    await fleet.check()


async def test_a_source_that_another_worker_is_at_is_left_to_it_however_long_that_takes(
    system: SlowSystem, tmp_path: Path, database_url: str
) -> None:
    system.fill("erp", 25)
    system.fill("wms", 25)
    fleet = Fleet(tmp_path, database_url, system, lease="1s")
    asked, release = system.hold("erp", 20)
    with fleet.workers(1, "--json", "erp") as (worker,):
        await came(asked)
        with fleet.whence("sync", "erp") as by_hand:
            assert by_hand.process.wait(timeout=60) == 1
            assert by_hand.wait_for("is syncing it; waiting", by_hand.err)
            assert by_hand.wait_for("another worker is syncing this source", by_hand.err)
        assert len(await fleet.fetch("select from runs")) == 1
        release.set()
        worker.wait_for('"seen":25')
        with fleet.whence("sync", "wms") as by_hand:  # which the worker was not asked for
            assert by_hand.process.wait(timeout=60) == 0
        stop(worker)
        reports = [json.loads(line) for line in worker.out]
    assert reports[0]["outcome"] == "DONE"
    assert (reports[0]["added"], reports[0]["failure"]) == (25, None)
    assert {report["source"] for report in reports} == {"erp"}
    assert system.most_at_once["erp"] == 1
    await fleet.check()


async def test_what_only_makes_sense_once_is_refused(tmp_path: Path) -> None:
    refused = Company(tmp_path).whence("sync", "--watch", "--full")
    assert refused.returncode == 2
    assert "--watch goes on by itself" in refused.stderr
