"""Live failures, which another process sees: the table, and what a running process writes into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from app import state as state_module
from app.state import SystemsState
from resolvers.executor import LiveReading
from sources.contract import MISSING, Failed, Outcomes, RecordKey
from sources.failures import Failure, FailureKind
from sources.ledger.database import Pool, open_pool
from sources.ledger.live_failures import end_live_failures, live_failures, note_live_failures, repeat_live_failures

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOWN = Failure(FailureKind.UNREACHABLE, "no connection (failing since 12:00:00 UTC, asked again at 12:00:04 UTC)")
SLOW = Failure(FailureKind.TIMEOUT, "slow", timedelta(seconds=3))


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, size=4) as pool:
        yield pool


async def left_behind(pool: Pool, seconds: float) -> None:
    await pool.execute("update live_failures set seen_at = now() - make_interval(secs => $1)", seconds)


async def test_they_stand_until_they_are_ended(pool: Pool) -> None:
    assert await live_failures(pool) == {}
    await note_live_failures(pool, {"erp": (NOON, DOWN), "wms": (NOON, SLOW)})
    known = await live_failures(pool)
    assert known["erp"] == (NOON, DOWN)
    assert known["wms"][1].kind is FailureKind.TIMEOUT
    await end_live_failures(pool, ["erp", "pim"])
    assert list(await live_failures(pool)) == ["wms"]
    await note_live_failures(pool, {})
    await end_live_failures(pool, [])


async def test_the_first_since_stays_and_the_last_message_counts(pool: Pool) -> None:
    await note_live_failures(pool, {"erp": (NOON, DOWN)})
    await note_live_failures(pool, {"erp": (NOON + timedelta(minutes=5), SLOW)})
    since, failure = (await live_failures(pool))["erp"]
    assert (since, failure.message) == (NOON, "slow")


async def test_what_a_process_left_behind_that_died_is_not_believed(pool: Pool) -> None:
    await note_live_failures(pool, {"erp": (NOON, DOWN)})
    await left_behind(pool, 15)
    assert "erp" in await live_failures(pool)
    await left_behind(pool, 60)
    assert await live_failures(pool) == {}
    await note_live_failures(pool, {"erp": (NOON + timedelta(hours=1), DOWN)})
    assert (await live_failures(pool))["erp"][0] == NOON + timedelta(hours=1), "nor is its since"


async def test_repeating_brings_nothing_back(pool: Pool) -> None:
    await note_live_failures(pool, {"erp": (NOON, DOWN)})
    await left_behind(pool, 15)
    assert await repeat_live_failures(pool, ["erp", "wms"]) == {"erp"}
    assert await pool.fetchval("select now() - seen_at < interval '5 seconds' from live_failures")
    await end_live_failures(pool, ["erp"])
    assert await repeat_live_failures(pool, ["erp"]) == frozenset()


# ── Processes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def reading(source: str, failure: Failure | None, *, other: Failure | None = None) -> LiveReading:
    """Two records were asked for; ``other`` is the second one's failure, if not the first one's."""
    outcomes = {
        RecordKey(source, str(number)): {"price": Failed(one) if one else MISSING}
        for number, one in enumerate((failure, other or failure))
    }
    return LiveReading(source, outcomes, datetime.now(UTC))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is repeated every few seconds is repeated at every turn."""
    monkeypatch.setattr(state_module, "REPEATED_EVERY", timedelta(0))


async def test_another_process_sees_what_a_running_one_fails_at(pool: Pool) -> None:
    server, terminal = SystemsState(pool), SystemsState(pool)
    server.note(reading("erp", DOWN))
    assert server.live_failures()["erp"][1] == DOWN
    await server.refresh()
    await terminal.refresh()
    assert terminal.live_failures()["erp"][1].message == DOWN.message
    server.note(reading("erp", None))
    assert server.live_failures() == {}
    await server.refresh()
    await terminal.refresh()
    assert terminal.live_failures() == {}


async def test_what_began_is_told_at_once_and_what_goes_on_now_and_then(pool: Pool) -> None:
    server = SystemsState(pool)
    await server.refresh()
    server.note(reading("erp", DOWN))
    await server.refresh()
    assert "erp" in await live_failures(pool)
    server.note(reading("erp", SLOW))
    await server.refresh()
    assert (await live_failures(pool))["erp"][1].message == DOWN.message, "not at every read"


@pytest.mark.usefixtures("at_once")
async def test_a_process_says_that_it_still_lives(pool: Pool) -> None:
    server = SystemsState(pool)
    server.note(reading("erp", DOWN))
    await server.refresh()
    await left_behind(pool, 15)
    await server.refresh()
    assert await pool.fetchval("select now() - seen_at < interval '5 seconds' from live_failures")
    server.note(reading("erp", SLOW))
    await server.refresh()
    assert (await live_failures(pool))["erp"][1].message == "slow"


@pytest.mark.usefixtures("at_once")
async def test_the_last_that_anyone_saw_counts(pool: Pool) -> None:
    first, second = SystemsState(pool), SystemsState(pool)
    first.note(reading("erp", DOWN))
    await first.refresh()
    await second.refresh()
    second.note(reading("erp", None))
    assert second.live_failures() == {}
    await second.refresh()
    await first.refresh()
    assert first.live_failures() == {}, "it has answered somebody since"
    assert await live_failures(pool) == {}


async def test_a_since_is_one_for_all(pool: Pool) -> None:
    first, second = SystemsState(pool), SystemsState(pool)
    first.note(reading("erp", DOWN))
    await first.refresh()
    await second.refresh()
    second.note(reading("erp", DOWN))
    assert second.live_failures()["erp"][0] == first.live_failures()["erp"][0]


async def test_a_record_that_fails_beside_one_that_does_not_is_no_system_that_fails(pool: Pool) -> None:
    server = SystemsState(pool)
    outcomes: Outcomes = {RecordKey("erp", "1"): {"price": Failed(SLOW)}, RecordKey("erp", "2"): {"price": MISSING}}
    server.note(LiveReading("erp", outcomes, NOON))
    assert server.live_failures() == {}


async def test_an_outage_of_the_ledger_forgets_nothing(pool: Pool, database_url: str) -> None:
    server = SystemsState(pool)
    await server.refresh()
    server.note(reading("erp", DOWN))
    await pool.execute("alter table live_failures rename to away")
    with pytest.raises(Exception, match="live_failures"):
        await server.refresh()
    await pool.execute("alter table away rename to live_failures")
    await server.refresh()
    assert "erp" in await live_failures(pool)
    server.note(reading("erp", None))
    await pool.execute("alter table live_failures rename to away")
    with pytest.raises(Exception, match="live_failures"):
        await server.refresh()
    await pool.execute("alter table away rename to live_failures")
    await server.refresh()
    assert await live_failures(pool) == {}


async def test_a_system_that_fails_again_fails(pool: Pool) -> None:
    server = SystemsState(pool)
    for failure in (DOWN, None, SLOW):
        server.note(reading("erp", failure))
        await server.refresh()
    await server.refresh()
    assert (await live_failures(pool))["erp"][1].message == "slow"


async def test_an_answer_that_comes_while_the_ledger_is_asked_counts(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = SystemsState(pool)
    server.note(reading("erp", DOWN))

    async def answered_meanwhile(pool: Pool) -> dict[str, tuple[datetime, Failure]]:
        known = await live_failures(pool)
        assert "erp" in known
        server.note(reading("erp", None))
        return known

    monkeypatch.setattr(state_module, "live_failures", answered_meanwhile)
    await server.refresh()
    assert server.live_failures() == {}
