"""A breaker: a system that keeps failing is left alone for a while, and its readers are told at once.

Closed, it counts the live reads that fail in a row. At ``after`` it opens: reads fail without asking, with the failure
that opened it, since when, and when the system is asked again. Then one read tries (half open) while the others still
fail at once; if it is answered the breaker closes, else it opens for twice as long. A system that says itself when to
come again (``Retry-After``) is taken at its word at once.

Every kind of failure counts, whoever must act: a password that is refused locks accounts, and a system whose answers are
garbled or too large is not mended by asking faster. But what a system answers about one record may be that record's
fault: GARBLED, TOO_LARGE and DEFECT count once for each record asked for, so that a page that shows one broken record
again and again does not close the door to its neighbours.

Live reads alone count, and they alone are held back. A walk asks another question (a list, another table, more time),
so its failure says little about reading by key, and a sync that fails must not cost a field that can be read; nor does a
walk need protection, for it comes at its own interval and backs off by itself. Both learn the system's own wish to be
left alone with their first question.

purgatory has the state machine, but lets every caller through when half open, opens for a fixed time, knows no
``Retry-After``, and its exception says nothing of since and when; around it, this file would hardly be shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import SystemRandom

from sources.declaration import BreakerDeclaration
from sources.failures import Failure, FailureKind

LONGEST_WISH = timedelta(hours=1)
"""A system that asks for more is tried after so long nevertheless."""
MAX_MESSAGE = 400
"""Characters of the failure's message that are repeated."""
_OF_ONE_RECORD = {FailureKind.GARBLED, FailureKind.TOO_LARGE, FailureKind.DEFECT}
_random = SystemRandom()


@dataclass(slots=True)
class _Opening:
    """Why and how long the system is left alone."""

    at: datetime
    until: datetime
    wait: timedelta
    failure: Failure
    probing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Admission:
    """Leave to ask once. Whoever has one says how it went: answered, failed or abandoned."""

    trying: _Opening | None = None
    """The opening that it tries to end, where it is the one that was let through."""


class Breaker:
    """The breaker of one source."""

    def __init__(self, declared: BreakerDeclaration, now: Callable[[], datetime]) -> None:
        """``now``: our clock, aware."""
        self._declared = declared
        self._now = now
        self._failures = 0
        """In a row."""
        self._since: datetime | None = None
        self._blamed: set[str] = set()
        self._opening: _Opening | None = None

    def admit(self) -> Admission | Failure:
        """Leave to ask the system, or the failure with which a reader is turned away."""
        opening = self._opening
        if opening is None:
            return Admission()
        now = self._now()
        due = now >= opening.until or now < opening.at  # a clock that was set back must not keep it open
        if due and not opening.probing:
            opening.probing = True
            return Admission(opening)
        again = "asked again just now" if due else f"asked again at {_moment(opening.until, now)}"
        since = _moment(self._since or opening.at, now)
        message = f"{opening.failure.message[:MAX_MESSAGE]} (failing since {since}, {again})"
        return replace(opening.failure, message=message, retry_after=max(opening.until - now, timedelta(0)))

    def answered(self) -> None:
        """The system answered, be it with bad news about single records."""
        self._failures, self._since, self._opening = 0, None, None
        self._blamed.clear()

    def failed(self, admission: Admission, failure: Failure, keys: Collection[str]) -> None:
        """The system did not answer, when it was asked for ``keys``."""
        if self._opening is not None:
            if admission.trying is self._opening:
                self._open(failure, min(2 * self._opening.wait, self._declared.longest))
            return  # else it was asked before this opening
        if failure.kind in _OF_ONE_RECORD:
            if self._blamed.issuperset(keys):
                return
            self._blamed.update(keys)
        self._since = self._since or self._now()
        self._failures += 1
        wished = failure.kind is FailureKind.THROTTLED and bool(failure.retry_after)
        if self._declared.after and (wished or self._failures >= self._declared.after):
            self._open(failure, self._declared.wait)

    def abandoned(self, admission: Admission) -> None:
        """Whoever asked went away before there was an answer."""
        if admission.trying is not None:
            admission.trying.probing = False

    def _open(self, failure: Failure, wait: timedelta) -> None:
        now = self._now()
        wish = min(failure.retry_after or timedelta(0), LONGEST_WISH)
        # Several processes watch one system; they must not all come again at the same instant, nor before it wishes.
        pause = max(wait * _random.uniform(0.5, 1.0), wish + wait * _random.uniform(0.0, 0.1))
        self._opening = _Opening(now, now + pause, wait, failure)


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
