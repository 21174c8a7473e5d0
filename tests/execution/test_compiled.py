"""Compiled operations: their code, their bounds, their JSON."""

from __future__ import annotations

import ast
import asyncio
import gc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    build_schema,
    execute,
    parse,
)

from app.execution import Answer, CompiledOperation, NotCompiled, compile_operation
from app.execution.compiled import MAX_VARIANTS
from app.execution.screen import MAX_DEPTH, MAX_FIELDS

SDL = """
type Maker { id: ID!, name: String, products: [Product!]! }
type Product { id: ID!, name: String, price: Float, maker: Maker!, again: Product }
type Query { product(id: ID, n: Int = 1): Product, words: [String!]!, class: String }
type Mutation { go: Product }
type Subscription { tick: Int }
"""
SCHEMA = build_schema(SDL)
MAKER = {"id": "m", "name": "Maker"}
PRODUCT = {"id": "p", "name": None, "price": 1.5, "maker": MAKER}


def compiled(text: str, schema: GraphQLSchema = SCHEMA, name: str | None = None) -> CompiledOperation:
    found = compile_operation(schema, parse(text), name)
    assert isinstance(found, CompiledOperation), found
    return found


def test_an_operation_without_anything_to_await_gives_its_answer_at_once() -> None:
    answer = compiled("{ product { id name maker { name } } }").start({"product": PRODUCT})
    assert isinstance(answer, Answer)
    assert answer.began
    assert answer.errors == []
    assert answer.data == b'{"product":{"id":"p","name":null,"maker":{"name":"Maker"}}}'


def test_the_code_is_python_that_names_what_it_stands_for() -> None:
    operation = compiled("query Kettle { product { id maker { name } k: name } class }")
    source = operation.source
    functions = [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert [name.rpartition("_")[0] for name in functions] == ["Kettle", "product", "maker"]
    assert '"""product { id maker k } on Product"""' in source
    assert "value = read('id')  # id: ID!" in source
    assert "row['k'] = value if value is None or type(value) is str else k_" in source
    assert max(map(len, source.splitlines())) <= 120
    assert operation.start({"product": PRODUCT, "class": "c"}).plain()["class"] == "c"  # type: ignore[union-attr]


async def test_the_code_of_a_level_is_a_call_and_one_display() -> None:
    schema = build_schema(SDL)

    async def facts(parents: Any, fields: Any, _info: Any) -> Any:
        return [field.ready([parent[field.name] for parent in parents]) for field in fields]

    for name in ("id", "name", "price"):
        schema.type_map["Product"].fields[name].extensions = {"batch": facts}  # type: ignore[attr-defined]
    operation = compiled("query P { product { id name price __typename } }", schema)
    before = operation.source
    ast.parse(before)
    assert "# in one call: id: ID!, name: String, price: Float" in before
    assert "'__typename': 'Product'" in before
    answer = await operation.run({"product": PRODUCT})
    assert answer.data == b'{"product":{"id":"p","name":null,"price":1.5,"__typename":"Product"}}'
    assert operation.source == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ __schema { types { name } } }", "introspection"),
        ("query A { class } query B { class }", "several operations and no name"),
        ("fragment F on Query { class }", "there is no such operation"),
        ("subscription { tick }", "subscriptions"),
        ("{ ...F @defer } fragment F on Query { class }", "@defer"),
        ("{ words @stream(initialCount: 0) }", "@stream"),
        ("{ ...F } fragment F on Query { class ...F }", "a fragment that contains itself"),
        ("{ product { " + "again { " * MAX_DEPTH + "id" + " }" * MAX_DEPTH + " } }", f"more than {MAX_DEPTH} levels"),
        ("{ " + " ".join(f"a{n}: class" for n in range(MAX_FIELDS + 1)) + " }", f"more than {MAX_FIELDS} fields"),
        (
            "{ ...F0 } "
            + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
            + " fragment F30 on Query { class }",
            f"more than {MAX_FIELDS} fields",
        ),
        (
            "{ ...F0 } "
            + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(MAX_DEPTH))
            + f" fragment F{MAX_DEPTH} on Query {{ class }}",
            f"more than {MAX_DEPTH} levels",
        ),
        (
            # The fragment is counted where it is not too deep, and is too deep where it stands again.
            "{ product { ...F "
            + "again { " * 40
            + "...F"
            + " }" * 40
            + " } } fragment F on Product { "
            + "again { " * 40
            + "id"
            + " }" * 40
            + " }",
            f"more than {MAX_DEPTH} levels",
        ),
    ],
)
def test_what_is_rare_or_too_large_is_declined_with_its_reason(text: str, reason: str) -> None:
    assert compile_operation(SCHEMA, parse(text)) == NotCompiled(reason)


