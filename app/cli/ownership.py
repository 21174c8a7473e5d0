"""``whence ownership``: who owns what, and where that is at risk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from app.cli.asking import ask
from app.cli.configuration import Configuration, audience_of, governing
from app.cli.documents import OWNERSHIP
from app.cli.ending import ExitCode
from app.cli.ledger import open_runtime
from app.cli.output import NOTHING, length, say, table, write_json

SEVERE = 0.6


async def ownership(configuration: Configuration, as_json: bool) -> int:
    """Print the map, its risks worst first, and what no field claims."""
    async with open_runtime(configuration) as runtime:
        audience = audience_of(runtime.ownership, configuration.settings)
        governing(runtime.ownership, audience)
        answer = await ask(runtime, configuration.redactor, audience, OWNERSHIP)
    found = answer["data"]["ownershipMap"]
    if as_json:
        write_json(answer)
        return ExitCode.FINE
    ages = {name: field.max_age for name, field in runtime.ownership.fields.items()}
    say(f"Ownership map, version {found['version']}", "bold")
    rows = [
        (
            one["name"],
            f"{one['type']} {one['unit']}" if one["unit"] else one["type"],
            one["systemOfRecord"] or Text("nobody", "red"),
            ", ".join(one["fallback"]) or NOTHING,
            _steward(one["steward"]),
            length(ages[one["name"]]),
            one["tolerance"] or NOTHING,
            ", ".join(one["audiences"]),
        )
        for one in found["fields"]
    ]
    table(None, ("field", "type", "owner", "fallback", "steward", "max age", "tolerance", "audiences"), rows)
    if found["risks"]:
        risks = [
            (
                Text(f"{one['severity']:.2f}", "red" if one["severity"] >= SEVERE else "yellow"),
                one["kind"],
                one["message"],
            )
            for one in found["risks"]
        ]
        table("Risks, worst first", ("severity", "kind", "what"), risks)
    if found["unmapped"]:
        unmapped = [(one["source"], one["column"], str(one["filled"])) for one in found["unmapped"]]
        table("Filled by a system, claimed by nobody", ("source", "column", "filled in"), unmapped)
    return ExitCode.FINE


def _steward(steward: Mapping[str, Any] | None) -> str | Text:
    if steward is None:
        return Text("nobody", "red")
    return f"{steward['name']} <{steward['contact']}>" if steward["contact"] else str(steward["name"])
