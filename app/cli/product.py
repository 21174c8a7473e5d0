"""``whence product``: one product's facts, where each came from, and its records in every system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rich.text import Text

from app.cli.asking import ask, called, candidates_of, one_name, tell_unreached
from app.cli.configuration import Configuration, audience_of
from app.cli.documents import NAMES, SEARCH, product_document
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import open_runtime
from app.cli.output import NOTHING, clean, marked, moment, remark, say, table, write_json
from app.cli.values import in_one_line
from app.wiring import Runtime
from resolvers.mistakes import one_of
from resolvers.ownership import FieldDefinition

MOST_CANDIDATES = 20
WAYS = ("alias", "sku", "gtin", "id", "record")


class Asked:
    """One call: what it looks for, and how its answer is shown."""

    def __init__(self, configuration: Configuration, runtime: Runtime, locale: str | None, as_json: bool) -> None:
        self.redactor = configuration.redactor
        self.runtime = runtime
        self.audience = audience_of(runtime.ownership, configuration.settings)
        self.fields: Sequence[FieldDefinition] = runtime.ownership.fields_for(self.audience)
        self.locale = locale
        self.as_json = as_json
        self.narrowed = False

    def narrow(self, names: Sequence[str]) -> None:
        """Ask for these fields only. Raises Ended for one that the audience does not see."""
        if not names:
            return
        known = {one.name: one for one in self.fields}
        for name in names:
            if name not in known:
                raise Ended(
                    ExitCode.CONFIGURATION,
                    f"There is no field {name!r} for {self.audience}: {one_of(name, known, 'fields')}",
                )
        self.fields = [known[name] for name in dict.fromkeys(names)]
        self.narrowed = True

    async def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """An answer of the published schema."""
        return await ask(self.runtime, self.redactor, self.audience, document, variables)

    async def by(self, lookup: Mapping[str, Any]) -> dict[str, Any]:
        """The answer about the product of one lookup."""
        return await self.ask(product_document(self.fields), {"by": lookup, "locale": self.locale})

    async def names(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Products by id, with what their records are called."""
        answer = await self.ask(NAMES, {"lookups": [{"id": one} for one in ids]})
        return [one for one in answer["data"]["productsBy"] if one]


async def product(
    configuration: Configuration, lookup: str, by: str | None, locale: str | None, fields: Sequence[str], as_json: bool
) -> int:
    """Print the product that ``lookup`` means; its exit code: 1 where there is none, or where several are meant."""
    if by is not None and by not in WAYS:
        raise Ended(ExitCode.CONFIGURATION, f"--by {by}: {one_of(by, WAYS, 'ways')}")
    given = _lookup(by, lookup)
    async with open_runtime(configuration) as runtime:
        asked = Asked(configuration, runtime, locale, as_json)
        asked.narrow(fields)
        answer = await asked.by(given)
        if by is None and _nothing(answer):
            if is_id(lookup):
                answer = await asked.by({"id": lookup})
            else:
                return await _search(asked, lookup)
        return await _show(asked, lookup, answer)


def _lookup(by: str | None, text: str) -> dict[str, Any]:
    if by != "record":
        return {by or "alias": text}
    source, separator, record = text.partition(":")
    if not separator or not source or not record:
        raise Ended(ExitCode.CONFIGURATION, f"A record is written SYSTEM:ID, such as wms:04-1107-1, and not {text!r}.")
    return {"record": {"source": source, "id": record}}


def _nothing(answer: Mapping[str, Any]) -> bool:
    return answer["data"]["product"] is None and not candidates_of(answer)


def is_id(text: str) -> bool:
    """Whether a text is written as a product's id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def _show(asked: Asked, lookup: str, answer: Mapping[str, Any]) -> int:
    found = answer["data"]["product"]
    if asked.as_json:
        write_json(answer)
        return ExitCode.FINE if found else ExitCode.FAILED
    if candidates := candidates_of(answer):
        _offer(lookup, await asked.names(candidates[:MOST_CANDIDATES]))
        return ExitCode.FAILED
    if found is None:
        raise Ended(ExitCode.FAILED, f"No product is meant by {lookup!r}.")
    _print(asked, found)
    tell_unreached(answer)
    for error in answer.get("errors", []):
        remark(error["message"], "red")
    return ExitCode.FINE


async def _search(asked: Asked, lookup: str) -> int:
    """No department calls anything so: what comes near is looked for, and taken where it is one product."""
    answer = await asked.ask(SEARCH, {"text": lookup, "first": MOST_CANDIDATES})
    products = {edge["node"]["product"]["id"]: edge["node"] for edge in answer["data"]["search"]["edges"]}
    if len(products) == 1:
        ((found, hit),) = products.items()
        remark(f"Nothing is called {lookup!r}; the nearest is {hit['source']}'s {hit['alias']!r}.", "dim")
        return await _show(asked, lookup, await asked.by({"id": found}))
    if asked.as_json:
        write_json(answer)
        return ExitCode.FAILED
    if not products:
        raise Ended(
            ExitCode.FAILED,
            f"No product is called {lookup!r} by any system, nor anything near it. whence sources shows what was read.",
        )
    _offer(lookup, [hit["product"] for hit in products.values()])
    return ExitCode.FAILED


def _offer(lookup: str, products: Sequence[Mapping[str, Any]]) -> None:
    rows = [(one["id"], called(one["crosswalk"])) for one in products]
    remark(f"{lookup!r} may mean {len(rows)} products. Ask for one of them by a name that is its own, or by its id:")
    table(None, ("id", "called"), rows)


def _print(asked: Asked, found: Mapping[str, Any]) -> None:
    name = (found.get("name") or {}).get("value")
    say(f"{clean(name if isinstance(name, str) else one_name(found['crosswalk']))}  ({found['id']})", "bold")
    rows: list[Sequence[str | Text]] = []
    conflicts: list[str] = []
    for definition in asked.fields:
        fact = found[definition.name]
        conflict = fact["conflict"]
        if conflict:
            conflicts.append(conflict["summary"])
        rows.append(
            (
                definition.name,
                in_one_line(definition, fact["value"]),
                marked(fact["status"]),
                fact["source"] or NOTHING,
                moment(fact["lastUpdated"]),
                marked(fact["freshness"] if fact["source"] else None),
                Text("≠", "red") if conflict else "",
            )
        )
    table(None, ("field", "value", "status", "source", "last updated", "freshness", "conflict"), rows)
    for summary in conflicts:
        say(f"≠ {clean(summary)}", "red")
    if asked.narrowed:
        return
    if conflicts:
        say()
    records = [
        (
            record["source"],
            record["recordId"],
            " · ".join(record["names"]),
            ", ".join(f"{one['scheme']} {one['value']}" for one in record["identifiers"]),
            record["linkedBy"],
            record["reason"] or "",
        )
        for record in found["crosswalk"]
    ]
    table(None, ("system", "record", "names", "identifiers", "linked by", "reason"), records)
