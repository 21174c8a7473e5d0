"""The rules of asking a source: outcomes, total over what was asked, whatever the system does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from sources.contract import MISSING, Failed, Reading, RecordKey
from sources.contract_suite.rule import NotChecked, Rules, expect
from sources.contract_suite.source_trial import FIELDS, READABLE, SourceTrial, claims_of, value_of
from sources.contract_suite.trial import cancel_often

RULES: Final = Rules[SourceTrial]()
ABOUT: Final = "asking a source"
SKEW: Final = timedelta(seconds=2)


@RULES.rule(ABOUT)
async def an_answer_is_total_over_what_was_asked(trial: SourceTrial) -> None:
    """Whoever asked looks up every key and every field, and has no branch for one that is not there.

    Do: answer each key with each field: Reading, Missing or Failed."""
    source = await trial.source()
    there = await trial.some(3)
    keys = [*map(trial.key, there), trial.key("absent"), RecordKey("another-source", "A-01")]
    await trial.ask(source, keys, [*FIELDS, "a field that nobody mapped"])
    await trial.ask(source, keys[:1], ["label"])


@RULES.rule(ABOUT)
async def what_the_system_holds_is_read(trial: SourceTrial) -> None:
    """This is what a source is for.

    Do: answer a Reading with one claim for each value, typed by its field."""
    source = await trial.source()
    there = await trial.some(3)
    outcomes = await trial.ask(source, list(map(trial.key, there)), READABLE)
    for id_, written in there.items():
        trial.expect_values(id_, outcomes[trial.key(id_)], written)


@RULES.rule(ABOUT)
async def a_claim_says_what_it_is_about_and_when_it_was_observed(trial: SourceTrial) -> None:
    """Freshness and history are told by these clocks; one without a zone is off by hours.

    Do: set the claim's field as it was asked for, observed_at by our clock and aware, last_updated aware or None."""
    source = await trial.source()
    began = datetime.now(UTC)
    await trial.some(1)
    outcomes = await trial.ask(source, [trial.key("A-01")])
    for name, outcome in outcomes[trial.key("A-01")].items():
        for claim in claims_of(name, outcome):
            expect(claim.field == name, f"a claim about {claim.field} answers for {name}")
            expect(claim.observed_at.tzinfo is not None, f"observed_at of {name} has no zone")
            between = began - SKEW <= claim.observed_at <= datetime.now(UTC) + SKEW
            expect(between, f"{name}, read now, was observed at {claim.observed_at}")
            clock = claim.last_updated
            expect(clock is None or clock.tzinfo is not None, f"last_updated of {name} has no zone")


@RULES.rule(ABOUT)
async def what_is_not_there_is_missing_and_not_failed(trial: SourceTrial) -> None:
    """Missing is the system's word that there is nothing; nobody has to act on it.

    Do: answer Missing for a key the system does not have, a key of another source, a field that is not mapped, and an
    empty value."""
    source = await trial.source()
    await trial.upstream.put("A-01", {"label": "Kettle"})
    absent, foreign = trial.key("absent"), RecordKey("another-source", "A-01")
    outcomes = await trial.ask(source, [trial.key("A-01"), absent, foreign], [*FIELDS, "unmapped"])
    for key in (absent, foreign):
        for name, outcome in outcomes[key].items():
            expect(outcome == MISSING, f"{name} of {key.source} {key.id}, which is not there, is {outcome}")
    for name in ("weight", "stock", "unmapped"):
        outcome = outcomes[trial.key("A-01")][name]
        expect(outcome == MISSING, f"{name}, which holds nothing, is {outcome}")


@RULES.rule(ABOUT)
async def what_cannot_be_read_is_unreadable_and_not_absent(trial: SourceTrial) -> None:
    """A value that is there and cannot be read is somebody's to correct; taken for absent it is lost without a word.

    Do: answer a Reading with a claim whose unreadable says why, and whose value is None."""
    source = await trial.source()
    await trial.some(1)
    outcomes = (await trial.ask(source, [trial.key("A-01")], ["label", "misread"]))[trial.key("A-01")]
    for claim in claims_of("misread, a text where a whole number should be,", outcomes["misread"]):
        expect(claim.unreadable, f"misread, a text where a whole number should be, was read as {claim.value!r}")
        expect(claim.value is None, f"misread is unreadable, and has the value {claim.value!r}")
    read = value_of("label, beside a field that cannot be read,", outcomes["label"])
    expect(read == "Kettle 1", f"label, beside a field that cannot be read, was read as {read!r}")


