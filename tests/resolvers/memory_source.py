"""Systems in memory, behind the real mapping and guard: what real servers cannot be made to do on cue, these do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from resolvers.ingest import Ingest, SyncReport
from resolvers.map_file import parse_map
from resolvers.observing import Observer
from resolvers.ownership import OwnershipMap
from resolvers.readying import Readying
from sources.contract import Cursor, Description, Document, DocumentPage, Problem
from sources.failures import FailureKind, SourceFailure
from sources.guard import GuardedSource
from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, open_pool
from sources.ledger.source import Ledger
from sources.mapping import Mapping as SourceMapping
from sources.values import JSON

HOUSE_TOML = """\
[content]
locales = ["en", "de"]

[audiences.internal]
governance = true
[audiences.storefront]

[sources.erp]
title = "ERP"
connector = "sql"
url = "sqlite:///erp.db"
from = "erp"
key = "id"
updated_at = "changed"
names = ["label"]
[sources.erp.identifiers]
gtin = "gtin"
sku = "sku"
brand = "brand"
mpn = "mpn"
[sources.erp.fields]
price = { path = "price", currency = "EUR", updated_at = "price_changed" }
weight = { path = "weight", unit = "lb" }
stock = "stock"
title = { path = "title", locale = "en" }
extra = "extra"

[sources.wms]
title = "Warehouse"
connector = "sql"
url = "sqlite:///wms.db"
from = "wms"
key = "id"
updated_at = "changed"
names = ["label"]
[sources.wms.identifiers]
gtin = "gtin"
sku = "sku"
brand = "brand"
mpn = "mpn"
[sources.wms.fields]
weight = { path = "weight", unit = "kg", unit_path = "unit" }
fragile = "fragile"
rating = "rating"

[sources.pim]
title = "PIM"
connector = "sql"
url = "sqlite:///pim.db"
from = "pim"
key = "id"
updated_at = "changed"
names = ["label", "short"]
audiences = ["internal", "storefront"]
[sources.pim.identifiers]
gtin = "gtin"
sku = "sku"
brand = "brand"
mpn = "mpn"
[sources.pim.fields]
title = [
  { path = "title_en", locale = "en" },
  { path = "title_de", locale = "de" },
  { path = "title_fr", locale = "fr" },
  { path = "title_shop", locale = "en", channel = "shop" },
  { path = "title_any" },
]
price = { path = "price", currency = "EUR" }
launched = "launched"
tags = { path = "tags", split = ";" }
picture = "picture"

[sources.crm]
title = "Tickets"
connector = "file"
path = "crm.csv"
key = "id"
per_product = "many"
names = ["label"]
[sources.crm.identifiers]
gtin = "gtin"
sku = "sku"
brand = "brand"
mpn = "mpn"
[sources.crm.fields]
tickets = { note = { text = "text", author = "by", created_at = "on" } }

[fields.title]
type = "text"
system_of_record = "pim"
fallback = ["erp"]
audiences = ["internal", "storefront"]
[fields.price]
type = "money"
system_of_record = "erp"
fallback = ["pim"]
tolerance = "0.01"
max_age = "30d"
steward = { name = "Pricing" }
audiences = ["internal", "storefront"]
[fields.weight]
type = "quantity"
unit = "g"
system_of_record = "wms"
fallback = ["erp"]
tolerance = "1%"
writers = ["wms", "erp"]
[fields.stock]
type = "integer"
system_of_record = "erp"
[fields.fragile]
type = "boolean"
system_of_record = "wms"
[fields.rating]
type = "number"
system_of_record = "wms"
[fields.launched]
type = "datetime"
system_of_record = "pim"
[fields.tags]
type = "text_list"
system_of_record = "pim"
[fields.picture]
type = "media"
system_of_record = "pim"
[fields.extra]
type = "json"
system_of_record = "erp"
[fields.tickets]
type = "note_list"
system_of_record = "crm"

