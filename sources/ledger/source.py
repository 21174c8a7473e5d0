"""The ledger as a source: it answers the same ``fetch`` as every other, for all of them, now or as of a moment.

So a stored source is read from here, an owner that is down is the same question put to the ledger, and the past is the
ledger at a time. The reader asks by product and not by key (:meth:`Ledger.of`): the crosswalk is joined in, and what was
two statements is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sources.contract import MISSING, Failed, Follow, Outcome, Outcomes, Reading, RecordKey
from sources.failures import Failure, FailureKind
from sources.ledger.claims import decode_claims
from sources.ledger.database import Pool
from sources.ledger.outages import is_outage
from sources.values import JSON, FieldType

_AWAY = Failed(Failure(FailureKind.UNREACHABLE, "the ledger's database cannot be reached, or does not answer in time"))


@dataclass(frozen=True, slots=True)
class Ledger:
    """What every system last said; with ``as_of`` (ours, aware), what it had said by then."""

    pool: Pool
    types: Mapping[str, FieldType]
    as_of: datetime | None = None

    @property
    def name(self) -> str:
        """No source of whence.toml can have this name."""
        return "ledger"

    @property
    def changes(self) -> Follow | None:
        """The ledger is followed by its change log, not synced."""
        return None

    def at(self, moment: datetime | None) -> Ledger:
        """The ledger as it was at ``moment``; None is now."""
        return Ledger(self.pool, self.types, moment)

    async def fetch(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        """What the records ``keys`` say about ``fields``: total, in one statement. Failed where the ledger is away."""
        wanted = ([key.source for key in keys], [key.id for key in keys])
        try:
            if self.as_of is None:
                rows: Sequence[Any] = await self.pool.fetch(_BY_KEY, *wanted)
            else:
                rows = _folded(await self.pool.fetch(_BY_KEY_AS_OF, *wanted, self.as_of))
        except Exception as error:
            if not is_outage(error):
                raise
            return {key: dict.fromkeys(fields, _AWAY) for key in keys}
        found = {RecordKey(row["source"], row["record_id"]): row for row in rows}
        return {key: self._outcomes(found.get(key), fields) for key in keys}

    async def of(
        self, products: Sequence[UUID], fields: Collection[str]
    ) -> dict[UUID, dict[RecordKey, dict[str, Outcome]]]:
        """The records of each of ``products``, and what they say about ``fields``: in one statement."""
        if self.as_of is None:
            rows = await self.pool.fetch(_BY_PRODUCT, list(products))
        else:
            rows = _folded(await self.pool.fetch(_BY_PRODUCT_AS_OF, list(products), self.as_of))
        found: dict[UUID, dict[RecordKey, dict[str, Outcome]]] = {product: {} for product in products}
        for row in rows:
            key = RecordKey(row["source"], row["record_id"])
            found[row["product_id"]][key] = self._outcomes(row, fields)
        return found

    def _outcomes(self, row: Mapping[str, object] | None, fields: Collection[str]) -> dict[str, Outcome]:
        if row is None:
            return dict.fromkeys(fields, MISSING)
        claims = decode_claims(row["claims"], self.types, row["observed_at"], fields)  # type: ignore[arg-type]
        return {name: Reading(claims[name]) if name in claims else MISSING for name in fields}


def _folded(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Records as their change log, in its order, left them; those that were gone by then are left out."""
    states: dict[tuple[object, object], dict[str, object]] = {}
    claims: dict[tuple[object, object], dict[str, JSON]] = defaultdict(dict)
    for row in rows:
        key = (row["source"], row["record_id"])
        if row["kind"] == "GONE":
            states.pop(key, None)
            claims.pop(key, None)
            continue
        if row["kind"] == "ADDED":
            claims[key] = {}
        claims[key].update(row["claims"])  # type: ignore[call-overload]
        states[key] = {**row, "claims": claims[key]}
    return list(states.values())


_NOW = """
select r.product_id, r.source, r.record_id, r.claims, greatest(r.observed_at, c.confirmed_at) as observed_at
from {origin} records r {joined}
left join cursors c on c.source = r.source
where r.gone_at is null {condition}
"""
_AS_OF = """
select r.product_id, r.source, r.record_id, r.kind, r.claims, r.observed_at
from {origin} changes r {joined}
where r.observed_at <= {moment} {condition}
order by r.source, r.batch
"""
_KEYS = "unnest($1::text[], $2::text[]) as wanted (source, record_id) join crosswalk x using (source, record_id) join"
_JOINED = "on (r.product_id, r.source, r.record_id) = (x.product_id, x.source, x.record_id)"
_BY_KEY = _NOW.format(origin=_KEYS, joined=_JOINED, condition="")
_BY_PRODUCT = _NOW.format(origin="", joined="", condition="and r.product_id = any($1::uuid[])")
_BY_KEY_AS_OF = _AS_OF.format(origin=_KEYS, joined=_JOINED, condition="", moment="$3")
_BY_PRODUCT_AS_OF = _AS_OF.format(origin="", joined="", condition="and r.product_id = any($1::uuid[])", moment="$2")
