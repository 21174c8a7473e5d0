"""Reading the company's data files: tables a person can edit, and lengths of time before today."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sources.durations import parse_duration

DATA = Path(__file__).parent / "data"
WORKDAY_BEGINS = timedelta(hours=8)


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of ``data/name.psv`` by column: cells between ``|``, trimmed; lines that begin with ``#`` are comments.

    Raises ValueError, naming the line, for a row with another number of cells than the header.
    """
    path = DATA / f"{name}.psv"
    lines = [
        (number, [cell.strip() for cell in line.split("|")])
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    (_, header), *rows = lines
    for number, cells in rows:
        if len(cells) != len(header):
            raise ValueError(f"{path.name}, line {number}: {len(cells)} cells under {len(header)} headings")
    return [dict(zip(header, cells, strict=True)) for _, cells in rows]


def read_toml(name: str) -> Mapping[str, Any]:
    """What stands in ``data/name.toml``."""
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


def ago(today: datetime, length: str) -> datetime:
    """The working morning that was ``length`` ("8d", "3y") before ``today`` (a midnight), to the second."""
    moment = today - parse_duration(length) + WORKDAY_BEGINS
    return moment.replace(microsecond=0)
