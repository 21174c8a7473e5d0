"""How many records have a partner in the other catalogue."""

from __future__ import annotations

from random import Random

import pytest

from resolvers.matching.partners import MOST_PARTNERED, matches, partnered


def test_how_many_have_a_partner_shows_against_decoys() -> None:
    decoys = [float(at % 10) for at in range(100)]
    best = [*(float(at % 10) for at in range(40)), *([30.0] * 60)]
    assert partnered(best, 100, decoys) == pytest.approx(0.6, abs=0.02)
    assert partnered(decoys, 100, decoys) == pytest.approx(0.02)


def test_decoys_that_find_better_than_strangers_do_hide_no_partner() -> None:
    random = Random(4)
    decoys = [random.gauss(0, 3) for _ in range(2000)]
    # Those without a partner find as little as the lower half of the decoys, and more of them do.
    best = [*(random.gauss(-3, 3) for _ in range(600)), *(random.gauss(8, 1) for _ in range(400))]
    assert 0.3 < partnered(best, 1000, decoys) <= 0.42


def test_records_without_a_candidate_have_no_partner() -> None:
    decoys = [float(at % 10) for at in range(100)]
    assert partnered([30.0] * 30, 100, decoys) == pytest.approx(0.3)


def test_with_few_decoys_nothing_is_known() -> None:
    assert partnered([0.0], 100, [1.0] * 19) == MOST_PARTNERED


def test_the_smaller_catalogue_tells_how_many_matches_there_are() -> None:
    both = (True, True)
    assert matches((400, 40_000), (0.5, 0.02), both) == pytest.approx(200, rel=0.01)
    assert matches((40_000, 400), (0.02, 0.5), both) == pytest.approx(200, rel=0.01)
    assert matches((1000, 1000), (0.6, 0.4), both) == pytest.approx(500)
    assert matches((10, 1000), (0.95, 0.95), both) <= 10


def test_records_of_a_catalogue_that_lists_several_times_are_a_match_each() -> None:
    assert matches((100, 300), (0.9, 0.8), (True, False)) == 240
    assert matches((300, 100), (0.8, 0.9), (False, True)) == 240
    assert matches((300, 100), (0.8, 0.9), (False, False)) == 240
