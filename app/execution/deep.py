"""Values that lead to batch resolvers: laid out by type, run level by level, put back in their places."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    Undefined,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    located_error,
)
from graphql.execution.executor import invalid_return_type_error
from graphql.pyutils import Path, UndefinedType, is_async_iterable, is_awaitable, is_iterable

from app.execution.columns import PART, Paths, settled
from app.execution.run import Failed, Run, step

if TYPE_CHECKING:
    from app.execution.plan import FieldPlan, Selection

_ROUNDS_PLAIN = frozenset({str, int, float, bool, type(None), dict, list, tuple})
_LOOK_TWICE = frozenset({UndefinedType, type(None)})
_new = tuple.__new__


@lru_cache(maxsize=512)
def _doubtful(kind: Any) -> bool:
    """Whether an instance may be an awaitable or an exception."""
    return issubclass(kind, Exception) or hasattr(kind, "__await__") or hasattr(kind, "__getattr__")


def deep_field(plan: FieldPlan) -> Callable[..., Awaitable[list[Any]]]:
    """``await field(run, parents, paths)``: the column, in a list, of an ordinary field with a deep value."""
    resolve, arguments, key, type_name = plan.resolve, plan.arguments, plan.key, plan.type_name

    async def field(run: Run, parents: list[Any], paths: Paths) -> list[Any]:
        values: list[Any] = []
        own = [step(path, key, type_name) for path in paths]
        for parent, path in zip(parents, own, strict=True):
            try:
                values.append(
                    resolve(parent, run.info(plan, path), **arguments.values(run.variable_values, run.arguments))
                )
            except Exception as raw:
                values.append(raw)
            if len(values) % PART == 0 and run.out_of_breath():
                await asyncio.sleep(0)
                run.take_breath()
        return [await complete_deep(run, plan, values, own)]

    return field


async def complete_deep(run: Run, plan: FieldPlan, values: list[Any], paths: list[Path]) -> list[Any]:
    """Resolved values at ``paths`` to what stands in the answer."""
    layout = _Layout(run, plan)
    for index, path in enumerate(paths):
        layout.put(plan.type, values[index], path, values, index)
        if index % PART == PART - 1 and run.out_of_breath():
            await asyncio.sleep(0)
            run.take_breath()
    while layout.later:
        later, layout.later = layout.later, []
        if len(later) == 1:
            await later[0]
        else:
            await asyncio.gather(*later)
    found = [one for one in layout.found.values() if one[1]]
    if len(found) == 1:
        await _fill(run, *found[0])
    elif found:
        await asyncio.gather(*[_fill(run, *one) for one in found])
    if run.broken:
        for index, path in enumerate(paths):
            values[index] = _heal(run, plan.type, values[index], path)
    return values


Found = tuple["Selection", list[Any], list[Path], list[tuple[list[Any], int]]]


async def _fill(
    run: Run, selection: Selection, parents: list[Any], paths: list[Path], places: list[tuple[list[Any], int]]
) -> None:
    if selection.deep:
        rows: list[Any] = await selection.level(run, parents, paths)
    else:
        rows = []
        for parent, path in zip(parents, paths, strict=True):
            try:
                rows.append(selection.select(run, parent, path))
            except GraphQLError as error:
                run.broken = True
                rows.append(Failed(error))
        if run.awaits:
            rows = await settled(run, rows)
    for (container, index), row in zip(places, rows, strict=True):
        container[index] = row


class _Layout:
    """Where the objects among the values of one column stand, by their type."""

    __slots__ = ("_plan", "_run", "found", "later")

    def __init__(self, run: Run, plan: FieldPlan) -> None:
        self._run = run
        self._plan = plan
        self.found: dict[str, Found] = {}
        self.later: list[Any] = []

    def put(self, type_: Any, value: Any, path: Path, container: list[Any], index: int) -> None:
        """Lay out ``value``, which stands in ``container[index]``; what must be awaited goes to ``later``."""
        if isinstance(value, Exception):
            container[index] = self._run.failed(value, self._plan.nodes, path)
            return
        if type(value) not in _ROUNDS_PLAIN and is_awaitable(value):
            self.later.append(self._await(type_, value, path, container, index))
            return
        non_null = is_non_null_type(type_)
        if value is None or value is Undefined:
            container[index] = None
            if non_null:
                where = self._plan.where
                problem = TypeError(f"Cannot return null for non-nullable field {where}.")
                container[index] = self._run.failed(problem, self._plan.nodes, path)
            return
        inner = type_.of_type if non_null else type_
        try:
            if is_list_type(inner):
                self._list(inner.of_type, value, path, container, index)
            elif is_abstract_type(inner):
                self._abstract(inner, value, path, container, index)
            else:
                self._object(inner, value, path, container, index)
        except Exception as raw:
            container[index] = self._run.failed(raw, self._plan.nodes, path)

    async def _await(self, type_: Any, value: Any, path: Path, container: list[Any], index: int) -> None:
        try:
            value = await value
        except Exception as raw:
            value = raw
        self.put(type_, value, path, container, index)

    def _list(self, item_type: Any, value: Any, path: Path, container: list[Any], index: int) -> None:
        if type(value) is not list and type(value) is not tuple:
            if is_async_iterable(value):
                self.later.append(self._collect(item_type, value, path, container, index))
                return
            if not is_iterable(value):
                raise GraphQLError(f"Expected Iterable, but did not find one for field '{self._plan.where}'.")
        items = list(value)
        container[index] = items
        put = self.put
        nullable = get_nullable_type(item_type)
        found: Found | None = None
        if isinstance(nullable, GraphQLObjectType) and nullable.is_type_of is None:
            with suppress(GraphQLError):  # told at each item
                found = self._of(nullable)
        if found is None:
            for at, item in enumerate(items):
                put(item_type, item, step(path, at, None), items, at)
            return
        # The common case: objects of one known type.
        _, parents, paths, places = found
        for at, item in enumerate(items):
            kind = type(item)
            if kind is dict or (item is not None and kind not in _LOOK_TWICE and not _doubtful(kind)):  # type: ignore[arg-type]
                parents.append(item)
                paths.append(_new(Path, (path, at, None)))
                places.append((items, at))
            else:
                put(item_type, item, step(path, at, None), items, at)

    async def _collect(self, item_type: Any, value: Any, path: Path, container: list[Any], index: int) -> None:
        items: list[Any] = []
        try:
            async for item in value:
                items.append(item)
        except Exception as raw:
            problem = located_error(raw, self._plan.nodes, path.as_list())
            container[index] = self._run.failed(problem, self._plan.nodes, path)
            return
        self._list(item_type, items, path, container, index)

    def _abstract(self, type_: Any, value: Any, path: Path, container: list[Any], index: int) -> None:
        plan = self._plan
        resolve_type = type_.resolve_type or plan.planner.document.type_resolver
        name = resolve_type(value, self._info(path), type_)
        if type(name) is not str and is_awaitable(name):
            self.later.append(self._await_type(type_, name, value, path, container, index))
            return
        self._known(type_, name, value, path, container, index)

    def _known(self, type_: Any, name: Any, value: Any, path: Path, container: list[Any], index: int) -> None:
        from app.execution.values import runtime_type

        self._object(runtime_type(self._run, self._plan, type_, name, value), value, path, container, index)

    async def _await_type(
        self, type_: Any, name: Any, value: Any, path: Path, container: list[Any], index: int
    ) -> None:
        try:
            self._known(type_, await name, value, path, container, index)
        except Exception as raw:
            container[index] = self._run.failed(raw, self._plan.nodes, path)

    def _object(self, type_: GraphQLObjectType, value: Any, path: Path, container: list[Any], index: int) -> None:
        is_type_of: Any = type_.is_type_of
        if is_type_of is not None:
            matches = is_type_of(value, self._info(path))
            if matches is not True:
                if is_awaitable(matches):
                    self.later.append(self._await_match(matches, type_, value, path, container, index))
                    return
                if not matches:
                    raise invalid_return_type_error(type_, value, self._plan.details)
        self._add(type_, value, path, container, index)

    async def _await_match(
        self, matches: Any, type_: GraphQLObjectType, value: Any, path: Path, container: list[Any], index: int
    ) -> None:
        try:
            if not await matches:
                raise invalid_return_type_error(type_, value, self._plan.details)
        except Exception as raw:
            container[index] = self._run.failed(raw, self._plan.nodes, path)
        else:
            self._add(type_, value, path, container, index)

    def _add(self, type_: GraphQLObjectType, value: Any, path: Path, container: list[Any], index: int) -> None:
        _, parents, paths, places = self._of(type_)
        parents.append(value)
        paths.append(path)
        places.append((container, index))

    def _of(self, type_: GraphQLObjectType) -> Found:
        found = self.found.get(type_.name)
        if found is None:
            found = self.found[type_.name] = (self._plan.child(type_), [], [], [])
        return found

    def _info(self, path: Path) -> Any:
        while isinstance(path.key, int) and path.prev is not None:
            path = path.prev  # a resolver is told its field, not the item
        return self._run.info(self._plan, path)


def _heal(run: Run, type_: Any, value: Any, path: Path) -> Any:
    """Null where null may stand for a failure below, or the failure where it may not."""
    non_null = is_non_null_type(type_)
    if type(value) is list:
        inner = type_.of_type if non_null else type_
        if is_list_type(inner):
            for index, item in enumerate(value):
                if item is not None and type(item) is not dict:
                    value[index] = item = _heal(run, inner.of_type, item, step(path, index, None))
                    if type(item) is Failed:
                        value = item
                        break
    if type(value) is Failed and not non_null:
        run.errors.add(value.error, path)
        return None
    return value


__all__ = ["complete_deep", "deep_field"]
