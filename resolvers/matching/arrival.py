"""A record that arrives, held against the few that blocking found for it: what the change flow asks.

A whole-catalogue run (:mod:`resolvers.matching.run`) lets all records compete with all; a record that arrives alone competes
only for itself, with the partners that its candidates have already.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import exp

from resolvers.matching.comparing import weighed
from resolvers.matching.comparisons import least_chance
from resolvers.matching.profile import Profile
from resolvers.matching.run import Model, Scored
from resolvers.matching.verdicts import Policy, Verdict

_LIMIT = 40.0


def arrival(
    model: Model,
    one: Profile,
    candidates: Sequence[Profile],
    *,
    side: int,
    taken: Collection[str] = (),
    rejected: Collection[str] = (),
    policy: Policy | None = None,
) -> tuple[Scored, ...]:
    """How ``one`` scores with each of ``candidates``, surest first; of those to review no more than ``policy.choices``.

    ``side``: the catalogue that ``one`` came from, 0 the left, 1 the right. ``taken``: keys of candidates that are linked
    to another record of that side already: where that side lists a product once they are at most for review.
    ``rejected``: keys of candidates that a person has refused: they are left out, and take no part in the competition.
    A pair is linked alone, so it must be as sure as ``policy.precision`` by itself.
    """
    policy = policy or Policy()
    me = weighed(one, model.vocabulary)
    scorer = model.weights.scorer()
    held = []
    for other in candidates:
        if other.key not in rejected:
            levels = model.levels(me, weighed(other, model.vocabulary))
            held.append((other.key, exp(max(-_LIMIT, min(_LIMIT, scorer.log_odds(levels)))), levels))
    alone = model.once[1 - side]
    total = 1 + sum(odds for _, odds, _ in held)
    found = []
    for key, odds, levels in held:
        # In a catalogue that lists a product several times its records do not compete.
        chance = odds / total if alone else odds / (1 + odds)
        sure = chance >= max(policy.precision, policy.surest, least_chance(model.comparisons, levels))
        if sure and not (key in taken and model.once[side]):
            verdict = Verdict.LINK
        else:
            verdict = Verdict.REVIEW if chance >= policy.faintest else Verdict.NONE
        pair = (one.key, key) if side == 0 else (key, one.key)
        found.append(Scored(*pair, chance, verdict, levels))
    found.sort(key=lambda scored: (-scored.probability, scored.left, scored.right))
    return tuple(_shortened(found, policy.choices))


def _shortened(found: Sequence[Scored], choices: int) -> Sequence[Scored]:
    kept = []
    for scored in found:
        if scored.verdict is Verdict.REVIEW:
            choices -= 1
            if choices < 0:
                continue
        kept.append(scored)
    return kept
