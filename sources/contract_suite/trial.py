"""One rule tried on one connector: what it opens, puts, walks through and asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from sources.contract import PROBLEM, Changes, Connector, Cursor, Document, DocumentPage, Fetch, Fetched
from sources.contract_suite.rule import NotChecked, expect
from sources.contract_suite.upstream import Fault, Faults, Faulty, Known, Switch, Upstream, Writable
from sources.failures import Failure, FailureKind, SourceFailure
from sources.paths import Path, compile_path
from sources.values import JSON

PATIENCE: Final = 10.0
"""Seconds within which a question to a dead system must have failed."""
MAX_PAGES: Final = 500
"""A walk of more pages is taken for one that does not end."""
COLUMNS: Final = ("label", "weight", "stock")

T = TypeVar("T")
Records = Mapping[str, Mapping[str, JSON]]


class Trial:
    """A system under test, while one rule is tried on it."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._opened: list[Connector] = []
        self._key = compile_path(upstream.key)
        places: Mapping[str, str] = getattr(upstream, "columns", {})
        self.paths: Mapping[str, Path] = {name: compile_path(places.get(name, name)) for name in COLUMNS}

    # ── What the connector and the system can ──────────────────────────────────────────────────────────────────────

    def connector(self) -> Connector:
        """A new one, which is closed with the trial."""
        return self.closing(self.upstream.connector())

    def closing(self, connector: Connector) -> Connector:
        """``connector``, which is closed with the trial."""
        self._opened.append(connector)
        return connector

    def changes(self, connector: Connector) -> Changes:
        """Its walk. Raises NotChecked where it has none."""
        if connector.changes is None:
            raise NotChecked("the connector has no changes", applies=False)
        return connector.changes

    def fetch(self, connector: Connector) -> Fetch:
        """Its fetch. Raises NotChecked where it has none."""
        if connector.fetch is None:
            raise NotChecked("the connector has no fetch", applies=False)
        return connector.fetch

    @property
    def writable(self) -> Writable:
        """The system, to be written to. Raises NotChecked where it cannot be."""
        if not isinstance(self.upstream, Writable):
            raise NotChecked("the upstream cannot be written to: it has no put and remove")
        return self.upstream

    @property
    def faults(self) -> Faults:
        """The system's switches. Raises NotChecked where it has none."""
        if not isinstance(self.upstream, Faulty):
            raise NotChecked("the upstream cannot be made to fail: it has no faults")
        return self.upstream.faults

    def switches(self, *faults: Fault) -> list[tuple[Fault, Switch]]:
        """Every way in which the system can be made to do one of ``faults``. Raises NotChecked where there is none."""
        known = self.faults.switches
        found = [(fault, switch) for fault in faults for switch in known.get(fault, ())]
        if not found:
            raise NotChecked(f"the system never {faults[0].value}", applies=False)
        return found

    async def some(self, count: int = 8) -> Records:
        """Records that are in the system now: ``count`` kettles, ``A-01`` and on, or those it is known to hold."""
        if isinstance(self.upstream, Writable):
            kettles = {
                f"A-{number:02}": {
                    "label": f"Kettle {number}",
                    "weight": number + Decimal("0.25"),
                    "stock": number * 10,
                }
                for number in range(1, count + 1)
            }
            for id_, values in kettles.items():
                await self.upstream.put(id_, values)
            return kettles
        if isinstance(self.upstream, Known):
            return self.upstream.records
        raise NotChecked("the upstream's records are not known: it has neither put and remove nor records")

    async def close(self) -> None:
        """The system works again; connectors are closed."""
        if isinstance(self.upstream, Faulty):
            await self.upstream.faults.clear()
        opened, self._opened = self._opened, []
        for connector in opened:
            await connector.close()

    # ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def walk(self, connector: Connector, cursor: Cursor = None) -> list[DocumentPage]:
        """All pages from ``cursor``. Raises Broken for a walk that does not end or has no page, NotChecked where the
        connector has none, SourceFailure."""
        pages: list[DocumentPage] = []
        async with ending(self.changes(connector)(cursor)) as coming:
            async for page in coming:
                pages.append(page)
                expect(len(pages) <= MAX_PAGES, f"the walk does not end: {MAX_PAGES} pages, and none was the last")
        expect(pages, "the walk had no page at all, not even an empty last one")
        return pages

    async def everything(self, connector: Connector, ids: Sequence[str]) -> list[list[Document]]:
        """The documents of ``ids`` by each way that the connector has to read them."""
        read = []
        if connector.changes is not None:
            read.append([document for page in await self.walk(connector) for document in page.documents])
        if connector.fetch is not None:
            read.append(list(insisted(await connector.fetch(ids, self.names))))
        return read

    def id_of(self, document: Document) -> str:
        """Its key, as text. Raises Broken where it has none."""
        expect(PROBLEM not in document.content, f"{document.place} is set aside: {document.content.get(PROBLEM)}")
        found = self._key(document.content)
        expect(found is not None, f"{document.place} has nothing at its key {self.upstream.key!r}")
        return str(found).strip()

    def ids(self, pages: Iterable[DocumentPage]) -> list[str]:
        """The ids on ``pages``, in order."""
        return [self.id_of(document) for page in pages for document in page.documents]

    def by_id(self, documents: Iterable[Document]) -> dict[str, Document]:
        """``documents`` by id; the later one of two."""
        return {self.id_of(document): document for document in documents}

    def on(self, pages: Iterable[DocumentPage]) -> dict[str, Document]:
        """The documents on ``pages`` by id; the later one of two."""
        return self.by_id(document for page in pages for document in page.documents)

    def value(self, document: Document, column: str) -> JSON:
        """What ``document`` holds in one of the suite's columns, or in one of its own."""
        path = self.paths.get(column)
        return path(document.content) if path is not None else document.content.get(column)

    @property
    def names(self) -> frozenset[str]:
        """The top-level names of the suite's columns."""
        return frozenset[str]().union(*(path.columns for path in self.paths.values()))

    def names_of(self, column: str) -> frozenset[str]:
        """The top-level names of one of the suite's columns."""
        return self.paths[column].columns

    # ── Failing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def questions(self, connector: Connector) -> dict[str, Callable[[], Awaitable[object]]]:
        """Every way to ask ``connector`` something, by name."""

        async def check() -> None:
            for problem in await connector.check():  # "there is no such file" is an answer too
                raise SourceFailure(FailureKind.MISSING_OBJECT, problem.found)

        ways: dict[str, Callable[[], Awaitable[object]]] = {"describe": connector.describe, "check": check}
        return ways | self.reads(connector)

    def reads(self, connector: Connector) -> dict[str, Callable[[], Awaitable[object]]]:
        """The ways to read records with ``connector``, by name."""
        fetch = connector.fetch
        ways: dict[str, Callable[[], Awaitable[object]]] = {}
        if connector.changes is not None:
            ways["a walk"] = lambda: self.walk(connector)
        if fetch is not None:

            async def one() -> object:
                return insisted(await fetch(["A-01"], self.names_of("label")))

            ways["a fetch"] = one
        return ways

    async def failure_of(self, what: str, ask: Callable[[], Awaitable[object]]) -> Failure:
        """The failure with which ``ask`` ends. Raises Broken where it ends otherwise, late, or tells a secret."""
        failure = await self.failure_or_none(what, ask)
        expect(failure is not None, f"{what} went well")
        assert failure is not None
        return failure

    async def failure_or_none(self, what: str, ask: Callable[[], Awaitable[object]]) -> Failure | None:
        """The failure with which ``ask`` ends, or None where it goes well. Raises Broken where it ends otherwise, late,
        as a defect, or tells a secret."""
        limit = asyncio.timeout(PATIENCE)
        try:
            async with limit:
                await ask()
        except SourceFailure as failed:
            failure = failed.failure
        except TimeoutError as error:
            late = f"{what} did not end within {PATIENCE:.0f} s" if limit.expired() else f"{what} raised a TimeoutError"
            expect(False, f"{late}, {error!r}")
            raise
        else:
            return None
        expect(failure.kind is not FailureKind.DEFECT, f"{what} failed as a defect: {failure.message}")
        expect(failure.message, f"{what} failed as {failure.kind} and does not say why")
        self.expect_no_secret(what, failure.message)
        return failure

    def expect_no_secret(self, what: str, text: str) -> None:
        """Raises Broken where ``text`` holds one of the upstream's secrets."""
        for position, secret in enumerate(self.upstream.secrets, start=1):
            expect(secret not in text, f"{what} tells secret {position}: {text.replace(secret, '***')}")


