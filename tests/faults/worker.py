"""A worker to be killed and paused: ``python -m tests.faults.worker``, and then a line of JSON on its input for each run:
the file of its ``map``, the ``dsn`` of its ledger, the ``names`` of sources, and the ``limits`` of its batches.

The runs are processes of their own, forked from one that has imported everything, so that killing many of them costs
little. It says ``began PID`` and, when the process has ended, ``ended STATUS``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from resolvers.ingest import Ingest
from resolvers.map_file import parse_map
from sources.guard import GuardedSource
from sources.ledger import database
from sources.ledger.batches import register_sources
from sources.ledger.database import open_pool
from sources.mapping import Mapping


async def sync(text: str, dsn: str, names: list[str]) -> bool:
    """Sync the named sources one after the other; whether all came to their end."""
    ownership = parse_map(text, {})
    shapes = ownership.shapes()
    well = True
    async with open_pool(dsn, size=2) as pool:
        await register_sources(pool, list(ownership.sources))
        ingest = Ingest(pool, ownership)
        for name in names:
            source = ownership.sources[name]
            guarded = GuardedSource(
                source.kind.open(source.declaration, source.options),
                Mapping(source.declaration, shapes),
                source.declaration,
            )
            changes = guarded.changes
            assert changes is not None
            report = await ingest.sync(name, changes)
            well = well and report.failure is None
            await guarded.close()
    return well


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for limit, seconds in asked["limits"].items():
                    setattr(database, limit, seconds)
                status = 0 if asyncio.run(sync(Path(asked["map"]).read_text(), asked["dsn"], asked["names"])) else 2
            finally:
                os._exit(status)
        print("began", child, flush=True)
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
