"""The rules of systems that break: that refuse, hang, cut off and garble. Each switch of the upstream is thrown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial
from typing import Final

from sources.contract import Changes, Connector, Document, DocumentPage
from sources.contract_suite.rule import NotChecked, Rules, expect
from sources.contract_suite.trial import PATIENCE, Records, Trial, documents_in, ending, kept
from sources.contract_suite.upstream import Fault, Switch
from sources.failures import Failure, FailureKind, SourceFailure

RULES: Final = Rules[Trial]()
ABOUT: Final = "a system that breaks"
ENDLESS: Final = (Fault.HANG, Fault.DRIP)
SUDDEN: Final = (Fault.REFUSE, Fault.FAIL, Fault.CUT, Fault.GARBLE, Fault.MISSHAPE)
"""What a connector notices at once."""


@RULES.rule(ABOUT)
async def an_answer_that_never_ends_is_given_up_in_time(trial: Trial) -> None:
    """One system that hangs must not hold up the answers of the others; a client's timeout is often for each read,
    and a byte a second never reaches it.

    Do: bound the whole call: async with asyncio.timeout(...), connecting and every retry within it."""
    faults, switches = trial.faults, trial.switches(*ENDLESS)
    await trial.some()
    for fault, switch in switches:
        connectors = [trial.closing(faults.connector()) for _ in range(2)]
        await switch()
        await asyncio.gather(
            *(
                _failure(trial, fault, what, ask)
                for connector in connectors
                for what, ask in trial.questions(connector).items()
            )
        )
        await faults.clear()
        for connector in connectors:
            await _wait_until_it_works(trial, connector)


@RULES.rule(ABOUT)
async def a_late_answer_is_an_answer(trial: Trial) -> None:
    """A live read waits for what is late; a timeout where there would have been an answer is a lost one.

    Do: use the whole declared deadline, not a shorter one of your own."""
    faults, switches = trial.faults, trial.switches(Fault.DELAY)
    there = await trial.some()
    for _, switch in switches:
        connector = trial.connector()
        await switch()
        await _expect_works(trial, "while the system is late", connector, there)
        await faults.clear()


@RULES.rule(ABOUT)
async def a_system_that_refuses_connections_is_unreachable(trial: Trial) -> None:
    """What may pass by itself is tried again by itself: the kind says so.

    Do: raise SourceFailure(FailureKind.UNREACHABLE) for a connection that is refused, reset or lost."""
    for fault, what, failure in await _failures(trial, Fault.REFUSE):
        expect(failure.kind is FailureKind.UNREACHABLE, f"{fault}: {what} failed as {failure.kind}: {failure.message}")


@RULES.rule(ABOUT)
async def a_system_that_says_it_is_broken_is_a_failure(trial: Trial) -> None:
    """An error of theirs is not an answer, and not a defect of ours either.

    Do: raise SourceFailure with a kind that says who must act; no exception of a library leaves the connector."""
    await _failures(trial, Fault.FAIL)


@RULES.rule(ABOUT)
async def a_system_that_asks_for_patience_is_throttled_and_says_how_long(trial: Trial) -> None:
    """A system that is asked again too soon shuts the door for longer.

    Do: raise SourceFailure(FailureKind.THROTTLED, ..., retry_after=...) with what the system said."""
    for fault, what, failure in await _failures(trial, Fault.THROTTLE):
        said = f"{fault}: {what} failed as {failure.kind}, retry_after {failure.retry_after}"
        expect(failure.kind is FailureKind.THROTTLED, said)
        wait = failure.retry_after
        expect(wait is not None and timedelta(seconds=1) <= wait <= timedelta(seconds=31), said)


@RULES.rule(ABOUT)
async def an_answer_that_is_cut_off_is_a_failure_and_never_fewer_documents(trial: Trial) -> None:
    """Half an answer that passes for a whole one makes the other half look deleted.

    Do: compare with the announced length, insist on the end of the form (a closing bracket, a last row), and fail."""
    await _failures(trial, Fault.CUT)


@RULES.rule(ABOUT)
async def an_answer_whose_bytes_changed_brings_no_other_records(trial: Trial) -> None:
    """Bytes change on faulty wires and disks; what cannot be read must not turn into other records.

    Do: let what the driver or parser says about it become a SourceFailure of the kind UNREACHABLE or GARBLED."""
    faults, switches = trial.faults, trial.switches(Fault.SCRAMBLE)
    there = await trial.some()
    for fault, switch in switches:
        connector = trial.closing(faults.connector())
        await switch()
        for what, ask in trial.reads(connector).items():
            brought: list[Document] = []

            async def keep(ask: Callable[[], Awaitable[object]] = ask, brought: list[Document] = brought) -> None:
                brought += documents_in(await ask())

            if await trial.failure_or_none(f"{fault.name}: {what}", keep) is None:
                found = Counter(map(trial.id_of, brought))
                wanted = list(there) if what == "a walk" else ["A-01"]
                expect(found == Counter(wanted), f"{fault.name}: {what} ended well and brought {dict(found)}")
        await faults.clear()
        await _wait_until_it_works(trial, connector)


@RULES.rule(ABOUT)
async def a_garbled_answer_is_garbled(trial: Trial) -> None:
    """The operator must look at what the system answers; trying again does not help.

    Do: check the content's type and parse strictly; raise SourceFailure(FailureKind.GARBLED) for HTML, half a
    document, or nothing where an answer should be."""
    for fault, what, failure in await _failures(trial, Fault.GARBLE):
        expect(failure.kind is FailureKind.GARBLED, f"{fault}: {what} failed as {failure.kind}: {failure.message}")


@RULES.rule(ABOUT)
async def an_answer_without_its_records_is_a_failure_and_not_an_empty_system(trial: Trial) -> None:
    """No list of records is not an empty list: taken for one, everything the system holds counts as deleted.

    Do: insist that the list is a list, wherever it should stand; null, an object and a missing member are failures."""
    await _failures(trial, Fault.MISSHAPE, of=("a walk",))


@RULES.rule(ABOUT)
async def an_answer_that_is_too_large_is_not_read_to_its_end(trial: Trial) -> None:
    """An answer that is larger than memory takes Whence with it, and every other system's answers.

    Do: count bytes after decompression, rows and columns as they come, and raise
    SourceFailure(FailureKind.TOO_LARGE)."""
    for fault, what, failure in await _failures(trial, Fault.OVERSIZE):
        expect(failure.kind is FailureKind.TOO_LARGE, f"{fault}: {what} failed as {failure.kind}: {failure.message}")


@RULES.rule(ABOUT)
async def a_walk_that_breaks_half_way_goes_on_from_its_last_page(trial: Trial) -> None:
    """A walk over a million records is not begun again for one page that failed.

    Do: let the cursor of the page before be all that the failed page needs."""
    trial.changes(trial.connector())
    faults = trial.faults
    known = faults.switches
    there = await trial.some()
    tried = False
    for fault in SUDDEN:
        for switch in known.get(fault, ())[:1]:
            pages: list[DocumentPage] = []
            breaking = partial(_walk_and_break, trial.changes(trial.connector()), switch, pages)
            failure = await trial.failure_or_none(f"{fault.name}: a walk", breaking)
            await faults.clear()
            if failure is None:  # it had read ahead, or one page holds all
                expect(Counter(trial.ids(pages)) == Counter(list(there)), f"{fault.name}: it ended well with {pages}")
                continue
            tried = True
            rest = await trial.walk(trial.connector(), kept(pages[-1].cursor))
            found = Counter(trial.ids([*pages, *rest]))
            expect(found.keys() == there.keys(), f"{fault.name}: gone on from its last page it had {sorted(found)}")
    if not tried:
        raise NotChecked("the system cannot be made to fail between two pages", applies=False)


@RULES.rule(ABOUT)
async def after_a_failure_the_same_connector_works_again(trial: Trial) -> None:
    """Systems come back; a connector that must be opened again needs a person.

    Do: keep nothing of a failed call: drop its connection, and connect anew at the next question."""
    faults, switches = trial.faults, trial.switches(*SUDDEN)
    there = await trial.some()
    connector = trial.connector()
    await _expect_works(trial, "before any failure", connector, there)
    for fault, switch in switches:
        await switch()
        for what, ask in trial.reads(connector).items():
            await trial.failure_or_none(f"{fault.name}: {what}", ask)
        await faults.clear()
        await _expect_works(trial, f"after it was {fault.name}", connector, there)


@RULES.rule("secrets")
async def no_failure_tells_a_secret(trial: Trial) -> None:
    """A failure's message stands in answers, logs and dashboards.

    Do: say of an address its host and path only; never repeat a header, a URL's user or query, or a whole answer."""
    known = trial.faults.switches
    await trial.some()
    if not trial.upstream.secrets:
        raise NotChecked("the upstream names no secrets", applies=False)
    for fault, ways in known.items():
        for switch in ways if fault not in ENDLESS else ():
            connector = trial.closing(trial.faults.connector())
            await switch()
            asked = trial.questions(connector)
            told = await asyncio.gather(*(_told(ask) for ask in asked.values()))
            for what, text in zip(asked, told, strict=True):
                trial.expect_no_secret(f"{fault.name}: {what}", text)
            await trial.faults.clear()


