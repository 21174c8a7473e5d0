"""The change flow: a source's pages become records, claims, links and changes in the ledger, a transaction a batch.

What a live read sees goes the same way (:meth:`Ingest.observe`), so that "last known" is the last that anyone saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from resolvers.identity import Keyed, KeyValue, unusable
from resolvers.linking import relink
from resolvers.normalise import fold_name
from resolvers.ownership import OwnershipMap
from resolvers.settling import settle
from sources.contract import Failed, Follow, Outcome, Page, Reading, Record, RecordKey
from sources.failures import Failure, FailureKind
from sources.ledger.batches import AliasRow, Batch, ChangeRow, ClaimsRow, RecordRow, open_batch
from sources.ledger.claims import decode_claims, encode_claims
from sources.ledger.database import Pool
from sources.ledger.links import keep_still
from sources.ledger.runs import SyncState, begin_run, finish_run, sync_state
from sources.values import encode

MOST_GONE = 1 / 3
"""The share of a source's records that one walk may find gone without being asked, where that is more than one; a walk that
finds nothing where something was is always held back."""
SEEN_AGAIN = timedelta(minutes=1)
"""How much later than last a live read that saw nothing new must be for the ledger to note that it was seen again."""
ELSEWHERE = Failure(FailureKind.THROTTLED, "another worker is syncing this source; this one leaves it to that")
"""How a run ends that finds another one at work: nothing is wrong with the source."""

DIGEST = 16
"""Bytes of a digest of one part of a record."""

Progress = Callable[[int, "int | None"], None]
"""Called with the records seen so far and, where the system says so, how many there will be."""


@dataclass
class Counts:
    """What a run did, in records."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How one run of one source ended. ``failure`` is None where it came to its end."""

    source: str
    counts: Counts
    failure: Failure | None
    seconds: float

    @classmethod
    def broken(cls, source: str, failure: Failure) -> SyncReport:
        """The report of a run that broke before it could count."""
        return cls(source, Counts(), failure, 0.0)


