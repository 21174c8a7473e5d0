"""For each rule of a source one that breaks it: a guarded connector in memory whose answers are changed on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from sources.contract import (
    MISSING,
    Ask,
    Cursor,
    Failed,
    Follow,
    Outcome,
    Outcomes,
    Page,
    Reading,
    RecordKey,
    Source,
)
from sources.contract_suite.guarded import GuardedUpstream
from sources.failures import Failure, FailureKind
from tests.contract.memory import MemoryUpstream

FAILED = Failed(Failure(FailureKind.UNREACHABLE, "the system is away"))


class MutantSource:
    """It does what the source behind it does. Mutants override a part of it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.name

    @property
    def fetch(self) -> Ask | None:
        return self._fetch

    @property
    def changes(self) -> Follow | None:
        return self._changes

    async def ask(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        return await cast("Ask", self.source.fetch)(keys, fields)

    async def _fetch(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        outcomes = await self.ask(keys, fields)
        return {key: {name: self.outcome(key, name, one) for name, one in of.items()} for key, of in outcomes.items()}

    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        return outcome

    async def _changes(self, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        number = 0
        async for page in cast("Follow", self.source.changes)(cursor):
            number += 1
            yield self.page(page, number) if isinstance(page, Page) else page

    def page(self, page: Page, number: int) -> Page:
        return page


class MutantUpstream(GuardedUpstream):
    """The upstream of the contract suite, over a class of sources."""

    def __init__(self, kind: type[MutantSource]) -> None:
        super().__init__(MemoryUpstream())
        self.kind = kind

    def source(self) -> AbstractAsyncContextManager[Source]:
        return self._mutant(super().source())

    def dead(self) -> Sequence[AbstractAsyncContextManager[Source]]:
        return [self._mutant(source) for source in super().dead()]

    @asynccontextmanager
    async def _mutant(self, opened: AbstractAsyncContextManager[Source]) -> AsyncIterator[Source]:
        async with opened as source:
            yield self.kind(source)


MUTANTS: dict[str, type[MutantSource]] = {}
"""The source that breaks a rule, by the rule's id."""


def breaks(rule: str) -> Callable[[type[MutantSource]], type[MutantSource]]:
    """The class breaks that rule."""

    def register(mutant: type[MutantSource]) -> type[MutantSource]:
        assert rule not in MUTANTS
        MUTANTS[rule] = mutant
        return mutant

    return register


@breaks("an_answer_is_total_over_what_was_asked")
class LeavesOutWhatIsMissing(MutantSource):
    async def _fetch(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        outcomes = await self.ask(keys, fields)
        return {key: {name: one for name, one in of.items() if one != MISSING} for key, of in outcomes.items()}


@breaks("what_the_system_holds_is_read")
class SaysThatNothingIsThere(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        return MISSING if field == "stock" else outcome


@breaks("a_claim_says_what_it_is_about_and_when_it_was_observed")
class HasAClockWithoutAZone(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Reading):
            return outcome
        naive = datetime.now(UTC).replace(tzinfo=None)
        return Reading(tuple(claim._replace(last_updated=naive) for claim in outcome.claims))


@breaks("what_is_not_there_is_missing_and_not_failed")
class FailsForWhatIsNotThere(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        return FAILED if outcome == MISSING and key.id == "absent" else outcome


@breaks("what_cannot_be_read_is_unreadable_and_not_absent")
class DropsWhatCannotBeRead(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        unreadable = isinstance(outcome, Reading) and outcome.claims[0].unreadable is not None
        return MISSING if unreadable else outcome


@breaks("a_question_for_nothing_is_answered_with_nothing")
class CannotBeAskedForNothing(MutantSource):
    async def ask(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        return await super().ask(keys, fields) if keys and fields else {RecordKey("", ""): {}}


@breaks("a_key_that_is_asked_for_twice_is_one_answer")
class AnswersTheSecondAsking(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        return MISSING if self.twice else outcome

    async def ask(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        self.twice = len(set(keys)) < len(keys)
        return await super().ask(keys, fields)


@breaks("thousands_of_keys_are_one_question")
class AsksForTheFirstThousand(MutantSource):
    async def ask(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        found = await super().ask(keys[:1000], fields)
        return {key: found.get(key) or dict.fromkeys(fields, MISSING) for key in keys}


@breaks("questions_at_the_same_time_are_answered_each")
class KeepsTheAnswerInItself(MutantSource):
    answer: Mapping[str, Outcome]

    async def ask(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        found = await super().ask(keys, fields)
        for of_key in found.values():
            self.answer = of_key
        await asyncio.sleep(0.01)
        return dict.fromkeys(keys, self.answer)


@breaks("whoever_leaves_a_question_harms_no_other")
class IsNotFreeAgain(MutantSource):
    busy = 0

    async def ask(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        if self.busy >= 4:
            return {key: dict.fromkeys(fields, FAILED) for key in keys}
        self.busy += 1
        found = await super().ask(keys, fields)
        self.busy -= 1
        return found


@breaks("a_system_that_is_away_fails_its_fields_and_raises_nothing")
class TakesAwayForMissing(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        return MISSING if isinstance(outcome, Failed) else outcome


# ── Following ──────────────────────────────────────────────────────────────────────────────────────────────────────


@breaks("following_from_the_beginning_brings_every_record_once")
class LosesTheLastOfEachPage(MutantSource):
    def page(self, page: Page, number: int) -> Page:
        return replace(page, records=page.records[:2])


@breaks("exactly_the_final_page_of_a_source_is_the_last")
class SaysLastTooSoon(MutantSource):
    def page(self, page: Page, number: int) -> Page:
        return replace(page, last=True)


@breaks("following_resumes_after_any_page")
class BeginsAgain(MutantSource):
    async def _changes(self, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        async for page in super()._changes(None):
            yield page


@breaks("following_from_the_beginning_can_be_done_again")
class BringsThemOnce(MutantSource):
    brought = False

    async def _changes(self, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        brought, self.brought = self.brought, True
        async for page in super()._changes(cursor):
            yield replace(page, records=()) if brought and isinstance(page, Page) else page


@breaks("a_walk_that_is_left_leaves_the_source_usable")
class IsStillWalking(MutantSource):
    walking = 0

    async def _changes(self, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        if self.walking >= 4:
            yield FAILED
            return
        self.walking += 1
        async for page in super()._changes(cursor):
            yield page
        self.walking -= 1


@breaks("a_failure_is_the_last_thing_that_comes")
class GoesOnAfterAFailure(MutantSource):
    async def _changes(self, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        async for page in super()._changes(cursor):
            yield page
            if isinstance(page, Failed):
                yield Page((), (), None, True, True)


@breaks("a_document_that_is_no_record_is_set_aside_with_its_place")
class DropsBadRows(MutantSource):
    def page(self, page: Page, number: int) -> Page:
        return replace(page, rejected=())


@breaks("following_and_asking_say_the_same")
class AsksAnotherTable(MutantSource):
    def outcome(self, key: RecordKey, field: str, outcome: Outcome) -> Outcome:
        if field != "stock" or not isinstance(outcome, Reading):
            return outcome
        return Reading(tuple(claim._replace(value=7) for claim in outcome.claims))
