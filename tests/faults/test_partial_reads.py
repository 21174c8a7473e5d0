"""Reads that show less than there is never delete: whatever a walk looks like, what the system still holds is not gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract import PROBLEM, Cursor, DocumentPage
from sources.ledger.runs import failing_sources, source_states, sync_state
from tests.faults.in_the_loop import in_the_loop
from tests.faults.workshop import check_once
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, MemorySystem


class CutShort(MemorySystem):
    """A system that knows how many records it holds and may take an earlier page for its last."""

    ends_after: int | None = None

    async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        number = 0
        async for page in super().changes(cursor):
            number += 1
            ends = number == self.ends_after
            whole = replace(page, total=len(self.documents), shifting=True)  # its pages are counted by position
            yield replace(whole, last=True, cursor=None) if ends else whole
            if ends:
                return


def of(house: House) -> tuple[House, CutShort]:
    erp = CutShort()
    return House(house.pool, house.ownership, {**house.systems, "erp": erp}), erp


async def present(house: House) -> set[str]:
    rows = await house.pool.fetch("select record_id from crosswalk where source = 'erp' and gone_at is null")
    return {row["record_id"] for row in rows}


plans = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 12)),
        st.tuples(st.just("drop"), st.integers(0, 12)),
        st.tuples(st.just("spoil"), st.integers(0, 12)),
        st.tuples(st.just("read"), st.just(0)),
        st.tuples(st.just("fail at"), st.integers(0, 4)),
        st.tuples(st.just("end after"), st.integers(1, 4)),
        st.tuples(st.just("full"), st.just(0)),
    ),
    max_size=14,
)


async def test_what_a_system_still_holds_is_never_gone_however_its_reads_break(standing_house: House) -> None:
    house, erp = of(standing_house)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(plans)
    async def read(plan: list[tuple[str, int]]) -> None:
        await standing_house.empty()
        erp.documents.clear()
        erp.page = 3
        version = 0
        for number in range(9):
            erp.put(f"E{number}", stock=number)
        await house.sync_all(["erp"])
        for what, number in [*plan, ("read", 0)]:
            version += 1
            name = f"E{number}"
            erp.fails_at = erp.ends_after = None
            if what == "put":
                erp.put(name, stock=version)
                continue
            if what == "drop":
                erp.documents.pop(name, None)
                continue
            if what == "spoil":
                if name in erp.documents:
                    erp.documents[name][PROBLEM] = "cut short"
                continue
            if what == "fail at":
                erp.fails_at = number
            if what == "end after":
                erp.ends_after = number
            before = await present(house)
            await house.sync("erp", full=what == "full")
            after = await present(house)
            lost = (before - after) & erp.documents.keys()
            assert not lost, f"{what} {number}"
            went = len(before - after)
            assert went <= max(1, len(before | after) / 3), "more than a third, and nobody asked"
        erp.fails_at = erp.ends_after = None
        report = await house.sync("erp", full=True, accept=True)
        assert report.failure is None
        readable = {name for name, document in erp.documents.items() if PROBLEM not in document}
        assert readable <= await present(house) <= set(erp.documents)
        await check_ledger(house)
        await check_once(house.pool)

    await in_the_loop(read)


@pytest.mark.parametrize(("held", "left"), [(9, 6), (10, 7), (300, 200)])
async def test_a_third_less_is_believed_and_one_more_is_not(house: House, held: int, left: int) -> None:
    erp = house.systems["erp"]
    for number in range(held):
        erp.put(f"E{number}", stock=number)
    await house.sync_all(["erp"])
    for number in range(left - 1, held):
        erp.drop(f"E{number}")
    report = await house.sync("erp")
    assert report.failure is not None
    assert report.failure.kind.actor.value == "operator"
    assert "whence sync --accept erp" in report.failure.message
    assert len(await present(house)) == held
    assert list(await failing_sources(house.pool)) == ["erp"]
    erp.put(f"E{left - 1}", stock=1)
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone) == (None, held - left)
    assert await failing_sources(house.pool) == {}


async def test_an_empty_answer_deletes_nothing_and_is_over_when_the_records_are_back(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(3):
        erp.put(f"E{number}", stock=number)
    await house.sync_all(["erp"])
    kept = dict(erp.documents)
    confirmed = (await sync_state(house.pool, "erp")).confirmed_at
    log = await house.pool.fetchval("select count(*) from changes")
    erp.documents.clear()
    for _ in range(2):
        assert (await house.sync("erp")).failure is not None
        assert len(await present(house)) == 3
    assert (await sync_state(house.pool, "erp")).confirmed_at == confirmed, "nothing was confirmed"
    erp.documents |= kept
    report = await house.sync("erp")
    assert (report.failure, report.counts.gone, report.counts.added) == (None, 0, 0)
    assert await house.pool.fetchval("select count(*) from changes") == log, "it was never gone"
    state = (await source_states(house.pool))["erp"]
    assert state.failing_since is None


async def test_what_is_held_back_is_told_once_accepted_and_comes_back_as_it_was(house: House) -> None:
    erp = house.systems["erp"]
    for number in range(6):
        erp.put(f"E{number}", stock=number)
    await house.sync_all(["erp"])
    ids = await house.pool.fetch("select record_id, product_id from crosswalk order by 1")
    kept = dict(erp.documents)
    erp.documents.clear()
    assert (await house.sync("erp")).failure is not None
    report = await house.sync("erp", accept=True)
    assert (report.failure, report.counts.gone) == (None, 6)
    assert (await house.sync("erp")).failure is None, "what was accepted is not held back again"
    erp.documents |= kept
    assert (await house.sync("erp")).counts.added == 6
    assert await house.pool.fetch("select record_id, product_id from crosswalk order by 1") == ids
    await check_ledger(house)
