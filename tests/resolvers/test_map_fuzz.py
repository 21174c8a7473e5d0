"""Whatever a file may hold, reading it ends in a map or in a list of mistakes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.map_file import MapError, Mistake, parse_map
from tests.resolvers.specimens import ENVIRONMENT, WHENCE_TOML

LINES = WHENCE_TOML.splitlines()
PIECES = st.sampled_from(
    [
        *("5", "-1", "1.5", "nan", "inf", "true", '""', '" "', "[]", "{}", "[[]]", "[5]", '["wms"]', '["erp", "erp"]'),
        *('"${X}"', '"${"', '"$${"', '"wms"', '"erp"', '"1%"', '"90d"', '"kg"', '"text"', '"money"', '"note_list"'),
        *("2026-01-02", "07:32:00", "2026-01-02T03:04:05Z", "{ path = 5 }", '[{ path = "a" }, 5]', '"\\u0000"'),
        *('{ path = "a", locale = "de", per_locale = true }', "0xffffffffffffffffffff", "9" * 30, f'"{"x" * 5000}"'),
    ]
)


def _mutated(edits: list[tuple[int, str, str]]) -> str:
    lines = list(LINES)
    for place, how, piece in edits:
        index = place % len(lines)
        key, equals, _ = lines[index].partition("=")
        match how:
            case "value" if equals:
                lines[index] = f"{key}= {piece}"
            case "drop":
                lines[index] = ""
            case "key" if equals:
                lines[index] = lines[index].replace(key, f"{key.strip()}{len(piece)} ", 1)
            case "move":
                lines.insert(0, lines.pop(index))
            case "cut":
                lines[index] = lines[index][: len(piece)]
            case _:
                lines.insert(index, f"extra{place} = {piece}")
    return "\n".join(lines)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(LINES) - 1),
            st.sampled_from(["value", "value", "drop", "key", "move", "cut", "extra"]),
            PIECES,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_mutated_file_is_a_map_or_a_list_of_mistakes(edits: list[tuple[int, str, str]]) -> None:
    for one in _mistakes(_mutated(edits)):
        assert one.path
        assert one.found
        assert one.instead
        assert len(str(one)) < 2000
        for jargon in ("pydantic", "Input should", "Value error", "wms-of-brewster"):
            assert jargon not in f"{one.found} {one.instead}"


def _mistakes(text: str) -> tuple[Mistake, ...]:
    try:
        parse_map(text, ENVIRONMENT)
    except MapError as error:
        return error.mistakes
    return ()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet='[]{}"=.\n#$ab', max_size=200))
def test_any_text_at_all(text: str) -> None:
    with pytest.raises(MapError):
        parse_map(text, {})


TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5) | st.dates(date(2000, 1, 1)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*"abc", "path", "type"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    "title",
    "connector",
    "url",
    "from",
    "key",
    "sync",
    "names",
    "identifiers",
    "fields",
    "audiences",
    "deadline",
    "type",
    "unit",
    "currency",
]
KEYS += ["system_of_record", "fallback", "steward", "tolerance", "max_age", "readers", "locales", "keys", "governance"]


def _toml(value: Any) -> str:
    """A tree in TOML's inline notation."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            return '"' + "".join(f"\\U{ord(one):08x}" for one in value if not 0xD800 <= ord(one) < 0xE000) + '"'
        case None:
            return '""'
        case float():
            return repr(value) if "e" not in repr(value) else "1.5"
        case _:
            return str(value)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {
            section: TREES
            | st.dictionaries(st.sampled_from(["a", "b"]), st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6))
            for section in ("content", "audiences", "sources", "fields", "identity")
        }
    )
)
def test_any_tables_at_all(tables: dict[str, Any]) -> None:
    with pytest.raises(MapError):
        parse_map("\n".join(f"{section} = {_toml(value)}" for section, value in tables.items()), {})
