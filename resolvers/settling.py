"""Dating claims: last updated moves only when the value moved.

A system's clock moves for reasons of its own: a record is saved again, a sheet is copied, another column changes. So a
claim that says what it said before keeps the date it had, and a new value takes the date its system gives. Where the
system gives none, or one that it gave for the value before already, its clock does not move with this value: the date is
then the moment we first observed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sources.contract import Basis, Claim


def settle(
    claims: Iterable[Claim],
    known: Mapping[str, tuple[Claim, ...]],
    *,
    clock: datetime | None = None,
    reread: bool = False,
) -> tuple[tuple[Claim, ...], frozenset[str]]:
    """The claims of one record as dated, and the names of the fields in which anything moved.

    ``claims`` are all that the record says now; ``known`` what it said before, by field. A field that is known and no
    longer claimed has moved too. ``clock`` is where the record's clock stood then, where that is known. With ``reread``
    the record is what it was and only its mapping is new: its clock then holds for what is read from it now.
    """
    if not known:
        settled = [claim if claim.last_updated is not None else _as_observed(claim) for claim in claims]
        return tuple(settled), frozenset([claim.field for claim in settled])
    settled = []
    moved: set[str] = set()
    said: dict[str, int] = {}
    for claim in claims:
        before = next((old for old in known.get(claim.field, ()) if old.scope == claim.scope), None)
        said[claim.field] = said.get(claim.field, 0) + 1
        if before is not None and before.value == claim.value and before.unreadable == claim.unreadable:
            settled.append(claim._replace(last_updated=before.last_updated, basis=before.basis))
            continue
        moved.add(claim.field)
        stood_still = before is not None and not reread and claim.last_updated in (clock, before.last_updated)
        if claim.last_updated is None or stood_still:
            claim = _as_observed(claim)
        settled.append(claim)
    moved.update(name for name, before_claims in known.items() if len(before_claims) != said.get(name, 0))
    return tuple(settled), frozenset(moved)


def _as_observed(claim: Claim) -> Claim:
    return claim._replace(last_updated=claim.observed_at, basis=Basis.OBSERVED)
