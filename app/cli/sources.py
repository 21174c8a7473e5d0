"""``whence sources``: how every system does, and what of it was set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from app.cli.asking import ask
from app.cli.configuration import Configuration, audience_of, governing
from app.cli.documents import sources_document
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import open_runtime
from app.cli.output import NOTHING, clean, marked, moment, remark, say, table, write_json
from app.wiring import Runtime
from resolvers.mistakes import one_of


@dataclass(frozen=True, slots=True)
class SetAside:
    """What of a system's to list, with its reasons: documents, values, or records that stay apart."""

    rejected: bool
    unreadable: bool
    apart: bool


async def sources(configuration: Configuration, name: str | None, aside: SetAside, as_json: bool) -> int:
    """Print the systems, or the one called ``name``."""
    async with open_runtime(configuration) as runtime:
        audience = audience_of(runtime.ownership, configuration.settings)
        governing(runtime.ownership, audience)
        if name is not None and name not in runtime.ownership.sources:
            known = one_of(name, runtime.ownership.sources, "sources")
            raise Ended(ExitCode.CONFIGURATION, f"There is no source {name!r}: {known}")
        document = sources_document(rejected=aside.rejected, unreadable=aside.unreadable, apart=aside.apart)
        answer = await ask(runtime, configuration.redactor, audience, document)
        told = await _matching(runtime, name)
    answer["data"]["sources"] = found = [one for one in answer["data"]["sources"] if name in (None, one["name"])]
    if as_json:
        write_json(answer)
        return ExitCode.FINE
    _print(found)
    for text in told:
        say(text)
    for one in found:
        if aside.apart:
            _list(f"Apart in {one['name']}", ("record", "names", "reason"), one["apartRecords"], _apart)
        if aside.rejected:
            heads = ("place", "record", "reason", "begins", "seen")
            _list(f"Set aside of {one['name']}", heads, one["rejectedDocuments"], _rejected)
        if aside.unreadable:
            _list(f"Unreadable in {one['name']}", ("record", "field", "reason"), one["unreadableValues"], _unreadable)
    totals = {what: sum(one[what] for one in found) for what in ("apart", "rejected", "unreadable")}
    untold = {
        f"{totals['apart']} records stay apart (--apart)": totals["apart"] and not aside.apart,
        f"{totals['rejected']} documents were set aside (--rejected)": totals["rejected"] and not aside.rejected,
        f"{totals['unreadable']} values could not be read (--unreadable)": (
            totals["unreadable"] and not aside.unreadable
        ),
    }
    if listed := [text for text, worth in untold.items() if worth]:
        remark(f"{'; '.join(listed)}: see why.", "dim")
    return ExitCode.FINE


async def _matching(runtime: Runtime, name: str | None) -> list[str]:
    """How far the records of the source ``name``, or of all, have been matched, in words."""
    waiting = await runtime.matcher.waiting()
    told = [
        f"{source}: {count:,} records wait to be matched with those of other catalogues."
        for source, count in waiting.items()
        if count and name in (None, source)
    ]
    for one in await runtime.matcher.learned():
        if one.provisional and name in (None, one.left, one.right):
            told.append(
                f"{one.left} and {one.right}: with {one.left_records:,} and {one.right_records:,} records there is too "
                "little to learn from; matching proposes, and links nothing."
            )
    return told


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            one["name"],
            one["title"],
            f"{one['connector']}, {one['read']}",
            marked(one["status"]),
            *(str(one[count]) for count in ("records", "products", "apart", "rejected", "unreadable")),
            moment((one["lastRun"] or {}).get("startedAt")),
            moment(one["confirmedAt"]),
        )
        for one in found
    ]
    heads = (
        "source",
        "title",
        "read",
        "status",
        "records",
        "products",
        "apart",
        "rejected",
        "unreadable",
        "last run",
        "read to its end",
    )
    table(None, heads, rows)
    for one in found:
        if failure := one["failure"]:
            since = f" since {moment(failure['since'])}" if failure["since"] else ""
            say(f"{one['name']} fails{since}: {clean(failure['message'])}", "red")
            say(f"    {failure['actor'].lower()}: {failure['action']}")


def _list(title: str, heads: Sequence[str], entries: Sequence[Mapping[str, Any]], row: Any) -> None:
    rows: list[Sequence[str | Text]] = [row(one) for one in entries]
    if rows:
        table(title, heads, rows)


def _apart(one: Mapping[str, Any]) -> Sequence[str]:
    return one["recordId"], " · ".join(one["names"]), one["reason"]


def _rejected(one: Mapping[str, Any]) -> Sequence[str]:
    return one["place"], one["recordId"] or NOTHING, one["reason"], one["sample"] or NOTHING, moment(one["observedAt"])


def _unreadable(one: Mapping[str, Any]) -> Sequence[str]:
    return one["recordId"], one["field"], one["reason"]
