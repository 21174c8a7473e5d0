"""What a walk did not meet: gone, doubted, or held back."""

from __future__ import annotations

import pytest

from sources.contract import PROBLEM
from sources.failures import FailureKind
from sources.ledger.runs import source_states
from sources.ledger.set_aside import rejections
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House


async def filled(house: House, count: int = 12) -> None:
    for number in range(count):
        house.systems["erp"].put(str(number), stock=number)
    await house.sync_all(["erp"])


async def present(house: House) -> int:
    return (await source_states(house.pool))["erp"].records


async def test_what_a_shifting_walk_misses_is_gone_when_the_next_one_misses_it_too(house: House) -> None:
    erp = house.systems["erp"]
    erp.shifting = True
    await filled(house)
    hidden = erp.drop("3")
    erp.drop("4")
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone, await present(house)) == (None, 0, 12)
    erp.put("3", **hidden)
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone, await present(house)) == (None, 1, 11)
    erp.drop("3")
    assert (await house.sync("erp")).counts.gone == 0, "it was met between the two walks that missed it"
    assert (await house.sync("erp")).counts.gone == 1
    await check_ledger(house)


async def test_a_walk_that_cannot_step_over_records_is_believed_at_once(house: House) -> None:
    await filled(house)
    house.systems["erp"].drop("3")
    assert (await house.sync("erp")).counts.gone == 1


async def test_a_record_that_cannot_be_read_any_more_is_not_gone(house: House) -> None:
    await filled(house)
    erp = house.systems["erp"]
    erp.documents["3"] = {"id": "3", PROBLEM: "the row has 7 cells, the header 9"}
    for _ in range(3):
        report = await house.sync("erp")
        assert (report.failure, report.counts.gone, report.counts.rejected) == (None, 0, 1)
    (aside,) = await rejections(house.pool, "erp")
    assert (aside.record_id, aside.reason) == ("3", "the row has 7 cells, the header 9")
    assert await present(house) == 12


async def test_where_a_key_could_not_be_read_a_record_is_gone_only_when_two_walks_missed_it(house: House) -> None:
    await filled(house)
    erp = house.systems["erp"]
    erp.documents["3"] = {"id": None, "stock": 3}
    erp.drop("5")
    assert (await house.sync("erp")).counts.gone == 0
    erp.documents["3"] = {"id": "3", "stock": 3}
    assert (await house.sync("erp")).counts.gone == 1
    assert await present(house) == 11


async def test_what_a_resumed_walk_set_aside_counts_among_what_came(house: House) -> None:
    await filled(house)
    erp = house.systems["erp"]
    erp.documents["3"] = {"id": None, "stock": 3}
    erp.page, erp.fails_at, erp.total = 4, 1, 12
    assert (await house.sync("erp")).failure is not None
    erp.fails_at = None
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone) == (None, 0)


@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_system_that_gave_fewer_records_than_it_says_it_has_loses_none(house: House, interrupted: bool) -> None:
    await filled(house)
    erp = house.systems["erp"]
    erp.drop("3")
    erp.total = 12
    if interrupted:
        erp.page, erp.fails_at = 4, 1
        assert (await house.sync("erp")).failure is not None
        erp.fails_at = None
    report = await house.sync("erp")
    assert report.failure is not None
    assert (report.failure.kind, report.counts.gone) == (FailureKind.GARBLED, 0)
    assert "12 records and gave 11" in report.failure.message
    assert "--accept erp" in report.failure.message
    assert await present(house) == 12
    erp.total = 11
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone) == (None, 1)


async def test_a_record_that_came_twice_stands_for_no_other(house: House) -> None:
    await filled(house)
    erp = house.systems["erp"]
    erp.page = 4
    erp.documents["3 again"] = erp.documents["3"]
    erp.drop("5")
    erp.total = 12
    report = await house.sync("erp")
    assert report.failure is not None
    assert "12 records and gave 11" in report.failure.message
    assert await present(house) == 12
    erp.page = 1000
    assert (await house.sync("erp")).counts.gone == 1, "of two on one page the second was set aside, and is counted"


async def test_what_is_accepted_is_gone_at_once_whatever_stands_against_it(house: House) -> None:
    await filled(house)
    erp = house.systems["erp"]
    erp.shifting, erp.total = True, 12
    for number in range(6):
        erp.drop(str(number))
    assert (await house.sync("erp")).failure is not None
    report = await house.sync("erp", accept=True)
    assert (report.failure, report.counts.gone, await present(house)) == (None, 6, 6)
    assert not await house.pool.fetchval("select count(*) from absences")


async def test_what_was_set_aside_and_can_be_read_now_is_not_set_aside_any_more(house: House) -> None:
    erp = house.systems["erp"]
    erp.log = []
    await filled(house, 3)
    erp.documents["1"] = {"id": "1", PROBLEM: "the row was cut off"}
    erp.log.append(("1", False))
    assert (await house.sync("erp")).counts.rejected == 1
    assert len(await rejections(house.pool, "erp")) == 1
    erp.put("1", stock=7)
    await house.sync("erp")
    assert await rejections(house.pool, "erp") == []
