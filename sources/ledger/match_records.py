"""Records as matching reads them: which are to be read, what was read of each, and the keys by which others find it.

A catalogue's records are followed by its batches, behind what syncs write; where they are to be read in another way, all of
them are gone through in the order of their ids. Who writes here has :func:`come_to_match`, so that one process does at a
time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.values import JSON

MOST_CARRIERS = 500
"""Records that may carry a key before it leads nowhere; also one that later fewer carry."""
_LOCK = 0x6D617463  # "matc"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a catalogue has been read for matching; see the table ``match_progress``."""

    reading: str
    batch: int
    after: str | None
    records: int


class SourceRecord(NamedTuple):
    """A present record, as the ledger keeps it."""

    record_id: str
    claims: Mapping[str, list[JSON]]
    names: Sequence[str]
    identifiers: Sequence[Mapping[str, str]]
    observed_at: datetime
    digest: bytes = b""
    """Of what was last written of it."""


class ReadRecord(NamedTuple):
    """What was read of a record. ``profile`` as bytes, ``keys`` hashed."""

    record_id: str
    profile: bytes
    keys: Sequence[int]


class StoredProfile(NamedTuple):
    """What is compared of a record, by its number."""

    number: int
    key: RecordKey
    profile: bytes
    keys: Sequence[int]


async def come_to_match(connection: Connection) -> None:
    """Wait until no other transaction writes what matching knows; held until this one ends. Who links too comes here first,
    see :mod:`sources.ledger.links`; decisions and batches, which have records be due, do not, so all who write into
    ``match_due`` go by the order of its key."""
    await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)


# ── Who matches ────────────────────────────────────────────────────────────────────────────────────────────────────


async def take_matching(pool: Pool, worker: str, seconds: float) -> bool:
    """Whether ``worker`` is the one to match for the next ``seconds``: nobody else is, or has said so for too long."""
    return await pool.fetchval(_TAKE, worker, seconds) is not None


async def leave_matching(pool: Pool, worker: str) -> None:
    """Let another process match."""
    await pool.execute("delete from match_turn where worker = $1", worker)


# ── What is to be read, and to be compared ─────────────────────────────────────────────────────────────────────────


async def progress_of(ledger: Connection | Pool, sources: Collection[str]) -> dict[str, Progress]:
    """How far each of ``sources`` has been read; those that never were are left out."""
    rows = await ledger.fetch(_PROGRESS, list(sources))
    return {row[0]: Progress(*row[1:]) for row in rows}


async def note_progress(connection: Connection, source: str, progress: Progress) -> None:
    """Note how far ``source`` has been read."""
    await connection.execute(_NOTE, source, progress.reading, progress.batch, progress.after, progress.records)


async def ids_after(pool: Pool, source: str, after: str, limit: int) -> list[str]:
    """The next ``limit`` ids of a source's present records behind ``after``."""
    return [row[0] for row in await pool.fetch(_IDS_AFTER, source, after, limit)]


async def ids_of_batches(pool: Pool, source: str, after: int, last: int) -> list[str]:
    """The records in which something moved in the batches of ``source`` behind ``after``, up to ``last``."""
    return [row[0] for row in await pool.fetch(_IDS_OF_BATCHES, source, after, last)]


async def stale_ids(pool: Pool, source: str, limit: int) -> list[str]:
    """Records that are to be read anew though no batch says so."""
    rows = await pool.fetch("select record_id from match_due where stale and source = $1 limit $2", source, limit)
    return [row[0] for row in rows]


async def make_read_due(connection: Connection, source: str, ids: Collection[str], gone: Collection[str]) -> None:
    """Have ``ids``, which are about to be read anew, be compared; those that are ``gone`` are not any more."""
    await connection.execute(_MAKE_READ_DUE, source, sorted(ids))
    await connection.execute(
        "delete from match_due where source = $1 and record_id = any($2::text[])", source, list(gone)
    )


async def make_stale(connection: Connection, source: str, ids: Collection[str]) -> None:
    """Have records be read anew for matching: what the change log does not tell of them has changed."""
    await connection.execute(_MAKE_STALE, source, sorted(ids))


async def make_due(connection: Connection, records: Iterable[RecordKey], again: int = 0) -> None:
    """Have ``records`` be compared once more: what was decided about them, or about a partner, has changed."""
    keys = sorted(set(records))
    await connection.execute(_MAKE_DUE, [key.source for key in keys], [key.id for key in keys], again)


async def make_all_due(connection: Connection, sources: Collection[str]) -> None:
    """Have all records of ``sources`` be compared once more."""
    await connection.execute(_MAKE_ALL_DUE, list(sources))


