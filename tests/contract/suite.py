"""What every connector must do, whatever it reads.

A connector's tests subclass :class:`ConnectorContract`, name the class ``Test...`` and give the fixture ``upstream``:
an empty, real system that the connector reads. Nothing is skipped: where a connector lacks a capability, it must say so
by None, and that is what is asserted.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, Protocol, cast

import pytest

from sources.contract import Connector, Cursor, Description, Document, DocumentPage
from sources.failures import FailureKind, SourceFailure
from sources.values import JSON

PATIENCE = 10.0
"""Seconds within which a connector to a dead system must have failed. Open such connectors with a short deadline."""

TRICKY_KEYS = (
    "O'Brien",
    '"quoted"',
    "'; drop table articles; --",
    "x' or '1'='1",
    "Wasserkocher-ß-東京-🫖",
    "100%_a*b",
    "back\\slash",
    "a/b?c=d&e=f#g",
    "a,b;c|d",
    "two words",
    "$where{{7*7}}",
    ":name",
)


class Upstream(Protocol):
    """A real system under test, empty when the test begins. It holds records of four columns: the key, and
    ``label`` (text), ``weight`` (a decimal number), ``stock`` (a whole number); a clock of its own besides, if it
    likes, that it moves at every ``put``. Where the page's size can be chosen, its connectors read three a page.
    """

    @property
    def key(self) -> str:
        """The column of the id."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no message may hold: the password of the connection, say."""

    def connector(self) -> Connector:
        """A new one, opened and rightly declared. The suite closes it."""

    def misdeclared(self) -> Sequence[Connector]:
        """New ones, each with one mistake in its declaration that the system can name: a table, a column."""

    def dead(self) -> Sequence[Connector]:
        """New ones, to systems that cannot be read: nothing listens, nothing answers, the file is not there. Their
        deadlines are short enough for every call to fail within :data:`PATIENCE` seconds."""

    async def put(self, id_: str, values: Mapping[str, JSON], /) -> None:
        """Adds the record, or replaces it; numbers come as Decimal or int, a column left out or None is empty."""

    async def remove(self, id_: str, /) -> None:
        """Deletes the record."""


