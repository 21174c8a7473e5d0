"""What a company's dashboards ask: how its systems do, and where ownership is at risk, from what the systems really
contain and not only from the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from time import monotonic

from resolvers.facts import Freshness
from resolvers.ownership import OwnershipMap
from resolvers.reader import Reader
from sources.failures import Failure
from sources.ledger.catalogue import list_products
from sources.ledger.conditions import Every
from sources.ledger.database import Pool
from sources.ledger.runs import SourceState, source_states
from sources.ledger.set_aside import (
    ApartRecord,
    Rejection,
    UnreadableValue,
    apart_records,
    rejections,
    unreadable_counts,
    unreadable_values,
)
from sources.ledger.unmapped import columns_seen
from sources.mapping import Mapping as SourceMapping

SAMPLE = 1000
"""Products that are looked at to judge freshness and conflicts."""
MOST_LISTED = 500
"""Records a source of which a person can still look at each."""
REMEMBERED = 15.0
"""Seconds for which a judgement is given again."""
SILENT_AFTER = 3
"""A source is silent after so many of its intervals without a completed sync."""


class RiskKind(StrEnum):
    """What is wrong about an ownership."""

    NO_SYSTEM_OF_RECORD = "NO_SYSTEM_OF_RECORD"
    NO_STEWARD = "NO_STEWARD"
    MULTIPLE_WRITERS = "MULTIPLE_WRITERS"
    STALE = "STALE"
    CONFLICTING = "CONFLICTING"
    UNMAPPED = "UNMAPPED"
    SILENT_SOURCE = "SILENT_SOURCE"


@dataclass(frozen=True, slots=True)
class OwnershipRisk:
    """One risk; ``severity`` from 0 to 1 orders them."""

    kind: RiskKind
    field: str | None
    source: str | None
    message: str
    severity: float


@dataclass(frozen=True, slots=True)
class UnmappedColumn:
    """A column that a system fills and that whence.toml does not mention."""

    source: str
    column: str
    filled: int
    """In how many of the records looked at."""


class SourceStatus(StrEnum):
    """How a source does."""

    HEALTHY = "HEALTHY"
    FAILING = "FAILING"
    NEVER_READ = "NEVER_READ"


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How one source does: its state in the ledger, and its failure, of a sync or of the last live read."""

    name: str
    status: SourceStatus
    state: SourceState | None
    failure: Failure | None
    since: datetime | None
    unreadable: Mapping[str, int]
    """Field to the number of records whose value of it is there and could not be read."""


