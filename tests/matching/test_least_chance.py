"""What is linked unasked only if it is surer than others, or never: one case after another."""

from __future__ import annotations

import pytest

from resolvers.matching.comparisons import COMPARISONS, NEVER, SURER, least_chance


def least(**outcomes: str) -> float:
    """The least chance where comparisons, by their names, come out so and no other tells anything."""
    wanted = {name.replace("_", " "): outcome for name, outcome in outcomes.items()}
    assert wanted.keys() <= {one.name for one in COMPARISONS}
    levels = [
        [level.name for level in one.levels].index(wanted[one.name]) if one.name in wanted else None
        for one in COMPARISONS
    ]
    return least_chance(COMPARISONS, levels)


@pytest.mark.parametrize(
    ("outcomes", "chance"),
    [
        ({"model_number": "the same, nowhere else", "name": "alike"}, 0.0),
        ({"name": "half alike", "price": "the same"}, 0.0),
        ({"model_number": "the same, nowhere else", "colour": "different"}, NEVER),
        ({"model_number": "the same, nowhere else", "quantities": "a pack on one side"}, NEVER),
        ({"model_number": "one has an ending", "name": "the same words"}, NEVER),
        ({"name": "hardly alike", "price": "the same"}, NEVER),
        ({"name": "little in common", "numbers": "the same"}, NEVER),
        ({"name": "hardly alike", "model_number": "the same, rare"}, 0.0),
        ({"name": "little in common", "model_number": "in a description"}, 0.0),
        ({"name": "a third alike", "price": "the same"}, SURER),
        ({"name": "a third alike", "model_number": "one is longer"}, 0.0),
        ({"name": "the same words", "model_number": "different"}, SURER),
    ],
)
def test_what_a_pair_needs_to_be_linked_unasked(outcomes: dict[str, str], chance: float) -> None:
    assert least(**outcomes) == chance
