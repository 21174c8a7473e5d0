"""The GraphQL endpoint: GraphQL over HTTP, for the schema of the audience that asks.

Every answer is JSON, whatever came in. The outcomes, and their status by media type::

                                                  application/graphql-response+json   application/json
    not a well-formed request                     4xx                                 4xx
    does not parse, validate or coerce            400                                 200
    ran; some or all of its fields failed         200, or the status that a public    the same
                                                  error asks for if data is null
    too slow, client gone                         503, nothing                        503, nothing
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import strawberry
import structlog
from graphql import ASTValidationRule, GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.connection import SECONDS_TO_LET_GO, read_body, while_connected
from app.documents import Documents, running
from app.errors import internal_error, show_errors
from app.graphiql import GraphiQL
from app.negotiation import MediaType, negotiate, prefers_html
from app.protocol import GraphQLRequest, Refused, bad_request, check_post_headers, parse_body, parse_query_string
from app.strictjson import dumps

AUDIENCE_HEADER = "X-Whence-Audience"
OFFERED = (MediaType.GRAPHQL, MediaType.JSON)
MakeContext = Callable[[Request, str], Any]
"""From the request and its audience, the context of its resolvers; may be a coroutine function.

The context may have ``extensions()``, whose mapping is merged into the answer's, and ``close()``, plain or async, which
is called once when the request is over, however it ended: there it ends what it started (loaders, reads)."""

log = structlog.stdlib.get_logger("whence.graphql")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take."""

    body_bytes: int = 256 * 1024
    tokens: int = 2000
    deadline: float = 10.0
    """Seconds, from the first byte of the body to the answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What the endpoint answers with: a reload puts another in its place. ``redact`` takes secrets out of messages;
    ``graphiql`` is the page for people, without it they get what programs get."""

    schemas: Mapping[str, strawberry.Schema]
    context: MakeContext
    default_audience: str
    redact: Callable[[str], str] = str
    graphiql: GraphiQL | None = None


Serving = Callable[[], AbstractContextManager[Served]]
"""Asked once for each request; left when its answer has been sent."""


def graphql_route(
    schemas: Mapping[str, strawberry.Schema],
    context: MakeContext,
    *,
    default_audience: str,
    path: str = "/graphql",
    limits: Limits | None = None,
    rules: Sequence[type[ASTValidationRule]] = (),
    redact: Callable[[str], str] = str,
    graphiql: GraphiQL | None = None,
) -> Route:
    """The route of an endpoint that answers with the same as long as it lives; see :class:`Served`."""
    served = Served(schemas, context, default_audience, redact, graphiql)
    return changing_graphql_route(lambda: nullcontext(served), path=path, limits=limits, rules=rules)


def changing_graphql_route(
    serving: Serving,
    *,
    path: str = "/graphql",
    limits: Limits | None = None,
    rules: Sequence[type[ASTValidationRule]] = (),
) -> Route:
    """The route of an endpoint that answers each request with what ``serving`` gives at its beginning."""
    return Route(path, GraphQLEndpoint(serving, limits=limits or Limits(), rules=rules), name="graphql")


