"""Making products ready: their winners are chosen ahead, behind what syncs and live reads write.

A product without a row of winners is read from its records, right and slower; so nothing here is in a hurry. While a
system is being read for the first time, nothing is made: the next batch would undo it. One whose first reading stands still
holds nobody up.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from resolvers.ownership import OwnershipMap
from resolvers.winners import Chooser
from sources.ledger.database import Pool
from sources.ledger.map_versions import digest_in_force
from sources.ledger.winners import (
    StandingRecord,
    any_winners,
    being_read_first,
    keep_records_still,
    never_read,
    products_after,
    products_of_batches,
    standing_records,
    without_winners,
    write_winners,
    written_batches,
)

AT_ONCE = 200
"""Products a transaction; batches wait meanwhile."""
BREATH = 25
"""Products after which others of the process have their turn."""
LOOKED_AT = 2000
"""Products of which one statement says which are to be made."""
BATCHES = 4
"""Batches whose products one statement names."""
MOST_ASKED = 20_000
"""Products that were read and are not ready, of which this process keeps note."""


@dataclass
class Readying:
    """Makes what is not ready, by one map, as long as that is in force."""

    pool: Pool
    map: OwnershipMap
    asked: set[UUID] = field(default_factory=set)
    """Products that were read from their records since."""
    _since: Mapping[str, int] | None = None
    """Source to the last batch that was followed; None until everything has been looked at."""

    def __post_init__(self) -> None:
        self._chooser = Chooser(self.map)

    def ask(self, products: Collection[UUID]) -> None:
        """Note that these were read and are not ready; never blocks."""
        if len(self.asked) < MOST_ASKED:
            self.asked.update(products)

    async def begin(self) -> None:
        """Take all that is there for looked at, where every stored source has been read to its end and winners were made by
        these rules: what then moves is followed."""
        stored = [name for name in self.map.sources if self.map.declaration(name).read == "stored"]
        if await any_winners(self.pool, self._chooser.rules) and not await never_read(self.pool, stored):
            self._since = await written_batches(self.pool)

    async def catch_up(self, made: Callable[[int], None] | None = None) -> int:
        """Make what is not ready; how many that were. The first time everything is looked at, then what has moved since.
        ``made`` is told of each lot."""
        if await being_read_first(self.pool):
            return 0
        batches = await written_batches(self.pool)
        count = 0
        if self._since is None:
            count += await self._everything(made)
        else:
            for source, last in batches.items():
                count += await self._of_batches(source, self._since.get(source, 0), last, made)
        self._since = batches
        asked = [self.asked.pop() for _ in range(len(self.asked))]
        for start in range(0, len(asked), LOOKED_AT):
            count += await self._make_missing(asked[start : start + LOOKED_AT], made)
        return count

    async def _everything(self, made: Callable[[int], None] | None) -> int:
        after: UUID | None = None
        count = 0
        while products := await products_after(self.pool, after, LOOKED_AT):
            count += await self._make_missing(products, made)
            after = products[-1]
        return count

    async def _of_batches(self, source: str, since: int, last: int, made: Callable[[int], None] | None) -> int:
        count = 0
        for start in range(since, last, BATCHES):
            products = await products_of_batches(self.pool, source, start, min(start + BATCHES, last))
            count += await self._make_missing(products, made)
        return count

    async def _make_missing(self, products: Sequence[UUID], made: Callable[[int], None] | None) -> int:
        missing = await without_winners(self.pool, products, self._chooser.rules)
        for start in range(0, len(missing), AT_ONCE):
            count = await self._make(missing[start : start + AT_ONCE])
            if made is not None:
                made(count)
        return len(missing)

    async def _make(self, products: Sequence[UUID]) -> int:
        """Make the rows of ``products``, in the order of their ids, in one transaction."""
        async with self.pool.acquire() as connection, connection.transaction():
            await keep_records_still(connection)
            if await digest_in_force(connection) not in (None, self.map.digest):
                return 0  # the process whose map is in force makes them by its own
            records: dict[UUID, list[StandingRecord]] = defaultdict(list)
            for record in await standing_records(connection, products):
                records[record.product].append(record)
            rows = []
            for number, product in enumerate(sorted(records)):
                if number % BREATH == BREATH - 1:
                    await asyncio.sleep(0)
                rows.append(self._chooser.row(product, records[product]))
            if rows:
                await write_winners(connection, self._chooser.rules, rows)
        return len(rows)
