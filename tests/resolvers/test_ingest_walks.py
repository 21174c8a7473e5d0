"""Walks that do not come to their end, and runs that meet: nothing is lost, deleted wrongly or written twice."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from resolvers.ingest import ELSEWHERE
from resolvers.recording import Counts
from sources.failures import FailureKind
from sources.ledger.runs import failing_sources, source_states, sync_state
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import change_log, claim
from tests.resolvers.memory_source import House


async def test_an_interrupted_walk_keeps_what_it_read_resumes_and_deletes_what_is_gone_alone(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(6):
        erp.put(str(number), stock=number)
    await house.sync_all()
    erp.drop("5")
    erp.put("6", stock=6)
    erp.edit("0", stock=10)
    erp.page, erp.fails_at = 2, 1
    report = await house.sync("erp")
    assert report.failure is not None
    assert (report.failure.kind, report.counts) == (FailureKind.UNREACHABLE, Counts(seen=2, changed=1))
    assert list(await failing_sources(house.pool)) == ["erp"]
    assert (await source_states(house.pool))["erp"].records == 6, "a partial read deleted something"
    confirmed = (await sync_state(house.pool, "erp")).confirmed_at
    erp.fails_at = None
    assert (await house.sync("erp")).counts == Counts(seen=4, added=1, gone=1)
    assert await failing_sources(house.pool) == {}
    later = (await sync_state(house.pool, "erp")).confirmed_at
    assert confirmed is not None
    assert later is not None
    assert later > confirmed
    assert not await house.pool.fetchval("select count(*) from sightings")
    await check_ledger(house)


async def test_a_full_walk_begins_again_and_forgets_the_one_that_was_cut_off(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(4):
        erp.put(str(number), stock=number)
    erp.page, erp.fails_at = 2, 1
    await house.sync("erp")
    erp.fails_at = None
    erp.drop("0")
    assert (await house.sync("erp", full=True)).counts == Counts(seen=3, added=2, gone=1)


@pytest.mark.parametrize(("held", "left"), [(30, 19), (30, 0), (10, 6), (3, 1), (1, 0)])
async def test_when_more_than_a_third_is_gone_it_is_held_back_until_somebody_accepts(
    house: House, held: int, left: int
) -> None:
    erp = house.systems["erp"]
    for number in range(held):
        erp.put(str(number), stock=number)
    await house.sync_all()
    for number in range(left, held):
        erp.drop(str(number))
    if left:
        erp.edit("0", stock=99)
    for _ in range(2):
        report = await house.sync("erp")
        assert report.failure is not None
        assert f"{held - left} of {held}" in report.failure.message
        assert (await source_states(house.pool))["erp"].records == held
    if left:
        assert (await claim(house, "0", "stock"))["value"] == 99, "what it did bring is taken"
    report = await house.sync("erp", accept=True)
    assert (report.failure, report.counts.gone) == (None, held - left)
    await check_ledger(house)


async def test_a_third_gone_is_believed(house: House) -> None:
    for number in range(30):
        house.systems["erp"].put(str(number), stock=number)
    await house.sync_all()
    for number in range(10):
        house.systems["erp"].drop(str(number))
    assert (await house.sync("erp")).counts.gone == 10


async def test_a_batch_that_breaks_at_its_last_statement_leaves_nothing_and_is_done_again(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(4):
        erp.put(str(number), stock=number, gtin="4006381333931")
    erp.page = 2
    await house.pool.execute("""
        create function break() returns trigger language plpgsql as $$ begin
            if (select count(*) from aliases) >= 2 then raise exception 'broken on purpose'; end if; return new;
        end $$;
        create trigger break before insert on aliases for each statement execute function break()""")
    try:
        with pytest.raises(asyncpg.RaiseError, match="on purpose"):
            await house.sync("erp")
    finally:
        await house.pool.execute("drop trigger break on aliases; drop function break()")
    await check_ledger(house)
    state = await sync_state(house.pool, "erp")
    assert state.cursor == {"after": 2}
    assert [record_id for _, record_id, _ in await change_log(house)] == ["0", "1"]
    assert (await source_states(house.pool))["erp"].failing_since is not None
    assert (await house.sync("erp")).counts == Counts(seen=2, added=2)
    await check_ledger(house)


async def test_a_run_that_is_cancelled_keeps_its_batches_and_is_no_failure_of_its_source(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(50):
        erp.put(str(number), stock=number)
    erp.page = 1
    far = asyncio.Event()
    run = asyncio.create_task(house.sync("erp", progress=lambda seen, total: far.set() if seen > 5 else None))
    await far.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await check_ledger(house)
    kept = (await source_states(house.pool))["erp"].records
    assert kept > 5
    assert await failing_sources(house.pool) == {}
    assert (await house.sync("erp")).counts.added == 50 - kept


async def test_of_two_runs_of_one_source_one_works_and_the_other_stops_and_nothing_is_written_twice(
    house: House,
) -> None:
    erp = house.systems["erp"]
    for number in range(20):
        erp.put(str(number), stock=number)
    erp.page, erp.meeting = 2, asyncio.Barrier(3)
    reports = await asyncio.gather(*(house.sync("erp") for _ in range(3)))
    assert sorted(report.failure is None for report in reports) == [False, False, True]
    assert {report.failure for report in reports} == {None, ELSEWHERE}
    outcomes = await house.pool.fetch("select outcome from runs order by outcome")
    assert [row["outcome"] for row in outcomes] == ["DONE", "YIELDED", "YIELDED"]
    assert await failing_sources(house.pool) == {}
    assert sum(report.counts.added for report in reports) == 20
    assert len(await change_log(house)) == 20
    await check_ledger(house)
