"""Matching behind the syncs: what moved is read, what was learned is kept fresh, and what is due is matched, lot by lot.

One process does it at a time, for as long as it says so; another goes on where it stopped. While a system is being read for
the first time, nothing is compared: what can be learned of half a catalogue is wrong.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from resolvers.matching_flow.lots import LotMatching, LotResult
from resolvers.matching_flow.reading import Reading
from resolvers.matching_flow.relinking import Relinking
from resolvers.matching_flow.teaching import Teaching
from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.ledger.map_versions import digest_in_force
from sources.ledger.match_models import last_models
from sources.ledger.match_pairs import pairs_of, remove_pairs, stands_of, write_pairs
from sources.ledger.match_records import (
    come_to_match,
    drop_due,
    due_records,
    leave_matching,
    make_due,
    progress_of,
    take_matching,
    waiting_records,
)
from sources.ledger.pairs import LINK, Pair
from sources.ledger.winners import being_read_first

LOT = 500
"""Records that are matched at a time."""
LEASE_SECONDS = 60.0
"""How long a process that gives no sign of life keeps others from matching."""
LONGEST_CHAIN = 3
"""Records that lose their partner to another, one after the other, and look for a new one."""


@dataclass
class Matched:
    """What a run did. ``elsewhere``: another process is at it."""

    read: int = 0
    matched: int = 0
    compared: int = 0
    looked_at: int = 0
    links: int = 0
    reviews: int = 0
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """What was learned of two catalogues rests on so many records; ``provisional``: on too few, so nothing is linked."""

    left: str
    right: str
    left_records: int
    right_records: int
    provisional: bool
    version: str


class Matcher:
    """Matches what is due, by one map, as long as that is in force."""

    def __init__(self, pool: Pool, ownership: OwnershipMap) -> None:
        self._pool = pool
        self._map = ownership
        self._relinking = Relinking(ownership)
        self._worker = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._matching = matching = ownership.matching
        if matching is not None:
            self._reading = Reading(pool, ownership, matching)
            self._lots = LotMatching(pool, ownership, matching)
            self._teaching = Teaching(pool, ownership, matching, self._reading.version)

    @property
    def on(self) -> bool:
        """Whether the map has records be matched at all."""
        return self._matching is not None

    async def waiting(self) -> dict[str, int]:
        """Source to how many of its records wait to be matched; empty where the map has none be."""
        if self._matching is None:
            return {}
        return await waiting_records(self._pool, self._matching.sources, self._reading.version)

    async def learned(self) -> list[LearnedFrom]:
        """What each two of the catalogues were learned from."""
        if self._matching is None:
            return []
        models = await last_models(self._pool)
        chosen = self._matching.sources
        return [
            LearnedFrom(left, right, one.left_records, one.right_records, one.provisional, one.version)
            for (left, right), one in models.items()
            if left in chosen and right in chosen
        ]

    async def catch_up(self, told: Callable[[str, int], None] | None = None) -> Matched:
        """Read what moved, and match what is due, until nothing is. ``told`` what was done ("read" or "matched") with how
        many records, lot by lot."""
        done = Matched()
        if self._matching is None or not await self._in_force(self._pool):
            return done
        if not any((await self.waiting()).values()) and not await self._teaching.outdated():
            return done
        if not await take_matching(self._pool, self._worker, LEASE_SECONDS):
            done.elsewhere = True
            return done
        keeping = asyncio.create_task(self._keep_turn())
        try:
            await self._until_nothing_is_due(done, told)
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            await leave_matching(self._pool, self._worker)
        return done

    async def _keep_turn(self) -> None:
        """Say now and then that this process is still at it: to learn takes longer than a lot."""
        while True:
            await asyncio.sleep(LEASE_SECONDS / 4)
            with suppress(Exception):  # a ledger that is away is met by whoever works
                await take_matching(self._pool, self._worker, LEASE_SECONDS)

    async def _until_nothing_is_due(self, done: Matched, told: Callable[[str, int], None] | None) -> None:
        assert self._matching is not None
        sizes: dict[str, int] = {}
        while await take_matching(self._pool, self._worker, LEASE_SECONDS) and await self._in_force(self._pool):
            read = await self._reading.catch_up((lambda count: told("read", count)) if told else None)
            done.read += read
            if await being_read_first(self._pool):
                return
            if read or not sizes:
                progress = await progress_of(self._pool, self._matching.sources)
                sizes = {source: one.records for source, one in progress.items()}
                models = await self._teaching.models(sizes)
            due = await due_records(self._pool, self._matching.sources, LOT)
            if not due:
                return
            result = await self._lots.match([key for key, _ in due], models, sizes)
            if not await self._write(result, dict(due), done):
                return
            if told is not None:
                told("matched", len(due))
            await asyncio.sleep(0)

    async def _in_force(self, ledger: Connection | Pool) -> bool:
        return await digest_in_force(ledger) in (None, self._map.digest)

    async def _write(self, result: LotResult, again: dict[RecordKey, int], done: Matched) -> bool:
        """Write what came out of a lot, and have the records linked whose links that changes; False, with nothing written,
        where another map has been taken into use since."""
        async with self._pool.acquire() as connection, connection.transaction():
            await come_to_match(connection)
            await self._relinking.begin(connection, result.due)
            if not await self._in_force(connection):
                return False
            ends = {key for pair in {*result.rows, *result.obsolete} for key in pair} | set(result.due)
            now = await stands_of(connection, ends)
            moved = {key for key in ends if now.get(key) != result.stands.get(key)}
            rows = [row for pair, row in sorted(result.rows.items()) if moved.isdisjoint(pair)]
            obsolete = {pair for pair in result.obsolete if moved.isdisjoint(pair)}
            before = {one.pair for one in await pairs_of(connection, ends) if one.verdict == LINK}
            if obsolete:
                await remove_pairs(connection, obsolete)
            if rows:
                await write_pairs(connection, rows)
            after = {one.pair for one in await pairs_of(connection, ends) if one.verdict == LINK}
            await drop_due(connection, [key for key in result.due if key not in moved or key not in now])
            await self._have_others_look(connection, before - after, result.due, again)
            if touched := _keys(before ^ after):
                await self._relinking.relink(connection, touched)
        done.matched += len(result.due)
        done.compared += result.compared
        done.looked_at += result.looked_at
        done.links += len(after - before) - len(before - after)
        done.reviews += sum(row.verdict != LINK for row in rows)
        return True

    async def _have_others_look(
        self, connection: Connection, lost: Iterable[Pair], due: Collection[RecordKey], again: dict[RecordKey, int]
    ) -> None:
        """Who lost its partner looks for another, and so on, not for ever."""
        for pair in lost:
            length = 1 + max(again.get(key, 0) for key in pair)
            if length <= LONGEST_CHAIN:
                await make_due(connection, [key for key in pair if key not in due], length)


def _keys(pairs: Iterable[Pair]) -> list[RecordKey]:
    return sorted({key for pair in pairs for key in pair})
