"""More mutants of connectors: of what stands in documents, of declarations, and of systems that break or lie."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sources.contract import Cursor, Description, Document, Problem
from sources.contract_suite import Fault
from sources.failures import FailureKind, SourceFailure
from sources.values import JSON
from tests.contract.connector_mutants import Reshaped, breaks
from tests.contract.memory import ELSEWHERE, SECRET, Answer, MemoryConnector, MemorySystem

# ── Documents ──────────────────────────────────────────────────────────────────────────────────────────────────────


@breaks("numbers_are_exact")
class RoundsNumbers(Reshaped):
    def reshape(self, row: dict[str, JSON]) -> dict[str, JSON]:
        weight = row.get("weight")
        return {**row, "weight": round(weight, 1)} if isinstance(weight, Decimal) else row


@breaks("values_are_of_the_known_types")
class ReadsFloats(MemoryConnector):
    def parse(self, body: bytes) -> Any:
        super().parse(body)
        return json.loads(body)


@breaks("texts_come_as_they_were_written")
class GuessesTypesOfTexts(Reshaped):
    def reshape(self, row: dict[str, JSON]) -> dict[str, JSON]:
        label = row.get("label")
        return {**row, "label": int(label)} if isinstance(label, str) and label.isdigit() else row


@breaks("an_empty_value_is_no_value")
class TakesEmptyForNought(Reshaped):
    def reshape(self, row: dict[str, JSON]) -> dict[str, JSON]:
        return {"weight": 0, "stock": 0, **row} if "label" in row else row


@breaks("every_document_says_where_it_stands")
class KnowsNoPlaces(MemoryConnector):
    def documents(self, rows: Sequence[Mapping[str, JSON]]) -> tuple[Document, ...]:
        return tuple(replace(document, place="somewhere") for document in super().documents(rows))


# ── Declarations, and systems that are away ────────────────────────────────────────────────────────────────────────


@breaks("describe_lists_the_columns")
class ForgetsTheKey(MemoryConnector):
    async def describe(self) -> Description:
        described = await super().describe()
        return replace(described, columns=described.columns[1:])


@breaks("check_finds_nothing_wrong_with_a_right_declaration")
class TakesEmptyForWrong(MemoryConnector):
    async def check(self) -> tuple[Problem, ...]:
        rows, _, _ = await self.page(None)
        return await super().check() if rows else (Problem("from", "no records", "another table"),)


@breaks("check_names_what_the_system_does_not_have")
class ChecksTheFirstColumnOnly(MemoryConnector):
    async def check(self) -> tuple[Problem, ...]:
        self.columns = self.columns[:1]
        return await super().check()


@breaks("a_dead_system_is_a_source_failure_in_time")
class LetsTheLibraryRaise(MemoryConnector):
    async def describe(self) -> Description:
        await self.system.ask({"after": None, "size": 1})
        return Description((), complete=True)


@breaks("closing_twice_or_unused_is_harmless")
class ClosesOnce(MemoryConnector):
    closed = False

    async def close(self) -> None:
        if self.closed:
            raise RuntimeError("it is closed already")
        self.closed = True


@breaks("a_reader_that_leaves_does_not_hold_the_system_up")
class LeavesALock(MemoryConnector):
    async def ask(self, question: Mapping[str, Any]) -> Any:
        self.system.locked = True
        answer = await super().ask(question)
        self.system.locked = False
        return answer


# ── Systems that break ─────────────────────────────────────────────────────────────────────────────────────────────


@breaks("an_answer_that_never_ends_is_given_up_in_time")
class WaitsEachTimeForALittle(MemoryConnector):
    """A timeout for each read, which a drip never reaches."""

    async def ask(self, question: Mapping[str, Any]) -> Any:
        if self.system.doing == (Fault.DRIP, 0):
            await self.system.ask(question)
        return await super().ask(question)


@breaks("a_late_answer_is_an_answer")
class HasADeadlineOfItsOwn(MemoryConnector):
    def __init__(self, system: MemorySystem, deadline: float = 5.0, columns: Sequence[str] = ()) -> None:
        super().__init__(system, min(deadline, 0.02), columns)


class Reading(MemoryConnector):
    """One that reads certain answers otherwise."""

    async def ask(self, question: Mapping[str, Any]) -> Any:
        try:
            return await super().ask(question)
        except SourceFailure as failed:
            return self.otherwise(failed, question)

    def otherwise(self, failed: SourceFailure, question: Mapping[str, Any]) -> Any:
        raise failed


@breaks("a_system_that_refuses_connections_is_unreachable")
class CallsRefusedGarbled(Reading):
    def otherwise(self, failed: SourceFailure, question: Mapping[str, Any]) -> Any:
        if failed.failure.kind is FailureKind.UNREACHABLE:
            raise SourceFailure(FailureKind.GARBLED, failed.failure.message)
        raise failed


@breaks("a_system_that_says_it_is_broken_is_a_failure")
class TakesTheirErrorForADefect(MemoryConnector):
    def read(self, answer: Answer) -> Any:
        if answer.status == 500:
            raise SourceFailure(FailureKind.DEFECT, "status 500")
        return super().read(answer)


@breaks("a_system_that_asks_for_patience_is_throttled_and_says_how_long")
class ForgetsHowLong(Reading):
    def otherwise(self, failed: SourceFailure, question: Mapping[str, Any]) -> Any:
        raise SourceFailure(failed.failure.kind, failed.failure.message, timedelta(0))


@breaks("an_answer_that_is_cut_off_is_a_failure_and_never_fewer_documents")
class MendsWhatIsCutOff(MemoryConnector):
    def read(self, answer: Answer) -> Any:
        if len(answer.body) < answer.length:
            return {"items": [], "next": None, "total": None}
        return super().read(answer)


@breaks("an_answer_whose_bytes_changed_brings_no_other_records")
class TrustsEveryByte(MemoryConnector):
    def read(self, answer: Answer) -> Any:
        if len(answer.body) == answer.length and answer.status == 200:
            return self.parse(answer.body)
        return super().read(answer)


@breaks("a_garbled_answer_is_garbled")
class CallsGarbledUnreachable(Reading):
    def otherwise(self, failed: SourceFailure, question: Mapping[str, Any]) -> Any:
        if failed.failure.kind is FailureKind.GARBLED:
            raise SourceFailure(FailureKind.UNREACHABLE, failed.failure.message)
        raise failed


@breaks("an_answer_without_its_records_is_a_failure_and_not_an_empty_system")
class TakesNoListForAnEmptyOne(MemoryConnector):
    async def ask(self, question: Mapping[str, Any]) -> Any:
        body = await super().ask(question)
        if isinstance(body, dict) and not body.get("items"):
            return {"items": [], "next": None, "total": 0}
        return body


@breaks("an_answer_that_is_too_large_is_not_read_to_its_end")
class ReadsEverything(MemoryConnector):
    max_bytes = 100_000_000


@breaks("a_walk_that_breaks_half_way_goes_on_from_its_last_page")
class StepsOverThePageThatFailed(MemoryConnector):
    def cursor(self, after: str | None, number: int) -> Cursor:
        ahead = [id_ for id_ in sorted(self.system.records) if after is not None and id_ > after]
        return super().cursor(ahead[0] if ahead and after is not None else after, number)


@breaks("after_a_failure_the_same_connector_works_again")
class IsBrokenOnceAndForAll(Reading):
    broken: SourceFailure | None = None

    async def ask(self, question: Mapping[str, Any]) -> Any:
        if self.broken is not None:
            raise self.broken
        return await super().ask(question)

    def otherwise(self, failed: SourceFailure, question: Mapping[str, Any]) -> Any:
        self.broken = failed
        raise failed


@breaks("no_failure_tells_a_secret")
class RepeatsWhatItWasTold(MemoryConnector):
    def parse(self, body: bytes) -> Any:
        try:
            return super().parse(body)
        except SourceFailure:
            raise SourceFailure(FailureKind.GARBLED, f"no JSON: {body[:100]!r} from user:{SECRET}@host") from None


# ── Systems that lie ───────────────────────────────────────────────────────────────────────────────────────────────


@breaks("paging_for_ever_ends_as_a_failure")
class PagesForEver(MemoryConnector):
    max_pages = 1_000_000_000


class Trusting(MemoryConnector):
    """One that takes a page as it comes."""

    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        body = await self.ask({"after": after, "size": self.size})
        rows = self.items(body)
        if body.get("host") is not None:
            raise SourceFailure(FailureKind.GARBLED, "the next page is at another system")
        return rows, body["next"], body["total"]


@breaks("a_page_that_comes_again_is_a_failure_or_the_end")
class EndsAtThePageThatComesAgain(Trusting):
    """It ends well, and without the records that it never saw."""

    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        rows, following, total = await super().page(after)
        return ([], None, total) if rows and after == rows[-1]["id"] else (rows, following, total)


@breaks("a_record_that_comes_again_costs_no_other")
class EndsAtARecordThatComesAgain(Trusting):
    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        rows, following, total = await super().page(after)
        return ([], None, total) if rows and after == rows[0]["id"] else (rows, following, total)


@breaks("records_in_another_order_are_not_taken_for_deleted")
class DoesNotLookAtTheOrder(Trusting):
    pass


@breaks("a_value_of_another_type_is_brought_or_unreadable")
class DropsWhatItCannotRead(Reshaped):
    def reshape(self, row: dict[str, JSON]) -> dict[str, JSON]:
        weight = row.get("weight")
        return {**row, "weight": None} if isinstance(weight, str) else row


@breaks("a_total_that_lies_loses_no_record")
class EndsAtTheTotal(MemoryConnector):
    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        rows, following, total = await super().page(after)
        return rows, following if len(rows) < (total or 0) else None, total


@breaks("a_next_page_at_another_system_is_a_failure")
class GoesWhereItIsSent(MemoryConnector):
    def parse(self, body: bytes) -> Any:
        parsed = super().parse(body)
        if isinstance(parsed, dict) and parsed.pop("host", None) == ELSEWHERE:
            parsed["next"] = None
        return parsed