class ConnectorContract:
    """The tests. ``self.upstream`` is not kept between tests: each begins with an empty system."""

    @pytest.fixture
    def upstream(self) -> Any:
        """Override this: an :class:`Upstream`, empty. It may be an async fixture, and may yield."""
        raise NotImplementedError("give the fixture `upstream`")

    @pytest.fixture
    async def connector(self, upstream: Upstream) -> AsyncIterator[Connector]:
        """A connector to the upstream."""
        connector = upstream.connector()
        yield connector
        await connector.close()

    # ── Walking through everything ─────────────────────────────────────────────────────────────────────────────────

    async def test_a_walk_from_the_beginning_brings_every_document_once(
        self, upstream: Upstream, connector: Connector
    ) -> None:
        if connector.changes is None:
            assert connector.fetch is not None, "a connector that neither walks nor fetches reads nothing"
            return
        ids = await fill(upstream, 8)
        pages = await walk(connector)
        assert Counter(ids_of(upstream, pages)) == Counter(ids)

    async def test_exactly_the_final_page_is_the_last_and_all_are_enumerating(
        self, upstream: Upstream, connector: Connector
    ) -> None:
        if connector.changes is None:
            return
        for count in (1, 3, 6, 8):  # a page that is just full is where paging goes wrong
            await fill(upstream, count)
            pages = await walk(connector)
            assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
            assert all(page.enumerating for page in pages)
            assert {page.total for page in pages} <= {None, count}

    async def test_an_empty_system_is_one_last_page(self, upstream: Upstream, connector: Connector) -> None:
        if connector.changes is None:
            return
        pages = await walk(connector)
        assert [(page.documents, page.enumerating, page.last) for page in pages] == [((), True, True)]

    async def test_a_walk_resumes_after_any_page_in_another_process(
        self, upstream: Upstream, connector: Connector
    ) -> None:
        if connector.changes is None:
            return
        await fill(upstream, 8)
        pages = await walk(connector)
        for position, page in enumerate(pages[:-1], start=1):
            assert page.cursor is not None, "the cursor None would begin again"
            fresh = upstream.connector()
            rest = await walk(fresh, json.loads(json.dumps(page.cursor)))
            await fresh.close()
            assert ids_of(upstream, rest) == ids_of(upstream, pages[position:])
            assert all(found.enumerating for found in rest)
            assert [found.last for found in rest] == [False] * (len(rest) - 1) + [True]
        json.dumps(pages[-1].cursor)

    async def test_two_walks_in_a_row_bring_the_same_documents(self, upstream: Upstream, connector: Connector) -> None:
        if connector.changes is None:
            return
        await fill(upstream, 5)
        first, second = await walk(connector), await walk(connector)
        assert contents(first) == contents(second)

    async def test_a_walk_that_is_left_half_way_leaves_the_connector_usable(
        self, upstream: Upstream, connector: Connector
    ) -> None:
        if connector.changes is None:
            return
        ids = await fill(upstream, 8)
        for _ in range(12):  # more often than a pool has connections
            async with aclosing(cast("Any", connector.changes(None))) as pages:
                async for _page in pages:
                    break
        assert Counter(ids_of(upstream, await walk(connector))) == Counter(ids)

    # ── Following changes ──────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_changed_after_a_walk_is_seen(self, upstream: Upstream, connector: Connector) -> None:
        if connector.changes is None:
            return
        await fill(upstream, 5)
        cursor = await final_cursor(connector)
        await upstream.put("A-02", {"label": "Renamed", "weight": Decimal("9.5"), "stock": 1})
        await upstream.put("NEW-1", {"label": "New", "weight": Decimal("1.5"), "stock": 2})
        found = by_id(upstream, await walk(connector, cursor))
        assert found["A-02"]["label"] == "Renamed"
        assert found["NEW-1"]["label"] == "New"

    async def test_changes_are_seen_run_after_run(self, upstream: Upstream, connector: Connector) -> None:
        if connector.changes is None:
            return
        await fill(upstream, 5)
        cursor = await final_cursor(connector)
        for turn in ("first", "second", "third"):
            await upstream.put("A-03", {"label": turn, "weight": Decimal("9.5"), "stock": 1})
            pages = await walk(connector, cursor)
            assert by_id(upstream, pages)["A-03"]["label"] == turn
            cursor = json.loads(json.dumps(pages[-1].cursor))

    async def test_what_was_deleted_is_found(self, upstream: Upstream, connector: Connector) -> None:
        if connector.changes is None:
            return
        ids = await fill(upstream, 5)
        cursor = await final_cursor(connector)
        await upstream.remove("A-02")
        pages = await walk(connector, cursor)
        said = {id_ for page in pages for id_ in page.gone}
        if "A-02" not in said:
            if not pages[-1].enumerating:  # a clock cannot show what is not there; the next full walk does
                pages = await walk(connector)
            assert pages[-1].enumerating
            assert Counter(ids_of(upstream, pages)) == Counter(set(ids) - {"A-02"})
        assert said <= {"A-02"}

    # ── Asking by key ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_fetch_brings_what_is_there_of_the_keys(self, upstream: Upstream, connector: Connector) -> None:
        if connector.fetch is None:
            assert connector.changes is not None, "a connector that neither walks nor fetches reads nothing"
            return
        await fill(upstream, 8)
        asked = ["A-05", "absent", "A-01", "A-05"]
        found = by_id_of(upstream, await connector.fetch(asked, {"label", "weight"}))
        assert set(found) == {"A-01", "A-05"}
        assert found["A-05"]["label"] == "Kettle 5"
        assert as_number(found["A-01"]["weight"]) == Decimal("1.25")

    async def test_fetch_of_no_keys_and_of_unknown_keys_is_empty(
        self, upstream: Upstream, connector: Connector
    ) -> None:
        if connector.fetch is None:
            return
        await fill(upstream, 2)
        assert list(await connector.fetch([], {"label"})) == []
        assert list(await connector.fetch(["absent"], {"label"})) == []

    async def test_fetch_takes_more_keys_than_fit_one_question(self, upstream: Upstream, connector: Connector) -> None:
        if connector.fetch is None:
            return
        ids = await fill(upstream, 8)
        asked = [f"absent-{number}" for number in range(1500)] + ids
        assert set(by_id_of(upstream, await connector.fetch(asked, {"label"}))) == set(ids)

    async def test_keys_are_data_whatever_they_look_like(self, upstream: Upstream, connector: Connector) -> None:
        for number, tricky in enumerate(TRICKY_KEYS):
            await upstream.put(tricky, {"label": tricky, "weight": Decimal(number), "stock": number})
        if connector.changes is not None:
            pages = await walk(connector)
            assert Counter(ids_of(upstream, pages)) == Counter(TRICKY_KEYS)
            for page in pages[:-1]:
                position = pages.index(page) + 1
                rest = await walk(connector, json.loads(json.dumps(page.cursor)))
                assert ids_of(upstream, rest) == ids_of(upstream, pages[position:])
        if connector.fetch is not None:
            found = by_id_of(upstream, await connector.fetch(TRICKY_KEYS, {"label"}))
            assert {id_: document["label"] for id_, document in found.items()} == {key: key for key in TRICKY_KEYS}
            for tricky in TRICKY_KEYS:
                alone = by_id_of(upstream, await connector.fetch([tricky], {"label"}))
                assert set(alone) == {tricky}

    async def test_questions_at_the_same_time_do_not_mix(self, upstream: Upstream, connector: Connector) -> None:
        if connector.fetch is None:
            return
        ids = await fill(upstream, 8)
        answers = await asyncio.gather(*(connector.fetch([id_], {"label"}) for id_ in ids * 3))
        assert [set(by_id_of(upstream, answer)) for answer in answers] == [{id_} for id_ in ids * 3]

    # ── Values ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_numbers_are_exact(self, upstream: Upstream, connector: Connector) -> None:
        written = {"A-1": ("0.1", 0), "A-2": ("1234567.89", 12), "A-3": ("-2.5", -3), "A-4": ("3", 2147483647)}
        for id_, (weight, stock) in written.items():
            await upstream.put(id_, {"label": "Kettle", "weight": Decimal(weight), "stock": stock})
        for documents in await everything(connector, list(written)):
            for document in documents:
                assert_plain(dict(document.content))
            found = by_id_of(upstream, documents)
            read = {id_: (as_number(row["weight"]), as_number(row["stock"])) for id_, row in found.items()}
            assert read == {id_: (Decimal(weight), Decimal(stock)) for id_, (weight, stock) in written.items()}

    async def test_texts_come_as_they_were_written(self, upstream: Upstream, connector: Connector) -> None:
        written = {"A-1": "Bouilloire « été » 🫖", "A-2": 'say "tea", twice', "A-3": "two\nlines", "A-4": "0012"}
        for id_, label in written.items():
            await upstream.put(id_, {"label": label, "weight": Decimal(1), "stock": 1})
        for documents in await everything(connector, list(written)):
            found = by_id_of(upstream, documents)
            assert {id_: row["label"] for id_, row in found.items()} == written

    async def test_an_empty_value_is_no_value(self, upstream: Upstream, connector: Connector) -> None:
        await upstream.put("A-1", {"label": "Kettle"})
        for documents in await everything(connector, ["A-1"]):
            content = by_id_of(upstream, documents)["A-1"]
            assert content.get("weight") in (None, "")
            assert content.get("stock") in (None, "")

    async def test_every_document_says_where_it_stands(self, upstream: Upstream, connector: Connector) -> None:
        await fill(upstream, 4)
        for documents in await everything(connector, ["A-01", "A-02", "A-03", "A-04"]):
            places = [document.place for document in documents]
            assert all(places)
            assert len(set(places)) == len(places)
            assert not any(secret in place for secret in upstream.secrets for place in places)

    # ── The declaration and the system ─────────────────────────────────────────────────────────────────────────────

    async def test_describe_lists_the_columns(self, upstream: Upstream, connector: Connector) -> None:
        await fill(upstream, 2)
        described = await connector.describe()
        names = [column.name for column in described.columns]
        assert {upstream.key, "label", "weight", "stock"} <= set(names)
        assert len(set(names)) == len(names)

    async def test_check_finds_nothing_wrong_with_a_right_declaration(
        self, upstream: Upstream, connector: Connector
    ) -> None:
        await fill(upstream, 2)
        assert await connector.check() == ()

    async def test_check_names_what_the_system_does_not_have(self, upstream: Upstream) -> None:
        await fill(upstream, 2)
        wrong = upstream.misdeclared()
        assert wrong
        for connector in wrong:
            problems = await connector.check()
            await connector.close()
            assert problems
            for problem in problems:
                assert problem.path
                assert problem.found
                assert problem.instead
                assert not any(secret in f"{problem}" for secret in upstream.secrets)

    # ── Failing and ending ─────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_dead_system_is_a_source_failure_in_time(self, upstream: Upstream) -> None:
        connectors = upstream.dead()
        assert connectors
        for connector in connectors:
            for attempt in attempts(connector):
                async with asyncio.timeout(PATIENCE):
                    with pytest.raises(SourceFailure) as caught:
                        await attempt()
                failure = caught.value.failure
                assert failure.kind is not FailureKind.DEFECT, failure.message
                assert failure.message
                assert not any(secret in failure.message for secret in upstream.secrets)
            await connector.close()

    async def test_closing_twice_or_unused_is_harmless(self, upstream: Upstream) -> None:
        await fill(upstream, 1)
        unused = upstream.connector()
        await unused.close()
        await unused.close()
        used = upstream.connector()
        await used.describe()
        await used.close()
        await used.close()


