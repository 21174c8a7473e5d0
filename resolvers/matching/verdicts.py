"""*Link*, *review* or *none*: two thresholds that no label sets.

A pair is linked while the pairs linked so far are expected to be right often enough, by their own probabilities; what is
likely but not sure enough goes to a queue that a person can work through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What is done with a pair."""

    LINK = "link"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """``precision``: the share of links that must be expected to be right. ``surest``: no link below this probability; 0.75
    says that a wrong link costs as much as three that are missed. ``queue``: the longest queue for review, as a share of
    the smaller catalogue. ``faintest``: nothing below this probability is worth a person's time, and no more than
    ``choices`` pairs of one record."""

    precision: float = 0.97
    surest: float = 0.75
    queue: float = 0.15
    faintest: float = 0.002
    choices: int = 4


def verdicts(
    pairs: Sequence[tuple[int, int]],
    chances: Sequence[float],
    *,
    sizes: tuple[int, int],
    once: tuple[bool, bool],
    policy: Policy,
    least: Sequence[float] | None = None,
) -> list[Verdict]:
    """A verdict for each pair, from its probability. Pairs of equal probability are taken in their own order; none is
    linked whose probability is below its ``least``."""
    found = [Verdict.NONE] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda at: (-chances[at], pairs[at]))
    left_taken: set[int] = set()
    right_taken: set[int] = set()
    hoped, count = 0.0, 0
    for at in order:
        left, right = pairs[at]
        if least is not None and chances[at] < least[at]:
            continue
        if chances[at] < policy.surest or hoped + chances[at] < policy.precision * (count + 1):
            break
        if (once[1] and left in left_taken) or (once[0] and right in right_taken):
            continue
        found[at] = Verdict.LINK
        hoped, count = hoped + chances[at], count + 1
        left_taken.add(left)
        right_taken.add(right)
    shown: Counter[tuple[int, int]] = Counter()
    room = int(policy.queue * min(sizes))
    for at in order:
        if not room or chances[at] < policy.faintest:
            break
        left, right = pairs[at]
        if found[at] is Verdict.LINK or (once[1] and left in left_taken) or (once[0] and right in right_taken):
            continue
        if shown[0, left] >= policy.choices or shown[1, right] >= policy.choices:
            continue
        shown[0, left] += 1
        shown[1, right] += 1
        found[at] = Verdict.REVIEW
        room -= 1
    return found
