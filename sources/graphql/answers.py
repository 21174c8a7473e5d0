"""What a GraphQL answer says: data, data with holes, or a failure, all three with status 200.

A null whose error names it is not "no value": an :class:`UnreadableValue` takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sources.failures import FailureKind, SourceFailure
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON

_REFUSED = {
    "UNAUTHENTICATED",
    "UNAUTHORIZED",
    "UNAUTHORISED",
    "FORBIDDEN",
    "ACCESS_DENIED",
    "INVALID_TOKEN",
    "401",
    "403",
}
_THROTTLED = {"THROTTLED", "RATE_LIMITED", "TOO_MANY_REQUESTS", "429"}
_REASON_LENGTH = 120


class GraphQLErrors(SourceFailure):
    """The system answered errors where the records should be."""


@dataclass(frozen=True, slots=True)
class GraphQLData:
    """The data of an answer, unreadable values marked; ``failure`` is what to raise where the records are not in it."""

    data: Mapping[str, JSON]
    failure: GraphQLErrors | None


def data_of(body: JSON, place: str, redacted: Callable[[str], str]) -> GraphQLData:
    """The data of the answer ``body``; ``redacted`` makes a system's text fit for a message.

    Raises SourceFailure where there are no data, or where an error does not say which of them it concerns."""
    if not isinstance(body, Mapping) or not ("data" in body or "errors" in body):
        raise SourceFailure(FailureKind.GARBLED, f"{place} answered JSON that is no GraphQL answer")
    data, errors = body.get("data"), body.get("errors")
    if errors is None:
        errors = []
    if not isinstance(errors, list) or not all(isinstance(error, Mapping) for error in errors):
        raise SourceFailure(FailureKind.GARBLED, f"{place} answered errors that are no list")
    failure = _failure(errors, place, redacted) if errors else None
    if not isinstance(data, Mapping):
        raise failure or SourceFailure(FailureKind.GARBLED, f"{place} answered neither data nor errors")
    for error in errors:
        reason = f"the system answered an error: {redacted(_message(error))[:_REASON_LENGTH]}"
        if not _mark(data, error.get("path"), UnreadableValue(reason)):
            assert failure is not None
            raise failure
    return GraphQLData(data, failure)


def _mark(data: Any, path: JSON, mark: UnreadableValue) -> bool:
    """Puts ``mark`` where ``path`` first meets a null: the error ended up there. False where it leads nowhere."""
    if not isinstance(path, Sequence) or isinstance(path, str) or not path:
        return False
    holder = data
    for step in path:
        try:
            value = holder[step]
        except (KeyError, IndexError, TypeError):
            return False
        if value is None:
            holder[step] = mark
            return True
        if isinstance(value, UnreadableValue):
            return True
        holder = value
    return True


def _failure(errors: Sequence[Mapping[str, JSON]], place: str, redacted: Callable[[str], str]) -> GraphQLErrors:
    kinds = [_kind(error) for error in errors]
    telling = next((kind for kind in kinds if kind is not FailureKind.GARBLED), FailureKind.GARBLED)
    message = redacted(_message(errors[kinds.index(telling)]))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return GraphQLErrors(telling, f"{place} answered an error: {message}{more}")


def _kind(error: Mapping[str, JSON]) -> FailureKind:
    extensions = error.get("extensions")
    if not isinstance(extensions, Mapping):
        return FailureKind.GARBLED
    http = extensions.get("http")
    said = {extensions.get("code"), extensions.get("status"), http.get("status") if isinstance(http, Mapping) else None}
    codes = {str(code).upper() for code in said if isinstance(code, str | int)}
    if codes & _REFUSED:
        return FailureKind.REFUSED
    return FailureKind.THROTTLED if codes & _THROTTLED else FailureKind.GARBLED


def _message(error: Mapping[str, JSON]) -> str:
    message = error.get("message")
    return message if isinstance(message, str) and message else "no message"