# ── What the tests are made of ─────────────────────────────────────────────────────────────────────────────────────


async def fill(upstream: Upstream, count: int) -> list[str]:
    """Puts ``count`` kettles, ``A-01`` and on; their ids."""
    ids = [f"A-{number:02}" for number in range(1, count + 1)]
    for number, id_ in enumerate(ids, start=1):
        await upstream.put(id_, {"label": f"Kettle {number}", "weight": number + Decimal("0.25"), "stock": number * 10})
    return ids


async def walk(connector: Connector, cursor: Cursor = None) -> list[DocumentPage]:
    """All pages from ``cursor``; fails rather than walk for ever."""
    assert connector.changes is not None
    pages: list[DocumentPage] = []
    async for page in connector.changes(cursor):
        pages.append(page)
        assert len(pages) < 100, "the walk does not end"
    assert pages, "a walk has at least one page"
    return pages


async def final_cursor(connector: Connector) -> Cursor:
    """Walks through everything; the cursor to follow changes from, as it comes back from a database."""
    return json.loads(json.dumps((await walk(connector))[-1].cursor))


async def everything(connector: Connector, ids: Sequence[str]) -> list[list[Document]]:
    """The documents of ``ids`` by each capability that the connector has."""
    read = []
    if connector.changes is not None:
        read.append([document for page in await walk(connector) for document in page.documents])
    if connector.fetch is not None:
        read.append(list(await connector.fetch(ids, {"label", "weight", "stock"})))
    assert read
    return read


