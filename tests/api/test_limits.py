"""Operations beyond a limit are refused by its name, before anything runs and at small cost."""

from __future__ import annotations

import pytest
from graphql import build_schema, get_introspection_query, parse, specified_rules, validate

from app.limits import check_size
from resolvers.request_limits import RequestLimits

SCHEMA = build_schema(
    "type Query { a: Query b(first: Int): Query c(lookups: [ID!]): Query leaf: Int } directive @on repeatable on FIELD"
)
LIMITS = RequestLimits()


def refused(document: str) -> set[str]:
    """The limits that a document is beyond."""
    errors = check_size(parse(document), LIMITS)
    return {error.message.removeprefix("The operation is beyond the limit of ").partition(":")[0] for error in errors}


def nested(depth: int, leaf: str = "leaf") -> str:
    """A query so many fields deep."""
    return "{ " + "a { " * (depth - 1) + leaf + " }" * depth


@pytest.mark.parametrize(
    ("within", "beyond", "limit"),
    [
        (nested(12), nested(13), "depth"),
        ("{" + " leaf" * 20 + " }", "{" + " leaf" * 21 + " }", "root fields"),
        (
            "{ a {" + "".join(f" x{n}: leaf" for n in range(30)) + " } }",
            "{ a {" + "".join(f" x{n}: leaf" for n in range(31)) + " } }",
            "aliases",
        ),
        ("{ leaf" + " @on" * 4 + " }", "{ leaf" + " @on" * 5 + " }", "directives on an element"),
        ("{ b(first: 99) { b(first: 99) { leaf } } }", "{ b(first: 99) { b(first: 99) { b(first: 99) { leaf } } } }", "cost"),
        ("{ a { ...F } } fragment F on Query { " + "a { " * 10 + "leaf" + " }" * 11,
         "{ a { ...F } } fragment F on Query { " + "a { " * 11 + "leaf" + " }" * 12, "depth"),
    ],
)  # fmt: skip
def test_each_limit_is_kept(within: str, beyond: str, limit: str) -> None:
    assert refused(within) == set()
    assert limit in refused(beyond)


def test_a_page_whose_size_is_a_variable_counts_as_the_longest() -> None:
    query = "query($n: Int) { b(first: $n) { b(first: $n) { b(first: $n) { leaf } } } }"
    assert refused(query) == {"cost"}


@pytest.mark.parametrize("length", [16, 22, 98])
def test_fragments_that_double_at_each_step_are_measured_once_each(length: int) -> None:
    chain = " ".join(
        f"fragment F{n} on Query {{ x: a {{ ...F{n + 1} }} y: a {{ ...F{n + 1} }} }}" for n in range(length)
    )
    document = f"{{ ...F0 }} {chain} fragment F{length} on Query {{ leaf }}"
    assert {"depth", "aliases"} <= refused(document), "and a size of 2^100 is not walked"


def test_a_circle_of_fragments_is_another_rules_and_does_not_hang() -> None:
    document = parse("{ ...F } fragment F on Query { a { ...G } } fragment G on Query { a { ...F } }")
    assert check_size(document, LIMITS) == []
    assert validate(SCHEMA, document, specified_rules)


def test_introspection_as_tools_send_it_is_within_the_limits() -> None:
    assert check_size(parse(get_introspection_query()), LIMITS) == []


def test_limits_are_settings() -> None:
    [error] = check_size(parse(nested(3)), RequestLimits(depth=2))
    assert error.message.endswith("at most 2 are allowed, and it has 3.")
    assert error.extensions == {"code": "LIMIT"}


def test_fragments_that_nest_in_fragments_beyond_what_can_be_walked_are_too_deep() -> None:
    inner = "a { " * 15 + "...F%d" + " }" * 15
    chain = " ".join(f"fragment F{n} on Query {{ {inner % (n + 1)} }}" for n in range(98))
    assert refused(f"{{ ...F0 }} {chain} fragment F98 on Query {{ leaf }}") == {"depth"}