@asynccontextmanager
async def ending(pages: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """``pages``, ended with the context, however far they came."""
    try:
        yield pages
    finally:
        close = getattr(pages, "aclose", None)
        if close is not None:
            await close()


async def cancel_often(what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Begins ``ask`` and cancels it, early and late, more often than a pool has connections. Raises Broken as
    :func:`cancel_once`."""
    for turn in range(30):
        await cancel_once(what, ask, turn % 6, 0.0004 * (turn % 10) * (turn >= 20))


async def cancel_once(what: str, ask: Callable[[], Awaitable[object]], steps: int, seconds: float = 0.0) -> None:
    """Begins ``ask`` and cancels it after so many steps of the event loop, and ``seconds``. Raises Broken where it does
    not end, or ends with anything but the cancelling or its answer."""

    async def asked() -> object:
        return await ask()

    task = asyncio.create_task(asked())
    for _ in range(steps):
        await asyncio.sleep(0)
    if seconds:
        await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE)
    expect(task.done(), f"{what} that is cancelled goes on for {PATIENCE:.0f} s")
    error = None if task.cancelled() else task.exception()
    expect(error is None, f"{what} that is cancelled ends with an error: {error!r}")


def insisted(documents: Sequence[Document]) -> Sequence[Document]:
    """``documents``. Raises SourceFailure where the system failed for some of the keys."""
    failed = documents.failed if isinstance(documents, Fetched) else {}
    for failure in failed.values():
        raise SourceFailure.of(failure)
    return documents


def documents_in(answer: object) -> list[Document]:
    """The documents in what a walk or a fetch returned."""
    found: list[Document] = []
    for one in answer if isinstance(answer, list | tuple) else ():
        found += one.documents if isinstance(one, DocumentPage) else [one]
    return found


def kept(cursor: Cursor) -> Cursor:
    """``cursor`` as it comes back from a database. Raises TypeError or ValueError where that cannot be."""
    return json.loads(json.dumps(cursor, allow_nan=False))


def differs(written: JSON, read: JSON) -> bool:
    """Whether what was read is not what was written; systems of texts may say a number in a text, and no value as an
    empty one."""
    if written is None or written == "":
        return read not in (None, "")
    if isinstance(written, int | Decimal) and not isinstance(written, bool):
        return as_number(read) != Decimal(written)
    return bool(read != written)


def as_number(value: Any) -> Decimal | None:
    """A number as read, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
