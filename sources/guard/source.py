"""A connector, its mapping and its declaration as a source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from sources.contract import Ask, Connector, Description, Failed, Follow, Problem
from sources.declaration import SourceDeclaration
from sources.guard.bounds import Bounds
from sources.guard.calls import Calls
from sources.guard.live_reads import LiveReads
from sources.guard.walks import Walks, page_deadline
from sources.mapping import Mapping

CLOSE_WITHIN: Final = timedelta(seconds=5)


def _now() -> datetime:
    return datetime.now(UTC)


class GuardedSource:
    """A :class:`sources.contract.Source` made of a connector, its mapping and its declaration."""

    def __init__(
        self,
        connector: Connector,
        mapping: Mapping,
        declaration: SourceDeclaration,
        *,
        now: Callable[[], datetime] = _now,
        redact: Callable[[str], str] = str,
    ) -> None:
        """``now`` is our clock, aware, which observations are dated by and the breaker goes by; ``redact`` takes secrets out
        of failures' messages, whatever a connector or a library put there."""
        self.declaration = declaration
        self.mapping = mapping
        self._connector = connector
        self._calls = Calls(declaration, redact)
        bounds = Bounds(declaration.name, declaration.limits)
        self._live = LiveReads(declaration, mapping, self._calls, bounds, now)
        self._walks = Walks(declaration, mapping, self._calls, bounds, now)

    def __repr__(self) -> str:
        return f"GuardedSource({self.name!r})"

    @property
    def name(self) -> str:
        """As whence.toml names it."""
        return self.declaration.name

    @property
    def fetch(self) -> Ask | None:
        """Live reads by key, or None where the system cannot be asked by key."""
        fetch = self._connector.fetch
        return None if fetch is None else partial(self._live.ask, fetch)

    @property
    def changes(self) -> Follow | None:
        """Sync, or None where the system cannot be enumerated."""
        changes = self._connector.changes
        return None if changes is None else partial(self._walks.follow, changes)

    async def check(self) -> tuple[Problem, ...] | Failed:
        """What the system says is wrong with its declaration, or why it could not be asked."""
        return await self._calls.bounded(partial(self._calls.insist, self._connector.check), self._longest)

    async def describe(self) -> Description | Failed:
        """The columns that are really there, or why the system could not be asked."""
        return await self._calls.bounded(partial(self._calls.insist, self._connector.describe), self._longest)

    async def close(self) -> None:
        """Give back the system's connections, within CLOSE_WITHIN; what goes wrong is logged."""
        await self._calls.end(CLOSE_WITHIN)
        await self._calls.bounded(lambda ends: self._connector.close(), CLOSE_WITHIN)

    @property
    def _longest(self) -> timedelta:
        return page_deadline(self.declaration)
