"""``whence demo``: do something to one of the demo's systems, and see what the API then answers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.cli.configuration import Configuration
from app.cli.documents import KETTLE_SKU
from app.cli.ending import Ended, ExitCode
from app.cli.output import command_name, marked, say, table, write_json
from app.demo.launch import DemoControl, DemoError, SystemState, read_control
from resolvers.ownership import OwnershipMap
from sources.durations import format_duration, parse_duration

FIELDS_SHOWN = 2


@dataclass(frozen=True, slots=True)
class Action:
    """What to do to which system."""

    name: str
    system: str
    delay: timedelta | None = None


def slow(system: str, delay: str) -> Action:
    """Let the system answer late. Raises Ended for a delay that is none."""
    try:
        return Action("slow", system, parse_duration(delay))
    except ValueError as error:
        raise Ended(ExitCode.CONFIGURATION, f"DELAY is {delay!r}: {error}.") from None


async def status(configuration: Configuration, as_json: bool) -> int:
    """Print how every system is."""
    states = await read_control(configuration.demo_directory).status()
    if as_json:
        write_json({"systems": [_as_json(one) for one in states]})
        return ExitCode.FINE
    rows = [
        (one.name, one.title, marked(one.condition), format_duration(one.delay) if one.delay else "") for one in states
    ]
    table(None, ("system", "title", "condition", "late by"), rows)
    return ExitCode.FINE


async def act(configuration: Configuration, action: Action, as_json: bool) -> int:
    """Do it, and say what to ask next to see the effect."""
    control = read_control(configuration.demo_directory)
    ownership = configuration.load()
    try:
        state = await _done(control, action)
    except DemoError as error:
        raise Ended(ExitCode.FAILED, str(error)) from None
    if as_json:
        write_json(_as_json(state))
        return ExitCode.FINE
    late = f" ({format_duration(state.delay)} late)" if state.delay else ""
    say(f"{state.title} ({state.name}) is {state.condition}{late}.", "bold")
    for line in _next(ownership, action):
        say(line)
    return ExitCode.FINE


async def _done(control: DemoControl, action: Action) -> SystemState:
    match action.name:
        case "stop":
            return await control.stop(action.system)
        case "start":
            return await control.start(action.system)
        case "garble":
            return await control.garble(action.system)
        case _:
            return await control.slow(action.system, action.delay or timedelta())


def _next(ownership: OwnershipMap, action: Action) -> Sequence[str]:
    """What to ask to see the effect."""
    name = action.system
    declaration = ownership.declaration(name)
    owned = [one.name for one in ownership.fields.values() if one.system_of_record == name]
    fields = (owned or [field for field in ownership.fields if name in ownership.mapped[field]])[:FIELDS_SHOWN]
    whence = command_name()
    ask = shlex.join(["product", KETTLE_SKU, *(part for field in fields for part in ("--field", field))])
    if declaration.read == "live":
        when = "It is asked at query time, so you see it at once:"
    else:
        when = f"Whence notices at its next sync, or at once with `{whence} sync {name}`. Then ask:"
    lines = [when, f"  {whence} {ask}", f"  {whence} sources {name}"]
    if action.name != "start":
        lines.append(f"  {whence} demo start {name}    (makes it well again)")
    return lines


def _as_json(state: SystemState) -> dict[str, object]:
    return {
        "name": state.name,
        "title": state.title,
        "condition": state.condition,
        "delaySeconds": state.delay.total_seconds(),
    }
