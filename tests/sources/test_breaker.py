from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from sources.declaration import BreakerDeclaration
from sources.failures import Failure, FailureKind
from sources.guard.breaker import LONGEST_WISH, Admission, Breaker
from sources.guard.retrying import FIRST, LONGEST, pause_before

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOWN = Failure(FailureKind.UNREACHABLE, "no connection")
AFTER, WAIT, MOST = 3, timedelta(seconds=2), timedelta(seconds=16)


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def breaker(**declared: object) -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(
        BreakerDeclaration.model_validate({"after": AFTER, "wait": WAIT, "longest": MOST} | declared), clock
    ), clock


def fail(one: Breaker, failure: Failure = DOWN, *keys: str) -> None:
    admission = one.admit()
    assert isinstance(admission, Admission)
    one.failed(admission, failure, keys or ("1",))


def open_for(one: Breaker) -> timedelta:
    refusal = one.admit()
    assert isinstance(refusal, Failure)
    assert refusal.retry_after is not None
    return refusal.retry_after


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_kind_counts_whoever_must_act(kind: FailureKind) -> None:
    one, _ = breaker()
    for number in range(AFTER):
        fail(one, Failure(kind, "no"), str(number))
    refusal = one.admit()
    assert isinstance(refusal, Failure)
    assert refusal.kind is kind


@pytest.mark.parametrize("kind", [FailureKind.GARBLED, FailureKind.TOO_LARGE, FailureKind.DEFECT])
def test_one_record_s_fault_counts_once(kind: FailureKind) -> None:
    one, _ = breaker()
    for _ in range(20):
        fail(one, Failure(kind, "no"), "7", "8")
    fail(one, Failure(kind, "no"), "8", "9")
    assert isinstance(one.admit(), Admission)
    fail(one, Failure(kind, "no"), "10")
    assert isinstance(one.admit(), Failure)


def test_an_answer_begins_the_count_again() -> None:
    one, _ = breaker()
    for _ in range(5):
        for _ in range(AFTER - 1):
            fail(one)
        one.answered()
    assert isinstance(one.admit(), Admission)


def test_the_wait_doubles_to_its_longest_and_an_answer_shortens_it_again() -> None:
    one, clock = breaker()
    for _ in range(AFTER):
        fail(one)
    waits = []
    for _ in range(6):
        waits.append(open_for(one))
        clock.at += waits[-1]
        fail(one)
    for wait, most in zip(waits, (2, 4, 8, 16, 16, 16), strict=True):
        assert timedelta(seconds=most / 2) <= wait <= timedelta(seconds=most)
    clock.at += MOST
    assert isinstance(one.admit(), Admission)
    one.answered()
    for _ in range(AFTER):
        fail(one)
    assert open_for(one) <= WAIT


def test_a_system_that_says_when_is_taken_at_its_word_at_once() -> None:
    one, clock = breaker()
    fail(one, Failure(FailureKind.THROTTLED, "later", timedelta(minutes=5)))
    assert timedelta(minutes=5) <= open_for(one) <= timedelta(minutes=5) + WAIT
    clock.at += timedelta(minutes=5) + WAIT
    fail(one, Failure(FailureKind.THROTTLED, "later", timedelta(days=1)))
    assert open_for(one) <= LONGEST_WISH + MOST
    one, _ = breaker()
    fail(one, Failure(FailureKind.THROTTLED, "later"))
    fail(one, Failure(FailureKind.THROTTLED, "later", timedelta(0)))
    assert isinstance(one.admit(), Admission), "it did not say when"


def test_those_who_asked_before_it_opened_do_not_lengthen_it() -> None:
    one, _ = breaker()
    before = [one.admit() for _ in range(9)]
    for _ in range(AFTER):
        fail(one)
    wait = open_for(one)
    for admission in before:
        assert isinstance(admission, Admission)
        one.failed(admission, DOWN, ("1",))
    assert open_for(one) == wait


def test_none_of_it_where_it_is_switched_off() -> None:
    one, _ = breaker(after=0)
    for _ in range(99):
        fail(one, Failure(FailureKind.THROTTLED, "later", timedelta(minutes=5)))
    assert isinstance(one.admit(), Admission)


