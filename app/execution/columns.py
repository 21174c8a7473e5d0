"""Deep selections, breadth first: a column for each field, with an entry for each parent.

An entry is what stands in the answer, or a :class:`~app.execution.run.Failed` where a value that may not be null could
not be had. A field whose value leads to batch resolvers is resolved for all parents, its values are laid out (through
lists and abstract types) by their concrete type, and every concrete type's level is run once, with all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError
from graphql.pyutils import Path

from app.execution.run import Failed, Run, step

if TYPE_CHECKING:
    from app.execution.plan import FieldPlan

Paths = Sequence[Path | None]
PART = 256
"""A column of more entries lets others run now and then."""


async def each(run: Run, fields: Sequence[Callable[..., Any]], parents: list[Any], paths: Paths) -> list[list[Any]]:
    """The columns of ordinary fields; what must be awaited stands in them as coroutines."""
    columns: list[list[Any]] = []
    for field in fields:
        columns.append(field(run, parents, paths))
        if len(parents) > PART and run.out_of_breath():
            await asyncio.sleep(0)
            run.take_breath()
    return columns


def column_of(field: Callable[..., Any]) -> Callable[..., list[Any]]:
    """``column(run, parents, paths)`` of a field with a resolver, from its ``field(run, source, path)``."""

    def column(run: Run, parents: list[Any], paths: Paths) -> list[Any]:
        values: list[Any] = []
        append = values.append
        for parent, path in zip(parents, paths, strict=True):
            try:
                append(field(run, parent, path))
            except GraphQLError as error:
                run.broken = True
                append(Failed(error))
        return values

    return column


def column_read(
    reads: Callable[[Any], Any], accepts: Callable[[list[Any]], bool] | None, finish: Callable[..., Any]
) -> Callable[..., list[Any]]:
    """``column(run, parents, paths)`` of a field that is read from its parents; see ``values.finisher``."""

    def column(run: Run, parents: list[Any], paths: Paths) -> list[Any]:
        values = list(map(reads, parents))
        if accepts is not None and accepts(values):
            return values
        for index, value in enumerate(values):
            try:
                values[index] = finish(run, parents[index], paths[index], value)
            except GraphQLError as error:
                run.broken = True
                values[index] = Failed(error)
        return values

    return column


async def together(run: Run, ordinary: Sequence[list[Any]], *units: Awaitable[Any]) -> list[Any]:
    """What ``units`` give, while what stands in ordinary columns is awaited as well."""
    waiting = [settled(run, column) for column in ordinary if CoroutineType in map(type, column)] if run.awaits else []
    if len(units) == 1 and not waiting:
        return [await units[0]]
    found = await asyncio.gather(*units, *waiting)
    return found[: len(units)]


async def settled(run: Run, column: list[Any]) -> list[Any]:
    """The column once what it awaits has come."""
    waiting = [index for index, value in enumerate(column) if type(value) is CoroutineType]
    if len(waiting) == 1:
        column[waiting[0]] = await _caught(run, column[waiting[0]])
    elif waiting:
        values = await asyncio.gather(*[_caught(run, column[index]) for index in waiting])
        for index, value in zip(waiting, values, strict=True):
            column[index] = value
    return column


async def _caught(run: Run, value: Awaitable[Any]) -> Any:
    try:
        return await value
    except GraphQLError as error:
        run.broken = True
        return Failed(error)


def fault(run: Run, plan: FieldPlan, raw: Exception, paths: Paths) -> list[Any]:
    """The column of a field that failed for every parent."""
    return [_place(run, plan, raw, step(path, plan.key, plan.type_name)) for path in paths]


def _place(run: Run, plan: FieldPlan, raw: Exception, path: Path) -> Failed | None:
    if plan.non_null:
        return run.failed(raw, plan.nodes, path)
    run.fail(raw, plan.nodes, path, False)
    return None


async def complete_column(run: Run, plan: FieldPlan, values: Sequence[Any], paths: Paths) -> list[Any]:
    """Resolved values, one a parent, to what stands in the answer."""
    if plan.leads_deep:
        from app.execution.deep import complete_deep

        own = [step(path, plan.key, plan.type_name) for path in paths]
        return await complete_deep(run, plan, list(values), own)
    begun = run.awaits
    column = _begin_column(run, plan, values, paths)
    return column if run.awaits == begun else await settled(run, column)


async def complete_columns(
    run: Run, plans: Sequence[FieldPlan], columns: list[Any], which: Sequence[int], paths: Paths
) -> None:
    """Complete several of ``columns`` in place, side by side where something must be awaited."""
    waiting: list[int] = []
    for at in which:
        if plans[at].leads_deep:
            waiting.append(at)
            continue
        begun = run.awaits
        columns[at] = _begin_column(run, plans[at], columns[at], paths)
        if run.awaits != begun:
            waiting.append(at)
        if len(paths) > PART and run.out_of_breath():
            await asyncio.sleep(0)
            run.take_breath()
    parts = [
        complete_column(run, plans[at], columns[at], paths) if plans[at].leads_deep else settled(run, columns[at])
        for at in waiting
    ]
    found = [await parts[0]] if len(parts) == 1 else await asyncio.gather(*parts)
    for at, column in zip(waiting, found, strict=True):
        columns[at] = column


def _begin_column(run: Run, plan: FieldPlan, values: Sequence[Any], paths: Paths) -> list[Any]:
    """Values completed as far as they can be without awaiting; the rest stands there as coroutines."""
    if plan.finish is None:
        from app.execution.values import finisher

        plan.finish = finisher(plan, calls=False)
    finish = plan.finish
    column: list[Any] = []
    for value, path in zip(values, paths, strict=True):
        try:
            column.append(finish(run, None, path, value))
        except GraphQLError as error:
            run.broken = True
            column.append(Failed(error))
    return column


def rows(keys: Sequence[str], columns: Iterable[Sequence[Any]]) -> list[Any]:
    """The objects of a level in which something failed: a parent takes the first failure of its fields."""
    found: list[Any] = []
    for values in zip(*columns, strict=True):
        for value in values:
            if type(value) is Failed:
                found.append(value)
                break
        else:
            found.append(dict(zip(keys, values, strict=True)))
    return found
