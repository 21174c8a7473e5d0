"""What changed about a product: its change log, field by field, newest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from resolvers.ownership import OwnershipMap
from sources.contract import EVERYWHERE, Claim, Scope
from sources.ledger.claims import decode_claims
from sources.ledger.database import Pool
from sources.ledger.lookups import ChangeEntry, changes_of
from sources.values import JSON, display, encode, encode_datetime

DEEPEST = 2000
"""Rows of a product's change log that are looked at."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a record says about a field since then; without a value: nothing any more."""

    field: str
    source: str
    source_record_id: str
    scope: Scope
    value: JSON
    display: str
    last_updated: datetime | None
    observed_at: datetime
    place: JSON
    """Where it stands in the log: what a page ends with."""


async def changes(
    pool: Pool,
    ownership: OwnershipMap,
    product: UUID,
    fields: Sequence[str],
    visible: Collection[str],
    as_of: datetime | None,
) -> list[Change]:
    """The changes of ``fields`` of a product in the ``visible`` sources, up to ``as_of``."""
    entries = await changes_of(pool, product, list(visible), list(fields), as_of, DEEPEST)
    return [change for entry in entries for change in _by_field(entry, fields, ownership)]


def _by_field(entry: ChangeEntry, fields: Sequence[str], ownership: OwnershipMap) -> Iterator[Change]:
    types = {name: ownership.fields[name].type for name in fields}
    claims = decode_claims(entry.claims, types, entry.observed_at)
    for name in entry.claims:
        if name in types:
            for claim in claims.get(name, ()) or (None,):
                yield _change(entry, name, claim, ownership)


def _change(entry: ChangeEntry, name: str, claim: Claim | None, ownership: OwnershipMap) -> Change:
    kind = ownership.fields[name].type
    scope = claim.scope if claim is not None else EVERYWHERE
    value = claim.value if claim is not None else None
    return Change(
        field=name,
        source=entry.source,
        source_record_id=entry.record_id,
        scope=scope,
        value=encode(kind, value),
        display=display(kind, value),
        last_updated=claim.last_updated if claim is not None else None,
        observed_at=entry.observed_at,
        place=[encode_datetime(entry.observed_at), entry.source, entry.batch, entry.record_id, name, *scope],
    )
