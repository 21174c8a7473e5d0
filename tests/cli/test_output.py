"""What reaches a terminal: clean, bounded, readable."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.cli.banner import WIDTH, fold
from app.cli.output import LONGEST_CELL, clean, length, moment


def test_control_characters_and_endless_texts_do_not_get_through() -> None:
    assert clean("a\x1b[31mb\x9bc\u202ed") == "a�[31mb�c�d"
    assert len(clean("x" * 10_000)) == LONGEST_CELL


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=1096), "3 years"),
        (timedelta(days=400), "400 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=5), "5 hours"),
        (timedelta(seconds=61), "1 minute"),
        (timedelta(seconds=9), "9 s"),
        (None, "–"),
    ],
)
def test_a_length_of_time_in_one_unit(span: timedelta | None, words: str) -> None:
    assert length(span) == words


def test_a_moment_says_how_long_ago() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert moment("2026-02-27T12:00:00Z", now) == "2026-02-27 12:00 (2 days)"
    assert moment("2026-03-02T12:00:00+02:00", now) == "2026-03-02 10:00 (to come)"
    assert moment(None) == "–"


def test_an_answer_is_folded_and_still_the_same_json() -> None:
    answer = {"data": {"list": [{"name": "x" * 60, "value": "é"}] * 3, "short": {"a": 1}, "nothing": None, "empty": []}}
    text = fold(answer)
    assert json.loads(text) == answer
    assert '"short": {"a": 1}' in text
    assert max(map(len, text.splitlines())) <= WIDTH + 20
