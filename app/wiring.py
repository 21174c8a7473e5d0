"""Wiring: :func:`build_runtime` is the one place that knows all. Production and tests call the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import strawberry
from starlette.requests import Request

from app.redaction import Redactor
from app.settings import Settings
from app.state import Memory, SystemsState
from resolvers.catalogue import Catalogue
from resolvers.cursors import Cursors
from resolvers.executor import Executor
from resolvers.governance import Governance
from resolvers.ingest import Ingest
from resolvers.observing import Observer
from resolvers.ownership import OwnershipMap
from resolvers.reader import Reader
from schema.build import build_schemas
from schema.context import RequestContext
from sources.guard import GuardedSource
from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, migrate, open_pool
from sources.ledger.source import Ledger
from sources.mapping import Mapping as SourceMapping


@dataclass(frozen=True, slots=True)
class Runtime:
    """A Whence that is wired and connected; what it is made of."""

    ownership: OwnershipMap
    pool: Pool
    database_url: str
    sources: Mapping[str, GuardedSource]
    ingest: Ingest
    reader: Reader
    catalogue: Catalogue
    governance: Governance
    cursors: Cursors
    state: SystemsState
    memory: Memory
    schemas: Mapping[str, strawberry.Schema]

    def context(self, request: Request | None, audience: str) -> RequestContext:
        """What the resolvers of one request share."""
        return RequestContext(
            ownership=self.ownership,
            audience=audience,
            reader=self.reader,
            catalogue=self.catalogue,
            governance=self.governance,
            cursors=self.cursors,
        )

    async def execute(self, document: str, audience: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run an operation as ``audience``, without HTTP: the answer's data, errors and extensions."""
        context = self.context(None, audience)
        result = await self.schemas[audience].execute(document, dict(variables or {}), context_value=context)
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [error.formatted for error in result.errors]
        if extensions := context.extensions():
            answer["extensions"] = extensions
        return answer


def open_sources(ownership: OwnershipMap) -> dict[str, GuardedSource]:
    """Every declared source, opened and connected to nothing yet. Raises ValueError for options that contradict it."""
    shapes = ownership.shapes()
    redact = Redactor(ownership.secrets).text
    return {
        name: GuardedSource(
            source.kind.open(source.declaration, source.options),
            SourceMapping(source.declaration, shapes),
            source.declaration,
            redact=redact,
        )
        for name, source in ownership.sources.items()
    }


@asynccontextmanager
async def build_runtime(ownership: OwnershipMap, database_url: str, settings: Settings) -> AsyncIterator[Runtime]:
    """Everything, wired from the map on a database that is brought up to date; closed in the reverse order."""
    async with AsyncExitStack() as stack:
        await migrate(database_url)
        pool = await stack.enter_async_context(open_pool(database_url, size=settings.pool_size))
        sources = open_sources(ownership)
        for source in sources.values():
            stack.push_async_callback(source.close)
        await register_sources(pool, list(sources))
        state = SystemsState(pool)
        await state.refresh()
        memory = Memory(Observer(pool, ownership), state)
        ledger = Ledger(pool, {name: definition.type for name, definition in ownership.fields.items()})
        reader = Reader(
            ownership,
            Executor(ownership, ledger, sources, state.failing),
            memory.remember,
            lambda: ownership.sources.keys() - state.settled(),
        )
        key = await pool.fetchval("select cursor_key from installation")
        for task in (state.keep_fresh(), memory.keep_writing()):
            stack.push_async_callback(_end, asyncio.create_task(task))
        yield Runtime(
            ownership=ownership,
            pool=pool,
            database_url=database_url,
            sources=sources,
            ingest=Ingest(pool, ownership),
            reader=reader,
            catalogue=Catalogue(pool, ownership),
            governance=Governance(pool, ownership, reader, state.live_failures),
            cursors=Cursors(key),
            state=state,
            memory=memory,
            schemas=build_schemas(ownership),
        )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=2)
