"""How often which verdict was given, day by day: counted in memory, and written to the ledger every second or so."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from resolvers.compatibility.evidence import Verdict
from sources.ledger.database import Pool
from sources.ledger.outages import is_outage
from sources.ledger.tally import add_verdicts

EVERY_SECONDS = 1.0


@dataclass
class Tally:
    """The verdicts that this process gave since the last write."""

    pool: Pool
    _counts: Counter[tuple[date, str]] = field(default_factory=Counter)
    _writing: asyncio.Task[None] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def note(self, verdict: Verdict) -> None:
        """Count a verdict that somebody was told."""
        self._counts[datetime.now(UTC).date(), verdict.value] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later())

    async def close(self) -> None:
        """Write what is left."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        await self.write()

    async def write(self) -> None:
        """Write what has been counted, and wait for what is being written; where the ledger is away it is kept for the next
        time."""
        async with self._turn:
            counts, self._counts = self._counts, Counter()
            if not counts:
                return
            try:
                await add_verdicts(self.pool, [(day, verdict, count) for (day, verdict), count in counts.items()])
            except Exception as error:
                self._counts.update(counts)
                if not is_outage(error):
                    raise

    async def _write_later(self) -> None:
        while self._counts:  # some may be noted while others are written
            await asyncio.sleep(EVERY_SECONDS)
            await asyncio.shield(self.write())
