"""From what systems say to a fact: the winner by survivorship, how it came about, and what everybody else says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from resolvers.executor import Heard
from resolvers.facts import Candidate, Conflict, Fact, FactStatus, Freshness, status_of
from resolvers.freshness import freshness
from resolvers.normalise import contradicts
from resolvers.ownership import FieldDefinition
from resolvers.reasons import why_not, why_won
from resolvers.survivorship import Said, gathered, last_changed, measurable, value_of, winner_among
from sources.contract import Scope
from sources.failures import Failure
from sources.values import display, encode


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
    said = [Said(one.key, measurable(definition, claim), one.failure) for one in heard for claim in one.claims]
    winner = winner_among(definition, said, scopes)
    unreached = _unreached(definition, heard, down or {})
    if winner is None:
        status = FactStatus.UNAVAILABLE if definition.system_of_record in unreached else FactStatus.MISSING
        candidates = _candidates(definition, said, None, scopes, unreached, visible)
        return Fact(definition, status, Freshness.UNKNOWN, candidates=candidates)
    failing = {winner.key.source} if winner.failure is not None else set[str]()
    claims = gathered(definition, said, winner)
    last_updated = last_changed(claims)
    candidates = _candidates(definition, said, winner, scopes, unreached, visible)
    return Fact(
        definition=definition,
        status=status_of(definition, winner.key.source, failing),
        freshness=freshness(definition.max_age, last_updated, now),
        value=value_of(definition, claims),
        source=winner.key.source,
        source_record_id=winner.key.id,
        last_updated=last_updated,
        last_updated_basis=winner.claim.basis,
        observed_at=winner.claim.observed_at,
        scope=winner.claim.scope,
        candidates=candidates,
        conflict=_conflict(definition, candidates),
    )


def _unreached(
    definition: FieldDefinition, heard: Iterable[Heard], down: Mapping[str, Failure]
) -> Mapping[str, Failure]:
    """The systems of the field's chain that could not be reached."""
    unreached = {name: failure for name, failure in down.items() if name in definition.chain}
    return unreached | {one.key.source: one.failure for one in heard if one.failure is not None}


def _candidates(
    definition: FieldDefinition,
    said: Sequence[Said],
    winner: Said | None,
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
    one: Said,
    said: Sequence[Said],
    winner: Said | None,
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


def _name(source: str, *, visible: Collection[str] | None, winner: Said | None) -> str:
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
