"""``make bench NAME=execution PEERS=DIR``: what a request costs Whence, and peers that answer the same from one database."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from tests.bench.execution_contract import AUDIENCE, MAP, QUERIES, TABLES_VARIABLE
from tests.bench.execution_load import CONNECTIONS, wrk
from tests.bench.execution_rounds import HOUR, MOST_MEGABYTES, Contest, goals_of, tables_of
from tests.bench.execution_systems import INTERPRETED, LAY_OUT, PEERS, WHENCE, Contestant, Peers, serving
from tests.bench.execution_tables import read_skus, write_tables
from tests.bench.goals import Goal
from tests.bench.installation import CHECKOUT, Installation
from tests.bench.processes import cpu_of_tree, started
from tests.bench.servers import BenchServer
from tests.bench.stage import Stage, play

PRODUCTS = 100_000
LOAD = 20_000
LEDGER = "whence_bench"
COMPILER_OFF = {"WHENCE_COMPILE": "off"}


@dataclass(frozen=True, slots=True)
class Ground:
    """The one PostgreSQL that everybody answers from: the addresses of the tables and of the ledger, its version, and the
    CPU seconds that it has used."""

    tables: str
    ledger: str
    version: str
    cpu: Callable[[], float]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=_directory, metavar="DIR", help="where the peers are laid out")
    parser.add_argument(
        "--systems", type=_names, default=PEERS, metavar="A,B", help=f"of the peers' (default: {','.join(PEERS)})"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of everybody in turn (default: 5)")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each slice of a round (default: 3)")
    parser.add_argument(
        "--compared", type=int, default=300, metavar="N", help="products whose answers are compared first"
    )
    parser.add_argument(
        "--load",
        type=int,
        default=LOAD,
        metavar="N",
        help=f"requests to Whence after the rounds, for its memory (default: {LOAD:,}; {HOUR:,} stand for an hour)",
    )
    parser.add_argument("--quick", action="store_true", help="without warming up: the figures are worth nothing")
    parser.add_argument("--profile", action="store_true", help="also where Whence's CPU goes, query by query")
    parser.add_argument(
        "--driver", choices=("wrk", "own"), default="wrk" if wrk() else "own", help="wrk, or the client of the bench"
    )
    parser.add_argument(
        "--products", type=int, default=PRODUCTS, metavar="N", help=f"without peers (default: {PRODUCTS:,})"
    )
    parser.add_argument(
        "--keep", action="store_true", help=f"leave the ledger ({LEDGER}) on the peers' server, and use one left there"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _directory(text: str) -> Path:
    return Path(text).expanduser().absolute()


async def _work(stage: Stage) -> None:
    options, report = stage.options, stage.report
    async with AsyncExitStack() as stack:
        peers = Peers.at(options.peers) if options.peers else None
        ground = await stack.enter_async_context(_peers_ground(stage, peers) if peers else _own_ground(stage))
        report.machine = replace(report.machine, postgresql=ground.version)
        compiled, interpreted = (install(stage, ground.tables, ground.ledger, name) for name in (WHENCE, INTERPRETED))
        with stage.step("Reading the tables into Whence's ledger"):
            await compiled.sync()
        await _execute(ground.ledger, "vacuum analyze")
        await _execute(ground.ledger, "checkpoint")
        skus = await read_skus(ground.tables)
        starts = [peers.running(name, skus, stage.directory) for name in options.systems] if peers else []
        starts += [serving(compiled, WHENCE), serving(interpreted, INTERPRETED)]
        with stage.step("Starting all contestants, and waiting until they are quiet"):
            contestants = await _start(stack, starts)
        whence = next(one for one in contestants if one.name == WHENCE)
        contest = Contest(stage, contestants, ground.tables, skus, ground.cpu)
        with stage.step("Comparing the answers with the tables"):
            sizes = await contest.compare(options.compared, seed=7)
        fresh = whence.peak() / 1e6
        if not options.quick:
            await contest.warm()
        slices = await contest.rounds(options.rounds, options.seconds, sizes)
        report.tables += tables_of(contestants, slices)
        report.goals += goals_of(slices)
        answered, growth = await contest.endure(whence, options.load, options.seconds) if options.load > 0 else (0, 0.0)
        peak = whence.peak() / 1e6
        short = "" if answered >= HOUR else f"an hour's equivalent is --load {HOUR}"
        title = f"memory of a process after the rounds and {answered:,} requests more"
        report.goals.append(Goal(title, MOST_MEGABYTES, "MB", peak, short))
        with stage.step("Comparing the answers once more"):
            await contest.compare(min(options.compared, 60), seed=8)
        report.notes += _notes(stage, peers, len(skus), fresh, growth)
        if options.profile:
            await _profile(stage, compiled)


async def _start(stack: AsyncExitStack, starts: Sequence[AbstractAsyncContextManager[Contestant]]) -> list[Contestant]:
    """All of them, started at the same time; they end with ``stack``. Raises ProcessFailed where one does not start."""
    found = await asyncio.gather(*map(stack.enter_async_context, starts), return_exceptions=True)
    contestants: list[Contestant] = []
    for one in found:
        if isinstance(one, BaseException):
            raise one
        contestants.append(one)
    for contestant in contestants:
        await contestant.quiet()
    return contestants


def _notes(stage: Stage, peers: Peers | None, products: int, fresh: float, growth: float) -> list[str]:
    options = stage.options
    driver = "wrk" if options.driver == "wrk" else "the bench's own client, which takes part of the machine"
    told = [
        f"{products:,} products; {options.compared} of them compared with the tables in everybody's answers first, and some "
        f"at the end. {CONNECTIONS} connections by {driver}, slices of {options.seconds:g} s.",
        "CPU is user and system time of all processes of the server by the operating system; PostgreSQL's is that of the "
        "whole server, of which one contestant is driven at a time. Ratios are medians of the rounds' ratios.",
        f"Whence serves as for a company: ledger, statuses, freshness, audience {AUDIENCE}, worker. Where a peer says sku "
        "of each product, it says id.",
        f"Whence's process had {fresh:.0f} MB at its peak before the rounds, and grew by {growth:.0f} MB in the second half "
        "of the load after them.",
    ]
    return told if peers else [*told, f"Whence alone. To measure it against its peers, {LAY_OUT}."]


def install(stage: Stage, tables: str, ledger: str, name: str) -> Installation:
    """A Whence over the tables with its ledger in a database; ``name`` says whether its compiler is off."""
    directory = stage.directory / name
    directory.mkdir()
    variables = {TABLES_VARIABLE: tables, **(COMPILER_OFF if name == INTERPRETED else {})}
    return Installation(MAP, directory, ledger, variables)


@asynccontextmanager
async def _peers_ground(stage: Stage, peers: Peers) -> AsyncIterator[Ground]:
    pid, version = await peers.server()
    keep, ledger = stage.options.keep, peers.database(LEDGER)
    if not keep:
        await _drop(peers)
    connection = await asyncpg.connect(peers.tables, timeout=10)
    try:
        if not await connection.fetchval("select exists (select from pg_database where datname = $1)", LEDGER):
            await connection.execute(f"create database {LEDGER}")
    finally:
        await connection.close()
    try:
        yield Ground(peers.tables, ledger, version, lambda: cpu_of_tree(pid))
    finally:
        if not keep:
            await _drop(peers)


async def _drop(peers: Peers) -> None:
    await _execute(peers.tables, f"drop database if exists {LEDGER} with (force)")


@asynccontextmanager
async def _own_ground(stage: Stage) -> AsyncIterator[Ground]:
    async with BenchServer.start(stage.directory / "server") as server:
        tables, ledger = await server.create("tables"), await server.create(LEDGER)
        with stage.step(f"Writing five tables of {stage.options.products:,} products"):
            await write_tables(tables, stage.options.products)
        yield Ground(tables, ledger, server.version, server.cpu)


async def _execute(database: str, statement: str) -> None:
    connection = await asyncpg.connect(database, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _profile(stage: Stage, whence: Installation) -> None:
    """Add to the report where the CPU of each query goes; everybody else still runs, and waits."""
    for query in QUERIES:
        words = (query.name, whence.variables[TABLES_VARIABLE], whence.database)
        log = whence.directory / f"profile-{query.name}.log"
        with stage.step(f"Profiling {query.name}"):
            command = [sys.executable, "-m", "tests.bench.execution_profile", *words]
            async with started(command, whence.environment, log, cwd=CHECKOUT) as process:
                await process.ended()
        stage.report.texts[f"Profile of {query.name}: {query.title}"] = process.said.rstrip()


def main(words: Sequence[str] | None = None) -> int:
    """Run the measurement; its exit code."""
    return play("execution", __doc__ or "", _arguments, _work, words)


if __name__ == "__main__":
    sys.exit(main())
