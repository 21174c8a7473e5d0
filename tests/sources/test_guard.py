from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from sources.contract import (
    MISSING,
    PROBLEM,
    Column,
    Connector,
    Cursor,
    Description,
    Document,
    DocumentPage,
    Failed,
    Fetched,
    Page,
    Problem,
    Reading,
    RecordKey,
    Source,
)
from sources.deadlines import answer_by
from sources.declaration import SourceDeclaration
from sources.failures import Actor, Failure, FailureKind, SourceFailure
from sources.guard import GuardedSource, source, walks
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


def guarded(
    connector: Any, deadline: str = "5s", *, now: Callable[[], datetime] = lambda: NOW, **declared: Any
) -> GuardedSource:
    declaration = SourceDeclaration.model_validate(
        {
            "name": "wms",
            "title": "Warehouse",
            "connector": "memory",
            "key": "id",
            "deadline": deadline,
            "fields": {"origin": "origin", "stock": "stock"},
            **declared,
        }
    )
    assert isinstance(connector, Connector)
    return GuardedSource(connector, Mapping(declaration, SHAPES), declaration, now=now)


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
    connector = InMemory([row("1"), row("2", stock=None), row("9")])
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


async def test_a_record_that_cannot_be_read_is_not_one_that_is_missing() -> None:
    broken = Document({"id": "2", PROBLEM: "the line has too many cells"}, "row 2")
    answer = await ask(guarded(InMemory([row("1"), broken])), key("1"), key("2"), key("3"))
    assert isinstance(answer[key("1")]["stock"], Reading)
    assert failure(answer[key("2")]["stock"]) == (
        FailureKind.GARBLED,
        "Warehouse: row 2: the line has too many cells",
    )
    assert answer[key("3")]["stock"] is MISSING
    nameless = Document({"origin": "FR"}, "row ?")
    answer = await ask(guarded(InMemory([row("1"), nameless])), key("1"), key("3"))
    assert isinstance(answer[key("1")]["stock"], Reading)
    assert failure(answer[key("3")]["stock"])[0] is FailureKind.GARBLED, "it may be the one without a key"


async def test_keys_that_a_connector_failed_for_cost_themselves_alone() -> None:
    refused = Failure(FailureKind.REFUSED, "not for us")
    answer = await ask(guarded(InMemory(Fetched([row("1")], {"2": refused}))), key("1"), key("2"), key("3"))
    assert isinstance(answer[key("1")]["stock"], Reading)
    assert answer[key("2")]["stock"] == Failed(refused)
    assert answer[key("3")]["stock"] is MISSING


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

    source = guarded(InMemory([row("1")], act=act), limits={"at_once": 2})
    await asyncio.gather(*(ask(source, key("1")) for _ in range(6)))
    assert most == 2
    busy = guarded(InMemory(act=forever), "80ms", limits={"at_once": 1})
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


async def test_of_a_record_that_comes_twice_in_a_page_of_events_all_are_handed_on() -> None:
    events = DocumentPage((row("1"), row("2"), row("1", origin="FR")), 1, enumerating=False, last=True)
    (page_,) = await follow(guarded(InMemory(pages=[events])))
    assert isinstance(page_, Page)
    assert [one.key.id for one in page_.records] == ["1", "2", "1"]
    assert [claim.value for claim in page_.records[2].claims if claim.field == "origin"] == ["FR"]
    assert page_.rejected == ()


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
    monkeypatch.setattr(walks, "PAGE_AT_LEAST", timedelta(milliseconds=60))
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


# ── Asking again ───────────────────────────────────────────────────────────────────────────────────────────────────


def failing(*errors: Exception | None) -> Callable[[], Any]:
    """Goes wrong with one after another; None, and the end of them: it goes well."""
    left = list(errors)

    async def act() -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return act


def unreachable() -> SourceFailure:
    return SourceFailure(FailureKind.UNREACHABLE, "no connection")


def throttled(seconds: float) -> SourceFailure:
    return SourceFailure(FailureKind.THROTTLED, "not so fast", timedelta(seconds=seconds))


