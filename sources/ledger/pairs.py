"""Pairs of records in SQL: what matching found out about two records, and what people decided about them.

A pair is kept once, the lesser record left. What people decided is never deleted: what is undone says so, and of what is not,
the latest decides its pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sources.contract import RecordKey
from sources.ledger.database import Connection, Pool
from sources.values import JSON

SAME = "SAME"
"""The verdict of a person: the two records are one product."""
APART = "APART"
"""The verdict of a person: they are two products."""
LINK = "LINK"
"""The verdict of matching: they are surely one product."""
REVIEW = "REVIEW"
"""The verdict of matching: a person should say."""


class Pair(NamedTuple):
    """Two records, the lesser one left; made by :meth:`of`."""

    left: RecordKey
    right: RecordKey

    @classmethod
    def of(cls, one: RecordKey, other: RecordKey) -> Pair:
        """The pair of two records, in either order. Raises ValueError where they are one."""
        if one == other:
            raise ValueError(f"{one} is one record")
        return cls(one, other) if one < other else cls(other, one)

    def other(self, record: RecordKey) -> RecordKey:
        """The one that is not ``record``."""
        return self.right if record == self.left else self.left


@dataclass(frozen=True, slots=True)
class Tie:
    """What is in effect about two records. ``says`` is SAME or APART, by a person, or LINK, by matching."""

    pair: Pair
    says: str
    at: datetime
    decision: UUID | None
    by: str | None
    why: str | None
    probability: float | None
    findings: Sequence[JSON] | None
    rule_version: str | None
    linked: bool
    """Whether matching's link was noted to hold."""


async def ties_of(connection: Connection, records: Iterable[RecordKey]) -> list[Tie]:
    """What is in effect about ``records`` and any others, a pair once: what a person decided last, else that matching links
    the two. What is only for review is left out."""
    wanted = list(records)
    rows = await connection.fetch(_TIES, [key.source for key in wanted], [key.id for key in wanted])
    return [Tie(pair_of(row), *row[4:]) for row in rows]


async def note_linked(connection: Connection, pairs: Mapping[Pair, bool]) -> None:
    """Note of pairs that matching links whether their records are on one product; a key or another match may stand against
    it, and then a person should look."""
    await connection.execute(_NOTE_LINKED, *_columns(pairs), list(pairs.values()))


async def decided_ahead(connection: Connection, records: Iterable[RecordKey]) -> set[RecordKey]:
    """Those of ``records``, none of which was ever seen, about which somebody decided all the same: decisions may be brought
    over from elsewhere. (Matching only ever looks at records that are there.)"""
    if not await connection.fetchval("select exists (select from match_decisions)"):
        return set()
    wanted = list(records)
    rows = await connection.fetch(_AHEAD, [key.source for key in wanted], [key.id for key in wanted])
    return {RecordKey(row[0], row[1]) for row in rows}


def pair_of(row: Sequence[str]) -> Pair:
    """The pair that a row begins with."""
    return Pair(RecordKey(row[0], row[1]), RecordKey(row[2], row[3]))


# ── What people decided ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about two records. One act, such as a merge, may decide about several pairs: ``action``."""

    id: UUID
    action: UUID
    kind: str
    pair: Pair
    verdict: str
    by: str
    why: str | None
    decided_at: datetime
    undone_at: datetime | None = None
    undone_by: str | None = None
    undone_why: str | None = None
    in_effect: bool = True
    """Whether it decides its pair: not undone, and no later one is there that is not."""


async def write_decisions(connection: Connection, decisions: Sequence[Decision]) -> list[Decision]:
    """Write decisions down, dated by the ledger's clock and later than any before about their pairs; as they were written."""
    rows = await connection.fetch(
        _WRITE,
        [one.id for one in decisions],
        [one.action for one in decisions],
        [one.kind for one in decisions],
        *_columns(one.pair for one in decisions),
        [one.verdict for one in decisions],
        [one.by for one in decisions],
        [one.why for one in decisions],
    )
    return await decisions_by_id(connection, [row[0] for row in rows])


async def decisions_by_id(connection: Connection | Pool, ids: Sequence[UUID]) -> list[Decision]:
    """The decisions of these ids, and those of the acts of these ids, in the order of their pairs."""
    return _decisions(await connection.fetch(_BY_ID, ids))


async def latest_decisions(connection: Connection, pairs: Iterable[Pair]) -> dict[Pair, Decision]:
    """What is in effect about each of ``pairs``; those about which nobody decided are left out."""
    found = _decisions(await connection.fetch(_LATEST, *_columns(pairs)))
    return {one.pair: one for one in found}


async def undo_decisions(connection: Connection, ids: Sequence[UUID], by: str, why: str | None) -> None:
    """Note that these are undone, now by the ledger's clock."""
    await connection.execute(_UNDO, ids, by, why)


