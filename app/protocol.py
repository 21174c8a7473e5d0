"""A GraphQL-over-HTTP request, read from what came over the wire. Pure: nothing here waits, runs or logs.

What is not a well-formed request raises :class:`Refused`, which the endpoint turns into the answer, in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from app.strictjson import NotStrict, check_text, loads
from sources.values import JSON

PARAMETERS = ("query", "operationName", "variables", "extensions")


class Refused(Exception):
    """A request that is not run. ``message`` is safe to show."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation asked for. ``query`` is not blank; absent parameters are None or empty."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, JSON] = field(default_factory=dict)
    extensions: Mapping[str, JSON] = field(default_factory=dict)


def check_post_headers(content_type: str | None, content_encoding: str | None) -> None:
    """Refuse (415) a POST whose body is not plain JSON in UTF-8, before its body is read. Raises Refused."""
    media, _, rest = (content_type or "").partition(";")
    media = media.strip().lower()
    if media != "application/json":
        found = f"The Content-Type is {media[:80]!a}, not application/json." if media else "There is no Content-Type."
        raise _unsupported(found)
    for parameter in rest.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8"):
            raise _unsupported(f"The body's charset is {value.strip()[:40]!a}, not utf-8.")
    encodings = [entry.strip().lower() for entry in (content_encoding or "").split(",") if entry.strip()]
    if any(encoding != "identity" for encoding in encodings):
        raise Refused(
            415,
            "UNSUPPORTED_ENCODING",
            f"The body's Content-Encoding is {', '.join(encodings)[:80]!a}. Send it uncompressed.",
            {"Accept-Encoding": "identity"},
        )


def parse_body(body: bytes) -> GraphQLRequest:
    """The request that a POST's ``body`` holds. Raises Refused (400)."""
    if not body:
        raise bad_request('The body is empty. Send a JSON object: {"query": "..."}.')
    try:
        value = loads(body, "The body")
    except NotStrict as error:
        raise bad_request(str(error)) from None
    if isinstance(value, list):
        raise bad_request('The body is a list. Send one JSON object: {"query": "..."}; batches are not served.')
    if not isinstance(value, dict):
        raise bad_request(f'The body is {_kind(value)}. Send a JSON object: {{"query": "..."}}.')
    return _request(value)


def parse_query_string(query_string: bytes) -> GraphQLRequest:
    """The request that a GET's query string holds. Raises Refused (400)."""
    found: dict[str, JSON] = {}
    for pair in query_string.split(b"&"):
        raw_key, _, raw_value = pair.replace(b"+", b" ").partition(b"=")
        try:
            key = unquote_to_bytes(raw_key).decode("utf-8")
            if key not in PARAMETERS:
                continue
            value = unquote_to_bytes(raw_value).decode("utf-8")
        except UnicodeDecodeError:
            raise bad_request("The query string is not UTF-8. Percent-encode it from UTF-8.") from None
        if key in found:
            raise bad_request(f"The query string has {key} twice. Send it once.")
        found[key] = value
    for key in ("variables", "extensions"):
        text = found.get(key)
        try:
            found[key] = loads(text, key) if isinstance(text, str) and text else None
        except NotStrict as error:
            raise bad_request(str(error)) from None
    found["operationName"] = found.get("operationName") or None
    return _request(found)


def bad_request(message: str) -> Refused:
    """A 400 for a request that is malformed."""
    return Refused(400, "BAD_REQUEST", message)


def _request(parameters: Mapping[str, JSON]) -> GraphQLRequest:
    query = parameters.get("query")
    if query is None:
        raise bad_request('There is no query. Send it as the parameter "query".')
    if not isinstance(query, str):
        raise bad_request(f"query is {_kind(query)}. Send a string.")
    if not query.strip():
        raise bad_request("query is empty. Send a GraphQL document.")
    operation_name = parameters.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise bad_request(f"operationName is {_kind(operation_name)}. Send a string, or leave it out.")
    try:
        check_text([query, operation_name or ""], "The query")
    except NotStrict as error:
        raise bad_request(str(error)) from None
    return GraphQLRequest(query, operation_name, _mapping(parameters, "variables"), _mapping(parameters, "extensions"))


def _mapping(parameters: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"{name} is {_kind(value)}. Send an object, or leave it out.")
    return value


def _unsupported(found: str) -> Refused:
    return Refused(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        f"{found} Send JSON with Content-Type: application/json.",
        {"Accept-Post": "application/json; charset=utf-8"},
    )


def _kind(value: JSON) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "a number"
