"""From odds to probabilities: a record has at most one partner, and those who want the same one compete."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

ROUNDS = 4
SETTLING = 30
QUIET = 1e-6
"""A message that changes by less is none."""
FAINT = 1e-4
"""Odds below which a pair takes nothing from its competitors."""


class Competition:
    """Pairs of records as edges between two sides.

    ``right_once``: the right catalogue lists a product once, so that a left record has one partner at most; ``left_once``
    likewise for the left catalogue and right records.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], *, left_once: bool = True, right_once: bool = True) -> None:
        self._pairs = pairs
        self._once = (left_once, right_once)
        self._from_left = [1.0] * len(pairs)
        self._from_right = [1.0] * len(pairs)

    def marginals(self, odds: Sequence[float], rounds: int = ROUNDS) -> list[float]:
        """The probability of each pair to be a match, from its odds on its own.

        Belief propagation on the monomer-dimer model: the weight of a matching is the product of its pairs' odds. A record
        tells pair e that it is free with m = 1 / (1 + sum of odds times messages over its other pairs); then
        p = w m m' / (1 + w m m') (Bayati, Gamarnik, Katz, Nair and Tetali 2007). Messages are kept from call to call.
        """
        rivals = self._rivals(odds)
        for _ in range(rounds):
            heard = self._from_left[:]  # both sides speak at once, so that neither goes first
            _tell(rivals[0], odds, self._from_right, self._from_left)
            _tell(rivals[1], odds, heard, self._from_right)
        found = []
        for weight, one, other in zip(odds, self._from_left, self._from_right, strict=True):
            free = weight * one * other
            found.append(free / (1 + free))
        return found

    def settled(self, odds: Sequence[float]) -> list[float]:
        """The marginals once the messages have come to rest, or nearly. Who hears nothing new says nothing new, so that
        only those who still argue cost time."""
        from_left, from_right = self._from_left, self._from_right
        rivals = self._rivals(odds)
        sides: list[dict[int, list[int]]] = [
            {self._pairs[edges[0]][side]: edges for edges in rivals[side]} for side in (0, 1)
        ]
        lively: tuple[set[int], set[int]] = (set(sides[0]), set(sides[1]))
        for _ in range(ROUNDS * SETTLING):
            if not lively[0] and not lively[1]:
                break
            # Both sides speak at once, so that neither goes first.
            said = (
                _said(map(sides[0].__getitem__, sorted(lively[0])), odds, from_right),
                _said(map(sides[1].__getitem__, sorted(lively[1])), odds, from_left),
            )
            lively = (
                _heard(said[1], from_right, self._pairs, 0, sides[0]),
                _heard(said[0], from_left, self._pairs, 1, sides[1]),
            )
        found = []
        for weight, one, other in zip(odds, from_left, from_right, strict=True):
            free = weight * one * other
            found.append(free / (1 + free))
        return found

    def _rivals(self, odds: Sequence[float]) -> tuple[list[list[int]], list[list[int]]]:
        """For either side, the edges of each record that has several that count."""
        of: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})
        for edge, weight in enumerate(odds):
            if weight > FAINT:
                left, right = self._pairs[edge]
                of[0].setdefault(left, []).append(edge)
                of[1].setdefault(right, []).append(edge)
        left_once, right_once = self._once
        return (
            [edges for edges in of[0].values() if len(edges) > 1] if right_once else [],
            [edges for edges in of[1].values() if len(edges) > 1] if left_once else [],
        )


def _tell(rivals: Sequence[Sequence[int]], odds: Sequence[float], heard: Sequence[float], told: list[float]) -> None:
    for edges in rivals:
        terms = [odds[edge] * heard[edge] for edge in edges]
        total = 1 + sum(terms)
        for edge, term in zip(edges, terms, strict=True):
            rest = total - term
            told[edge] = 1 / (rest if rest > 1.0 else 1.0)


def _said(rivals: Iterable[Sequence[int]], odds: Sequence[float], heard: Sequence[float]) -> list[tuple[int, float]]:
    said = []
    for edges in rivals:
        terms = [odds[edge] * heard[edge] for edge in edges]
        total = 1 + sum(terms)
        for edge, term in zip(edges, terms, strict=True):
            rest = total - term
            said.append((edge, 1 / (rest if rest > 1.0 else 1.0)))
    return said


def _heard(
    said: Iterable[tuple[int, float]],
    told: list[float],
    pairs: Sequence[tuple[int, int]],
    side: int,
    rivals: Container[int],
) -> set[int]:
    """Note what was said; the records of ``side``, among those with rivals, to whom it is new."""
    moved = set()
    for edge, message in said:
        if abs(message - told[edge]) > QUIET:
            told[edge] = message
            record = pairs[edge][side]
            if record in rivals:
                moved.add(record)
    return moved
