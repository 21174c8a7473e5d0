"""The cache of compiled operations: what it compiles when, and what it keeps."""

from __future__ import annotations

from graphql import DocumentNode, GraphQLSchema, build_schema, parse

from app.execution import CompiledCache, CompiledOperation, NotCompiled
from app.execution.cache import FIELD_BYTES

SCHEMA = build_schema("type Query { a: String, b: String }")


class Asked:
    """Hands out documents and counts."""

    def __init__(self) -> None:
        self.times = 0

    def get(
        self,
        cache: CompiledCache,
        text: str,
        name: str | None = None,
        schema: GraphQLSchema = SCHEMA,
        at_once: bool = False,
    ) -> CompiledOperation | NotCompiled | None:
        def document() -> DocumentNode:
            self.times += 1
            return parse(text)

        return cache.get(schema, text, name, document, at_once)


def test_a_document_is_compiled_when_it_comes_a_second_time() -> None:
    cache, asked = CompiledCache(), Asked()
    assert asked.get(cache, "{ a }") is None
    assert asked.times == 0
    second = asked.get(cache, "{ a }")
    assert isinstance(second, CompiledOperation)
    assert asked.get(cache, "{ a }") is second
    assert asked.times == 1


def test_a_registered_document_is_compiled_at_once() -> None:
    cache, asked = CompiledCache(), Asked()
    assert isinstance(asked.get(cache, "{ a }", at_once=True), CompiledOperation)


def test_the_schema_and_the_operation_belong_to_the_key() -> None:
    cache, asked = CompiledCache(), Asked()
    other = build_schema("type Query { a: Int }")
    text = "query A { a } query B { a }"
    found = [
        asked.get(cache, text, name, schema, at_once=True) for schema in (SCHEMA, other) for name in ("A", "B", None)
    ]
    assert len({id(one) for one in found}) == 6
    assert found[2] == NotCompiled("several operations and no name")
    cache.forget(SCHEMA)
    assert len(cache) == 3
    cache.forget(other)
    assert (len(cache), cache.weight) == (0, 0)


def test_endless_different_documents_compile_nothing_and_leave_nothing() -> None:
    cache, asked = CompiledCache(seen=100), Asked()
    for number in range(1000):
        assert asked.get(cache, f"{{ a{number}: a }}") is None
    assert (asked.times, len(cache), cache.weight) == (0, 0, 0)
    assert len(cache._seen) == 100


def test_what_is_kept_is_bounded_by_number_and_by_bytes() -> None:
    asked = Asked()
    few = CompiledCache(entries=3)
    for number in range(10):
        asked.get(few, f"{{ a{number}: a }}", at_once=True)
    assert len(few) == 3
    light = CompiledCache(size=10 * FIELD_BYTES)
    for number in range(10):
        asked.get(light, f"{{ a{number}: a b }}", at_once=True)
    assert len(light) == 4
    assert light.weight <= 10 * FIELD_BYTES
    large = "{ " + " ".join(f"a{number}: a" for number in range(11)) + " }"
    assert isinstance(asked.get(light, large, at_once=True), CompiledOperation)
    assert len(light) == 4


def test_the_longest_unused_goes_first() -> None:
    cache, asked = CompiledCache(entries=2), Asked()
    first = asked.get(cache, "{ a }", at_once=True)
    asked.get(cache, "{ b }", at_once=True)
    assert asked.get(cache, "{ a }") is first
    asked.get(cache, "{ a b }", at_once=True)
    assert asked.get(cache, "{ a }") is first
    assert asked.get(cache, "{ b }") is None