@dataclass
class Governance:
    """Judges the map against what is there. ``live_failures`` gives the live sources that failed when last asked."""

    pool: Pool
    ownership: OwnershipMap
    reader: Reader
    live_failures: Callable[[], Mapping[str, tuple[datetime, Failure]]]
    _remembered: tuple[float, tuple[OwnershipRisk, ...]] | None = field(default=None, init=False)

    async def sources(self) -> list[SourceReport]:
        """Every declared source, in the order of whence.toml."""
        states = await source_states(self.pool)
        unreadable = await unreadable_counts(self.pool)
        live = self.live_failures()
        return [
            self._report(name, states.get(name), live.get(name), unreadable.get(name, {}))
            for name in self.ownership.sources
        ]

    def _report(
        self,
        name: str,
        state: SourceState | None,
        live: tuple[datetime, Failure] | None,
        unreadable: Mapping[str, int],
    ) -> SourceReport:
        failure, since = None, None
        if live is not None:
            since, failure = live
        elif state is not None and state.last_run is not None and state.last_run.failure is not None:
            failure, since = state.last_run.failure, state.failing_since
        if failure is not None:
            status = SourceStatus.FAILING
        elif state is None or state.confirmed_at is None:
            status = SourceStatus.NEVER_READ
        else:
            status = SourceStatus.HEALTHY
        return SourceReport(name, status, state, failure, since, unreadable)

    async def apart(self, source: str) -> list[ApartRecord]:
        """The records of a source that stay apart, with their reasons; at most MOST_LISTED."""
        return await apart_records(self.pool, source, MOST_LISTED)

    async def rejected(self, source: str) -> list[Rejection]:
        """What the last walk of a source set aside; at most MOST_LISTED."""
        return await rejections(self.pool, source, MOST_LISTED)

    async def unreadable(self, source: str, fields: Collection[str]) -> list[UnreadableValue]:
        """The values of ``fields`` in a source that are there and could not be read; at most MOST_LISTED."""
        return await unreadable_values(self.pool, source, fields, MOST_LISTED)

    async def unmapped(self) -> list[UnmappedColumn]:
        """The columns that systems fill and the map does not mention, fullest first."""
        found: list[UnmappedColumn] = []
        types = self.ownership.shapes()
        for name, source in self.ownership.sources.items():
            known = SourceMapping(source.declaration, types).all_columns()
            seen = await columns_seen(self.pool, name, SAMPLE)
            found += [UnmappedColumn(name, column, filled) for column, filled in seen if column not in known]
        return sorted(found, key=lambda one: (-one.filled, one.source, one.column))

    async def risks(self) -> tuple[OwnershipRisk, ...]:
        """The risks, worst first; the same answer for some seconds."""
        if self._remembered is not None and monotonic() - self._remembered[0] < REMEMBERED:
            return self._remembered[1]
        risks = [*self._declared(), *await self._facts(), *await self._columns(), *await self._silent()]
        ordered = tuple(sorted(risks, key=lambda one: (-one.severity, one.kind, one.field or "", one.source or "")))
        self._remembered = monotonic(), ordered
        return ordered

    def _declared(self) -> Iterator[OwnershipRisk]:
        for name, definition in self.ownership.fields.items():
            if definition.steward is None:
                yield OwnershipRisk(
                    RiskKind.NO_STEWARD, name, None, f"{definition.label}: nobody is responsible for it.", 0.5
                )
            others = [writer for writer in definition.writers if writer != definition.system_of_record]
            if others:
                message = (
                    f"{definition.label}: {', '.join(others)} may change it too, "
                    f"though {definition.system_of_record} owns it."
                )
                yield OwnershipRisk(RiskKind.MULTIPLE_WRITERS, name, others[0], message, 0.6)

    async def _facts(self) -> list[OwnershipRisk]:
        listed = await list_products(self.pool, Every(()), None, None, SAMPLE)
        # As of now, and so from the ledger: a dashboard does not ask a thousand products of a live system.
        readings = await self.reader.read(
            [one.product for one in listed], list(self.ownership.fields), datetime.now(UTC)
        )
        stale: Counter[str] = Counter()
        conflicting: Counter[str] = Counter()
        for product in readings.products.values():
            for name in self.ownership.fields:
                fact = product.fact(name)
                stale[name] += fact.freshness is Freshness.STALE
                conflicting[name] += fact.conflict is not None
        total = len(readings.products) or 1
        risks = []
        for kind, counts, what, weight in (
            (RiskKind.CONFLICTING, conflicting, "systems contradict each other on", 0.9),
            (RiskKind.STALE, stale, "it is older than its max age on", 0.7),
        ):
            for name, count in counts.items():
                if count:
                    message = f"{self.ownership.fields[name].label}: {what} {count} of {total} products."
                    source = self.ownership.fields[name].system_of_record
                    risks.append(OwnershipRisk(kind, name, source, message, weight * (0.5 + 0.5 * count / total)))
        return risks

    async def _columns(self) -> list[OwnershipRisk]:
        by_source: dict[str, list[str]] = {}
        for one in await self.unmapped():
            by_source.setdefault(one.source, []).append(one.column)
        return [
            OwnershipRisk(
                RiskKind.UNMAPPED,
                None,
                source,
                f"{source} fills {len(columns)} columns that nobody has claimed: {', '.join(columns[:5])}"
                f"{', …' if len(columns) > 5 else ''}.",
                0.2,
            )
            for source, columns in by_source.items()
        ]

    async def _silent(self) -> list[OwnershipRisk]:
        now = datetime.now(UTC)
        risks = []
        for report in await self.sources():
            every = self.ownership.declaration(report.name).sync.every
            confirmed = report.state.confirmed_at if report.state else None
            patience = max(every * SILENT_AFTER, timedelta(minutes=1))
            if report.failure is not None:
                message = f"{report.name} cannot be read: {report.failure.message}"
            elif confirmed is None:
                message = f"{report.name} has never been read to the end."
            elif now - confirmed > patience:
                message = f"{report.name} was last read to the end at {confirmed:%Y-%m-%d %H:%M} UTC."
            else:
                continue
            risks.append(OwnershipRisk(RiskKind.SILENT_SOURCE, None, report.name, message, 1.0))
        return risks
