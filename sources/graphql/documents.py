"""The GraphQL documents that whence.toml holds: queries, tested when it is read."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Annotated, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLSyntaxError,
    ListTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    parse,
)
from pydantic import AfterValidator

_MAX_TOKENS = 10_000


class Variables(NamedTuple):
    """The variables of a query: their names, and which of them take lists."""

    names: frozenset[str]
    lists: frozenset[str]


@lru_cache(maxsize=1024)
def variables_of(document: str) -> Variables:
    """The variables of ``document``. Raises ValueError, saying what to write, where it is not one single query."""
    try:
        parsed: DocumentNode = parse(document, no_location=True, max_tokens=_MAX_TOKENS)
    except GraphQLSyntaxError as error:
        where = f" at line {error.locations[0].line}" if error.locations else ""
        raise ValueError(f"it is no GraphQL{where}: {error.message}") from None
    operations = [node for node in parsed.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise ValueError("write a document with one query, and no mutation or subscription: Whence only reads")
    names, lists = set(), set()
    for definition in operations[0].variable_definitions or ():
        name, kind = definition.variable.name.value, definition.type
        names.add(name)
        if isinstance(kind.type if isinstance(kind, NonNullTypeNode) else kind, ListTypeNode):
            lists.add(name)
    return Variables(frozenset(names), frozenset(lists))


def _query(document: str) -> str:
    variables_of(document)
    return document


Query = Annotated[str, AfterValidator(_query)]
"""A document with one query."""


def require_variables(document: str, names: Collection[str], option: str) -> None:
    """Raises ValueError where ``document`` does not declare all of ``names``."""
    missing = [name for name in names if name not in variables_of(document).names]
    if missing:
        wanted = ", ".join(f"${name}" for name in missing)
        raise ValueError(f"{option}: declare {wanted} among the query's variables, and use it")
