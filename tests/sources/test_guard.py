from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sources import guard
from sources.contract import (
    MISSING,
    Column,
    Connector,
    Cursor,
    Description,
    Document,
    DocumentPage,
    Failed,
    Page,
    Problem,
    Reading,
    RecordKey,
    Source,
)
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.guard import GuardedSource
from sources.mapping import FieldShape, Mapping
from sources.values import FieldType

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIELDS = ("origin", "stock")
SHAPES = {"origin": FieldShape("origin", FieldType.TEXT), "stock": FieldShape("stock", FieldType.INTEGER)}
SECRET = "postgres://whence:hunter2@erp"


def row(record: str, **values: Any) -> Document:
    return Document({"id": record, "origin": "DE", "stock": 4} | values, f"row {record}")


@dataclass
class InMemory:
    """A connector that answers what a test says, in the way it says."""

    documents: Sequence[Document] = ()
    pages: Sequence[DocumentPage | Exception] = ()
    act: Callable[[], Any] | None = None
    """Awaited before each answer: it may raise, wait, count."""
    asked: list[tuple[tuple[str, ...], frozenset[str]]] = field(default_factory=list)
    ended: int = 0
    closed: bool = False

    async def _act(self) -> None:
        if self.act is not None:
            await self.act()

    async def fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        self.asked.append((tuple(keys), frozenset(columns)))
        await self._act()
        return self.documents

    async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        try:
            for page in self.pages[cursor or 0 :]:
                await self._act()
                if isinstance(page, Exception):
                    raise page
                yield page
        finally:
            self.ended += 1

    async def check(self) -> tuple[Problem, ...]:
        await self._act()
        return (Problem("sources.wms.from", "no table", "one of articles"),)

    async def describe(self) -> Description:
        await self._act()
        return Description((Column("id"),), complete=True)

    async def close(self) -> None:
        self.closed = True
        await self._act()


class ByNothing(InMemory):
    fetch = None  # type: ignore[assignment]
    changes = None  # type: ignore[assignment]


def guarded(connector: Any, deadline: str = "5s", **options: Any) -> GuardedSource:
    declaration = SourceDeclaration.model_validate(
        {
            "name": "wms",
            "title": "Warehouse",
            "connector": "memory",
            "key": "id",
            "deadline": deadline,
            "fields": {"origin": "origin", "stock": "stock"},
        }
    )
    assert isinstance(connector, Connector)
    return GuardedSource(connector, Mapping(declaration, SHAPES), declaration, now=lambda: NOW, **options)


def key(record: str, source: str = "wms") -> RecordKey:
    return RecordKey(source, record)


async def ask(source: GuardedSource, *keys: RecordKey, fields: Collection[str] = FIELDS) -> Any:
    assert source.fetch is not None
    outcomes = await source.fetch(keys, fields)
    assert outcomes.keys() == set(keys)
    assert all(of_key.keys() == set(fields) for of_key in outcomes.values())
    return outcomes


async def follow(source: GuardedSource, cursor: Cursor = None) -> list[Page | Failed]:
    assert source.changes is not None
    return [page async for page in source.changes(cursor)]


def raiser(error: BaseException) -> Callable[[], Any]:
    async def act() -> None:
        raise error

    return act


async def forever() -> None:
    await asyncio.Event().wait()


def failure(outcome: Any) -> tuple[FailureKind, str]:
    assert isinstance(outcome, Failed), outcome
    return outcome.failure.kind, outcome.failure.message


# ── Live reads ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_outcomes_are_total_over_keys_and_fields() -> None:
    connector = InMemory([row("1"), row("2", stock=None), row("9"), Document({"origin": "FR"}, "row ?")])
    source = guarded(connector)
    assert isinstance(source, Source)
    answer = await ask(source, key("1"), key("2"), key("3"), key("1", "pim"), fields=("origin", "stock", "unmapped"))
    found = {
        (one.source, one.id, name): outcome.claims[0].value if isinstance(outcome, Reading) else outcome
        for one, outcomes in answer.items()
        for name, outcome in outcomes.items()
    }
    assert {at: value for at, value in found.items() if value is not MISSING} == {
        ("wms", "1", "origin"): "DE",
        ("wms", "1", "stock"): 4,
        ("wms", "2", "origin"): "DE",
    }
    assert answer[key("1")]["origin"].claims[0].observed_at == NOW
    assert connector.asked == [(("1", "2", "3"), frozenset({"id", "origin", "stock"}))]


