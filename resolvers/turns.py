"""A worker's turn at a source: whether the run may go on, asked between two batches and while it waits for a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sources.ledger.database import Connection

T = TypeVar("T")


class Stop:
    """A wish that a run ends at its next border between two batches. It does not wait for a page that is still to come,
    and it never touches a batch that is being written."""

    def __init__(self) -> None:
        self._asked = False
        self._waiting: asyncio.Timeout | None = None

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self._asked

    def ask(self) -> None:
        """Have the run end. Called from the event loop's thread."""
        self._asked = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def or_next(self, pages: AsyncIterator[T]) -> T | None:
        """The next page; None where there is none, or the stop is asked for before it comes."""
        if self._asked:
            return None
        patience = asyncio.timeout(None)
        try:
            async with patience:
                self._waiting = patience
                page = await anext(pages, None)
        except TimeoutError:
            if not patience.expired():
                raise
        finally:
            self._waiting = None
        return None if patience.expired() else page


async def _always(_: Connection) -> bool:
    return True


@dataclass
class Turn:
    """One run's leave to work. ``worker`` is who runs it; ``holds`` asks the ledger, within the batch that is to be
    written, whether the source is still this worker's: one that was paused and wakes must not write what it read before."""

    worker: str | None = None
    stop: Stop = field(default_factory=Stop)
    holds: Callable[[Connection], Awaitable[bool]] = _always
    lost: bool = False
    """Whether the source is known to be another worker's by now."""

    def lose(self) -> None:
        """The source is another worker's: the run ends at its next border."""
        self.lost = True
        self.stop.ask()
