"""The schedule that workers share: taking, keeping and giving back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest_asyncio

from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, open_pool
from sources.ledger.schedule import (
    CHANNEL,
    enrol,
    give_back,
    hold,
    make_due,
    renew,
    scheduled,
    seconds_to_next,
    still_holds,
    take,
)

LONG = timedelta(minutes=5)
HOUR = timedelta(hours=1)
OVER = timedelta(seconds=-1)
"""A lease that has run out already."""
NOW = timedelta(0)
NAMES = ("erp", "wms", "pim")


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, size=12) as pool:
        await register_sources(pool, NAMES)
        yield pool


async def due_in(pool: Pool, source: str) -> float:
    """Seconds from PostgreSQL's now."""
    return float(
        await pool.fetchval(
            "select extract(epoch from due_at - clock_timestamp()) from schedule where source = $1", source
        )
    )


async def test_new_sources_are_due_at_once_and_known_ones_an_interval_after_they_were_confirmed(pool: Pool) -> None:
    await pool.execute("update cursors set confirmed_at = now() - interval '20 min' where source = 'wms'")
    await pool.execute("update cursors set confirmed_at = now() + interval '9 h' where source = 'pim'")  # a wrong clock
    await enrol(pool, dict.fromkeys(NAMES, HOUR))
    assert await due_in(pool, "erp") <= 0
    assert 2300 < await due_in(pool, "wms") <= 2400
    assert 3500 < await due_in(pool, "pim") <= 3600
    await enrol(pool, {"wms": timedelta(minutes=1), "pim": 2 * HOUR})
    assert 0 < await due_in(pool, "wms") <= 60, "a shorter interval takes effect"
    assert 3500 < await due_in(pool, "pim") <= 3600, "and a longer one does not put off what is due"


async def test_a_system_that_asked_to_be_left_alone_is_not_asked_sooner_for_a_restart(pool: Pool) -> None:
    await enrol(pool, dict.fromkeys(NAMES, HOUR))
    for name, kind in (("erp", "THROTTLED"), ("wms", "REFUSED")):
        lease = await hold(pool, "a", name, LONG)
        assert lease is not None
        await give_back(pool, lease, failures=1, after_start=NOW, after_now=5 * HOUR)
        await pool.execute("insert into runs (source, started_at, failure_kind) values ($1, now(), $2)", name, kind)
    await enrol(pool, dict.fromkeys(NAMES, HOUR))
    assert await due_in(pool, "erp") > 4 * 3600
    assert await due_in(pool, "wms") <= 3600


async def test_the_most_overdue_that_nobody_holds_is_taken_and_each_by_one_alone(pool: Pool) -> None:
    await enrol(pool, dict.fromkeys(NAMES, HOUR))
    for name, late in zip(NAMES, (10, 30, 20), strict=True):
        await pool.execute(
            "update schedule set due_at = now() - make_interval(mins => $2) where source = $1", name, late
        )
    first = await take(pool, "a", NAMES, LONG)
    assert first is not None
    assert first.source == "wms"
    assert (taken := await take(pool, "b", ("erp", "wms"), LONG)) is not None
    assert taken.source == "erp"
    assert await take(pool, "c", ("erp", "wms"), LONG) is None
    assert (taken := await take(pool, "c", NAMES, LONG)) is not None
    assert taken.source == "pim"
    assert await hold(pool, "b", "wms", LONG) is None
    assert (await scheduled(pool))["wms"].worker == "a"
    assert 290 < (await seconds_to_next(pool, NAMES) or 0) <= 300, "when the first lease ends"


async def test_many_workers_at_once_never_get_the_same(pool: Pool) -> None:
    names = [f"s{number}" for number in range(20)]
    await enrol(pool, dict.fromkeys(names, HOUR))

    async def all_there_is(worker: str) -> list[str]:
        got: list[str] = []
        while not all(one.worker for one in (await scheduled(pool)).values()):
            lease = await take(pool, worker, [name for name in names if name not in got], LONG)
            if lease is not None:
                got.append(lease.source)
        return got

    taken = await asyncio.gather(*(all_there_is(str(number)) for number in range(8)))
    assert sorted(name for got in taken for name in got) == sorted(names)


async def test_a_lease_that_ran_out_goes_to_the_next_and_the_first_can_do_nothing_any_more(pool: Pool) -> None:
    await enrol(pool, {"erp": HOUR})
    old = await take(pool, "paused", ["erp"], OVER)
    assert old is not None
    assert await still_holds(pool, old), "nobody has taken it yet"
    new = await take(pool, "awake", ["erp"], LONG)
    assert new is not None
    assert not await still_holds(pool, old)
    assert await still_holds(pool, new)
    assert await renew(pool, "paused", ["erp"], LONG) == frozenset()
    await give_back(pool, old, failures=7, after_start=HOUR, after_now=NOW)
    state = (await scheduled(pool))["erp"]
    assert (state.worker, state.failures) == ("awake", 0)


async def test_a_lease_that_is_renewed_is_kept_and_one_that_nobody_took_can_be(pool: Pool) -> None:
    await enrol(pool, {"erp": HOUR})
    assert await take(pool, "a", ["erp"], OVER) is not None
    assert await renew(pool, "a", ["erp", "wms"], LONG) == {"erp"}
    assert await take(pool, "b", ["erp"], LONG) is None
    assert await take(pool, "a", ["erp"], LONG) is not None, "a worker that lost a run takes its own again"


async def test_it_is_due_from_the_start_of_the_run_but_never_in_the_past(pool: Pool) -> None:
    await enrol(pool, {"erp": HOUR})
    lease = await take(pool, "a", ["erp"], LONG)
    assert lease is not None
    await pool.execute("select pg_sleep(0.3)")
    await give_back(pool, lease, failures=0, after_start=HOUR, after_now=NOW)
    assert 3590 < await due_in(pool, "erp") <= 3599.7
    lease = await hold(pool, "a", "erp", LONG)
    assert lease is not None
    await give_back(pool, lease, failures=3, after_start=timedelta(hours=-5), after_now=timedelta(seconds=30))
    assert 20 < await due_in(pool, "erp") <= 30
    assert (await hold(pool, "b", "erp", LONG) or lease).failures == 3
    await make_due(pool, ["erp"])
    assert (await scheduled(pool))["erp"].failures == 0


async def test_whoever_changes_the_schedule_tells_the_others(pool: Pool, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(database_url)
    try:
        await connection.add_listener(CHANNEL, lambda *told: heard.put_nowait(told[-1]))
        await enrol(pool, {"erp": HOUR})
        lease = await hold(pool, "a", "erp", LONG)
        assert lease is not None
        await give_back(pool, lease, failures=0, after_start=HOUR, after_now=NOW)
        async with asyncio.timeout(20):
            assert await heard.get() == "erp"
            await make_due(pool, ["erp"])
            assert await heard.get() == "erp"
    finally:
        await connection.close()
