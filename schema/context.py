"""What the resolvers of one request share: the reader, the audience, the loader in front of the reader, and what failed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.types import Info

from resolvers.candidates import Candidates
from resolvers.catalogue import Catalogue
from resolvers.compatibility.judging import Judging
from resolvers.compatibility.partners import Partners
from resolvers.compatibility.questions import Questions
from resolvers.cursors import Cursors
from resolvers.deciding import Deciding
from resolvers.governance import Governance
from resolvers.ownership import OwnershipMap
from resolvers.reader import Asker, ProductReading, Reader
from sources.contract import RecordKey
from sources.failures import Failure
from sources.ledger.candidates import Glimpse, glimpses
from sources.ledger.lookups import CrosswalkRow
from sources.ledger.pairs import Decision, decisions_by_id


@dataclass(frozen=True, slots=True)
class FactKey:
    """One field of one product, now or as of a moment."""

    product: UUID
    field: str
    as_of: datetime | None


@dataclass
class RequestContext:
    """Made anew for each request."""

    ownership: OwnershipMap
    audience: str
    reader: Reader
    catalogue: Catalogue
    judging: Judging
    governance: Governance
    cursors: Cursors
    failures: dict[str, Failure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.visible = self.ownership.sources_for(self.audience)
        audience = self.ownership.audiences[self.audience]
        self.governs = audience.governance
        self.decides = audience.decides
        self.explained = audience.governance or audience.decides
        """Whether links say what they rest on."""
        self.partner_lists = 0
        """How many lists of partners were asked for."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self.readings: DataLoader[FactKey, ProductReading | None] = DataLoader(self._read)
        self.crosswalks: DataLoader[UUID, tuple[CrosswalkRow, ...]] = DataLoader(self._crosswalks)
        self.glimpses: DataLoader[RecordKey, Glimpse | None] = DataLoader(self._glimpses)
        self.decisions: DataLoader[UUID, Decision | None] = DataLoader(self._decisions)

    @property
    def partners(self) -> Partners:
        """What goes with a product."""
        return Partners(self.judging)

    @property
    def questions(self) -> Questions:
        """What nobody could say, and the answers."""
        return Questions(self.catalogue.pool, self.ownership)

    @property
    def candidates(self) -> Candidates:
        """What a person is to look at."""
        return Candidates(self.catalogue.pool, self.ownership, self.visible)

    @property
    def deciding(self) -> Deciding:
        """What a person decides."""
        return Deciding(self.catalogue.pool, self.ownership, self.visible)

    def asker(self, locale: str | None, channel: str | None) -> Asker:
        """For whom facts of this request are assembled."""
        return Asker(locale, channel, self.visible)

    def close(self) -> None:
        """The request is over, however it ended: reads that are still under way are given up."""
        for task in self._tasks:
            task.cancel()

    def _note_task(self) -> None:
        # A loader's batch runs in a task of its own, which outlives the request unless somebody ends it.
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)

    def extensions(self) -> dict[str, Any]:
        """``sources``: the systems that could not be reached for this answer, and why."""
        if not self.failures:
            return {}
        told = {
            name: self._told(name, failure) for name, failure in sorted(self.failures.items()) if self._concerns(name)
        }
        return {"sources": told} if told else {}

    def _concerns(self, source: str) -> bool:
        """May the asker hear of this system: one whose records they see, or that owns a field they see?"""
        fields = self.ownership.fields_for(self.audience)
        return source in self.visible or any(field.system_of_record == source for field in fields)

    def _told(self, name: str, failure: Failure) -> Mapping[str, Any]:
        told: dict[str, Any] = {"status": "FAILED", "kind": failure.kind.value}
        if self.governs:
            fields = [one.name for one in self.ownership.fields_for(self.audience) if name in one.chain]
            told |= {
                "message": failure.message,
                "actor": failure.kind.actor.value,
                "action": failure.kind.action,
                "fields": fields,
            }
        return told

    async def _read(self, keys: list[FactKey]) -> Sequence[ProductReading | None]:
        """One read a moment, for all products and fields that a level of the query asks for."""
        self._note_task()
        by_moment: dict[datetime | None, list[FactKey]] = defaultdict(list)
        for key in keys:
            by_moment[key.as_of].append(key)
        found: dict[FactKey, ProductReading | None] = {}
        for as_of, wanted in by_moment.items():
            products = list(dict.fromkeys(key.product for key in wanted))
            fields = list(dict.fromkeys(key.field for key in wanted))
            readings = await self.reader.read(products, fields, as_of)
            self.failures.update(readings.failures)
            found.update((key, readings.products.get(key.product)) for key in wanted)
        return [found[key] for key in keys]

    async def _crosswalks(self, products: list[UUID]) -> Sequence[tuple[CrosswalkRow, ...]]:
        self._note_task()
        rows = await self.catalogue.crosswalks(products)
        return [rows[product] for product in products]

    async def _glimpses(self, records: list[RecordKey]) -> Sequence[Glimpse | None]:
        self._note_task()
        found = await glimpses(self.catalogue.pool, records)
        return [found.get(key) for key in records]

    async def _decisions(self, ids: list[UUID]) -> Sequence[Decision | None]:
        self._note_task()
        found = {one.id: one for one in await decisions_by_id(self.catalogue.pool, ids)}
        return [found.get(one) for one in ids]


WhenceInfo: TypeAlias = Info[RequestContext, None]
