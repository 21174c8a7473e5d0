"""From a winner that was chosen ahead to a fact: what time and the state of systems decide is decided here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from resolvers.facts import Fact, Freshness, status_of
from resolvers.freshness import freshness
from resolvers.ownership import FieldDefinition
from resolvers.winners import NOBODY, Origin, Winners
from sources.contract import Basis, Scope
from sources.values import Value, decode_datetime


class Provenance(NamedTuple):
    """Where values came from, read: the origin as the row has it, and its moments."""

    origin: Origin
    last_updated: datetime | None
    observed_at: datetime


def provenance_at(winners: Winners, place: int) -> Provenance | None:
    """Where the value at ``place`` came from; None where there is none."""
    number = winners.places[place]
    if number == NOBODY:
        return None
    origin = Origin(*map(orjson.loads, winners.origins[number]))
    last_updated = decode_datetime(origin.last_updated) if origin.last_updated is not None else None
    return Provenance(origin, last_updated, decode_datetime(origin.observed_at))


def winning_fact(
    definition: FieldDefinition,
    value: Value,
    provenance: Provenance | None,
    *,
    failing: Collection[str],
    confirmed: Mapping[str, datetime],
    now: datetime,
) -> Fact:
    """The fact of a ``value`` with its ``provenance``, without what others say. ``failing``: the stored systems whose last
    sync failed; ``confirmed``: source to when what the ledger holds of it was last known to be so."""
    if provenance is None:
        return Fact(definition, status_of(definition, None, failing), Freshness.UNKNOWN)
    origin, last_updated, observed = provenance
    since = confirmed.get(origin.source)
    return Fact(
        definition=definition,
        status=status_of(definition, origin.source, failing),
        freshness=freshness(definition.max_age, last_updated, now),
        value=value,
        source=origin.source,
        source_record_id=origin.record_id,
        last_updated=last_updated,
        last_updated_basis=Basis(origin.basis),
        observed_at=observed if since is None else max(observed, since),
        scope=Scope(origin.locale, origin.channel),
    )
