"""``whence compat``: does one product go with another, what does that rest on, and whose question is it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.cli.asking import ask, called, candidates_of, tell_unreached
from app.cli.configuration import Configuration, audience_of
from app.cli.documents import COMPATIBILITY, NAMES
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import open_runtime
from app.cli.output import NOTHING, clean, marked, moment, remark, say, table, write_json
from app.cli.product import is_id
from app.wiring import Runtime

STYLES = {
    "COMPATIBLE": "green",
    "CONDITIONAL": "yellow",
    "INCOMPATIBLE": "red",
    "CONFLICTING": "red",
    "UNKNOWN": "yellow",
}


async def compat(configuration: Configuration, one: str, other: str, context: Sequence[str], as_json: bool) -> int:
    """Print the verdict about the products that two names mean; its exit code: 1 where a name means none, or several."""
    given = [_pair(text) for text in context]
    async with open_runtime(configuration) as runtime:
        audience = audience_of(runtime.ownership, configuration.settings)
        variables = {"product": _lookup(one), "with": _lookup(other), "context": given}
        answer = await ask(runtime, configuration.redactor, audience, COMPATIBILITY, variables)
        if candidates := candidates_of(answer):
            await _offer(runtime, configuration, audience, answer, candidates, as_json)
            return ExitCode.FAILED
    if as_json:
        write_json(answer)
        return ExitCode.FINE
    _print(answer["data"]["compatibility"])
    tell_unreached(answer)
    return ExitCode.FINE


def _pair(text: str) -> dict[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise Ended(
            ExitCode.CONFIGURATION, f"A context is written NAME=VALUE, such as serial=H1-250000, and not {text!r}."
        )
    return {"name": name, "value": value}


def _lookup(text: str) -> dict[str, str]:
    return {"id": text} if is_id(text) else {"alias": text}


async def _offer(
    runtime: Runtime,
    configuration: Configuration,
    audience: str,
    answer: Mapping[str, Any],
    candidates: Sequence[str],
    as_json: bool,
) -> None:
    if as_json:
        write_json(answer)
        return
    remark(" ".join(error["message"] for error in answer["errors"]), "red")
    named = await ask(
        runtime, configuration.redactor, audience, NAMES, {"lookups": [{"id": one} for one in candidates]}
    )
    rows = [(one["id"], called(one["crosswalk"])) for one in named["data"]["productsBy"] if one]
    table(None, ("id", "called"), rows)


def _print(found: Mapping[str, Any]) -> None:
    say(found["verdict"], f"bold {STYLES.get(found['verdict'], '')}".strip())
    say(" ".join(clean(word) for word in found["summary"].split()))
    for condition in found["conditions"]:
        say(f"  if: {clean(condition)}", "yellow")
    if found["evidence"]:
        say()
        table(
            None,
            ("", "evidence", "says", "record", "last updated", "freshness", "steward"),
            [_row(one) for one in found["evidence"]],
        )
    weakest = found["weakest"]
    if weakest is not None and sum(one["decisive"] for one in found["evidence"]) > 1:
        say(f"weakest: {clean(weakest['sentence'])}", "dim")
    for one in found["missing"]:
        steward = one["steward"]
        whose = (
            f"{steward['name']}{' <' + steward['contact'] + '>' if steward['contact'] else ''}"
            if steward
            else "nobody's"
        )
        say(f"missing: {clean(one['sentence'])}. Whose question: {clean(whose)}", "yellow")


def _row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    inherited = f" ({one['inherited'].lower().replace('_', ' ')})" if one["inherited"] else ""
    what = one["source"] or (f"rule {one['rule']}" if one["rule"] else one["kind"].lower())
    steward = one["steward"]
    return (
        "●" if one["decisive"] else "",
        f"{what}{inherited}",
        f"{one['verdict']}: {one['sentence']}",
        one["sourceRecordId"] or NOTHING,
        moment(one["lastUpdated"]),
        marked(one["freshness"]),
        steward["name"] if steward else NOTHING,
    )
