"""A JSON client for one system: it knows the system's credentials, and leaves for no other."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Annotated

import orjson
from pydantic import Field, field_validator

from sources.declaration import ConnectorOptions
from sources.failures import FailureKind, SourceFailure
from sources.values import JSON
from sources.web.authentication import (
    Authentication,
    HeaderName,
    HeaderText,
    HttpUrl,
    OAuth2Authentication,
    authentication_headers,
    authentication_secrets,
)
from sources.web.failures import Unauthorized
from sources.web.oauth2 import TokenIssuer
from sources.web.transport import Answer, Request, Transport, origin, redacted, shown


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


class HttpClient:
    """Asks one system for JSON. Requests leave for the scheme, host and port of its ``url`` alone."""

    def __init__(self, options: HttpOptions) -> None:
        """Connects to nothing yet."""
        self._origin = origin(options.url)
        declared = {name: value.get_secret_value() for name, value in options.headers.items()}
        self._secrets = (*authentication_secrets(options.auth), *(v for v in declared.values() if len(v) > 7))
        self._transport = Transport(
            options.url,
            headers={**declared, **authentication_headers(options.auth)},
            verify=options.verify,
            proxy=options.proxy,
            max_bytes=options.max_bytes,
        )
        self._issuer: TokenIssuer | None = None
        if isinstance(options.auth, OAuth2Authentication):
            self._issuer = TokenIssuer(options.auth, verify=options.verify, proxy=options.proxy)

    async def get(self, url: str, params: Mapping[str, str | list[str]], ends: float) -> Answer:
        """The answer to a GET of ``url`` with ``params`` added to its query, before the loop's time ``ends``.

        Asks once. Raises SourceFailure."""
        return await self._send("GET", url, params, None, ends)

    async def ask(self, url: str, question: JSON, ends: float) -> Answer:
        """The answer to a POST of the JSON ``question``, which changes nothing there and may therefore be repeated.

        A refusal of the question (status 400 or 422) that is JSON is an answer too, for it says what is wrong.
        Asks once. Raises SourceFailure."""
        return await self._send("POST", url, {}, orjson.dumps(question), ends)

    def distrust(self) -> bool:
        """The system says in an answer, not by its status, that our token is no good: whether asking again will show it
        another one."""
        return self._issuer is not None and self._issuer.distrust()

    def redacted(self, text: str, length: int = 200) -> str:
        """``text`` of the system's as a message may have it: one line of at most ``length``, and no secret of ours."""
        issued = self._issuer.secrets if self._issuer is not None else ()
        return redacted(text, (*self._secrets, *issued), length)

    async def close(self) -> None:
        """Give back the connections."""
        if self._issuer is not None:
            await self._issuer.close()
        await self._transport.close()

    async def _send(
        self, method: str, url: str, params: Mapping[str, str | list[str]], content: bytes | None, ends: float
    ) -> Answer:
        if origin(url) != self._origin:
            raise SourceFailure(
                FailureKind.GARBLED,
                f"it sends us on to {shown(url)}, which is another system; Whence does not go there",
            )
        own = {"Content-Type": "application/json"} if content is not None else {}
        explained = (400, 422) if content is not None else ()
        if self._issuer is None:
            return await self._transport.send(Request(method, url, params, content, own, explained), ends)
        token = await self._issuer.token(ends)
        try:
            headers = {**own, "Authorization": token.header}
            return await self._transport.send(Request(method, url, params, content, headers, explained), ends)
        except Unauthorized:
            renewed = await self._issuer.token(ends, instead_of=token)
        try:
            headers = {**own, "Authorization": renewed.header}
            return await self._transport.send(Request(method, url, params, content, headers, explained), ends)
        except Unauthorized as refused:
            raise self._issuer.useless(refused.failure) from None