async def decision_history(
    pool: Pool,
    *,
    product: UUID | None = None,
    pair: Pair | None = None,
    action: UUID | None = None,
    visible: Sequence[str],
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[Decision]:
    """Decisions about records of the ``visible`` sources, the latest first: about any record of a product, also one that is
    gone, about a pair, of one act, or all."""
    moment, last = after if after is not None else (None, None)
    ends = (*pair.left, *pair.right) if pair is not None else (None,) * 4
    return _decisions(await pool.fetch(_HISTORY, product, action, visible, moment, last, limit, *ends))


def _decisions(rows: Iterable[Sequence[Any]]) -> list[Decision]:
    return [Decision(row[4], row[5], row[6], pair_of(row), *row[7:]) for row in rows]


def _columns(pairs: Iterable[Pair]) -> tuple[list[str], list[str], list[str], list[str]]:
    rows = [(*pair.left, *pair.right) for pair in pairs]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]


_PAIR = "left_source, left_record, right_source, right_record"
_ORDERED = f"order by {_PAIR}, decided_at desc, id desc"
_TIES = f"""
with wanted as (select * from unnest($1::text[], $2::text[]) as w (source, record_id)),
latest as (
    select distinct on ({_PAIR}) d.* from (
        select d.* from wanted w join match_decisions d on (d.left_source, d.left_record) = (w.source, w.record_id)
        where d.undone_at is null
      union
        select d.* from wanted w join match_decisions d on (d.right_source, d.right_record) = (w.source, w.record_id)
        where d.undone_at is null
    ) d {_ORDERED}
),
matched as (
    select p.* from wanted w join match_pairs p on (p.left_source, p.left_record) = (w.source, w.record_id)
    where p.verdict = '{LINK}'
  union
    select p.* from wanted w join match_pairs p on (p.right_source, p.right_record) = (w.source, w.record_id)
    where p.verdict = '{LINK}'
)
select {_PAIR}, verdict, decided_at, id, by, why, null::float8, null::jsonb, null::text, false from latest
union all
select {_PAIR}, verdict, found_at, null, null, null, probability, findings, rule_version, linked from matched m
where not exists (
    select from latest l
    where (l.left_source, l.left_record, l.right_source, l.right_record)
        = (m.left_source, m.left_record, m.right_source, m.right_record))
"""
_AHEAD = """
select w.source, w.record_id from unnest($1::text[], $2::text[]) as w (source, record_id)
where exists (select from match_decisions d where d.left_source = w.source and d.left_record = w.record_id)
   or exists (select from match_decisions d where d.right_source = w.source and d.right_record = w.record_id)
"""
_NOTE_LINKED = f"""
update match_pairs p set linked = n.linked
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[]) as n ({_PAIR}, linked)
where (p.left_source, p.left_record, p.right_source, p.right_record)
    = (n.left_source, n.left_record, n.right_source, n.right_record)
"""
_WANTED_PAIRS = f"unnest($1::text[], $2::text[], $3::text[], $4::text[]) as w ({_PAIR})"
# A clock that was set back must not make a later word the earlier one.
_WRITE = f"""
insert into match_decisions (id, action, kind, {_PAIR}, verdict, by, why, decided_at)
select n.*, greatest(clock_timestamp(), (
    select max(d.decided_at) + interval '1 microsecond' from match_decisions d
    where (d.left_source, d.left_record, d.right_source, d.right_record)
        = (n.left_source, n.left_record, n.right_source, n.right_record)))
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[]) as n (id, action, kind, {_PAIR}, verdict, by, why)
returning id
"""
_DECISION = """
d.left_source, d.left_record, d.right_source, d.right_record, d.id, d.action, d.kind, d.verdict, d.by, d.why,
d.decided_at, d.undone_at, d.undone_by, d.undone_why,
d.undone_at is null and not exists (
    select from match_decisions e
    where (e.left_source, e.left_record, e.right_source, e.right_record)
        = (d.left_source, d.left_record, d.right_source, d.right_record)
      and e.undone_at is null and (e.decided_at, e.id) > (d.decided_at, d.id))
"""
_BY_ID = f"""
select {_DECISION} from match_decisions d where d.id = any($1::uuid[]) or d.action = any($1::uuid[])
order by {_PAIR}, decided_at desc, id desc
"""
_LATEST = f"""
select distinct on ({_PAIR}) {_DECISION} from {_WANTED_PAIRS} join match_decisions d using ({_PAIR})
where d.undone_at is null {_ORDERED}
"""
_UNDO = """
update match_decisions set undone_at = greatest(clock_timestamp(), decided_at), undone_by = $2, undone_why = $3
where id = any($1::uuid[]) and undone_at is null
"""
_HISTORY = f"""
select {_DECISION} from match_decisions d
where ($1::uuid is null
       or (d.left_source, d.left_record) in (select r.source, r.record_id from records r where r.product_id = $1)
       or (d.right_source, d.right_record) in (select r.source, r.record_id from records r where r.product_id = $1))
  and ($2::uuid is null or d.action = $2)
  and d.left_source = any($3::text[]) and d.right_source = any($3::text[])
  and ($4::timestamptz is null or (d.decided_at, d.id) < ($4::timestamptz, $5::uuid))
  and ($7::text is null or (d.left_source, d.left_record, d.right_source, d.right_record)
                         = ($7::text, $8::text, $9::text, $10::text))
order by d.decided_at desc, d.id desc limit $6
"""
