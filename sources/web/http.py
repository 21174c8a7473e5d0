"""A bounded JSON client for one system: one deadline for a whole call, a limit on bytes, no redirects, no surprises.

Whatever goes wrong is a :class:`SourceFailure`; :mod:`sources.web.failures` says which.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from secrets import SystemRandom
from typing import Annotated, Any, TypeVar
from urllib.parse import urljoin

import httpx2
import orjson
from pydantic import AfterValidator, Field, field_validator

from sources.declaration import ConnectorOptions
from sources.failures import FailureKind, SourceFailure
from sources.values import JSON
from sources.web.authentication import (
    Authentication,
    HeaderName,
    HeaderText,
    authentication_headers,
    authentication_secrets,
)
from sources.web.failures import require_json, transport_failure
from sources.web.json_bodies import NotJSONError, parse_json

CONNECTIONS = 8
"""To one system at once."""
ATTEMPTS = 3
_BACKOFF_SECONDS = 0.1
_PARSED_ON_THE_LOOP = 64 * 1024
_random = SystemRandom()

T = TypeVar("T")


def _http_url(url: str) -> str:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise ValueError('write an address such as "https://pim.example.com/api/products"') from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError('write the whole address, such as "https://pim.example.com/api/products"')
    if parsed.userinfo:
        raise ValueError('take the user out of the address and write auth = { kind = "basic", ... }')
    return url


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""An absolute http or https address without a user."""


class HttpOptions(ConnectorOptions):
    """What every connector over HTTP takes."""

    url: HttpUrl = Field(repr=False)
    headers: Mapping[HeaderName, HeaderText] = Field(default_factory=dict)
    auth: Authentication | None = None
    verify: bool | str = True
    """Check the system's TLS certificate: true, false, or the path of a file of certificates to trust."""
    proxy: HttpUrl | None = Field(default=None, repr=False)
    """Requests go through this proxy. The environment's proxy settings are not read."""
    max_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 32 * 1024 * 1024
    """Of one answer, decompressed."""

    @field_validator("verify")
    @classmethod
    def _readable(cls, verify: bool | str) -> bool | str:
        if isinstance(verify, str):
            try:
                ssl.create_default_context(cafile=verify)
            except (OSError, ssl.SSLError):
                raise ValueError("it is no file of certificates that can be read; write its path, or true") from None
        return verify


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system answered: the parsed body, and the address that it calls the next page (RFC 8288), if any."""

    body: JSON
    next_url: str | None


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of ``url``."""
    parsed = httpx2.URL(url)
    return parsed.scheme, parsed.host, parsed.port or {"http": 80, "https": 443}.get(parsed.scheme, 0)


def shown(url: str) -> str:
    """``url`` as a message may have it: without user, query and fragment."""
    parsed = httpx2.URL(url)
    return str(parsed.copy_with(username=None, password=None, query=None, fragment=None))


