"""Batch resolvers: what they are called with, what they may give, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    parse,
)

from app.execution import Answer, BatchedField, CompiledOperation, compile_operation

SDL = """
interface Claim { value: String }
type Text implements Claim { value: String, locale(of: String = "en"): String }
type Number implements Claim { value: String, unit: String! }
input Scope { locale: String, tags: [String!] }
type Product {
  id: ID!
  weight(unit: String, at: Scope): Number
  label(locale: String = "en"): Text
  price: Float!
  claims: [Claim!]
  claim: Claim
  related: [Product!]
  maker: Maker
  tag(is: Int): String
}
type Maker { name: String!, products: [Product!]! }
type Query { products(n: Int = 3): [Product!]!, product: Product, byBatch: Product, again: String, slow: String }
type Mutation { first: Product, second: Product, plain: String }
"""

Batch = Callable[[Sequence[Any], Sequence[BatchedField], Any], Any]


def product(number: int) -> dict[str, Any]:
    return {"id": str(number), "weight": {"value": str(number), "unit": "g"}, "label": {"value": f"p{number}"}}


class Calls:
    """A batch resolver that notes how it is called and gives what it reads, completed by the executor."""

    def __init__(self) -> None:
        self.made: list[tuple[list[Any], list[str]]] = []

    async def __call__(self, parents: Sequence[Any], fields: Sequence[BatchedField], info: Any) -> list[Any]:
        self.made.append((list(parents), [field.response_key for field in fields]))
        return [[parent.get(field.name) for parent in parents] for field in fields]


def schema_with(**batches: Batch) -> GraphQLSchema:
    """The schema, with ``Type_field=batch``."""
    schema = build_schema(SDL)
    for place, batch in batches.items():
        type_name, _, field = place.partition("_")
        type_: Any = schema.type_map[type_name]
        type_.fields[field].extensions = {"batch": batch}
    query: Any = schema.query_type
    query.fields["products"].resolve = lambda _root, _info, n: [product(number) for number in range(n)]
    return schema


def compiled(schema: GraphQLSchema, text: str) -> CompiledOperation:
    found = compile_operation(schema, parse(text))
    assert isinstance(found, CompiledOperation), found
    return found


async def run(schema: GraphQLSchema, text: str, root: Any = None, **variables: Any) -> Answer:
    return await compiled(schema, text).run(root, None, variables)


async def test_one_call_a_level_with_exactly_the_fields_asked_for() -> None:
    calls = Calls()
    schema = schema_with(Product_weight=calls, Product_label=calls, Product_claims=calls)
    text = "query ($no: Boolean!) { products { id weight { unit } l: label { value } claims @include(if: $no) { value } } }"
    answer = await run(schema, text, no=False)
    assert answer.errors == []
    assert answer.plain()["products"][2] == {"id": "2", "weight": {"unit": "g"}, "l": {"value": "p2"}}
    assert [(len(parents), keys) for parents, keys in calls.made] == [(3, ["weight", "l"])]


async def test_different_functions_are_called_for_their_own_fields_at_the_same_time() -> None:
    met = asyncio.Event()

    async def weights(parents: Any, fields: Any, _info: Any) -> Any:
        await asyncio.wait_for(met.wait(), 10)
        return [field.ready([None] * len(parents)) for field in fields]

    async def labels(parents: Any, fields: Any, _info: Any) -> Any:
        met.set()
        return [field.ready([{"value": "x"}] * len(parents)) for field in fields]

    schema = schema_with(Product_weight=weights, Product_label=labels)
    answer = await run(schema, "{ products(n: 1) { weight { value } label { value } } }")
    assert answer.data == b'{"products":[{"weight":null,"label":{"value":"x"}}]}'


async def test_a_level_spans_lists_and_objects_of_several_parents() -> None:
    calls = Calls()
    schema = schema_with(Product_weight=calls)
    products = [
        {**product(n), "maker": {"name": "m", "products": [product(10 * n + k) for k in range(n)]}} for n in range(3)
    ]
    query: Any = schema.query_type
    query.fields["products"].resolve = lambda _root, _info, n: products
    answer = await run(schema, "{ products { maker { name products { weight { value } } } } }")
    assert [len(parents) for parents, _ in calls.made] == [3]
    found = answer.plain()["products"]
    assert [[p["weight"]["value"] for p in one["maker"]["products"]] for one in found] == [[], ["10"], ["20", "21"]]


async def test_ready_columns_are_embedded_as_they_are() -> None:
    async def facts(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        ready: dict[str, list[Any]] = {
            "price": [1.5, 2.5, 3.5],
            "weight": [orjson.Fragment(b'{"value":"ready"}'), None, {"value": "dict"}],
        }
        return [field.ready(ready[field.name]) for field in fields]

    schema = schema_with(Product_weight=facts, Product_price=facts)
    answer = await run(schema, "{ products { weight { value } price __typename } }")
    assert answer.errors == []
    assert answer.data == (
        b'{"products":[{"weight":{"value":"ready"},"price":1.5,"__typename":"Product"},'
        b'{"weight":null,"price":2.5,"__typename":"Product"},'
        b'{"weight":{"value":"dict"},"price":3.5,"__typename":"Product"}]}'
    )


async def test_a_selection_is_merged_typed_and_always_the_same() -> None:
    seen: list[tuple[BatchedField, ...]] = []

    async def claims(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        (field,) = fields
        seen.append(field.selection("Text"))
        seen.append(field.selection("Number"))
        with pytest.raises(LookupError):
            field.selection("Claim")
        return [field.ready([None] * len(parents))]

    schema = schema_with(Product_claim=claims)
    text = """query ($skip: Boolean = true) {
      products { claim { __typename value ...T } claim { ... on Number { u: unit, unit @skip(if: $skip) } } }
    }
    fragment T on Text { value, l: locale(of: "de"), locale }"""
    operation = compiled(schema, text)
    for _ in range(2):
        assert (await operation.run()).errors == []
    text_fields, number_fields = seen[0], seen[1]
    assert seen[2] is text_fields
    assert seen[3] is number_fields
    assert [(field.response_key, field.name, field.arguments) for field in text_fields] == [
        ("__typename", "__typename", {}),
        ("value", "value", {}),
        ("l", "locale", {"of": "de"}),
        ("locale", "locale", {"of": "en"}),
    ]
    assert [field.response_key for field in number_fields] == ["__typename", "value", "u"]
    assert len(text_fields[1].nodes) == 2


async def test_arguments_come_coerced_and_follow_the_variables() -> None:
    seen: list[Any] = []

    async def facts(parents: Sequence[Any], fields: Sequence[BatchedField], info: Any) -> Any:
        seen.append([field.arguments for field in fields])
        seen.append(info.variable_values.coerced)
        return [field.ready([None] * len(parents)) for field in fields]

    schema = schema_with(Product_weight=facts, Product_label=facts)
    text = (
        'query ($u: String) { products { weight(unit: $u, at: {locale: "de", tags: "x"}) { value } label { value } } }'
    )
    operation = compiled(schema, text)
    await operation.run(None, None, {"u": "kg"})
    await operation.run()
    scope = {"locale": "de", "tags": ["x"]}
    assert seen[0] == [{"unit": "kg", "at": scope}, {"locale": "en"}]
    assert seen[1] == {"u": "kg"}
    assert seen[2] == [{"at": scope}, {"locale": "en"}]


async def test_an_argument_that_does_not_coerce_is_an_error_of_its_field_alone() -> None:
    calls = Calls()
    schema = schema_with(Product_tag=calls, Product_weight=calls)
    # Not what validation lets pass, and not what an executor may trip over.
    answer = await run(schema, '{ products(n: 2) { tag(is: "x") weight { value } } }')
    assert calls.made[0][1] == ["weight"]
    assert [(error.path, error.message) for error in answer.errors] == [
        (["products", n, "tag"], "Argument 'is' has invalid value: Int cannot represent non-integer value: \"x\"")
        for n in range(2)
    ]
    assert answer.plain()["products"][1] == {"tag": None, "weight": {"value": "1"}}


async def test_exceptions_in_a_column_are_errors_in_their_places() -> None:
    async def facts(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        return [[ValueError("no weight"), {"value": "1", "unit": None}, {"value": "2", "unit": "g"}]]

    answer = await run(schema_with(Product_weight=facts), "{ products { weight { value unit } } }")
    assert [(error.message, error.path) for error in answer.errors] == [
        ("no weight", ["products", 0, "weight"]),
        ("Cannot return null for non-nullable field Number.unit.", ["products", 1, "weight", "unit"]),
    ]
    assert [error.locations for error in answer.errors] == [[(1, 14)], [(1, 29)]]
    weights = [one["weight"] for one in answer.plain()["products"]]
    assert weights == [None, None, {"value": "2", "unit": "g"}]


async def test_a_failure_goes_up_to_the_place_that_may_be_null() -> None:
    async def prices(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        return [[ValueError("no price") if parent["id"] == "1" else 1 for parent in parents]]

    schema = schema_with(Product_price=prices)
    query: Any = schema.query_type
    query.fields["product"].resolve = lambda _root, _info: {**product(7), "related": [product(0), product(1)]}
    answer = await run(schema, "{ product { id related { price id } } }")
    assert answer.plain() == {"product": {"id": "7", "related": None}}
    assert [error.path for error in answer.errors] == [["product", "related", 1, "price"]]
    answer = await run(schema, "{ products { id price } }")
    assert answer.data == b"null"
    assert [error.path for error in answer.errors] == [["products", 1, "price"]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ZeroDivisionError("down"), "down"),
        ([[1], [2]], "A batch resolver was asked for 1 columns and gave 2."),
        ([[1, 2]], "The column of Product.tag has 2 values for 3 parents."),
        (None, "A batch resolver must give a list of columns, not NoneType."),
        ([7], "The column of Product.tag must be a list, not int."),
    ],
)
async def test_a_call_that_goes_wrong_is_an_error_of_each_field_at_each_parent(given: Any, message: str) -> None:
    async def tags(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    answer = await run(schema_with(Product_tag=tags), "{ products { id tag } }")
    assert [error.message for error in answer.errors] == [message] * 3
    assert [error.path for error in answer.errors] == [["products", n, "tag"] for n in range(3)]
    assert answer.plain()["products"][0] == {"id": "0", "tag": None}


async def test_batches_at_the_root_of_a_query_share_a_call() -> None:
    calls = Calls()
    schema = schema_with(Query_byBatch=calls, Query_again=calls, Product_weight=calls)
    root = {"byBatch": product(5), "again": "yes"}
    answer = await run(schema, "{ byBatch { id weight { value } } again }", root)
    assert answer.plain() == {"byBatch": {"id": "5", "weight": {"value": "5"}}, "again": "yes"}
    assert [keys for _, keys in calls.made] == [["byBatch", "again"], ["weight"]]
    assert calls.made[0][0] == [root]


async def test_the_root_of_a_mutation_is_run_field_by_field() -> None:
    order: list[str] = []

    async def step(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        (field,) = fields
        order.append(f"{field.name} begins")
        await asyncio.sleep(0)
        order.append(f"{field.name} ends")
        return [[{"id": field.name} for _ in parents]]

    async def weights(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        order.append(f"weight of {parents[0]['id']}")
        return [field.ready([{"value": "1"}]) for field in fields]

    schema = schema_with(Mutation_first=step, Mutation_second=step, Product_weight=weights)
    schema.type_map["Mutation"].fields["plain"].resolve = lambda _root, _info: order.append("plain") or "p"  # type: ignore[attr-defined, func-returns-value]
    answer = await run(schema, "mutation { second { weight { value } } plain first { id weight { value } } }")
    assert order == [
        "second begins",
        "second ends",
        "weight of second",
        "plain",
        "first begins",
        "first ends",
        "weight of first",
    ]
    assert (
        answer.data == b'{"second":{"weight":{"value":"1"}},"plain":"p","first":{"id":"first","weight":{"value":"1"}}}'
    )


async def test_types_are_found_through_interfaces_and_each_has_its_level() -> None:
    calls = Calls()
    schema = schema_with(Text_locale=calls, Number_unit=calls)
    claims = [{"__typename": "Text", "locale": "en"}, {"__typename": "Number", "unit": "g"}, {"__typename": "Text"}]
    query: Any = schema.query_type
    query.fields["product"].resolve = lambda _root, _info: {"claims": claims}
    text = "{ product { claims { __typename ... on Text { locale } ... on Number { unit } } } }"
    answer = await run(schema, text)
    assert answer.plain()["product"]["claims"] == [
        {"__typename": "Text", "locale": "en"},
        {"__typename": "Number", "unit": "g"},
        {"__typename": "Text", "locale": None},
    ]
    assert sorted((len(parents), keys) for parents, keys in calls.made) == [(1, ["unit"]), (2, ["locale"])]
    claims[1] = {"__typename": "Product"}
    answer = await run(schema, text)
    assert answer.plain() == {"product": {"claims": None}}
    assert [(error.message, error.path) for error in answer.errors] == [
        ("Runtime Object type 'Product' is not a possible type for 'Claim'.", ["product", "claims", 1])
    ]


async def test_no_parents_no_call() -> None:
    calls = Calls()
    answer = await run(schema_with(Product_weight=calls), "{ products(n: 0) { weight { value } } }")
    assert answer.data == b'{"products":[]}'
    assert calls.made == []


async def test_errors_come_in_the_order_of_the_answer_without_those_behind_a_null() -> None:
    async def tags(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        return [[ValueError(f"{field.response_key} of {parent['id']}") for parent in parents] for field in fields]

    schema = schema_with(Product_tag=tags)
    query: Any = schema.query_type
    priced = {**product(2), "price": 1}
    query.fields["products"].resolve = lambda _root, _info, n: [priced, {**product(1), "related": [product(3)]}]
    query.fields["product"].resolve = lambda _root, _info: {
        "id": "9",
        "price": 2,
        "related": [priced, product(1), priced],
    }
    # By the time that price is found to be missing, the tags of all products are known.
    answer = await run(schema, "{ product { x: tag related { y: tag price z: tag } id } }")
    assert [error.path for error in answer.errors] == [
        ["product", "x"],
        ["product", "related", 0, "y"],
        ["product", "related", 0, "z"],
        ["product", "related", 1, "y"],
        ["product", "related", 1, "price"],
    ]
    answer = await run(schema, "{ products { related { price x: tag } y: tag price } }")
    assert answer.data == b"null"
    assert [error.path for error in answer.errors] == [
        ["products", 0, "y"],
        ["products", 1, "related", 0, "price"],
        ["products", 1, "y"],
        ["products", 1, "price"],
    ]


async def test_the_order_of_errors_is_that_of_the_type_that_was_found() -> None:
    async def nothing(parents: Sequence[Any], fields: Sequence[BatchedField], _info: Any) -> Any:
        return [field.ready([None] * len(parents)) for field in fields]

    schema = build_schema("""
    interface One { must: Int!, may: Int }
    type A implements One { must: Int!, may: Int, b: Int }
    type B implements One { must: Int!, may: Int, b: Int }
    type Query { ones: [One] }
    """)
    for name in ("A", "B"):
        schema.type_map[name].fields["b"].extensions = {"batch": nothing}  # type: ignore[attr-defined]
    ones = [{"__typename": name, "must": "x", "may": "y"} for name in ("B", "A")]
    answer = await run(schema, "{ ones { ... on A { may b } must ... on B { may b } } }", {"ones": ones})
    assert answer.data == b'{"ones":[null,null]}'
    # An A is asked for what may be null before what must not be; a B only gets as far as that.
    assert [error.path for error in answer.errors] == [["ones", 0, "must"], ["ones", 1, "may"], ["ones", 1, "must"]]


async def test_rows_stand_in_the_answer_as_they_are_where_a_call_has_all_fields() -> None:
    seen: list[bool] = []

    async def batch(parents: Any, fields: Any, info: Any) -> Any:
        seen.append(fields[0].whole)
        if fields[0].whole:
            return fields[0].rows([orjson.Fragment(f'{{"a":{parent}}}') for parent in parents])
        return [field.ready(list(parents)) for field in fields]

    item = GraphQLObjectType(
        "Item", {"a": GraphQLField(GraphQLInt), "other": GraphQLField(GraphQLInt, resolve=lambda *_: 7)}
    )
    item.fields["a"].extensions["batch"] = batch
    query = GraphQLObjectType("Query", {"items": GraphQLField(GraphQLList(item), resolve=lambda *_: [1, None, 2])})
    schema = GraphQLSchema(query)
    for text, expected in (
        ("{ items { a } }", [{"a": 1}, None, {"a": 2}]),
        ("{ items { a other } }", [{"a": 1, "other": 7}, None, {"a": 2, "other": 7}]),
        ("{ items { a __typename } }", [{"a": 1, "__typename": "Item"}, None, {"a": 2, "__typename": "Item"}]),
    ):
        operation = compile_operation(schema, parse(text))
        assert isinstance(operation, CompiledOperation)
        answer = await operation.run()
        assert answer.plain() == {"items": expected}
        assert answer.errors == []
    assert seen == [True, False, False]
