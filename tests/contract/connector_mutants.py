"""For each rule of a connector one that breaks it: the healthy connector in memory with one thing wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sources.contract import Cursor, Document, DocumentPage
from sources.failures import FailureKind, SourceFailure
from sources.values import JSON
from tests.contract.memory import KEYS_AT_ONCE, MemoryConnector

MUTANTS: dict[str, type[MemoryConnector]] = {}
"""The connector that breaks a rule, by the rule's id."""


def breaks(rule: str) -> Callable[[type[MemoryConnector]], type[MemoryConnector]]:
    """The class breaks that rule."""

    def register(mutant: type[MemoryConnector]) -> type[MemoryConnector]:
        assert rule not in MUTANTS
        MUTANTS[rule] = mutant
        return mutant

    return register


class Rewritten(MemoryConnector):
    """One whose pages are changed on their way."""

    def rewrite(self, page: DocumentPage, number: int) -> DocumentPage:
        return page

    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        number = 0
        async for page in super()._changes(cursor):
            number += 1
            yield self.rewrite(page, number)


class Reshaped(MemoryConnector):
    """One whose documents are changed, however they are read."""

    def reshape(self, row: dict[str, JSON]) -> dict[str, JSON]:
        return row

    def documents(self, rows: Sequence[Mapping[str, JSON]]) -> tuple[Document, ...]:
        return super().documents([self.reshape(dict(row)) for row in rows])


# ── Walks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@breaks("a_connector_reads_something")
class ReadsNothing(MemoryConnector):
    fetch = None
    changes = None


@breaks("a_walk_from_the_beginning_brings_every_document_once")
class OverlapsItsPages(MemoryConnector):
    def cursor(self, after: str | None, number: int) -> Cursor:
        return super().cursor(after, number)

    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        rows, following, total = await super().page(after)
        again = [{"id": after, "label": "again"}] if after is not None else []
        return [*again, *rows], following, total


@breaks("exactly_the_final_page_is_the_last")
class TakesAFullPageForMore(Rewritten):
    def rewrite(self, page: DocumentPage, number: int) -> DocumentPage:
        return replace(page, last=page.last and len(page.documents) < self.size)


@breaks("a_walk_from_the_beginning_says_that_it_covers_everything")
class ForgetsThatItEnumerates(Rewritten):
    def rewrite(self, page: DocumentPage, number: int) -> DocumentPage:
        return replace(page, enumerating=number == 1)


@breaks("a_total_is_the_number_of_documents")
class CountsThePage(Rewritten):
    def rewrite(self, page: DocumentPage, number: int) -> DocumentPage:
        return replace(page, total=len(page.documents))


@breaks("an_empty_system_is_one_last_page")
class SaysNothingOfNothing(MemoryConnector):
    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        async for page in super()._changes(cursor):
            if page.documents:
                yield page


@breaks("a_walk_resumes_after_any_page_in_another_process")
class RemembersByItself(MemoryConnector):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.marks: dict[str, str] = {}

    def cursor(self, after: str | None, number: int) -> Cursor:
        if after is not None:
            self.marks[f"mark {number}"] = after
        return None if after is None else f"mark {number}"

    def resume(self, cursor: Cursor) -> tuple[str | None, int]:
        return (self.marks.get(cursor), 0) if isinstance(cursor, str) else (None, 0)


@breaks("a_cursor_is_small_json")
class KeepsAPairForACursor(Rewritten):
    def rewrite(self, page: DocumentPage, number: int) -> DocumentPage:
        return replace(page, cursor={**page.cursor, "seen": (1, 2)} if page.cursor else None)


@breaks("a_cursor_that_is_none_of_its_own_begins_again")
class TrustsEveryCursor(MemoryConnector):
    def resume(self, cursor: Cursor) -> tuple[str | None, int]:
        after, number = super().resume(cursor)
        return (str(cursor), 0) if cursor is not None and after is None else (after, number)


@breaks("two_walks_in_a_row_bring_the_same_documents")
class StampsItsDocuments(Reshaped):
    def reshape(self, row: dict[str, JSON]) -> dict[str, JSON]:
        return {**row, "read_at": time.perf_counter_ns()}


