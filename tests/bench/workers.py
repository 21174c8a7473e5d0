"""Several workers sharing the sources: how much sooner two have read all five than one."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from tests.bench.catalogue import SYSTEMS
from tests.bench.goals import Goal, Table
from tests.bench.installation import Installation
from tests.bench.processes import ProcessFailed
from tests.bench.world import World, install

MOST_OF_ONE = 0.6
GOAL = "two workers: time for the five sources against one worker's"
_MOST_SECONDS = 3600.0


async def measure_workers(world: World) -> None:
    """Fill the report with how long one worker and two workers take for a first sync of all sources."""
    rows: list[tuple[str | float, ...]] = []
    seconds: list[float] = []
    try:
        for workers in (1, 2):
            cpu, took = await _first_syncs(world, workers)
            seconds.append(took)
            rows.append((f"{workers} worker{'s' if workers > 1 else ''}", took, cpu))
    except ProcessFailed as failure:
        said = str(failure).strip()
        world.stage.report.goals.append(Goal(GOAL, MOST_OF_ONE, "×", None, said.splitlines()[-1][:200]))
        return
    world.stage.report.goals.append(Goal(GOAL, MOST_OF_ONE, "×", seconds[1] / seconds[0]))
    world.stage.report.tables.append(
        Table(
            f"whence sync --watch, {world.systems.records:,} records from five systems",
            ("until all are read once", "seconds", "CPU seconds of the workers"),
            tuple(rows),
            "From the start of the processes to the end of the last first sync, into an empty ledger each time.",
        )
    )


async def _first_syncs(world: World, workers: int) -> tuple[float, float]:
    """The CPU and the time that so many workers take until each source has been read once."""
    database = f"workers_{workers}"
    whence = await install(world.stage, world.ledger, world.systems, database)
    await whence.run("sources", "--json")  # makes the tables
    await world.ledger.flush()
    try:
        with world.stage.step(f"A first sync by {workers} of whence sync --watch"):
            return await _watch(world, whence, database, workers)
    finally:
        await world.ledger.drop(database)


async def _watch(world: World, whence: Installation, database: str, workers: int) -> tuple[float, float]:
    began = time.time()
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(whence.watching(f"watch-{number}")) for number in range(workers)]
        while True:
            ended = await world.ledger.fetch(database, _ENDED)
            if failed := next((row for row in ended if row["outcome"] == "FAILED"), None):
                raise ProcessFailed(f"{failed['source']} failed: {failed['failure_message']}")
            done = {row["source"]: row["at"] for row in ended if row["outcome"] == "DONE"}
            if len(done) == len(SYSTEMS):
                break
            for process in processes:
                if process.poll():
                    await process.ended(codes=())
            if time.time() - began > _MOST_SECONDS:
                raise ProcessFailed(f"after {_MOST_SECONDS:.0f} s only {', '.join(done) or 'nothing'} had been read")
            await asyncio.sleep(0.25)
        used = [await process.stop() for process in processes]
    return sum(usage.cpu for usage in used), max(done.values()) - began


_ENDED = """
select distinct on (source, outcome) source, outcome, failure_message, extract(epoch from finished_at)::float8 as at
from runs where outcome in ('DONE', 'FAILED') order by source, outcome, number
"""
