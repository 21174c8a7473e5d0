"""JSON is read the quick way or the slow one, and nobody can tell which but by the time it takes."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.strictjson import NotStrict, TooManyValues, loads

PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ":", ",", '"', "\\", "\\\\", '\\"', "a", '"a"', '"a":1', '{"a":1}', "\\u0000", "\\ud800"),
        *("\\u00e9", "é", "1", "-0", "1.5", "1e5", "1e999", "9" * 19, "9" * 18, "NaN", "null", "true", " ", "\n", "0"),
        *('{"a":1,"a":2}', '{"b":{"a":1,"a":2}}', '":"', '{"a:":"::"}', "9223372036854775808", "0.1234567890123456789"),
    ]
)


def outcome(data: bytes, *, quick: bool) -> Any:
    with patch.object(orjson, "loads", side_effect=None if quick else _refuse, wraps=orjson.loads):
        try:
            value = loads(data, "It")
        except NotStrict as error:
            return str(error)
    return json.dumps(value), repr(value)


def _refuse(_: bytes) -> Any:
    raise orjson.JSONDecodeError("not today", "", 0)


@given(st.lists(PIECES, max_size=12).map("".join))
@settings(max_examples=400, deadline=None)
@example('{"a":1,"a":2}')
@example('[{"a":{"b":1}},{"a":"\\"a\\":"}]')
@example('"\\\\u0000"')
@example('"a\\u0000"')
@example("123456789012345678901234567890")
def test_the_quick_way_and_the_slow_one_agree(text: str) -> None:
    for data in (text.encode(), f'{{"q":{text}}}'.encode()):
        assert outcome(data, quick=True) == outcome(data, quick=False)


def test_values_are_counted_before_they_are_made() -> None:
    assert loads(b'{"a":[1,2,"x,y,[{"]}', "It", values=6)
    with pytest.raises(TooManyValues, match="at most 4 are allowed"):
        loads(b'{"a":[1,2,"x,y,[{"]}', "It", values=4)
    with pytest.raises(TooManyValues):
        loads(b"[" + b"1," * 100_000, "It", values=5000)
