"""Cursors of pages: given out, taken back, and refused in any other form."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.cursors import BadCursor, Cursors

OURS, THEIRS = Cursors(b"k" * 32), Cursors(b"l" * 32)
LISTING = ["products", "internal", "Every(parts=())", "None"]
POSITION = ["0f0e", "49.90"]

positions = st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=50), st.lists)


@given(positions)
def test_what_is_written_is_read(position: Any) -> None:
    assert OURS.read(LISTING, OURS.write(LISTING, position)) == position


def test_a_cursor_is_of_its_list_and_of_its_installation_alone() -> None:
    cursor = OURS.write(LISTING, POSITION)
    for listing in (["search", *LISTING[1:]], ["products", "storefront", *LISTING[2:]], [*LISTING[:3], "price"]):
        with pytest.raises(BadCursor):
            OURS.read(listing, cursor)
    with pytest.raises(BadCursor):
        THEIRS.read(LISTING, cursor)


def test_a_position_cannot_be_passed_off_as_part_of_the_list() -> None:
    with pytest.raises(BadCursor):
        OURS.read(["a"], OURS.write(["a", "b"], "c"))


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_cursor_that_was_touched_is_refused(place: int, flip: int) -> None:
    data = bytearray(base64.urlsafe_b64decode(OURS.write(LISTING, POSITION) + "=="))
    data[place % len(data)] ^= flip
    with pytest.raises(BadCursor):
        OURS.read(LISTING, base64.urlsafe_b64encode(data).decode())


@given(st.text(max_size=80))
def test_garbage_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        OURS.read(LISTING, cursor)


@pytest.mark.parametrize("cursor", ["", "=", "====", "AAAA", "-1", "\ud800", "é", "A" * 10_000_000])
def test_so_is_this(cursor: str) -> None:
    with pytest.raises(BadCursor):
        OURS.read(LISTING, cursor)


def test_the_longest_position_of_a_list_can_be_read_back() -> None:
    assert OURS.read(LISTING, OURS.write(LISTING, ["0" * 36, "\u0001" * 200]))
