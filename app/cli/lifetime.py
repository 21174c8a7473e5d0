"""Running a command's work, and ending it within seconds of SIGINT or SIGTERM, wherever it stands."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any

END_SECONDS = 4.2
"""After this many seconds from the signal the process ends, whatever still hangs. PostgreSQL ends with it by itself."""
SYNC_END_SECONDS = 14.0
"""The same for a sync, which finishes the batches under way."""
SAME_SIGNAL_SECONDS = 1.0
"""Some senders send twice (to the process and to its group); only later than this a second signal means "now"."""


def run(
    work: Callable[[], Coroutine[Any, Any, int]],
    *,
    quietly: bool = False,
    fast: bool = False,
    within: float = END_SECONDS,
) -> int:
    """Run ``work`` to its end; its exit code.

    A signal cancels it, so that everything it has open is closed on the way out; the exit code is then 128 and the
    signal's number, or 0 if it ends ``quietly``. It ends ``within`` so many seconds, whatever still hangs. ``fast`` takes
    uvloop where there is one.
    """
    told: list[tuple[int, float]] = []

    def code() -> int:
        return 0 if quietly else 128 + told[0][0]

    def end_now() -> None:
        os._exit(code())

    async def supervised() -> int:
        task = asyncio.current_task()
        assert task is not None

        def hear(number: int) -> None:
            if told:
                if monotonic() - told[0][1] > SAME_SIGNAL_SECONDS:
                    end_now()
                return
            told.append((number, monotonic()))
            watch = threading.Timer(within, end_now)  # a thread: the loop may be what hangs
            watch.daemon = True
            watch.start()
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, hear, number)
        try:
            return await work()
        except asyncio.CancelledError:
            if not told:
                raise
            return code()
        except Exception:
            if told:  # what breaks while everything is being closed is nobody's concern
                return code()
            raise

    with asyncio.Runner(loop_factory=_fast_loop if fast else None) as runner:
        return runner.run(supervised())


def _fast_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
