"""Bringing what the ledger holds of a source to a new map: mapped anew from the documents that are kept, where they serve.

The records are gone through in the order of their ids, a page a batch, under the lock of the source's cursor row like a
page of a sync; how far it came is noted with each, so that one that was killed goes on. A record that is already as the
new map reads it is told by its digest and left alone. The cursor stays where it was: the next sync goes on from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from resolvers.map_changes import SourceReading, readings
from resolvers.ownership import OwnershipMap
from resolvers.recording import Counts, Recorder
from sources.contract import Claim, Document, Record
from sources.ledger.batches import Batch, open_batch
from sources.ledger.claims import decode_claims
from sources.ledger.database import Connection, Pool
from sources.ledger.map_versions import reading_by
from sources.ledger.stored_records import (
    Standing,
    StoredRecord,
    held,
    note_remapped,
    note_remapping,
    present,
    records_after,
    standing,
)
from sources.mapping import Mapping as SourceMapping
from sources.paths import compile_path
from sources.stored_documents import restored

PAGE = 1000
"""Records a batch."""
JSON_CONNECTORS = frozenset({"rest", "graphql", "file"})
"""Connectors whose documents are the same whatever paths go into them."""
_ORDERED = ("*", "keys(", "values(", "items(", "to_string(", "@")
WALKING = "walking "
"""Before the origin of a walk that has not come to its end."""


@dataclass(frozen=True, slots=True)
class Brought:
    """Where a source stands after :meth:`Remapping.bring`. ``afresh`` says why it must be read from the beginning, None where
    it need not; ``reading`` is the version by which its records are read now; ``yielded``: somebody else is at it."""

    reading: str | None
    afresh: str | None = None
    yielded: bool = False


async def _always(_: Connection) -> bool:
    return True


@dataclass
class Remapping:
    """Maps what the ledger holds anew, by one ownership map."""

    pool: Pool
    map: OwnershipMap
    recorder: Recorder
    readings: dict[str, SourceReading] = field(init=False)

    def __post_init__(self) -> None:
        self.readings = readings(self.map, self.recorder.mappings)
        self._mappings: dict[str, SourceMapping] = {}

    async def needs(self, source: str) -> str | None:
        """Why ``source`` must be read from its system before this map is in effect for it; "" where the ledger holds what
        is needed, None where nothing is to be done."""
        stands = await standing(self.pool, source)
        if self._settled(source, stands):
            return None
        return await self._why_afresh(source, stands, await self._old(source, stands)) or ""

    async def bring(
        self,
        source: str,
        counts: Counts,
        *,
        holds: Callable[[Connection], Awaitable[bool]] = _always,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Brought:
        """Bring the records of ``source`` to this map, as far as the ledger holds what that takes.

        ``holds`` is asked within each batch whether it may be written, ``stopped`` between two whether to go on."""
        stands = await standing(self.pool, source)
        if self._settled(source, stands):
            return Brought(stands.mapping)
        old = await self._old(source, stands)
        why = await self._why_afresh(source, stands, old)
        while why is None:
            if stopped():
                return Brought(None, yielded=True)
            async with open_batch(self.pool, source) as batch:
                now = await standing(batch.connection, source)
                if self._settled(source, now):
                    return Brought(now.mapping)
                if (now.mapping, now.origin) != (stands.mapping, stands.origin) or not await holds(batch.connection):
                    return Brought(None, yielded=True)
                why, done = await self._page(batch, now, old, counts)
            if done:
                break
        stands = await standing(self.pool, source)
        reading = stands.remapping["to"] if stands.remapping else stands.mapping
        return Brought("" if stands.retired_at else reading, why)

    # ── Whether it can be done ─────────────────────────────────────────────────────────────────────────────────────

    def _target(self, source: str) -> str:
        return self.recorder.mappings[source]

    def _settled(self, source: str, stands: Standing) -> bool:
        """Whether nothing is to be done."""
        origin = self.readings[source].origin
        same_origin = stands.origin is None or stands.origin.removeprefix(WALKING) == origin
        return (
            same_origin
            and stands.mapping == self._target(source)
            and stands.remapping is None
            and stands.retired_at is None
        )

    async def _old(self, source: str, stands: Standing) -> SourceReading | None:
        kept = await reading_by(self.pool, source, stands.mapping) if stands.mapping else None
        return SourceReading.kept(kept) if kept else None

    async def _why_afresh(self, source: str, stands: Standing, old: SourceReading | None) -> str | None:
        """Why the documents in the ledger cannot serve; None where they can."""
        new = self.readings[source]
        if stands.mapping is None or stands.walked_at is None:
            return "it has not been read to its end yet"
        if stands.origin is None:
            return "its documents were kept without what it takes to read them again"
        if stands.origin.startswith(WALKING):
            return "it is being read from the beginning, and that has not come to its end"
        if stands.origin != new.origin:
            return "where or how it is read has changed"
        if stands.remapping is not None and stands.remapping["to"] == new.mapping and stands.remapping.get("why"):
            return str(stands.remapping["why"])
        if await present(self.pool, source, stands.retired_at) == 0:
            return None
        known = old.paths if old is not None else frozenset[str]()
        entered = {root for path in known for root in _entered(path)}
        for path in sorted(new.paths):
            if compile_path(path).is_expression and any(mark in path.replace("[*]", "") for mark in _ORDERED):
                return f"the path {path!r} depends on the order in which its system writes the members of an object"
            if path in known:
                continue
            roots = sorted(compile_path(path).columns - {path}) or [path]
            has = await held(self.pool, source, path, roots, stands.retired_at)
            if has.having == 0:
                return f"no document here holds {path!r}"
            if has.having < has.total and self.map.declaration(source).sync.by is not None:
                return f"{has.total - has.having} of {has.total} documents here do not hold {path!r}"
            if new.connector not in JSON_CONNECTORS:
                enters = set(_entered(path)) - entered
                if (enters and has.texts) or (not _entered(path) and path in entered and has.objects):
                    return f"{roots[0]!r} is read in another way where a path goes into it"
        return None

    # ── Doing it ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _page(
        self, batch: Batch, stands: Standing, old: SourceReading | None, counts: Counts
    ) -> tuple[str | None, bool]:
        """One page; why its source must be read all the same, and whether it was the last."""
        source, target = batch.source, self._target(batch.source)
        progress = stands.remapping if stands.remapping and stands.remapping["to"] == target else None
        after, left = (progress["after"], progress["left"]) if progress else ("", 0)
        stored = await records_after(batch.connection, source, after, stands.retired_at, PAGE)
        # A document that was cut short has all that the mapping needed by which it was read; that is the old one's where
        # no walk is under way.
        given = frozenset[str]() if old is None or stands.walking else _columns(old.paths)
        records = [record for one in stored if (record := self._mapped(source, one, old, given)) is not None]
        left += len(stored) - len(records)
        observed = {one.id for one in stored if one.observed}
        await self.recorder.write(batch, records, (), counts, remapped_at=datetime.now(UTC))
        still = observed & {record.key.id for record in records}
        if still:  # what live reads saw is not in the document: the next sync must look at these again
            await forget_digests(batch.connection, source, sorted(still))
        counts.remapped += len(records)
        await batch.advance(batch.cursor)
        if len(stored) == PAGE:
            await note_remapping(batch.connection, source, {"to": target, "after": stored[-1].id, "left": left})
            return None, False
        if not left:
            await note_remapped(batch.connection, source, target)
            return None, True
        documents = "1 document was" if left == 1 else f"{left} documents were"
        why = f"{documents} cut short or could not be kept whole"
        await note_remapping(batch.connection, source, {"to": target, "after": "", "left": 0, "why": why})
        return why, True

    def _mapped(
        self, source: str, stored: StoredRecord, old: SourceReading | None, given: Collection[str]
    ) -> Record | None:
        """The record as this map reads its document; None where the document cannot serve. Of one that was cut short, what
        is not there of the columns ``given`` was not there before."""
        if stored.observed and old is None:
            return None
        mapping = self._mapping(source)
        back = restored(stored.document)
        needed = mapping.all_columns()
        present = back.content.keys() if back.cut != 1 else back.content.keys() | given
        if back.lost & needed or (back.cut and not all(_serves(column, present) for column in needed)):
            return None
        record = mapping.read(Document(back.content, stored.id), stored.observed_at)
        if not isinstance(record, Record) or record.key.id != stored.id:
            return None
        if back.cut or back.lost:
            record = record._replace(document=stored.document)
        return self._with_observed(record, stored, old) if stored.observed and old else record

    def _with_observed(self, record: Record, stored: StoredRecord, old: SourceReading) -> Record:
        """With what live reads saw since, in the fields that are read as before."""
        new = self.readings[record.key.source]
        same = {name for name, version in new.fields.items() if old.fields.get(name) == version}
        types = {name: self.map.fields[name].type for name in same}
        seen = decode_claims(stored.claims, types, stored.observed_at)
        claims: list[Claim] = [claim for claim in record.claims if claim.field not in same]
        claims += (claim for told in seen.values() for claim in told)
        return record._replace(claims=tuple(claims))

    def _mapping(self, source: str) -> SourceMapping:
        if source not in self._mappings:
            self._mappings[source] = SourceMapping(self.map.declaration(source), self.map.shapes())
        return self._mappings[source]


async def forget_digests(connection: Connection, source: str, ids: Sequence[str]) -> None:
    """Have the next sync write these records whatever it finds."""
    await connection.execute(
        "update crosswalk set digest = '' where source = $1 and record_id = any($2::text[])",
        source,
        list(ids),
    )


def _entered(path: str) -> frozenset[str]:
    """The members of a document that a path goes into."""
    return compile_path(path).columns - {path}


def _columns(paths: Collection[str]) -> frozenset[str]:
    return frozenset[str]().union(*(compile_path(path).columns for path in paths))


def _serves(column: str, present: Collection[str]) -> bool:
    """Whether a document that was cut short has what a path needs: itself, or all members that it starts from."""
    roots = compile_path(column).columns - {column}
    return column in present or (bool(roots) and all(root in present for root in roots))
