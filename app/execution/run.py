"""One run of a compiled operation: what it was given, its errors, and what waits.

``awaits`` and ``broken`` are why an ordinary run costs little. ``awaits`` counts the coroutines that were made: where it
did not grow, nobody looks for any. ``broken`` turns true when the first place must become null; until then nobody looks
for such places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    located_error,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, gather_with_cancel, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from app.execution.errors import Errors

if TYPE_CHECKING:
    from app.execution.plan import FieldPlan

_new = tuple.__new__
BREATH = 0.01
"""Seconds after which a long piece of work lets others run."""


def step(path: Path | None, key: str | int, type_name: str | None) -> Path:
    """The path one step further; what ``Path(path, key, type_name)`` gives, in half the time."""
    return _new(Path, (path, key, type_name))


class Failed:
    """Stands in a column where a value could not be had; the nearest place that may be null becomes null."""

    __slots__ = ("error",)

    def __init__(self, error: GraphQLError) -> None:
        self.error = error


class BatchInfo:
    """What a batch resolver learns of the run it serves."""

    __slots__ = ("context", "fragments", "operation", "root_value", "schema", "variable_values")

    def __init__(self, run: Run) -> None:
        self.context = run.context
        self.root_value = run.root_value
        self.schema = run.schema
        self.variable_values = run.variable_values
        self.operation = run.operation
        self.fragments = run.fragments


class Background:
    """What was begun and is no longer waited for. It does not know its run, so that a run leaves no cycle behind."""

    __slots__ = ("_settling",)

    def __init__(self) -> None:
        self._settling: set[asyncio.Future[Any]] = set()

    def track(self, values: Sequence[Any]) -> None:
        """Settle the awaitables among ``values``."""
        waiting = [value for value in values if is_awaitable(value)]
        if not waiting:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # without a loop they can never run
            for value in waiting:
                if asyncio.iscoroutine(value):
                    value.close()
            return
        future = asyncio.gather(*waiting, return_exceptions=True)
        self._settling.add(future)
        future.add_done_callback(self._settling.discard)


class Run:
    """The state of one run."""

    __slots__ = (
        "_background",
        "_breath",
        "_info_tail",
        "arguments",
        "awaits",
        "batch_info",
        "breathes",
        "broken",
        "context",
        "errors",
        "fragments",
        "operation",
        "root_value",
        "schema",
        "variable_values",
    )

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        root_value: Any,
        context: Any,
        variable_values: VariableValues,
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self.root_value = root_value
        self.context = context
        self.variable_values = variable_values
        self.errors = Errors()
        self.arguments: dict[Any, dict[str, Any]] = {}
        self.batch_info = BatchInfo(self)
        self.awaits = 0
        self.broken = False
        self.breathes = False
        self._breath = 0.0
        self._background = Background()
        self._info_tail: tuple[Any, ...] | None = None

    def info(self, field: FieldPlan, path: Path) -> GraphQLResolveInfo[Any]:
        """What the resolver of ``field`` at ``path`` is told."""
        tail = self._info_tail
        if tail is None:
            helpers = GraphQLResolveInfoHelpers(gather=_gather, track=self._background.track)
            tail = self._info_tail = (
                self.schema,
                self.fragments,
                self.root_value,
                self.operation,
                self.variable_values,
                self.context,
                is_awaitable,
                None,
                helpers,
            )
        return _new(GraphQLResolveInfo, (*field.info_head, path, *tail))

    def fail(self, raw: Exception, nodes: list[FieldNode], path: Path, non_null: bool) -> None:
        """Record ``raw`` at ``path``, or raise it on to the parent where the place may not be null."""
        error = self.errors.met(located_error(raw, nodes, path.as_list()), path)
        if non_null:
            raise error
        self.errors.add(error, path)

    def failed(self, raw: Exception, nodes: list[FieldNode], path: Path) -> Failed:
        """``raw`` as an entry of a column."""
        self.broken = True
        return Failed(self.errors.met(located_error(raw, nodes, path.as_list()), path))

    def settle(self, row: dict[str, Any]) -> Any:
        """The object itself, or a coroutine of it where some of its values are still awaited."""
        waiting = [key for key, value in row.items() if type(value) is CoroutineType]
        return _await_row(row, waiting) if waiting else row

    def abandon(self, values: Iterable[Any]) -> None:
        """Let what was begun come to its end, though nobody wants it any more."""
        if self.awaits:
            self.track([value for value in values if type(value) is CoroutineType])

    def track(self, values: Sequence[Any]) -> None:
        """Settle the awaitables among ``values`` in the background."""
        self._background.track(values)

    def out_of_breath(self) -> bool:
        """Whether this run has kept the event loop for long; told once per :data:`BREATH`."""
        now = perf_counter()
        if now - self._breath < BREATH:
            return False
        self._breath = now
        return True

    def take_breath(self) -> None:
        """Count from now."""
        self._breath = perf_counter()


async def _await_row(row: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    if len(waiting) == 1:
        row[waiting[0]] = await row[waiting[0]]
    else:
        row.update(zip(waiting, await gather_with_cancel(*[row[key] for key in waiting]), strict=True))
    return row


def _gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*values)