@RULES.rule(ABOUT)
async def a_question_for_nothing_is_answered_with_nothing(trial: SourceTrial) -> None:
    """A plan may leave a source without keys, or without fields.

    Do: answer an empty mapping for no keys, and for no fields an empty one under each key."""
    source = await trial.source()
    await trial.some(1)
    await trial.ask(source, [])
    await trial.ask(source, [], [])
    await trial.ask(source, [trial.key("A-01")], [])


@RULES.rule(ABOUT)
async def a_key_that_is_asked_for_twice_is_one_answer(trial: SourceTrial) -> None:
    """Two aliases of one product are one record.

    Do: fold the keys before the system is asked."""
    source = await trial.source()
    there = await trial.some(2)
    keys = [trial.key("A-02"), trial.key("A-01"), trial.key("A-02")]
    outcomes = await trial.ask(source, keys, READABLE)
    for key in set(keys):
        trial.expect_values(key.id, outcomes[key], there[key.id])


@RULES.rule(ABOUT)
async def thousands_of_keys_are_one_question(trial: SourceTrial) -> None:
    """A list of products is read at once, however long it is.

    Do: split within the source where the system has a limit, and keep within the deadline."""
    source = await trial.source()
    there = await trial.some(2)
    keys = [*(trial.key(f"absent-{number}") for number in range(3000)), *map(trial.key, there)]
    outcomes = await trial.ask(source, keys, ["label", "stock"])
    found = {key.id for key, by_field in outcomes.items() if isinstance(by_field["label"], Reading)}
    expect(found == set(there), f"among 3,000 others it found {sorted(found)} of {sorted(there)}")
    failed = [key.id for key, by_field in outcomes.items() if isinstance(by_field["label"], Failed)]
    expect(not failed, f"{len(failed)} of 3,000 keys failed")


@RULES.rule(ABOUT)
async def questions_at_the_same_time_are_answered_each(trial: SourceTrial) -> None:
    """Many requests ask at once, each for its own products.

    Do: keep what belongs to a question in local names."""
    source = await trial.source()
    there = await trial.some(5)
    asked = [*there] * 2
    answers = await asyncio.gather(*(trial.ask(source, [trial.key(id_)], READABLE) for id_ in asked))
    for id_, outcomes in zip(asked, answers, strict=True):
        trial.expect_values(id_, outcomes[trial.key(id_)], there[id_])


@RULES.rule(ABOUT)
async def whoever_leaves_a_question_harms_no_other(trial: SourceTrial) -> None:
    """People close their browsers; the next question must find the source as before.

    Do: let CancelledError through, and give back what the question took."""
    source = await trial.source()
    trial.fetch(source)
    there = await trial.some(1)
    await cancel_often("a question", lambda: trial.ask(source, [trial.key("A-01")], READABLE))
    outcomes = await trial.ask(source, [trial.key("A-01")], READABLE)
    trial.expect_values("A-01", outcomes[trial.key("A-01")], there["A-01"])


@RULES.rule(ABOUT)
async def a_system_that_is_away_fails_its_fields_and_raises_nothing(trial: SourceTrial) -> None:
    """One system that is away must cost its own fields, for as long as its deadline, and no other's.

    Do: catch whatever the system and its libraries raise, within the deadline, and answer Failed for every field that
    it feeds, with the kind that says who must act and no secret in the message."""
    dead = trial.upstream.dead()
    if not dead:
        raise NotChecked("the upstream gives no source of a dead system (dead)")
    sources = [await trial.source(context) for context in dead]
    able = [source for source in sources if source.fetch is not None]
    keys = [trial.key("A-01"), trial.key("A-02")]
    for outcomes in await asyncio.gather(*(trial.ask(source, keys, READABLE) for source in able)):
        for key, by_field in outcomes.items():
            for name, outcome in by_field.items():
                expect(isinstance(outcome, Failed), f"{name} of {key.id}, of a system that is away, is {outcome}")
    if not able:
        raise NotChecked("the source has no fetch", applies=False)
