"""The rules of asking by key."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Final

from sources.contract_suite.rule import Rules, expect
from sources.contract_suite.trial import COLUMNS, Trial, cancel_often, differs, kept

RULES: Final = Rules[Trial]()
ABOUT: Final = "asking by key"
TRICKY_KEYS: Final = (
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


@RULES.rule(ABOUT)
async def fetch_brings_what_is_there_of_the_keys(trial: Trial) -> None:
    """A live read asks for many products at once, and some of them this system does not have.

    Do: answer with a document for each key that is there, whatever their order, and none for the others."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    there = await trial.some()
    ids = list(there)
    first, other = ids[0], ids[-1]
    found = trial.by_id(await fetch([other, "absent", first, other], trial.names))
    expect(found.keys() == {first, other}, f"of {other}, absent, {first} it brought {sorted(found)}")
    for id_ in (first, other):
        for column, written in there[id_].items():
            read = trial.value(found[id_], column)
            expect(not differs(written, read), f"{column} of {id_} is {written!r}, and was read as {read!r}")


@RULES.rule(ABOUT)
async def a_key_that_is_asked_for_twice_is_answered_once(trial: Trial) -> None:
    """The same product may stand in a question twice; the system need not hear of it.

    Do: ask for each key once: dict.fromkeys(keys)."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    id_ = next(iter(await trial.some(2)))
    found = Counter(map(trial.id_of, await fetch([id_, id_, id_], trial.names_of("label"))))
    expect(found == Counter([id_]), f"asked for {id_} three times it brought {dict(found)}")


@RULES.rule(ABOUT)
async def fetch_of_no_keys_is_empty(trial: Trial) -> None:
    """A query without keys may mean everything to a system.

    Do: return an empty sequence for no keys, before anything is asked."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    await trial.some(2)
    found = list(await fetch([], trial.names_of("label")))
    expect(not found, f"asked for no keys it brought {len(found)} documents")


@RULES.rule(ABOUT)
async def fetch_of_unknown_keys_is_empty(trial: Trial) -> None:
    """That a record is not there is an answer, not a failure, and no other record stands in for it.

    Do: return no document for a key that the system does not have; a 404 for one record is such an answer."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    await trial.some(2)
    for keys in (["absent"], ["absent", "absent too"], [""]):
        found = [document.place for document in await fetch(keys, trial.names_of("label"))]
        expect(not found, f"asked for {keys}, which are not there, it brought {found}")


@RULES.rule(ABOUT)
async def fetch_takes_more_keys_than_fit_one_question(trial: Trial) -> None:
    """A page of products asks for as many keys as it has products; only the connector knows the system's limit.

    Do: split the keys into as many questions as the system needs."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    ids = list(await trial.some())
    asked = [f"absent-{number}" for number in range(1500)] + ids
    found = trial.by_id(await fetch(asked, trial.names_of("label")))
    expect(found.keys() == set(ids), f"among 1,500 others it found {sorted(found)} of {ids}")


@RULES.rule(ABOUT)
async def fetch_brings_the_columns_that_were_asked_for(trial: Trial) -> None:
    """A document without the columns that were asked for reads as a record that says nothing.

    Do: bring the top-level names in columns, and the key; more does no harm."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    id_, written = next(iter((await trial.some(3)).items()))
    for column in (name for name in COLUMNS if name in written):
        found = trial.by_id(await fetch([id_], trial.names_of(column)))
        expect(id_ in found, f"asked for {column} of {id_} it brought no document with that key")
        read = trial.value(found[id_], column)
        expect(not differs(written[column], read), f"asked for {column} alone it read {read!r}")


@RULES.rule(ABOUT)
async def keys_are_data_whatever_they_look_like(trial: Trial) -> None:
    """Keys come from other systems and from people; some look like SQL, addresses or patterns.

    Do: bind, quote or encode each key as a value, never as part of a statement, a path or a pattern."""
    connector = trial.connector()
    for number, tricky in enumerate(TRICKY_KEYS):
        await trial.writable.put(tricky, {"label": tricky, "weight": Decimal(number), "stock": number})
    if connector.changes is not None:
        pages = await trial.walk(connector)
        found = Counter(trial.ids(pages))
        expect(found == Counter(TRICKY_KEYS), f"a walk brought {sorted(found.elements())} of {sorted(TRICKY_KEYS)}")
        for position, page in enumerate(pages[:-1], start=1):
            rest = trial.ids(await trial.walk(connector, kept(page.cursor)))
            wanted = trial.ids(pages[position:])
            expect(rest == wanted, f"resumed after {trial.ids([page])[-1]} it brought {rest} instead of {wanted}")
    if connector.fetch is not None:
        for asked in (TRICKY_KEYS, *([tricky] for tricky in TRICKY_KEYS)):
            documents = trial.by_id(await connector.fetch(asked, trial.names_of("label")))
            expect(documents.keys() == set(asked), f"asked for {list(asked)} it brought {sorted(documents)}")
            labels = {id_: trial.value(document, "label") for id_, document in documents.items()}
            expect(labels == {key: key for key in asked}, f"the labels are not those of the keys: {labels}")


@RULES.rule(ABOUT)
async def fetch_sees_what_was_just_written(trial: Trial) -> None:
    """A live source is asked so that the answer is of this moment.

    Do: keep no answers; Whence remembers by itself."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    writable = trial.writable
    await trial.some(2)
    for label in ("first", "second"):
        await writable.put("A-01", {"label": label, "weight": Decimal("9.5"), "stock": 1})
        documents = trial.by_id(await fetch(["A-01"], trial.names_of("label")))
        expect("A-01" in documents, "A-01, which was just written again, is not found")
        read = trial.value(documents["A-01"], "label")
        expect(read == label, f"A-01 was just written as {label!r}, and read as {read!r}")
    await writable.remove("A-01")
    found = list(await fetch(["A-01"], trial.names_of("label")))
    expect(not found, "A-01 was just deleted, and is still found")


@RULES.rule(ABOUT)
async def questions_at_the_same_time_do_not_mix(trial: Trial) -> None:
    """Many people ask at once, through one connector.

    Do: keep what belongs to a question in local names, and take a connection for each question."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    ids = list(await trial.some()) * 3
    answers = await asyncio.gather(*(fetch([id_], trial.names_of("label")) for id_ in ids))
    for id_, answer in zip(ids, answers, strict=True):
        found = set(trial.by_id(answer))
        expect(found == {id_}, f"asked for {id_}, while others asked too, it brought {sorted(found)}")


@RULES.rule(ABOUT)
async def a_question_that_is_cancelled_leaves_the_connector_usable(trial: Trial) -> None:
    """Whoever asked may leave, and a deadline cancels a question in the middle.

    Do: let CancelledError through, and give back in a finally: what the question took."""
    connector = trial.connector()
    fetch = trial.fetch(connector)
    id_ = next(iter(await trial.some(2)))

    async def ask() -> object:
        return await fetch([id_], trial.names_of("label"))

    await cancel_often("a question", ask)
    found = trial.by_id(await fetch([id_], trial.names_of("label")))
    expect(found.keys() == {id_}, f"after questions that were cancelled it brought {sorted(found)} for {id_}")