def test_fragments_are_counted_once_however_often_they_are_spread() -> None:
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} a{n}: class }}" for n in range(40))
    operation = compiled(f"{{ ...F0 ...F0 }} {chain} fragment F40 on Query {{ class }}")
    assert operation.size == 82
    assert len(operation.start({"class": "x"}).plain()) == 41  # type: ignore[union-attr]


def test_each_combination_of_switches_has_its_code_and_few_are_kept() -> None:
    switches = [f"s{n}" for n in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in switches)
    fields = " ".join(f"{name}: class @include(if: ${name})" for name in switches)
    operation = compiled(f"query ({declared}) {{ {fields} }}")
    for number in range(64):
        values = {name: bool(number >> bit & 1) for bit, name in enumerate(switches)}
        answer = operation.start({"class": "x"}, None, values)
        assert isinstance(answer, Answer)
        assert list(answer.plain()) == [name for name in switches if values[name]]
    assert operation.source.count("# where ") == MAX_VARIANTS


def test_wrong_variables_do_not_begin() -> None:
    operation = compiled("query ($id: ID!, $n: Int) { product(id: $id, n: $n) { id } }")
    for values in ({}, {"id": None}, {"id": ["x"]}, {"id": "x", "n": 2**31}, {"id": "x", "n": "1"}, {"id": True}):
        answer = operation.start({"product": PRODUCT}, None, values)
        expected: Any = execute(
            SCHEMA, parse("query ($id: ID!, $n: Int) { product(id: $id, n: $n) { id } }"), None, None, values
        )
        assert isinstance(answer, Answer)
        assert not answer.began
        assert answer.errors == expected.errors


def test_arguments_and_variables_reach_resolvers_as_in_graphql_core() -> None:
    seen: list[Any] = []
    schema = build_schema(SDL)
    query: Any = schema.query_type
    query.fields["product"].resolve = lambda _root, info, **given: seen.append((given, info.variable_values)) or PRODUCT  # type: ignore[func-returns-value]
    text = 'query ($id: ID = "d", $n: Int) { product(id: $id, n: $n) { id } x: product(id: 5) { id } }'
    for values in ({}, {"id": "i", "n": 3}, {"n": None}, {"id": 7}):
        operation = compiled(text, schema)
        operation.start(None, None, values)
        ours, seen[:] = list(seen), []
        execute(schema, parse(text), None, None, values)
        assert ours == seen
        seen.clear()


def _answer_of(value: Any) -> Answer:
    anything = GraphQLScalarType("Anything", coerce_output_value=lambda found: found)
    schema = GraphQLSchema(GraphQLObjectType("Query", {"it": GraphQLField(anything)}))
    found = compiled("{ it }", schema).start({"it": value})
    assert isinstance(found, Answer)
    return found


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**70, b'{"it":1180591620717411303424}'),
        ({1: "a", "b": [True, None]}, b'{"it":{"1":"a","b":[true,null]}}'),
        ({"f": orjson.Fragment(b"[1, 2]"), "big": 2**70}, b'{"it":{"f":[1,2],"big":1180591620717411303424}}'),
        (orjson.Fragment(b'{"ready": 1}'), b'{"it":{"ready": 1}}'),
        ((1, "ü"), '{"it":[1,"ü"]}'.encode()),
        (Text("sub"), b'{"it":"sub"}'),
        (float("nan"), b'{"it":null}'),
    ],
)
def test_what_scalars_give_becomes_json(value: Any, text: bytes) -> None:
    assert _answer_of(value).data == text


def test_what_json_cannot_say_is_named() -> None:
    with pytest.raises(TypeError, match="Decimal"):
        _answer_of(Decimal(1)).data  # noqa: B018 - the property writes


async def test_a_long_list_lets_others_run() -> None:
    schema = build_schema("type Item { n: String } type Query { items: [Item!]! }")

    def slow(item: Any, _info: Any) -> str:
        return str(sum(range(300)) + item)

    item: Any = schema.type_map["Item"]
    item.fields["n"].resolve = slow
    turns = 0
    done = asyncio.Event()

    async def other() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.ensure_future(other())
    answer = await compiled("{ items { n } }", schema).run({"items": list(range(20_000))})
    done.set()
    await running
    assert len(answer.plain()["items"]) == 20_000
    assert turns > 5


async def test_many_runs_at_once_do_not_meet() -> None:
    schema = build_schema("type Query { it(n: Int): [Int!], bad(n: Int): Int }")
    query: Any = schema.query_type

    async def it(_root: Any, info: Any, n: int) -> list[int]:
        for _ in range(n % 5):
            await asyncio.sleep(0)
        return [n, info.context]

    async def bad(_root: Any, _info: Any, n: int) -> int:
        await asyncio.sleep(0)
        raise ValueError(f"bad {n}")

    query.fields["it"].resolve, query.fields["bad"].resolve = it, bad
    operation = compiled("query ($n: Int) { it(n: $n) bad(n: $n) }", schema)
    answers = await asyncio.gather(*[operation.run(None, -n, {"n": n}) for n in range(50)])
    for n, answer in enumerate(answers):
        assert answer.plain() == {"it": [n, -n], "bad": None}
        assert [error.message for error in answer.errors] == [f"bad {n}"]


