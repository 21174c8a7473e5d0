"""Two whole catalogues matched, step by step: each step is done once, and a run that was killed goes on where it stood.

The steps are: read both sides, count, block, learn, score, decide. Every one keeps to the rules of
:func:`resolvers.matching.run.match`, and the weights it learns are those; but where one catalogue is more than ONE_SIDED
times the other, candidates are looked for from the smaller one alone, and pairs that nothing can come of (odds below
:data:`~resolvers.matching.competition.FAINT`) are dropped on the way.
"""

from __future__ import annotations

import multiprocessing
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from math import exp
from pathlib import Path
from typing import TypeVar, cast

from resolvers.matching.comparisons import least_chance
from resolvers.matching.competition import Competition
from resolvers.matching.evidence import Finding, findings
from resolvers.matching.run import Settings, version_of
from resolvers.matching.verdicts import Verdict, verdicts
from resolvers.matching_whole import blocking, learning
from resolvers.matching_whole.reading import Page, read_page
from resolvers.matching_whole.scoring import Learned, begin, levels_of, score_pairs, shelves
from resolvers.matching_whole.shelf import ShelfWriter
from resolvers.matching_whole.state import State
from resolvers.matching_whole.tables import Columns
from resolvers.matching_whole.watching import begin_beside

ONE_SIDED = 4
"""Times that a catalogue must be larger for only the smaller one's records to look for candidates."""
PAGE = 1000
"""Records that a process reads at once; a good size of page for :meth:`WholeRun.read`."""
LOT = 25_000
"""Pairs that a process scores at once."""
AHEAD = 4
"""Lots under way at once: two for either process of a machine with two."""

Told = Callable[[str, int, int | None], None]
"""Called with a step's name, how much of it is done, and how much it is in all where that is known."""
_Record = TypeVar("_Record")
_Given = TypeVar("_Given")
_Found = TypeVar("_Found")
_LIMIT = 40.0
_KEPT = 10_000
_OPEN = """
    (select * from scored
     where one not in (select one from known where same) and other not in (select other from known where same)
       and (one, other) not in (select one, other from known where not same))
"""
"""The pairs about which nothing is known."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run may take: ``processes`` beside this one, and ``memory_mb`` for DuckDB (the processes take as much again)."""

    processes: int = 2
    memory_mb: int = 320


@dataclass(frozen=True, slots=True)
class Decided:
    """A pair to link or to review, with its evidence."""

    left: str
    right: str
    probability: float
    verdict: Verdict
    findings: tuple[Finding, ...]


