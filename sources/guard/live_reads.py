"""Live reads: some fields of some records, asked of the system itself, within its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from sources.contract import (
    MISSING,
    Document,
    Failed,
    Fetch,
    Fetched,
    Outcome,
    Outcomes,
    Reading,
    Record,
    RecordKey,
    Rejected,
)
from sources.declaration import SourceDeclaration
from sources.failures import Failure, FailureKind, SourceFailure
from sources.guard.bounds import Bounds
from sources.guard.breaker import Admission, Breaker
from sources.guard.calls import Calls
from sources.mapping import Mapping

MAPPED_AT_ONCE: Final = 500
"""Documents mapped before other work on the event loop gets its turn."""


class LiveReads:
    """The live reads of one source."""

    def __init__(
        self,
        declaration: SourceDeclaration,
        mapping: Mapping,
        calls: Calls,
        bounds: Bounds,
        now: Callable[[], datetime],
    ) -> None:
        """``now``: our clock, aware."""
        self._declaration = declaration
        self._mapping = mapping
        self._calls = calls
        self._bounds = bounds
        self._now = now
        self._places = asyncio.Semaphore(declaration.limits.at_once)
        self._breaker = Breaker(declaration.breaker, now)

    async def ask(self, fetch: Fetch, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        """What the system says about ``fields`` of ``keys``: total over both."""
        mapped = self._mapping.fields.intersection(fields)
        ids = tuple(dict.fromkeys(key.id for key in keys if key.source == self._declaration.name))
        missing: dict[str, Outcome] = dict.fromkeys(fields, MISSING)
        if not ids or not mapped:
            return dict.fromkeys(keys, missing)
        read = _LiveRead(mapped, dict.fromkeys(ids))
        admission = self._breaker.admit()
        if isinstance(admission, Failure):
            read.fail(Failed(admission))
        else:
            await self._admitted(fetch, read, admission)
        known = {id_: self._known(read, id_, fields) for id_ in ids}
        return {key: known[key.id] if key.source == self._declaration.name else missing for key in keys}

    async def _admitted(self, fetch: Fetch, read: _LiveRead, admission: Admission) -> None:
        ids = tuple(read.open)
        try:
            ended = await self._calls.bounded(partial(self._read, fetch, read), self._declaration.deadline)
        except BaseException:
            self._breaker.abandoned(admission)
            raise
        if isinstance(ended, Failed):
            read.fail(ended)
        if read.answered:
            self._breaker.answered()
        else:
            self._breaker.failed(admission, next(iter(read.failed.values())).failure, ids)

    async def _read(self, fetch: Fetch, read: _LiveRead, ends: float) -> None:
        """Ask for the keys that are open, and again for those whose failure may pass, until there is no time left."""
        for retry in range(1, self._declaration.retries + 2):
            try:
                async with self._places:
                    documents = await fetch(tuple(read.open), self._mapping.columns(read.fields))
            except (SourceFailure, TimeoutError) as error:
                read.failed.update(dict.fromkeys(read.open, self._calls.failed(error, self._declaration.deadline)))
            else:
                await self._take(read, documents)
            pauses = [self._calls.pause(retry, read.failed[id_].failure, ends) for id_ in read.open]
            longest = max((pause for pause in pauses if pause is not None), default=None)
            read.settle(id_ for id_, pause in zip(tuple(read.open), pauses, strict=True) if pause is None)
            if longest is None:
                return
            await asyncio.sleep(longest)

    async def _take(self, read: _LiveRead, documents: Sequence[Document]) -> None:
        """What an answer says of the keys that are open: each is found, not there, unreadable, or failed."""
        observed_at, keyless, size = self._now(), None, 0
        failed = documents.failed if isinstance(documents, Fetched) else {}
        found: dict[str, Record | Failed] = {}
        for count, document in enumerate(documents, 1):
            self._bounds.records(count)
            size = self._bounds.documents((document,), size)
            record = self._mapping.read(document, observed_at, read.fields)
            if isinstance(record, Rejected):
                unreadable = Failed(self._calls.failure(FailureKind.GARBLED, f"{record.place}: {record.reason}"))
                if record.record_id is None:
                    keyless = unreadable
                elif record.record_id in read.open:
                    found.setdefault(record.record_id, unreadable)
            # The first of two documents with one key counts; a key that nobody asked for was not meant for us.
            elif record.key.id in read.open:
                found.setdefault(record.key.id, record)
            if not count % MAPPED_AT_ONCE:
                await asyncio.sleep(0)
        for id_ in tuple(read.open):
            if id_ in found:
                read.found[id_] = found[id_]
            elif id_ in failed:
                read.failed[id_] = self._calls.failed(SourceFailure.of(failed[id_]), self._declaration.deadline)
                continue
            elif keyless is not None:
                read.found[id_] = keyless  # it may be this one: what cannot be read is not absent
            read.answered = True
            read.failed.pop(id_, None)
            read.settle((id_,))

    def _known(self, read: _LiveRead, id_: str, fields: Collection[str]) -> dict[str, Outcome]:
        known = read.found.get(id_) or read.failed.get(id_)
        if isinstance(known, Failed):
            return {field: known if field in read.fields else MISSING for field in fields}
        return _outcomes(known, fields)


@dataclass(slots=True)
class _LiveRead:
    """How far a live read is: what came, what failed, and which keys are still open."""

    fields: Collection[str]
    open: dict[str, None]
    found: dict[str, Record | Failed] = field(default_factory=dict)
    failed: dict[str, Failed] = field(default_factory=dict)
    """Why nothing is known of a key; of an open one, how its last attempt ended."""
    answered: bool = False
    """Whether the system had an answer for any of them."""

    def fail(self, failed: Failed) -> None:
        """It is over; ``failed`` is why, for open keys of which no attempt said it."""
        for id_ in self.open:
            self.failed.setdefault(id_, failed)

    def settle(self, ids: Iterable[str]) -> None:
        """``ids`` are not asked for again."""
        for id_ in tuple(ids):
            del self.open[id_]


def _outcomes(record: Record | None, fields: Collection[str]) -> dict[str, Outcome]:
    if record is None:
        return dict.fromkeys(fields, MISSING)
    claims = {field: tuple(claim for claim in record.claims if claim.field == field) for field in fields}
    return {field: Reading(of_field) if of_field else MISSING for field, of_field in claims.items()}
