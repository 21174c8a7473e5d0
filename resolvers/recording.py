"""Recording: what a page says becomes records, claims, links and changes in the ledger, within a batch.

It is the hot path of a sync. What has not changed is told by its digest and costs nothing further; what is new and plain is
linked by one look and written by COPY; what has changed is settled against what was there. Only what concerns other records
too (keys that moved, records that are gone or back, keys that several carry) takes the turn to link, one batch at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from resolvers.batch_rows import Rows, identifiers_of, record_row
from resolvers.digests import Digests, linked_alike, same_document
from resolvers.event_order import each_once, is_older, newest_claims
from resolvers.identity import Keyed, unusable
from resolvers.key_values import KeyValue
from resolvers.linking import relink
from resolvers.ownership import OwnershipMap
from resolvers.plain_links import PlainLinking, PlainLinks
from resolvers.settling import settle
from sources.contract import Record, RecordKey
from sources.ledger.batches import Batch
from sources.ledger.claims import decode_claims, encode_claims
from sources.ledger.links import keep_still, take_turn
from sources.ledger.record_rows import ChangeRow, ClaimsRow, KnownRecord, known_records, places_of_news
from sources.unread import Unread
from sources.values import FieldType


@dataclass
class Counts:
    """What a run did, in records; ``unreadable`` counts values."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    gone: int = 0
    rejected: int = 0
    unreadable: int = 0
    remapped: int = 0


class _News(NamedTuple):
    """A record that says something new, or may."""

    record: Record
    digest: bytes
    document: bytes


@dataclass
class Recorder:
    """Writes records into the ledger, by one ownership map."""

    map: OwnershipMap
    mappings: Mapping[str, str] = field(init=False)
    """Source to the version of everything that decides how its documents are read."""

    def __post_init__(self) -> None:
        self.types = {name: definition.type for name, definition in self.map.fields.items()}
        self.catalogues = self.map.catalogues
        self.stating = frozenset(name for name, one in self.map.sources.items() if one.declaration.statements)
        self.traits = {
            name: self.map.compatibility.traits & source.declaration.fields.keys()
            for name, source in self.map.sources.items()
        }
        self._schemes = frozenset(self.map.identity_keys)
        self._digests = Digests(self.map)
        self.mappings = self._digests.mappings

    def also_for(self, source: str) -> Recorder:
        """One that treats the records of ``source``, which its map does not declare, as those of a catalogue."""
        other = Recorder(self.map)
        other.catalogues = self.catalogues | {source}
        return other

    async def write(
        self,
        batch: Batch,
        records: Sequence[Record],
        gone: Collection[str],
        counts: Counts,
        *,
        enumerating: bool = True,
        remapped_at: datetime | None = None,
    ) -> None:
        """Write those of ``records`` that are new or have changed, and that ``gone`` are gone; counts what it did.

        ``enumerating``: they belong to a walk over everything, and are how the system is now; else they are events, of
        which one that is older than what is held moves nothing. ``remapped_at``: they were not read from their system
        now, but at that moment from what is kept of them here; then all of ``records`` are written and linked, for the
        rules by which others link may have changed.
        """
        present = enumerating or remapped_at is not None
        if isinstance(records, Unread):
            newcomers, returning = await self._news_among_unread(batch, records)
        else:
            records = each_once(records, by_clock=not present)
            newcomers, returning = await self._news(batch, records, whatever=remapped_at is not None)
        if not newcomers and not returning and not gone:
            return
        at = remapped_at or max((one.record.observed_at for one in (*newcomers, *returning)), default=datetime.now(UTC))
        writing = _Writing(self, batch, newcomers, returning, gone, at, present, remapped_at is not None)
        beside_others = batch.connection.transaction()
        await beside_others.start()
        await keep_still(batch.connection)
        done = await writing.do(alone=False)
        if done is not None:
            await beside_others.commit()
        else:
            await beside_others.rollback()
            await take_turn(batch.connection)
            done = await writing.do(alone=True)
        for name, count in vars(done).items():
            setattr(counts, name, getattr(counts, name) + count)

    async def _news(
        self, batch: Batch, records: Sequence[Record], *, whatever: bool
    ) -> tuple[list[_News], list[_News]]:
        """Those of ``records`` that were never seen before, and those that were, and may say something new; ``whatever``: all
        of them."""
        digested = [self._digests.of(record) for record in records]
        told_by = [None if whatever else one for one, _ in digested]
        places = await places_of_news(batch, [record.key.id for record in records], told_by)
        newcomers = [_News(records[place], *digested[place]) for place, seen in places if not seen]
        return newcomers, [_News(records[place], *digested[place]) for place, seen in places if seen]

    async def _news_among_unread(self, batch: Batch, records: Unread) -> tuple[list[_News], list[_News]]:
        """The same of records that their page tells apart before they are read: no other is read at all."""
        digests = self._digests.of_fingerprints(batch.source, records.fingerprints)
        seen = dict(sorted(await places_of_news(batch, records.ids, digests)))
        read = records.read([place in seen for place in range(len(records))])
        news = {
            place: _News(record, digests[place], self._digests.document(record))
            for place, record in zip(seen, read, strict=True)
        }
        newcomers = [one for place, one in news.items() if not seen[place]]
        return newcomers, [one for place, one in news.items() if seen[place]]

    def matches(self, source: str) -> bool:
        """Whether records of ``source`` are matched with those of other catalogues."""
        return self.map.matching is not None and source in self.map.matching.sources

    def keyed(self, record: Record) -> Keyed:
        """The record as identity sees it."""
        values = [KeyValue(one.scheme, one.value) for one in record.identifiers if one.scheme in self._schemes]
        invalid = record.invalid_identifiers
        return Keyed(record.key, tuple(values), unusable(invalid) if invalid else None)

    def linking_part(self, identifiers: Sequence[Mapping[str, str]]) -> set[tuple[str, str, str | None]]:
        """What of a record's identifiers decides its link."""
        return {
            (one["scheme"], one["value"], None) if "value" in one else (one["scheme"], one["raw"], one["invalid"])
            for one in identifiers
            if "value" not in one or one["scheme"] in self._schemes
        }


