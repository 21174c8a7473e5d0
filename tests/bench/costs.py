"""The CPU and memory of a first sync, and of the syncs after it, against a bare COPY of the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench.catalogue import SYSTEMS
from tests.bench.cost import Cost
from tests.bench.goals import Goal, Table, median
from tests.bench.installation import Installation
from tests.bench.processes import ProcessFailed
from tests.bench.world import LEDGER, World, install, write_systems

MOST_COPIES = 6.0
MOST_MEGABYTES = 400.0
SAME = 1.1
MOST_UNCHANGED = 1 / 8
MOST_CHANGED = 1 / 6
ONE_IN = 100
SMALLER = 10
"""How much smaller the sync is that must not take less memory."""

_COLUMNS = ("µs of CPU a record", "all", "own process", "ledger's server", "source's server", "seconds", "peak MB")


async def measure_costs(world: World) -> None:
    """Fill the report with what syncs cost."""
    stage, records, quick = world.stage, world.systems.records, world.stage.options.quick
    copies = [await world.bare_copy()]
    small = None if quick else await _smaller(world)
    first = await _sync(world, world.installation, f"The first sync of {records:,} records", world.systems.products)
    world.loaded = True
    if not quick:
        copies.append(await world.bare_copy())
    with stage.step("PostgreSQL tidies up after it (vacuum analyze)"):
        vacuum = await world.ledger.settle(LEDGER)
    started = None if quick else await _start(world, world.installation)
    times = 1 if quick else 2
    again = [await _sync(world, world.installation, "A sync that finds nothing changed", 0) for _ in range(times)]
    with stage.step(f"Changing one record in {ONE_IN}") as wrote:
        changed = await world.systems.change(ONE_IN, wrote)
    await world.source.flush()
    some = await _sync(world, world.installation, "A sync that finds those", changed // len(SYSTEMS))
    if not quick:
        copies.append(await world.bare_copy())
    await world.ledger.settle(LEDGER)

    copy, unchanged = (median([cost.cpu for cost in costs]) for costs in (copies, again))
    title = f"first sync of {records:,} records"
    stage.report.goals += [
        Goal(f"{title}: CPU against a bare COPY", MOST_COPIES, "×", first.cpu / copy),
        Goal(f"{title}: peak memory", MOST_MEGABYTES, "MB", first.peak / 1e6),
        *([_same_memory(title, first, *small)] if small else []),
        Goal("sync that finds nothing changed: CPU against the first", MOST_UNCHANGED, "×", unchanged / first.cpu),
        Goal("sync that finds 1 % changed: CPU against the first", MOST_CHANGED, "×", some.cpu / first.cpu),
    ]
    stage.report.tables.append(
        Table(
            f"Costs, {records:,} records from five systems",
            _COLUMNS,
            (
                *(_row("bare COPY", cost, records) for cost in copies),
                _row("first sync", first, records),
                *([_row(f"first sync of {small[1]:,}", *small)] if small else []),
                *(_row("nothing changed", cost, records) for cost in again),
                _row(f"1 % changed ({changed:,})", some, records),
            ),
            (f"{started.cpu:.2f} s of CPU go into starting and ending each process but the COPY's. " if started else "")
            + f"PostgreSQL's vacuum after the first sync takes {vacuum:.1f} s more. Peak of the ledger's server: "
            f"{world.ledger.peak / 1e6:.0f} MB.",
        )
    )
    stage.report.notes += [
        "CPU is user and system time of the process and of the ledger's server with all its backends, up to a checkpoint "
        "after it. The server that holds ERP and shop is shown apart, in no ratio; SQLite and CSV are read by the process.",
        "The bare COPY reads the same rows with the plain drivers (asyncpg, sqlite3, csv) and writes them as text by "
        "copy_records_to_table into one table without an index; reading and encoding are in its CPU.",
        "No system has a clock that may be trusted (sync.by): a sync that finds nothing changed compares everything.",
    ]


async def _smaller(world: World) -> tuple[Cost, int]:
    """The cost of a first sync of fewer records, and how many they are."""
    systems = await write_systems(world.stage, world.source, "small", max(world.systems.records // SMALLER, 5))
    whence = await install(world.stage, world.ledger, systems, "small")
    cost = await _sync(world, whence, f"A first sync of {systems.records:,} records", systems.products)
    await world.ledger.drop("small")
    return cost, systems.records


async def _start(world: World, whence: Installation) -> Cost:
    """The cost of starting and ending a command, wired as a sync is."""
    with world.stage.step("Starting and ending"):
        return (await world.meter.measure(lambda: whence.run("sources", "--json")))[0]


def _same_memory(title: str, first: Cost, small: Cost, records: int) -> Goal:
    name = f"{title}: its peak against that of {records:,}"
    return Goal(name, SAME, "×", first.peak / small.peak, f"{small.peak / 1e6:.0f} MB for {records:,}")


async def measure_sources(world: World) -> None:
    """What each system costs, synced alone, one after the other into one ledger."""
    whence = await install(world.stage, world.ledger, world.systems, "apart")
    await whence.run("sources", "--json")  # makes the tables
    start = await _start(world, whence)
    products, rows = world.systems.products, []
    for turn in ("first", "again"):
        for system in SYSTEMS:
            with world.stage.step(f"Syncing {system} alone, {turn}"):
                cost, reports = await world.meter.measure(lambda system=system: whence.sync(system))  # type: ignore[misc]
            _check(reports, products if turn == "first" else 0)
            own = Cost(cost.process - start.process, cost.ledger - start.ledger, cost.source, cost.seconds, cost.peak)
            rows.append(_row(f"{system}, {turn}", own, products))
    await world.ledger.drop("apart")
    note = (
        "In this order, so that the first founds the products and the others find theirs; without starting and ending."
    )
    world.stage.report.tables.append(Table("Each system alone", _COLUMNS, tuple(rows), note))


async def _sync(world: World, whence: Installation, title: str, moved: int) -> Cost:
    """The cost of a sync in which so many records of each system are new or changed."""
    with world.stage.step(title):
        cost, reports = await world.meter.measure(whence.sync)
    _check(reports, moved)
    return cost


def _check(reports: Mapping[str, Mapping[str, Any]], moved: int) -> None:
    for name, report in reports.items():
        if report["added"] + report["changed"] != moved or report["gone"]:
            raise ProcessFailed(f"{name} should have {moved} records that are new or changed: {report}")


def _row(name: str, cost: Cost, records: int) -> tuple[str | float, ...]:
    parts = (cost.cpu, cost.process, cost.ledger, cost.source)
    return (name, *(part * 1e6 / records for part in parts), cost.seconds, cost.peak / 1e6)
