"""When a source is tried again."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from app.pacing import LONGEST_ASKED, LONGEST_REMINDER, LONGEST_RETRY, next_run
from resolvers.ingest import ELSEWHERE, STOPPED, SyncReport
from resolvers.recording import Counts
from sources.failures import Failure, FailureKind

HOUR = timedelta(hours=1)


def report(kind: FailureKind | None = None, asked: timedelta | None = None, seen: int = 0) -> SyncReport:
    failure = Failure(kind, "", asked) if kind else None
    return SyncReport("erp", Counts(seen=seen), failure, 0.0)


def waits(kind: FailureKind, every: timedelta, times: int = 12) -> list[timedelta]:
    failures, found = 0, []
    for _ in range(times):
        due = next_run(report(kind), every, failures, lambda: 0.0)
        failures = due.failures
        found.append(due.after_now)
    assert failures == times
    return found


@pytest.mark.parametrize("every", [timedelta(seconds=1), timedelta(minutes=5), HOUR], ids=str)
def test_what_may_pass_is_tried_soon_then_later_within_a_bound_and_what_a_person_must_mend_later_still(
    every: timedelta,
) -> None:
    machine, operator = waits(FailureKind.UNREACHABLE, every), waits(FailureKind.REFUSED, every)
    assert machine[0] <= every
    assert all(one <= after for one, after in pairwise(machine))
    assert all(one <= after for one, after in pairwise(operator))
    assert machine[-1] == max(every, LONGEST_RETRY)
    assert operator[-1] == max(every, LONGEST_REMINDER)
    assert all(one <= other for one, other in zip(machine, operator, strict=True))
    assert machine[0] < operator[0]
    assert waits(FailureKind.DEFECT, every) == operator


def test_a_system_that_asks_for_time_gets_it_within_reason() -> None:
    every = timedelta(seconds=1)
    assert next_run(report(FailureKind.THROTTLED, HOUR), every, 0, lambda: 0.0).after_now == HOUR
    endless = next_run(report(FailureKind.THROTTLED, timedelta(days=3650)), every, 0, lambda: 0.0)
    assert endless.after_now == LONGEST_ASKED
    assert next_run(report(FailureKind.THROTTLED, timedelta(0)), every, 3, lambda: 0.0).after_now > every


def test_success_begins_anew_and_comes_an_interval_after_the_last_start_at_most() -> None:
    for chance in (0.0, 0.5, 1.0):
        due = next_run(report(), HOUR, 7, lambda chance=chance: chance)  # type: ignore[misc]
        assert due.failures == 0
        assert HOUR - timedelta(seconds=10) <= due.after_start <= HOUR
        assert timedelta(0) < due.after_now < timedelta(seconds=1), "no pile-up, and no rush"


def test_a_long_walk_that_gets_on_is_not_failing_more_and_more() -> None:
    assert next_run(report(FailureKind.TIMEOUT, seen=1000), HOUR, 5).failures == 1
    assert next_run(report(FailureKind.GARBLED, seen=1000), HOUR, 5).failures == 6, "a person must look all the same"


def test_a_run_that_was_stopped_or_yielded_says_nothing_about_the_system() -> None:
    stopped = next_run(SyncReport.broken("erp", STOPPED), HOUR, 2)
    assert (stopped.failures, stopped.after_start, stopped.after_now) == (2, timedelta(0), timedelta(0))
    assert next_run(SyncReport.broken("erp", ELSEWHERE), HOUR, 2).failures == 2
