"""Observing: what a live read saw goes the way of a sync, so that "last known" is the last that anyone saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from resolvers.ownership import OwnershipMap
from resolvers.recording import Recorder
from resolvers.settling import settle
from sources.contract import Failed, Outcome, Reading, RecordKey
from sources.ledger.batches import open_batch
from sources.ledger.claims import decode_claims, encode_claims
from sources.ledger.database import Pool
from sources.ledger.links import keep_still
from sources.ledger.record_rows import ChangeRow, ClaimsRow, known_records, update_claims, write_changes

SEEN_AGAIN = timedelta(minutes=1)
"""How much later than last a live read that saw nothing new must be for the ledger to note that it was seen again."""


@dataclass
class Observer:
    """Writes what live reads saw into the ledger, by one ownership map."""

    pool: Pool
    map: OwnershipMap

    def __post_init__(self) -> None:
        self._types = {name: definition.type for name, definition in self.map.fields.items()}
        self._mappings = Recorder(self.map).mappings

    async def observe(self, source: str, seen: Mapping[RecordKey, Mapping[str, Outcome]], at: datetime) -> None:
        """Remember what a live read saw at ``at``: of each record the fields that were asked for and answered. What the
        ledger knows of the others, and the record's links, stay as they are: those are the sync's matter. Of a record
        that has been observed since, nothing is written: older never overwrites newer. Nor of a source whose records
        another map reads: one record is never read by two."""
        async with open_batch(self.pool, source) as batch:
            if batch.reading not in (None, self._mappings[source]):
                return
            await keep_still(batch.connection)
            known = await known_records(batch, [key.id for key in seen])
            claims_rows: list[ClaimsRow] = []
            changes: list[ChangeRow] = []
            for key, outcomes in seen.items():
                before = known.get(key.id)
                if before is None or before.gone or before.observed_at > at:
                    continue
                answered = {name: one for name, one in outcomes.items() if not isinstance(one, Failed)}
                old = decode_claims(before.claims, self._types, at, answered)
                now = [claim for one in answered.values() if isinstance(one, Reading) for claim in one.claims]
                claims, moved = settle(now, old, clock=before.updated_at)
                if not moved and at - before.observed_at < SEEN_AGAIN:
                    continue
                fresh = encode_claims(claims, self._types)
                document = {name: fresh.get(name, []) for name in answered} | {
                    name: entries for name, entries in before.claims.items() if name not in answered
                }
                kept = {name: entries for name, entries in document.items() if entries}
                claims_rows.append(ClaimsRow(before.product, key.id, kept, bool(moved)))
                if moved:
                    parts = {name: document[name] for name in moved}
                    changes.append(ChangeRow(before.product, key.id, "CHANGED", parts))
            if claims_rows:
                await update_claims(batch, claims_rows, at)
            if changes:
                await write_changes(batch, changes, at)
                await batch.advance(batch.cursor)
