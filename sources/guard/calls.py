"""One call of a connector, bounded in time, tried again where that may help; what goes wrong becomes a value."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from sources.contract import Failed
from sources.deadlines import call_within
from sources.declaration import SourceDeclaration
from sources.durations import format_duration
from sources.failures import Failure, FailureKind, SourceFailure
from sources.guard.retrying import pause_before

MAX_MESSAGE: Final = 500
"""Characters of a failure's message."""

T = TypeVar("T")
_log = logging.getLogger("sources.guard")


class Calls:
    """The calls of one source's connector."""

    def __init__(self, declaration: SourceDeclaration, redact: Callable[[str], str]) -> None:
        """``redact`` takes secrets out of failures' messages, whatever a connector or a library put there."""
        self._declaration = declaration
        self._redact = redact
        self._running: set[asyncio.Task[Any]] = set()

    async def end(self, within: timedelta) -> None:
        """End the calls that still run; wait for them for so long."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=within.total_seconds())

    async def insist(self, call: Callable[[], Awaitable[T]], ends: float) -> T:
        """What ``call()`` returns, tried again where that may help and there is time before the loop's time ``ends``."""
        for retry in range(1, self._declaration.retries + 2):
            try:
                return await call()
            except (SourceFailure, TimeoutError) as error:
                pause = self.pause(retry, self.failed(error, self._declaration.deadline).failure, ends)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def pause(self, retry: int, failure: Failure, ends: float) -> float | None:
        """Seconds before the ``retry``-th retry of what ended with ``failure``; None where there is none."""
        if retry > self._declaration.retries:
            return None
        return pause_before(retry, failure, ends - asyncio.get_running_loop().time())

    async def bounded(self, call: Callable[[float], Awaitable[T]], within: timedelta) -> T | Failed:
        """What ``call(ends)`` returns, or the failure it ended with, after ``within`` at the latest; ``ends``, by the loop's
        clock, is when nothing should be begun any more.

        The call runs in a task that is cancelled then and not waited for: a connector that takes its time to give up,
        or rolls back on a connection that hangs, costs nobody more than the deadline.
        """

        async def run() -> T:
            with call_within(within) as ends:
                return await call(ends)

        task = asyncio.create_task(run())
        self._running.add(task)
        task.add_done_callback(self._done)
        try:
            await asyncio.wait((task,), timeout=within.total_seconds())
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            return self.failed(TimeoutError(), within, timed_out=True)
        if task.cancelled():
            return Failed(self.failure(FailureKind.UNREACHABLE, "the call was cancelled"))
        error = task.exception()
        if error is None:
            return task.result()
        return self.failed(error, within)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen here, for a call that ended after its deadline: nobody else will ask

    def failed(self, error: BaseException, within: timedelta, *, timed_out: bool = False) -> Failed:
        """What ``error`` means, with which a call ended that had ``within``; ``timed_out``: which was all it had."""
        if isinstance(error, SourceFailure):
            failure = error.failure
            message = self._redact(failure.message)[:MAX_MESSAGE]
            return Failed(
                failure if message == failure.message else Failure(failure.kind, message, failure.retry_after)
            )
        if timed_out or isinstance(error, TimeoutError):
            within_text = f" within {format_duration(within)}" if timed_out else " in time"
            return Failed(Failure(FailureKind.TIMEOUT, f"{self.title} did not answer{within_text}"))
        if not isinstance(error, Exception):
            raise error
        _log.error("source %s: an error nobody foresaw", self._declaration.name, exc_info=error)
        return Failed(self.failure(FailureKind.DEFECT, type(error).__name__))

    def failure(self, kind: FailureKind, what: str) -> Failure:
        """A failure of this source's; ``what``, if the system said it, is made fit to be shown."""
        return Failure(kind, self._redact(f"{self.title}: {what}")[:MAX_MESSAGE])

    @property
    def title(self) -> str:
        """What people call the system."""
        return self._declaration.title[:100]
