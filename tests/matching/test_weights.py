"""What is learned without labels, from the outcomes of comparisons alone."""

from __future__ import annotations

import pytest

from resolvers.matching.comparisons import COMPARISONS, MODEL_NUMBER, NAME
from resolvers.matching.weights import Evidence, Levels, Scorer, Weights, learn

PRICE, CATEGORY = (next(one for one in COMPARISONS if one.name == name) for name in ("price", "category"))
SAME, OTHER_DIGITS, DIFFERENT = 0, 12, 13
"""Outcomes of model numbers."""
ALIKE, HARDLY, NOTHING = 3, 6, 8
"""Outcomes of names."""
NEAR, THIRD, FAR = 1, 4, 7
"""Outcomes of prices."""
FELLOWS = 8


def catalogues(doubles: int = 0, category: tuple[int | None, int | None] = (None, None)) -> Evidence:
    """Two of 300 records each; 200 have their partner, and everyone meets a sister and a stranger in the other. In either,
    records have sisters and strangers as fellows; ``doubles`` of 300 stand there twice. ``category``: how it comes out
    across, and within."""
    across, within = category
    pairs: list[tuple[int, int]] = []
    levels: list[Levels] = []
    for one in range(300):
        if one < 200:
            pairs.append((one, one))
            levels.append((SAME, ALIKE, NEAR, across))
        pairs += [(one, (one + 1) % 300), (one, (one + 150) % 300)]
        levels += [
            (OTHER_DIGITS, ALIKE, NEAR if one % 4 else THIRD, across),
            (DIFFERENT, NOTHING if one % 3 else HARDLY, FAR, across),
        ]
    sisters: list[Levels] = [(OTHER_DIGITS, ALIKE, NEAR, within), (DIFFERENT, HARDLY, FAR, within)] * (FELLOWS // 2)
    fellows = [[(SAME, ALIKE, NEAR, within), *sisters] if one < doubles else sisters for one in range(300)]
    return Evidence((MODEL_NUMBER, NAME, PRICE, CATEGORY), (300, 300), pairs, levels, (fellows, fellows))


def weights_of(scorer: Scorer, comparison: int, level: int) -> tuple[float, float]:
    sister, unrelated = scorer.against
    return sister[comparison][level], unrelated[comparison][level]


@pytest.fixture(scope="module")
def learned() -> Weights:
    return learn(catalogues())


def test_what_partners_have_and_sisters_lack_is_evidence(learned: Weights) -> None:
    scorer = learned.scorer()
    match, sister = scorer.log_odds((SAME, ALIKE, NEAR, None)), scorer.log_odds((OTHER_DIGITS, ALIKE, NEAR, None))
    assert match > 3
    assert sister < -3


def test_doubles_in_a_catalogue_that_lists_once_are_not_all_taken_for_sisters(monkeypatch: pytest.MonkeyPatch) -> None:
    pair: Levels = (SAME, ALIKE, NEAR, None)
    odds = learn(catalogues(doubles=3)).scorer().log_odds(pair)
    monkeypatch.setattr("resolvers.matching.weights.SLIP_PRIOR", 0.0)
    assert odds > learn(catalogues(doubles=3)).scorer().log_odds(pair) + 0.05


def test_a_column_that_never_agrees_across_speaks_for_nobody() -> None:
    """One shop says ``printer`` where the other says ``electronics``; within either all agree."""
    different, same = 2, 0
    scorer = learn(catalogues(category=(different, same))).scorer()
    assert max(weights_of(scorer, 3, different)) <= 0
    assert min(weights_of(scorer, 3, same)) >= 0