async def due_records(pool: Pool, sources: Collection[str], limit: int) -> list[tuple[RecordKey, int]]:
    """The next records to compare, all of one source, each with the length of the chain that it stands in."""
    rows = await pool.fetch(_DUE, list(sources), limit)
    return [(RecordKey(row[0], row[1]), row[2]) for row in rows if row[0] == rows[0][0]]


async def drop_due(connection: Connection, records: Iterable[RecordKey]) -> None:
    """These have been compared."""
    keys = list(records)
    await connection.execute(_DROP_DUE, [key.source for key in keys], [key.id for key in keys])


async def waiting_records(ledger: Connection | Pool, sources: Collection[str], reading: str) -> dict[str, int]:
    """Source to how many of its records wait to be compared, those included that are still to be read, or were read in
    another way than ``reading``; counted up to 100,000 each."""
    return {row[0]: row[1] for row in await ledger.fetch(_WAITING, list(sources), reading)}


# ── What was read ──────────────────────────────────────────────────────────────────────────────────────────────────


async def present_records(connection: Connection, source: str, ids: Collection[str]) -> list[SourceRecord]:
    """Those of the records ``ids`` that are present."""
    return [SourceRecord(*row) for row in await connection.fetch(_PRESENT, source, list(ids))]


async def write_read(connection: Connection, source: str, rows: Sequence[ReadRecord], gone: Collection[str]) -> int:
    """Write what was read of records, new or read before, and forget those that are ``gone``; how many there are more than
    before."""
    ids = [row.record_id for row in rows]
    before = {row[0]: (row[1], row[2]) for row in await connection.fetch(_READ_BEFORE, source, [*ids, *gone])}
    news = [row for row in rows if row.record_id not in before]
    numbers = dict(await connection.fetch(_ADD_READ, source, *_columns(news))) if news else {}
    changed = [row for row in rows if row.record_id in before]
    if changed:
        await connection.execute(_CHANGE_READ, source, *_columns(changed))
    added = [(key, numbers[row.record_id]) for row in news for key in row.keys]
    removed = []
    for row in changed:
        number, old = before[row.record_id]
        added += [(key, number) for key in set(row.keys).difference(old)]
        removed += [(key, number) for key in set(old).difference(row.keys)]
    left = [one for one in gone if one in before]
    removed += [(key, before[one][0]) for one in left for key in before[one][1]]
    if left:
        await connection.execute(
            "delete from match_records where source = $1 and record_id = any($2::text[])", source, left
        )
    if removed:
        await connection.execute(_REMOVE_KEYS, source, *zip(*sorted(removed), strict=True))
        unused = "delete from match_keys where source = $1 and key = any($2::bigint[]) and carriers <= 0"
        await connection.execute(unused, source, [key for key, _ in removed])
    if added:
        await connection.execute(_ADD_KEYS, source, *zip(*sorted(added), strict=True), MOST_CARRIERS)
    return len(news) - len(left)


def _columns(rows: Sequence[ReadRecord]) -> tuple[list[str], list[bytes], list[str]]:
    # an array of arrays would have to be as wide everywhere
    return (
        [row.record_id for row in rows],
        [row.profile for row in rows],
        [",".join(map(str, row.keys)) for row in rows],
    )


async def profiles_of(ledger: Connection | Pool, records: Collection[RecordKey]) -> list[StoredProfile]:
    """What was read of ``records``; those that never were are left out."""
    rows = await ledger.fetch(_PROFILES, [key.source for key in records], [key.id for key in records])
    return [StoredProfile(row[0], RecordKey(row[1], row[2]), row[3], row[4]) for row in rows]


async def profiles_by_number(ledger: Connection | Pool, numbers: Collection[int]) -> list[StoredProfile]:
    """The same by their numbers; their keys are left out."""
    rows = await ledger.fetch(_BY_NUMBER, list(numbers))
    return [StoredProfile(row[0], RecordKey(row[1], row[2]), row[3], ()) for row in rows]


async def sampled_profiles(pool: Pool, source: str, step: int, after: int, limit: int) -> list[StoredProfile]:
    """The next ``limit`` of a source's records behind the number ``after``, of all numbers every ``step``-th, mixed well."""
    rows = await pool.fetch(_SAMPLE, source, step, after, limit)
    return [StoredProfile(row[0], RecordKey(row[1], row[2]), row[3], row[4]) for row in rows]


