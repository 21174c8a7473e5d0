"""A pytest plugin for graphql-core's own tests: ``execute`` over the compiled executor.

It is loaded into a run of those tests, in a process of its own, and puts its functions where theirs stand. What is
declared rare goes on to graphql-core itself, and is counted.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

from graphql import ExecutionResult, assert_valid_schema
from graphql.execution import execute as core_execute
from graphql.execution import execute_sync as core_execute_sync

from app.execution import Answer, NotCompiled, compile_operation

went: Counter[str] = Counter()
"""How many operations were compiled, and why the others were not."""

_core_execute: Callable[..., Any] = core_execute
_OWN = {"field_resolver", "type_resolver", "hide_suggestions"}


def result(answer: Answer) -> ExecutionResult:
    """An answer as graphql-core gives it."""
    return ExecutionResult(answer.tree, answer.errors or None)


async def _later(answer: Awaitable[Answer]) -> ExecutionResult:
    return result(await answer)


def execute(
    schema: Any,
    document: Any,
    root_value: Any = None,
    context_value: Any = None,
    variable_values: Any = None,
    operation_name: str | None = None,
    *positional: Any,
    **options: Any,
) -> Any:
    """As ``graphql.execution.execute``."""
    rest = {name: value for name, value in options.items() if value is not None}
    if positional or rest.keys() - _OWN:
        return _core(
            f"option {', '.join(sorted(rest.keys() - _OWN)) or 'by position'}",
            (schema, document, root_value, context_value, variable_values, operation_name, *positional),
            options,
        )
    assert_valid_schema(schema)
    if schema.get_directive("defer") or schema.get_directive("stream"):
        arguments = (schema, document, root_value, context_value, variable_values, operation_name)
        return _core("a schema with @defer or @stream", arguments, options)
    compiled = compile_operation(schema, document, operation_name, **rest)
    if isinstance(compiled, NotCompiled):
        arguments = (schema, document, root_value, context_value, variable_values, operation_name)
        return _core(compiled.reason, arguments, options)
    went["compiled"] += 1
    answer = compiled.start(root_value, context_value, variable_values)
    return result(answer) if isinstance(answer, Answer) else _later(answer)


def _core(reason: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    went[reason] += 1
    return _core_execute(*arguments, **options)


def execute_sync(*arguments: Any, check_sync: bool = False, **options: Any) -> Any:
    """As ``graphql.execution.execute_sync``."""
    global _core_execute
    _core_execute = partial(core_execute_sync, check_sync=check_sync)
    try:
        found = execute(*arguments, **options)
    finally:
        _core_execute = core_execute
    if isawaitable(found):
        found.close()  # type: ignore[attr-defined]
        raise RuntimeError("GraphQL execution failed to complete synchronously.")
    return found


def pytest_collection_finish() -> None:
    """Replace the functions in the modules that were collected, and in ``graphql()`` and ``graphql_sync()``."""
    for module_name, module in list(sys.modules.items()):
        if module_name == "graphql.graphql" or module_name.startswith("tests.execution."):
            for name, value in list(vars(module).items()):
                if value is core_execute:
                    setattr(module, name, execute)
                elif value is core_execute_sync:
                    setattr(module, name, execute_sync)


def pytest_unconfigure() -> None:
    """Say how many operations were compiled."""
    if path := os.environ.get("WENT_WHERE"):
        Path(path).write_text(json.dumps(went), encoding="utf-8")