def test_default_resolvers_may_be_given() -> None:
    def shout(source: Any, info: Any, **_arguments: Any) -> Any:
        return f"{info.field_name}!" if info.field_name == "class" else source

    found: Callable[..., Any] = shout
    operation = compile_operation(SCHEMA, parse("{ class }"), field_resolver=found)
    assert isinstance(operation, CompiledOperation)
    assert operation.start().data == b'{"class":"class!"}'  # type: ignore[union-attr]


def test_a_nested_list_of_leaves_is_checked_item_by_item() -> None:
    type_ = GraphQLList(GraphQLList(GraphQLString))
    schema = GraphQLSchema(GraphQLObjectType("Query", {"it": GraphQLField(type_)}))
    answer = compiled("{ it }", schema).start({"it": [["a", 1, None], None, [object]]})
    assert isinstance(answer, Answer)
    assert answer.plain() == {"it": [["a", "1", None], None, [None]]}
    assert [error.path for error in answer.errors] == [["it", 2, 0]]


class Whole:
    def __index__(self) -> int:
        return 7


_VALUES: list[Any] = [
    *("", "7", "x", 0, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 1.0, 1.5, float("inf"), float("nan"), True),
    *(False, Decimal("1.5"), b"b", [1], {}, object, Whole(), Text("t"), ValueError("given")),
]


@pytest.mark.parametrize("type_name", ["Int", "Float", "String", "Boolean", "ID", "Colour"])
def test_every_value_is_taken_or_refused_as_by_graphql_core(type_name: str) -> None:
    wrappings = {"a": "{}", "b": "{}!", "c": "[{}]", "d": "[{}!]"}
    fields = " ".join(f"{name}: {wrapping.format(type_name)}" for name, wrapping in wrappings.items())
    schema = build_schema(f"enum Colour {{ RED BLUE x }} type Query {{ {fields} }}")
    for name in wrappings:
        operation = compiled(f"{{ {name} }}", schema)
        for value in _VALUES:
            root = {name: value if name in "ab" else ["x", value, None]}
            answer, expected = operation.start(root), execute(schema, parse(f"{{ {name} }}"), root)
            assert isinstance(answer, Answer)
            assert (repr(answer.tree), answer.errors or None) == (repr(expected.data), expected.errors)  # type: ignore[union-attr]


async def test_a_run_leaves_nothing_for_the_collector_of_cycles() -> None:
    schema = build_schema(SDL)

    async def facts(parents: Any, fields: Any, _info: Any) -> Any:
        return [field.ready([field.arguments and None for _ in parents]) for field in fields]

    schema.type_map["Product"].fields["name"].extensions = {"batch": facts}  # type: ignore[attr-defined]
    schema.type_map["Query"].fields["product"].resolve = lambda _root, _info, **_given: PRODUCT  # type: ignore[attr-defined]
    operation = compiled("query ($n: Int) { product(n: $n) { name maker { id } } class }", schema)
    variables = {"n": 1}
    for _ in range(3):
        assert (await operation.run({"class": "c"}, None, variables)).data
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            assert (await operation.run({"class": "c"}, None, variables)).data
        assert gc.collect() == 0
    finally:
        gc.enable()


async def test_an_operation_that_is_let_go_while_it_runs_ends_well_and_leaves_no_circle() -> None:
    schema = build_schema("type Query { slow: Thing, list: [Thing] } type Thing { name(n: Int): String, more: Thing }")
    go = asyncio.Event()

    async def slow(_root: Any, _info: Any) -> dict[str, Any]:
        await go.wait()
        return {"name": "a", "more": {"name": "b"}}

    async def named(parents: Any, fields: Any, _info: Any) -> Any:
        return [field.ready([parent["name"] for parent in parents]) for field in fields]

    schema.type_map["Query"].fields["slow"].resolve = slow  # type: ignore[attr-defined]
    schema.type_map["Thing"].fields["name"].extensions = {"batch": named}  # type: ignore[attr-defined]
    text = "query ($s: Boolean = false) { slow { name more { name @skip(if: $s) } } list { name } }"
    operation = compiled(text, schema)
    root = {"list": [{"name": "c"}]}
    running = [asyncio.create_task(operation.run(root, None, {"s": skip})) for skip in (False, True)]
    await asyncio.sleep(0)
    operation.release()
    go.set()
    first, second = [(await task).plain() for task in running]
    assert first == {"slow": {"name": "a", "more": {"name": "b"}}, "list": [{"name": "c"}]}
    assert second["slow"] == {"name": "a", "more": {}}
    gc.collect()
    gc.disable()
    try:
        assert (await operation.run(root, None, {})).plain() == first
        operation.release()
        assert gc.collect() == 0
    finally:
        gc.enable()
