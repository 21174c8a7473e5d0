"""The rules of systems that answer well and lie: about pages, order, totals, types and where they are."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sources.contract import Connector, DocumentPage
from sources.contract_suite.rule import Rules, expect
from sources.contract_suite.trial import Trial
from sources.contract_suite.upstream import Fault
from sources.failures import FailureKind

RULES: Final = Rules[Trial]()
ABOUT: Final = "a system that lies"
MISTYPED: Final = "A-02"


@RULES.rule(ABOUT)
async def paging_for_ever_ends_as_a_failure(trial: Trial) -> None:
    """A walk without end keeps a worker for ever, and fills the ledger with it.

    Do: bound the number of pages of a walk, across its resumptions, and raise SourceFailure(FailureKind.TOO_LARGE)."""
    await _walks(trial, Fault.ENDLESS, must_fail=True)


@RULES.rule(ABOUT)
async def a_page_that_comes_again_is_a_failure_or_the_end(trial: Trial) -> None:
    """A system that does not know the page's parameter answers the first page for ever.

    Do: compare a page with the one before, and a next cursor with those that were: the same again is a failure."""
    for way, there, pages in await _walks(trial, Fault.REPEAT_PAGE):
        found = Counter(trial.ids(pages))
        expect(found == Counter(there), f"{way}: the walk ended well and brought {dict(found)} of {sorted(there)}")


@RULES.rule(ABOUT)
async def a_record_that_comes_again_costs_no_other(trial: Trial) -> None:
    """A record that is inserted while a walk goes on moves another onto the next page again.

    Do: bring it again, or drop it: it is no reason to stop, and none to leave another one out."""
    for way, there, pages in await _walks(trial, Fault.REPEAT_RECORDS):
        found = set(trial.ids(pages))
        expect(found == there, f"{way}: not brought: {sorted(there - found)}; not there: {sorted(found - there)}")


@RULES.rule(ABOUT)
async def records_in_another_order_are_not_taken_for_deleted(trial: Trial) -> None:
    """Records that change places between two pages are stepped over, and would count as deleted.

    Do: ask for an order, or set shifting on the pages, or fail."""
    for way, there, pages in await _walks(trial, Fault.REORDER):
        found = set(trial.ids(pages))
        expect(found <= there, f"{way}: it brought what is not there: {sorted(found - there)}")
        if not all(page.shifting for page in pages):
            expect(found == there, f"{way}: not brought, and its pages do not say shifting: {sorted(there - found)}")


@RULES.rule(ABOUT)
async def a_value_of_another_type_is_brought_or_unreadable(trial: Trial) -> None:
    """'1 246 ' in a column of numbers is a value that cannot be read, which is not the same as no value.

    Do: bring the value as it is, or an UnreadableValue in its place; never None, and never without the other
    records."""
    faults, switches = trial.faults, trial.switches(Fault.MISTYPE)
    there = await trial.some()
    for number, (_, switch) in enumerate(switches, start=1):
        connector = trial.connector()
        await switch()
        for documents in await trial.everything(connector, list(there)):
            found = trial.by_id(documents)
            expect(found.keys() == there.keys(), f"way {number}: it brought {sorted(found)} of {sorted(there)}")
            for column in ("weight", "stock"):
                read = trial.value(found[MISTYPED], column)
                expect(
                    read not in (None, ""), f"way {number}: {column} of {MISTYPED} is there, and was read as {read!r}"
                )
                # True is 1 in Python: another value, and a readable one
                right = read is not True if column == "weight" else read not in (20, "20")
                expect(right, f"way {number}: {column} of {MISTYPED} is of another type, and was read as {read!r}")
        await faults.clear()


@RULES.rule(ABOUT)
async def a_total_that_lies_loses_no_record(trial: Trial) -> None:
    """A total that is too small ends a walk early, and the rest counts as deleted.

    Do: end a walk at what the system gives, or make sure that nothing follows; or fail."""
    for way, there, pages in await _walks(trial, Fault.MISCOUNT):
        found = set(trial.ids(pages))
        expect(found == there, f"{way}: the walk ended well without {sorted(there - found)}")


@RULES.rule(ABOUT)
async def a_next_page_at_another_system_is_a_failure(trial: Trial) -> None:
    """Credentials that are sent where an answer points belong to whoever answered.

    Do: compare the next page's scheme, host and port with the declared ones, and raise
    SourceFailure(FailureKind.GARBLED)."""
    for way, _, failure in await _ends(trial, Fault.STRAY):
        expect(not isinstance(failure, list), f"{way}: the walk went there, or ended well")
        expect(failure is FailureKind.GARBLED, f"{way}: the walk failed as {failure}")


async def _walks(
    trial: Trial, fault: Fault, *, must_fail: bool = False
) -> list[tuple[str, set[str], list[DocumentPage]]]:
    """The walks that ended well although the system lied; with ``must_fail``, none may."""
    found = []
    for way, there, end in await _ends(trial, fault):
        if isinstance(end, list):
            expect(not must_fail, f"{way}: the walk ended well, after {len(end)} pages")
            found.append((way, there, end))
    return found


async def _ends(trial: Trial, fault: Fault) -> list[tuple[str, set[str], list[DocumentPage] | FailureKind]]:
    """For every way in which the system does ``fault``: the ids that are there, and how a walk ended."""
    trial.changes(trial.connector())
    faults, switches = trial.faults, trial.switches(fault)
    there = set(await trial.some(20))
    found: list[tuple[str, set[str], list[DocumentPage] | FailureKind]] = []
    for number, (_, switch) in enumerate(switches, start=1):
        connector = trial.closing(faults.connector() if fault is Fault.ENDLESS else trial.upstream.connector())
        pages: list[DocumentPage] = []

        async def walk(pages: list[DocumentPage] = pages, connector: Connector = connector) -> None:
            pages += await trial.walk(connector)

        way = f"while the system {fault.value} (way {number})"
        await switch()
        failure = await trial.failure_or_none(f"{way}, a walk", walk)
        await faults.clear()
        found.append((way, there, pages if failure is None else failure.kind))
    return found
