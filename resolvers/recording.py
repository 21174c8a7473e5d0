"""Recording: what a page says becomes records, claims, links and changes in the ledger, within a batch.

It is the hot path of a sync. What has not changed is told by its digest and costs nothing further; what has is settled
against what was there, linked, and written by a statement a table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import orjson

from resolvers.identity import Keyed, KeyValue, unusable
from resolvers.linking import relink
from resolvers.normalise import fold_name
from resolvers.ownership import OwnershipMap
from resolvers.settling import settle
from sources.contract import Record, RecordKey
from sources.ledger.batches import AliasRow, Batch, ChangeRow, RecordRow
from sources.ledger.claims import decode_claims, encode_claims
from sources.values import encode

DIGEST = 16
"""Bytes of a digest of one part of a record."""


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


@dataclass
class Recorder:
    """Writes records into the ledger, by one ownership map."""

    map: OwnershipMap
    mappings: Mapping[str, str] = field(init=False)
    """Source to the version of everything that decides how its documents are read."""

    def __post_init__(self) -> None:
        self._types = {name: definition.type for name, definition in self.map.fields.items()}
        self._catalogues = frozenset(
            name for name, source in self.map.sources.items() if source.declaration.per_product == "one"
        )
        self.mappings = {name: self._mapping_digest(name) for name in self.map.sources}

    async def write(self, batch: Batch, records: Sequence[Record], gone: Collection[str], counts: Counts) -> None:
        """Write those of ``records`` that are new or have changed, and that ``gone`` are gone; counts what it did."""
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
        mapping = self.mappings[record.key.source].encode()
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
