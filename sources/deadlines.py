"""The deadline of the call that a connector is in: what is left of it, for a connector that can use that to answer in part.

The guard ends every call at its deadline, whatever the connector does. A connector that asks a system many questions for
one call asks here until when it may wait, so that what has come by then is handed on and not lost with the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

MARGIN = 0.05
"""The share of a call's time that is kept for handing on what came."""
LONGEST_MARGIN = 0.25
"""Seconds of it at most."""

_ends: ContextVar[float | None] = ContextVar("whence_call_ends", default=None)


@contextmanager
def call_within(length: timedelta) -> Iterator[float]:
    """What runs within is a call that is over after ``length``; gives the loop's time by which its answer must be there."""
    seconds = length.total_seconds()
    ends = asyncio.get_running_loop().time() + seconds - min(MARGIN * seconds, LONGEST_MARGIN)
    token = _ends.set(ends)
    try:
        yield ends
    finally:
        _ends.reset(token)


def answer_by(deadline: timedelta) -> float:
    """The loop's time by which an answer must be there: ``deadline`` from now, or somewhat before the call ends."""
    by = asyncio.get_running_loop().time() + deadline.total_seconds()
    ends = _ends.get()
    return by if ends is None else min(by, ends)
