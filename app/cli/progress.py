"""A sync as a person sees it: a bar for each source on a terminal, a line for each elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from app.cli.output import clean, console, remark, table
from resolvers.ingest import Progress as Seen
from resolvers.ingest import SyncReport

COUNTS = ("seen", "added", "changed", "gone", "rejected", "unreadable", "remapped")


class SyncProgress:
    """On standard error. Give :meth:`progress` and :meth:`done` to ``sync_once``."""

    def __init__(self, titles: Mapping[str, str], *, silent: bool = False) -> None:
        """``titles``: what each source is called; ``silent`` shows nothing."""
        out = console(error=True)
        self._titles = titles
        self._lines = not silent and not out.is_terminal
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            SpinnerColumn(finished_text="•"),
            TextColumn("{task.fields[source]}", style="bold"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[counted]}"),
            TimeElapsedColumn(),
            console=out,
            disable=silent or self._lines,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        for name, title in self._titles.items():
            self._tasks[name] = self._bars.add_task(
                escape(clean(title)), total=None, source=name, counted="", start=False
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def progress(self, source: str) -> Seen:
        """What a sync of ``source`` calls with the records seen and, where it is known, how many there will be."""
        task = self._tasks[source]
        self._bars.start_task(task)

        def seen(count: int, total: int | None) -> None:
            counted = f"{count:,} of {total:,}" if total is not None else f"{count:,}"
            self._bars.update(task, completed=count, total=max(total, count) if total else None, counted=counted)

        return seen

    def matching(self) -> Callable[[str, int], None]:
        """What matching behind a sync calls with what it did ("read" or "matched") and with how many records."""
        tasks: dict[str, TaskID] = {}
        counted = {"read": 0, "matched": 0}
        words = {"read": "reading what is compared", "matched": "looking for the same product elsewhere"}

        def told(what: str, count: int) -> None:
            if what not in tasks:
                tasks[what] = self._bars.add_task(words[what], total=None, source="matching", counted="")
            counted[what] += count
            self._bars.update(tasks[what], counted=f"{counted[what]:,} records")

        return told

    def readying(self) -> Callable[[int], None]:
        """What choosing winners behind a sync calls with each lot of products that it made ready."""
        task: list[TaskID] = []

        def made(count: int) -> None:
            if not task:
                task.append(
                    self._bars.add_task("choosing each field's winner", total=None, source="products", counted="")
                )
            self._bars.advance(task[0], count)
            self._bars.update(task[0], counted=f"{self._bars.tasks[-1].completed:,.0f} products")

        return made

    def done(self, report: SyncReport) -> None:
        """One source has been read, or has failed."""
        if self._lines:
            remark(f"{report.source}: {in_words(report)}")
        seen = report.counts.seen
        counted = f"{seen:,} records" if report.failure is None else f"[red]{report.outcome.lower()}"
        self._bars.update(self._tasks[report.source], counted=counted, total=seen or 1, completed=seen or 1)


def in_words(report: SyncReport) -> str:
    """How a run went, in one line."""
    if report.failure is not None and report.outcome != "FAILED":
        return report.failure.message
    if report.failure is not None:
        return f"{report.failure.kind.value}: {report.failure.message}"
    counts = [
        f"{getattr(report.counts, name):,} {name}" for name in COUNTS if name == "seen" or getattr(report.counts, name)
    ]
    return f"{', '.join(counts)} in {report.seconds:.1f} s"


def tell_failures(reports: Iterable[SyncReport]) -> None:
    """What failed, and what to do about it, on standard error."""
    for report in reports:
        if report.failure is not None and report.outcome != "FAILED":
            remark(f"{report.source}: {report.failure.message}", "yellow")
        elif report.failure is not None:
            remark(f"{report.source} failed: {clean(report.failure.message)}", "red")
            remark(f"    {report.failure.kind.actor.value}: {report.failure.kind.action}")


def _other(outcome: str) -> str:
    return "" if outcome == "DONE" else outcome


def show_reports(reports: Iterable[SyncReport]) -> None:
    """A table of what the runs did, on standard output."""
    rows = [
        (
            report.source,
            *(f"{getattr(report.counts, name):,}" for name in COUNTS),
            f"{report.seconds:.1f}",
            report.failure.kind.value if report.failure and report.outcome == "FAILED" else _other(report.outcome),
        )
        for report in reports
    ]
    table(None, ("source", *COUNTS, "seconds", "failure"), rows)
