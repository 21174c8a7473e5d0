"""What is compiled and when, and that what goes leaves nothing behind."""

from __future__ import annotations

import gc
import weakref

import pytest
import strawberry

from app.execution import CompiledOperation
from app.parsing import Parser, Prepared
from app.performing import FIELD_BYTES, Performer
from app.protocol import GraphQLRequest
from resolvers.request_limits import RequestLimits


@strawberry.type
class Thing:
    """Has things."""

    @strawberry.field
    def thing(self) -> Thing:
        return Thing()

    @strawberry.field
    async def number(self, of: int = 0) -> int:
        return of


SCHEMA = strawberry.Schema(Thing)


def prepare(text: str) -> Prepared:
    prepared = Parser(SCHEMA._schema, RequestLimits()).prepare(text)
    assert not prepared.errors
    return prepared


async def run(performer: Performer, text: str, prepared: Prepared, *, trusted: bool = False) -> bytes | None:
    operation = prepared.named(None)
    assert operation is not None
    asked = GraphQLRequest(text, None, {}, {})
    performed = await performer.perform(SCHEMA, text, prepared, operation, asked, None, trusted=trusted)
    assert not performed.errors
    return performed.data


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[CompiledOperation]:
    """The compiled operations that were run."""
    found: list[CompiledOperation] = []
    start = CompiledOperation.start

    def noted(self: CompiledOperation, *arguments: object, **more: object) -> object:
        found.append(self)
        return start(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(CompiledOperation, "start", noted)
    return found


TEXT = "{ thing { number(of: 7) } }"


async def test_an_operation_is_compiled_when_it_comes_a_second_time(ran: list[CompiledOperation]) -> None:
    performer, prepared = Performer(), prepare(TEXT)
    answers = [await run(performer, TEXT, prepared) for _ in range(3)]
    assert answers == [b'{"thing":{"number":7}}'] * 3
    assert len(ran) == 2
    assert ran[0] is ran[1]


async def test_a_trusted_one_is_compiled_at_once_and_none_where_that_is_off(ran: list[CompiledOperation]) -> None:
    prepared = prepare(TEXT)
    await run(Performer(), TEXT, prepared, trusted=True)
    assert len(ran) == 1
    for _ in range(3):
        assert await run(Performer(compiling=False), TEXT, prepare(TEXT), trusted=True) == b'{"thing":{"number":7}}'
    assert len(ran) == 1


async def test_what_cannot_be_compiled_or_kept_is_run_all_the_same(
    ran: list[CompiledOperation], monkeypatch: pytest.MonkeyPatch
) -> None:
    performer, introspection = Performer(), "{ __schema { queryType { name } } }"
    prepared = prepare(introspection)
    assert [await run(performer, introspection, prepared) for _ in range(3)][2] is not None
    monkeypatch.setattr("app.performing.COMPILED_BYTES", FIELD_BYTES)
    small, prepared = Performer(), prepare(TEXT)
    for _ in range(3):
        assert await run(small, TEXT, prepared) == b'{"thing":{"number":7}}'
    assert ran == []


async def test_what_is_let_go_is_gone_without_the_collector(ran: list[CompiledOperation]) -> None:
    """It does not look at what has been frozen."""
    performer, prepared = Performer(), prepare(TEXT)
    for _ in range(2):
        await run(performer, TEXT, prepared)
    (operation,) = ran
    (variant,) = operation._variants.values()
    inside = [weakref.ref(one) for one in (variant.generator, variant._planner)]
    del variant
    gc.collect()
    gc.disable()
    try:
        performer.forget()
        assert [one() for one in inside] == [None, None]
    finally:
        gc.enable()
    assert await run(performer, TEXT, prepared) == b'{"thing":{"number":7}}'
