"""The rounds: each contestant in turn, A B C and again A B C, so that whatever the machine does besides hits all alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx2

from tests.bench.execution_answers import WrongAnswer, check_answer
from tests.bench.execution_contract import QUERIES, Query, draw, write_bodies
from tests.bench.execution_load import Load, drive
from tests.bench.execution_systems import FASTEST, LIMIT, TITLES, WHENCE, Contestant
from tests.bench.execution_tables import read_facts
from tests.bench.goals import Goal, Table, median
from tests.bench.processes import ProcessFailed
from tests.bench.stage import Stage

WARM_REQUESTS = 2500
WARM_SECONDS = 15.0
"""A JIT is at its best after so many requests of a query, or so long."""
ENOUGH = 150
"""Requests that a slice should have; for a slow contestant it takes longer."""
LONGEST = 4
"""Times as long at most."""
MOST_MEGABYTES = 200.0
HOUR = 1_000_000
"""Requests that stand for an hour: 280 a second."""
_SMALLEST = 0.8
"""Of the mean size of the answers that were compared: shorter ones under load are none."""
_COLUMNS = ("CPU µs", "±", "to Mercurius", "to limit", "PostgreSQL µs", "req/s", "p50 ms", "p99 ms", "MB")


@dataclass(frozen=True, slots=True)
class Slice:
    """One contestant, one query, one round; CPU in microseconds a request."""

    cpu: float
    postgres: float
    load: Load


Slices = Mapping[tuple[str, str], Sequence[Slice]]
"""By contestant and query, in the order of the rounds."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Contestants that run, the tables that they all answer from, and the CPU of their one PostgreSQL."""

    stage: Stage
    contestants: Sequence[Contestant]
    tables: str
    skus: Sequence[str]
    postgres: Callable[[], float]

    async def compare(self, products: int, seed: int) -> dict[tuple[str, str], float]:
        """Compare everybody's answers about so many random products with what the tables say; the mean bytes of an
        answer by contestant and query. Raises WrongAnswer at the first difference."""
        sizes: dict[tuple[str, str], float] = {}
        async with httpx2.AsyncClient(timeout=20, trust_env=False) as client:
            for query in QUERIES:
                asked = draw(self.skus, query, max(products // query.page, 1), seed)
                known = await read_facts(self.tables, list({sku for skus in asked for sku in skus}))
                for contestant in self.contestants:
                    total = 0
                    for skus in asked:
                        body = await contestant.ask(client, query, skus)
                        check_answer(contestant.title, query, skus, body, known)
                        total += len(body)
                    sizes[contestant.name, query.name] = total / len(asked)
        return sizes

    async def warm(self) -> None:
        """Ask everybody everything until it is as fast as it gets."""
        for contestant in self.contestants:
            for query in QUERIES:
                with self.stage.step(f"Warming up {contestant.title}, {query.name}"):
                    began, answered = monotonic(), 0
                    while answered < WARM_REQUESTS and monotonic() - began < WARM_SECONDS:
                        answered += (await self._drive(contestant, query, seed=0, seconds=2.0)).requests

    async def rounds(self, count: int, seconds: float, sizes: Mapping[tuple[str, str], float]) -> Slices:
        """So many rounds of slices of so many seconds. Raises WrongAnswer where what comes under load is no answer."""
        slices: dict[tuple[str, str], list[Slice]] = {}
        for number in range(1, count + 1):
            for query in QUERIES:
                for contestant in self.contestants:
                    with self.stage.step(f"Round {number} of {count}, {query.name}, {contestant.title}"):
                        one = await self._slice(contestant, query, number, seconds)
                    short = sizes[contestant.name, query.name] * _SMALLEST
                    if one.load.failed or one.load.bytes / one.load.requests < short:
                        raise WrongAnswer(f"{contestant.title}, {query.name}: answers are missing or short: {one.load}")
                    slices.setdefault((contestant.name, query.name), []).append(one)
        return slices

    async def _slice(self, contestant: Contestant, query: Query, number: int, seconds: float) -> Slice:
        """A slice after a shorter one that does not count, but says how long this one takes to have enough requests: what
        is under way when it ends is in the CPU and in no count."""
        if not self.stage.options.quick:
            before = await self._drive(contestant, query, number, seconds / 3)
            needed = before.seconds * ENOUGH / max(before.requests, 1)
            seconds = min(max(seconds, needed), seconds * LONGEST)
        cpu, postgres = contestant.cpu(), self.postgres()
        load = await self._drive(contestant, query, number, seconds)
        if not load.requests:
            raise ProcessFailed(f"{contestant.title}, {query.name}: no answer in {seconds:.1f} s; give --seconds more")
        each = 1e6 / load.requests
        return Slice((contestant.cpu() - cpu) * each, (self.postgres() - postgres) * each, load)

    async def endure(self, contestant: Contestant, requests: int, seconds: float) -> tuple[int, float]:
        """Ask one contestant so many times, for other products every so many seconds; how often it was, and by how many
        megabytes its peak grew in the second half."""
        answered, number, half = 0, 100, 0
        with self.stage.step(f"{requests:,} requests more to {contestant.title}", requests) as done:
            while answered < requests:
                query = QUERIES[number % len(QUERIES)]
                load = await self._drive(contestant, query, number, seconds)
                if load.failed:
                    raise ProcessFailed(f"{contestant.title}, {query.name}: {load}")
                answered, number = answered + load.requests, number + 1
                done(load.requests)
                if not half and answered >= requests / 2:
                    half = contestant.peak()
        return answered, (contestant.peak() - half) / 1e6 if half else 0.0

    async def _drive(self, contestant: Contestant, query: Query, seed: int, seconds: float) -> Load:
        """``seed`` chooses the products: the same for all contestants."""
        path = Path(self.stage.directory) / "bodies"
        write_bodies(path, self.skus, query, lambda skus: contestant.body(query, skus), seed)
        own = self.stage.options.driver == "own"
        return await drive(contestant.url, path, contestant.headers, seconds, own=own)


def tables_of(contestants: Sequence[Contestant], slices: Slices) -> list[Table]:
    """A table a query: everybody's medians, with the ratios to the fastest peer and to the limit."""
    return [
        Table(
            f"{query.name}: {query.title}",
            (f"medians of {len(next(iter(slices.values())))}", *_COLUMNS),
            tuple(_row(contestant, query, slices) for contestant in contestants),
            "CPU a request, of the server's processes and of PostgreSQL; ±: half of what lies between the lowest round and "
            "the highest; MB: the most that a process had in memory so far.",
        )
        for query in QUERIES
    ]


def goals_of(slices: Slices) -> list[Goal]:
    """The issue's ratios, each met or missed, or not measured where a contestant is missing."""
    goals = []
    for query in QUERIES:
        for against, bound in ((FASTEST, query.to_fastest), (LIMIT, query.to_limit)):
            figure = ratio(slices, WHENCE, against, query)
            note = "" if figure is not None else "without the peers"
            goals.append(Goal(f"{query.title}: CPU against {TITLES[against]}", bound, "×", figure, note))
    return goals


def ratio(slices: Slices, one: str, other: str, query: Query) -> float | None:
    """The median of the rounds' ratios of the CPU of two contestants; None where one did not take part."""
    pairs = zip(slices.get((one, query.name), ()), slices.get((other, query.name), ()), strict=False)
    found = [mine.cpu / theirs.cpu for mine, theirs in pairs if theirs.cpu]
    return median(found) if found else None


def _row(contestant: Contestant, query: Query, slices: Slices) -> tuple[str | float, ...]:
    found = slices[contestant.name, query.name]
    cpu = [one.cpu for one in found]
    ratios = (ratio(slices, contestant.name, other, query) for other in (FASTEST, LIMIT))
    loads = [one.load for one in found]
    return (
        *(
            contestant.title,
            median(cpu),
            f"{(max(cpu) - min(cpu)) / 2 / median(cpu):.0%}",
            *("–" if one is None else one for one in ratios),
        ),
        *(median([one.postgres for one in found]), median([load.requests / load.seconds for load in loads])),
        *(median([load.p50 for load in loads]), median([load.p99 for load in loads])),
        math.ceil(contestant.peak() / 1e6),
    )
