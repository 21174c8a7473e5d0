"""``make bench NAME=sync``: what a sync costs, how soon a change is seen, and how many statements a question takes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from tests.bench.costs import measure_costs, measure_sources
from tests.bench.floor import measure_floor
from tests.bench.latency import measure_latency
from tests.bench.profiling import profile
from tests.bench.stage import Stage, play
from tests.bench.statements import measure_statements
from tests.bench.workers import measure_workers
from tests.bench.world import World

MEASURES: Mapping[str, Callable[[World], Awaitable[None]]] = {
    "costs": measure_costs,
    "latency": measure_latency,
    "statements": measure_statements,
    "workers": measure_workers,
}
RECORDS = 1_000_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--records",
        type=int,
        default=RECORDS,
        metavar="N",
        help=f"of all five systems together (default: {RECORDS:,}, which take about 6 GB of disk; 100000 for a first look)",
    )
    parser.add_argument("--only", type=_names, default=tuple(MEASURES), metavar="A,B", help=f"of {', '.join(MEASURES)}")
    parser.add_argument(
        "--seconds", type=int, default=60, metavar="S", help="how long rows are changed for the latency"
    )
    parser.add_argument("--quick", action="store_true", help="each thing once, and no smaller sync beside the first")
    parser.add_argument("--profile", action="store_true", help="also where the CPU of a sync goes")
    parser.add_argument("--floor", action="store_true", help="also what PostgreSQL alone takes to hold the ledger")
    parser.add_argument("--by-source", action="store_true", help="also what each system costs, synced alone")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in MEASURES:
            raise argparse.ArgumentTypeError(f"there is no measure {name!r}; there are {', '.join(MEASURES)}")
    return names


async def _work(stage: Stage) -> None:
    async with World.open(stage, stage.options.records) as world:
        for name, measure in MEASURES.items():
            if name in stage.options.only:
                await measure(world)
        if stage.options.floor:
            await measure_floor(world)
        if stage.options.by_source:
            await measure_sources(world)
        if stage.options.profile:
            await profile(world)


def main(words: Sequence[str] | None = None) -> int:
    """Run the measurement; its exit code."""
    return play("sync", __doc__ or "", _arguments, _work, words)


if __name__ == "__main__":
    sys.exit(main())
