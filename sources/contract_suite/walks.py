"""The rules of a walk through everything: each document once, resumable anywhere, ended properly."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from sources.contract import DocumentPage
from sources.contract_suite.rule import NotChecked, Rules, expect
from sources.contract_suite.trial import Trial, cancel_often, ending, kept
from sources.values import JSON

RULES: Final = Rules[Trial]()
ABOUT: Final = "a walk"
MAX_CURSOR: Final = 8192
"""Characters of a cursor as JSON."""
STRANGE_CURSORS: Final[tuple[JSON, ...]] = (
    {"nonsense": 1},
    {"at": {"nonsense": True}, "pages": "many", "after": {}, "page": None, "offset": -1},
    "x",
    [],
    5,
    True,
)


@RULES.rule(ABOUT)
async def a_connector_reads_something(trial: Trial) -> None:
    """A connector that neither walks nor answers by key reads nothing at all.

    Do: give it changes, or fetch, or both; what it lacks is None."""
    connector = trial.connector()
    expect(connector.changes is not None or connector.fetch is not None, "changes and fetch are both None")


@RULES.rule(ABOUT)
async def a_walk_from_the_beginning_brings_every_document_once(trial: Trial) -> None:
    """What a full walk does not bring counts as deleted, and what it brings twice is a second record.

    Do: order the pages by something unique and fixed (the key), and begin each page after the last record of the
    one before."""
    connector = trial.connector()
    trial.changes(connector)
    there = await trial.some()
    brought = Counter(trial.ids(await trial.walk(connector)))
    expect(brought.keys() >= there.keys(), f"not brought: {sorted(there.keys() - brought.keys())}")
    expect(brought.keys() <= there.keys(), f"brought and not there: {sorted(brought.keys() - there.keys())}")
    twice = sorted(id_ for id_, count in brought.items() if count > 1)
    expect(not twice, f"brought more than once: {twice}")


@RULES.rule(ABOUT)
async def exactly_the_final_page_is_the_last(trial: Trial) -> None:
    """The ledger declares the walk finished, and what is missing gone, at the page that says last.

    Do: set last on the final page only; where a page may just be full, look one record ahead or end with an empty
    one."""
    connector = trial.connector()
    trial.changes(connector)
    for count in (1, 3, 6, 8):  # a page that is just full is where paging goes wrong
        await trial.some(count)
        last = [page.last for page in await trial.walk(connector)]
        expect(last == [False] * (len(last) - 1) + [True], f"of {count} records the pages said last = {last}")


@RULES.rule(ABOUT)
async def a_walk_from_the_beginning_says_that_it_covers_everything(trial: Trial) -> None:
    """Only a walk that says it covers everything finds out what was deleted.

    Do: set enumerating on every page of a walk that began with the cursor None."""
    connector = trial.connector()
    trial.changes(connector)
    await trial.some()
    said = [page.enumerating for page in await trial.walk(connector)]
    expect(all(said), f"its pages said enumerating = {said}")


@RULES.rule(ABOUT)
async def a_total_is_the_number_of_documents(trial: Trial) -> None:
    """Progress is shown, and a walk that brings much less than its total is held back, by this number.

    Do: give the number of documents in the whole walk, not in the page; None where the system does not say."""
    connector = trial.connector()
    trial.changes(connector)
    there = await trial.some(7)
    totals = {page.total for page in await trial.walk(connector)}
    expect(totals <= {None, len(there)}, f"the totals were {totals}, of {len(there)} records")


@RULES.rule(ABOUT)
async def an_empty_system_is_one_last_page(trial: Trial) -> None:
    """An empty system is an answer: what it held is gone.

    Do: yield one page without documents, with last and enumerating set."""
    connector = trial.connector()
    trial.changes(connector)
    _ = trial.writable
    pages = [(len(page.documents), page.enumerating, page.last) for page in await trial.walk(connector)]
    expect(pages == [(0, True, True)], f"(documents, enumerating, last) of its pages: {pages}")


@RULES.rule(ABOUT)
async def a_walk_resumes_after_any_page_in_another_process(trial: Trial) -> None:
    """A worker may end after any page, and another one goes on from its cursor, in another process.

    Do: put into the cursor all that the next page needs, and nothing that lives only in this connector."""
    connector = trial.connector()
    trial.changes(connector)
    await trial.some()
    pages = await trial.walk(connector)
    for position, page in enumerate(pages[:-1], start=1):
        expect(page.cursor is not None, f"the cursor after page {position} is None, which begins again")
        rest = await trial.walk(trial.connector(), kept(page.cursor))
        found, wanted = trial.ids(rest), trial.ids(pages[position:])
        expect(found == wanted, f"resumed after page {position} it brought {found} instead of {wanted}")
        expect(all(one.enumerating for one in rest), f"resumed after page {position} it is not enumerating any more")
        last = [one.last for one in rest]
        expect(last == [False] * (len(last) - 1) + [True], f"resumed after page {position} it said last = {last}")
    if len(pages) == 1 and not hasattr(trial.upstream, "put"):
        raise NotChecked("one page holds all records of the upstream: give it more, or smaller pages")


@RULES.rule(ABOUT)
async def a_cursor_is_small_json(trial: Trial) -> None:
    """The ledger keeps the cursor as JSON beside the records, and writes it with every page.

    Do: make it of texts, whole numbers, lists and objects, and keep it far under 8,192 characters."""
    connector = trial.connector()
    trial.changes(connector)
    await trial.some()
    for position, page in enumerate(await trial.walk(connector), start=1):
        try:
            text = json.dumps(page.cursor, allow_nan=False)
            same = json.loads(text) == page.cursor
        except (TypeError, ValueError) as error:
            expect(False, f"the cursor after page {position} is no JSON: {error}")
        expect(same, f"the cursor after page {position} comes back from JSON as another: {page.cursor!r}")
        expect(len(text) <= MAX_CURSOR, f"the cursor after page {position} has {len(text)} characters")


@RULES.rule(ABOUT)
async def a_cursor_that_is_none_of_its_own_begins_again(trial: Trial) -> None:
    """After a change of whence.toml, or of the plugin, the ledger hands over a cursor of something else.

    Do: check a cursor's form before using it; begin again, enumerating, where it is not one of this declaration's."""
    connector = trial.connector()
    trial.changes(connector)
    there = await trial.some(4)
    for cursor in STRANGE_CURSORS:
        pages = await trial.walk(connector, cursor)
        found = Counter(trial.ids(pages))
        expect(found == Counter(list(there)), f"from the cursor {cursor!r} it brought {sorted(found)}")
        expect(all(page.enumerating for page in pages), f"from the cursor {cursor!r} it is not enumerating")


@RULES.rule(ABOUT)
async def two_walks_in_a_row_bring_the_same_documents(trial: Trial) -> None:
    """A re-sync that finds nothing changed must change nothing.

    Do: keep the order and the content of documents the same while the system's are; put nothing of the moment in
    them."""
    connector = trial.connector()
    trial.changes(connector)
    await trial.some(5)
    first, second = await trial.walk(connector), await trial.walk(connector)
    was, now = ([document.content for page in pages for document in page.documents] for pages in (first, second))
    expect(was == now, f"the second walk brought other documents: {_first_difference(was, now)}")


@RULES.rule(ABOUT)
async def a_walk_that_is_left_half_way_leaves_the_connector_usable(trial: Trial) -> None:
    """A worker leaves a walk whenever it must end, or the ledger is away.

    Do: give back connections and files in a finally: of the generator."""
    connector = trial.connector()
    changes = trial.changes(connector)
    there = await trial.some()
    for _ in range(12):  # more often than a pool has connections
        async with ending(changes(None)) as pages:
            await anext(pages)
    await _expect_all(trial, await trial.walk(connector), there)


@RULES.rule(ABOUT)
async def a_walk_that_is_cancelled_leaves_the_connector_usable(trial: Trial) -> None:
    """A deadline and a worker that ends cancel a walk in the middle of a question.

    Do: let CancelledError through, and give back in a finally: what the question took."""
    connector = trial.connector()
    trial.changes(connector)
    there = await trial.some()
    await cancel_often("a walk", lambda: trial.walk(connector))
    await _expect_all(trial, await trial.walk(connector), there)


@RULES.rule(ABOUT)
async def two_walks_at_the_same_time_do_not_mix(trial: Trial) -> None:
    """Check, a sync and a person's command may walk at the same time.

    Do: keep where a walk is in the generator, not in the connector."""
    connector = trial.connector()
    trial.changes(connector)
    there = await trial.some()
    async with ending(trial.changes(connector)(None)) as coming:
        slow = [await anext(coming)]
        for pages in await asyncio.gather(*(trial.walk(connector) for _ in range(2))):
            await _expect_all(trial, pages, there)
        slow += [page async for page in coming]
    await _expect_all(trial, slow, there)


@RULES.rule(ABOUT)
async def a_walk_that_may_step_over_a_record_says_so(trial: Trial) -> None:
    """A record deleted on a page that was read moves the others up: a walk by position then steps over one, which
    would count as deleted.

    Do: page by key; where the system pages only by position, set shifting on the pages, or fail."""
    connector = trial.connector()
    changes = trial.changes(connector)
    writable = trial.writable
    there = await trial.some()
    reading = trial.reads(connector)

    async def walk_while_one_is_deleted() -> None:
        async with ending(changes(None)) as coming:
            pages = [await anext(coming)]
            gone = trial.ids(pages)[0]
            await writable.remove(gone)
            pages += [page async for page in coming]
        missing = there.keys() - {gone} - set(trial.ids(pages))
        expect(
            not missing or all(page.shifting for page in pages),
            f"while {gone} was deleted it stepped over {sorted(missing)}, and its pages do not say shifting",
        )

    await trial.failure_or_none("a walk while a record is deleted", walk_while_one_is_deleted)
    await reading["a walk"]()


async def _expect_all(trial: Trial, pages: list[DocumentPage], there: Iterable[str]) -> None:
    found = Counter(trial.ids(pages))
    expect(found == Counter(list(there)), f"it brought {sorted(found.elements())}")


def _first_difference(was: Sequence[object], now: Sequence[object]) -> str:
    for position, (before, after) in enumerate(zip(was, now, strict=False), start=1):
        if before != after:
            return f"document {position} was {before!r:.300} and is {after!r:.300}"
    return f"{len(was)} documents, then {len(now)}"
