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
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
import strawberry
import structlog
from graphql import ASTValidationRule, GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.answer import AUDIENCE_HEADER as AUDIENCE_HEADER
from app.answer import OFFERED, Head, respond, respond_with
from app.connection import SECONDS_TO_LET_GO, read_body, while_connected
from app.documents import Documents
from app.errors import internal_error, show_errors
from app.graphiql import GraphiQL
from app.negotiation import MediaType, negotiate, prefers_html
from app.parsing import Desk
from app.performing import Performer
from app.protocol import GraphQLRequest, Refused, bad_request, check_post_headers, parse_body, parse_query_string
from resolvers.ownership import Audience
from resolvers.request_limits import RequestLimits

MakeContext = Callable[[Request, str], Any]
"""From the request and its audience, the context of its resolvers; may be a coroutine function.

The context may have ``extensions()``, whose mapping is merged into the answer's, and ``close()``, plain or async, which
is called once when the request is over, however it ended: there it ends what it started (loaders, reads)."""

log = structlog.stdlib.get_logger("whence.graphql")


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What the endpoint answers with: a reload puts another in its place. ``redact`` takes secrets out of messages;
    ``graphiql`` is the page for people, without it they get what programs get; ``audiences`` says what each may ask, one
    that it does not name anything within the default limits."""

    schemas: Mapping[str, strawberry.Schema]
    context: MakeContext
    default_audience: str
    redact: Callable[[str], str] = str
    graphiql: GraphiQL | None = None
    audiences: Mapping[str, Audience] = field(default_factory=dict)


Serving = Callable[[], AbstractContextManager[Served]]
"""Asked once for each request; left when its answer has been sent."""


def graphql_route(
    schemas: Mapping[str, strawberry.Schema],
    context: MakeContext,
    *,
    default_audience: str,
    path: str = "/graphql",
    limits: RequestLimits | None = None,
    audiences: Mapping[str, Audience] | None = None,
    rules: Sequence[type[ASTValidationRule]] = (),
    redact: Callable[[str], str] = str,
    graphiql: GraphiQL | None = None,
    compiling: bool = True,
) -> Route:
    """The route of an endpoint that answers with the same as long as it lives; see :class:`Served`. ``limits`` are those
    of audiences that ``audiences`` does not name."""
    asking = {name: Audience(name, limits=limits or RequestLimits()) for name in schemas} | dict(audiences or {})
    served = Served(schemas, context, default_audience, redact, graphiql, asking)
    endpoint = GraphQLEndpoint(lambda: nullcontext(served), rules=rules, compiling=compiling)
    return Route(path, endpoint, name="graphql")


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """What one audience is answered with."""

    name: str
    schema: strawberry.Schema
    limits: RequestLimits
    documents: Documents


class GraphQLEndpoint:
    """An ASGI application that answers each request with what ``serving`` gives at its beginning. ``compiling``: operations
    are compiled; else graphql-core runs them all."""

    def __init__(
        self, serving: Serving, *, rules: Sequence[type[ASTValidationRule]] = (), compiling: bool = True
    ) -> None:
        self._serving = serving
        self._performer = Performer(compiling=compiling)
        self._rules = rules
        self._desk = Desk()
        self._kept: tuple[Served, dict[str, _Face]] | None = None
        # strawberry logs every error itself, without our id and with what clients send; show_errors logs what matters
        logging.getLogger("strawberry.execution").disabled = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing is sent to a client that has gone."""
        request = Request(scope, receive)
        with self._serving() as served:
            try:
                answer = await self._answer(request, served)
            except ClientDisconnect:
                structlog.contextvars.bind_contextvars(client="gone")
                return
            await answer(scope, receive, send)

    def _faces(self, served: Served) -> dict[str, _Face]:
        """What is kept for ``served``: its documents end with its schemas."""
        if self._kept is None or self._kept[0] is not served:
            self._performer.forget()
            faces: dict[str, _Face] = {}
            for name, schema in served.schemas.items():
                audience = served.audiences.get(name) or Audience(name)
                share = 1 / len(served.schemas)
                documents = Documents(schema, audience, self._desk, rules=self._rules, share=share)
                faces[name] = _Face(name, schema, audience.limits, documents)
            self._kept = served, faces
        return self._kept[1]

    async def _answer(self, request: Request, served: Served) -> ASGIApp:
        head = Head(request.scope)
        if served.graphiql is not None and request.method in ("GET", "HEAD") and _prefers_html(head.accept):
            return served.graphiql.response()
        media = _negotiated(head.accept)
        clock: asyncio.Timeout | None = None
        try:
            if media is None:
                raise Refused(406, "NOT_ACCEPTABLE", f"Accept one of {', '.join(OFFERED)}.")
            face = self._face(head, served)
            async with asyncio.timeout(face.limits.deadline) as clock:
                asked = await self._read(request, head, face.limits)
                return await self._run(request, asked, media, served, face)
        except Refused as refused:
            error = {"message": served.redact(refused.message), "extensions": {"code": refused.code}}
            status = 200 if refused.of_document and media is not MediaType.GRAPHQL else refused.status
            return respond(status, {"errors": [error]}, media, refused.headers)
        except ClientDisconnect:
            raise
        except Exception as error:  # the one place where exceptions stop
            if clock is not None and clock.expired():
                said = f"The request took longer than {face.limits.deadline:g} s. Ask for less, or try again later."
                entry = {"message": said, "extensions": {"code": "TIMEOUT"}}
                return respond(503, {"errors": [entry]}, media, {"Retry-After": "5"})
            return respond(500, {"errors": [internal_error(error)]}, media)

    async def _read(self, request: Request, head: Head, limits: RequestLimits) -> GraphQLRequest:
        if request.method == "GET":
            return parse_query_string(request.scope["query_string"], limits.values)
        if request.method != "POST":
            raise Refused(405, "METHOD_NOT_ALLOWED", "Use GET or POST.", {"Allow": "GET, POST"})
        check_post_headers(head.content_type, head.content_encoding)
        return parse_body(await read_body(request, limits.body_bytes), limits.values)

    def _face(self, head: Head, served: Served) -> _Face:
        faces = self._faces(served)
        names = head.audiences or {served.default_audience}
        name = names.pop()
        face = faces.get(name)
        if face is None or names:
            known = ", ".join(sorted(served.schemas))
            found = "names no audience that is known" if not names else "is sent twice"
            raise Refused(400, "UNKNOWN_AUDIENCE", f"{AUDIENCE_HEADER} {found}. Send one of: {known}.")
        return face

    async def _run(
        self, http: Request, asked: GraphQLRequest, media: MediaType, served: Served, face: _Face
    ) -> ASGIApp:
        structlog.contextvars.bind_contextvars(audience=face.name, operation=(asked.operation_name or "")[:80])
        failed = 400 if media is MediaType.GRAPHQL else 200
        documents = face.documents
        try:
            text = documents.text_of(asked)
            prepared = documents.known(text) if asked.sha256 is None else None
            if prepared is None:
                prepared = await documents.prepare(text, asked.sha256 if asked.query else None)
        except GraphQLError as error:
            shown = show_errors([error], served.redact, code="BAD_DOCUMENT")
            return respond(failed, {"errors": shown.errors}, media)
        operation = prepared.named(asked.operation_name)
        if operation is None:
            raise bad_request(_which_operation(len(prepared.operations), asked.operation_name))
        if operation.kind is OperationType.SUBSCRIPTION:
            raise Refused(400, "NOT_SERVED", "Subscriptions are not served over plain HTTP.")
        if operation.kind is OperationType.MUTATION and http.method == "GET":
            raise Refused(405, "METHOD_NOT_ALLOWED", "A mutation is sent with POST, not GET.", {"Allow": "POST"})
        if prepared.errors:
            shown = show_errors(prepared.errors, served.redact, code="BAD_DOCUMENT")
            return respond(failed, {"errors": shown.errors}, media)

        context = served.context(http, face.name)
        if inspect.isawaitable(context):
            context = await context
        try:
            trusted = documents.trusts(text)
            work = self._performer.perform(face.schema, text, prepared, operation, asked, context, trusted=trusted)
            performed = await while_connected(http, work)
            extensions = {**performed.extensions, **_extensions(context)}
            if performed.data is not None and not performed.errors and not extensions:
                return respond_with(200, b'{"data":%b}' % performed.data, media)
            shown = show_errors(performed.errors, served.redact)
            answer: dict[str, Any] = {}
            if shown.errors:
                answer["errors"] = shown.errors
            if performed.data is not None:
                answer["data"] = orjson.Fragment(performed.data)
            if extensions:
                answer["extensions"] = extensions
            status = 200 if performed.data is not None else 500 if shown.internal else failed
            if performed.data in (None, b"null") and shown.status is not None:
                status = shown.status
            if shown.unavailable:  # whatever else it says, this answer is not the one to keep
                return respond(503, answer, media, {"Retry-After": "2"})
            return respond(status, answer, media)
        finally:
            await _close(context)


@lru_cache(maxsize=256)
def _negotiated(accept: str | None) -> MediaType | None:
    return negotiate(accept, OFFERED)


@lru_cache(maxsize=256)
def _prefers_html(accept: str | None) -> bool:
    return prefers_html(accept)


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
