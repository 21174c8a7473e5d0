"""Dating claims: last updated moves only when the value moved.

A system's clock moves for reasons of its own: a record is saved again, a sheet is copied, another column changes. So a
claim that says what it said before keeps the date it had, and a new value takes the date its system gives, or, where the
system keeps none, the moment we first observed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sources.contract import Basis, Claim


def settle(claims: Iterable[Claim], known: Mapping[str, tuple[Claim, ...]]) -> tuple[tuple[Claim, ...], frozenset[str]]:
    """The claims of one record as dated, and the names of the fields in which anything moved.

    ``claims`` are all that the record says now; ``known`` what it said before, by field. A field that is known and no
    longer claimed has moved too.
    """
    settled: list[Claim] = []
    moved: set[str] = set()
    said: dict[str, int] = {}
    for claim in claims:
        before = next((old for old in known.get(claim.field, ()) if old.scope == claim.scope), None)
        said[claim.field] = said.get(claim.field, 0) + 1
        if before is not None and before.value == claim.value and before.unreadable == claim.unreadable:
            settled.append(replace(claim, last_updated=before.last_updated, basis=before.basis))
            continue
        moved.add(claim.field)
        if claim.last_updated is None:
            claim = replace(claim, last_updated=claim.observed_at, basis=Basis.OBSERVED)
        settled.append(claim)
    moved.update(name for name, before_claims in known.items() if len(before_claims) != said.get(name, 0))
    return tuple(settled), frozenset(moved)
