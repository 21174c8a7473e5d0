"""A new whence.toml takes effect while Whence runs: no request fails, and what it did is said.

The file is looked at every second, and at once on SIGHUP. A new one is read and checked as at the start. With mistakes in
it all of them are logged, and the map in use stays. Without, its pieces are made beside those in use, on the same
connections to the ledger; then the one takes the place of the other between two requests. What was under way ends on the
old pieces, which are closed after that.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import structlog

from app.settings import Settings
from app.watched_file import WatchedFile
from app.wiring import Process, Runtime, open_process, wire
from resolvers.map_changes import Takes
from resolvers.map_file import MapError, describe
from resolvers.ownership import OwnershipMap
from resolvers.recording import Counts
from resolvers.taking import Taken
from sources.ledger.outages import is_outage
from sources.ledger.schedule import make_due

log = structlog.stdlib.get_logger("whence.map")

LOOK_SECONDS = 1.0
"""Between two looks at the file."""
LoadMap = Callable[[], Awaitable[OwnershipMap]]
"""Reads and checks the file as at the start. Raises MapError, or another exception whose text is safe to show."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What came of a file that changed: the map that is in use now and what changed with it, or why it is not in use."""

    digest: str
    taken: Taken | None = None
    mistakes: Sequence[str] = ()


@dataclass
class CurrentRuntime:
    """The runtime in use. Called, it gives it: hold on to what it gave for one piece of work and no longer."""

    process: Process
    runtime: Runtime
    trouble: str | None = None
    """Why what is in use is not what the file says, or not what is in force; None where all is well."""
    _kept: AsyncExitStack = field(default_factory=AsyncExitStack)
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    def __call__(self) -> Runtime:
        """The runtime in use."""
        return self.runtime

    @contextmanager
    def use(self) -> Iterator[Runtime]:
        """The runtime for one request; it is not closed before the request is over."""
        runtime = self.runtime
        with runtime.uses:
            yield runtime

    async def replace(self, ownership: OwnershipMap, saved_at: datetime | None, *, taking: bool) -> Taken:
        """Put another map in the place of the one in use; ``taking``: for all, as one does that syncs. What raises (its
        pieces cannot be made, the ledger is away) leaves everything as it was."""
        stack = AsyncExitStack()
        try:
            runtime = await stack.enter_async_context(wire(self.process, ownership, saved_at))
            taken = await (runtime.ingest.taking.register() if taking else runtime.ingest.taking.look())
        except BaseException:
            await stack.aclose()
            raise
        before, kept = self.runtime, self._kept
        self.runtime, self._kept = runtime, stack
        self._do_later(self._close(before, kept))
        return taken

    def finish(self, taken: Taken) -> None:
        """Have done in the background what taking the map into use takes beyond answering by it."""
        self._do_later(self._finish(self.runtime, taken))

    async def _close(self, runtime: Runtime, kept: AsyncExitStack) -> None:
        try:
            await runtime.uses.ended()
            await runtime.memory.settled()
        finally:
            await kept.aclose()

    async def _finish(self, runtime: Runtime, taken: Taken) -> None:
        ingest = runtime.ingest
        try:
            for step in taken.steps:
                if step.takes is Takes.REMAP:
                    counts = Counts()
                    brought = await ingest.remapping.bring(step.source, counts, holds=ingest.taking.holds)
                    told = {"source": step.source, "records": counts.remapped, "changed": counts.changed}
                    log.info("mapped anew from the ledger", **told, reading=brought.afresh)
            await ingest.taking.take()
            await make_due(self.process.pool, taken.due)
        except Exception as error:  # each sync does it too
            log.warning("a map's effects are left to the next sync", exc_info=None if is_outage(error) else error)

    def _do_later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Close all that is open, whatever is under way."""
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
        await self._kept.aclose()


@asynccontextmanager
async def open_current(
    ownership: OwnershipMap, database_url: str, settings: Settings, saved_at: datetime | None = None
) -> AsyncIterator[CurrentRuntime]:
    """As :func:`app.wiring.build_runtime`, for a process whose map may be replaced."""
    async with open_process(database_url, settings) as process:
        stack = AsyncExitStack()
        current = CurrentRuntime(
            process, await stack.enter_async_context(wire(process, ownership, saved_at)), None, stack
        )
        try:
            yield current
        finally:
            await current.close()


def saved_at(path: Path) -> datetime | None:
    """When the file at ``path`` was saved; None where it cannot be told."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