@dataclass
class _Writing:
    """One batch's writing, from what is known of its records to the last row. It may be done twice: beside others, and
    where that does not do, once more alone, with the first undone."""

    recorder: Recorder
    batch: Batch
    newcomers: Sequence[_News]
    """Records that were never seen before."""
    seen: Sequence[_News]
    """Records that were."""
    gone: Collection[str]
    at: datetime
    present: bool
    """The records are how their system is now, whatever their clocks say; else they are events, which may be late."""
    remapped: bool
    """They were read from what is kept of them here."""
    rows: Rows = field(init=False)
    traits: frozenset[str] = field(init=False)
    """The fields of this source whose texts are indexed."""
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.types: Mapping[str, FieldType] = self.recorder.types
        self.keyed = {one.record.key: self.recorder.keyed(one.record) for one in self.newcomers}

    async def do(self, *, alone: bool) -> Counts | None:
        """Write it all; what was done. None where it needs the turn to link and is not ``alone``: it is then to be undone."""
        batch, catalogues = self.batch, self.recorder.catalogues
        self.traits = self.recorder.traits.get(batch.source, frozenset())
        self.rows, self.counts = Rows(self.traits, self.recorder.map.compatibility.parent), Counts()
        known = await known_records(batch, [*(one.record.key.id for one in self.seen), *self.gone])
        gone = [record_id for record_id in self.gone if record_id in known and not known[record_id].gone]
        standing = [one for one in self.seen if self._counts(one.record, known[one.record.key.id])]
        touched = {
            one.record.key: self.recorder.keyed(one.record)
            for one in standing
            if not self._links_as_before(one, known[one.record.key.id])
        }
        linking = PlainLinking(batch.connection, batch.source, self.recorder.map.identity_keys, catalogues)
        plain = await linking.decide(list(self.keyed.values())) if self.keyed else PlainLinks()
        products: dict[RecordKey, UUID] = {}
        if touched or gone or plain.left:
            if not alone:
                return None
            products = await self._relink(plain, touched, gone, known)
        if plain.strengthened and standing and not alone:
            return None  # others' rows and our own: two batches at a time would wait for each other
        if plain.decided:
            digests = {one.record.key.id: one.digest for one in self.newcomers}
            if not await linking.write(plain, digests, self.at):
                return None
        for one in self.newcomers:
            self._add(one, plain.product(one.record.key), products)
        for one in standing:
            before = known[one.record.key.id]
            self._change(one, before, products.get(one.record.key, before.product))
        for record_id in gone:
            self._go(record_id, products[RecordKey(batch.source, record_id)], known[record_id])
        await self.rows.write(batch, self.at)
        if plain.decided and not alone and not await linking.holds():
            return None
        return self.counts

    async def _relink(
        self,
        plain: PlainLinks,
        touched: Mapping[RecordKey, Keyed],
        gone: Collection[str],
        known: Mapping[str, KnownRecord],
    ) -> dict[RecordKey, UUID]:
        """The products after linking what is not plain; who is then linked with it is not plain either."""
        source, catalogues = self.batch.source, self.recorder.catalogues
        products = await relink(
            self.batch.connection,
            {**touched, **{keyed.key: keyed for keyed in plain.left}},
            [RecordKey(source, record_id) for record_id in gone],
            returned={key: known[key.id].product for key in touched if known[key.id].gone},
            beside={key: self.keyed[key] for key in plain.decided} if source in catalogues else {},
            schemes=self.recorder.map.identity_keys,
            catalogues=catalogues,
            at=self.at,
        )
        plain.leave(products)
        return products

    def _counts(self, record: Record, before: KnownRecord) -> bool:
        """Whether a record is to be taken as a whole. Of one that is older than what is held, at most some claims are."""
        if self.present or not is_older(record, before.updated_at):
            return True
        if not before.gone:
            old = decode_claims(before.claims, self.types, before.observed_at)
            claims, _ = newest_claims(record, old, before.updated_at)
            settled, moved = settle(claims, old, clock=before.updated_at)
            if moved:
                document = encode_claims(settled, self.types)
                kept = {name: said for name, said in before.claims.items() if name not in self.types}
                key, product = record.key.id, before.product
                self.rows.claims.append(ClaimsRow(product, key, document | kept, moved=True))
                self.rows.changes.append(ChangeRow(product, key, "CHANGED", {name: document[name] for name in moved}))
                self.counts.unreadable += self.rows.tell_unreadable(record, settled, before.claims)
                self.counts.changed += 1
        return False

    def _links_as_before(self, one: _News, before: KnownRecord) -> bool:
        if before.gone or self.remapped or not linked_alike(one.digest, before.digest):
            return False
        keys = self.recorder.linking_part
        return keys(identifiers_of(one.record)) == keys(before.identifiers)

    def _add(self, one: _News, plain: UUID | None, products: Mapping[RecordKey, UUID]) -> None:
        record = one.record
        product = products[record.key] if plain is None else plain
        claims, _ = settle(record.claims, {})
        document = orjson.dumps(encode_claims(claims, self.types))
        self.rows.added.append(record_row(record, product, one.document, document))
        self.rows.changes.append(ChangeRow(product, record.key.id, "ADDED", document))
        self.rows.name(record, product)
        if plain is None:
            self.rows.digests[record.key.id] = one.digest
        self.counts.unreadable += self.rows.tell_unreadable(record, claims, None) + self.rows.state(record)
        self.counts.added += 1

    def _change(self, one: _News, before: KnownRecord, product: UUID) -> None:
        record, record_id = one.record, one.record.key.id
        digest = one.digest
        if before.gone:
            claims, moved = settle(record.claims, {})
        else:
            old = decode_claims(before.claims, self.types, self.at)
            claims, backwards = record.claims, False
            if not self.present:
                claims, backwards = newest_claims(record, old, before.updated_at)
            reread = self.remapped or same_document(before.digest, digest)
            claims, moved = settle(claims, old, clock=before.updated_at, reread=reread)
            if backwards:  # what the record says is not all that is held: it has to be read again where it counts
                digest = b""
        document = encode_claims(claims, self.types)
        if not before.gone:  # of fields that the map has no more, and so nothing is read
            moved = moved.union(name for name, said in before.claims.items() if said and name not in document)
        self.rows.digests[record_id] = digest
        same_names = not before.gone and list(record.names) == before.names
        same_identifiers = not before.gone and identifiers_of(record) == before.identifiers
        same_traits = not self.traits or not (self.remapped or self.traits & moved)
        if not same_names or not same_identifiers or not same_traits:
            self.rows.renamed.append(record_id)
            self.rows.name(record, product)
        elif self._is_as_before(one, before, moved):
            return
        claims_json = orjson.dumps(document)
        self.rows.written.append(record_row(record, product, one.document, claims_json))
        self.counts.unreadable += self.rows.tell_unreadable(record, claims, before.claims) + self._state(record)
        if before.gone:
            self.rows.changes.append(ChangeRow(product, record_id, "ADDED", claims_json))
            self.counts.added += 1
        elif moved:
            parts = {name: document.get(name, []) for name in moved}
            self.rows.changes.append(ChangeRow(product, record_id, "CHANGED", parts))
            self.counts.changed += 1
        elif self.recorder.matches(self.batch.source) and not (same_names and same_identifiers):
            self.rows.unmatched.append(record_id)

    def _state(self, record: Record) -> int:
        """What a record that was there before says about what goes with what; how much of it cannot be read."""
        if record.key.source in self.recorder.stating:
            self.rows.readable.append(record.key.id)
        if self.remapped or record.key.source in self.recorder.stating:
            self.rows.restated.append(record.key.id)
        return self.rows.state(record)

    def _is_as_before(self, one: _News, before: KnownRecord, moved: Collection[str]) -> bool:
        """Whether nothing of a record's row is to be written: no more than the rules by which it is read are new."""
        same = same_document(before.digest, one.digest) and one.record.updated_at == before.updated_at
        return same and not moved and not self.remapped

    def _go(self, record_id: str, product: UUID, before: KnownRecord) -> None:
        self.rows.changes.append(ChangeRow(product, record_id, "GONE", {name: [] for name in before.claims}))
        self.rows.forget_unreadable(record_id, before.claims)
        self.rows.restated.append(record_id)
        self.counts.gone += 1
