"""``whence check``: every mistake in the ownership map at once, and whether the systems have what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.status import Status
from rich.text import Text

from app.cli.configuration import Configuration
from app.cli.declared import open_each
from app.cli.effects import effects_of
from app.cli.ending import ExitCode
from app.cli.output import clean, console, say, table, write_json
from app.trusted import check_trusted_aside
from resolvers.map_file import MapError, Mistake, gaps
from sources.columns import unseen_columns
from sources.contract import Description, Failed
from sources.failures import Failure
from sources.guard import GuardedSource


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found."""

    mistakes: Sequence[Mistake] = ()
    unreachable: Sequence[tuple[str, Failure]] = ()
    gaps: Sequence[Mistake] = ()
    effects: Sequence[str] = ()
    """What taking this map into use would change and do, where there is a ledger to look at."""

    def exit_code(self, strict: bool) -> ExitCode:
        """2 for a mistake; with ``strict`` 1 for a system that could not be asked."""
        if self.mistakes:
            return ExitCode.CONFIGURATION
        return ExitCode.FAILED if strict and self.unreachable else ExitCode.FINE

    def as_json(self) -> Mapping[str, object]:
        """As ``--json`` prints it."""
        return {
            "mistakes": [asdict(one) for one in self.mistakes],
            "unreachable": [
                {
                    "source": name,
                    "kind": failure.kind.value,
                    "message": failure.message,
                    "actor": failure.kind.actor.value,
                    "action": failure.kind.action,
                }
                for name, failure in self.unreachable
            ],
            "gaps": [asdict(one) for one in self.gaps],
            "effects": list(self.effects),
        }


async def check(configuration: Configuration, offline: bool, strict: bool, as_json: bool) -> int:
    """Print what is wrong, and in gaps what could be better; ``offline`` asks no system."""
    try:
        findings = await _look(configuration, offline)
    except MapError as error:
        findings = Findings(mistakes=error.mistakes)
    code = findings.exit_code(strict)
    if as_json:
        write_json(findings.as_json())
    else:
        _print(configuration, findings, offline)
    return code


async def _look(configuration: Configuration, offline: bool) -> Findings:
    ownership = configuration.load()
    opened, mistakes = open_each(ownership, configuration.redactor)
    mistakes += await check_trusted_aside(ownership)
    unreachable: list[tuple[str, Failure]] = []
    doubts: list[Mistake] = []
    try:
        if not offline:
            found, unreachable = await _ask(opened)
            mistakes += found
            doubts = await _look_at_records(opened, {name for name, _ in unreachable})
    finally:
        await asyncio.gather(*(source.close() for source in opened.values()))
    effects = [] if mistakes else await effects_of(configuration.settings, ownership)
    return Findings(mistakes, unreachable, [*doubts, *gaps(ownership)], effects)


async def _ask(opened: Mapping[str, GuardedSource]) -> tuple[list[Mistake], list[tuple[str, Failure]]]:
    """Every system about its own declaration, all at once; each answers within its page's deadline."""
    with Status(f"Asking {len(opened)} systems", console=console(error=True)):
        answers = await asyncio.gather(*(source.check() for source in opened.values()))
    mistakes: list[Mistake] = []
    unreachable: list[tuple[str, Failure]] = []
    for name, answer in zip(opened, answers, strict=True):
        if isinstance(answer, Failed):
            unreachable.append((name, answer.failure))
        else:
            mistakes += (Mistake(f"sources.{name}.{one.path}", one.found, one.instead) for one in answer)
    return mistakes, unreachable


async def _look_at_records(opened: Mapping[str, GuardedSource], but: Collection[str]) -> list[Mistake]:
    """Of systems that do not say what columns they have: the paths that no record of a first page answers to. A record may
    yet hold them, so they are gaps and no mistakes."""
    asked = {name: source for name, source in opened.items() if name not in but}
    described = await asyncio.gather(*(source.describe() for source in asked.values()))
    return [
        Mistake(f"sources.{name}.{one.path}", one.found, one.instead)
        for (name, source), description in zip(asked.items(), described, strict=True)
        if isinstance(description, Description) and not description.complete and description.columns
        for one in unseen_columns(source.declaration, [column.name for column in description.columns])
    ]


def _print(configuration: Configuration, findings: Findings, offline: bool) -> None:
    place = configuration.config
    if findings.mistakes:
        count = f"{len(findings.mistakes)} mistakes" if len(findings.mistakes) > 1 else "1 mistake"
        say(f"{place} has {count}.", "bold red")
        _list(findings.mistakes)
    for name, failure in findings.unreachable:
        say(f"{name} could not be asked: {clean(failure.message)}. {failure.kind.action}", "yellow")
    if findings.gaps:
        say(f"{place} leaves {len(findings.gaps)} gaps:", "yellow")
        _list(findings.gaps)
    if findings.effects:
        say("Taking it into use would change this, and do what stands behind it:")
        for effect in findings.effects:
            say(f"  {clean(effect)}")
    if not findings.mistakes:
        asked = "no system was asked" if offline else f"systems that could not be asked: {len(findings.unreachable)}"
        complete = not offline and not findings.unreachable
        say(
            f"{place} has no mistake" + (", and every system has what it says." if complete else f"; {asked}."), "green"
        )


def _list(mistakes: Sequence[Mistake]) -> None:
    table(None, ("where", "found", "instead"), [(Text(one.path, "bold"), one.found, one.instead) for one in mistakes])
