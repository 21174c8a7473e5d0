"""A GraphQL-over-HTTP request, read from what came over the wire. Pure: nothing here waits, runs or logs.

What is not a well-formed request raises :class:`Refused`, which the endpoint turns into the answer, in one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from app.strictjson import NotStrict, TooManyValues, check_text, loads
from sources.values import JSON

PARAMETERS = ("query", "documentId", "operationName", "variables", "extensions")
ID_LENGTH = 200
"""Characters of a document's id."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    """A request that is not run. ``message`` is safe to show. ``of_document``: it is well-formed, and only its document is
    not known; where the answer is plain JSON its status is 200 then."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        of_document: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.of_document = of_document


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation asked for; absent parameters are None or empty.

    Its document is ``query``, which is empty where ``document_id`` or ``sha256`` (Apollo's hash) stands for it; beside a
    query, the hash registers it."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, JSON] = field(default_factory=dict)
    extensions: Mapping[str, JSON] = field(default_factory=dict)
    document_id: str | None = None
    sha256: str | None = None


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


def parse_body(body: bytes, values: int | None = None) -> GraphQLRequest:
    """The request that a POST's ``body`` holds, of at most so many ``values``. Raises Refused (400)."""
    if not body:
        raise bad_request('The body is empty. Send a JSON object: {"query": "..."}.')
    try:
        value = loads(body, "The body", values=values)
    except TooManyValues as error:
        raise Refused(400, "LIMIT", str(error)) from None
    except NotStrict as error:
        raise bad_request(str(error)) from None
    if isinstance(value, list):
        raise bad_request('The body is a list. Send one JSON object: {"query": "..."}; batches are not served.')
    if not isinstance(value, dict):
        raise bad_request(f'The body is {_kind(value)}. Send a JSON object: {{"query": "..."}}.')
    return _request(value)


def parse_query_string(query_string: bytes, values: int | None = None) -> GraphQLRequest:
    """The request that a GET's query string holds, of at most so many ``values``. Raises Refused (400)."""
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
            found[key] = loads(text, key, values=values) if isinstance(text, str) and text else None
        except TooManyValues as error:
            raise Refused(400, "LIMIT", str(error)) from None
        except NotStrict as error:
            raise bad_request(str(error)) from None
    found["operationName"] = found.get("operationName") or None
    return _request(found)


def bad_request(message: str) -> Refused:
    """A 400 for a request that is malformed."""
    return Refused(400, "BAD_REQUEST", message)


def _request(parameters: Mapping[str, JSON]) -> GraphQLRequest:
    query, document_id = parameters.get("query"), parameters.get("documentId")
    extensions = _mapping(parameters, "extensions")
    sha256 = _sha256(extensions)
    if document_id is not None:
        if not isinstance(document_id, str) or not 0 < len(document_id) <= ID_LENGTH:
            raise bad_request(f"documentId is no id. Send a string of at most {ID_LENGTH} characters.")
        if query is not None:
            raise bad_request("There is a query beside documentId. Send one of them.")
    if query is None and document_id is None and sha256 is None:
        raise bad_request('There is no query. Send it as the parameter "query".')
    if query is None:
        query = ""
    elif not isinstance(query, str):
        raise bad_request(f"query is {_kind(query)}. Send a string.")
    elif not query.strip():
        raise bad_request("query is empty. Send a GraphQL document.")
    operation_name = parameters.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise bad_request(f"operationName is {_kind(operation_name)}. Send a string, or leave it out.")
    try:
        check_text([query, operation_name or "", document_id or ""], "The query")
    except NotStrict as error:
        raise bad_request(str(error)) from None
    variables = _mapping(parameters, "variables")
    return GraphQLRequest(query, operation_name, variables, extensions, document_id, sha256)


def _sha256(extensions: Mapping[str, JSON]) -> str | None:
    """The hash of Apollo's persisted queries, if there is one."""
    said = extensions.get("persistedQuery")
    if said is None:
        return None
    if not isinstance(said, dict) or said.get("version") != 1:
        raise bad_request("extensions.persistedQuery is of no version that is served. Send version 1.")
    found = said.get("sha256Hash")
    if not isinstance(found, str) or not _SHA256.fullmatch(found):
        raise bad_request(
            "extensions.persistedQuery.sha256Hash is no SHA-256. Send 64 hexadecimal digits, small letters."
        )
    return found


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
