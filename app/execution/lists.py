"""Lists of ordinary fields: item by item, as graphql-core completes them.

A list that is very long is completed in parts, and other work of the event loop comes in between.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    Undefined,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    located_error,
)
from graphql.pyutils import Path, gather_with_cancel, is_async_iterable, is_awaitable, is_iterable

from app.execution.leaves import accepter, leaf
from app.execution.run import Run, step

if TYPE_CHECKING:
    from app.execution.plan import FieldPlan

Complete = Callable[[Run, Any, Path, GraphQLResolveInfo[Any] | None], Any]

LONG = 256
"""A list of more items looks at the clock now and then."""

_PLAIN_ITEMS = frozenset({str, int, float, bool, type(None), dict})


def list_completer(field: FieldPlan, type_: Any, complete_item: Complete, null: Callable[[], None]) -> Complete:
    """``complete(run, value, path, info)`` for a list whose items ``complete_item`` completes.

    ``null`` gives what stands for null, or raises where it may not stand.
    """
    item_type = type_.of_type
    item_non_null = bool(is_non_null_type(item_type))
    nodes, where = field.nodes, field.where
    named_item = get_nullable_type(item_type)
    accepts = accepter(leaf(named_item).accepts) if is_leaf_type(named_item) else None

    async def awaited(run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        try:
            done = complete_item(run, await value, path, info)
            return await done if type(done) is CoroutineType else done
        except Exception as raw:
            run.fail(raw, nodes, path, item_non_null)
            return None

    async def guarded(run: Run, done: Any, path: Path) -> Any:
        try:
            return await done
        except Exception as raw:
            run.fail(raw, nodes, path, item_non_null)
            return None

    def one(run: Run, item: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        if type(item) not in _PLAIN_ITEMS and is_awaitable(item):
            run.awaits += 1
            return awaited(run, item, path, info)
        try:
            done = complete_item(run, item, path, info)
        except Exception as raw:
            run.fail(raw, nodes, path, item_non_null)
            return None
        return guarded(run, done, path) if type(done) is CoroutineType else done

    def complete(run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        kind = type(value)
        if kind is not list and kind is not tuple:
            if isinstance(value, Exception):
                raise value
            if value is None or value is Undefined:
                return null()
            if is_async_iterable(value):
                run.awaits += 1
                return from_async(run, value, path, info)
            if not is_iterable(value):
                raise GraphQLError(f"Expected Iterable, but did not find one for field '{where}'.")
        elif accepts is not None and accepts(value):
            return list(value)
        elif run.breathes and len(value) > LONG:
            run.awaits += 1
            return in_parts(run, value, path, info)
        done: list[Any] = []
        begun = run.awaits
        items = iter(value)
        index = 0
        try:
            for item in items:
                done.append(one(run, item, step(path, index, None), info))
                index += 1
        except Exception:
            _abandon(run, done, items)
            raise
        return done if run.awaits == begun else _settle(done)

    async def in_parts(run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        done: list[Any] = []
        items = iter(value)
        run.take_breath()
        try:
            for index, item in enumerate(items):
                done.append(one(run, item, step(path, index, None), info))
                if index % 64 == 63 and run.out_of_breath():
                    await sleep(0)
                    run.take_breath()
        except Exception:
            _abandon(run, done, items)
            raise
        settled = _settle(done)
        return await settled if type(settled) is CoroutineType else settled

    async def from_async(run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        done: list[Any] = []
        items = value.__aiter__()
        index = 0
        try:
            while True:
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    break
                except Exception as raw:
                    raise located_error(raw, nodes, path.as_list()) from raw
                done.append(one(run, item, step(path, index, None), info))
                index += 1
        except Exception:
            with suppress(Exception):
                await items.aclose()
            run.abandon(done)
            raise
        settled = _settle(done)
        return await settled if type(settled) is CoroutineType else settled

    return complete


def _settle(done: list[Any]) -> Any:
    waiting = [index for index, value in enumerate(done) if type(value) is CoroutineType]
    return _await_items(done, waiting) if waiting else done


async def _await_items(done: list[Any], waiting: list[int]) -> list[Any]:
    if len(waiting) == 1:
        done[waiting[0]] = await done[waiting[0]]
    else:
        values = await gather_with_cancel(*[done[index] for index in waiting])
        for index, value in zip(waiting, values, strict=True):
            done[index] = value
    return done


def _abandon(run: Run, done: list[Any], items: Iterator[Any]) -> None:
    waiting: list[Any] = [value for value in done if type(value) is CoroutineType] if run.awaits else []
    with suppress(Exception):
        waiting.extend(item for item in items if is_awaitable(item))
    run.track(waiting)
