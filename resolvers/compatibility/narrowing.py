"""Narrowing: what a statement says in a context of region, channel, date, firmware, serial number or year."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from resolvers.compatibility.evidence import Verdict
from sources.folding import fold
from sources.values import JSON

Context = Mapping[str, str]
"""What is known of the case: ``region``, ``channel``, ``date`` (ISO; now where it is not given), ``serial``, ``year``,
``firmware``, ``position``, ``adapter``, ``quantity``."""
KNOWN = ("region", "channel", "date", "firmware", "serial", "year", "position", "adapter", "quantity")
_SCOPES = ("region", "channel", "date")
"""Qualifiers that say where a statement holds at all, rather than what must be so."""
_RUNS = re.compile(r"[0-9]+|[^0-9]+")
_WORDS = {
    "serial": "serial numbers",
    "year": "years",
    "firmware": "firmware",
    "date": "dates",
    "position": "in position",
    "region": "in",
    "channel": "in the channel",
    "adapter": "with the adapter",
    "quantity": "in the number of",
}


class Narrowed(NamedTuple):
    """What a statement says: a verdict, None where it does not apply; and what must still be so."""

    verdict: Verdict | None
    conditions: tuple[str, ...] = ()


def narrow(
    said: Verdict, qualifiers: Mapping[str, JSON], condition: str | None, text: str | None, context: Context
) -> Narrowed:
    """What a statement with its qualifiers says in ``context``. Its condition is taken for the wording of those qualifiers
    that say what must be so, where it has any; ``text`` stands in for one that it does not name."""
    limits = {name: qualifier for name, qualifier in qualifiers.items() if name in KNOWN and qualifier}
    where: list[str] = []
    open_: list[str] = []
    unmet, out = [], False
    for name, qualifier in limits.items():
        asked = context.get(name)
        if asked is None:
            (where if name in _SCOPES else open_).append(words(name, qualifier))
        elif not _within(qualifier, asked):
            unmet.append(words(name, qualifier))
            out = out or name in _SCOPES
    if unmet:
        if out or said is not Verdict.CONDITIONAL:
            return Narrowed(None)
        return Narrowed(Verdict.INCOMPATIBLE, tuple(f"only {one}" for one in unmet))
    if condition is not None and (open_ or limits.keys() <= set(_SCOPES)):
        open_ = [condition]
    conditions = (*where, *open_)
    if said is Verdict.CONDITIONAL and not conditions and limits.keys() <= {"date"}:
        conditions = (text,) if text else ("under a condition that it does not name",)
    if not conditions:
        return Narrowed(Verdict.COMPATIBLE if said is Verdict.CONDITIONAL else said)
    if said is Verdict.INCOMPATIBLE:
        return Narrowed(Verdict.CONDITIONAL, tuple(f"not with {one}" for one in conditions))
    return Narrowed(Verdict.CONDITIONAL, conditions)


def words(name: str, qualifier: JSON) -> str:
    """A qualifier in words: ``serial numbers from H1-24 to H1-29``."""
    if isinstance(qualifier, Mapping):
        first, last = qualifier.get("from"), qualifier.get("to")
        if first == last:
            return f"{_WORDS[name]} {first}"
        ends = " ".join(
            filter(None, (first and f"from {first}", last and (f"to {last}" if first else f"up to {last}")))
        )
        return f"{_WORDS[name]} {ends}"
    return f"{_WORDS[name]} {', '.join(map(str, qualifier))}"


def _within(qualifier: JSON, asked: str) -> bool:
    if isinstance(qualifier, Mapping):
        first, last = qualifier.get("from"), qualifier.get("to")
        place = natural(asked)
        if last is not None and place > (end := natural(last)) and place[: len(end)] != end:
            return False
        return first is None or place >= natural(first)
    return fold(asked) in {fold(str(one)) for one in qualifier}


def natural(text: str) -> list[tuple[int, Any]]:
    """A key by which serial numbers, versions, years and dates are in order: ``2.10`` comes behind ``2.9``."""
    runs = _RUNS.findall(fold(text).removeprefix("v"))
    return [(0, int(run)) if run[0].isdigit() and len(run) < 30 else (1, run) for run in runs]
