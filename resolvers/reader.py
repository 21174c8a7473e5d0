"""The one way to read: crosswalk, plan, sources, assemble. Every question for facts comes through here, many products and
many fields at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from resolvers.assembler import assemble
from resolvers.executor import Evidence, Executor, LiveReading
from resolvers.facts import Fact
from resolvers.ownership import OwnershipMap
from sources.failures import Failure


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a fact is assembled: the locale and channel asked for, and the sources whose records they may see."""

    locale: str | None = None
    channel: str | None = None
    visible: frozenset[str] | None = None


EVERYTHING = Asker()


@dataclass(frozen=True, slots=True)
class ProductReading:
    """One product as read: its facts are assembled from it, for whoever asks."""

    evidence: Evidence
    ownership: OwnershipMap
    down: Mapping[str, Failure]
    now: datetime

    def fact(self, field: str, asker: Asker = EVERYTHING) -> Fact:
        """The fact of ``field``, which must be one of those that were read."""
        return assemble(
            self.ownership.fields[field],
            self.evidence.heard[field],
            self.ownership.scopes(asker.locale, asker.channel),
            self.now,
            visible=asker.visible,
            down=self.down,
        )


@dataclass(frozen=True, slots=True)
class Readings:
    """What one read brought: the products, and the systems that failed on the way, with the fields they cost."""

    products: Mapping[UUID, ProductReading]
    failures: Mapping[str, Failure]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads facts. ``remember`` takes what live sources answered to the ledger; it must not block.

    ``unsettled`` names the sources that have not yet been read to the end: of them, no record is not "no record".
    """

    ownership: OwnershipMap
    executor: Executor
    remember: Callable[[LiveReading], None]
    unsettled: Callable[[], Collection[str]]

    async def read(self, products: Sequence[UUID], fields: Collection[str], as_of: datetime | None = None) -> Readings:
        """``fields`` of ``products``, now or as of a moment (aware, by our clock). Unknown products have no evidence."""
        now = as_of or datetime.now(UTC)
        execution = await self.executor.execute(products, fields, as_of)
        for reading in execution.readings:
            self.remember(reading)
        unsettled = self.unsettled()
        down = {name: failure for name, failure in execution.failures.items() if name in unsettled}
        return Readings(
            {
                product: ProductReading(evidence, self.ownership, down, now)
                for product, evidence in execution.evidence.items()
            },
            execution.failures,
        )
