"""Reading for matching: behind the batches of each catalogue, what is compared of its records, and the keys that find them.

A record that was read is due to be compared. One that is gone is forgotten, and those it stood in a pair with are due.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from resolvers.matching.profile import profile
from resolvers.matching_flow.declared import MatchingMap
from resolvers.matching_flow.listing import listing
from resolvers.matching_flow.storing import FORM, stored
from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.ledger.links import take_turn
from sources.ledger.match_pairs import pairs_of, remove_pairs, stands_of
from sources.ledger.match_records import (
    Progress,
    ReadRecord,
    SourceRecord,
    come_to_match,
    ids_after,
    ids_of_batches,
    make_due,
    make_read_due,
    note_progress,
    present_records,
    progress_of,
    stale_ids,
    write_read,
)
from sources.ledger.winners import written_batches

AT_ONCE = 500
"""Records a transaction."""
BATCHES = 4
"""Batches whose records one statement names."""


@dataclass
class Reading:
    """Reads what moved, by one map."""

    pool: Pool
    map: OwnershipMap
    matching: MatchingMap

    def __post_init__(self) -> None:
        self.version = f"{self.matching.reading}.{FORM}"

    async def catch_up(self, told: Callable[[int], None] | None = None) -> int:
        """Read what moved in each catalogue since it was read last, all of it where it is read in another way now; how many
        records that were. ``told`` of each lot."""
        last = await written_batches(self.pool)
        count = 0
        for source in self.matching.sources:
            count += await self._source(source, last.get(source, 0), told)
        return count

    async def _source(self, source: str, last: int, told: Callable[[int], None] | None) -> int:
        count = 0
        progress = (await progress_of(self.pool, [source])).get(source)
        if progress is None or progress.reading != self.version:
            # Who left in batches that were not read yet is in no list of ids: these are gone through all the same.
            batch, records = (progress.batch, progress.records) if progress else (last, 0)
            progress = Progress(self.version, batch, "", records)
        while progress.after is not None:
            ids = await ids_after(self.pool, source, progress.after, AT_ONCE)
            progress = await self._write(source, ids, replace(progress, after=ids[-1] if ids else None))
            count += _tell(told, len(ids))
        while progress.batch < last:
            until = min(progress.batch + BATCHES, last)
            ids = await ids_of_batches(self.pool, source, progress.batch, until)
            for start in range(0, max(1, len(ids)), AT_ONCE):
                lot = ids[start : start + AT_ONCE]
                done = replace(progress, batch=until) if start + AT_ONCE >= len(ids) else progress
                progress = await self._write(source, lot, done)
                count += _tell(told, len(lot))
        while ids := await stale_ids(self.pool, source, AT_ONCE):
            progress = await self._write(source, ids, progress)
            count += _tell(told, len(ids))
        return count

    async def _write(self, source: str, ids: Sequence[str], progress: Progress) -> Progress:
        """Read the records ``ids``, and note how far that is."""
        async with self.pool.acquire() as connection, connection.transaction():
            await come_to_match(connection)
            gone = await _absent(connection, source, ids)
            if gone:
                # Their pairs are forgotten: meanwhile none of them comes back, nor does anybody link by these.
                await take_turn(connection)
                gone = await _absent(connection, source, ids)
            there = [one for one in ids if one not in gone]
            # Due first, and read then: what is changed in between waits, and is stale again.
            await make_read_due(connection, source, there, gone)
            found = await present_records(connection, source, there)
            rows = await asyncio.to_thread(self._read, found)
            more = await write_read(connection, source, rows, gone)
            if gone:
                await _leave(connection, source, gone)
            progress = replace(progress, records=progress.records + more)
            await note_progress(connection, source, progress)
        return progress

    def _read(self, records: Sequence[SourceRecord]) -> list[ReadRecord]:
        return [stored(profile(listing(one, self.matching, self.map.fields))) for one in records]


async def _absent(connection: Connection, source: str, ids: Sequence[str]) -> set[str]:
    there = await stands_of(connection, [RecordKey(source, one) for one in ids])
    return {one for one in ids if RecordKey(source, one) not in there}


async def _leave(connection: Connection, source: str, gone: Collection[str]) -> None:
    """Forget the pairs of records that are gone, and have their partners look for others."""
    keys = {RecordKey(source, one) for one in gone}
    stood = [one.pair for one in await pairs_of(connection, keys)]
    await remove_pairs(connection, stood)
    await make_due(connection, {key for pair in stood for key in pair} - keys)


def _tell(told: Callable[[int], None] | None, count: int) -> int:
    if told is not None and count:
        told(count)
    return count
