"""Why a claim won, or why not: one sentence each, which names no system that the asker may not know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from resolvers.ownership import FieldDefinition
from sources.contract import Claim, Scope
from sources.failures import Failure
from sources.values import FieldType

Name = Callable[[str], str]
"""A system's name as the asker may read it."""


def why_won(
    definition: FieldDefinition,
    source: str,
    failure: Failure | None,
    unreached: Collection[str],
    name: Name,
    *,
    unreadable: bool,
) -> str:
    """Why the claim of ``source`` is the fact. ``unreadable``: the system of record holds something that cannot be read."""
    owner = definition.system_of_record
    if source == owner:
        if failure is not None:
            return "Won as the last known word of the system of record, which could not be reached."
        return "Won: it is the system of record."
    if unreadable:
        why = "holds something that cannot be read"
    elif owner in unreached:
        why = "could not be reached and nothing is known from it"
    else:
        why = "holds no value"
    return f"Won as the fallback: {name(owner)}, the system of record, {why}."


def why_not(
    definition: FieldDefinition,
    source: str,
    claim: Claim,
    winner: tuple[str, Scope] | None,
    scopes: Sequence[Scope],
    name: Name,
) -> str:
    """Why ``claim`` of ``source`` is not the fact, given the winner's source and scope."""
    if claim.unreadable is not None:
        return f"Not used: it holds something that cannot be read: {claim.unreadable}."
    if claim.scope not in scopes:
        return f"Not used: it is for {_scope(claim.scope)}, which was not asked for."
    if source not in definition.chain:
        return f"Not used: {source} may not answer {definition.name}; {name(definition.system_of_record)} owns it."
    if winner is None or source == winner[0]:
        if winner is not None and claim.scope != winner[1]:
            return f"Not used: it is for {_scope(claim.scope)}, and {_scope(winner[1])} was preferred."
        if definition.type is FieldType.NOTE_LIST:
            return "Used: its notes stand with those of the newest record."
        return f"Not used: another record of {source} was changed later."
    return f"Not used: {winner[0]} comes before {source} in the order of systems."


def _scope(scope: Scope) -> str:
    parts = [part for part in (scope.locale, scope.channel) if part is not None]
    return " / ".join(parts) or "every locale and channel"