class GraphQLEndpoint:
    """An ASGI application; see :func:`changing_graphql_route`."""

    def __init__(self, serving: Serving, *, limits: Limits, rules: Sequence[type[ASTValidationRule]]) -> None:
        self._serving = serving
        self._limits = limits
        self._rules = rules
        self._kept: tuple[Served, Documents] | None = None
        # strawberry logs every error itself, without our id and with what clients send; show_errors logs what matters
        logging.getLogger("strawberry.execution").disabled = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing is sent to a client that has gone."""
        request = Request(scope, receive)
        with self._serving() as served:
            try:
                response = await self._answer(request, served)
            except ClientDisconnect:
                structlog.contextvars.bind_contextvars(client="gone")
                return
            await response(scope, receive, send)

    def _documents(self, served: Served) -> Documents:
        """The documents kept for ``served``: they end with its schemas."""
        if self._kept is None or self._kept[0] is not served:
            self._kept = served, Documents(max_tokens=self._limits.tokens, rules=self._rules)
        return self._kept[1]

    async def _answer(self, request: Request, served: Served) -> Response:
        documents = self._documents(served)
        accept = ", ".join(request.headers.getlist("accept")) or None
        if served.graphiql is not None and request.method in ("GET", "HEAD") and prefers_html(accept):
            return served.graphiql.response()
        media = negotiate(accept, OFFERED)
        clock = asyncio.timeout(self._limits.deadline)
        try:
            async with clock:
                if media is None:
                    raise Refused(406, "NOT_ACCEPTABLE", f"Accept one of {', '.join(OFFERED)}.")
                return await self._run(request, await self._read(request), media, served, documents)
        except Refused as refused:
            error = {"message": served.redact(refused.message), "extensions": {"code": refused.code}}
            return _respond(refused.status, {"errors": [error]}, media, refused.headers)
        except ClientDisconnect:
            raise
        except Exception as error:  # the one place where exceptions stop
            if clock.expired():
                said = f"The request took longer than {self._limits.deadline:g} s. Ask for less, or try again later."
                entry = {"message": said, "extensions": {"code": "TIMEOUT"}}
                return _respond(503, {"errors": [entry]}, media, {"Retry-After": "5"})
            return _respond(500, {"errors": [internal_error(error)]}, media)

    async def _read(self, request: Request) -> GraphQLRequest:
        if request.method == "GET":
            return parse_query_string(request.scope["query_string"])
        if request.method != "POST":
            raise Refused(405, "METHOD_NOT_ALLOWED", "Use GET or POST.", {"Allow": "GET, POST"})
        check_post_headers(request.headers.get("content-type"), request.headers.get("content-encoding"))
        return parse_body(await read_body(request, self._limits.body_bytes))

    def _audience(self, request: Request, served: Served) -> tuple[str, strawberry.Schema]:
        names = set(request.headers.getlist(AUDIENCE_HEADER)) or {served.default_audience}
        name = names.pop()
        schema = served.schemas.get(name)
        if schema is None or names:
            known = ", ".join(sorted(served.schemas))
            found = "names no audience that is known" if not names else "is sent twice"
            raise Refused(400, "UNKNOWN_AUDIENCE", f"{AUDIENCE_HEADER} {found}. Send one of: {known}.")
        return name, schema

    async def _run(
        self, http: Request, asked: GraphQLRequest, media: MediaType, served: Served, documents: Documents
    ) -> Response:
        audience, schema = self._audience(http, served)
        structlog.contextvars.bind_contextvars(audience=audience, operation=(asked.operation_name or "")[:80])
        failed = 400 if media is MediaType.GRAPHQL else 200
        try:
            prepared = documents.prepare(schema, asked.query)
        except GraphQLError as error:
            shown = show_errors([error], served.redact, code="BAD_DOCUMENT")
            return _respond(failed, {"errors": shown.errors}, media)
        operation = prepared.named(asked.operation_name)
        if operation is None:
            raise bad_request(_which_operation(len(prepared.operations), asked.operation_name))
        if operation.operation is OperationType.SUBSCRIPTION:
            raise Refused(400, "NOT_SERVED", "Subscriptions are not served over plain HTTP.")
        if operation.operation is OperationType.MUTATION and http.method == "GET":
            raise Refused(405, "METHOD_NOT_ALLOWED", "A mutation is sent with POST, not GET.", {"Allow": "POST"})
        if prepared.errors:
            shown = show_errors(prepared.errors, served.redact, code="BAD_DOCUMENT")
            return _respond(failed, {"errors": shown.errors}, media)

        context = served.context(http, audience)
        if inspect.isawaitable(context):
            context = await context
        try:
            with running(schema, prepared):
                result = await while_connected(
                    http,
                    schema.execute(
                        asked.query,
                        variable_values=dict(asked.variables),
                        context_value=context,
                        operation_name=operation.name.value if operation.name else None,
                        operation_extensions=dict(asked.extensions),
                    ),
                )
            shown = show_errors(result.errors or (), served.redact)
            answer: dict[str, Any] = {}
            if shown.errors:
                answer["errors"] = shown.errors
            began = result.data is not None or any(error.path for error in result.errors or ())
            if began or not shown.errors:
                answer["data"] = result.data
            if extensions := {**(result.extensions or {}), **_extensions(context)}:
                answer["extensions"] = extensions
            status = 200 if began or not shown.errors else 500 if shown.internal else failed
            if result.data is None and shown.status is not None:
                status = shown.status
            if shown.unavailable:  # whatever else it says, this answer is not the one to keep
                return _respond(503, answer, media, {"Retry-After": "2"})
            return _respond(status, answer, media)
        finally:
            await _close(context)


def _extensions(context: object) -> dict[str, Any]:
    contribute = getattr(context, "extensions", None)
    return dict(contribute()) if callable(contribute) else {}


async def _close(context: object) -> None:
    close = getattr(context, "close", None)
    if callable(close):
        closing = close()
        if inspect.isawaitable(closing):
            async with asyncio.timeout(SECONDS_TO_LET_GO):
                await closing


def _which_operation(count: int, name: str | None) -> str:
    if count == 0:
        return "The document holds no operation. Send a query."
    if name is None:
        return f"The document holds {count} operations. Say which to run in operationName."
    return f"The document holds no single operation named {name[:80]!a}. Correct operationName."


def _respond(
    status: int, answer: Mapping[str, Any], media: MediaType | None, headers: Mapping[str, str] | None = None
) -> Response:
    try:
        body = dumps(answer)
    except TypeError as error:  # a value that JSON cannot say: a defect, and not the client's
        status, body = 500, dumps({"errors": [internal_error(error)]})
    return Response(
        body,
        status,
        {
            "Content-Type": (media or MediaType.JSON).content_type,
            "Cache-Control": "no-store",
            "Vary": f"Accept, {AUDIENCE_HEADER}",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )
