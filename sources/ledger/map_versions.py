"""The ownership maps that took effect, in order; the one that was registered last is in force.

A process that syncs registers its map when it starts and when its file changes, and at no other time. So two processes
with two maps do not take turns at undoing what the other did: the one whose map is not in force any more stops syncing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sources.ledger.database import Connection, Pool
from sources.values import JSON

KEPT = 200
"""Versions that can be looked at; a source that was last read by an older one is read from its system."""
_REGISTERING_LOCK = 0x6D617073  # "maps"


@dataclass(frozen=True, slots=True)
class MapVersion:
    """One map as it was registered. ``declared`` is what it said, without secrets; ``effects`` what it changed, in words."""

    number: int
    digest: str
    taken_at: datetime
    declared: Mapping[str, JSON]
    effects: Sequence[str]


async def map_in_force(pool: Pool | Connection) -> MapVersion | None:
    """The map that was registered last, or None before the first."""
    row = await pool.fetchrow(_LATEST)
    return None if row is None else MapVersion(**row)


async def digest_in_force(pool: Pool | Connection) -> str | None:
    """The digest of the map that was registered last, or None before the first."""
    digest: str | None = await pool.fetchval(_DIGEST)
    return digest


async def registered_at(pool: Pool | Connection, digest: str) -> datetime | None:
    """When the map of that digest was last registered; None where it never was."""
    moment: datetime | None = await pool.fetchval("select max(taken_at) from map_versions where digest = $1", digest)
    return moment


async def take_turn(connection: Connection) -> None:
    """Wait until no other process registers a map; held until this transaction ends."""
    await connection.execute("select pg_advisory_xact_lock($1)", _REGISTERING_LOCK)


async def register_map(
    connection: Connection, digest: str, declared: Mapping[str, JSON], effects: Sequence[str], at: datetime
) -> None:
    """Put a map into force, within a transaction that took its turn. Of all, the last KEPT are kept."""
    await connection.execute(_REGISTER, digest, at, declared, list(effects))
    await connection.execute(_PRUNE, KEPT)


async def reading_by(pool: Pool | Connection, source: str, mapping: str) -> Mapping[str, JSON] | None:
    """What a registered map said about reading ``source`` when the version of its mapping was ``mapping``; None where no
    map that is kept had that version."""
    reading: Mapping[str, JSON] | None = await pool.fetchval(_READING, source, mapping)
    return reading


_LATEST = "select number, digest, taken_at, declared, effects from map_versions order by number desc limit 1"
_DIGEST = "select digest from map_versions order by number desc limit 1"
_REGISTER = "insert into map_versions (digest, taken_at, declared, effects) values ($1, $2, $3, $4)"
_PRUNE = """
delete from map_versions where number <= (select number from map_versions order by number desc offset $1 limit 1)
"""
_READING = """
select declared->'readings'->$1 from map_versions where declared->'readings'->$1->>'mapping' = $2
order by number desc limit 1
"""
