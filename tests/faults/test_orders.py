"""Changes that come out of order, again, late or from the future: older never overwrites newer, and what is odd is told.

The rule: on a page of changes a record whose own clock stands before the one that the ledger has of it is an echo, and
changes nothing. A walk over everything shows the present, whatever its clocks say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract import Cursor, Document, DocumentPage, RecordKey
from sources.values import encode_datetime
from tests.faults.in_the_loop import in_the_loop
from tests.faults.workshop import check_once
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import claim
from tests.resolvers.memory_source import House, MemorySystem

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def at(version: int) -> str:
    return encode_datetime(FIRST + timedelta(hours=version))


class Deliveries(MemorySystem):
    """A system that hands out what it is told to, in pages of changes: lists of (record, version)."""

    def __init__(self) -> None:
        super().__init__()
        self.delivered = 0
        self.deliveries: list[Sequence[tuple[str, int]]] = []

    async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        if cursor is None:
            async for page in super().changes(None):
                yield DocumentPage(page.documents, {"at": 0}, enumerating=True, last=True)
            return
        for number, delivery in enumerate(self.deliveries):
            documents = tuple(
                Document({"id": record, "stock": version, "title": f"v{version}", "changed": at(version)}, record)
                for record, version in delivery
            )
            self.delivered += 1
            last = number == len(self.deliveries) - 1
            yield DocumentPage(documents, {"at": self.delivered}, enumerating=False, last=last)
        if not self.deliveries:
            yield DocumentPage((), cursor, enumerating=False, last=True)


def delivering(house: House) -> tuple[House, Deliveries]:
    """The house with an ERP of deliveries, which has been read once: three records of version 0."""
    erp = Deliveries()
    for record in "abc":
        erp.put(record, stock=0, title="v0", changed=at(0))
    return House(house.pool, house.ownership, {**house.systems, "erp": erp}), erp


deliveries = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 9)), max_size=4, unique_by=lambda one: one[0]),
    min_size=1,
    max_size=6,
)


async def test_in_whatever_order_and_however_often_changes_come_the_newest_stays(standing_house: House) -> None:
    house, erp = delivering(standing_house)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(deliveries, st.booleans())
    async def deliver(pages: list[list[tuple[str, int]]], in_several_runs: bool) -> None:
        await standing_house.empty()
        erp.deliveries = []
        await house.sync_all(["erp"])
        for several in [[page] for page in pages] if in_several_runs else [pages]:
            erp.deliveries = list(several)
            report = await house.sync("erp")
            assert report.failure is None
        newest: dict[str, int] = dict.fromkeys("abc", 0)
        for page in pages:
            for record, version in page:
                newest[record] = max(newest.get(record, 0), version)
        for record, version in newest.items():
            stock, title = await claim(house, record, "stock"), await claim(house, record, "title")
            assert (stock["value"], title["value"]) == (version, f"v{version}"), record
            assert (stock["lastUpdated"], stock["basis"]) == (at(version), "SOURCE_RECORD"), record
        await check_ledger(house)
        await check_once(house.pool)

    await in_the_loop(deliver)


async def test_an_echo_of_what_was_before_neither_changes_a_claim_nor_its_history(house: House) -> None:
    late, erp = delivering(house)
    await late.sync_all(["erp"])
    erp.deliveries = [[("a", 5)]]
    await late.sync_all(["erp"])
    log = await house.pool.fetch("select * from changes order by batch, record_id")
    erp.deliveries = [[("a", 3), ("b", 0)], [("a", 5)], [("a", 0)]]
    report = await late.sync("erp")
    assert report.failure is None
    assert report.counts.changed == 0
    assert await house.pool.fetch("select * from changes order by batch, record_id") == log
    assert (await claim(house, "a", "stock"))["value"] == 5


async def test_a_walk_over_everything_shows_the_present_even_where_its_clock_went_back(house: House) -> None:
    """A system that was restored from a backup of last week says so on its next full read."""
    erp = house.systems["erp"]
    erp.put("1", stock=5, changed=at(5))
    await house.sync_all(["erp"])
    erp.put("1", stock=3, changed=at(3))
    assert (await house.sync("erp", full=True)).counts.changed == 1
    assert (await claim(house, "1", "stock"))["value"] == 3
    await check_ledger(house)


async def test_what_a_live_read_saw_later_is_not_undone_by_a_page_that_is_older(house: House) -> None:
    late, erp = delivering(house)
    await late.sync_all(["erp"])
    erp.put("a", stock=7, title="v7", changed=at(7))
    ask = late.sources["erp"].fetch
    assert ask is not None
    seen = await ask([RecordKey("erp", "a")], ["stock", "title"])
    await late.observer.observe("erp", seen, datetime.now(UTC))
    assert (await claim(house, "a", "stock"))["value"] == 7
    erp.deliveries = [[("a", 7)]]
    report = await late.sync("erp")
    assert report.failure is None
    assert (await claim(house, "a", "stock"))["value"] == 7
    await check_ledger(house)


@pytest.mark.parametrize("hours", [2, 24 * 400])
async def test_a_clock_that_runs_ahead_is_kept_as_it_is_and_hides_no_change_of_a_walk(house: House, hours: int) -> None:
    erp = house.systems["erp"]
    ahead = encode_datetime(datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours))
    erp.put("1", stock=1, changed=ahead)
    await house.sync_all(["erp"])
    assert (await claim(house, "1", "stock"))["lastUpdated"] == ahead, "told as the system tells it"
    erp.put("1", stock=2, changed=at(1))
    assert (await house.sync("erp")).counts.changed == 1, "the next walk shows it, whatever its clock"
    assert (await claim(house, "1", "stock"))["value"] == 2
    await check_ledger(house)


async def test_events_of_one_record_within_a_page_are_one(house: House) -> None:
    """A page that names a record twice gives its newest state once, or sets the other aside; it never goes back."""
    late, erp = delivering(house)
    await late.sync_all(["erp"])
    erp.deliveries = [[("a", 4), ("a", 2)]]
    report = await late.sync("erp")
    assert report.failure is None
    assert (await claim(house, "a", "stock"))["value"] == 4
    await check_once(house.pool)
