"""Where the CPU of a sync goes: by module, by function, and in the ledger's server by statement."""

from __future__ import annotations

import sys

from tests.bench.installation import CHECKOUT
from tests.bench.processes import started
from tests.bench.world import World, install

_STATEMENTS = 15


async def profile(world: World) -> None:
    """Add to the report where the CPU of a first sync goes, and of one that finds nothing changed."""
    database = "profile"
    whence = await install(world.stage, world.ledger, world.systems, database)
    await world.ledger.restart(preload="pg_stat_statements")
    try:
        await world.ledger.execute(database, "create extension pg_stat_statements")
        for title in ("a first sync", "a sync that finds nothing changed"):
            await world.ledger.execute(database, "select pg_stat_statements_reset()")
            command = [sys.executable, "-m", "tests.bench.profiled_sync", str(whence.config), whence.database]
            log = whence.directory / "profile.log"
            with world.stage.step(f"Profiling {title}"):
                async with started(command, whence.environment, log, cwd=CHECKOUT) as process:
                    await process.ended()
            statements = await world.ledger.fetch(database, _SLOWEST, database, _STATEMENTS)
            told = [
                f"{row['ms']:10,.0f} ms {row['calls']:8,} calls {row['rows']:10,} rows  {' '.join(row['query'].split())[:99]}"
                for row in statements
            ]
            text = "\n".join([process.said.rstrip(), "", "In the ledger's server, by statement:", *told])
            world.stage.report.texts[f"Profile of {title}, {world.systems.records:,} records"] = text
            await world.ledger.settle(database)
    finally:
        await world.ledger.drop(database)


_SLOWEST = """
select s.query, s.calls, s.rows, s.total_exec_time::float8 as ms
from pg_stat_statements s join pg_database d on d.oid = s.dbid
where d.datname = $1 order by s.total_exec_time desc limit $2
"""
