"""Two records compared, field by field: each comparison comes out at one of a few levels, or not at all.

None says that one of the two does not tell, which is no evidence. What a level is worth, :mod:`weights` learns; a level's
``m`` and ``u`` are where that begins, and its ``sign`` is what no data may overturn: agreement never speaks against a
match, contradiction never for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from resolvers.matching.comparing import (
    Weighed,
    compare_brands,
    compare_categories,
    compare_colours,
    compare_model_numbers,
    compare_names,
    compare_names_in_texts,
    compare_numbers,
    compare_prices,
    compare_quantities,
    compare_remainders,
    compare_texts,
    compare_values,
    compare_variants,
)
from resolvers.matching.profile import Profile
from resolvers.matching.vocabulary import Vocabulary

APART, ANCHOR, SUPPORT, CONTRARY, FAINT, FAR = "apart", "anchor", "support", "contrary", "faint", "far"
NEVER = 2.0
"""No chance is enough."""
SURER = 0.85
"""A wrong link costs about as much as six that are missed."""
Compare = Callable[["Weighed", "Weighed", Vocabulary], int | None]


@dataclass(frozen=True, slots=True)
class Level:
    """One outcome. ``m``: how often matches have it, ``s``: how often sisters (another product of the same family), ``u``:
    how often unrelated candidates, all before anything is learned.

    ``sign`` is 1 where it never speaks against a match, -1 where it never speaks for one, 0 where data decide; no more than
    the share ``most`` of matches is believed to have it. ``role``: what it means for linking unasked, see
    :func:`least_chance`.
    """

    name: str
    m: float
    s: float
    u: float
    sign: int = 0
    most: float = 1.0
    role: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field's comparison; ``graded``: its levels stand from best to worst, and their weights must too."""

    name: str
    levels: tuple[Level, ...]
    compare: Compare
    graded: bool = False


def _levels(*rows: tuple[Any, ...]) -> tuple[Level, ...]:
    return tuple(Level(*row) for row in rows)


def least_chance(compared: Sequence[Comparison], levels: Sequence[int | None]) -> float:
    """The least chance at which two records may be linked unasked, whatever else speaks for it: no chance is enough where
    something tells them apart as variants of one product, or where next to nothing of their names and no model number is
    alike; and one must be SURER where their model numbers differ, or where little is alike but many small things."""
    roles = {one.levels[level].role for one, level in zip(compared, levels, strict=True) if level is not None}
    backed = ANCHOR in roles or SUPPORT in roles
    if APART in roles or (FAR in roles and not backed):
        return NEVER
    return SURER if CONTRARY in roles or (FAINT in roles and not backed) else 0.0


