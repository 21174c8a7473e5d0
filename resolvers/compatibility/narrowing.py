"""Narrowing: what a statement says in a context of region, channel, date, firmware, serial number or year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolvers.compatibility.evidence import Verdict
from resolvers.compatibility.sentences import listed
from sources.folding import fold
from sources.ranges import comparable, natural
from sources.values import JSON

Context = Mapping[str, str]
"""What is known of the case: ``region``, ``channel``, ``date`` (ISO; now where it is not given), ``serial``, ``year``,
``firmware``, ``position``, ``adapter``, ``quantity``."""
KNOWN = ("region", "channel", "date", "firmware", "serial", "year", "position", "adapter", "quantity")
_SCOPES = ("region", "channel", "date")
"""Qualifiers that say where a statement holds at all, rather than what must be so."""
_WORDS = {
    "serial": "serial numbers",
    "year": "years",
    "firmware": "firmware",
    "date": "dates",
    "position": "position",
    "region": "region",
    "channel": "channel",
    "adapter": "adapter",
    "quantity": "a quantity of",
}
UNNAMED = "one that is not named"


class Narrowed(NamedTuple):
    """What a statement says: a verdict, None where it is about other cases; what must still be so, and what keeps it from
    this case."""

    verdict: Verdict | None
    condition: str | None = None
    only: str | None = None


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
        within = None if asked is None else _within(name, qualifier, asked)
        if within is None:
            (where if name in _SCOPES else open_).append(words(name, qualifier))
        elif not within:
            unmet.append(words(name, qualifier))
            out = out or name in _SCOPES
    if unmet:
        only = " and ".join(unmet)
        return Narrowed(None if out or said is not Verdict.CONDITIONAL else Verdict.INCOMPATIBLE, None, only)
    if condition is not None and (open_ or limits.keys() <= set(_SCOPES)):
        open_ = [condition]
    conditions = [*where, *open_]
    if said is Verdict.CONDITIONAL and not conditions and limits.keys() <= {"date"}:
        conditions = [text or UNNAMED]
    if not conditions:
        return Narrowed(Verdict.COMPATIBLE if said is Verdict.CONDITIONAL else said)
    return Narrowed(Verdict.CONDITIONAL, " and ".join(conditions))


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
    return f"{_WORDS[name]} {listed([str(one) for one in qualifier], 'or')}"


def _within(name: str, qualifier: JSON, asked: str) -> bool | None:
    """Whether a case is within a range or among some texts; None where it is written so that nobody can tell."""
    if not isinstance(qualifier, Mapping):
        return fold(asked) in {fold(str(one)) for one in qualifier}
    place = natural(asked)
    for end, sign in (("from", -1), ("to", 1)):
        if (text := qualifier.get(end)) is None:
            continue
        limit = natural(text)
        if not comparable(place, limit, whole=name == "serial"):
            return None
        beyond = place < limit if sign < 0 else place > limit and place[: len(limit)] != limit
        if beyond:
            return False
    return True
