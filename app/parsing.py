"""From a document's text to one that is parsed, measured and validated, in bounded time.

Each step is bounded before the next begins: characters, then tokens, then nesting and size, and what validation may spend
on telling whether fields can be merged. What is short is prepared where it is asked for; what is longer in a thread,
one at a time for all requests, so that the event loop goes on meanwhile. As many as wait for it are bounded too.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Location,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    ParallelVisitor,
    Source,
    Token,
    TokenKind,
    TypeInfo,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    assert_valid_schema,
    specified_rules,
    visit,
)
from graphql.language.parser import Parser as GraphQLParser
from graphql.validation.validate import ValidationAbortedError, query_document_keys_to_validate
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.limits import beyond, budgeted_rule, check_size
from app.protocol import Refused
from resolvers.request_limits import RequestLimits

MAX_ERRORS = 5
"""Validation errors that one answer names."""
NUMBER_LENGTH = 400
"""Characters of a number in a document."""
AT_ONCE = 600
"""Characters of a document that is prepared without a thread."""
WAITING = 64
"""Documents that may wait for the thread."""
SUGGESTING_FIELDS = 200
"""Fields of a type: with more, an error does not look for the name that was meant."""

_TOO_MANY_TOKENS = "Document contains more than"


class Operation:
    """One operation of a document that was prepared. ``ran``: it was asked for before; ``interpreted``: it cannot be
    compiled."""

    __slots__ = ("interpreted", "kind", "name", "node", "ran")

    def __init__(self, node: OperationDefinitionNode) -> None:
        self.node = node
        self.kind: OperationType = node.operation
        self.name = node.name.value if node.name else None
        self.ran = False
        self.interpreted = False


class Prepared:
    """A document that parsed. ``errors`` are validation's: where there are any, it must not run. ``tokens`` is its size;
    ``sha256`` is the hash by which a client registered it, if one did."""

    __slots__ = ("_by_name", "document", "errors", "operations", "sha256", "tokens")

    def __init__(self, document: DocumentNode, errors: Sequence[GraphQLError], tokens: int) -> None:
        self.document = document
        self.errors = tuple(errors)
        self.tokens = tokens
        self.sha256: str | None = None
        nodes = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
        self.operations = tuple(Operation(node) for node in nodes)
        self._by_name: dict[str | None, Operation | None] = {}
        for operation in self.operations:
            self._by_name[operation.name] = None if operation.name in self._by_name else operation
        self._by_name[None] = self.operations[0] if len(self.operations) == 1 else None

    def named(self, name: str | None) -> Operation | None:
        """The operation that ``name`` means; without a name the only one. None where that is nothing, or not clear."""
        return self._by_name.get(name)


class Parser:
    """Prepares documents for one schema within one set of limits. ``rules`` are validated beside GraphQL's own."""

    def __init__(
        self, schema: GraphQLSchema, limits: RequestLimits, rules: Sequence[type[ASTValidationRule]] = ()
    ) -> None:
        assert_valid_schema(schema)
        self._schema = schema
        self._limits = limits
        overlap = budgeted_rule(limits.comparisons)
        own = (overlap if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules)
        self._rules = (*own, MaybeNullValidationRule, OneOfInputValidationRule, *rules)
        self._terse = any(len(getattr(kind, "fields", ())) > SUGGESTING_FIELDS for kind in schema.type_map.values())

    def prepare(self, text: str) -> Prepared:
        """``text`` parsed, measured and validated. Raises GraphQLError for one that does not parse, or is too long."""
        limits = self._limits
        if len(text) > limits.document_length:
            raise beyond("characters", limits.document_length, len(text), whose="document")
        parser = _LightParser(
            text,
            max_lexical_tokens=limits.tokens,
            max_comments=limits.tokens,
            allow_empty_selection_sets=False,
        )
        try:
            document = parser.parse_document()
            tokens = _check_literals(parser.first, parser.source)
        except RecursionError:
            raise GraphQLError("The document is nested too deeply.") from None
        except GraphQLSyntaxError as error:
            if _TOO_MANY_TOKENS in error.message:
                raise beyond("tokens", limits.tokens, None, whose="document") from None
            raise
        finally:
            _unlink(parser.first)
        return Prepared(document, check_size(document, limits) or self._validated(document), tokens)

    def _validated(self, document: DocumentNode) -> list[GraphQLError]:
        """As graphql-core's ``validate``; but what it made is taken apart at the end, for all of it refers to itself and to
        the document, and a flood of documents would have the garbage collector look for it again and again."""
        errors: list[GraphQLError] = []

        def on_error(error: GraphQLError) -> None:
            errors.append(error)
            if len(errors) >= MAX_ERRORS:
                raise _EnoughErrors

        types = TypeInfo(self._schema)
        context = ValidationContext(self._schema, document, types, on_error, self._terse, False)
        rules: list[Visitor] = [rule(context) for rule in self._rules]
        together = ParallelVisitor(rules)
        walking = TypeInfoVisitor(types, together)
        try:
            visit(document, walking, query_document_keys_to_validate)
        except _EnoughErrors:
            pass
        except ValidationAbortedError:
            errors.append(beyond("comparisons between fields", self._limits.comparisons, None, whose="document"))
        except RecursionError:
            errors.append(GraphQLError("The document nests its fragments too deeply."))
        finally:
            for one in (*rules, context, types, together, walking):
                vars(one).clear()
        return errors


