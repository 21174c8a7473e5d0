"""Runs and cursors: how far each source has been read, and how its syncs ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sources.contract import Cursor
from sources.failures import Failure, FailureKind
from sources.ledger.database import Pool
from sources.storable import kept_cursor

RUNS_KEPT = 500
"""Runs of a source that can be looked at."""
COUNTS = ("seen", "added", "changed", "gone", "rejected", "unreadable", "remapped")
"""What is counted in a run."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """Where the syncs of a source stand. Moments are ours, aware."""

    cursor: Cursor
    walk: int
    walk_began_at: datetime | None
    walked_at: datetime | None
    confirmed_at: datetime | None
    mapping: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of one source; ``finished_at`` is None while it is under way, or where it was killed."""

    started_at: datetime
    finished_at: datetime | None
    seen: int
    added: int
    changed: int
    gone: int
    rejected: int
    unreadable: int
    """Values, in the records that were read, that could not be."""
    remapped: int
    """Records that were read anew from the ledger, by another map."""
    worker: str | None
    """The process that ran it."""
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the ledger knows about a source as a whole."""

    records: int
    products: int
    apart: int
    rejected: int
    confirmed_at: datetime | None
    last_run: Run | None
    failing_since: datetime | None
    """The start of the first of the runs that have failed without one between them that did not."""


async def sync_state(pool: Pool, source: str) -> SyncState:
    """Where the syncs of ``source`` stand. Raises LookupError for a source that has not been registered."""
    row = await pool.fetchrow(
        "select cursor, walk, walk_began_at, walked_at, confirmed_at, mapping from cursors where source = $1", source
    )
    if row is None:
        raise LookupError(f"the source {source!r} has not been registered in the ledger")
    return SyncState(**{**row, "cursor": kept_cursor(row["cursor"])})


async def begin_run(pool: Pool, source: str, at: datetime, worker: str | None = None) -> int:
    """Note that a run of ``worker`` begins; its number. Of a source, the last RUNS_KEPT runs are kept."""
    await pool.execute(_PRUNE, source, RUNS_KEPT)
    number: int = await pool.fetchval(
        "insert into runs (source, started_at, worker) values ($1, $2, $3) returning number", source, at, worker
    )
    return number


async def finish_run(
    pool: Pool, source: str, number: int, counts: Mapping[str, int], outcome: str, failure: Failure | None
) -> None:
    """Note how a run ended: DONE, FAILED, YIELDED to another that was at work, or STOPPED between two batches. The last two
    say nothing about the system."""
    await pool.execute(
        _FINISH,
        source,
        number,
        datetime.now(UTC),
        outcome,
        *(counts[name] for name in COUNTS),
        failure.kind.value if failure else None,
        failure.message if failure else None,
    )


async def source_states(pool: Pool) -> dict[str, SourceState]:
    """Every registered source's state, by name."""
    return {
        row["name"]: SourceState(
            records=row["records"],
            products=row["products"],
            apart=row["apart"],
            rejected=row["rejected_now"],
            confirmed_at=row["confirmed_at"],
            last_run=_run(row) if row["started_at"] else None,
            failing_since=row["failing_since"],
        )
        for row in await pool.fetch(_STATES)
    }


async def failing_sources(pool: Pool) -> dict[str, tuple[datetime, Failure]]:
    """The sources whose last run failed: since when, and how."""
    return {
        row["source"]: (row["failing_since"], Failure(FailureKind(row["failure_kind"]), row["failure_message"]))
        for row in await pool.fetch(_FAILING)
    }


async def settled_sources(pool: Pool) -> frozenset[str]:
    """The sources that have been read to the end at least once."""
    return frozenset(row["name"] for row in await pool.fetch("select name from sources where settled_at is not null"))


def _run(row: Mapping[str, object]) -> Run:
    kind, message = row["failure_kind"], row["failure_message"]
    counts = {name: row[name] for name in (*COUNTS, "worker")}
    failure = Failure(FailureKind(str(kind)), str(message)) if kind else None
    return Run(row["started_at"], row["finished_at"], failure=failure, **counts)  # type: ignore[arg-type]


_FINISH = """
update runs set finished_at = $3, outcome = $4, seen = $5, added = $6, changed = $7, gone = $8, rejected = $9,
       unreadable = $10, remapped = $11, failure_kind = $12, failure_message = $13
where source = $1 and number = $2
"""
_FAILING_SINCE = """
(select min(f.started_at) from runs f where f.source = {source} and f.outcome = 'FAILED' and f.number > coalesce(
    (select max(d.number) from runs d where d.source = {source} and d.outcome = 'DONE'), 0))
"""
_STATES = f"""
select s.name, c.confirmed_at, run.*, {_FAILING_SINCE.format(source="s.name")} as failing_since,
       (select count(*) from rejections j where j.source = s.name) as rejected_now,
       coalesce(x.records, 0) as records, coalesce(x.products, 0) as products, coalesce(x.apart, 0) as apart
from sources s join cursors c on c.source = s.name
left join lateral (
    select started_at, finished_at, seen, added, changed, gone, rejected, unreadable, remapped, worker, failure_kind,
           failure_message
    from runs r where r.source = s.name and r.outcome in ('DONE', 'FAILED') order by number desc limit 1) run on true
left join (
    select source, count(*) as records, count(distinct product_id) as products,
           count(*) filter (where linked_by = 'apart') as apart
    from crosswalk where gone_at is null group by source) x on x.source = s.name
"""
_FAILING = f"""
select last.source, last.failure_kind, last.failure_message,
       {_FAILING_SINCE.format(source="last.source")} as failing_since
from sources s cross join lateral (
    select source, outcome, failure_kind, failure_message from runs r
    where r.source = s.name and r.outcome in ('DONE', 'FAILED') order by number desc limit 1) last
where last.outcome = 'FAILED'
"""
_PRUNE = """
delete from runs where source = $1 and number <= (
    select number from runs where source = $1 order by number desc offset $2 limit 1)
"""