@pytest.mark.parametrize("error", [unreachable(), TimeoutError(), throttled(0.01)], ids=repr)
async def test_what_may_pass_is_asked_for_again(error: Exception) -> None:
    connector = InMemory([row("1")], act=failing(error, error))
    answer = await ask(guarded(connector), key("1"))
    assert isinstance(answer[key("1")]["stock"], Reading)
    assert len(connector.asked) == 3


@pytest.mark.parametrize("retries", [0, 1, 4])
async def test_so_often_and_no_more(retries: int) -> None:
    connector = InMemory(act=raiser(unreachable()))
    answer = await ask(guarded(connector, retries=retries), key("1"))
    assert failure(answer[key("1")]["stock"]) == (FailureKind.UNREACHABLE, "no connection")
    assert len(connector.asked) == retries + 1


@pytest.mark.parametrize(
    "error",
    [SourceFailure(kind, "no") for kind in FailureKind if kind.actor is not Actor.MACHINE] + [KeyError("x")],
    ids=repr,
)
async def test_what_a_person_must_mend_is_not(error: Exception) -> None:
    connector = InMemory(act=raiser(error))
    assert isinstance((await ask(guarded(connector), key("1")))[key("1")]["stock"], Failed)
    assert len(connector.asked) == 1


async def test_the_system_is_not_asked_before_it_wishes_nor_waited_for_beyond_the_deadline() -> None:
    moments: list[float] = []

    async def act() -> None:
        moments.append(asyncio.get_running_loop().time())
        if len(moments) == 1:
            raise throttled(0.2)

    await ask(guarded(InMemory([row("1")], act=act)), key("1"))
    assert moments[1] - moments[0] >= 0.2
    connector = InMemory(act=raiser(throttled(60)))
    answer = await asyncio.wait_for(ask(guarded(connector), key("1")), 4)
    assert answer[key("1")]["stock"].failure.retry_after == timedelta(minutes=1)
    assert len(connector.asked) == 1


class Keyed(InMemory):
    """Fails for single keys, so often as is said."""

    def __init__(self, fails: dict[str, list[Failure]], hangs_at: int = 0) -> None:
        super().__init__()
        self.fails, self.hangs_at = fails, hangs_at

    async def fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        self.asked.append((tuple(keys), frozenset(columns)))
        if len(self.asked) == self.hangs_at:
            await forever()
        failed = {one: self.fails[one].pop(0) for one in keys if self.fails.get(one)}
        return Fetched([row(one) for one in keys if one not in failed and one != "absent"], failed)


async def test_only_the_keys_that_failed_are_asked_for_again() -> None:
    passing, lasting = unreachable().failure, Failure(FailureKind.GARBLED, "half a record")
    connector = Keyed({"2": [passing], "3": [lasting], "absent": [passing]})
    answer = await ask(guarded(connector), *map(key, ("1", "2", "3", "absent")))
    assert [keys for keys, _ in connector.asked] == [("1", "2", "3", "absent"), ("2", "absent")]
    assert [type(answer[key(one)]["stock"]) for one in ("1", "2")] == [Reading, Reading]
    assert answer[key("3")]["stock"] == Failed(lasting)
    assert answer[key("absent")]["stock"] is MISSING, "it failed, and then it was not there"


async def test_what_came_before_the_deadline_is_kept() -> None:
    connector = Keyed({"2": [unreachable().failure]}, hangs_at=2)
    answer = await ask(guarded(connector, "300ms"), key("1"), key("2"))
    assert isinstance(answer[key("1")]["stock"], Reading)
    assert failure(answer[key("2")]["stock"]) == (FailureKind.UNREACHABLE, "no connection")


async def test_a_connector_is_told_until_when_it_may_take() -> None:
    left: list[float] = []

    async def act() -> None:
        left.append(answer_by(timedelta(hours=1)) - asyncio.get_running_loop().time())

    source = guarded(InMemory([row("1")], act=act), "1s")
    await ask(source, key("1"))
    await source.describe()
    assert 0.5 < left[0] < 1
    assert 8 < left[1] < 10
    await act()
    assert left[2] == pytest.approx(3600, abs=1), "without a guard it has what it asks for"


