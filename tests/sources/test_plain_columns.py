"""A driver's column made plain at once is what each of its values is made into."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from sources.rows import Column
from sources.sql.plain_columns import plain_column
from sources.sql.values import plain


class Level(IntEnum):
    LOW = 1


KINDS: list[st.SearchStrategy[Any]] = [
    st.integers(),
    st.booleans(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.floats(),
    st.decimals(),
    st.sampled_from([datetime.max, datetime.min, datetime.max.replace(tzinfo=UTC), datetime(2026, 1, 1)]),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from([date.max, date(2026, 1, 1)]),
    st.sampled_from([time(8), timedelta(hours=8), UUID(int=7), Level.LOW, memoryview(b"x"), {3, 1}, frozenset("ab")]),
    st.lists(st.floats() | st.decimals() | st.uuids(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers() | st.text(max_size=2), max_size=2),
]


ONE_KIND = [st.lists(st.one_of(kind, kind, st.none()), max_size=5) for kind in KINDS]


@given(st.one_of(*ONE_KIND, st.lists(st.one_of(*KINDS), max_size=5)))
def test_a_column_at_once_and_value_by_value(values: list[Any]) -> None:
    assert repr([*plain_column(Column(values)).values]) == repr([plain(value) for value in values])
