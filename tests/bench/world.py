"""What the measures of a sync share: two servers, five systems, and a ledger that has read them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cost import Cost, Meter
from tests.bench.installation import CHECKOUT, Installation
from tests.bench.processes import ProcessFailed, Usage, started
from tests.bench.servers import BenchServer
from tests.bench.stage import Stage
from tests.bench.systems import Systems

LEDGER = "ledger"
COPY = "bare_copy"


@dataclass
class World:
    """The stage with everything on it. ``installation`` is a Whence whose ledger may still be empty."""

    stage: Stage
    ledger: BenchServer
    source: BenchServer
    systems: Systems
    installation: Installation
    loaded: bool = False
    """Whether that ledger has read the systems."""

    @classmethod
    @asynccontextmanager
    async def open(cls, stage: Stage, records: int) -> AsyncIterator[World]:
        """Five systems of ``records`` records in all, and an empty ledger."""
        async with AsyncExitStack() as stack:
            with stage.step("Starting two PostgreSQL servers"):
                ledger = await stack.enter_async_context(BenchServer.start(stage.directory / "ledger"))
                source = await stack.enter_async_context(BenchServer.start(stage.directory / "source"))
            systems = await write_systems(stage, source, "systems", records)
            yield cls(stage, ledger, source, systems, await install(stage, ledger, systems, LEDGER))

    @property
    def meter(self) -> Meter:
        """Measures work on both servers."""
        return Meter(self.ledger, self.source)

    async def load(self) -> None:
        """Have the ledger read the systems, unmeasured, unless it has."""
        if not self.loaded:
            with self.stage.step("Reading the systems into the ledger"):
                await self.installation.sync()
            await self.ledger.settle(LEDGER)
            self.loaded = True

    async def bare_copy(self) -> Cost:
        """What it costs to copy the same rows into a table without an index."""
        target = await self.ledger.create(COPY)
        systems = self.systems

        async def work() -> tuple[Usage, str]:
            words = (str(systems.directory), systems.database, str(systems.products), target)
            command = [sys.executable, "-m", "tests.bench.bare_copy", *words]
            environment = self.installation.environment
            log = self.stage.directory / "bare_copy.log"
            async with started(command, environment, log, cwd=CHECKOUT) as process:
                return await process.ended(), process.said.strip()

        with self.stage.step("Copying the bare rows"):
            await self.ledger.flush()
            cost, copied = await self.meter.measure(work)
        if copied != str(systems.records):
            raise ProcessFailed(f"{copied} rows were copied, not {systems.records}")
        await self.ledger.drop(COPY)
        return cost


async def write_systems(stage: Stage, server: BenchServer, name: str, records: int) -> Systems:
    """Five systems of ``records`` records in all, in a database and a directory called ``name``."""
    directory = stage.directory / name
    directory.mkdir()
    systems = Systems(directory, await server.create(name), max(records // 5, 1))
    with stage.step(f"Writing five systems of {systems.products:,} records each", systems.records) as wrote:
        await systems.write(wrote)
    return systems


async def install(stage: Stage, server: BenchServer, systems: Systems, database: str) -> Installation:
    """A Whence over ``systems`` with an empty ledger in ``database``."""
    directory: Path = stage.directory / f"whence-{database}"
    directory.mkdir(exist_ok=True)
    config = systems.write_map(directory / "whence.toml")
    return Installation(config, directory, await server.create(database))