class Pooled(MemoryConnector):
    """One with a few connections, which a mutant forgets to give back."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.free = 4

    def take(self) -> None:
        if not self.free:
            raise SourceFailure(FailureKind.UNREACHABLE, "no connection is free")
        self.free -= 1


@breaks("a_walk_that_is_left_half_way_leaves_the_connector_usable")
class KeepsTheConnectionOfAWalk(Pooled):
    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        self.take()
        try:
            async for page in super()._changes(cursor):
                yield page
        except Exception:
            self.free += 1
            raise
        except asyncio.CancelledError:
            self.free += 1
            raise
        self.free += 1


@breaks("a_walk_that_is_cancelled_leaves_the_connector_usable")
class KeepsTheConnectionOfACancelledWalk(Pooled):
    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        self.take()
        try:
            async for page in super()._changes(cursor):
                yield page
        except asyncio.CancelledError:
            raise
        except BaseException:
            self.free += 1
            raise
        self.free += 1


@breaks("two_walks_at_the_same_time_do_not_mix")
class KeepsItsPlaceInItself(MemoryConnector):
    place: str | None = None

    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        if after is None:
            self.place = None
        rows, self.place, total = await super().page(self.place)
        return rows, self.place, total


@breaks("a_walk_that_may_step_over_a_record_says_so")
class PagesByPosition(MemoryConnector):
    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        start = int(after or 0)
        rows, more = list[dict[str, JSON]](), None
        for _ in range(start // self.size + 1):
            rows, more, total = await super().page(more)
        return rows, str(start + self.size) if more else None, total


# ── Following ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Followed(MemoryConnector):
    """One that follows: its final cursor keeps what it saw, and the next walk brings what is new to it."""

    def state(self) -> dict[str, str]:
        """A print of each record."""
        return {id_: json.dumps(row, default=str) for id_, row in self.system.records.items()}

    def remembered(self, before: dict[str, str], after: dict[str, str], follows: bool) -> dict[str, str]:
        """What the next walk compares with."""
        return before

    def gone(self, was: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(sorted(was.keys() - now.keys()))

    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        before = self.state()
        if isinstance(cursor, dict) and "was" in cursor:
            was, rows = cursor["was"], [row async for page in super()._changes(None) for row in page.documents]
            new = tuple(row for row in rows if was.get(row.content["id"]) != before.get(row.content["id"]))
            kept = {"was": self.remembered(before, self.state(), True)}
            yield DocumentPage(new, kept, False, True, gone=self.gone(was, before))
            return
        async for page in super()._changes(cursor):
            if page.last:
                page = replace(page, cursor={"was": self.remembered(before, self.state(), False)})
            yield page


@breaks("what_changed_after_a_walk_is_seen")
class LooksForNewRecordsOnly(Followed):
    def state(self) -> dict[str, str]:
        return dict.fromkeys(self.system.records, "there")


@breaks("changes_are_seen_run_after_run")
class FollowsOnce(Followed):
    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        followed = isinstance(cursor, dict) and cursor.get("followed")
        async for page in super()._changes(cursor):
            if page.enumerating:
                yield page
            else:
                documents = () if followed else page.documents
                yield replace(page, cursor={**page.cursor, "followed": True}, documents=documents)


@breaks("what_is_written_during_a_walk_is_seen_by_the_next")
class TakesTheClockAfterTheWalk(Followed):
    def remembered(self, before: dict[str, str], after: dict[str, str], follows: bool) -> dict[str, str]:
        return after


@breaks("what_was_deleted_is_found")
class NeverSaysWhatIsGone(Followed):
    def gone(self, was: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
        return ()

    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        async for page in super()._changes(cursor):
            yield replace(page, enumerating=False)


@breaks("only_what_is_gone_is_called_gone")
class CallsEverythingUnchangedGone(Followed):
    def gone(self, was: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(sorted(was))


# ── By key ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@breaks("fetch_brings_what_is_there_of_the_keys")
class BringsTheFirstKeyOnly(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        return (await super()._fetch(keys, columns))[:1]


@breaks("a_key_that_is_asked_for_twice_is_answered_once")
class AsksForEachKeyAsOftenAsItStands(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        found = {document.content["id"]: document for document in await super()._fetch(keys, columns)}
        return [found[key] for key in keys if key in found]


@breaks("fetch_of_no_keys_is_empty")
class TakesNoKeysForAll(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        return await super()._fetch(keys or list(self.system.records), columns)


@breaks("fetch_of_unknown_keys_is_empty")
class FailsForAKeyThatIsNotThere(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        found = await super()._fetch(keys, columns)
        if not found and keys:
            raise SourceFailure(FailureKind.MISSING_OBJECT, "no such record")
        return found


@breaks("fetch_takes_more_keys_than_fit_one_question")
class AsksForTheFirstHundred(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        return await super()._fetch(list(dict.fromkeys(keys))[:KEYS_AT_ONCE], columns)


@breaks("fetch_brings_the_columns_that_were_asked_for")
class BringsTheFirstOfSeveralColumns(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        return await super()._fetch(keys, columns if len(columns) > 1 else ["label"])


@breaks("keys_are_data_whatever_they_look_like")
class JoinsKeysWithCommas(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        return await super()._fetch(",".join(keys).split(","), columns)


@breaks("fetch_sees_what_was_just_written")
class KeepsAnswers(MemoryConnector):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.kept: dict[tuple[str, ...], Sequence[Document]] = {}

    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        if tuple(keys) not in self.kept:
            self.kept[tuple(keys)] = await super()._fetch(keys, columns)
        return self.kept[tuple(keys)]


@breaks("questions_at_the_same_time_do_not_mix")
class KeepsTheQuestionInItself(MemoryConnector):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        self.keys = keys
        await asyncio.sleep(0)
        return await super()._fetch(self.keys, columns)


@breaks("a_question_that_is_cancelled_leaves_the_connector_usable")
class KeepsTheConnectionOfACancelledQuestion(Pooled):
    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        self.take()
        found = await super()._fetch(keys, columns)
        self.free += 1
        return found
