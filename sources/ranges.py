"""Ranges of serial numbers, versions, years and dates: how what people write there is put in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sources.folding import fold

_RUNS = re.compile(r"[0-9]+|[^\W0-9_]+")
Key = list[tuple[int, Any]]
"""A text by its runs of digits and of letters."""


def natural(text: str) -> Key:
    """A key by which serial numbers, versions, years and dates are in order: ``2.10`` comes behind ``2.9``. Signs between
    letters and digits do not count."""
    runs = _RUNS.findall(fold(text).removeprefix("v"))
    return [(0, int(run)) if run[0].isdigit() and len(run) < 30 else (1, run) for run in runs]


def comparable(one: Key, other: Key, *, whole: bool = False) -> bool:
    """Whether two are of the same make: letters against letters and numbers against numbers; ``whole``: to the end."""
    if not one or (whole and len(one) != len(other)):
        return False
    return all(a[0] == b[0] for a, b in zip(one, other, strict=False))


def is_range(name: str, qualifier: Mapping[str, str]) -> bool:
    """Whether a range from one value to another can hold anything, and one of years names years."""
    ends = [natural(text) for text in (qualifier.get("from"), qualifier.get("to")) if text]
    if name == "year" and any(len(end) != 1 or end[0][0] for end in ends):
        return False
    return len(ends) < 2 or (comparable(*ends) and (ends[0] <= ends[1] or ends[0][: len(ends[1])] == ends[1]))
