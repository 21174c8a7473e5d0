"""When a source is tried again: at its interval while it is well, and after a failure sooner at first and later each time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from resolvers.ingest import SyncReport
from sources.failures import Actor

SHORTEST = timedelta(milliseconds=100)
"""Between the starts of two runs of one source, whatever its interval."""
REST = timedelta(milliseconds=250)
"""Between the end of a run and the next, at least, where the run took longer than the interval; a shorter interval rests a
quarter of itself."""
EARLY = 0.05
"""The part of an interval, up to MOST_EARLY, by which a run may come early, so that sources do not march in step."""
MOST_EARLY = timedelta(seconds=10)

FIRST_RETRY = timedelta(seconds=5)
"""After the first failure that may pass by itself, or the interval where that is shorter; then twice as long each time."""
LONGEST_RETRY = timedelta(minutes=1)
"""And no longer than that, or the interval."""
FIRST_REMINDER = timedelta(seconds=30)
"""After the first failure that a person must mend; then four times as long each time."""
LONGEST_REMINDER = timedelta(minutes=15)
LONGEST_ASKED = timedelta(days=1)
"""What a system that asks us to come later is granted."""


@dataclass(frozen=True, slots=True)
class Next:
    """When a source is due next: ``after_start`` from when its run began, and ``after_now`` from now, whichever is later;
    ``failures``: how many of its runs failed one after the other."""

    after_start: timedelta
    after_now: timedelta
    failures: int


def next_run(report: SyncReport, every: timedelta, failures: int, chance: Callable[[], float] = random.random) -> Next:
    """When the source of ``report`` is due next, after ``failures`` failed runs before this one; ``chance`` gives numbers
    from 0 to 1."""
    every = max(every, SHORTEST)
    outcome = report.outcome
    if outcome == "STOPPED":  # whoever is free goes on with it
        return Next(timedelta(0), timedelta(0), failures)
    if outcome != "FAILED" or report.failure is None:
        early = min(every * EARLY, MOST_EARLY) * chance()
        return Next(every - early, min(REST, every / 4), failures if outcome == "YIELDED" else 0)
    failure = report.failure
    if failure.kind.actor is Actor.MACHINE:
        # A long walk that came further than the last one is not failing all the more.
        failures = 1 if report.counts.seen else failures + 1
        wait = _growing(min(every, FIRST_RETRY), 2, failures, max(every, LONGEST_RETRY))
    else:
        failures += 1
        wait = _growing(max(every, FIRST_REMINDER), 4, failures, max(every, LONGEST_REMINDER))
    asked = min(failure.retry_after or timedelta(0), LONGEST_ASKED)
    return Next(timedelta(0), max(wait, asked) * (1 + 0.2 * chance()), failures)


def _growing(first: timedelta, factor: int, failures: int, longest: timedelta) -> timedelta:
    seconds = first.total_seconds()
    for _ in range(failures - 1):
        seconds *= factor
        if seconds >= longest.total_seconds():
            break
    return min(timedelta(seconds=seconds), longest)
