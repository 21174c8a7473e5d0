"""Whose prices and which stock a Tryton is asked for.

Tryton answers list prices and costs for the company in the request's context, and stock for the locations there.
Without them it answers null and 0.0 and says nothing about it, so nothing is asked before both are settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sources.columns import instead_of
from sources.contract import Problem
from sources.tryton.options import TrytonOptions
from sources.tryton.session import records
from sources.values import JSON

_LISTED = 1000
"""Companies and locations read at most; a name beyond them is not found."""


class Call(Protocol):
    """Calls a method of the database."""

    async def __call__(self, method: str, *parameters: JSON) -> JSON:
        """Its result. Raises SourceFailure."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The company, its currency's code, and the locations whose stock counts, outermost only."""

    company: int
    currency: str | None
    locations: tuple[int, ...]

    @property
    def context(self) -> dict[str, JSON]:
        """The context that every question carries."""
        return {"company": self.company, "locations": list(self.locations), "with_childs": True}


async def find_standing(call: Call, options: TrytonOptions) -> tuple[Standing | None, tuple[Problem, ...]]:
    """The standing that ``options`` declare, or what is wrong with them. Raises SourceFailure."""
    [preferences] = records([await call("model.res.user.get_preferences", True, {})], ())
    domain = [["id", "in", preferences.get("companies") or []]]
    fields = ["party.name", "currency.code"]
    companies = records(await call("model.company.company.search_read", domain, 0, _LISTED, None, fields, {}))
    company, problems = _company(options, companies, preferences.get("company"))
    domain = [["type", "in", ["warehouse", "storage", "view"]]]
    fields = ["name", "code", "type", "parent"]
    answer = await call("model.stock.location.search_read", domain, 0, _LISTED, None, fields, {})
    places = records(answer, ("id", *fields))
    locations, more = _locations(options, places)
    problems += more
    if problems or company is None:
        return None, problems
    currency = (company.get("currency.") or {}).get("code")
    return Standing(company["id"], currency, _outermost(locations, places)), ()


def _company(
    options: TrytonOptions, companies: Sequence[Mapping[str, JSON]], current: int | None
) -> tuple[Mapping[str, JSON] | None, tuple[Problem, ...]]:
    wanted = options.company
    if wanted is None and current is None and len(companies) == 1:
        return companies[0], ()
    named = {company["id"]: str((company.get("party.") or {}).get("name")) for company in companies}
    found = [
        company
        for company in companies
        if company["id"] == (current if wanted is None else wanted) or named[company["id"]] == wanted
    ]
    if len(found) == 1:
        return found[0], ()
    if not companies:
        instead = f"give the user {options.user!r} a company, in Tryton's user settings"
    else:
        instead = instead_of(str(wanted or ""), list(named.values()))
    what = "no company" if wanted is None else f"no company {wanted!r}"
    if len(found) > 1:
        what, instead = f"{len(found)} companies called {wanted!r}", "write the company's id"
    return None, (Problem("company", f"the user {options.user!r} works in {what}", instead),)


def _locations(options: TrytonOptions, places: Sequence[Mapping[str, JSON]]) -> tuple[list[int], tuple[Problem, ...]]:
    if not options.locations:
        warehouses = [place["id"] for place in places if place["type"] == "warehouse"]
        missing = Problem("locations", "Tryton has no warehouse", "write the codes of the locations whose stock counts")
        return warehouses, () if warehouses else (missing,)
    spoken = Counter(name for place in places for name in {place["code"], place["name"]} if name)
    found: list[int] = []
    problems: list[Problem] = []
    for name in options.locations:
        matching = [place["id"] for place in places if name in (place["code"], place["name"])]
        if len(matching) == 1:
            found += matching
        elif matching:
            problems.append(
                Problem("locations", f"{len(matching)} locations called {name!r}", "write a code that only one has")
            )
        else:
            problems.append(Problem("locations", f"there is no location {name!r}", instead_of(name, list(spoken))))
    return found, tuple(problems)


def _outermost(locations: Sequence[int], places: Sequence[Mapping[str, JSON]]) -> tuple[int, ...]:
    """Those that lie within no other: what is within is counted with it, and would be counted twice."""
    around = {place["id"]: place["parent"] for place in places}

    def enclosed(place: int) -> bool:
        for _ in around:
            parent = around.get(place)
            if parent is None or parent in locations:
                return parent is not None
            place = parent
        return False

    return tuple(sorted({place for place in locations if not enclosed(place)}))
