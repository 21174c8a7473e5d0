"""Wiring: :func:`build_runtime` is the one place that knows all. Production and tests call the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import strawberry
from starlette.requests import Request

from app.redaction import Redactor
from app.settings import Settings
from app.state import Memory, SystemsState
from resolvers.catalogue import Catalogue
from resolvers.compatibility.judging import Judging
from resolvers.cursors import Cursors
from resolvers.executor import Executor
from resolvers.governance import Governance
from resolvers.ingest import Ingest
from resolvers.matching_flow.matcher import Matcher
from resolvers.observing import Observer
from resolvers.ownership import OwnershipMap
from resolvers.reader import Reader
from resolvers.readying import Readying
from schema.build import build_schemas
from schema.context import RequestContext
from sources.guard import GuardedSource
from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, migrate, open_pool
from sources.ledger.source import Ledger
from sources.mapping import Mapping as SourceMapping


@dataclass(frozen=True, slots=True)
class Process:
    """What lives as long as the process, whatever map is in use."""

    pool: Pool
    database_url: str
    settings: Settings
    cursors: Cursors
    state: SystemsState


class Uses:
    """Counts who uses a runtime, so that it is closed when nobody does any more. Use it in a ``with``."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __enter__(self) -> None:
        self._count += 1
        self._idle.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            self._idle.set()

    async def ended(self) -> None:
        """Returns when nobody uses it."""
        await self._idle.wait()


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
    judging: Judging
    governance: Governance
    cursors: Cursors
    state: SystemsState
    memory: Memory
    readying: Readying
    matcher: Matcher
    schemas: Mapping[str, strawberry.Schema]
    lease: timedelta = timedelta(seconds=20)
    """How long a worker that gives no sign of life keeps a source."""
    uses: Uses = field(default_factory=Uses)
    """Requests and syncs under way."""

    def context(self, request: Request | None, audience: str) -> RequestContext:
        """What the resolvers of one request share."""
        return RequestContext(
            ownership=self.ownership,
            audience=audience,
            reader=self.reader,
            catalogue=self.catalogue,
            judging=self.judging,
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
async def open_process(database_url: str, settings: Settings) -> AsyncIterator[Process]:
    """What every map of this process shares, on a database that is brought up to date."""
    async with AsyncExitStack() as stack:
        await migrate(database_url)
        pool = await stack.enter_async_context(open_pool(database_url, size=settings.pool_size))
        state = SystemsState(pool)
        await state.refresh()
        key = await pool.fetchval("select cursor_key from installation")
        stack.push_async_callback(_end, asyncio.create_task(state.keep_fresh()))
        yield Process(pool, database_url, settings, Cursors(key), state)


@asynccontextmanager
async def wire(process: Process, ownership: OwnershipMap, saved_at: datetime | None = None) -> AsyncIterator[Runtime]:
    """Everything that is made from a map, beside whatever else runs in ``process``; closed in the reverse order. Nothing is
    taken into use yet. ``saved_at`` is when the map's file was saved. Raises ValueError for options that contradict it."""
    pool, state = process.pool, process.state
    async with AsyncExitStack() as stack:
        sources = open_sources(ownership)
        for source in sources.values():
            stack.push_async_callback(source.close)
        schemas = build_schemas(ownership)
        await register_sources(pool, list(sources))
        memory = Memory(Observer(pool, ownership), state)
        ledger = Ledger(pool, {name: definition.type for name, definition in ownership.fields.items()})
        readying = Readying(pool, ownership)
        reader = Reader(
            ownership,
            Executor(ownership, ledger, sources, state.failing),
            memory.remember,
            lambda: ownership.sources.keys() - state.settled(),
            readying.ask,
        )
        stack.push_async_callback(_end, asyncio.create_task(memory.keep_writing()))
        judging = Judging(pool, ownership, reader)
        stack.push_async_callback(judging.tally.close)
        yield Runtime(
            ownership=ownership,
            pool=pool,
            database_url=process.database_url,
            sources=sources,
            ingest=Ingest(pool, ownership, saved_at),
            reader=reader,
            catalogue=Catalogue(pool, ownership),
            judging=judging,
            governance=Governance(pool, ownership, reader, state.live_failures),
            cursors=process.cursors,
            state=state,
            memory=memory,
            readying=readying,
            matcher=Matcher(pool, ownership),
            schemas=schemas,
            lease=process.settings.lease,
        )


@asynccontextmanager
async def build_runtime(
    ownership: OwnershipMap, database_url: str, settings: Settings, saved_at: datetime | None = None
) -> AsyncIterator[Runtime]:
    """A process with one map for as long as it lives."""
    async with open_process(database_url, settings) as process, wire(process, ownership, saved_at) as runtime:
        yield runtime


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task], timeout=2)
