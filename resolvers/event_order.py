"""Events out of order: what a system sends twice, or late, never moves a claim backwards.

Pages of a system that sends its changes may repeat and reorder them. So a claim gives way to a newer one and to nothing
else, by the clocks of its system: the field's own where it has one, and where these are equal or missing, the record's.
Where no clock tells, the later observation counts. On a walk over everything none of this holds: what a system says then is
its present state, and if it went back to an older one, so do we.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sources.contract import Basis, Claim, Record


def is_older(record: Record, clock: datetime | None) -> bool:
    """Whether ``record`` is from before what is held of it, whose own clock stands at ``clock``."""
    return record.updated_at is not None and clock is not None and record.updated_at < clock


def each_once(records: Sequence[Record], *, by_clock: bool) -> list[Record]:
    """The ``records`` of a page, each id once: of several the one with the newest clock, or else the last."""
    chosen: dict[str, Record] = {}
    for record in records:
        held = chosen.get(record.key.id)
        if held is None or not (by_clock and is_older(record, held.updated_at)):
            chosen[record.key.id] = record
    return list(chosen.values()) if len(chosen) < len(records) else list(records)


def newest_claims(
    record: Record, held: Mapping[str, tuple[Claim, ...]], clock: datetime | None
) -> tuple[tuple[Claim, ...], bool]:
    """What is claimed after ``record``, given what was ``held`` by field while its clock stood at ``clock``; and whether
    anything held stays against what the record says."""
    standing = {(claim.field, claim.scope): claim for claims in held.values() for claim in claims}
    if not is_older(record, clock):
        claims = []
        for claim in record.claims:
            before = standing.get((claim.field, claim.scope))
            claims.append(before if before is not None and _own_clock(claim, before) < 0 else claim)
        return tuple(claims), any(one is not other for one, other in zip(claims, record.claims, strict=True))
    for claim in record.claims:
        before = standing.get((claim.field, claim.scope))
        if before is not None and _own_clock(claim, before) > 0:
            standing[claim.field, claim.scope] = claim
    return tuple(standing.values()), True


def _own_clock(claim: Claim, before: Claim) -> int:
    """By the field's own clock: 1 where ``claim`` is newer than ``before``, -1 where older, 0 where it does not tell."""
    if claim.basis is not Basis.SOURCE_FIELD or before.basis is not Basis.SOURCE_FIELD:
        return 0
    if claim.last_updated is None or before.last_updated is None:
        return 0
    return (claim.last_updated > before.last_updated) - (claim.last_updated < before.last_updated)
