"""Documents parsed and validated once, kept for the next request that sends the same.

The cache is bounded by entries and by the length of what it keeps, holds valid documents only, and is keyed by the
schema itself, so that what one audience may ask is never looked up for another.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    TokenKind,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

MAX_ERRORS = 20
"""Validation errors that one answer names."""
NUMBER_LENGTH = 400
"""Characters of a number in a document."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that parsed. ``errors`` are validation's: where there are any, it must not run."""

    document: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    errors: tuple[GraphQLError, ...]

    def named(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation that ``name`` means; without a name the only one. None where that is nothing, or not clear."""
        if name is None:
            return self.operations[0] if len(self.operations) == 1 else None
        found = [operation for operation in self.operations if operation.name and operation.name.value == name]
        return found[0] if len(found) == 1 else None


class Documents:
    """Parses and validates, and remembers. ``rules`` are validated beside GraphQL's own: one tuple, built once."""

    def __init__(
        self,
        *,
        max_tokens: int,
        rules: Sequence[type[ASTValidationRule]] = (),
        entries: int = 500,
        longest: int = 20_000,
    ) -> None:
        self._max_tokens = max_tokens
        self._rules = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule, *rules)
        self._entries = entries
        self._longest = longest
        self._kept: OrderedDict[tuple[strawberry.Schema, str], Prepared] = OrderedDict()

    def prepare(self, schema: strawberry.Schema, text: str) -> Prepared:
        """``text`` parsed, and validated against ``schema``.

        Raises GraphQLError for a text that does not parse, or has too many tokens."""
        key = (schema, text)
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        document = parse(
            text,
            max_lexical_tokens=self._max_tokens,
            max_comments=self._max_tokens,
            allow_empty_selection_sets=False,
        )
        _check_literals(document)
        errors = validate(schema._schema, document, self._rules, MAX_ERRORS, allow_empty_selection_sets=False)
        operations = tuple(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
        prepared = Prepared(document, operations, tuple(errors))
        if not errors and len(text) <= self._longest:
            self._kept[key] = prepared
            if len(self._kept) > self._entries:
                self._kept.popitem(last=False)
        return prepared


def _check_literals(document: DocumentNode) -> None:
    """Refuse what JSON variables would be refused for. Raises GraphQLError at the first such literal."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        value = token.value or ""
        said = None
        if token.kind in (TokenKind.INT, TokenKind.FLOAT):
            if len(value) > NUMBER_LENGTH:
                said = f"a number of {len(value)} characters"
            elif not math.isfinite(float(value)):
                said = f"the number {value[:20]}, which is too large"
        elif token.kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\x00" in value:
            said = "a text with a NUL character (U+0000)"
        if said and document.loc:
            raise GraphQLError(f"The document holds {said}.", source=document.loc.source, positions=[token.start])
        token = token.next


_current: ContextVar[Prepared | None] = ContextVar("whence_prepared_document", default=None)


class RunPrepared(SchemaExtension):
    """Makes ``strawberry.Schema.execute`` run the document that was prepared, and not parse and validate it again."""

    def on_operation(self) -> Iterator[None]:
        """Put the document in before parsing."""
        if (prepared := _current.get()) is not None:
            self.execution_context.graphql_document = prepared.document
            self.execution_context.validation_rules = ()
        yield


@contextmanager
def running(schema: strawberry.Schema, prepared: Prepared) -> Iterator[None]:
    """Within it, ``schema.execute`` runs ``prepared``."""
    if RunPrepared not in schema.extensions:  # first, so that rules which other extensions add are still run
        schema.extensions = (RunPrepared, *schema.extensions)
    token = _current.set(prepared)
    try:
        yield
    finally:
        _current.reset(token)
