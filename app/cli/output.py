"""What a person sees: tables and lines in colour on a terminal, plain elsewhere; and JSON for a program."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.strictjson import dumps

PLAIN_WIDTH = 180
"""Columns of a table that goes to a file or a pipe."""
LONGEST_CELL = 240
NOTHING = "–"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
_YEAR, _DAY, _HOUR, _MINUTE = 31_557_600, 86_400, 3600, 60
STYLES = {
    "OK": "green", "FALLBACK": "yellow", "LAST_KNOWN": "yellow", "MISSING": "dim", "UNAVAILABLE": "red",
    "FRESH": "green", "STALE": "yellow", "HEALTHY": "green", "FAILING": "red", "NEVER_READ": "yellow",
    "running": "green", "stopped": "red", "slow": "yellow", "garbled": "red",
}  # fmt: skip


def console(*, error: bool = False) -> Console:
    """The console on standard output, or on standard error. What comes from systems is never read as markup."""
    made = Console(stderr=error, highlight=False, markup=False, soft_wrap=False)
    if not made.is_terminal and not os.environ.get("COLUMNS"):
        made = Console(stderr=error, highlight=False, markup=False, soft_wrap=False, width=PLAIN_WIDTH)
    return made


def say(text: str = "", style: str | None = None) -> None:
    """A line on standard output, as long as it is."""
    console().print(Text(text, style or ""), soft_wrap=True)


def remark(text: str, style: str | None = None) -> None:
    """A line for the person, on standard error."""
    console(error=True).print(Text(text, style or ""), soft_wrap=True)


def write_json(value: Any) -> None:
    """One JSON document on one line of standard output."""
    sys.stdout.write(dumps(value).decode() + "\n")
    sys.stdout.flush()


NUMERIC = frozenset(
    (
        "seen",
        "added",
        "changed",
        "gone",
        "rejected",
        "unreadable",
        "remapped",
        "records",
        "products",
        "apart",
        "seconds",
    )
)
"""Columns that hold numbers."""


def table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """A table on standard output."""
    shown = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold"
    )
    for column in columns:
        numeric = column in NUMERIC
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
    console().print(shown)


def marked(word: str | None) -> Text:
    """A status or a freshness in its colour."""
    return Text(word, STYLES.get(word, "")) if word else Text(NOTHING, "dim")


def clean(text: str) -> str:
    """A text of some system as a terminal may show it: without control characters, and cut where it is very long."""
    plain = _CONTROL.sub("�", text)
    return plain if len(plain) <= LONGEST_CELL else plain[: LONGEST_CELL - 1] + "…"


def moment(value: str | datetime | None, now: datetime | None = None) -> str:
    """A moment in UTC, and how long ago that is: ``2025-11-03 09:12 (19 days)``."""
    if value is None:
        return NOTHING
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    ago = (now or datetime.now(UTC)) - at
    return f"{at:%Y-%m-%d %H:%M} ({length(ago)})" if ago >= timedelta(0) else f"{at:%Y-%m-%d %H:%M} (to come)"


def length(span: timedelta | None) -> str:
    """A length of time, in its largest sensible unit: ``3 years``, ``90 days``, ``12 s``."""
    if span is None:
        return NOTHING
    seconds = span.total_seconds()
    for size, name, enough in ((_YEAR, "year", 2), (_DAY, "day", 1), (_HOUR, "hour", 1), (_MINUTE, "minute", 1)):
        if seconds >= size * enough:
            count = round(seconds / size)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds:.0f} s"


def command_name() -> str:
    """How the person can call Whence again from here: ``whence``, or the path it was called by."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m app.cli"
    found = shutil.which("whence")
    if found and called.exists() and Path(found).samefile(called):
        return "whence"
    return os.path.relpath(called)
