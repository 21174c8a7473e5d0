"""The rules of following a source: pages of records, and a failure at most as the last thing."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from sources.contract import Failed, Page
from sources.contract_suite.rule import NotChecked, Rules, expect
from sources.contract_suite.source_trial import READABLE, SourceTrial, value_of
from sources.contract_suite.trial import cancel_often, ending, kept

RULES: Final = Rules[SourceTrial]()
ABOUT: Final = "following a source"


@RULES.rule(ABOUT)
async def following_from_the_beginning_brings_every_record_once(trial: SourceTrial) -> None:
    """What it does not bring counts as deleted.

    Do: hand on every document of every page, as a record or as rejected."""
    source = await trial.source()
    trial.changes(source)
    there = await trial.some(8)
    pages = await trial.follow(source)
    found = Counter(_ids(pages))
    expect(found == Counter(list(there)), f"of {sorted(there)} it brought {sorted(found.elements())}")
    rejected = [one.reason for page in pages for one in page.rejected]
    expect(not rejected, f"it set aside {rejected}")
    foreign = {record.key.source for page in pages for record in page.records} - {trial.upstream.name}
    expect(not foreign, f"its records are called those of {sorted(foreign)}")


@RULES.rule(ABOUT)
async def exactly_the_final_page_of_a_source_is_the_last(trial: SourceTrial) -> None:
    """What was not seen by the last page is gone.

    Do: end the walk at the page that says last, and let it say so once; a walk that ends without it failed."""
    source = await trial.source()
    trial.changes(source)
    for count in (0, 1, 3, 8):
        await trial.some(count)
        last = [page.last for page in await trial.follow(source)]
        expect(last == [False] * (len(last) - 1) + [True], f"of {count} records the pages said last = {last}")


@RULES.rule(ABOUT)
async def following_resumes_after_any_page(trial: SourceTrial) -> None:
    """A worker may end after any page; another one goes on from its cursor.

    Do: hand the connector's cursor on as it is."""
    trial.changes(await trial.source())
    await trial.some(8)
    pages = await trial.follow(await trial.source())
    for position, page in enumerate(pages[:-1], start=1):
        rest = _ids(await trial.follow(await trial.source(), kept(page.cursor)))
        wanted = _ids(pages[position:])
        expect(rest == wanted, f"resumed after page {position} it brought {rest} instead of {wanted}")


@RULES.rule(ABOUT)
async def following_from_the_beginning_can_be_done_again(trial: SourceTrial) -> None:
    """A full comparison is made every day, and nothing changed means nothing changed.

    Do: begin anew for each call with the cursor None; keep nothing from the walk before."""
    source = await trial.source()
    trial.changes(source)
    await trial.some(5)
    first, second = _values(await trial.follow(source)), _values(await trial.follow(source))
    expect(first == second, f"the second time it brought {second} instead of {first}")


@RULES.rule(ABOUT)
async def a_walk_that_is_left_leaves_the_source_usable(trial: SourceTrial) -> None:
    """A worker that must end leaves its walk where it stands, or is cancelled within it.

    Do: end the connector's walk with ours, in a finally:."""
    source = await trial.source()
    changes = trial.changes(source)
    there = await trial.some(8)
    for _ in range(6):
        async with ending(changes(None)) as coming:
            await anext(coming)
    await cancel_often("a walk", lambda: trial.come(source))
    found = Counter(_ids(await trial.follow(source)))
    expect(found == Counter(list(there)), f"after walks that were left it brought {sorted(found.elements())}")


@RULES.rule(ABOUT)
async def a_failure_is_the_last_thing_that_comes(trial: SourceTrial) -> None:
    """After a failure nobody knows where the walk stands; a page behind it would be written at a wrong place.

    Do: catch whatever the connector raises, yield one Failed, and return."""
    dead = trial.upstream.dead()
    if not dead:
        raise NotChecked("the upstream gives no source of a dead system (dead)")
    sources = [await trial.source(context) for context in dead]
    for source in sources:
        trial.changes(source)
    for came in await asyncio.gather(*map(trial.come, sources)):
        failed = [one for one in came if isinstance(one, Failed)]
        expect(len(failed) == 1, f"of a system that is away {len(failed)} failures came, and {len(came)} things in all")
        expect(came[-1] is failed[0], "after its failure more came")
        trial.expect_plain_failure("changes", failed[0])


@RULES.rule(ABOUT)
async def a_document_that_is_no_record_is_set_aside_with_its_place(trial: SourceTrial) -> None:
    """One bad row must neither stop the others nor vanish.

    Do: put it into rejected, with its place, the reason and its beginning, and go on."""
    source = await trial.source()
    trial.changes(source)
    there = await trial.some(4)
    await trial.upstream.put(" ", {"label": "Nobody's"})
    pages = await trial.follow(source)
    found = Counter(_ids(pages))
    expect(found == Counter(list(there)), f"beside a record without a key it brought {sorted(found.elements())}")
    rejected = [one for page in pages for one in page.rejected]
    expect(len(rejected) == 1, f"of one record without a key it set aside {len(rejected)}")
    said = (rejected[0].place, rejected[0].reason)
    expect(all(said), f"of a record without a key it says of place and reason only {said}")


@RULES.rule(ABOUT)
async def following_and_asking_say_the_same(trial: SourceTrial) -> None:
    """The ledger is written by the one and a live read answered by the other; they must not contradict each other.

    Do: read both through one mapping."""
    source = await trial.source()
    trial.changes(source)
    trial.fetch(source)
    there = await trial.some(4)
    followed = _values(await trial.follow(source))
    outcomes = await trial.ask(source, list(map(trial.key, there)), READABLE)
    asked = {
        key.id: {name: value_of(f"{name} of {key.id}", outcome) for name, outcome in by_field.items()}
        for key, by_field in outcomes.items()
    }
    expect(followed == asked, f"followed it says {followed}, asked it says {asked}")


def _ids(pages: list[Page]) -> list[str]:
    return [record.key.id for page in pages for record in page.records]


def _values(pages: list[Page]) -> dict[str, dict[str, object]]:
    return {
        record.key.id: {claim.field: claim.value for claim in record.claims if claim.field in READABLE}
        for page in pages
        for record in page.records
    }
