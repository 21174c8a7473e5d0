"""What a benchmark found: its goals beside the figures, what else it measured, and where. A missed goal is no error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from tests.bench.machine import Machine


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and the most it may be; ``figure`` is None where it could not be measured, and ``note`` says why."""

    name: str
    bound: float
    unit: str
    figure: float | None
    note: str = ""

    @property
    def verdict(self) -> str:
        """``met``, ``missed`` or ``not measured``."""
        if self.figure is None:
            return "not measured"
        return "met" if self.figure <= self.bound else "missed"


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that belong together; the first cell of a row names it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    note: str = ""


@dataclass
class Report:
    """All that one run of a benchmark has to say."""

    bench: str
    command: str
    machine: Machine
    goals: list[Goal] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Long texts by their title: profiles."""

    def as_json(self) -> str:
        """The whole report as one JSON object; each goal with its ``verdict``."""
        told: dict[str, Any] = asdict(self)
        told["goals"] = [{**asdict(goal), "verdict": goal.verdict} for goal in self.goals]
        return json.dumps(told, indent=2)

    def show(self, console: Console) -> None:
        """The report as tables for people."""
        for title, text in self.texts.items():
            console.print(f"\n[bold]{escape(title)}[/]")
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        for table in self.tables:
            _show(console, table)
        goals = RichTable(title="Goals", title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("goal", "at most", "figure", "", ""):
            goals.add_column(name, justify="right" if name in {"at most", "figure"} else "left", overflow="fold")
        colours = {"met": "green", "missed": "red", "not measured": "yellow"}
        for goal in self.goals:
            figure = "" if goal.figure is None else shown(goal.figure, goal.unit)
            verdict = f"[{colours[goal.verdict]}]{goal.verdict}[/]"
            goals.add_row(escape(goal.name), shown(goal.bound, goal.unit), figure, verdict, escape(goal.note))
        if self.goals:
            console.print(goals)
        for note in self.notes:
            console.print(f"• {escape(note)}", highlight=False, soft_wrap=True)
        console.print(f"• {escape(str(self.machine))}", highlight=False, soft_wrap=True)
        console.print(f"• again: {escape(self.command)}", highlight=False, soft_wrap=True)


def shown(value: float | str, unit: str = "") -> str:
    """A figure as people read it: three digits that count, and its unit; ``×`` stands before no space."""
    if isinstance(value, str):
        return value
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 or value == int(value) else f"{value:.{1 if size >= 10 else 2}f}"
    if size and size < 0.1:
        text = f"{value:.3f}"
    return f"{text}{unit}" if unit in {"", "×"} else f"{text} {unit}"


def median(figures: Sequence[float]) -> float:
    """The middle one, or the mean of the middle two."""
    ordered = sorted(figures)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(figures: Sequence[float], share: float) -> float:
    """The smallest figure that at least ``share`` of them (0 to 1) do not exceed."""
    ordered = sorted(figures)
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


def _show(console: Console, table: Table) -> None:
    shape = RichTable(
        title=escape(table.title), title_justify="left", caption=escape(table.note) or None, box=box.SIMPLE_HEAD
    )
    shape.caption_justify = "left"
    for index, name in enumerate(table.columns):
        shape.add_column(escape(name), justify="left" if index == 0 else "right", overflow="fold", no_wrap=index == 0)
    for row in table.rows:
        shape.add_row(*(escape(shown(cell)) for cell in row))
    console.print(shape)
