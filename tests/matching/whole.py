"""A run over two catalogues of listings, and one that kills itself on its way: ``python -m tests.matching.whole``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from resolvers.matching.profile import Listing
from resolvers.matching.run import Settings
from resolvers.matching_whole.run import Resources, Told, WholeRun
from tests.bench.identity_files import listings
from tests.bench.identity_worlds import fashion

PAGE = 50


def sides() -> tuple[list[Listing], list[Listing]]:
    """Two small catalogues, each in the order of its keys."""
    world = fashion(21, 60)
    left, right = (sorted(listings(rows), key=lambda one: one.key) for rows in (world.left, world.right))
    return left, right


def read(run: WholeRun, catalogues: Sequence[Sequence[Listing]]) -> None:
    """Read both sides by the page, from where the run stands."""
    for side, records in enumerate(catalogues):
        after = run.so_far(side)[1] or ""
        left = [one for one in records if one.key > after]
        run.read(side, (left[at : at + PAGE] for at in range(0, len(left), PAGE)), len(records))


def finished(
    directory: Path,
    catalogues: Sequence[Sequence[Listing]],
    known: Sequence[tuple[str, str, bool]] = (),
    settings: Settings | None = None,
    told: Told | None = None,
) -> WholeRun:
    """A run that is done."""
    run = WholeRun(directory, "test", settings, Resources(processes=1, memory_mb=200), told)
    read(run, catalogues)
    run.know([known])
    run.finish()
    return run


def killed_at(directory: Path, step: str, times: int) -> None:
    """Run until ``step`` has been told of so many times; then this process is gone."""

    def told(at: str, done: int, of: int | None) -> None:
        nonlocal times
        times -= at == step
        if not times:
            os.kill(os.getpid(), signal.SIGKILL)

    finished(directory, sides(), told=told)


if __name__ == "__main__":
    killed_at(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
