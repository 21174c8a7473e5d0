"""Asking a system once a key, or once for some keys: what fails costs its own keys, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sources.contract import Document, Fetched
from sources.failures import Failure, FailureKind, SourceFailure
from sources.web.transport import CONNECTIONS

GIVE_UP_AFTER = 3
"""Calls that failed while none succeeded: the others are not begun, for it is not their keys that it is about."""


async def fetched(calls: Mapping[tuple[str, ...], Callable[[], Awaitable[Sequence[Document]]]]) -> Sequence[Document]:
    """The documents that all ``calls`` return, each for its keys, at most :data:`CONNECTIONS` of them at once; where some
    fail, their keys are in :attr:`Fetched.failed`.

    Raises SourceFailure where the system failed for all keys."""
    free, failures, answers = asyncio.Semaphore(CONNECTIONS), dict[tuple[str, ...], SourceFailure](), 0

    async def one(keys: tuple[str, ...], call: Callable[[], Awaitable[Sequence[Document]]]) -> Sequence[Document]:
        nonlocal answers
        async with free:
            hopeless = _hopeless([failed.failure for failed in failures.values()], answers)
            if hopeless is not None:
                failures[keys] = SourceFailure.of(hopeless)
                return ()
            try:
                documents = await call()
            except SourceFailure as failed:
                failures[keys] = failed
                return ()
        answers += 1
        return documents

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(keys, call)) for keys, call in calls.items()]
    except ExceptionGroup as defects:
        raise defects.exceptions[0] from None
    if failures and not answers:
        raise next(iter(failures.values()))
    found, failed = list[Document](), dict[str, Failure]()
    for documents in (task.result() for task in tasks):
        found += documents
        failed |= documents.failed if isinstance(documents, Fetched) else {}
    failed |= {key: failure.failure for keys, failure in failures.items() for key in keys}
    return Fetched(found, failed)


def _hopeless(failures: Sequence[Failure], answers: int) -> Failure | None:
    """The failure that every further call would end with."""
    throttled = next((one for one in failures if one.kind is FailureKind.THROTTLED), None)
    if throttled is not None:
        return throttled
    return failures[0] if len(failures) >= GIVE_UP_AFTER and not answers else None
