"""Running an operation that was prepared: compiled where it can be, by graphql-core where that is rarer or turned off.

Both run the same resolvers over the same reader and give the same answer; that the tests compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import GraphQLError

from app.documents import running
from app.execution import CompiledCache, CompiledOperation
from app.parsing import Operation, Prepared
from app.protocol import GraphQLRequest
from app.strictjson import dumps

COMPILED_BYTES = 24 * 2**20
"""About what compiled operations may take in one process, of all audiences together."""


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of an operation. ``data`` is its ``data`` as JSON; None where it did not begin, for variables that do not
    coerce, and there is no such member."""

    data: bytes | None
    errors: Sequence[GraphQLError]
    extensions: Mapping[str, Any] = field(default_factory=dict)


class Performer:
    """Runs operations; ``compiling``: compiled, each from the second time on that it is asked for."""

    def __init__(self, *, compiling: bool = True) -> None:
        self._compiled = CompiledCache(size=COMPILED_BYTES) if compiling else None

    async def perform(
        self,
        schema: strawberry.Schema,
        text: str,
        prepared: Prepared,
        operation: Operation,
        asked: GraphQLRequest,
        context: object,
        *,
        trusted: bool = False,
    ) -> Performed:
        """Run ``operation`` of ``prepared``, whose text is ``text``. One that is ``trusted`` is compiled at once. Raises
        TypeError for a value that JSON cannot say."""
        if self._compiled is not None:
            compiled = self._compiled.get(
                schema._schema, text, operation.name, lambda: prepared.document, at_once=trusted
            )
            if isinstance(compiled, CompiledOperation):
                answer = await compiled.run(None, context, asked.variables)
                return Performed(answer.data if answer.began else None, answer.errors)
        with running(schema, prepared):
            result = await schema.execute(
                text,
                variable_values=dict(asked.variables),
                context_value=context,
                operation_name=operation.name,
                operation_extensions=dict(asked.extensions),
            )
        began = result.data is not None or not result.errors or any(error.path for error in result.errors)
        return Performed(dumps(result.data) if began else None, result.errors or (), result.extensions or {})

    def forget(self, schema: strawberry.Schema) -> None:
        """Let go of what was compiled for a schema that is not served any more."""
        if self._compiled is not None:
            self._compiled.forget(schema._schema)
