"""Compiled operations that stay: bounded, and safe against clients that never send the same document twice.

Compiling costs about as much as one run by graphql-core, and pays from the second run on. So a document is compiled
when it is seen for the second time; the first time only its digest is remembered, among a bounded number of others.
Operations that a company has registered are compiled at once (``at_once``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from graphql import DocumentNode, GraphQLSchema

from app.execution.compiled import CompiledOperation, compile_operation
from app.execution.screen import NotCompiled

FIELD_BYTES = 4096
"""About what one compiled field takes in memory."""

Compiled = CompiledOperation | NotCompiled


class CompiledCache:
    """The compiled operations of all schemas of a process. For one event loop."""

    def __init__(self, entries: int = 1000, size: int = 64 * 2**20, seen: int = 10_000) -> None:
        """``entries`` and ``size`` (in bytes, estimated) bound what is kept, ``seen`` what is remembered as seen."""
        self._entries = entries
        self._size = size
        self._seen_bound = seen
        self._kept: OrderedDict[tuple[int, str, str | None], tuple[Compiled, GraphQLSchema, int]] = OrderedDict()
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """The estimated bytes of what is kept."""
        return self._weight

    def get(
        self,
        schema: GraphQLSchema,
        text: str,
        operation_name: str | None,
        document: Callable[[], DocumentNode],
        at_once: bool = False,
    ) -> Compiled | None:
        """The compiled operation, why there is none, or None at first sight: then graphql-core runs it.

        ``document`` gives the validated document of ``text``; it is called only if there is something to compile.
        """
        key = (id(schema), text, operation_name)
        kept = self._kept.get(key)
        if kept is not None:  # the entry holds its schema, so no other can have the same id
            self._kept.move_to_end(key)
            return kept[0]
        if not at_once and not self._seen_before(key):
            return None
        compiled = compile_operation(schema, document(), operation_name)
        fields = compiled.size if isinstance(compiled, CompiledOperation) else 1
        weight = 2 * len(text) + FIELD_BYTES * fields
        if weight > self._size:
            return compiled
        self._kept[key] = (compiled, schema, weight)
        self._weight += weight
        while len(self._kept) > self._entries or self._weight > self._size:
            _, (_, _, gone) = self._kept.popitem(last=False)
            self._weight -= gone
        return compiled

    def forget(self, schema: GraphQLSchema) -> None:
        """Let go of what was compiled for a schema that is no longer served."""
        for key in [key for key in self._kept if key[0] == id(schema)]:
            self._weight -= self._kept.pop(key)[2]

    def _seen_before(self, key: tuple[int, str, str | None]) -> bool:
        schema, text, operation_name = key
        digest = blake2b(f"{schema} {operation_name} {text}".encode(errors="surrogatepass"), digest_size=16).digest()
        if digest in self._seen:
            del self._seen[digest]
            return True
        self._seen[digest] = None
        if len(self._seen) > self._seen_bound:
            self._seen.popitem(last=False)
        return False
