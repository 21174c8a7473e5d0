"""What a client may read of an error, and what stays in the log under an id.

Three kinds of errors reach a GraphQL answer. An error of the *request* (syntax, validation, coercion) is the client's
to read. A *public* error is one that our own code raises on purpose: a ``graphql.GraphQLError`` with a ``code`` in its
extensions. Everything else is *internal*: the client gets an id, the log has the text.

A public error may carry ``extensions={"code": ..., "http": {"status": 400}}``: the status that the answer takes where
nothing but errors came of it. ``http`` never reaches the client.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from graphql import FieldNode, GraphQLError

MESSAGE_LENGTH = 2000
"""Characters of a message that reach a client."""
INTERNAL_CODE = "INTERNAL"
INTERNAL_MESSAGE = "Internal error; quote this id to the operator."
BAD_INPUT_CODE = "BAD_INPUT"
UNAVAILABLE_CODE = "LEDGER_UNAVAILABLE"
UNAVAILABLE_MESSAGE = "The ledger cannot be reached. Try again shortly."
LEDGER_IS_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What asyncpg raises when its server is gone, going or full. Systems raise nothing here: their guard answers for them."""

log = structlog.stdlib.get_logger("whence.graphql")


@dataclass(frozen=True, slots=True)
class Shown:
    """The errors as the client reads them, and the status that one of them asks for."""

    errors: list[dict[str, Any]]
    status: int | None
    """What a public error asks for."""
    internal: bool
    """Whether one was masked."""
    unavailable: bool = False
    """Whether one came of a ledger that cannot be reached."""


def show_errors(
    errors: Iterable[GraphQLError], redact: Callable[[str], str], *, code: str = BAD_INPUT_CODE, **about: object
) -> Shown:
    """``errors`` as the client may read them; what is masked is logged under its id, with ``about``.

    ``code`` is put on errors of the request, which bear none themselves; ``redact`` takes secrets out of messages."""
    shown: list[dict[str, Any]] = []
    status: int | None = None
    internal = unavailable = False
    for error in errors:
        public = _public_form(error)
        entry: dict[str, Any]
        if public is None and isinstance(error.original_error, LEDGER_IS_AWAY):
            unavailable = True
            log.warning("the ledger cannot be reached", exc_info=error.original_error, **about)
            entry = {"message": UNAVAILABLE_MESSAGE, "extensions": {"code": UNAVAILABLE_CODE}}
        elif public is None:
            internal = True
            entry = internal_error(error.original_error or error, path=error.path, **about)
        else:
            extensions = dict(public.extensions or {})
            http = extensions.pop("http", None)
            if status is None and isinstance(http, Mapping) and isinstance(http.get("status"), int):
                status = http["status"]
            entry = {"message": redact(_bounded(error.message)), "extensions": {"code": code, **extensions}}
        if error.locations:
            entry["locations"] = [place.formatted for place in error.locations]
        if error.path:
            entry["path"] = list(error.path)
        shown.append(entry)
    return Shown(shown, status, internal, unavailable)


def internal_error(error: BaseException, **about: object) -> dict[str, Any]:
    """The masked form of ``error``, which is logged in full (redacted there) under the id that the client gets."""
    identity = secrets.token_hex(6)
    log.error("internal error", id=identity, exc_info=error, **about)
    return {"message": INTERNAL_MESSAGE, "extensions": {"code": INTERNAL_CODE, "id": identity}}


def _public_form(error: GraphQLError) -> GraphQLError | None:
    """The error that a client may read, or None where it must be masked."""
    raised: Exception = error
    while isinstance(raised, GraphQLError) and raised.path is not None and isinstance(raised.original_error, Exception):
        raised = raised.original_error  # graphql-core wraps what was raised to say where
    if not isinstance(raised, GraphQLError):
        return None
    if raised.extensions and isinstance(raised.extensions.get("code"), str):
        return None if raised.original_error is not None else raised
    about_document = bool(raised.nodes or raised.positions)
    if error.path is None:  # the request's own, or a defect that struck before execution
        return raised if about_document or raised.original_error is None else None
    # An argument that did not coerce while executing points at its value; a result that did not, at nothing or a field.
    coercion = about_document and not any(isinstance(node, FieldNode) for node in raised.nodes or ())
    return raised if coercion else None


def _bounded(message: str) -> str:
    return message if len(message) <= MESSAGE_LENGTH else message[: MESSAGE_LENGTH - 1] + "…"
