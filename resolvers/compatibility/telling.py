"""The sentence of a verdict: what an agent reads out, with what it rests on and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from resolvers.compatibility.evidence import Evidence, EvidenceKind, Missing, Verdict
from resolvers.compatibility.sentences import listed, opened
from resolvers.compatibility.weighing import Weighed
from resolvers.facts import Freshness

MOST_ALTERNATIVES = 10
"""Conditions of one voice that are told beside the first."""
MOST_STALE = 3
"""Facts of one rule that are told to be old."""
_NO_NAMES = ("What ", "Another ", "It ", "A ", "The ")
_UNITS = ((365.25, "year"), (30.44, "month"), (1.0, "day"))


def tell(
    weighed: Weighed,
    one: str,
    other: str,
    missing: Sequence[Missing],
    titles: Mapping[str, str],
    now: datetime,
) -> str:
    """One sentence, or two where what it rests on is old, about the products called ``one`` and ``other``; ``titles`` are
    those of the sources."""
    deciding = weighed.deciding
    match weighed.verdict:
        case Verdict.UNKNOWN:
            why = listed(dict.fromkeys(missing_.sentence for missing_ in missing))
            return opened(f"Nobody knows yet whether {one} and {other} go together: {why}")
        case Verdict.CONFLICTING:
            against = next(piece for piece in deciding if piece.verdict is Verdict.INCOMPATIBLE)
            other_side = next(piece for piece in deciding if piece.verdict is not Verdict.INCOMPATIBLE)
            said = f"It is not settled. {other_side.sentence} But {_lowered(against.sentence)}"
        case Verdict.COMPATIBLE:
            said = f"Yes. {deciding[0].sentence}"
        case Verdict.CONDITIONAL:
            said = f"Only under a condition. {_conditional(deciding)}"
        case Verdict.INCOMPATIBLE:
            said = f"No. {deciding[0].sentence}"
    stale = _stale(deciding, titles, now)
    return f"{said} {stale}" if stale else said


def age_in_words(age: timedelta) -> str:
    """``8 months``, ``3 years``."""
    days = age / timedelta(days=1)
    for size, name in _UNITS:
        if days >= size * (2 if name == "year" else 1) * 0.98:
            count = round(days / size)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return "less than a day"


def _conditional(deciding: Sequence[Evidence]) -> str:
    """The pieces that name conditions: those of one voice are alternatives, several voices count together."""
    told: dict[str, list[Evidence]] = {}
    for piece in deciding:
        if piece.verdict is Verdict.CONDITIONAL:
            told.setdefault(piece.rule or piece.voice, []).append(piece)
    sentences = []
    for first, *others in told.values():
        sentence = first.sentence
        if first.kind is EvidenceKind.RULE:
            sentence += f" The condition: {listed(first.conditions)}."
        more = list(
            dict.fromkeys(text for piece in others for text in piece.conditions if text not in first.conditions)
        )
        if more:
            sentence += f" Or: {listed(more[:MOST_ALTERNATIVES], 'or')}."
        sentences.append(sentence)
    return " ".join([sentences[0], *(f"And {_lowered(sentence)}" for sentence in sentences[1:])])


def _stale(deciding: Sequence[Evidence], titles: Mapping[str, str], now: datetime) -> str:
    """What a verdict rests on that is older than it may be."""
    told: list[tuple[str, timedelta | None, timedelta | None]] = []
    for piece in deciding:
        if piece.freshness is not Freshness.STALE:
            continue
        stale = [one.fact for one in piece.facts if one.fact.freshness is Freshness.STALE]
        for fact in stale[:MOST_STALE]:
            whose = titles.get(fact.source or "", "another system")
            what = f"the {fact.definition.label.lower()} from {whose}"
            told.append((what, now - fact.last_updated if fact.last_updated else None, fact.definition.max_age))
        if piece.kind is not EvidenceKind.RULE and piece.last_updated is not None:
            told.append((f"what {piece.voice} says", now - piece.last_updated, piece.max_age))
        elif not stale:
            told.append(("something that it rests on", None, None))
    return " ".join(dict.fromkeys(_mind(what, age, most) for what, age, most in told))


def _mind(what: str, age: timedelta | None, most: timedelta | None) -> str:
    old = f"{age_in_words(age)} old" if age is not None else "old"
    after = f"after {age_in_words(most)} it" if most is not None else "it"
    return opened(f"Mind that {what} is {old}: {after} should have been checked")


def _lowered(sentence: str) -> str:
    """As the later part of a sentence, where it does not begin with a name."""
    return (
        sentence[:1].lower() + sentence[1:]
        if sentence.startswith(("What ", "Another ", "It ", "A ", "The "))
        else sentence
    )