[identity]
keys = ["gtin", "brand+mpn", "sku"]
"""

SOURCES = ("erp", "wms", "pim", "crm")
"""In the order of the map."""
TABLES = [
    "sources",
    "cursors",
    "runs",
    "rejections",
    "products",
    "winners",
    "former_ids",
    "crosswalk",
    "records",
    "aliases",
    "changes",
    "sightings",
    "absences",
    "unreadable_values",
    "schedule",
    "live_failures",
    "map_versions",
    "match_pairs",
    "match_decisions",
]


def live(*names: str) -> list[tuple[str, str]]:
    """The changes that make these systems ones that are asked at query time."""
    return [(f'from = "{name}"', f'from = "{name}"\nread = "live"') for name in names]


def house_map(*changes: tuple[str, str]) -> OwnershipMap:
    """The map of the house, with texts of it replaced, each of which must stand in it."""
    text = HOUSE_TOML
    for before, after in changes:
        if before not in text:
            raise AssertionError(f"the house has no {before!r}")
        text = text.replace(before, after, 1)
    return parse_map(text, {})


@dataclass
class MemorySystem:
    """A system whose documents are in memory, read from the beginning to the end, ``page`` at a time.

    With ``fails_at`` it fails instead of giving the page of that number (from 0). ``log`` makes it a system that knows
    its changes: of (id, deleted) in order; without a cursor it is still read as a whole. ``gate`` holds back every
    fetch until it is set, and ``asked`` are the fetches that came. Walks wait at
    ``meeting`` until enough of them have begun. ``shifting`` and ``total`` are what its pages say.
    """

    documents: dict[str, dict[str, JSON]] = field(default_factory=dict)
    page: int = 1000
    fails_at: int | None = None
    log: list[tuple[str, bool]] | None = None
    gate: asyncio.Event | None = None
    down: SourceFailure | None = None
    meeting: asyncio.Barrier | None = None
    shifting: bool = False
    total: int | None = None
    asked: list[tuple[tuple[str, ...], frozenset[str]]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, record_id: str, **columns: JSON) -> None:
        """A record as it is from now on."""
        self.documents[record_id] = {"id": record_id, **columns}
        if self.log is not None:
            self.log.append((record_id, False))

    def edit(self, record_id: str, **columns: JSON) -> None:
        """A record with some columns changed."""
        self.put(record_id, **{**self.documents[record_id], **columns})

    def drop(self, record_id: str) -> dict[str, JSON]:
        """A record that is deleted; what it was."""
        if self.log is not None:
            self.log.append((record_id, True))
        return self.documents.pop(record_id)

    # ── sources.contract.Connector ─────────────────────────────────────────────────────────────────────────────────

    async def fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        self.asked.append((tuple(keys), frozenset(columns)))
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.down is not None:
            raise self.down
        return [
            Document({name: value for name, value in self.documents[key].items() if name in columns}, key)
            for key in keys
            if key in self.documents
        ]

    async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        if self.log is not None and isinstance(cursor, dict) and "seen" in cursor:
            news = self.log[cursor["seen"] :]
            ids = dict.fromkeys(record_id for record_id, _ in news)
            changed = tuple(Document(self.documents[one], one) for one in ids if one in self.documents)
            gone = tuple(one for one in ids if one not in self.documents)
            yield DocumentPage(changed, {"seen": len(self.log)}, enumerating=False, last=True, gone=gone)
            return
        if self.meeting is not None:
            await self.meeting.wait()
        content = list(self.documents.items())
        start = cursor["after"] if isinstance(cursor, dict) and "after" in cursor else 0
        end: Cursor = {"seen": len(self.log)} if self.log is not None else None
        for place in range(start, max(len(content), start + 1), self.page):
            if place // self.page == self.fails_at:  # and again when the page is asked for again
                raise SourceFailure(FailureKind.UNREACHABLE, "it was switched off")
            documents = tuple(Document(columns, key) for key, columns in content[place : place + self.page])
            last = place + self.page >= len(content)
            cursor = end if last else {"after": place + self.page}
            yield DocumentPage(documents, cursor, enumerating=True, last=last, total=self.total, shifting=self.shifting)

    async def check(self) -> tuple[Problem, ...]:
        return ()

    async def describe(self) -> Description:
        return Description((), complete=False)

    async def close(self) -> None:
        pass


@dataclass(repr=False)
class House:
    """Systems in memory, and the ledger that they are synced into."""

    pool: Pool
    ownership: OwnershipMap
    systems: Mapping[str, MemorySystem]
    sources: Mapping[str, GuardedSource] = field(init=False)
    ingest: Ingest = field(init=False)
    observer: Observer = field(init=False)
    readying: Readying = field(init=False)

    def __post_init__(self) -> None:
        self.rewire(self.ownership)

    def rewire(self, ownership: OwnershipMap) -> None:
        """The same systems and ledger by another map."""
        shapes = ownership.shapes()
        self.ownership = ownership
        self.ingest = Ingest(self.pool, ownership)
        self.observer = Observer(self.pool, ownership)
        self.readying = Readying(self.pool, ownership)
        self.sources = {
            name: GuardedSource(self.systems[name], SourceMapping(source.declaration, shapes), source.declaration)
            for name, source in ownership.sources.items()
        }

    def __repr__(self) -> str:
        return "House()"

    @property
    def ledger(self) -> Ledger:
        """The ledger as the readers have it."""
        return Ledger(self.pool, {name: definition.type for name, definition in self.ownership.fields.items()})

    async def sync(self, name: str, **how: Any) -> SyncReport:
        """Sync one system."""
        changes = self.sources[name].changes
        assert changes is not None
        report = await self.ingest.sync(name, changes, **how)
        await self.readying.catch_up()
        return report

    async def sync_all(self, names: Collection[str] | None = None) -> None:
        """Sync the systems named, or all, in the order given; each must come to its end, however many records are gone."""
        for name in names or self.systems:
            report = await self.sync(name, accept=True)
            assert report.failure is None, report

    async def empty(self) -> None:
        """An empty ledger that knows the sources in the order of the map, and empty systems."""
        await self.pool.execute("; ".join(f"delete from {table}" for table in TABLES))
        await register_sources(self.pool, list(self.ownership.sources))
        self.readying = Readying(self.pool, self.ownership)
        for system in self.systems.values():
            system.documents.clear()
            system.log, system.page, system.fails_at = None, 1000, None
            system.shifting, system.total, system.meeting = False, None, None


@asynccontextmanager
async def open_house(database_url: str, *changes: tuple[str, str]) -> AsyncIterator[House]:
    """A house on a migrated database."""
    ownership = house_map(*changes)
    async with open_pool(database_url, size=6) as pool:
        await register_sources(pool, list(ownership.sources))
        yield House(pool, ownership, {name: MemorySystem() for name in ownership.sources})
