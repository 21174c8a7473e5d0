"""A strawberry schema over both executors: its resolvers get what they expect."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLSchema, execute, parse, validate
from strawberry.dataloader import DataLoader
from strawberry.permission import BasePermission

from app.execution import CompiledOperation, compile_operation
from app.execution.answer import write


@strawberry.enum
class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.input
class Filter:
    sizes: list[Size] = strawberry.field(default_factory=lambda: [Size.SMALL])
    price_below: Decimal | None = None


class NotForGuests(BasePermission):
    message = "not for guests"

    async def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
        await asyncio.sleep(0)
        return bool(info.context["user"] != "guest")


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Maker(Named):
    country: str | None = None


@strawberry.type
class Bundle(Named):
    @strawberry.field
    async def items(self, info: strawberry.Info) -> list[Item]:
        return await info.context["items"].load_many(["1", "2"])  # type: ignore[no-any-return]


@strawberry.type
class Item(Named):
    id: strawberry.ID
    size: Size
    price: Decimal
    at: datetime

    @strawberry.field
    async def maker(self, info: strawberry.Info) -> Maker | None:
        found: Maker | None = await info.context["makers"].load(self.id)
        return found

    @strawberry.field(permission_classes=[NotForGuests])  # type: ignore[untyped-decorator]
    def cost(self) -> Decimal | None:
        return self.price / 2

    @strawberry.field
    def told(self, info: strawberry.Info, word: str = "hi") -> str:
        picked = [getattr(field, "name", "") for field in info.selected_fields]
        return f"{word} {info.field_name} {info.path.key} {picked} {info.variable_values.get('n')} {info.python_name}"

    @strawberry.field
    def broken(self) -> int:
        raise ValueError(f"broken {self.id}")


def _item(key: str) -> Item:
    return Item(
        name=f"n{key}",
        id=strawberry.ID(key),
        size=Size.LARGE,
        price=Decimal("1.50"),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


Thing = Annotated[Item | Bundle | Maker, strawberry.union("Thing")]


@strawberry.type
class Query:
    @strawberry.field
    async def items(self, n: int = 2, by: Filter | None = None) -> list[Item]:
        return [_item(str(number)) for number in range(n)][: 1 if by and by.sizes == [Size.SMALL] else n]

    @strawberry.field
    def things(self) -> list[Thing]:
        return [_item("7"), Maker(name="m"), Bundle(name="b")]

    @strawberry.field
    def named(self) -> Named:
        return Maker(name="m", country="it")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def add(self, info: strawberry.Info, n: int) -> int:
        total: int = info.context["total"]
        await asyncio.sleep(0)
        info.context["total"] = total + n
        return info.context["total"]  # type: ignore[no-any-return]


SCHEMA: GraphQLSchema = strawberry.Schema(Query, Mutation, types=[Maker, Bundle])._schema


def context(user: str) -> dict[str, Any]:
    loads: list[list[str]] = []

    async def makers(keys: list[str]) -> list[Maker | None]:
        loads.append(list(keys))
        return [Maker(name=f"maker {key}") if key != "1" else None for key in keys]

    async def items(keys: list[str]) -> Sequence[Item]:
        loads.append(list(keys))
        return [_item(key) for key in keys]

    return {"user": user, "total": 0, "loads": loads, "makers": DataLoader(makers), "items": DataLoader(items)}


DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("query ($n: Int!) { items(n: $n) { id name size price at maker { name country } told cost } }", {"n": 5}),
    ('{ items(by: {priceBelow: 3}) { id told(word: "so") } more: items(by: {sizes: [LARGE]}) { id broken } }', {}),
    (
        "{ things { __typename ... on Named { name } ... on Bundle { items { id maker { name } } } ... on Item { size } } }",
        {},
    ),
    ("{ named { name __typename ... on Maker { country } } }", {}),
    ("mutation { a: add(n: 1) b: add(n: 2) c: add(n: 3) }", {}),
    ("query ($n: Int!, $by: Filter) { items(n: $n, by: $by) { id } }", {"n": 2, "by": {"sizes": ["SMALL"]}}),
    ("query ($n: Int!, $by: Filter) { items(n: $n, by: $by) { id } }", {"n": "x", "by": {"sizes": ["HUGE"]}}),
]


@pytest.mark.parametrize("user", ["guest", "clerk"])
@pytest.mark.parametrize("case", range(len(DOCUMENTS)))
async def test_both_executors_agree(case: int, user: str) -> None:
    """The same data, errors and calls of the loaders."""
    text, variables = DOCUMENTS[case]
    document = parse(text)
    assert validate(SCHEMA, document) == []
    compiled = compile_operation(SCHEMA, document)
    assert isinstance(compiled, CompiledOperation)
    theirs, ours = context(user), context(user)
    result: Any = execute(SCHEMA, document, None, theirs, variables)
    expected = result if not hasattr(result, "__await__") else await result
    answer = await compiled.run(None, ours, variables)
    assert [error.formatted for error in answer.errors] == [error.formatted for error in expected.errors or ()]
    assert answer.data == write(expected.data)
    assert ours["loads"] == theirs["loads"]
    assert ours["total"] == theirs["total"]


async def test_a_batch_resolver_is_given_in_the_fields_metadata() -> None:
    """Strawberry keeps ``extensions`` of a field's converted form: the batch resolver is put there after conversion."""
    schema: GraphQLSchema = strawberry.Schema(Query)._schema
    item: Any = schema.type_map["Item"]

    async def told(parents: Any, fields: Any, info: Any) -> Any:
        return [field.ready([f"{field.arguments['word']} {parent.id}" for parent in parents]) for field in fields]

    item.fields["told"].extensions["batch"] = told
    compiled = compile_operation(schema, parse('{ items(n: 2) { id told a: told(word: "so") } }'))
    assert isinstance(compiled, CompiledOperation)
    answer = await compiled.run(None, context("guest"))
    assert answer.errors == []
    assert answer.data == b'{"items":[{"id":"0","told":"hi 0","a":"so 0"},{"id":"1","told":"hi 1","a":"so 1"}]}'
