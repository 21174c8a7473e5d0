"""What a batch reads and writes of records: their rows, claims, changes and aliases, a statement a table.

What is new comes by COPY, which costs half of an insert; what was there before is written over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sources.ledger.batches import Batch
from sources.ledger.winners import forget_winners
from sources.storable import is_storable
from sources.values import JSON


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A record as the ledger has it."""

    product: UUID
    claims: Mapping[str, list[JSON]]
    names: Sequence[str]
    identifiers: Sequence[Mapping[str, str]]
    gone: bool
    digest: bytes
    updated_at: datetime | None
    observed_at: datetime


class RecordRow(NamedTuple):
    """A record as it is to be written; documents, claims, names and identifiers as JSON."""

    product: UUID
    source: str
    record_id: str
    document: bytes
    claims: bytes
    names: bytes
    identifiers: bytes
    updated_at: datetime | None
    observed_at: datetime


class ChangeRow(NamedTuple):
    """What moved in one record; ``claims`` as in the table ``changes``, or that as JSON."""

    product: UUID
    record_id: str
    kind: str
    claims: Mapping[str, list[JSON]] | bytes


class ClaimsRow(NamedTuple):
    """The claims of a record that is there, as they are to be written. ``moved``: they differ from what was there, so
    that the next sync must not take the record for one that it has read already."""

    product: UUID
    record_id: str
    claims: Mapping[str, list[JSON]]
    moved: bool


class AliasRow(NamedTuple):
    """One thing that a department calls a product."""

    source: str
    record_id: str
    scheme: str
    folded: str
    alias: str
    product: UUID


class UnreadableRow(NamedTuple):
    """A field of a record that holds something which cannot be read."""

    source: str
    record_id: str
    field: str
    reason: str


async def places_of_news(batch: Batch, ids: Sequence[str], digests: Sequence[bytes | None]) -> list[tuple[int, bool]]:
    """The places of those of ``ids`` whose digest is not what was last written, or that are not there; and of each
    whether it was ever seen. Without a digest one is among them whatever was written."""
    rows = await batch.connection.fetch(_NEWS, batch.source, ids, digests)
    return [(row[0] - 1, row[1]) for row in rows]


async def known_records(batch: Batch, ids: Collection[str]) -> dict[str, KnownRecord]:
    """Record id to the record, for those of ``ids`` that were ever seen, gone ones included."""
    if not ids:
        return {}
    rows = await batch.connection.fetch(_KNOWN, batch.source, [one for one in ids if is_storable(one)])
    return {row[0]: KnownRecord(*row[1:]) for row in rows}


async def add_records(batch: Batch, rows: Collection[RecordRow]) -> None:
    """Write records that were never seen before."""
    await forget_winners(batch.connection, [row.product for row in rows])
    await batch.connection.copy_records_to_table("records", records=rows, columns=_RECORD_COLUMNS)


async def write_records(batch: Batch, rows: Collection[RecordRow]) -> None:
    """Write records, new or seen before, under the products they belong to."""
    await forget_winners(batch.connection, [row.product for row in rows])
    columns = list(zip(*rows, strict=True)) or [()] * len(_RECORD_COLUMNS)
    await batch.connection.execute(_WRITE_RECORDS, *columns)


async def note_digests(batch: Batch, digests: Mapping[str, bytes]) -> None:
    """Note of records that have a link by which digest they are known from now on."""
    ids = sorted(digests)  # in one order for all, so that no two wait for each other
    await batch.connection.execute(_NOTE_DIGESTS, batch.source, ids, [digests[one] for one in ids])


async def update_claims(batch: Batch, rows: Sequence[ClaimsRow], observed_at: datetime) -> None:
    """Write the claims of records that are there, and when they were observed."""
    await forget_winners(batch.connection, [row.product for row in rows])
    await batch.connection.execute(
        _UPDATE_CLAIMS,
        [row.product for row in rows],
        batch.source,
        [row.record_id for row in rows],
        [row.claims for row in rows],
        observed_at,
    )
    if moved := [row.record_id for row in rows if row.moved]:
        await note_digests(batch, dict.fromkeys(moved, b""))


async def write_changes(batch: Batch, rows: Iterable[ChangeRow], observed_at: datetime) -> None:
    """Append to the change log."""
    source, number = batch.source, batch.number
    await batch.connection.copy_records_to_table(
        "changes",
        records=[
            (product, source, number, record, kind, observed_at, claims) for product, record, kind, claims in rows
        ],
        columns=("product_id", "source", "batch", "record_id", "kind", "observed_at", "claims"),
    )


async def drop_aliases(batch: Batch, ids: Collection[str]) -> None:
    """Forget what the records ``ids`` call their products."""
    await batch.connection.execute(
        "delete from aliases where source = $1 and record_id = any($2::text[])", batch.source, list(ids)
    )


async def add_aliases(batch: Batch, rows: Collection[AliasRow]) -> None:
    """Write what records that have no aliases call their products; no row twice."""
    await batch.connection.copy_records_to_table("aliases", records=rows, columns=_ALIAS_COLUMNS)


async def write_unreadable(batch: Batch, ids: Collection[str], rows: Collection[UnreadableRow]) -> None:
    """Replace what cannot be read of the records ``ids`` by ``rows``."""
    if ids:
        await batch.connection.execute(
            "delete from unreadable_values where source = $1 and record_id = any($2::text[])", batch.source, list(ids)
        )
    if rows:
        await batch.connection.copy_records_to_table(
            "unreadable_values", records=rows, columns=("source", "record_id", "field", "reason")
        )


_RECORD_COLUMNS = (
    "product_id",
    "source",
    "record_id",
    "document",
    "claims",
    "names",
    "identifiers",
    "updated_at",
    "observed_at",
)
_ALIAS_COLUMNS = ("source", "record_id", "scheme", "folded", "alias", "product_id")
_NEWS = """
select new.place, x.record_id is not null
from unnest($2::text[], $3::bytea[]) with ordinality as new (record_id, digest, place)
left join crosswalk x on x.source = $1 and x.record_id = new.record_id
where x.digest is distinct from new.digest or x.gone_at is not null
"""
_KNOWN = """
select x.record_id, x.product_id, r.claims, r.names, r.identifiers, x.gone_at is not null, x.digest, r.updated_at,
       r.observed_at
from unnest($2::text[]) as wanted (record_id)
join crosswalk x on x.source = $1 and x.record_id = wanted.record_id
join records r on (r.product_id, r.source, r.record_id) = (x.product_id, x.source, x.record_id)
"""
_WRITE_RECORDS = """
insert into records (product_id, source, record_id, document, claims, names, identifiers, updated_at, observed_at)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::jsonb[], $7::jsonb[],
                     $8::timestamptz[], $9::timestamptz[])
on conflict (product_id, source, record_id) do update
set document = excluded.document, claims = excluded.claims, names = excluded.names,
    identifiers = excluded.identifiers, updated_at = excluded.updated_at, observed_at = excluded.observed_at,
    gone_at = null
"""
_NOTE_DIGESTS = """
update crosswalk x set digest = new.digest
from unnest($2::text[], $3::bytea[]) as new (record_id, digest)
where x.source = $1 and x.record_id = new.record_id
"""
_UPDATE_CLAIMS = """
update records r set claims = new.claims, observed_at = greatest(r.observed_at, $5)
from unnest($1::uuid[], $3::text[], $4::jsonb[]) as new (product_id, record_id, claims)
where (r.product_id, r.source, r.record_id) = (new.product_id, $2, new.record_id)
"""