@dataclass
class Ingest:
    """Writes what sources say into the ledger, by one ownership map."""

    pool: Pool
    map: OwnershipMap
    _catalogues: frozenset[str] = field(init=False)
    _mappings: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._types = {name: definition.type for name, definition in self.map.fields.items()}
        self._catalogues = frozenset(
            name for name, source in self.map.sources.items() if source.declaration.per_product == "one"
        )
        self._mappings = {name: self._mapping_digest(name) for name in self.map.sources}

    # ── A run ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def sync(
        self,
        source: str,
        changes: Follow,
        *,
        full: bool = False,
        accept: bool = False,
        progress: Progress | None = None,
    ) -> SyncReport:
        """Read what changed in ``source`` since the last time, or with ``full`` everything, into the ledger.

        ``accept``: take it that records are gone even if they are many. A failure of the system ends the run and is in
        the report; what was committed before it stays, and the next run resumes there.
        """
        started = datetime.now(UTC)
        counts = Counts()
        state = await sync_state(self.pool, source)
        number = await begin_run(self.pool, source, started)
        try:
            failure = await self._follow(source, changes, state, started, counts, full, accept, progress)
        except Exception as error:
            failure = Failure(FailureKind.DEFECT, f"{type(error).__name__}; the log has it")
            await finish_run(self.pool, source, number, vars(counts), "FAILED", failure)
            raise
        outcome = "DONE" if failure is None else "YIELDED" if failure is ELSEWHERE else "FAILED"
        await finish_run(self.pool, source, number, vars(counts), outcome, failure)
        return SyncReport(source, counts, failure, (datetime.now(UTC) - started).total_seconds())

    async def _follow(
        self,
        source: str,
        changes: Follow,
        state: SyncState,
        started: datetime,
        counts: Counts,
        full: bool,
        accept: bool,
        progress: Progress | None,
    ) -> Failure | None:
        declared = self.map.declaration(source).sync
        due = state.walked_at is not None and started - state.walked_at >= declared.full_every
        remapped = state.mapping != self._mappings[source]
        afresh = full or remapped or (due and state.walk_began_at is None) or state.cursor is None
        cursor = None if afresh else state.cursor
        expected = (state.walk, state.cursor)
        async with aclosing(changes(cursor)) as pages:  # type: ignore[type-var]
            async for page in pages:
                if isinstance(page, Failed):
                    return page.failure
                async with open_batch(self.pool, source) as batch:
                    if (batch.walk, batch.cursor) != expected:
                        return ELSEWHERE
                    if page.enumerating and (afresh or batch.walk_began_at is None):
                        await batch.begin_walk(started)
                        await batch.note_mapping(self._mappings[source])
                    afresh = False
                    held = await self._take(batch, page, counts, accept)
                    if held is None and page.last:
                        confirmed = batch.walk_began_at if page.enumerating and batch.walk_began_at else started
                        await batch.finish(walked=page.enumerating, confirmed_at=confirmed)
                    await batch.advance(page.cursor if held is None else None)
                    expected = (batch.walk, batch.cursor)
                if held is not None:
                    return held
                if progress is not None:
                    progress(counts.seen, page.total)
        return None

    async def _take(self, batch: Batch, page: Page, counts: Counts, accept: bool) -> Failure | None:
        """Write one page; a failure where it would take too many records away."""
        records, rejected = page.records, page.rejected
        if page.enumerating:
            await batch.sight([record.key.id for record in records])
        gone = dict.fromkeys(page.gone)
        held: Failure | None = None
        if page.enumerating and page.last:
            unsighted = await batch.unsighted()
            sighted = await batch.sighted()
            present = len(unsighted) + sighted
            most = max(1, present * MOST_GONE) if sighted else 0
            if len(unsighted) > most and not accept:
                held = Failure(
                    FailureKind.GARBLED,
                    f"{len(unsighted)} of {present} records are not there any more; they are kept until somebody says "
                    f"that it is right: whence sync --accept {batch.source}",
                )
            else:
                gone |= dict.fromkeys(unsighted)
        for record in records:
            gone.pop(record.key.id, None)
        if rejected:
            await batch.write_rejections(rejected, datetime.now(UTC))
        await self._write(batch, records, gone, counts)
        counts.seen += len(page.records) + len(page.rejected)
        counts.rejected += len(rejected)
        return held

    # ── What live reads saw ────────────────────────────────────────────────────────────────────────────────────────

    async def observe(self, source: str, seen: Mapping[RecordKey, Mapping[str, Outcome]], at: datetime) -> None:
        """Remember what a live read saw at ``at``: of each record the fields that were asked for and answered. What the
        ledger knows of the others, and the record's links, stay as they are: those are the sync's matter. Of a record
        that has been observed since, nothing is written: older never overwrites newer."""
        async with open_batch(self.pool, source) as batch:
            await keep_still(batch.connection)
            known = await batch.known([key.id for key in seen])
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
                await batch.update_claims(claims_rows, at)
            if changes:
                await batch.write_changes(changes, at)
                await batch.advance(batch.cursor)

    # ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _write(self, batch: Batch, records: Sequence[Record], gone: Collection[str], counts: Counts) -> None:
        digests = await batch.digests([record.key.id for record in records])
        fresh = [(record, self._digest(record)) for record in records]
        fresh = [(record, digest) for record, digest in fresh if digests.get(record.key.id) != digest]
        known = await batch.known([*(record.key.id for record, _ in fresh), *gone])
        gone = [record_id for record_id in gone if record_id in known and not known[record_id].gone]
        if not fresh and not gone:
            return
        at = max((record.observed_at for record, _ in fresh), default=datetime.now(UTC))
        products = await relink(
            batch.connection,
            {record.key: self._keyed(record) for record, _ in fresh},
            [RecordKey(batch.source, record_id) for record_id in gone],
            returned={RecordKey(batch.source, record_id): one.product for record_id, one in known.items() if one.gone},
            schemes=self.map.identity_keys,
            catalogues=self._catalogues,
            at=at,
        )
        rows: list[RecordRow] = []
        changes: list[ChangeRow] = []
        for record, digest in fresh:
            before = known.get(record.key.id)
            present = before is not None and not before.gone
            if before is None or not present:
                claims, moved = settle(record.claims, {})
            else:
                old = decode_claims(before.claims, self._types, at)
                reread = before.digest.startswith(digest[:DIGEST])
                claims, moved = settle(record.claims, old, clock=before.updated_at, reread=reread)
            document = encode_claims(claims, self._types)
            product = products[record.key]
            rows.append(
                RecordRow(
                    product=product,
                    key=record.key,
                    document=record.document,
                    claims=document,
                    names=record.names,
                    identifiers=_identifiers(record),
                    digest=digest,
                    updated_at=record.updated_at,
                    observed_at=record.observed_at,
                )
            )
            if not present or moved:
                kind = "CHANGED" if present else "ADDED"
                parts = {name: document.get(name, []) for name in (moved if present else document)}
                changes.append(ChangeRow(product, record.key.id, kind, parts))
                counts.changed += present
                counts.added += not present
        for record_id in gone:
            product = products[RecordKey(batch.source, record_id)]
            changes.append(ChangeRow(product, record_id, "GONE", {name: [] for name in known[record_id].claims}))
        counts.gone += len(gone)
        await batch.write_records(rows)
        if changes:
            await batch.write_changes(changes, at)
        await batch.write_aliases(
            [record.key.id for record, _ in fresh],
            [row for record, _ in fresh for row in _aliases(record, products[record.key])],
        )

    def _keyed(self, record: Record) -> Keyed:
        values = tuple(
            KeyValue(one.scheme, one.value) for one in record.identifiers if one.scheme in self.map.identity_keys
        )
        return Keyed(record.key, values, unusable(record.invalid_identifiers))

    def _digest(self, record: Record) -> bytes:
        """What a record said, without where in a file it stood: first its document, then what is read from it, which a
        document that was cut short does not hold; a new mapping makes it new."""
        document = {name: value for name, value in record.document.items() if name != "_file"}
        said = [
            (claim.field, *claim.scope, claim.unreadable, encode(self._types[claim.field], claim.value))
            for claim in record.claims
        ]
        identifiers = [*map(tuple, record.identifiers), *record.invalid_identifiers]
        mapping = self._mappings[record.key.source].encode()
        return b"".join(
            hashlib.blake2b(orjson.dumps(part, option=orjson.OPT_SORT_KEYS), digest_size=DIGEST, key=key).digest()
            for part, key in ((document, b""), ([said, record.names, identifiers], mapping))
        )

    def _mapping_digest(self, source: str) -> str:
        """A version of everything that decides how a document of ``source`` is read."""
        declaration = self.map.declaration(source).model_dump(
            mode="json", exclude={"sync", "deadline", "read", "title", "audiences"}
        )
        shapes = {name: shape for name, shape in self.map.shapes().items() if name in declaration["fields"]}
        body = orjson.dumps([declaration, shapes, self.map.identity_keys], option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(body, digest_size=16).hexdigest()


def _identifiers(record: Record) -> list[dict[str, str]]:
    valid = [{"scheme": one.scheme, "value": one.value, "raw": one.raw} for one in record.identifiers]
    invalid = [{"scheme": scheme, "raw": raw, "invalid": why} for scheme, raw, why in record.invalid_identifiers]
    return valid + invalid


def _aliases(record: Record, product: UUID) -> list[AliasRow]:
    rows = [AliasRow(record.key.id, "record", fold_name(record.key.id), record.key.id, product)]
    rows += [AliasRow(record.key.id, "name", fold_name(name), name, product) for name in record.names]
    rows += [AliasRow(record.key.id, one.scheme, one.value, one.raw, product) for one in record.identifiers]
    return rows