async def test_of_two_documents_with_one_key_the_first_counts() -> None:
    answer = await ask(guarded(InMemory([row("1", stock=1), row("1", stock=2)])), key("1"))
    assert answer[key("1")]["stock"].claims[0].value == 1


async def test_what_the_source_cannot_say_is_not_asked() -> None:
    connector = InMemory(act=raiser(AssertionError()))
    source = guarded(connector)
    assert await ask(source) == {}
    assert await ask(source, key("1"), fields=("unmapped",)) == {key("1"): {"unmapped": MISSING}}
    assert await ask(source, key("1", "pim")) == {key("1", "pim"): dict.fromkeys(FIELDS, MISSING)}
    assert connector.asked == []


async def test_a_failure_is_one_shared_value() -> None:
    throttled = SourceFailure(FailureKind.THROTTLED, "come back in 30s", timedelta(seconds=30))
    answer = await ask(guarded(InMemory(act=raiser(throttled))), key("1"), key("2"), key("1", "pim"))
    failed = answer[key("1")]["origin"]
    assert failed.failure == throttled.failure
    assert all(answer[key(one)][name] is failed for one in "12" for name in FIELDS)
    assert answer[key("1", "pim")]["origin"] is MISSING


async def test_an_error_nobody_foresaw_is_in_the_log_and_not_in_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "sources.guard"):
        answer = await ask(guarded(InMemory(act=raiser(KeyError(SECRET)))), key("1"))
    assert failure(answer[key("1")]["origin"]) == (FailureKind.DEFECT, "Warehouse: KeyError")
    (entry,) = caplog.records
    assert entry.exc_info is not None
    assert isinstance(entry.exc_info[1], KeyError)


async def test_a_connector_that_answers_nonsense_is_a_defect() -> None:
    answer = await ask(guarded(InMemory([None])), key("1"))  # type: ignore[list-item]
    assert failure(answer[key("1")]["stock"])[0] is FailureKind.DEFECT


async def test_a_hanging_system_costs_its_deadline() -> None:
    started = asyncio.get_running_loop().time()
    answer = await ask(guarded(InMemory(act=forever), "50ms"), key("1"))
    assert failure(answer[key("1")]["origin"]) == (FailureKind.TIMEOUT, "Warehouse did not answer within 50ms")
    assert asyncio.get_running_loop().time() - started < 1


async def test_a_connector_that_does_not_give_up_costs_its_deadline_too() -> None:
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        raise ValueError("late")

    source = guarded(InMemory(act=stubborn), "50ms")
    answer = await asyncio.wait_for(ask(source, key("1")), 2)
    assert failure(answer[key("1")]["origin"])[0] is FailureKind.TIMEOUT
    let_go.set()
    await asyncio.sleep(0.01)  # its late error is nobody's, and no warning


async def test_a_timeout_within_the_connector_is_a_timeout() -> None:
    answer = await ask(guarded(InMemory(act=raiser(TimeoutError(SECRET)))), key("1"))
    assert failure(answer[key("1")]["origin"]) == (FailureKind.TIMEOUT, "Warehouse did not answer in time")


