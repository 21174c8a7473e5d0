"""``whence sync --watch``: keep the sources in sync until a signal, beside any number of other workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from app.cli.configuration import Configuration
from app.cli.ending import ExitCode
from app.cli.ledger import open_changing
from app.cli.output import clean, console, remark, say, write_json
from app.cli.progress import in_words
from app.cli.reloading import watching_map
from app.cli.sync import as_json, chosen_sources, collect_rarely
from app.matching import keep_matching
from app.readiness import keep_ready
from app.worker import Worker
from resolvers.ingest import Progress, SyncReport

GRACE_SECONDS = 8.0
"""For the batches under way when a signal comes; with what is closed after them it is less than the 15 s promised."""
LONG_RUN = 2.0
"""Seconds after which a run is shown on a terminal while it goes on."""


async def watch(configuration: Configuration, names: Sequence[str], in_json: bool) -> int:
    """Keep the named sources, or all of them, in sync until cancelled."""
    collect_rarely()
    async with open_changing(configuration) as current, watching_map(configuration, current, taking=True):
        chosen = chosen_sources(current(), names)
        titles = {name: current().ownership.declaration(name).title for name in chosen}
        with Watching(titles, in_json=in_json) as shown:
            worker = Worker(
                current,
                only=frozenset(names),
                on_report=shown.report,
                progress=shown.progress,
                on_outage=shown.outage,
                grace=GRACE_SECONDS,
            )
            shown.begin(worker.name)
            behind = [asyncio.create_task(keep_ready(current)), asyncio.create_task(keep_matching(current))]
            try:
                await worker.run()
            finally:
                for task in behind:
                    task.cancel()
                await asyncio.wait(behind, timeout=GRACE_SECONDS)
    return ExitCode.FINE


class Watching:
    """What a person or a program sees of a worker: a line for each run that did something, and on a terminal the runs that
    take long. Give its methods to the worker."""

    def __init__(self, titles: Mapping[str, str], *, in_json: bool = False) -> None:
        """``titles``: the sources and what they are called; ``in_json``: every run, as a line of JSON."""
        out = console(error=True)
        self._sources = list(titles)
        self._json = in_json
        self._said: dict[str, object] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars = Bars(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[counted]}"),
            TimeElapsedColumn(),
            console=out,
            transient=True,
            disable=in_json or not out.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, worker: str) -> None:
        """The worker begins, under this name."""
        some = ", ".join(self._sources[:8]) + (" and more" if len(self._sources) > 8 else "")
        remark(f"Keeping in sync: {some or 'nothing, for no source can be listed'}. Ctrl-C stops it. (worker {worker})")

    def progress(self, source: str) -> Progress:
        """What a run of ``source`` calls with the records seen and, where it is known, how many there will be."""
        began = monotonic()

        def seen(count: int, total: int | None) -> None:
            if source not in self._tasks:
                if monotonic() - began < LONG_RUN:
                    return
                self._tasks[source] = self._bars.add_task(source, total=None, counted="")
            counted = f"{count:,} of {total:,}" if total is not None else f"{count:,}"
            whole = max(total, count) if total else None
            self._bars.update(self._tasks[source], completed=count, total=whole, counted=counted)

        return seen

    def report(self, report: SyncReport) -> None:
        """A run is over."""
        if (task := self._tasks.pop(report.source, None)) is not None:
            self._bars.remove_task(task)
        if self._json:
            write_json({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **as_json(report)})
        elif self._is_news(report):
            failed = report.outcome == "FAILED"
            say(f"{datetime.now():%H:%M:%S} {report.source}: {clean(in_words(report))}", "red" if failed else None)
            if failed and report.failure is not None:
                say(f"         {report.failure.kind.actor.value}: {report.failure.kind.action}")

    def outage(self, away: bool) -> None:
        """The ledger's database went away, or is back."""
        if away:
            remark("The ledger's database does not answer. Waiting for it; nothing is lost.", "red")
        else:
            remark("The ledger's database answers again.")

    def _is_news(self, report: SyncReport) -> bool:
        """Whether a person wants to know: something moved, or it fails otherwise than before, or not any more."""
        counts = report.counts
        if report.outcome in ("YIELDED", "STOPPED"):
            return counts.seen > 0
        state = report.failure, counts.rejected
        known, before = report.source in self._said, self._said.get(report.source)
        self._said[report.source] = state
        moved = report.failure is None and (counts.added or counts.changed or counts.gone or counts.remapped)
        return bool(moved) or not known or state != before