async def keep_map_current(
    current: CurrentRuntime,
    path: Path,
    load: LoadMap,
    *,
    taking: bool = True,
    on_reload: Callable[[Reloaded], None] | None = None,
    every: float = LOOK_SECONDS,
) -> None:
    """Keep ``current`` at what the file at ``path`` says, until cancelled.

    ``load`` reads it, with all checks of a start. ``taking``: this process syncs, so what its file says is put into force
    for all. ``on_reload`` is told what came of each change, after it was logged. Run it beside the server or the worker::

        async with open_current(ownership, url, settings, saved_at(path)) as current:
            worker = Worker(current, ...)                # it asks for the runtime at each round
            watching = asyncio.create_task(keep_map_current(current, path, load, on_reload=shown.reloaded))
    """
    file = WatchedFile(path)
    watch = _Watch(current, file, load, taking, on_reload)
    async with _hangup() as told:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await told.wait()
            asked = told.is_set()
            told.clear()
            try:
                await watch.look(asked=asked)
            except Exception:  # whatever it is, the map in use stays
                log.error("looking after the map failed", exc_info=True)


@dataclass
class _Watch:
    current: CurrentRuntime
    file: WatchedFile
    load: LoadMap
    taking: bool
    on_reload: Callable[[Reloaded], None] | None
    _waiting: bool = True
    """At first, for the file may have been saved since it was loaded; later, while the ledger is away."""
    _superseded: bool = False
    _manifests: dict[Path, WatchedFile] = field(default_factory=dict)

    async def look(self, *, asked: bool) -> None:
        """Look at the file once, and take what it says if that is new; ``asked``: even if it is not."""
        if self._look_at_manifests() or asked or self._waiting or await self._changed():
            self._waiting = not await self._reload()
        if self.taking:
            await self._look_at_others()

    def _look_at_manifests(self) -> bool:
        """Look after the files with trusted documents that the map in use names; whether one of them is new here, which may
        have changed since it was read."""
        before = self._manifests
        trusted = (one.trusted.path for one in self.current().ownership.audiences.values() if one.trusted)
        self._manifests = {path: before.get(path) or WatchedFile(path) for path in trusted}
        return not before.keys() >= self._manifests.keys()

    async def _changed(self) -> bool:
        """Whether the file was saved, or one with trusted documents that it names."""
        changed = [await file.changed() for file in (self.file, *self._manifests.values())]
        return any(changed)

    async def _reload(self) -> bool:
        """Whether the file is done with; it is not while the ledger is away."""
        try:
            ownership = await self.load()
        except MapError as error:
            self._refused([describe(one) for one in error.mistakes])
            return True
        except Exception as error:
            self._refused([str(error) or type(error).__name__])
            return True
        before = self.current().ownership
        same = (
            ownership.digest == before.digest
            and ownership.sources == before.sources  # which holds secrets, too
            and ownership.audiences == before.audiences  # and their trusted documents
        )
        if same and not await self._superseded_now():
            self.current.trouble = None
            return True
        try:
            taken = await self.current.replace(ownership, saved_at(self.file.path), taking=self.taking)
        except Exception as error:
            if is_outage(error):
                log.warning("the map waits for the ledger, which does not answer", map=ownership.digest)
                return False
            self._refused([str(error) or type(error).__name__])
            return True
        self.current.trouble = None
        for effect in taken.effects:
            log.info("map changed", map=ownership.digest, effect=effect)
        log.info("map in use", map=ownership.digest, before=before.digest)
        if self.taking and taken.in_force:
            self.current.finish(taken)
        self._tell(Reloaded(ownership.digest, taken))
        return True

    def _refused(self, mistakes: Sequence[str]) -> None:
        in_use = self.current().ownership.digest
        for mistake in mistakes:
            log.error("mistake in the map", file=str(self.file.path), mistake=mistake)
        log.error("the map in use stays", map=in_use, mistakes=len(mistakes))
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        self.current.trouble = f"the file has {count}, which the log names; the map from before is in use"
        self._tell(Reloaded(in_use, mistakes=mistakes))

    async def _superseded_now(self) -> bool:
        try:
            return self.taking and await self.current().ingest.taking.superseded()
        except Exception as error:
            if not is_outage(error):
                raise
            return False

    async def _look_at_others(self) -> None:
        superseded = await self._superseded_now()
        if superseded != self._superseded:
            self._superseded = superseded
            if superseded:
                log.warning(
                    "another process has taken another map into use; this one answers by its own, and syncs nothing",
                    map=self.current().ownership.digest,
                )
                self.current.trouble = "another process has taken another map into use; this one syncs nothing"
            else:
                log.info("the map in use is in force again", map=self.current().ownership.digest)
                self.current.trouble = None

    def _tell(self, reloaded: Reloaded) -> None:
        if self.on_reload is not None:
            self.on_reload(reloaded)


@asynccontextmanager
async def _hangup() -> AsyncIterator[asyncio.Event]:
    """Set whenever SIGHUP comes, where there is such a signal and this is the main thread."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    number = getattr(signal, "SIGHUP", None)
    heard = False
    if number is not None:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, told.set)
            heard = True
    try:
        yield told
    finally:
        if heard and number is not None:
            loop.remove_signal_handler(number)
