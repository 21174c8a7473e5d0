"""What was set aside, and what a run counted, read back."""

from __future__ import annotations

from datetime import UTC, datetime

from sources.failures import Failure, FailureKind
from sources.ledger.batches import register_sources
from sources.ledger.database import open_pool
from sources.ledger.runs import COUNTS, RUNS_KEPT, begin_run, failing_sources, finish_run, source_states
from sources.ledger.set_aside import UnreadableValue, rejections, unreadable_counts, unreadable_values

AT = datetime(2026, 5, 1, 9, tzinfo=UTC)


async def test_unreadable_values_are_counted_by_field_and_listed_within_a_bound(database_url: str) -> None:
    async with open_pool(database_url, size=2) as pool:
        await pool.execute(
            "insert into unreadable_values (source, record_id, field, reason) values "
            "('erp', '2', 'price', 'no number'), ('erp', '1', 'price', 'no number'), ('erp', '1', 'weight', 'no unit'), "
            "('wms', '1', 'weight', 'no number')"
        )
        assert await unreadable_counts(pool) == {"erp": {"price": 2, "weight": 1}, "wms": {"weight": 1}}
        first, second = await unreadable_values(pool, "erp", ("price", "weight"), 2)
        assert first == UnreadableValue("1", "price", "no number")
        assert (second.record_id, second.field) == ("1", "weight")
        assert await unreadable_values(pool, "erp", ["label"]) == []


async def test_a_rejection_says_which_record_it_would_be(database_url: str) -> None:
    async with open_pool(database_url, size=2) as pool:
        await pool.execute(
            "insert into rejections (source, place, record_id, reason, sample, observed_at) values "
            "('erp', 'row 1', 'A-1', 'twice', '{}', now()), ('erp', 'row 2', null, 'no key', '{}', now())"
        )
        assert [one.record_id for one in await rejections(pool, "erp")] == ["A-1", None]


async def test_a_run_keeps_all_that_it_counted_and_who_ran_it(database_url: str) -> None:
    counts = {name: number for number, name in enumerate(COUNTS, 1)}
    async with open_pool(database_url, size=2) as pool:
        await register_sources(pool, ["erp"])
        number = await begin_run(pool, "erp", AT, "a worker")
        await finish_run(pool, "erp", number, counts, "DONE", None)
        for outcome in ("STOPPED", "YIELDED"):
            later = await begin_run(pool, "erp", AT, "another")
            await finish_run(
                pool, "erp", later, dict.fromkeys(COUNTS, 0), outcome, Failure(FailureKind.THROTTLED, "not to blame")
            )
        run = (await source_states(pool))["erp"].last_run
        assert run is not None
        assert {name: getattr(run, name) for name in COUNTS} == counts
        assert (run.worker, run.failure) == ("a worker", None)
        assert await failing_sources(pool) == {}


async def test_of_many_runs_the_last_are_kept(database_url: str) -> None:
    async with open_pool(database_url, size=2) as pool:
        await pool.execute(
            "insert into runs (source, started_at) select 'erp', now() from generate_series(1, $1::int)", RUNS_KEPT + 50
        )
        await begin_run(pool, "erp", AT)
        assert await pool.fetchval("select count(*) from runs") <= RUNS_KEPT + 1