async def _told(ask: Callable[[], Awaitable[object]]) -> str:
    """What the failure says with which ``ask`` ends, if it ends with one."""
    try:
        async with asyncio.timeout(PATIENCE):
            await ask()
    except SourceFailure as failed:
        return f"{failed.failure.message} {failed}"
    except TimeoutError:
        return ""
    return ""


async def _walk_and_break(changes: Changes, switch: Switch, pages: list[DocumentPage]) -> None:
    """Walks into ``pages``; the switch is thrown after the first."""
    async with ending(changes(None)) as coming:
        async for page in coming:
            pages.append(page)
            if len(pages) == 1 and not page.last:
                await switch()


async def _failures(
    trial: Trial, fault: Fault, of: Collection[str] = ("a walk", "a fetch")
) -> list[tuple[str, str, Failure]]:
    """The failures with which every way to read ends, for every way in which the system does ``fault``."""
    faults, switches = trial.faults, trial.switches(fault)
    await trial.some()
    found: list[tuple[str, str, Failure]] = []
    for number, (_, switch) in enumerate(switches, start=1):
        connector = trial.closing(faults.connector())
        way = f"{fault.name}, way {number}"
        await switch()
        for what, ask in trial.reads(connector).items():
            if what in of:
                found.append((way, what, await _failure(trial, fault, what, ask, number)))
        await faults.clear()
    return found


async def _failure(
    trial: Trial, fault: Fault, what: str, ask: Callable[[], Awaitable[object]], number: int = 1
) -> Failure:
    return await trial.failure_of(f"while the system {fault.value} (way {number}), {what}", ask)


async def _expect_works(trial: Trial, when: str, connector: Connector, there: Records) -> None:
    for documents in await trial.everything(connector, list(there)):
        found = Counter(trial.id_of(document) for document in documents)
        expect(found == Counter(list(there)), f"{when} it brought {sorted(found.elements())}")


async def _wait_until_it_works(trial: Trial, connector: Connector) -> None:
    """An impatient connector may need more than one try on a busy machine."""
    loop = asyncio.get_running_loop()
    ends, last = loop.time() + 2 * PATIENCE, ""
    while loop.time() < ends:
        try:
            await trial.everything(connector, ["A-01"])
        except SourceFailure as failed:
            last = f"{failed.failure.kind}: {failed.failure.message}"
            await asyncio.sleep(0.05)
        else:
            return
    expect(False, f"after the system hung, the connector does not work again: {last}")
