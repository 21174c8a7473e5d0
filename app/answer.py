"""The head of a request as the endpoint reads it, and the answer that it gives: both straight, for every request pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from app.errors import internal_error
from app.negotiation import MediaType
from app.strictjson import dumps

AUDIENCE_HEADER = "X-Whence-Audience"
OFFERED = (MediaType.GRAPHQL, MediaType.JSON)


class Head:
    """What the endpoint reads in a request's headers, found in one pass."""

    __slots__ = ("accept", "audiences", "content_encoding", "content_type")

    def __init__(self, scope: Scope) -> None:
        accept: list[str] = []
        self.audiences: set[str] = set()
        self.content_type: str | None = None
        self.content_encoding: str | None = None
        for name, value in scope["headers"]:
            if name == b"accept":
                accept.append(value.decode("latin-1"))
            elif name == b"content-type":
                self.content_type = self.content_type or value.decode("latin-1")
            elif name == b"content-encoding":
                self.content_encoding = self.content_encoding or value.decode("latin-1")
            elif name == _AUDIENCE:
                self.audiences.add(value.decode("latin-1"))
        self.accept = ", ".join(accept) or None


class Answer:
    """A whole answer, sent as it is: an ASGI application."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self._status = status
        self._body = body
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


def respond(
    status: int, answer: Mapping[str, Any], media: MediaType | None, headers: Mapping[str, str] | None = None
) -> Answer:
    """``answer`` as JSON, in ``media``, with what is in the headers of every answer."""
    try:
        body = dumps(answer)
    except TypeError as error:  # a value that JSON cannot say: a defect, and not the client's
        status, body = 500, dumps({"errors": [internal_error(error)]})
    return respond_with(status, body, media, headers)


def respond_with(status: int, body: bytes, media: MediaType | None, headers: Mapping[str, str] | None = None) -> Answer:
    """The same, of an answer that is JSON already."""
    sent = [(b"content-length", b"%d" % len(body)), *_HEADERS[media or MediaType.JSON]]
    if headers:
        sent += ((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
    return Answer(status, body, sent)


_AUDIENCE = AUDIENCE_HEADER.lower().encode()
_HEADERS = {
    media: (
        (b"content-type", media.content_type.encode()),
        (b"cache-control", b"no-store"),
        (b"vary", f"Accept, {AUDIENCE_HEADER}".encode()),
        (b"x-content-type-options", b"nosniff"),
    )
    for media in OFFERED
}
"""The same in every answer."""