class WholeRun:
    """A run in a directory. Blocking: call it from a thread where there is a loop."""

    def __init__(
        self,
        directory: Path,
        about: str,
        settings: Settings | None = None,
        resources: Resources | None = None,
        told: Told | None = None,
    ) -> None:
        """Goes on with the run in ``directory`` if it is about the same thing (``about``). Raises as :class:`State` does."""
        self._settings = settings or Settings()
        self._resources = resources or Resources()
        self._told = told or (lambda step, done, of: None)
        self.state = State(
            directory,
            f"{about} {self._settings!r}",
            memory_mb=self._resources.memory_mb,
            threads=self._resources.processes,
        )
        self.directory = directory
        self._tables = self.state.tables

    def close(self) -> None:
        """Close the files; the run can be gone on with."""
        self.state.close()

    @property
    def sizes(self) -> tuple[int, int]:
        """Records read of the left and of the right catalogue."""
        return self.so_far(0)[0], self.so_far(1)[0]

    def so_far(self, side: int) -> tuple[int, str | None]:
        """How many records of a side are read, and the key of the last one."""
        rows = self._tables.rows("select records, last from sides where side = ?", [side])
        return rows[0] if rows else (0, None)

    def read(
        self,
        side: int,
        pages: Iterable[Sequence[_Record]],
        total: int | None = None,
        work: Callable[[Sequence[_Record]], Page] | None = None,
    ) -> None:
        """Read a side (0 the left): pages of records with keys of their own, those after the last of :meth:`so_far`.

        ``work`` makes what is to be written of a page of them, in another process; without it they are listings.
        """
        # Without work, records are listings, which is what read_page takes.
        reading = work or cast("Callable[[Sequence[_Record]], Page]", read_page)
        if self.state.done(f"read {side}"):
            return
        records, size = 0, 0
        for known in self._tables.rows("select records, size from sides where side = ?", [side]):
            records, size = known
        writer = ShelfWriter(self.directory / ("left.profiles", "right.profiles")[side], records=records, size=size)
        step = f"read {('left', 'right')[side]}"
        try:
            for page in self._done_on(reading, (one for one in pages if one)):
                writer.put(page.profiles, page.lengths)
                size = writer.mark()
                self._write_page(side, page, records, size)
                records += len(page.lengths)
                self._told(step, records, total)
        finally:
            writer.close()
        if not records:
            self._tables.run("insert or replace into sides values (?, 0, 0, null)", [side])
        self.state.note(f"read {side}")

    def _write_page(self, side: int, page: Page, records: int, size: int) -> None:
        sides = array("B", [side]) * len(page.kinds)
        places = array("I", [records + place for place in page.carriers])
        names = sorted(page.fields)
        upto = records + len(page.lengths)
        counted = {"side": sides, "kind": page.kinds, "text": page.texts, "records": page.counts}
        with self.state.together():
            self._tables.insert(f"keys_{side}", {"key": page.keys, "place": places})
            places_read = array("I", range(records, upto))
            self._tables.insert(f"names_{side}", {"name": page.names, "place": places_read, "digest": page.digests})
            self._tables.insert("counted", counted)
            self._tables.insert("heads", {"name": list(page.heads), "records": array("I", page.heads.values())})
            self._tables.insert("brands", {"name": sorted(page.brands)})
            self._tables.insert("fields", {"side": array("B", [side]) * len(names), "name": names})
            self._tables.run(
                "insert or replace into sides values (?, ?, ?, ?)",
                [side, upto, size, page.names[-1]],
            )

    def digests(self, side: int, names: Iterable[str]) -> dict[str, bytes]:
        """What the records ``names`` of a side were when they were read, as digests; those left out that were not."""
        return dict(
            self._tables.rows(f"select name, digest from names_{side} where name in (select unnest(?))", [list(names)])
        )

    def know(self, pairs: Iterable[Sequence[tuple[str, str, bool]]]) -> None:
        """Pairs of keys, left and right, that are surely one product (True) or surely two, in lots; once both sides are
        read. Others learn from them; a record that has its partner so has no other, and none of them comes out again."""
        if self.state.done("know"):
            return
        with self.state.together():
            self._tables.run("delete from told")
            for lot in pairs:
                lefts, rights, same = zip(*lot, strict=True) if lot else ((), (), ())
                self._tables.insert("told", {"one": list(lefts), "other": list(rights), "same": list(same)})
            self._tables.run(
                """
                create or replace table known as
                select one.place as one, other.place as other, bool_and(told.same) as same
                from told join names_0 one on one.name = told.one join names_1 other on other.name = told.other
                group by one.place, other.place
                """
            )
            self.state.note("know")

    def finish(self) -> None:
        """Every step that is left, once both sides are read."""
        for _, work in self.steps():
            work()

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """The steps that are left once both sides are read, to be done in this order."""
        works = {
            "count": self._count,
            "block": self._block,
            "learn": self._learn,
            "score": self._score,
            "decide": self._decide,
        }
        return [(step, partial(self._do, step, work)) for step, work in works.items() if not self.state.done(step)]

    def _do(self, step: str, work: Callable[[], None]) -> None:
        self._told(step, 0, None)
        work()
        self.state.note(step)

    def _count(self) -> None:
        learning.count(self._tables, self.directory)

    def _block(self) -> None:
        """A lot of records of a side at a time, each in a transaction with the note of it."""
        sizes = self.sizes
        looking = [side for side in (0, 1) if sizes[side] <= ONE_SIDED * sizes[1 - side]] if all(sizes) else []
        total, before = sum(sizes[side] for side in looking), 0
        for side in looking:
            begun = self.state.done(f"blocked {side}") or 0
            if begun < sizes[side]:
                blocking.prepare(self._tables, side, 1 - side)
            for place in range(begun, sizes[side], blocking.LOT):
                end = min(place + blocking.LOT, sizes[side])
                with self.state.together():
                    blocking.candidates(self._tables, side, sizes[1 - side], place, end)
                    self.state.note(f"blocked {side}", end)
                self._told("block", before + end, total)
            before += sizes[side]
        blocking.let_go(self._tables)
        self._tables.run(
            """
            create or replace table pairs as
            select one, other, max(near) as near
            from (select one, other, near from found union all select one, other, 1 from known)
            group by one, other order by one, other
            """
        )

    def _learn(self) -> None:
        sizes = self.sizes
        fields = self._tables.rows(
            "select name from fields group by name having count(distinct side) = 2 order by name"
        )
        learned = Learned(
            records=sum(sizes),
            brands=learning.brands(self._tables, self.directory),
            variants=learning.variant_words(self._tables, self.directory, sizes),
            fields=tuple(name for (name,) in fields),
            without=self._settings.without,
        )
        learned, near = learning.learned_model(self._tables, self.directory, learned, sizes, self._settings.once)
        self._tables.run(
            """
            create or replace table worth as
            select (row_number() over (order by one, other) - 1)::ubigint as nth, one, other
            from pairs where near >= ? order by one, other
            """,
            [near],
        )
        learned.write(self.directory / "learned")

    def _score(self) -> None:
        """Lots of pairs by all processes; each is written in a transaction with the note of how far it goes."""
        total: int = self._tables.value("select count(*) from worth")
        done: int = self.state.done("scored") or 0
        for lot in self._done_on(score_pairs, self._lots(done, total), begin, self.directory):
            done += lot.compared
            with self.state.together():
                columns: Columns = {
                    "one": lot.lefts,
                    "other": lot.rights,
                    "log_odds": lot.log_odds,
                    "outcome": lot.outcomes,
                }
                self._tables.insert("scored", columns)
                self.state.note("scored", done)
            self._told("score", done, total)

    def _lots(self, done: int, total: int) -> Iterator[tuple[array[int], array[int]]]:
        for begun in range(done, total, LOT):
            columns = (array("I"), array("I"))
            statement = "select one, other from worth where nth >= ? and nth < ? order by nth"
            for batch in self._tables.batches(statement, [begun, begun + LOT]):
                for column, part in zip(columns, batch, strict=True):
                    column.frombytes(part)
            yield columns

    def _decide(self) -> None:
        learned = Learned.read(self.directory / "learned")
        pairs: list[tuple[int, int]] = []
        odds = array("d")
        for ones, others, log_odds in self._tables.batches(
            f"select one, other, log_odds from {_OPEN} order by one, other"
        ):
            pairs.extend(zip(array("I", ones.tobytes()), array("I", others.tobytes()), strict=True))
            odds.extend(exp(min(_LIMIT, one)) for one in array("d", log_odds.tobytes()))
        known = self._tables.rows("select distinct outcome from scored")
        least = {outcome: least_chance(learned.comparisons, levels_of(outcome)) for (outcome,) in known}
        outcomes = [outcome for (outcome,) in self._tables.rows(f"select outcome from {_OPEN} order by one, other")]
        once = learned.once
        chances = Competition(pairs, left_once=once[0], right_once=once[1]).settled(odds)
        found = verdicts(
            pairs,
            chances,
            sizes=self.sizes,
            once=once,
            policy=self._settings.policy,
            least=[least[outcome] for outcome in outcomes],
        )
        kept = [at for at, verdict in enumerate(found) if verdict is not Verdict.NONE]
        with self.state.together():
            self._tables.run("delete from decided")
            self._tables.insert(
                "decided",
                {
                    "one": array("I", (pairs[at][0] for at in kept)),
                    "other": array("I", (pairs[at][1] for at in kept)),
                    "probability": array("d", (chances[at] for at in kept)),
                    "verdict": [found[at].value for at in kept],
                    "outcome": [outcomes[at] for at in kept],
                },
            )

    @property
    def version(self) -> str:
        """The version of the rule: the same for the same weights. Once the run has learned."""
        return version_of(Learned.read(self.directory / "learned").learned_weights())

    @property
    def once(self) -> tuple[bool, bool]:
        """Whether the left and the right catalogue list a product once. Once the run has learned."""
        return Learned.read(self.directory / "learned").once

    def decided(self, after: int = 0) -> Iterator[Decided]:
        """The pairs to link and to review, the surest first, but for the first ``after`` of them. Once finished."""
        weights = Learned.read(self.directory / "learned").learned_weights()
        scorer = weights.scorer()
        why: dict[bytes, tuple[Finding, ...]] = {}
        with shelves(self.directory)[0] as left, shelves(self.directory)[1] as right:
            while rows := self._tables.rows(
                "select one, other, probability, verdict, outcome from decided "
                "order by probability desc, one, other limit ? offset ?",
                [PAGE, after],
            ):
                after += len(rows)
                for one, other, probability, verdict, outcome in rows:
                    if outcome not in why:
                        if len(why) > _KEPT:
                            why.clear()
                        why[outcome] = findings(weights, scorer, levels_of(outcome))
                    yield Decided(left[one].key, right[other].key, probability, Verdict(verdict), why[outcome])

    def _done_on(
        self,
        work: Callable[[_Given], _Found],
        lots: Iterator[_Given],
        begin: Callable[..., None] | None = None,
        *arguments: object,
    ) -> Iterator[_Found]:
        """``work`` done on each of ``lots``, in their order, by processes that begin with ``begin``. A single lot is done
        here, for it takes less than a process to start."""
        first = list(islice(lots, 2))
        if len(first) < 2:
            if begin is not None and first:
                begin(*arguments)
            yield from map(work, first)
            return
        with self._pool(begin, *arguments) as pool:
            yield from _in_order(pool, work, chain(first, lots))

    @contextmanager
    def _pool(self, begin: Callable[..., None] | None = None, *arguments: object) -> Iterator[ProcessPoolExecutor]:
        # Spawned, for this process has threads of its own.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(  # mypy takes an initializer for one without arguments
            self._resources.processes,
            context,
            begin_beside,  # type: ignore[arg-type]
            (begin, *arguments),  # type: ignore[arg-type]
        )
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, work: Callable[[_Given], _Found], lots: Iterable[_Given]) -> Iterator[_Found]:
    """``work`` done on each of ``lots`` by the processes of ``pool``, a few ahead, in the order of the lots."""
    under_way: deque[Future[_Found]] = deque()
    for lot in lots:
        if len(under_way) >= AHEAD:
            yield under_way.popleft().result()
        under_way.append(pool.submit(work, lot))
    while under_way:
        yield under_way.popleft().result()
