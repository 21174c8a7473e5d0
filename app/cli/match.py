"""``whence match``: whole catalogues matched, with a report of what would change, or into the ledger."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from app.cli.configuration import Configuration
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import open_runtime
from app.cli.match_report import Report, open_report
from app.cli.output import console, remark, say, table, write_json
from app.wiring import Runtime
from resolvers.matching_flow.build import build_matching
from resolvers.matching_flow.declared import MatchingMap, MatchingTable
from resolvers.mistakes import one_of

if TYPE_CHECKING:
    from resolvers.matching_whole.catalogues import CatalogueRun

STEPS = {
    "read left": "reading {left}",
    "read right": "reading {right}",
    "count": "counting words and model numbers",
    "block": "looking for candidates",
    "learn": "learning what agreement is worth",
    "score": "comparing pairs",
    "decide": "deciding",
    "write": "writing pairs and links",
}
"""What each step is called."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for. ``again``: what an earlier run left is not gone on with."""

    sources: Sequence[str]
    dry_run: bool = False
    report: Path | None = None
    again: bool = False
    processes: int | None = None


@dataclass
class Outcome:
    """What came of two catalogues. ``unchanged``: pairs that stand already as they came out."""

    sources: tuple[str, str]
    records: tuple[int, int] = (0, 0)
    version: str = ""
    went_on: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    merging: int = 0
    into: int = 0
    report: str | None = None

    def as_json(self) -> dict[str, object]:
        """As ``--json`` has it."""
        return {
            "left": self.sources[0],
            "right": self.sources[1],
            "records": list(self.records),
            "linked": self.counts["LINK"],
            "proposed": self.counts["REVIEW"],
            "held": self.counts["HELD"],
            "dropped": self.counts["DROP"],
            "unchanged": self.unchanged,
            "productsMerging": self.merging,
            "intoProducts": self.into,
            "rule": self.version,
            "wentOn": self.went_on,
            "report": self.report,
        }


async def match(configuration: Configuration, asked: Asked, in_json: bool) -> int:
    """Match the catalogues that are asked for, pair by pair; its exit code."""
    _need_extra()
    async with open_runtime(configuration) as runtime:
        matching = _matching(runtime, asked)
        home = configuration.settings.directory / "match"
        outcomes = []
        for two in _pairs(runtime, matching, asked.sources):
            outcomes.append(await _match_two(runtime, matching, two, asked, home, in_json))
            if in_json:
                write_json(outcomes[-1].as_json())
    if not in_json:
        _show(outcomes, asked)
    return ExitCode.FINE


def _need_extra() -> None:
    try:
        import duckdb  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise Ended(
            ExitCode.PREREQUISITE,
            f"Whole catalogues are matched by DuckDB, which is not installed ({error.name}): pip install 'whence[match]'.",
        ) from None


def _matching(runtime: Runtime, asked: Asked) -> MatchingMap:
    ownership = runtime.ownership
    if ownership.matching is not None:
        return ownership.matching
    table = ownership.written.get("identity", {}).get("matching")
    if table is None and not asked.dry_run:
        raise Ended(
            ExitCode.CONFIGURATION,
            "whence.toml does not have records matched: write [identity.matching] there (with on = false where it is not to "
            "be behind each sync), or look first with --dry-run.",
        )
    found = build_matching(
        MatchingTable.model_validate({**(table or {}), "on": True}),
        ownership.sources,
        ownership.fields,
        ownership.locales,
    )
    assert found is not None
    return found


