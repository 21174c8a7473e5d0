"""The rules of a declaration against its system, and of systems that are not there."""

from __future__ import annotations

import asyncio
from typing import Final

from sources.contract_suite.rule import NotChecked, Rules, expect
from sources.contract_suite.trial import COLUMNS, PATIENCE, Trial, cancel_once

RULES: Final = Rules[Trial]()
ABOUT: Final = "the declaration"
FAILING: Final = "failing"


@RULES.rule(ABOUT)
async def describe_lists_the_columns(trial: Trial) -> None:
    """The map is checked against these names, and they are offered where one is misspelt.

    Do: list every column once, the key among them; complete = False where they were inferred from a first page."""
    connector = trial.connector()
    there = await trial.some(2)
    names = [column.name for column in (await connector.describe()).columns]
    held = {column for values in there.values() for column in values} & set(COLUMNS)
    wanted = {trial.upstream.key}.union(*(trial.names_of(column) for column in held))
    expect(wanted <= set(names), f"not listed: {sorted(wanted - set(names))}, of {names}")
    expect(len(set(names)) == len(names), f"a column is listed twice: {names}")


@RULES.rule(ABOUT)
async def check_finds_nothing_wrong_with_a_right_declaration(trial: Trial) -> None:
    """A check that cries wolf is not run again.

    Do: name a problem only where the system contradicts the declaration, and not because it is empty."""
    connector = trial.connector()
    for count in (0, 2) if hasattr(trial.upstream, "put") else (2,):
        await trial.some(count)
        problems = await connector.check()
        expect(problems == (), f"with {count} records: {[f'{one.path}: {one.found}' for one in problems]}")


@RULES.rule(ABOUT)
async def check_names_what_the_system_does_not_have(trial: Trial) -> None:
    """A mistake in whence.toml is corrected in a minute where the check says which, and searched for days where it
    does not.

    Do: compare the declared names with what is there; say the key's path, what was found, and what to write
    instead."""
    await trial.some(2)
    wrong = [trial.closing(connector) for connector in trial.upstream.misdeclared()]
    if not wrong:
        raise NotChecked("the upstream gives no connector with a mistake in its declaration (misdeclared)")
    for number, connector in enumerate(wrong, start=1):
        problems = await connector.check()
        expect(problems, f"nothing is wrong with misdeclared connector {number}")
        for problem in problems:
            said = (problem.path, problem.found, problem.instead)
            expect(all(said), f"a problem says of path, found and instead only {said}")
            trial.expect_no_secret("a problem", " ".join(said))


@RULES.rule(FAILING)
async def a_dead_system_is_a_source_failure_in_time(trial: Trial) -> None:
    """A system that is away costs its own fields, for as long as its deadline, and the rest is answered.

    Do: bound every wait by the declared deadline, and raise SourceFailure with the kind that says who must act."""
    connectors = [trial.closing(connector) for connector in trial.upstream.dead()]
    if not connectors:
        raise NotChecked("the upstream gives no connector to a dead system (dead)")
    await asyncio.gather(
        *(
            trial.failure_of(f"{what} of dead connector {number}", ask)
            for number, connector in enumerate(connectors, start=1)
            for what, ask in trial.questions(connector).items()
        )
    )


@RULES.rule(FAILING)
async def closing_twice_or_unused_is_harmless(trial: Trial) -> None:
    """A source is opened to be checked, and closed again by whoever comes last.

    Do: let close give back what there is, and do nothing where there is nothing."""
    await trial.some(1)
    unused, used = trial.connector(), trial.connector()
    await used.describe()
    for connector in (unused, used):
        await connector.close()
        await connector.close()


@RULES.rule(FAILING)
async def a_reader_that_leaves_does_not_hold_the_system_up(trial: Trial) -> None:
    """A lock that a reader left behind stops the people who work with the system.

    Do: end the statement and give back the connection when a question is cancelled; do not leave that to the collector
    of garbage."""
    writable = trial.writable
    there = await trial.some(4)
    connector = trial.connector()
    id_, values = next(iter(there.items()))
    for turn in range(14):
        for what, ask in trial.questions(connector).items():
            await cancel_once(what, ask, turn, 0.0004 * max(turn - 4, 0))
        try:
            async with asyncio.timeout(PATIENCE):
                await writable.put(id_, {**values, "stock": turn})
        except Exception as error:
            expect(False, f"after questions that were cancelled the system cannot be written to: {error!r}")