def ids_of(upstream: Upstream, pages: Iterable[DocumentPage]) -> list[str]:
    """The ids on ``pages``, in order."""
    return [str(document.content[upstream.key]) for page in pages for document in page.documents]


def by_id(upstream: Upstream, pages: Iterable[DocumentPage]) -> dict[str, Mapping[str, JSON]]:
    """The content of the documents on ``pages`` by id; the later one of two."""
    return by_id_of(upstream, (document for page in pages for document in page.documents))


def by_id_of(upstream: Upstream, documents: Iterable[Document]) -> dict[str, Mapping[str, JSON]]:
    """The content of ``documents`` by id."""
    return {str(document.content[upstream.key]): document.content for document in documents}


def contents(pages: Iterable[DocumentPage]) -> list[Mapping[str, JSON]]:
    """The content of every document on ``pages``, in order."""
    return [document.content for page in pages for document in page.documents]


def as_number(value: JSON) -> Decimal:
    """A number as read, where systems of texts (CSV) may say it in a text."""
    assert isinstance(value, int | Decimal | str), value
    return Decimal(value)


def assert_plain(value: JSON, place: str = "") -> None:
    """No float anywhere, and no number that is none."""
    assert not isinstance(value, float), f"a float at {place or 'the top'}"
    if isinstance(value, Decimal):
        assert value.is_finite(), f"{value} at {place}"
    elif isinstance(value, Mapping):
        for name, member in value.items():
            assert_plain(member, f"{place}.{name}")
    elif isinstance(value, list | tuple):
        for position, member in enumerate(value):
            assert_plain(member, f"{place}[{position}]")


def attempts(connector: Connector) -> list[Callable[[], Awaitable[Description | object]]]:
    """Every way to ask ``connector`` something."""

    async def check() -> None:
        for problem in await connector.check():  # "there is no such file" is an answer too
            raise SourceFailure(FailureKind.MISSING_OBJECT, problem.found)

    ways: list[Callable[[], Awaitable[object]]] = [connector.describe, check]
    changes, fetch = connector.changes, connector.fetch
    if changes is not None:
        ways.append(lambda: walk(connector))
    if fetch is not None:
        ways.append(lambda: fetch(["A-01"], {"label"}))
    return ways
