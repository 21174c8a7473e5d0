"""The rules of following changes: from where a walk ended, run after run."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

from sources.contract import Connector, Cursor, DocumentPage
from sources.contract_suite.rule import Rules, expect
from sources.contract_suite.trial import Trial, ending, kept

RULES: Final = Rules[Trial]()
ABOUT: Final = "what changed"


@RULES.rule(ABOUT)
async def what_changed_after_a_walk_is_seen(trial: Trial) -> None:
    """What a walk after the first does not bring stays as it was in every answer.

    Do: bring from the cursor all that changed since; without a clock that moves with every change, walk through
    everything again: the final cursor is None then."""
    connector = trial.connector()
    trial.changes(connector)
    writable = trial.writable
    await trial.some(5)
    cursor = await _final_cursor(trial, connector)
    await writable.put("A-02", {"label": "Renamed", "weight": Decimal("9.5"), "stock": 1})
    await writable.put("NEW-1", {"label": "New", "weight": Decimal("1.5"), "stock": 2})
    pages = await trial.walk(connector, cursor)
    _expect_label(trial, pages, "A-02", "Renamed")
    _expect_label(trial, pages, "NEW-1", "New")


@RULES.rule(ABOUT)
async def changes_are_seen_run_after_run(trial: Trial) -> None:
    """A source is followed for years, each run from where the one before ended.

    Do: let the final cursor of every walk, also of one that followed, be where the next one begins."""
    connector = trial.connector()
    trial.changes(connector)
    writable = trial.writable
    await trial.some(5)
    cursor = await _final_cursor(trial, connector)
    for turn in ("first", "second", "third"):
        await writable.put("A-03", {"label": turn, "weight": Decimal("9.5"), "stock": 1})
        pages = await trial.walk(connector, cursor)
        _expect_label(trial, pages, "A-03", turn)
        cursor = kept(pages[-1].cursor)


@RULES.rule(ABOUT)
async def what_is_written_during_a_walk_is_seen_by_the_next(trial: Trial) -> None:
    """People write while a walk goes on; what they write to a page that was read belongs to the next walk.

    Do: take the clock that the next walk begins at before the first page is read, never after the last."""
    connector = trial.connector()
    changes = trial.changes(connector)
    writable = trial.writable
    await trial.some()
    pages: list[DocumentPage] = []

    async def walk() -> None:
        async with ending(changes(None)) as coming:
            async for page in coming:
                pages.append(page)
                if len(pages) == 1:
                    await writable.put("A-01", {"label": "Meanwhile", "weight": Decimal("9.5"), "stock": 1})
                    await writable.put("A-00", {"label": "New", "weight": Decimal("1.5"), "stock": 2})

    failure = await trial.failure_or_none("a walk while records are written", walk)
    cursor = None if failure is not None else kept(pages[-1].cursor)
    found = pages * (failure is None) + await trial.walk(connector, cursor)
    _expect_label(trial, found, "A-01", "Meanwhile")
    _expect_label(trial, found, "A-00", "New")


@RULES.rule(ABOUT)
async def what_was_deleted_is_found(trial: Trial) -> None:
    """A product that was deleted would be answered for ever.

    Do: name it in gone, or walk through everything: what a walk that is enumerating does not bring is gone."""
    connector = trial.connector()
    trial.changes(connector)
    writable = trial.writable
    there = await trial.some(5)
    cursor = await _final_cursor(trial, connector)
    await writable.remove("A-02")
    pages = await trial.walk(connector, cursor)
    if "A-02" in _gone(pages):
        return
    if not pages[-1].enumerating:  # a clock cannot show what is not there; the next full walk does
        pages = await trial.walk(connector)
    expect(pages[-1].enumerating, "it neither names A-02 in gone nor walks through everything")
    found = Counter(trial.ids(pages))
    expect(found == Counter(there.keys() - {"A-02"}), f"a full walk after A-02 was deleted brought {sorted(found)}")


@RULES.rule(ABOUT)
async def only_what_is_gone_is_called_gone(trial: Trial) -> None:
    """The ledger takes the system's word for what is gone, at once.

    Do: put into gone only ids that the system itself says are deleted."""
    connector = trial.connector()
    trial.changes(connector)
    writable = trial.writable
    await trial.some(5)
    first = await trial.walk(connector)
    expect(not _gone(first), f"it calls gone, of what was never deleted: {sorted(_gone(first))}")
    await writable.remove("A-02")
    for cursor in (kept(first[-1].cursor), None):
        said = _gone(await trial.walk(connector, cursor))
        expect(said <= {"A-02"}, f"only A-02 was deleted, and it calls gone: {sorted(said)}")


async def _final_cursor(trial: Trial, connector: Connector) -> Cursor:
    return kept((await trial.walk(connector))[-1].cursor)


def _gone(pages: list[DocumentPage]) -> set[str]:
    return {id_ for page in pages for id_ in page.gone}


def _expect_label(trial: Trial, pages: list[DocumentPage], id_: str, label: str) -> None:
    found = trial.on(pages).get(id_)
    expect(found is not None, f"{id_}, which was written, is not brought")
    assert found is not None
    read = trial.value(found, "label")
    expect(read == label, f"{id_} was written with the label {label!r} and brought with {read!r}")