MODEL_NUMBER = Comparison(
    "model number",
    _levels(
        ("the same, nowhere else", 0.40, 0.003, 0.0005, 1, 1.0, ANCHOR),
        ("the same, rare", 0.10, 0.01, 0.002, 1, 1.0, ANCHOR),
        ("the same, beside others", 0.05, 0.01, 0.005, 1, 1.0, SUPPORT),
        ("the same, common", 0.02, 0.06, 0.03, 0),
        ("in a description, nowhere else", 0.04, 0.003, 0.0005, 1, 1.0, ANCHOR),
        ("in a description", 0.03, 0.02, 0.005, 1, 1.0, SUPPORT),
        ("one is longer, nowhere else", 0.08, 0.03, 0.001, 1, 1.0, SUPPORT),
        ("one is longer", 0.05, 0.06, 0.005, 1, 1.0, SUPPORT),
        ("other endings, nowhere else", 0.02, 0.05, 0.001, 0, 0.05, SUPPORT),
        ("one is part of the other", 0.03, 0.02, 0.005, 0, 1.0, SUPPORT),
        ("one has an ending", 0.03, 0.08, 0.004, 0, 0.05, APART),
        ("other endings", 0.01, 0.10, 0.005, 0, 0.03, APART),
        ("other digits", 0.02, 0.30, 0.05, -1, 0.03, APART),
        ("different", 0.15, 0.334, 0.885, -1, 0.3, CONTRARY),
    ),
    compare_model_numbers,
)
NAME = Comparison(
    "name",
    _levels(
        ("the same words", 0.10, 0.10, 0.001, 1),
        ("nearly the same", 0.10, 0.11, 0.003, 1),
        ("much alike", 0.13, 0.14, 0.01, 1),
        ("alike", 0.18, 0.20, 0.03, 0),
        ("half alike", 0.17, 0.18, 0.08, 0),
        ("a third alike", 0.14, 0.13, 0.17, 0, 1.0, FAINT),
        ("hardly alike", 0.10, 0.08, 0.30, 0, 1.0, FAR),
        ("little in common", 0.05, 0.04, 0.27, -1, 1.0, FAR),
        ("nothing in common", 0.03, 0.02, 0.136, -1, 1.0, FAR),
    ),
    compare_names,
    graded=True,
)
REMAINDER = Comparison(
    "rest of the name",
    _levels(
        ("nothing", 0.15, 0.02, 0.005, 1),
        ("one says more", 0.40, 0.30, 0.095, 0),
        ("both say more", 0.45, 0.68, 0.9, -1),
    ),
    compare_remainders,
    graded=True,
)
COMPARISONS = (
    MODEL_NUMBER,
    NAME,
    REMAINDER,
    Comparison(
        "name in description",
        _levels(
            ("most", 0.15, 0.12, 0.02, 1),
            ("some", 0.20, 0.20, 0.1, 0),
            ("little", 0.25, 0.25, 0.2, 0),
            ("hardly", 0.10, 0.10, 0.1, 0),
            ("none", 0.30, 0.33, 0.58, -1),
        ),
        compare_names_in_texts,
        graded=True,
    ),
    Comparison(
        "description",
        _levels(
            ("much alike", 0.10, 0.08, 0.005, 1),
            ("alike", 0.15, 0.15, 0.03, 1),
            ("half alike", 0.25, 0.25, 0.1, 0),
            ("somewhat", 0.30, 0.30, 0.25, 0),
            ("hardly", 0.15, 0.16, 0.3, 0),
            ("other", 0.05, 0.06, 0.315, -1),
        ),
        compare_texts,
        graded=True,
    ),
    Comparison(
        "brand",
        _levels(
            ("the same", 0.87, 0.87, 0.45, 1), ("named", 0.08, 0.08, 0.1, 0), ("different", 0.05, 0.05, 0.45, -1, 0.1)
        ),
        compare_brands,
        graded=True,
    ),
    Comparison(
        "quantities",
        _levels(
            ("several the same", 0.30, 0.10, 0.02, 1),
            ("the same", 0.49, 0.30, 0.2, 1),
            ("in the description", 0.10, 0.05, 0.08, 1),
            ("some differ", 0.06, 0.20, 0.1, -1, 0.06, APART),
            ("different", 0.03, 0.33, 0.57, -1, 0.05, APART),
            ("a pack on one side", 0.02, 0.02, 0.03, 0, 1.0, APART),
        ),
        compare_quantities,
    ),
    Comparison(
        "colour",
        _levels(
            ("the same", 0.80, 0.35, 0.3, 1),
            ("partly", 0.08, 0.10, 0.1, 0),
            ("in the description", 0.06, 0.05, 0.1, 1),
            ("another in the description", 0.03, 0.10, 0.1, -1, 0.1),
            ("different", 0.03, 0.40, 0.4, -1, 0.05, APART),
        ),
        compare_colours,
    ),
    Comparison(
        "numbers",
        _levels(
            ("the same", 0.50, 0.25, 0.08, 1),
            ("one has more", 0.25, 0.15, 0.12, 0),
            ("some", 0.10, 0.20, 0.1, 0),
            ("different", 0.15, 0.40, 0.7, -1, 0.25),
        ),
        compare_numbers,
        graded=True,
    ),
    Comparison(
        "variant words",
        _levels(("one has more", 0.94, 0.60, 0.35, 0), ("different", 0.06, 0.40, 0.65, -1, 0.1)),
        compare_variants,
        graded=True,
    ),
    Comparison(
        "price",
        _levels(
            ("the same", 0.15, 0.12, 0.02, 1),
            ("3 %", 0.15, 0.13, 0.03, 1),
            ("10 %", 0.20, 0.18, 0.07, 0),
            ("20 %", 0.20, 0.20, 0.1, 0),
            ("a third", 0.15, 0.17, 0.15, 0),
            ("half", 0.08, 0.10, 0.2, -1),
            ("two thirds", 0.04, 0.06, 0.2, -1),
            ("more", 0.03, 0.04, 0.23, -1),
        ),
        compare_prices,
        graded=True,
    ),
    Comparison(
        "category",
        _levels(
            ("the same", 0.60, 0.60, 0.25, 1), ("in part", 0.20, 0.20, 0.15, 0), ("different", 0.20, 0.20, 0.6, -1)
        ),
        compare_categories,
        graded=True,
    ),
)
"""What two records of any catalogues are compared by."""


def comparisons(left: Sequence[Profile], right: Sequence[Profile]) -> tuple[Comparison, ...]:
    """COMPARISONS, and one for each attribute or identifier that records of both sides have."""
    here = {field for one in left for field in one.values}
    there = {field for one in right for field in one.values}
    return COMPARISONS + tuple(value_comparison(field) for field in sorted(here & there))


def value_comparison(field: str) -> Comparison:
    """The comparison of an attribute or identifier that both catalogues have."""
    return Comparison(
        field,
        _levels(
            ("the same, nowhere else", 0.15, 0.01, 0.0005, 1, 1.0, ANCHOR),
            ("the same, rare", 0.15, 0.08, 0.005, 1, 1.0, SUPPORT),
            ("the same", 0.40, 0.40, 0.15, 1),
            ("alike", 0.15, 0.16, 0.1, 0),
            ("different", 0.15, 0.35, 0.7445, -1),
        ),
        partial(compare_values, field),
        graded=True,
    )