async def test_cancelling_passes_through_and_reaches_the_connector() -> None:
    reached = asyncio.Event()

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            reached.set()

    task = asyncio.create_task(ask(guarded(InMemory(act=act)), key("1")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(reached.wait(), 1)


async def test_live_reads_at_once_are_bounded_and_waiting_counts() -> None:
    inside = most = 0

    async def act() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1

    source = guarded(InMemory([row("1")], act=act), at_once=2)
    await asyncio.gather(*(ask(source, key("1")) for _ in range(6)))
    assert most == 2
    busy = guarded(InMemory(act=forever), "80ms", at_once=1)
    first, second = await asyncio.gather(ask(busy, key("1")), ask(busy, key("1")))
    assert failure(first[key("1")]["stock"]) == failure(second[key("1")]["stock"])
    assert await asyncio.wait_for(ask(busy, key("1")), 1)  # the place was given back


# ── Sync ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(*documents: Document, cursor: Cursor = None, last: bool = False, **more: Any) -> DocumentPage:
    return DocumentPage(documents, cursor, enumerating=True, last=last, **more)


async def test_pages_become_records() -> None:
    nameless = Document({"origin": "FR"}, "row 3")
    connector = InMemory(
        pages=[page(row("1"), row("1"), nameless, cursor=1), page(cursor=2, last=True, gone=("7",), total=3)]
    )
    first, second = await follow(guarded(connector))
    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert [one.key for one in first.records] == [key("1")]
    assert first.records[0].observed_at == NOW
    assert [(one.place, one.reason) for one in first.rejected] == [
        ("row 1", 'a second record with the key "1"'),
        ("row 3", 'nothing stands at its key "id"'),
    ]
    assert (first.cursor, first.enumerating, first.last) == (1, True, False)
    assert (second.cursor, second.last, second.gone, second.total) == (2, True, ("7",), 3)
    assert connector.ended == 1
    assert [one.cursor for one in await follow(guarded(connector), 1) if isinstance(one, Page)] == [2]


async def test_a_failure_ends_the_walk() -> None:
    refused = SourceFailure(FailureKind.REFUSED, "the token is not accepted")
    connector = InMemory(pages=[page(row("1"), cursor=1), refused, page(last=True)])
    first, failed = await follow(guarded(connector))
    assert isinstance(first, Page)
    assert failure(failed) == (FailureKind.REFUSED, "the token is not accepted")
    assert connector.ended == 1


async def test_a_walk_without_a_last_page_is_a_defect_and_nothing_comes_after_the_last() -> None:
    (_, failed) = await follow(guarded(InMemory(pages=[page(row("1"))])))
    assert failure(failed)[0] is FailureKind.DEFECT
    assert "without its last page" in failure(failed)[1]
    assert len(await follow(guarded(InMemory(pages=[page(last=True), page(row("1"), last=True)])))) == 1


async def test_a_page_that_does_not_come_ends_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PAGE_AT_LEAST", timedelta(milliseconds=60))
    connector = InMemory(pages=[page()], act=forever)
    (failed,) = await asyncio.wait_for(follow(guarded(connector, "5ms")), 2)
    assert failure(failed) == (FailureKind.TIMEOUT, "Warehouse did not answer within 60ms")
    assert connector.ended == 1


async def test_a_walk_that_is_left_is_ended() -> None:
    connector = InMemory(pages=[page(row("1")), page(last=True)])
    changes = guarded(connector).changes
    assert changes is not None
    walk: Any = changes(None)
    async with aclosing(walk):
        async for _ in walk:
            break
    assert connector.ended == 1


async def test_a_page_mapped_leaves_others_their_turn() -> None:
    connector = InMemory(pages=[page(*(row(str(number)) for number in range(5000)), last=True)])
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    (only,) = await follow(guarded(connector))
    task.cancel()
    assert isinstance(only, Page)
    assert len(only.records) == 5000
    assert turns >= 10


# ── The rest ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_capability_that_the_connector_lacks_is_none() -> None:
    source = guarded(ByNothing())
    assert source.fetch is None
    assert source.changes is None
    assert source.name == "wms"


async def test_check_and_describe_answer_or_say_why_not() -> None:
    assert await guarded(InMemory()).check() == (Problem("sources.wms.from", "no table", "one of articles"),)
    assert await guarded(InMemory()).describe() == Description((Column("id"),), complete=True)
    down = guarded(InMemory(act=raiser(SourceFailure(FailureKind.UNREACHABLE, "connection refused"))))
    assert failure(await down.check()) == (FailureKind.UNREACHABLE, "connection refused")
    assert failure(await down.describe()) == (FailureKind.UNREACHABLE, "connection refused")


async def test_closing_never_raises_and_ends_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    connector = InMemory(act=raiser(OSError(SECRET)))
    await guarded(connector).close()
    assert connector.closed
    busy = guarded(InMemory(act=forever))
    task = asyncio.create_task(ask(busy, key("1")))
    await asyncio.sleep(0.01)
    monkeypatch.setattr(guard, "CLOSE_WITHIN", timedelta(milliseconds=50))
    await asyncio.wait_for(busy.close(), 2)
    assert failure((await asyncio.wait_for(task, 1))[key("1")]["stock"])[0] is FailureKind.UNREACHABLE
