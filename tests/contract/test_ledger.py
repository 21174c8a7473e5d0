"""The ledger keeps the contract of a source: what was written to it is read as it was read from its system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from resolvers.ingest import Ingest
from resolvers.map_file import parse_map
from sources.contract import Ask, Source
from sources.contract_suite.in_pytest import SourceContract
from sources.guard import GuardedSource
from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, open_pool
from sources.ledger.source import Ledger
from sources.mapping import Mapping as SourceMapping
from sources.values import JSON
from tests.resolvers.memory_source import MemorySystem
from tests.upstreams.tcp_proxy import TcpProxy

MAP = """
[audiences.internal]
governance = true
[sources.tested]
title = "The system"
connector = "sql"
url = "sqlite:///memory.db"
from = "articles"
key = "id"
[sources.tested.fields]
label = "label"
weight = "weight"
stock = "stock"
misread = "label"
[fields.label]
type = "text"
system_of_record = "tested"
[fields.weight]
type = "number"
system_of_record = "tested"
[fields.stock]
type = "integer"
system_of_record = "tested"
[fields.misread]
type = "integer"
system_of_record = "tested"
[identity]
keys = ["sku"]
"""


@dataclass
class LedgerUpstream:
    """A system in memory, synced into the ledger at every change; the ledger is what is asked."""

    pool: Pool
    url: str
    past: bool = False
    name: str = "tested"
    secrets: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.ownership = parse_map(MAP, {})
        self.system = MemorySystem()
        declaration = self.ownership.sources["tested"].declaration
        mapping = SourceMapping(declaration, self.ownership.shapes())
        self.guarded = GuardedSource(self.system, mapping, declaration)
        self.ingest = Ingest(self.pool, self.ownership)
        self.types = {name: definition.type for name, definition in self.ownership.fields.items()}

    @asynccontextmanager
    async def source(self) -> AsyncIterator[Source]:
        yield Now(Ledger(self.pool, self.types)) if self.past else Ledger(self.pool, self.types)

    def dead(self) -> Sequence[AbstractAsyncContextManager[Source]]:
        return [self._cut_off()] if self.past else [self._cut_off(), self._silent()]

    @asynccontextmanager
    async def _cut_off(self) -> AsyncIterator[Source]:
        async with self._by_wire() as (ledger, proxy):
            proxy.refuse()
            yield ledger

    @asynccontextmanager
    async def _silent(self) -> AsyncIterator[Source]:
        async with self._by_wire() as (ledger, proxy):
            proxy.hang()
            yield ledger
            proxy.clear()

    @asynccontextmanager
    async def _by_wire(self) -> AsyncIterator[tuple[Source, TcpProxy]]:
        parts = urlsplit(self.url)
        query = parse_qs(parts.query)
        port = int(query.get("port", [str(parts.port or 5432)])[0])
        proxy = TcpProxy(path=f"{query['host'][0]}/.s.PGSQL.{port}") if "host" in query else TcpProxy(port=port)
        async with proxy:
            user, _, _ = parts.netloc.rpartition("@")
            url = f"postgresql://{user}@127.0.0.1:{proxy.port}{parts.path}"
            async with open_pool(url, size=2) as pool:
                yield Ledger(pool, self.types, datetime.now(UTC) if self.past else None), proxy

    async def put(self, id_: str, values: Mapping[str, JSON], /) -> None:
        self.system.put(id_, **values)
        await self._sync()

    async def remove(self, id_: str, /) -> None:
        self.system.drop(id_)
        await self._sync()

    async def _sync(self) -> None:
        changes = self.guarded.changes
        assert changes is not None
        report = await self.ingest.sync(self.name, changes, accept=True)
        assert report.failure is None, report


class Now:
    """The ledger as of the moment that it is asked."""

    changes: None = None

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.name = ledger.name

    @property
    def fetch(self) -> Ask:
        return self.ledger.at(datetime.now(UTC)).fetch


class TestLedger(SourceContract):
    @pytest.fixture
    async def upstream(self, database_url: str) -> AsyncIterator[LedgerUpstream]:
        async with open_pool(database_url, size=4) as pool:
            await register_sources(pool, ["tested"])
            yield LedgerUpstream(pool, database_url)


class TestLedgerAsOf(SourceContract):
    @pytest.fixture
    async def upstream(self, database_url: str) -> AsyncIterator[LedgerUpstream]:
        async with open_pool(database_url, size=4) as pool:
            await register_sources(pool, ["tested"])
            yield LedgerUpstream(pool, database_url, past=True)
