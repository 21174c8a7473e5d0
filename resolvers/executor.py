"""Carrying out a plan: the ledger once, each live source once and all at the same time, the ledger's word for those that
fail. What comes out is what every record says about every field, and which systems could not be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from resolvers.ownership import OwnershipMap
from resolvers.planner import Step, plan, steps_by_source
from resolvers.settling import settle
from sources.contract import Claim, Failed, Outcome, Outcomes, Reading, RecordKey, Source
from sources.failures import Failure
from sources.ledger.source import Ledger


@dataclass(frozen=True, slots=True)
class Heard:
    """What one record says about one field. With ``failure`` its system could not be reached: it is what it last said."""

    key: RecordKey
    claims: tuple[Claim, ...]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is said about the asked fields of one product."""

    heard: Mapping[str, tuple[Heard, ...]]
    """Field to what its records say, one entry a record."""


@dataclass(frozen=True, slots=True)
class LiveReading:
    """What one live source answered, for the ledger to remember."""

    source: str
    outcomes: Outcomes
    at: datetime


@dataclass(frozen=True, slots=True)
class Execution:
    """The evidence by product, the live readings, and the systems that failed on the way."""

    evidence: Mapping[UUID, Evidence]
    readings: tuple[LiveReading, ...]
    failures: Mapping[str, Failure]


@dataclass(frozen=True, slots=True)
class Executor:
    """Asks systems. ``failing`` gives the stored sources whose last sync failed."""

    ownership: OwnershipMap
    ledger: Ledger
    sources: Mapping[str, Source]
    failing: Callable[[], Mapping[str, Failure]]

    async def execute(self, products: Sequence[UUID], fields: Collection[str], as_of: datetime | None) -> Execution:
        """What is said about ``fields`` of ``products``, now or as of a moment."""
        known = await self.ledger.at(as_of).of(products, fields)
        declared = {
            product: {key: outcomes for key, outcomes in records.items() if key.source in self.ownership.sources}
            for product, records in known.items()
        }
        keys = [key for records in declared.values() for key in records]
        steps = plan(self.ownership, keys, fields, past=as_of is not None)
        readings = await asyncio.gather(*(self._ask(step) for step in steps_by_source(steps).values()))
        answers = {reading.source: reading.outcomes for reading in readings}
        down: dict[str, Failure] = {} if as_of is not None else dict(self.failing())
        evidence = {product: self._evidence(records, fields, answers, down) for product, records in declared.items()}
        failures = {
            reading.source: failed.failure
            for reading in readings
            for failed in [_first_failure(reading.outcomes)]
            if failed is not None
        }
        concerned = {source for name in fields for source in self.ownership.fields[name].chain}
        failures |= {name: failure for name, failure in down.items() if name in concerned and name not in answers}
        return Execution(evidence, tuple(readings), failures)

    async def _ask(self, step: Step) -> LiveReading:
        fetch = self.sources[step.source].fetch
        assert fetch is not None, f"{step.source} is read live and cannot be asked by key; whence check refuses that"
        outcomes = await fetch(step.keys, step.fields)
        return LiveReading(step.source, outcomes, datetime.now(UTC))

    def _evidence(
        self,
        records: Mapping[RecordKey, Mapping[str, Outcome]],
        fields: Collection[str],
        answers: Mapping[str, Outcomes],
        down: Mapping[str, Failure],
    ) -> Evidence:
        heard: dict[str, list[Heard]] = {name: [] for name in fields}
        for key, known in records.items():
            said = [name for name in fields if key.source in self.ownership.mapped[name]]
            live = answers.get(key.source, {}).get(key, {})
            for name in said:
                last = known[name]
                claims = last.claims if isinstance(last, Reading) else ()
                if name not in live:
                    stored = self.ownership.declaration(key.source).read == "stored"
                    heard[name].append(Heard(key, claims, down.get(key.source) if stored else None))
                    continue
                match live[name]:
                    case Failed(failure):
                        heard[name].append(Heard(key, claims, failure))
                    case Reading(fresh):
                        settled, _ = settle(fresh, {name: claims} if claims else {})
                        heard[name].append(Heard(key, settled))
                    case _:
                        heard[name].append(Heard(key, ()))
        return Evidence({name: tuple(entries) for name, entries in heard.items()})


def _first_failure(outcomes: Outcomes) -> Failed | None:
    return next((one for by_field in outcomes.values() for one in by_field.values() if isinstance(one, Failed)), None)