async def test_check_and_describe_are_tried_again() -> None:
    assert await guarded(InMemory(act=failing(unreachable()))).check()
    assert await guarded(InMemory(act=failing(unreachable(), unreachable()))).describe()


async def test_a_page_that_fails_is_asked_for_where_the_walk_was() -> None:
    opened: list[Cursor] = []

    class Resumed(InMemory):
        async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
            opened.append(cursor)
            async for one in InMemory.changes(self, cursor):
                yield one

    pages = [page(row(str(number)), cursor=number) for number in (1, 2, 3)]
    connector = Resumed(pages=[*pages, page(row("4"), last=True)])
    connector.act = failing(unreachable(), None, unreachable(), TimeoutError(), None, None)
    read = await follow(guarded(connector))
    assert [one.key.id for each in read if isinstance(each, Page) for one in each.records] == ["1", "2", "3", "4"]
    assert opened == [None, None, 1, 1]


async def test_a_page_is_asked_for_so_often_and_no_more() -> None:
    connector = InMemory(pages=[page(row("1"), cursor=1)], act=failing(*[unreachable() for _ in range(9)]))
    (failed,) = await follow(guarded(connector))
    assert failure(failed)[0] is FailureKind.UNREACHABLE
    assert connector.ended == 3


async def test_a_walk_that_cannot_be_resumed_is_not_begun_again() -> None:
    connector = InMemory(pages=[page(row("1")), page(row("2"), last=True)], act=failing(None, unreachable()))
    first, failed = await follow(guarded(connector))
    assert isinstance(first, Page)
    assert failure(failed)[0] is FailureKind.UNREACHABLE


# ── Limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "documents", "said"),
    [
        ({"records": 2}, [row("1"), row("2"), row("3")], "limits.records"),
        ({"columns": 2}, [row("1")], "limits.columns"),
        ({"page_bytes": 1024}, [row("1", origin="x" * 700), row("2", origin="x" * 700)], "limits.page_bytes"),
        ({"page_bytes": 1024}, [row("1", deep={"a": ["x" * 600, {"b": b"y" * 600}]})], "limits.page_bytes"),
        ({"page_bytes": 1024}, [row("1", deep=[[0] * 100] * 2)], "limits.page_bytes"),
    ],
)
async def test_a_system_that_gives_too_much_is_cut_off_whatever_the_connector(
    limits: dict[str, int], documents: list[Document], said: str
) -> None:
    kind, message = failure((await ask(guarded(InMemory(documents), limits=limits), key("1")))[key("1")]["stock"])
    assert kind is FailureKind.TOO_LARGE
    assert f"raise sources.wms.{said}" in message
    (failed,) = await follow(guarded(InMemory(pages=[page(*documents, last=True)]), limits=limits))
    assert failure(failed)[0] is FailureKind.TOO_LARGE
    assert f"raise sources.wms.{said}" in failure(failed)[1]
    enough = {name: value * 100 for name, value in limits.items()}
    assert isinstance((await follow(guarded(InMemory(pages=[page(*documents, last=True)]), limits=enough)))[0], Page)


async def test_an_answer_without_end_is_cut_off() -> None:
    class Endless(InMemory):
        async def fetch(self, keys: Sequence[str], columns: Collection[str]) -> Any:
            return (row(str(number)) for number in count())

    answer = await ask(guarded(Endless(), limits={"records": 50}), key("1"))
    assert failure(answer[key("1")]["stock"])[0] is FailureKind.TOO_LARGE


class Endlessly(InMemory):
    """Pages for ever; ``cursors`` makes the next page's cursor."""

    cursors: Callable[[int], Cursor] = staticmethod(lambda number: number)

    async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        for number in count(1):
            yield page(row(str(number)), cursor=self.cursors(number))


async def test_a_walk_without_end_ends() -> None:
    *pages, failed = await follow(guarded(Endlessly(), limits={"pages": 7}))
    assert len(pages) == 6
    assert failure(failed)[0] is FailureKind.TOO_LARGE
    assert "raise sources.wms.limits.pages" in failure(failed)[1]
    seven = [page(row(str(number)), cursor=number) for number in range(6)] + [page(last=True)]
    assert all(isinstance(one, Page) for one in await follow(guarded(InMemory(pages=seven), limits={"pages": 7})))


