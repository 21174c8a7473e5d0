"""Catalogue files as they are found: whatever their columns are called, whichever column the true pairs mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.identity import of_files, sides
from tests.bench.identity_files import listings, read, true_pairs


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two shops; the pairs name their own numbers, and not what either calls its id."""
    left, right, truth = (tmp_path / name for name in ("left.csv", "right.jsonl", "truth.tsv"))
    left.write_text(
        "Custom ID,id,Title,Brand,ModelNo,ShortDescr,LongDescr,Price,Ship Weight\n"
        "w1,1,Kettle 1.7 l,Aqua,AQ-17,quiet,A quiet kettle,$29.95,1.2 lb\n"
        "w2,2,Base,Aqua,,,,,\n"
    )
    right.write_text(
        '{"asin": "1", "no": "a1", "name": "Aqua kettle AQ17", "price": null}\n\n{"asin": "2", "no": "a2"}\n'
    )
    truth.write_text("right\tleft\tlabel\na1\tw1\t1\na2\tw1\t0\n")
    return left, right, truth


def test_columns_are_told_by_their_names(files: tuple[Path, Path, Path]) -> None:
    kettle, base = listings(read(files[0]))
    assert (kettle.key, kettle.name, kettle.brand, kettle.price) == ("1", "Kettle 1.7 l", "Aqua", 29.95)
    assert kettle.description == "quiet | A quiet kettle"
    assert kettle.identifiers == {"mpn": "AQ-17"}
    assert kettle.attributes == {"custom_id": "w1", "ship_weight": "1.2 lb"}
    assert (base.description, base.price, base.identifiers) == ("", None, {})


def test_a_pair_that_is_said_to_be_none_is_none(files: tuple[Path, Path, Path]) -> None:
    assert true_pairs(files[2]) == {("a1", "w1")}


def test_the_true_pairs_say_which_column_is_the_id_and_which_side_comes_first(files: tuple[Path, Path, Path]) -> None:
    world = of_files(*files)
    assert world.pairs == {("w1", "a1")}
    left, right = sides(world)
    assert [one.key for one in left] == ["w1", "w2"]
    assert [one.key for one in right] == ["a1", "a2"]


def test_without_pairs_an_id_of_no_usual_name_is_the_first_column() -> None:
    assert [one.key for one in listings([{"nr": "7", "title": "Kettle"}])] == ["7"]
    assert listings([]) == []
