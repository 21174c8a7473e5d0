"""Model numbers compared with those of another record."""

from __future__ import annotations

from collections import Counter
from math import log

import pytest

from resolvers.matching.model_numbers import Kin, kin, numbers_of
from resolvers.matching.profile import Listing, profile
from resolvers.matching.vocabulary import Squares, vocabulary


def related(
    one: str, other: str, left: tuple[str, ...] = (), right: tuple[str, ...] = (), description: str = ""
) -> Kin | None:
    """How the model numbers of two titles relate, where ``left`` and ``right`` are listed beside them."""
    here = [profile(Listing(str(at), name)) for at, name in enumerate((one, *left))]
    there = [profile(Listing(str(at), name, description if not at else "")) for at, name in enumerate((other, *right))]
    words = vocabulary(here, there)
    one_has, other_has = numbers_of(here[0], words), numbers_of(there[0], words)
    found = kin(one_has, other_has, words)
    assert found == kin(other_has, one_has, vocabulary(there, here))
    return found


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Sony CDSB10", "Sony CD-SB10", Kin.SAME_ALONE),
        ("Sony MDREX32LPBLK", "Sony MDR EX32LP/BLK", Kin.SAME_ALONE),
        ("Netgear WG102", "Netgear WG102NA", Kin.LONGER_ALONE),
        ("Panasonic NNH965WH", "Panasonic NN-H965WF", Kin.ENDINGS_ALONE),
        ("Samsung LN40A650", "Samsung LN46A650", Kin.SISTERS),
        ("Nyko 743840830153", "Nyko 83015", Kin.CONTAINED),
        ("Bose AM53BK", "Bose 21725", Kin.STRANGERS),
        ("Bose speaker", "Bose 21725", None),
    ],
)
def test_two_alone(one: str, other: str, expected: Kin | None) -> None:
    assert related(one, other) is expected


def test_what_others_have_too_is_not_alone() -> None:
    assert related("Sony EX55BK", "Sony EX55BK", right=("Case for EX55BK",)) is Kin.SAME_RARE


def test_an_ending_among_endings_tells_apart() -> None:
    assert related("Router KA7578", "Router KA7578S", right=("Router KA7578B",)) is Kin.ENDED
    assert related("Router KA7578S", "Router KA7578B", right=("Router KA7578",)) is Kin.ENDINGS


def test_an_ending_spelt_out_does_not() -> None:
    assert related("Earbuds EX55WH", "Earbuds EX55WHI", left=("Earbuds EX55WHS",)) is Kin.LONGER


def test_a_bag_for_a_camera_is_not_the_camera() -> None:
    assert related("Case LCS9X for DSC500", "Camera DSC500 kit 77120X") is Kin.SAME_BESIDE


def test_a_description_counts() -> None:
    assert related("Discs LMAF120", "Panasonic discs", description="LM-AF120 without cartridge") is Kin.IN_TEXT_ALONE


def test_what_many_have_is_no_model_number() -> None:
    crowd = tuple(f"Cable HDMI2 number{at}" for at in range(40))
    assert related("TV HDMI2", "Radio HDMI2", crowd, crowd) in (None, Kin.SAME_COMMON)


def test_a_number_that_several_have_on_either_side_is_common_and_no_ending_of_itself() -> None:
    assert related("Bag DSC500", "Strap DSC500", ("Lens DSC500",) * 3, ("Case DSC500",) * 3) is Kin.SAME_COMMON


def test_weights_of_words_are_kept_for_so_many_and_reckoned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.matching.vocabulary.MOST_KEPT", 3)
    squares = Squares(99, Counter({"kettle": 1, "base": 9}))
    first = [squares[word] for word in ("kettle", "base", "never", "met", "kettle", "base")]
    assert first[:2] == first[4:] == pytest.approx([log(100) ** 2, log(12) ** 2])
    assert first[2] == first[0]  # a word that no name has weighs as one that stands once
    assert len(squares) <= 3
