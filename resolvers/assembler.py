"""Survivorship: from what systems say to a fact. The one place where claims become facts.

The systems that may answer are asked in the declared order; the first that holds a readable value in the best scope
wins. A system with several records about a product speaks with the one it changed last; only notes are gathered from all
of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from resolvers.executor import Heard
from resolvers.facts import Candidate, Conflict, Fact, FactStatus, Freshness
from resolvers.freshness import freshness
from resolvers.normalise import contradicts, in_field_unit
from resolvers.ownership import FieldDefinition
from resolvers.reasons import why_not, why_won
from sources.contract import Claim, RecordKey, Scope
from sources.failures import Failure
from sources.units import same_dimension
from sources.values import FieldType, Quantity, display, encode

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Said:
    """One claim, whose it is, and whether its system could be reached."""

    key: RecordKey
    claim: Claim
    failure: Failure | None


def assemble(
    definition: FieldDefinition,
    heard: Sequence[Heard],
    scopes: Sequence[Scope],
    now: datetime,
    *,
    visible: Collection[str] | None = None,
    down: Mapping[str, Failure] | None = None,
) -> Fact:
    """The fact of ``definition`` from what is ``heard`` about it.

    ``scopes``: where a value is looked for, best first. ``visible``: the sources whose records the asker may see; of the
    others, only a winner is named, and no candidate (None: all). ``down``: systems that could not be reached and whose
    records, if there are any, are not known.
    """
    said = [_Said(one.key, _measurable(definition, claim), one.failure) for one in heard for claim in one.claims]
    winner = _winner(definition, said, scopes)
    unreached = _unreached(definition, heard, down or {})
    if winner is None:
        status = FactStatus.UNAVAILABLE if definition.system_of_record in unreached else FactStatus.MISSING
        candidates = _candidates(definition, said, None, scopes, unreached, visible)
        return Fact(definition, status, Freshness.UNKNOWN, candidates=candidates)
    if winner.key.source != definition.system_of_record:
        status = FactStatus.FALLBACK
    else:
        status = FactStatus.LAST_KNOWN if winner.failure is not None else FactStatus.OK
    claims = _gathered(definition, said, winner)
    last_updated = max((claim.last_updated for claim in claims if claim.last_updated), default=None)
    candidates = _candidates(definition, said, winner, scopes, unreached, visible)
    return Fact(
        definition=definition,
        status=status,
        freshness=freshness(definition, last_updated, now),
        value=_value(definition, claims),
        source=winner.key.source,
        source_record_id=winner.key.id,
        last_updated=last_updated,
        last_updated_basis=winner.claim.basis,
        observed_at=winner.claim.observed_at,
        scope=winner.claim.scope,
        candidates=candidates,
        conflict=_conflict(definition, candidates),
    )


def _measurable(definition: FieldDefinition, claim: Claim) -> Claim:
    """The claim, unreadable where it measures what the field does not: it was read before the field's unit changed."""
    value = claim.value
    if not isinstance(value, Quantity) or definition.unit is None or same_dimension(value.unit, definition.unit):
        return claim
    return claim._replace(value=None, unreadable=f"{display(definition.type, value)} is no amount of {definition.unit}")


def _winner(definition: FieldDefinition, said: Sequence[_Said], scopes: Sequence[Scope]) -> _Said | None:
    for source in definition.chain:
        own = [one for one in said if one.key.source == source and one.claim.value is not None]
        for scope in scopes:
            fitting = [one for one in own if one.claim.scope == scope]
            if fitting:
                return max(fitting, key=_recency)
    return None


def _recency(one: _Said) -> tuple[datetime, str]:
    """The order of a system's records by when they changed; a date to come counts as when it was observed."""
    last_updated = one.claim.last_updated
    return (min(last_updated, one.claim.observed_at) if last_updated else _LONG_AGO, one.key.id)


def _gathered(definition: FieldDefinition, said: Sequence[_Said], winner: _Said) -> list[Claim]:
    """The claims that make the fact: the winner's, and for notes those of all its system's records, newest first."""
    if definition.type is not FieldType.NOTE_LIST:
        return [winner.claim]
    own = [
        one
        for one in said
        if one.key.source == winner.key.source and one.claim.scope == winner.claim.scope and one.claim.value is not None
    ]
    own.sort(key=_recency, reverse=True)
    return [one.claim for one in own]


def _value(definition: FieldDefinition, claims: Sequence[Claim]) -> object:
    if definition.type is FieldType.NOTE_LIST:
        return tuple(note for claim in claims for note in claim.value)
    return in_field_unit(claims[0].value, definition)


def _unreached(
    definition: FieldDefinition, heard: Iterable[Heard], down: Mapping[str, Failure]
) -> Mapping[str, Failure]:
    """The systems of the field's chain that could not be reached."""
    unreached = {name: failure for name, failure in down.items() if name in definition.chain}
    return unreached | {one.key.source: one.failure for one in heard if one.failure is not None}


def _candidates(
    definition: FieldDefinition,
    said: Sequence[_Said],
    winner: _Said | None,
    scopes: Sequence[Scope],
    unreached: Mapping[str, Failure],
    visible: Collection[str] | None,
) -> tuple[Candidate, ...]:
    order = {source: place for place, source in enumerate(definition.chain)}
    shown = [one for one in said if visible is None or one.key.source in visible or one is winner]
    shown.sort(
        key=lambda one: (one is not winner, order.get(one.key.source, len(order)), one.key, str(one.claim.scope))
    )
    return tuple(_candidate(definition, one, said, winner, scopes, unreached, visible) for one in shown)


def _candidate(
    definition: FieldDefinition,
    one: _Said,
    said: Sequence[_Said],
    winner: _Said | None,
    scopes: Sequence[Scope],
    unreached: Mapping[str, Failure],
    visible: Collection[str] | None,
) -> Candidate:
    claim = one.claim
    name = partial(_name, visible=visible, winner=winner)
    unreadable = any(
        other.key.source == definition.system_of_record and other.claim.unreadable is not None for other in said
    )
    candidate = Candidate(
        source=one.key.source,
        source_record_id=one.key.id,
        scope=claim.scope,
        value=encode(definition.type, claim.value),
        display=display(definition.type, claim.value),
        last_updated=claim.last_updated,
        observed_at=claim.observed_at,
        is_winner=one is winner,
        reason=(
            why_won(definition, one.key.source, one.failure, unreached, name, unreadable=unreadable)
            if one is winner
            else why_not(
                definition,
                one.key.source,
                claim,
                (winner.key.source, winner.claim.scope) if winner is not None else None,
                scopes,
                name,
            )
        ),
    )
    against = (
        winner is not None
        and one is not winner
        and one.claim.scope == winner.claim.scope
        and contradicts(one.claim.value, winner.claim.value, definition)
    )
    return replace(candidate, contradicts=True) if against else candidate


def _name(source: str, *, visible: Collection[str] | None, winner: _Said | None) -> str:
    """A system as the asker may know it."""
    known = visible is None or source in visible or (winner is not None and source == winner.key.source)
    return source if known else "another system"


def _conflict(definition: FieldDefinition, candidates: tuple[Candidate, ...]) -> Conflict | None:
    against = tuple(one for one in candidates if one.contradicts)
    if not against:
        return None
    winner = next(one for one in candidates if one.is_winner)
    others = ", ".join(f"{one.source} {one.display}" for one in against)
    return Conflict(
        definition, (winner, *against), f"{definition.label}: {winner.source} says {winner.display}, but {others}."
    )