async def together(calls: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """What all ``calls`` return, in their order, at most :data:`CONNECTIONS` of them at once.

    Raises the first SourceFailure, which ends the others."""
    free = asyncio.Semaphore(CONNECTIONS)

    async def one(call: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await call()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


class HttpClient:
    """Asks one system for JSON. Requests leave for the scheme, host and port of its ``url`` alone."""

    def __init__(self, options: HttpOptions) -> None:
        """Connects to nothing yet."""
        self._origin = origin(options.url)
        self._max_bytes = options.max_bytes
        declared = {name: value.get_secret_value() for name, value in options.headers.items()}
        self._secrets = tuple(
            sorted({*authentication_secrets(options.auth), *(v for v in declared.values() if len(v) > 7)}, key=len)
        )[::-1]
        self._client = httpx2.AsyncClient(
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": "Whence",
                **declared,
                **authentication_headers(options.auth),
            },
            verify=_trust(options.verify) if self._origin[0] == "https" else False,
            proxy=options.proxy,
            timeout=None,  # one deadline bounds the whole call, which no timeout per read can do
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def get(self, url: str, params: Mapping[str, str | list[str]], ends: float) -> Answer:
        """The answer to a GET of ``url`` with ``params`` added to its query, before the loop's time ``ends``.

        Asks at most three times, where trying again may help and there is time. Raises SourceFailure."""
        return await self._persist("GET", url, params, None, ends)

    async def ask(self, url: str, question: JSON, ends: float) -> Answer:
        """The answer to a POST of the JSON ``question``, which changes nothing there and may therefore be repeated.

        A refusal of the question (status 400 or 422) that is JSON is an answer too, for it says what is wrong.
        Raises SourceFailure."""
        return await self._persist("POST", url, {}, orjson.dumps(question), ends)

    def redacted(self, text: str, length: int = 200) -> str:
        """``text`` of the system's as a message may have it: one line of at most ``length``, and no secret of ours."""
        for secret in self._secrets:
            if secret:
                text = text.replace(secret, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= length else line[: length - 1] + "…"

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.aclose()

    async def _persist(
        self, method: str, url: str, params: Mapping[str, str | list[str]], content: bytes | None, ends: float
    ) -> Answer:
        if origin(url) != self._origin:
            raise SourceFailure(
                FailureKind.GARBLED,
                f"it sends us on to {shown(url)}, which is another system; Whence does not go there",
            )
        loop = asyncio.get_running_loop()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(method, url, params, content, ends)
            except SourceFailure as failed:
                pause = _pause(failed, attempt)
                if pause is None or loop.time() + pause >= ends:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, method: str, url: str, params: Mapping[str, str | list[str]], content: bytes | None, ends: float
    ) -> Answer:
        place = f"{method} {shown(url)}"
        headers = {"Content-Type": "application/json"} if content is not None else None
        request = self._client.build_request(
            method, httpx2.URL(url).copy_merge_params(params), content=content, headers=headers
        )
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(ends):
                response = await self._client.send(request, stream=True)
                try:
                    require_json(response, place, explained=content is not None)
                    body = await self._body(response, place)
                finally:
                    await response.aclose()
                    self._client.cookies.clear()
                if len(body) > _PARSED_ON_THE_LOOP:
                    parsed = await asyncio.to_thread(parse_json, body)
                else:
                    parsed = parse_json(body)
        except NotJSONError as error:
            raise SourceFailure(FailureKind.GARBLED, f"{place} answered {error}") from None
        except (TimeoutError, httpx2.TimeoutException):
            waited = max(0.0, ends - began)
            raise SourceFailure(FailureKind.TIMEOUT, f"{place} did not answer within {waited:.1f} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            raise transport_failure(error, place) from None
        return Answer(parsed, _next_link(response, str(request.url)))

    async def _body(self, response: httpx2.Response, place: str) -> bytes:
        too_large = SourceFailure(
            FailureKind.TOO_LARGE, f"{place} answered more than {self._max_bytes:,} bytes; ask for smaller pages"
        )
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced[:20]) > self._max_bytes:
            raise too_large
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > self._max_bytes:
                raise too_large
            pieces.append(piece)
            if len(piece) > _PARSED_ON_THE_LOOP:
                await asyncio.sleep(0)  # one packet can inflate to many pieces: let others run between them
        return b"".join(pieces)


def _trust(verify: bool | str) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify


def _pause(failed: SourceFailure, attempt: int) -> float | None:
    """Seconds to wait before trying again, or None where that is no use."""
    failure = failed.failure
    if attempt >= ATTEMPTS or failure.kind not in {FailureKind.UNREACHABLE, FailureKind.THROTTLED}:
        return None
    backoff: float = _BACKOFF_SECONDS * 2 ** (attempt - 1) * _random.uniform(0.5, 1.5)
    return max(backoff, failure.retry_after.total_seconds()) if failure.retry_after is not None else backoff


def _next_link(response: httpx2.Response, base: str) -> str | None:
    links: Mapping[Any, Mapping[str, str]] = response.links
    for link in links.values():
        if "next" in link.get("rel", "").lower().split():
            return urljoin(base, link.get("url", ""))
    return None
