"""What an HTTP answer, or the lack of one, means: the failure it is, or none.

Messages name the address without its query, and hold neither a body nor a secret::

    no connection, cut off, 5xx      UNREACHABLE     401 403 407             REFUSED
    no answer in time, 408           TIMEOUT         404 410                 MISSING_OBJECT
    429, 503 with Retry-After        THROTTLED       redirects, other 4xx    GARBLED
    more than max_bytes              TOO_LARGE       HTML, empty, bad JSON   GARBLED
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

import httpx2

from sources.failures import FailureKind, SourceFailure

_LONGEST_RETRY_AFTER = timedelta(days=1)
_DECODERS = {"identity", "gzip", "x-gzip", "deflate"}
_JSON_TYPE = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json")


class Unauthorized(SourceFailure):
    """The system does not accept the credentials that came with the request (status 401)."""


def require_json(response: httpx2.Response, place: str, *, explained: Collection[int] = ()) -> None:
    """Raises SourceFailure for a status, media type or encoding that is not a JSON answer's.

    ``place`` is the method and the shown address, with which the message begins; a refusal of the request with one of the
    statuses ``explained`` passes where it says in JSON what is wrong."""
    status = response.status_code
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not (status in explained and _JSON_TYPE.fullmatch(media_type)):
        failure = _status_failure(response, status, place)
        if failure is not None:
            raise failure
    encodings = {name.strip().lower() for name in response.headers.get("Content-Encoding", "identity").split(",")}
    if not encodings <= _DECODERS or len(encodings) > 1:
        raise SourceFailure(FailureKind.GARBLED, f"{place} answered in a compression that was not asked for")
    if media_type and not _JSON_TYPE.fullmatch(media_type):
        name = media_type if re.fullmatch(r"[\w.+-]{1,40}/[\w.+-]{1,60}", media_type) else "something"
        raise SourceFailure(FailureKind.GARBLED, f"{place} answered {name} where JSON was expected")


def _status_failure(response: httpx2.Response, status: int, place: str) -> SourceFailure | None:
    retry_after = _retry_after(response.headers.get("Retry-After"))
    match status:
        case 204 | 205:
            return SourceFailure(FailureKind.GARBLED, f"{place} answered an empty body (status {status})")
        case _ if 200 <= status < 300 and status != 206:
            return None
        case _ if 300 <= status < 400:
            return SourceFailure(
                FailureKind.GARBLED, f"{place} answered a redirect{_target(response)}; declare that address"
            )
        case 401:
            return Unauthorized(FailureKind.REFUSED, f"{place} refused our credentials (status 401)")
        case 403 | 407:
            kind, said = (
                FailureKind.REFUSED,
                "refused our credentials" if status != 403 else "does not let us read this",
            )
        case 404 | 410:
            kind, said = FailureKind.MISSING_OBJECT, "does not exist"
        case 408:
            kind, said = FailureKind.TIMEOUT, "gave up waiting"
        case 429:
            kind, said = FailureKind.THROTTLED, "asks us to come later"
        case 503 if retry_after is not None:
            kind, said = FailureKind.THROTTLED, "asks us to come later"
        case _ if status >= 500:
            kind, said = FailureKind.UNREACHABLE, "failed"
        case _:
            kind, said = FailureKind.GARBLED, "did not accept the request"
    return SourceFailure(kind, f"{place} {said} (status {status})", retry_after)


def transport_failure(error: Exception, place: str) -> SourceFailure:
    """What ``error``, of the HTTP client or of the system under it, means."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = cause.verify_message or "it cannot be verified"
            return SourceFailure(FailureKind.GARBLED, f"{place}: its TLS certificate is not trusted: {reason}")
        cause = cause.__cause__ or cause.__context__
    match error:
        case httpx2.DecodingError():
            return SourceFailure(FailureKind.GARBLED, f"{place} answered a body whose compression is broken")
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return SourceFailure(FailureKind.GARBLED, f"{place} cannot be asked: a header or the address is malformed")
        case httpx2.ConnectError():
            return SourceFailure(FailureKind.UNREACHABLE, f"{place}: no connection")
        case httpx2.ProxyError():
            return SourceFailure(FailureKind.UNREACHABLE, f"{place}: the proxy lets us not through")
        case _:
            return SourceFailure(
                FailureKind.UNREACHABLE, f"{place}: the connection ended before the answer was complete"
            )


def _retry_after(header: str | None) -> timedelta | None:
    """The wait that ``Retry-After`` asks for, in seconds or as a date; a day at most."""
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"\d{1,9}", text):
        wait = timedelta(seconds=int(text))
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(wait, timedelta(0)), _LONGEST_RETRY_AFTER)


def _target(response: httpx2.Response) -> str:
    """`` to HOST``, of a redirect; a path or a query may hold secrets."""
    try:
        url = httpx2.URL(urljoin(str(response.request.url), response.headers.get("Location", "")))
    except (httpx2.InvalidURL, ValueError):
        return ""
    port = f":{url.port}" if url.port else ""
    return f" to {url.scheme}://{url.host}{port}" if "Location" in response.headers else ""
