"""Taking an ownership map into use: it is registered, and what it takes until it is in effect is said and done.

The map that was registered last is in force. A process registers the map it starts with and each that its file brings
later; one whose map is in force no more goes on answering by it, and syncs nothing: two processes with two maps would
else map the same records to and fro. A process that merely starts again with a file from before that moment, whose map had
been in force once, is such a one: it is not taken for an order to go back. Saving the file again is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from resolvers.map_changes import MapChange, SourceReading, Takes, compare, keep_map, linked_otherwise
from resolvers.ownership import OwnershipMap
from resolvers.recording import Counts, Recorder
from resolvers.remapping import Remapping
from sources.failures import Failure, FailureKind
from sources.ledger.batches import open_batch
from sources.ledger.database import Connection, Pool
from sources.ledger.map_versions import digest_in_force, map_in_force, register_map, registered_at, take_turn
from sources.ledger.stored_records import ids_present, note_retired, note_to_relink, present, standing, undeclared

PAGE = 1000
"""Records a batch."""
SUPERSEDED = Failure(
    FailureKind.THROTTLED,
    "another process has taken another whence.toml into use since; this one answers by its own, and syncs nothing. Give "
    "both the same file; to have this one's back, save it again",
)
"""How a run ends in a process whose map is not in force: nothing is wrong with the source."""


@dataclass(frozen=True, slots=True)
class Step:
    """What taking a map into use does with one source, and with how many of its records."""

    source: str
    takes: Takes
    records: int = 0
    why: str = ""

    def __str__(self) -> str:
        count = "1 record" if self.records == 1 else f"{self.records:,} records"
        match self.takes:
            case Takes.LEAVE:
                return f"{self.source}: declared no more; its {count} leave, and are kept"
            case Takes.READ:
                return f"{self.source}: read from its system, for {self.why}"
            case _:
                return f"{self.source}: {count} mapped anew from the ledger{self.why and f', for {self.why}'}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking a map: whether it is in force, what changed with it, and what that takes."""

    in_force: bool
    changes: Sequence[MapChange] = ()
    steps: Sequence[Step] = ()

    @property
    def due(self) -> list[str]:
        """The sources that are to be synced now, and not when they would be next."""
        wanted = (Takes.REMAP, Takes.READ) if self.changes else (Takes.REMAP,)
        return [step.source for step in self.steps if self.in_force and step.takes in wanted]

    @property
    def effects(self) -> list[str]:
        """All of it in words, a line each."""
        return [*map(str, self.changes), *map(str, self.steps)]


@dataclass
class MapTaking:
    """One process's map, held against the one in force. ``modified_at`` is when its file was saved, where it has one."""

    pool: Pool
    map: OwnershipMap
    recorder: Recorder
    remapping: Remapping
    modified_at: datetime | None = None
    _taken: Taken | None = field(default=None, init=False)
    _retired: bool = field(default=False, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def register(self) -> Taken:
        """Put the map into force, unless it is already. Done once."""
        async with self._turn:
            if self._taken is None:
                self._taken = await self._register()
            return self._taken

    async def take(self) -> Taken:
        """Put the map into force, unless it is already, and let the records leave whose source it does not declare. What
        else it takes is done by the next sync of each source, or by :meth:`Remapping.bring`. Done once."""
        taken = await self.register()
        async with self._turn:
            for step in taken.steps if taken.in_force and not self._retired else ():
                if step.takes is Takes.LEAVE:
                    await self._retire(step.source)
            self._retired = True
        return taken

    async def look(self) -> Taken:
        """What :meth:`take` would do."""
        kept = keep_map(self.map, self.recorder.mappings, await self._key())
        latest = await map_in_force(self.pool)
        changes = () if latest is None or latest.digest == self.map.digest else compare(latest.declared, kept)
        relinked = linked_otherwise(latest.declared, kept) if latest is not None else frozenset[str]()
        in_force = latest is not None and latest.digest == self.map.digest
        return Taken(in_force, changes, await self._steps(relinked))

    async def superseded(self, connection: Connection | None = None) -> bool:
        """Whether another map is in force."""
        latest = await digest_in_force(connection or self.pool)
        return latest is not None and latest != self.map.digest

    async def holds(self, connection: Connection) -> bool:
        """Whether a batch may be written by this map."""
        return not await self.superseded(connection)

    async def steps(self) -> list[Step]:
        """What is still to be done until this map is in effect, once it is in force."""
        return await self._steps(frozenset())

    async def _steps(self, relinked: Collection[str]) -> list[Step]:
        steps: list[Step] = []
        for name in self.map.sources:
            why = await self._needs(name)
            if why is None and name in relinked:
                why = ""
            if why is None:
                continue
            stands = await standing(self.pool, name)
            count = await present(self.pool, name, stands.retired_at)
            back = "it is declared again" if stands.retired_at is not None and count else ""
            if why:
                steps.append(Step(name, Takes.READ, count, why))
            elif count:
                steps.append(Step(name, Takes.REMAP, count, back))
        for name in await undeclared(self.pool, list(self.map.sources)):
            steps.append(Step(name, Takes.LEAVE, await present(self.pool, name, None)))
        return steps

    async def _needs(self, name: str) -> str | None:
        try:
            return await self.remapping.needs(name)
        except LookupError:
            return "it is new"

    async def _key(self) -> bytes:
        key: bytes = await self.pool.fetchval("select cursor_key from installation")
        return key

    async def _register(self) -> Taken:
        kept = keep_map(self.map, self.recorder.mappings, await self._key())
        latest = await map_in_force(self.pool)
        relinked = linked_otherwise(latest.declared, kept) if latest is not None else frozenset[str]()
        steps = await self._steps(relinked)
        async with self.pool.acquire() as connection, connection.transaction():
            await take_turn(connection)
            latest = await map_in_force(connection)
            if latest is not None and latest.digest == self.map.digest:
                return Taken(True, (), steps)
            saved_before = latest is not None and self.modified_at is not None and self.modified_at <= latest.taken_at
            if latest is not None and saved_before and await registered_at(connection, self.map.digest) is not None:
                return Taken(False, compare(latest.declared, kept))
            taken = Taken(True, () if latest is None else compare(latest.declared, kept), steps)
            if latest is not None:
                await note_to_relink(connection, linked_otherwise(latest.declared, kept))
            await register_map(connection, self.map.digest, kept, taken.effects, datetime.now(UTC))
        return taken

    async def _retire(self, source: str) -> None:
        """Let the records of a source leave that the map in force does not declare: as if they were gone there, so that
        they hold no products together, and kept as they were, so that they can come back."""
        catalogue = await self._was_catalogue(source)
        recorder = self.recorder.also_for(source) if catalogue else self.recorder
        done = False
        while not done:
            async with open_batch(self.pool, source) as batch:
                if not await self.holds(batch.connection):
                    return
                stands = await standing(batch.connection, source)
                at = stands.retired_at or datetime.now(UTC)
                await note_retired(batch.connection, source, at)
                ids = await ids_present(batch.connection, source, PAGE)
                await recorder.write(batch, (), ids, Counts(), remapped_at=at)
                await batch.advance(batch.cursor)
                done = len(ids) < PAGE

    async def _was_catalogue(self, source: str) -> bool:
        kept = await self.pool.fetchval(
            "select declared->'readings'->$1 from map_versions where declared->'readings' ? $1 order by number desc limit 1",
            source,
        )
        return kept is None or SourceReading.kept(kept).catalogue