class _EnoughErrors(Exception):
    pass


class Desk:
    """Where documents that are not known are prepared: the long ones one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self._under_way: dict[tuple[Parser, str], asyncio.Future[Prepared | GraphQLError]] = {}

    async def prepare(self, parser: Parser, text: str) -> Prepared:
        """As :meth:`Parser.prepare`; the same text that several ask for is prepared once. Raises Refused too, where too
        many wait already."""
        if len(text) <= AT_ONCE:
            return parser.prepare(text)
        key = (parser, text)
        future = self._under_way.get(key)
        if future is None:
            if len(self._under_way) >= WAITING:
                said = "Too many documents that are not known wait to be read. Try again shortly."
                raise Refused(503, "BUSY", said, {"Retry-After": "1"})
            future = asyncio.get_running_loop().run_in_executor(self._thread, _outcome, parser, text)
            self._under_way[key] = future
            future.add_done_callback(lambda _: self._under_way.pop(key, None))
        found = await asyncio.shield(future)
        if isinstance(found, Prepared):
            return found
        try:
            raise found
        finally:
            del found, future  # or the error would refer to this frame, and the frame to the error


def _outcome(parser: Parser, text: str) -> Prepared | GraphQLError:
    try:
        return parser.prepare(text)
    except GraphQLError as error:  # a value from here on: several may raise it, or nobody
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)


class _LightParser(GraphQLParser):
    """A parser whose documents do not hold on to their tokens: these are a third of all objects, in one long circle, and
    nobody asks for them once the document is parsed."""

    def __init__(self, text: str, **limits: Any) -> None:
        super().__init__(text, **limits)
        self.source: Source = self._lexer.source
        self.first: Token = self._lexer.token

    def loc(self, start_token: Token) -> Location:
        """The place of a node: where it begins and ends."""
        location = Location(start_token, self._lexer.last_token, self.source)
        location.start_token = location.end_token = _NOWHERE
        return location


def _unlink(first: Token) -> None:
    """Let tokens go: each refers to the next and the one before, and thousands of such circles are the garbage collector's
    longest work."""
    token: Token | None = first
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


_NOWHERE = Token(TokenKind.SOF, 0, 0, 0, 0)


def _check_literals(first: Token, source: Source) -> int:
    """How many tokens a document has. Raises GraphQLError at the first literal that JSON variables would be refused for."""
    token: Token | None = first
    count = 0
    while token is not None:
        count += 1
        value = token.value or ""
        said = None
        if token.kind in (TokenKind.INT, TokenKind.FLOAT):
            if len(value) > NUMBER_LENGTH:
                said = f"a number of {len(value)} characters"
            elif not math.isfinite(float(value)):
                said = f"the number {value[:20]}, which is too large"
        elif token.kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\x00" in value:
            said = "a text with a NUL character (U+0000)"
        if said:
            raise GraphQLError(f"The document holds {said}.", source=source, positions=[token.start])
        token = token.next
    return count
