"""The compiled executor against graphql-core's: the same answer, the same errors, the same calls.

``WHENCE_DIFFERENTIAL_EXAMPLES`` sets how many cases are drawn for each test.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections import Counter
from collections.abc import Iterator
from inspect import isawaitable
from random import Random
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError, execute, parse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.execution import CompiledOperation, compile_operation
from tests.execution.drawing import World, world
from tests.execution.writing import Writer

EXAMPLES = int(os.environ.get("WHENCE_DIFFERENTIAL_EXAMPLES") or 150)

Shown = tuple[Any, list[tuple[Any, ...]]]


def _errors(errors: list[GraphQLError] | None) -> list[tuple[Any, ...]]:
    return [(error.message, error.path, error.locations) for error in errors or ()]


async def _core(made: World, text: str, values: dict[str, Any]) -> tuple[Shown, Counter[str], bool]:
    made.calls.clear()
    found: Any = execute(made.schema, parse(text), None, None, values, "Op")
    waits = isawaitable(found)
    result: ExecutionResult = await found if waits else found
    await _quiet()
    return (result.data, _errors(result.errors)), Counter(made.calls), waits


async def _compiled(made: World, text: str, values: dict[str, Any]) -> tuple[Shown, Counter[str], bool, Any]:
    made.calls.clear()
    made.batch_calls.clear()
    operation = compile_operation(made.schema, parse(text), "Op")
    assert isinstance(operation, CompiledOperation), operation
    found: Any = operation.start(None, None, values)
    waits = isawaitable(found)
    answer = await found if waits else found
    await _quiet()
    calls = Counter(made.calls)
    again = await operation.run(None, None, values)
    await _quiet()
    assert (again.tree, _errors(again.errors)) == (answer.tree, _errors(answer.errors)), "a second run differs"
    return (answer.tree, _errors(answer.errors)), calls, waits, answer


async def _quiet() -> None:
    """Let what was abandoned come to its end."""
    for _ in range(10_000):
        await asyncio.sleep(0)
        if len(asyncio.all_tasks()) == 1:
            break


def _said(data: Any) -> str | None:
    """The data as JSON, unless a scalar gave what JSON cannot say."""
    try:
        return json.dumps(data, allow_nan=False)
    except (TypeError, ValueError):
        return None


def _drawn(r: Random, batches: bool) -> tuple[World, str, dict[str, Any]]:
    made = world(r, batches)
    writer = Writer(r, made.schema)
    text = writer.document()
    return made, text, writer.values()


pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""graphql-core leaves coroutines that nobody awaits where an error ends a list early."""


@pytest.fixture(autouse=True)
def _gathered() -> Iterator[None]:
    """What graphql-core left is gathered here, and not in another test."""
    yield
    gc.collect()


# Hypothesis draws every choice, so that it can make a failure small; in a long run it draws seeds, five times as fast.
_RANDOM = st.randoms(use_true_random=False) if EXAMPLES <= 2000 else st.integers(0, 2**64 - 1).map(Random)
_SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 150,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    database=None,
)


@_SETTINGS
@given(_RANDOM)
def test_ordinary_resolvers(r: Random) -> None:
    """Object by object everything is the same, to the order of errors and the number of calls."""
    made, text, values = _drawn(r, batches=False)

    async def both() -> None:
        core, core_calls, core_waits = await _core(made, text, values)
        own, own_calls, own_waits, answer = await _compiled(made, text, values)
        assert own == core, text
        assert own_calls == core_calls, text
        assert own_waits == core_waits, text
        if (expected := _said(core[0])) is not None:
            assert answer.plain() == json.loads(expected), text

    try:
        asyncio.run(both())
    finally:
        made.close()


@_SETTINGS
@given(_RANDOM)
def test_batch_resolvers(r: Random) -> None:
    """Level by level the data are the same, and the errors where time plays no part."""
    made, text, values = _drawn(r, batches=True)

    async def both() -> None:
        core, _, _ = await _core(made, text, values)
        own, _, _, _ = await _compiled(made, text, values)
        assert own[0] == core[0], text
        if not made.asynchronous:
            assert own[1] == core[1], text

    try:
        asyncio.run(both())
    finally:
        made.close()