def test_it_says_since_when_and_when_it_is_asked_again() -> None:
    one, clock = breaker(after=2, wait="1h", longest="1h")
    fail(one)
    clock.at += timedelta(hours=11, minutes=45)
    fail(one)
    refusal = one.admit()
    assert isinstance(refusal, Failure)
    begin, _, again = refusal.message.partition(", asked again at ")
    assert begin == "no connection (failing since 12:00:00 UTC"
    assert again.startswith("2026-03-02 00:"), "tomorrow has its date"
    clock.at += timedelta(hours=1)
    assert isinstance(one.admit(), Admission)
    refusal = one.admit()
    assert isinstance(refusal, Failure)
    assert refusal.message == "no connection (failing since 2026-03-01 12:00:00 UTC, asked again just now)"


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    one, clock = breaker()
    for _ in range(AFTER):
        fail(one)
    clock.at -= timedelta(days=365)
    assert isinstance(one.admit(), Admission)


class Breaking(RuleBasedStateMachine):
    """Any number of readers who come, are answered, fail or go away, in any order, as time goes by."""

    admissions = Bundle("admissions")

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.clock = breaker()
        self.trying: Admission | None = None
        self.in_a_row = 0
        self.opened_at: datetime | None = None

    @rule(target=admissions)
    def come(self) -> Admission | None:
        admitted = self.breaker.admit()
        if isinstance(admitted, Failure):
            assert self.opened_at is not None
            assert admitted.retry_after is not None
            assert timedelta(0) < admitted.retry_after <= MOST or self.trying is not None
            return None
        assert (admitted.trying is not None) == (self.opened_at is not None)
        if self.opened_at is not None:
            assert self.trying is None, "one at a time"
            assert self.clock.at - self.opened_at >= WAIT / 2
            self.trying = admitted
        return admitted

    @rule(one=consumes(admissions))
    def be_answered(self, one: Admission | None) -> None:
        if one is not None:
            self.breaker.answered()
            self.in_a_row, self.opened_at, self.trying = 0, None, None

    @rule(one=consumes(admissions))
    def go_away(self, one: Admission | None) -> None:
        if one is not None:
            self.breaker.abandoned(one)
            self.trying = None if one is self.trying else self.trying

    @rule(one=consumes(admissions))
    def fail(self, one: Admission | None) -> None:
        if one is None:
            return
        self.breaker.failed(one, DOWN, ("1",))
        if self.opened_at is None:
            self.in_a_row += 1
            if self.in_a_row >= AFTER:
                self.opened_at = self.clock.at
        elif one is self.trying:
            self.opened_at, self.trying = self.clock.at, None

    @rule(seconds=st.sampled_from([0.1, 1, 3, 20]))
    def wait(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    @invariant()
    def never_shut_for_good(self) -> None:
        """Whatever happened, after the longest wait somebody is let in, or is inside already."""
        before, self.clock.at = self.clock.at, self.clock.at + MOST
        admitted = self.breaker.admit()
        self.clock.at = before
        if isinstance(admitted, Admission):
            self.breaker.abandoned(admitted)
        else:
            assert self.trying is not None


def test_any_number_of_readers_in_any_order() -> None:
    run_state_machine_as_test(Breaking, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


# ── Asking again ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_pauses_are_anything_up_to_a_bound_that_doubles() -> None:
    for retry in range(1, 12):
        bound = min(LONGEST, FIRST * 2 ** (retry - 1))
        pauses = [pause if (pause := pause_before(retry, DOWN, 100)) is not None else 999 for _ in range(300)]
        assert 0 <= min(pauses) < bound / 4
        assert bound * 3 / 4 < max(pauses) <= bound


def test_no_pause_is_longer_than_what_is_left_nor_shorter_than_asked_for() -> None:
    wished = Failure(FailureKind.THROTTLED, "later", timedelta(seconds=2))
    assert pause_before(1, wished, 2) is None
    pause = pause_before(1, wished, 3)
    assert pause is not None
    assert 2 <= pause <= 2 + FIRST
    assert pause_before(1, DOWN, 0) is None
    assert pause_before(1, Failure(FailureKind.REFUSED, "no"), 100) is None
