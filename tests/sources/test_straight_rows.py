"""A CSV read many rows at once says what it says row by row: the same cells, lines and problems."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.failures import SourceFailure
from sources.file import delimited
from sources.file.delimited import open_delimited
from sources.file.options import FileOptions
from sources.file.straight import Reader, straight_rows
from sources.file.table import Row

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STRAIGHT = ("K-1,a,b", "K-2,,", "K-5,g,h,,", '"K-6","x, y",z', "ß,ü,\0", "K-10,a,b")
OTHERS = ("K-3,c", "K-4,d,e,f", ",,", " , ,", "", "   ", 'K-10,a "quote" within,b', 'K-11,"a"b,c', '""')
ACROSS = ('K-7,"two', 'lines",z', 'lines",z,w', 'lines","and', 'three"', 'K-9,"never closed,b')
LINES = st.sampled_from([*STRAIGHT, *STRAIGHT, *OTHERS, *ACROSS])


def read(path: Path, **options: object) -> tuple[list[Row], str]:
    """What is read, and how it ended."""
    rows: list[Row] = []
    try:
        table = open_delimited(path, path.name, FileOptions.model_validate({"path": str(path), **options}), NOW)
        rows.extend(table.rows)
    except SourceFailure as failure:
        return rows, failure.failure.message
    return rows, ""


def one_by_one(reader: Reader, first: int, width: int) -> tuple[list[Row], int]:
    return [], 0


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINES, max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    at_once=st.integers(1, 6),
    options=st.sampled_from([{}, {"quote": ""}, {"max_rows": 3}, {"max_columns": 3}, {"columns": ("a", "b", "c")}]),
)
def test_many_rows_at_once(
    tmp_path: Path, lines: list[str], end: str, at_once: int, options: dict[str, object]
) -> None:
    path = tmp_path / "a.csv"
    head = [] if "columns" in options else ["id,label,by"]
    path.write_bytes(end.join([*head, *lines]).encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(delimited, "_AT_ONCE", at_once)
        together = read(path, delimiter=",", **options)
        patched.setattr(delimited, "straight_rows", one_by_one)
        assert together == read(path, delimiter=",", **options)


def test_straight_rows_end_before_the_first_that_is_not() -> None:
    def rows(text: str) -> tuple[list[tuple[int, list[str]]], int]:
        found, used = straight_rows(csv.reader(text.splitlines(keepends=True), strict=True), 5, 2)
        return [(row.number, [str(cell) for cell in row.cells]) for row in found], used

    straight = [(5, ["a", "b"]), (6, ["c\nd", "e"])]
    for rest in ("f\n", ",\n", "\n", '"f,g\n', "f,g,h\n"):
        assert rows(f'a,b\n"c\nd",e\n{rest}k,l\n') == (straight, 3), rest


def test_lines_swallowed_by_a_quote_are_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,label,by\nK-7,"two\nlines",z,w\nK-8,a,b\n')
    rows, ended = read(path, delimiter=",", max_columns=3)
    assert (rows[0], ended) == (Row(2, (), "the row has 4 cells, and there are 3 columns"), "")
    assert [row.number for row in rows] == [2, 3, 4]
