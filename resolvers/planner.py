"""Which system is asked for what, and why: pure, before anything is asked.

The ledger is asked first, for everything: what stored sources say, and what live ones last said. Then each live source
that may answer a field, because it is the field's system of record or in its fallback, is asked for all such fields of
all products in one batch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey


class Via(StrEnum):
    """Where a source's word is taken from."""

    LIVE = "LIVE"
    LEDGER = "LEDGER"


@dataclass(frozen=True, slots=True)
class Step:
    """One question to one system."""

    source: str
    via: Via
    fields: tuple[str, ...]
    keys: tuple[RecordKey, ...]
    reason: str


def plan(
    ownership: OwnershipMap, keys: Collection[RecordKey], fields: Collection[str], *, past: bool
) -> tuple[Step, ...]:
    """The steps that answer ``fields`` of the products behind ``keys``; ``past``: as of a moment, nothing is asked live."""
    by_source: dict[str, list[RecordKey]] = {}
    for key in keys:
        by_source.setdefault(key.source, []).append(key)
    steps: list[Step] = []
    for source in ownership.sources:
        if source not in by_source:
            continue
        said = tuple(name for name in ownership.fields if name in fields and source in ownership.mapped[name])
        if not said:
            continue
        asked = tuple(by_source[source])
        live = () if past else live_fields(ownership, source, said)
        stored = tuple(name for name in said if name not in live)
        if live:
            steps.append(Step(source, Via.LIVE, live, asked, _why(ownership, source, live, "is asked itself")))
        if stored:
            why = "as of that moment" if past else "is synced into the ledger"
            if not past and ownership.declaration(source).read == "live":
                why = "may not answer these, so what it last said is enough"
            steps.append(Step(source, Via.LEDGER, stored, asked, _why(ownership, source, stored, why)))
    return tuple(steps)


def live_fields(ownership: OwnershipMap, source: str, fields: Collection[str]) -> tuple[str, ...]:
    """Those of ``fields`` for which ``source`` itself is asked at query time."""
    if ownership.declaration(source).read != "live":
        return ()
    return tuple(name for name in fields if source in ownership.fields[name].chain)


def steps_by_source(steps: Collection[Step]) -> Mapping[str, Step]:
    """The live steps, one a source."""
    return {step.source: step for step in steps if step.via is Via.LIVE}


def _why(ownership: OwnershipMap, source: str, fields: tuple[str, ...], how: str) -> str:
    owned = [name for name in fields if ownership.fields[name].system_of_record == source]
    backed = [name for name in fields if source in ownership.fields[name].fallback]
    others = [name for name in fields if name not in owned and name not in backed]
    roles = [
        f"{role} {', '.join(names)}"
        for role, names in (("system of record of", owned), ("fallback for", backed), ("another voice on", others))
        if names
    ]
    return f"{source} {how}: {'; '.join(roles)}."