def _pairs(runtime: Runtime, matching: MatchingMap, names: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of catalogues that ``names`` means; none means all that are matched. Raises Ended."""
    declared = runtime.ownership.sources
    for name in names:
        if name not in declared:
            raise Ended(ExitCode.CONFIGURATION, f"There is no source {name!r}: {one_of(name, declared, 'sources')}")
        if declared[name].declaration.per_product != "one":
            raise Ended(
                ExitCode.CONFIGURATION, f"{name} is no catalogue: its records are notes about products of others."
            )
    chosen = sorted(set(names or matching.sources))
    if len(chosen) < 2:
        found = f"only {chosen[0]}" if chosen else "none"
        raise Ended(ExitCode.CONFIGURATION, f"It takes two catalogues to match, and there is {found}: name another.")
    return list(combinations(chosen, 2))


async def _match_two(
    runtime: Runtime, matching: MatchingMap, two: tuple[str, str], asked: Asked, home: Path, in_json: bool
) -> Outcome:
    import duckdb

    from resolvers.matching_whole.catalogues import CatalogueRun
    from resolvers.matching_whole.run import Resources

    directory = home / f"{two[0]}~{two[1]}"
    if asked.again:
        _forget(directory)
    outcome = Outcome(two)
    report = asked.report or (home / f"{two[0]}~{two[1]}.jsonl" if asked.dry_run else None)
    processes = asked.processes or max(1, min(4, os.cpu_count() or 1))
    with MatchProgress(two, silent=in_json) as bars:
        try:
            run = CatalogueRun(
                runtime.pool,
                runtime.ownership,
                matching,
                two,
                directory,
                resources=Resources(processes=processes),
                told=bars.told,
            )
        except duckdb.IOException as error:
            raise Ended(
                ExitCode.PREREQUISITE,
                f"The state of this run in {directory} cannot be opened: another whence match is at it, or the disk "
                "refuses. Wait for the other one, or begin anew with --again.",
            ) from error
        with closing(run):
            outcome.went_on = not run.fresh
            if outcome.went_on and not in_json:
                remark(f"{two[0]} and {two[1]}: going on with a run that was cut off.")
            await run.find()
            outcome.records, outcome.version = run.sizes, run.version
            with open_report(report, matching_pair=two, several=not asked.sources or len(asked.sources) > 2) as told:
                await _through(runtime, run, asked, outcome, told, bars)
                outcome.report = str(told.path) if told.path else None
                outcome.merging, outcome.into = told.merging
            run.remove()
    return outcome


async def _through(
    runtime: Runtime, run: CatalogueRun, asked: Asked, outcome: Outcome, report: Report, bars: MatchProgress
) -> None:
    """Tell of every change and, unless the run is dry, write it."""
    from resolvers.matching_whole.applying import Superseded, write_lot

    async for seen, lot in run.changes():
        news = [one for one in lot if one.kind != one.was and (one.kind, one.was) != ("HELD", "REVIEW")]
        outcome.unchanged += len(lot) - len(news)
        outcome.counts.update(one.kind for one in news)
        await report.tell(runtime.pool, news)
        if not asked.dry_run:
            try:
                await write_lot(runtime.pool, runtime.ownership, run.version, lot)
            except Superseded:
                said = (
                    "The ledger follows another whence.toml than this one: have this one taken into use (whence sync)."
                )
                raise Ended(ExitCode.FAILED, said) from None
            bars.told("write", seen, None)


def _forget(directory: Path) -> None:
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


class MatchProgress:
    """A run as a person sees it, on standard error: a bar a step on a terminal, a line a step elsewhere."""

    def __init__(self, sources: tuple[str, str], *, silent: bool = False) -> None:
        out = console(error=True)
        self._sources = {"left": sources[0], "right": sources[1]}
        self._lines = not silent and not out.is_terminal
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            SpinnerColumn(finished_text="•"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[counted]}"),
            TimeElapsedColumn(),
            console=out,
            disable=silent or self._lines,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def told(self, step: str, done: int, of: int | None) -> None:
        """A step has come so far. From any thread."""
        if step not in self._tasks:
            for task in self._tasks.values():
                self._bars.stop_task(task)
            name = STEPS.get(step, step).format(**self._sources)
            if self._lines:
                remark(f"{' and '.join(self._sources.values())}: {name}")
            self._tasks[step] = self._bars.add_task(name, total=None, counted="")
        counted = f"{done:,} of {of:,}" if of else f"{done:,}" if done else ""
        self._bars.update(self._tasks[step], completed=done, total=max(done, of) if of else None, counted=counted)


def _show(outcomes: Sequence[Outcome], asked: Asked) -> None:
    rows = [
        (
            f"{one.sources[0]} and {one.sources[1]}",
            f"{one.records[0]:,} × {one.records[1]:,}",
            *(f"{one.counts[kind]:,}" for kind in ("LINK", "REVIEW", "HELD", "DROP")),
            f"{one.unchanged:,}",
            f"{one.merging:,} into {one.into:,}",
        )
        for one in outcomes
    ]
    heads = ("catalogues", "records", "linked", "proposed", "held", "dropped", "as before", "products merging")
    table("What would change" if asked.dry_run else "What changed", heads, rows)
    for one in outcomes:
        if one.report:
            say(f"{one.sources[0]} and {one.sources[1]}: every pair with its evidence is in {one.report}")
    if asked.dry_run:
        remark("Nothing was written. Without --dry-run it will be.", "dim")
