"""What a measured piece of work cost: the CPU of its own process, of the ledger's server, and of the source systems'."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.bench.processes import Usage
from tests.bench.servers import BenchServer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, user and system. What is compared is ``cpu``; the source systems' server is told apart, for Whence can do
    little about how another's server answers."""

    process: float
    ledger: float
    source: float
    seconds: float
    peak: int
    """Bytes: the most that the process had in memory."""

    @property
    def cpu(self) -> float:
        """Of the process and the ledger's server."""
        return self.process + self.ledger


@dataclass(frozen=True, slots=True)
class Meter:
    """Measures work on two servers."""

    ledger: BenchServer
    source: BenchServer

    async def measure(self, work: Callable[[], Awaitable[tuple[Usage, T]]]) -> tuple[Cost, T]:
        """What ``work`` cost, up to a checkpoint after it, and what it brought."""
        ledger, source = self.ledger.cpu(), self.source.cpu()
        usage, result = await work()
        await self.ledger.flush()
        return (
            Cost(usage.cpu, self.ledger.cpu() - ledger, self.source.cpu() - source, usage.seconds, usage.peak),
            result,
        )
