"""The line to the ledger is lost at any message of a batch, told or untold: what is done twice is done once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from resolvers.ingest import SyncReport
from sources.contract import PROBLEM
from sources.ledger.batches import register_sources
from sources.ledger.database import open_pool
from sources.ledger.runs import failing_sources
from tests.conftest import PostgresServer
from tests.faults.cutting import Line, cutting
from tests.faults.ledger_dump import Dump, differences, dump
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, MemorySystem, house_map

JANUARY, MARCH = "2026-01-10T08:00:00Z", "2026-03-01T12:00:00Z"
KETTLE, TOASTER, IRON = "4006381333931", "4012345678901", "4007249111111"
EVERYTHING = 400
"""More messages than any of the runs here sends."""


class CutHouse:
    """A house whose ledger is at the other end of a line, and a ledger to put back when it has been changed."""

    def __init__(self, near: House, far: asyncpg.Connection[Any], line: Line) -> None:
        self.near = near
        self.far = far
        self.line = line
        self.before: list[str] = []

    async def keep(self) -> None:
        """What the ledger holds now is what :meth:`restore` brings back."""
        rows = await self.far.fetch("select tablename from pg_tables where schemaname = 'public'")
        self.before = [row["tablename"] for row in rows]
        await self.far.execute("create schema kept")
        for table in self.before:
            await self.far.execute(f'create table kept."{table}" as table public."{table}"')

    async def restore(self) -> None:
        laid = [f'insert into "{table}" overriding system value table kept."{table}"' for table in self.before]
        await self.far.execute("; ".join([*(f'delete from "{table}"' for table in self.before), *laid]))

    async def dump(self) -> Dump:
        """What the ledger holds; not how often its sources were walked through, for a run whose end was not heard of is
        followed by one more."""
        held = await dump(self.near.pool)
        for row in held["cursors"]:
            del row["walk"], row["batch"]
        return held


@pytest_asyncio.fixture(loop_scope="session")
async def cut(postgres_server: PostgresServer, database_url: str) -> AsyncIterator[CutHouse]:
    async with cutting(database_url) as line, open_pool(line.dsn, size=2) as pool:
        ownership = house_map()
        await register_sources(pool, list(ownership.sources))
        far = await asyncpg.connect(database_url)
        try:
            yield CutHouse(House(pool, ownership, {name: MemorySystem() for name in ownership.sources}), far, line)
        finally:
            await far.close()


async def furnish(house: House) -> None:
    """A ledger in which everything that a batch can do is still to be done."""
    erp, pim, crm = (house.systems[name] for name in ("erp", "pim", "crm"))
    erp.page = 5
    erp.put("kettle", gtin=KETTLE, price="10", stock=1, changed=JANUARY)
    erp.put("toaster", sku="T-1", price="20", stock=2, changed=JANUARY)
    erp.put("iron", gtin=IRON, price="30", stock=3, changed=JANUARY)
    for number in range(4):
        erp.put(f"plain-{number}", stock=number, changed=JANUARY)
    pim.put("K", gtin=KETTLE, title_en="Kettle", changed=JANUARY)
    pim.put("T", gtin=TOASTER, title_en="Toaster", changed=JANUARY)
    crm.put("note", gtin=TOASTER, text="It burns", by="Ann", on=JANUARY)
    await house.sync_all(["pim", "erp", "crm"])
    erp.edit("toaster", gtin=TOASTER, changed=MARCH)  # two products become one, and the note goes along
    erp.edit("kettle", gtin=None, changed=MARCH)  # one product becomes two
    erp.edit("plain-1", stock=99, price="unknown", changed=MARCH)
    erp.drop("iron")
    erp.put("new", gtin=IRON, stock=5, changed=MARCH)
    erp.put("bad", stock=6, **{PROBLEM: "cut short"})


async def run(house: House) -> SyncReport | None:
    """One run, and nothing behind it, or None where it broke."""
    changes = house.sources["erp"].changes
    assert changes is not None
    try:
        return await house.ingest.sync("erp", changes)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return None


@pytest.mark.parametrize("after", [False, True], ids=["untold", "done and unheard"])
async def test_a_line_lost_at_any_message_of_a_run_changes_nothing_in_what_comes_of_it(
    cut: CutHouse, after: bool
) -> None:
    await furnish(cut.near)
    await cut.keep()
    cut.line.rearm()
    undisturbed = await run(cut.near)
    assert undisturbed is not None
    assert (undisturbed.counts.added, undisturbed.counts.gone, undisturbed.counts.rejected) == (1, 1, 1)
    length = cut.line.messages
    wanted = await cut.dump()
    assert {row["kind"] for row in wanted["changes"]} == {"ADDED", "CHANGED", "GONE"}
    assert wanted["former_ids"]
    broken = 0
    for at in range(1, EVERYTHING):
        await cut.restore()
        cut.line.rearm(at, after=after)
        report = await run(cut.near)
        if not cut.line.cuts:
            break
        cut.line.rearm()
        broken += report is None
        for _ in range(3):
            report = await run(cut.near)
            if report is not None and report.failure is None:
                break
        assert report is not None
        assert report.failure is None, report
        assert differences(wanted, await cut.dump()) == [], f"cut at message {at}"
        assert await failing_sources(cut.near.pool) == {}
    else:
        raise AssertionError("the run never ended")
    assert at > length, "a message was never cut"
    assert broken > length / 2
    cut.line.rearm()
    await check_ledger(cut.near)