_TAKE = """
insert into match_turn (worker, held_until) values ($1, clock_timestamp() + make_interval(secs => $2))
on conflict ("only") do update set worker = excluded.worker, held_until = excluded.held_until
where match_turn.worker = excluded.worker or match_turn.held_until < clock_timestamp()
returning worker
"""
_PROGRESS = """
select source, reading, batch, after, records from match_progress where source = any($1::text[])
"""
_NOTE = """
insert into match_progress (source, reading, batch, after, records) values ($1, $2, $3, $4, $5)
on conflict (source) do update
set reading = excluded.reading, batch = excluded.batch, after = excluded.after, records = excluded.records
"""
_IDS_AFTER = """
select record_id from crosswalk where source = $1 and record_id > $2 and gone_at is null order by record_id limit $3
"""
_IDS_OF_BATCHES = "select distinct record_id from changes where source = $1 and batch > $2 and batch <= $3"
_MAKE_STALE = """
insert into match_due (source, record_id, stale)
select $1, record_id, true from unnest($2::text[]) as w (record_id) order by record_id
on conflict (source, record_id) do update set stale = true
"""
_MAKE_READ_DUE = """
insert into match_due (source, record_id) select $1, record_id from unnest($2::text[]) as w (record_id) order by record_id
on conflict (source, record_id) do update set stale = false, again = 0
"""
_MAKE_DUE = """
insert into match_due (source, record_id, again)
select w.source, w.record_id, $3::smallint from unnest($1::text[], $2::text[]) as w (source, record_id)
join match_records r using (source, record_id) order by w.source, w.record_id
on conflict (source, record_id) do nothing
"""
_MAKE_ALL_DUE = """
insert into match_due (source, record_id) select source, record_id from match_records where source = any($1::text[])
order by source, record_id
on conflict (source, record_id) do nothing
"""
_DUE = """
select source, record_id, again from match_due where source = any($1::text[]) and not stale
order by source, record_id limit $2
"""
_DROP_DUE = """
delete from match_due d using unnest($1::text[], $2::text[]) as w (source, record_id)
where (d.source, d.record_id) = (w.source, w.record_id) and not d.stale
"""
_WAITING = """
select w.source,
       (select count(*) from (select from match_due d where d.source = w.source limit 100000) d)
       + case when p.after is null and p.reading = $2 then (
             select count(*) from (
                 select distinct record_id from changes c
                 where c.source = w.source and c.batch > p.batch and c.batch <= k.batch limit 100000) c)
         else (
             select count(*) from (
                 select from crosswalk x
                 where x.source = w.source and x.gone_at is null
                   and x.record_id > case when p.reading = $2 then p.after else '' end
                 limit 100000) x)
         end
from unnest($1::text[]) as w (source)
left join match_progress p on p.source = w.source
left join cursors k on k.source = w.source
"""
_PRESENT = """
select x.record_id, r.claims, r.names, r.identifiers, r.observed_at, x.digest
from unnest($2::text[]) as w (record_id)
join crosswalk x on x.source = $1 and x.record_id = w.record_id and x.gone_at is null
join records r on (r.product_id, r.source, r.record_id) = (x.product_id, x.source, x.record_id)
where r.gone_at is null
"""
_READ_BEFORE = """
select record_id, number, keys from match_records where source = $1 and record_id = any($2::text[])
"""
_ADD_READ = """
insert into match_records (source, record_id, profile, keys)
select $1, record_id, profile, string_to_array(keys, ',')::bigint[]
from unnest($2::text[], $3::bytea[], $4::text[]) with ordinality as new (record_id, profile, keys, place)
order by place
returning record_id, number
"""
_CHANGE_READ = """
update match_records r set profile = new.profile, keys = string_to_array(new.keys, ',')::bigint[]
from unnest($2::text[], $3::bytea[], $4::text[]) as new (record_id, profile, keys)
where r.source = $1 and r.record_id = new.record_id
"""
_ADD_KEYS = """
insert into match_keys as k (source, key, carriers, records)
select $1, key, count(*), case when count(*) > $4 then '{}' else array_agg(number) end
from unnest($2::bigint[], $3::int[]) as new (key, number) group by key order by key
on conflict (source, key) do update
set carriers = k.carriers + excluded.carriers,
    records = case when cardinality(k.records) < k.carriers or k.carriers + excluded.carriers > $4 then '{}'
                   else k.records || excluded.records end
"""
_REMOVE_KEYS = """
update match_keys k
set carriers = k.carriers - cardinality(f.numbers),
    records = array(select one from unnest(k.records) as one where one <> all (f.numbers))
from (select key, array_agg(number) as numbers from unnest($2::bigint[], $3::int[]) as old (key, number) group by key) f
where k.source = $1 and k.key = f.key
"""
_PROFILES = """
select r.number, r.source, r.record_id, r.profile, r.keys
from unnest($1::text[], $2::text[]) as w (source, record_id) join match_records r using (source, record_id)
"""
_BY_NUMBER = """
select r.number, r.source, r.record_id, r.profile
from unnest($1::int[]) as w (number) join match_records r using (number)
"""
_SAMPLE = """
select number, source, record_id, profile, keys from match_records
where source = $1 and number > $3 and ($2 = 1 or hashint4(number) % $2 = 0)
order by number limit $4
"""
