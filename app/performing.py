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
from app.execution import CompiledOperation, NotCompiled, compile_operation
from app.keeping import Keep
from app.parsing import Operation, Prepared
from app.protocol import GraphQLRequest
from app.strictjson import dumps

COMPILED_BYTES = 24 * 2**20
"""About what compiled operations may take in one process, of all audiences together."""
FIELD_BYTES = 2048
"""About what one compiled field takes: 1,400 to 3,000."""
OPERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of an operation. ``data`` is its ``data`` as JSON; None where it did not begin, for variables that do not
    coerce, and there is no such member."""

    data: bytes | None
    errors: Sequence[GraphQLError]
    extensions: Mapping[str, Any] = field(default_factory=dict)


class Performer:
    """Runs operations; ``compiling``: compiled, each from the second time on that it is asked for.

    What is compiled is kept as documents are, so that a client of endless different ones empties nothing (see
    :mod:`app.keeping`), and taken apart when it goes."""

    def __init__(self, *, compiling: bool = True) -> None:
        self._compiling = compiling
        self._kept: Keep[Operation, CompiledOperation] = Keep(
            entries=OPERATIONS, weight=COMPILED_BYTES, dropped=lambda _, compiled: compiled.release()
        )

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
        compiled = self._compiled(schema, prepared, operation, trusted=trusted) if self._compiling else None
        if compiled is not None:
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

    def forget(self) -> None:
        """Let go of all that was compiled: its schemas are not served any more."""
        self._kept.clear()

    def _compiled(
        self, schema: strawberry.Schema, prepared: Prepared, operation: Operation, *, trusted: bool
    ) -> CompiledOperation | None:
        if (kept := self._kept.get(operation)) is not None:
            return kept
        if operation.interpreted:
            return None
        if not operation.ran and not trusted:  # compiling costs about what a run does, and pays from the second on
            operation.ran = True
            return None
        compiled = compile_operation(schema._schema, prepared.document, operation.name)
        if isinstance(compiled, NotCompiled) or not self._kept.put(operation, compiled, FIELD_BYTES * compiled.size):
            operation.interpreted = True
            return None
        return compiled
