"""One request over HTTP, and its answer in JSON: a deadline for the whole, a limit on bytes, no redirects, no surprises.

Whatever goes wrong is a :class:`SourceFailure`; :mod:`sources.web.failures` says which. Nothing is asked for again here:
that is the guard's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx2

from sources.failures import FailureKind, SourceFailure
from sources.values import JSON
from sources.web.failures import require_json, transport_failure
from sources.web.json_bodies import NotJSONError, parse_json

CONNECTIONS = 8
"""To one system at once."""
_PARSED_ON_THE_LOOP = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a system."""

    method: str
    url: str
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    explained: Collection[int] = ()
    """The statuses of refusals that say in JSON what is wrong, which are answers too."""


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


def redacted(text: str, secrets: Iterable[str], length: int = 200) -> str:
    """``text`` of a system's as a message may have it: one line of at most ``length``, and none of ``secrets``."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


class Transport:
    """Connections to one system, and what every request has in common."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        verify: bool | str,
        proxy: str | None,
        max_bytes: int,
    ) -> None:
        """Connects to nothing yet. ``url``: an address of the system; ``verify``: check TLS certificates, or the path of
        those to trust; ``max_bytes``: of one answer, decompressed."""
        self._max_bytes = max_bytes
        self._client = httpx2.AsyncClient(
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "User-Agent": "Whence",
                **headers,
            },
            verify=_trust(verify) if origin(url)[0] == "https" else False,
            proxy=proxy,
            timeout=None,  # one deadline bounds the whole call, which no timeout per read can do
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def send(self, request: Request, ends: float) -> Answer:
        """The answer to ``request``, before the loop's time ``ends``. Raises SourceFailure."""
        place = f"{request.method} {shown(request.url)}"
        built = self._client.build_request(
            request.method,
            httpx2.URL(request.url).copy_merge_params(request.params),
            content=request.content,
            headers=dict(request.headers),
        )
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(ends):
                response = await self._client.send(built, stream=True)
                try:
                    require_json(response, place, explained=request.explained)
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
        return Answer(parsed, _next_link(response, str(built.url)))

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.aclose()

    async def _body(self, response: httpx2.Response, place: str) -> bytes:
        too_large = SourceFailure(
            FailureKind.TOO_LARGE,
            f"{place} answered more than {self._max_bytes:,} bytes; ask for smaller pages, or raise max_bytes",
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


def _next_link(response: httpx2.Response, base: str) -> str | None:
    links: Mapping[Any, Mapping[str, str]] = response.links
    for link in links.values():
        if "next" in link.get("rel", "").lower().split():
            return urljoin(base, link.get("url", ""))
    return None