async def test_a_walk_that_does_not_get_on_ends() -> None:
    connector = Endlessly()
    connector.cursors = lambda number: min(number, 3)
    *pages, failed = await follow(guarded(connector))
    assert len(pages) == 3
    assert failure(failed)[0] is FailureKind.GARBLED
    assert "for ever" in failure(failed)[1]


async def test_a_cursor_is_small() -> None:
    connector = Endlessly()
    connector.cursors = lambda number: "x" * 70_000
    (failed,) = await follow(guarded(connector))
    assert failure(failed)[0] is FailureKind.GARBLED


# ── Leaving a system alone ─────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at

    def go(self, **length: float) -> None:
        self.at += timedelta(**length)


async def test_a_system_that_keeps_failing_is_left_alone_and_its_readers_are_told() -> None:
    clock, connector = Clock(), InMemory([row("1")], act=raiser(unreachable()))
    source = guarded(connector, retries=0, now=clock, breaker={"after": 3, "wait": "10s"})
    for _ in range(3):
        assert failure((await ask(source, key("1")))[key("1")]["stock"]) == (FailureKind.UNREACHABLE, "no connection")
        clock.go(seconds=1)
    kind, message = failure((await ask(source, key("1"), key("2")))[key("2")]["stock"])
    assert kind is FailureKind.UNREACHABLE
    assert re.fullmatch(
        r"no connection \(failing since 12:00:00 UTC, asked again at 12:00:(0[7-9]|1[0-2]) UTC\)", message
    )
    assert len(connector.asked) == 3
    clock.go(seconds=10)
    connector.act = None
    answers = await asyncio.gather(*(ask(source, key("1")) for _ in range(5)))
    assert all(isinstance(answer[key("1")]["stock"], Reading) for answer in answers[:1])
    assert len(connector.asked) == 4, "one tried, and the others were turned away"
    assert "asked again just now" in failure(answers[1][key("1")]["stock"])[1]
    assert isinstance((await ask(source, key("1")))[key("1")]["stock"], Reading)


async def test_a_reader_who_goes_away_does_not_keep_the_door_shut() -> None:
    clock, connector = Clock(), InMemory([row("1")], act=raiser(unreachable()))
    source = guarded(connector, retries=0, now=clock, breaker={"after": 1})
    await ask(source, key("1"))
    clock.go(minutes=1)
    connector.act = forever
    task = asyncio.create_task(ask(source, key("1")))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    connector.act = None
    assert isinstance((await ask(source, key("1")))[key("1")]["stock"], Reading)


async def test_a_sync_that_fails_costs_no_live_read_and_is_held_back_by_none() -> None:
    connector = InMemory([row("1")], pages=[unreachable(), page(row("1"), last=True)])
    source = guarded(connector, retries=0, breaker={"after": 1})
    assert failure((await follow(source))[0])[0] is FailureKind.UNREACHABLE
    assert isinstance((await ask(source, key("1")))[key("1")]["stock"], Reading)
    connector.act = raiser(unreachable())
    await ask(source, key("1"))
    connector.act = None
    assert isinstance((await ask(source, key("1")))[key("1")]["stock"], Failed), "it is open"
    assert isinstance((await follow(source, 1))[0], Page)


async def test_one_record_that_is_broken_costs_itself_alone() -> None:
    garbled = SourceFailure(FailureKind.GARBLED, "half a record")
    connector = InMemory([row("1")])
    source = guarded(connector, breaker={"after": 2})
    for _ in range(9):
        connector.act = raiser(garbled)
        assert failure((await ask(source, key("2")))[key("2")]["stock"]) == (FailureKind.GARBLED, "half a record")
    connector.act = None
    assert isinstance((await ask(source, key("1")))[key("1")]["stock"], Reading)


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
    monkeypatch.setattr(source, "CLOSE_WITHIN", timedelta(milliseconds=50))
    await asyncio.wait_for(busy.close(), 2)
    assert failure((await asyncio.wait_for(task, 1))[key("1")]["stock"])[0] is FailureKind.UNREACHABLE
