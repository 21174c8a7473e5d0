"""Ordinary fields, object by object: resolved and completed in graphql-core's order, to the same calls and errors.

Each field of the plan becomes one function, put together here from small ones that already know the field's type:
``field(run, source, path)`` gives what stands in the answer, or a coroutine of it, and raises a located error where
null may not stand. ``read`` fields (those without a resolver) are read by generated code, which hands only what is
not plainly right to ``finish(run, source, path, value)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import CoroutineType
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLResolveInfo,
    Undefined,
    default_field_resolver,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.executor import Executor, invalid_return_type_error
from graphql.pyutils import Path, is_awaitable

from app.execution.leaves import leaf
from app.execution.lists import list_completer
from app.execution.plan import FieldPlan
from app.execution.run import Run, step

Complete = Callable[[Run, Any, Path, GraphQLResolveInfo[Any] | None], Any]

Null = Callable[[], None]

# What can be told at a glance to be no awaitable.
PLAIN = frozenset({str, int, float, bool, type(None), dict, list, tuple})


def is_read(field: FieldPlan) -> bool:
    """Whether the field has no resolver of its own and takes no arguments."""
    return field.resolve is default_field_resolver and not field.arguments.needed


def plain_read(field: FieldPlan) -> Callable[[Any], Any] | None:
    """``read(source)`` of a field whose resolver says (as strawberry's do) that it only reads its parent."""
    if not getattr(field.resolve, "_is_default", False) or field.arguments.needed:
        return None
    resolve = field.resolve
    definition = (field.definition.extensions or {}).get("strawberry-definition")
    get, name = getattr(definition, "default_resolver", None), getattr(definition, "python_name", None)
    if get is getattr and isinstance(name, str) and type(definition).__name__ == "StrawberryField":

        def read_attribute(source: Any) -> Any:
            try:
                return getattr(source, name)
            except Exception as error:
                return error

        return read_attribute

    def read_by_resolver(source: Any) -> Any:
        try:
            return resolve(source, None)
        except Exception as error:
            return error

    return read_by_resolver


def from_mapping(source: Mapping[str, Any], name: str) -> Any:
    """What graphql-core's default resolver reads; an exception is a value here, told at its field."""
    try:
        return source.get(name)
    except Exception as error:
        return error


def from_attribute(source: Any, name: str) -> Any:
    """What graphql-core's default resolver reads; an exception is a value here, told at its field."""
    try:
        return getattr(source, name, None)
    except Exception as error:
        return error


def read(source: Any, name: str) -> Any:
    """One of the two, as ``source`` is."""
    return from_mapping(source, name) if isinstance(source, Mapping) else from_attribute(source, name)


def reader(source: Any) -> Callable[[str], Any]:
    """``read(name)`` for one object."""
    return partial(from_mapping if isinstance(source, Mapping) else from_attribute, source)


def needs_info(field: FieldPlan) -> bool:
    """Whether completing a value asks the schema's author which type it is."""
    named = field.named_type
    return bool(is_abstract_type(named)) or getattr(named, "is_type_of", None) is not None


def resolver(field: FieldPlan) -> Callable[[Run, Any, Path | None], Any]:
    """``field(run, source, path)`` for a field with a resolver; ``path`` is that of the object."""
    complete = completer(field)
    resolve, arguments, nodes, non_null = field.resolve, field.arguments, field.nodes, field.non_null
    key, type_name = field.key, field.type_name
    takes_arguments = arguments.needed

    def resolved(run: Run, source: Any, parent: Path | None) -> Any:
        path = step(parent, key, type_name)
        info = run.info(field, path)
        try:
            if takes_arguments:
                value = resolve(source, info, **arguments.values(run.variable_values, run.arguments))
            else:
                value = resolve(source, info)
            if type(value) not in PLAIN and is_awaitable(value):
                run.awaits += 1
                return _awaited(run, field, complete, value, path, info)
            done = complete(run, value, path, info)
        except Exception as raw:
            run.fail(raw, nodes, path, non_null)
            return None
        return _guarded(run, field, done, path) if type(done) is CoroutineType else done

    return resolved


def finisher(field: FieldPlan, calls: bool = True) -> Callable[[Run, Any, Path | None, Any], Any]:
    """``finish(run, source, path, value)`` for a value that was read: everything that may still be to do.

    ``calls`` tells whether a value that can be called is, as graphql-core's default resolver does.
    """
    complete = completer(field)
    nodes, non_null, key, type_name = field.nodes, field.non_null, field.key, field.type_name
    asks = needs_info(field)

    def finish(run: Run, source: Any, parent: Path | None, value: Any) -> Any:
        path = step(parent, key, type_name)
        info = run.info(field, path) if asks else None
        try:
            if type(value) not in PLAIN:
                if calls and callable(value):
                    info = info or run.info(field, path)
                    value = value(info)
                if is_awaitable(value):
                    run.awaits += 1
                    return _awaited(run, field, complete, value, path, info)
            done = complete(run, value, path, info)
        except Exception as raw:
            run.fail(raw, nodes, path, non_null)
            return None
        return _guarded(run, field, done, path) if type(done) is CoroutineType else done

    return finish


async def _awaited(
    run: Run, field: FieldPlan, complete: Complete, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None
) -> Any:
    try:
        done = complete(run, await value, path, info)
        return await done if type(done) is CoroutineType else done
    except Exception as raw:
        run.fail(raw, field.nodes, path, field.non_null)
        return None


async def _guarded(run: Run, field: FieldPlan, done: Any, path: Path) -> Any:
    try:
        return await done
    except Exception as raw:
        run.fail(raw, field.nodes, path, field.non_null)
        return None


def completer(field: FieldPlan) -> Complete:
    """``complete(run, value, path, info)``: a resolved value to what stands in the answer."""
    return _completer(field, field.type)


def _completer(field: FieldPlan, type_: Any) -> Complete:
    # Null comes of nothing but null, so the innermost function can tell whether it may stand.
    null = _no_null(field.where) if is_non_null_type(type_) else _null
    named = get_nullable_type(type_)
    if is_list_type(named):
        return list_completer(field, named, _completer(field, named.of_type), null)
    if is_leaf_type(named):
        return _leaf(named, null)
    if is_abstract_type(named):
        return _abstract(field, named, null)
    return _object(field, named, null)


def _null() -> None:
    return None


def _no_null(where: str) -> Null:
    def no_null() -> None:
        raise TypeError(f"Cannot return null for non-nullable field {where}.")

    return no_null


def _leaf(type_: Any, null: Null) -> Complete:
    write = leaf(type_).write

    def complete(_run: Run, value: Any, _path: Path, _info: GraphQLResolveInfo[Any] | None) -> Any:
        if isinstance(value, Exception):
            raise value
        return null() if value is None or value is Undefined else write(value)

    return complete


def _object(field: FieldPlan, type_: GraphQLObjectType, null: Null) -> Complete:
    if type_.is_type_of is not None:
        return _checked_object(field, type_, null)
    child: Any = None

    def complete(run: Run, value: Any, path: Path, _info: GraphQLResolveInfo[Any] | None) -> Any:
        nonlocal child
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return null()
        if child is None:
            child = field.child(type_)
        return child.select(run, value, path)

    return complete


def _checked_object(field: FieldPlan, type_: GraphQLObjectType, null: Null) -> Complete:
    is_type_of: Any = type_.is_type_of

    async def later(matches: Any, run: Run, value: Any, path: Path) -> Any:
        if not await matches:
            raise invalid_return_type_error(type_, value, field.details)
        done = field.child(type_).select(run, value, path)
        return await done if type(done) is CoroutineType else done

    def complete(run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return null()
        matches = is_type_of(value, info)
        if matches is not True:
            if is_awaitable(matches):
                run.awaits += 1
                return later(matches, run, value, path)
            if not matches:
                raise invalid_return_type_error(type_, value, field.details)
        return field.child(type_).select(run, value, path)

    return complete


def runtime_type(run: Run, field: FieldPlan, type_: Any, name: Any, value: Any) -> GraphQLObjectType:
    """The object type that ``name`` names. Raises GraphQLError where a ``type_`` cannot be one."""
    info: Any = _Names(field.parent_type, field.name)
    return Executor.ensure_valid_runtime_type(_Schema(run.schema), name, type_, field.details, info, value)  # type: ignore[arg-type]


class _Schema:
    __slots__ = ("schema",)

    def __init__(self, schema: Any) -> None:
        self.schema = schema


class _Names:
    __slots__ = ("field_name", "parent_type")

    def __init__(self, parent_type: GraphQLObjectType, field_name: str) -> None:
        self.parent_type = parent_type
        self.field_name = field_name


def _abstract(field: FieldPlan, type_: Any, null: Null) -> Complete:
    resolve_type = type_.resolve_type or field.planner.document.type_resolver
    known: dict[str, Complete] = {}

    def complete_as(run: Run, name: Any, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        complete = known.get(name) if type(name) is str else None
        if complete is None:
            type_found = runtime_type(run, field, type_, name, value)
            complete = known[type_found.name] = _object(field, type_found, null)
        return complete(run, value, path, info)

    async def later(name: Any, run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        done = complete_as(run, await name, value, path, info)
        return await done if type(done) is CoroutineType else done

    def complete(run: Run, value: Any, path: Path, info: GraphQLResolveInfo[Any] | None) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return null()
        name = resolve_type(value, info, type_)
        if type(name) is not str and is_awaitable(name):
            run.awaits += 1
            return later(name, run, value, path, info)
        return complete_as(run, name, value, path, info)

    return complete
