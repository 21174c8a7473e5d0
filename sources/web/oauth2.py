"""Tokens for a client's id and secret: OAuth 2.0, the client credentials grant (RFC 6749, section 4.4).

A token is fetched when the first request needs one, once for all that wait for it, kept until shortly before it runs out,
and fetched anew when the system refuses it. It goes to the system alone; the secret goes to its issuer alone.

Authlib has this grant for httpx, which is not the client that is used here, and it keeps neither our deadline nor our
limit on bytes; what is left of the grant is one form and one answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic
from urllib.parse import quote_plus, urlencode

from sources.failures import Failure, FailureKind, SourceFailure
from sources.values import JSON
from sources.web.authentication import OAuth2Authentication, authentication_secrets, basic
from sources.web.transport import Request, Transport, redacted, shown

MAX_BYTES = 64 * 1024
"""Of the issuer's answer."""
MAX_TOKEN = 16 * 1024
LONGEST_USE = 86_400.0
"""Seconds after which a token is renewed whatever its issuer says; also of one that says nothing."""
EARLY = 30.0
"""Seconds before its end from which on a token is not used any more, at most; at most a tenth of its life."""
BELIEVED = 30.0
"""Seconds for which a new token is not suspected because of what an answer says."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_REFUSALS = {
    "invalid_client": "check auth.client_id and auth.client_secret, and whether it takes them as auth.client_auth says",
    "unauthorized_client": "let this client have tokens for itself there (client credentials)",
    "access_denied": "let this client have tokens for itself there (client credentials)",
    "invalid_scope": "write another auth.scope",
    "invalid_target": "write another auth.audience",
}
_PASSING = {"temporarily_unavailable", "server_error", "slow_down"}


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token, and when it came and runs out, by our clock."""

    text: str = field(repr=False)
    issued: float
    expires: float

    @property
    def header(self) -> str:
        """What goes into the Authorization header."""
        return f"Bearer {self.text}"


class TokenIssuer:
    """The system that issues one client's tokens."""

    def __init__(
        self,
        auth: OAuth2Authentication,
        *,
        verify: bool | str,
        proxy: str | None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Connects to nothing yet; ``clock``: ours, in seconds. ``verify`` and ``proxy`` are as for the system itself, whose
        headers are not sent here."""
        self._auth = auth
        self._clock = clock
        self._transport = Transport(auth.token_url, headers={}, verify=verify, proxy=proxy, max_bytes=MAX_BYTES)
        self._place = f"POST {shown(auth.token_url)}"
        self._token: Token | None = None
        self._before: Token | None = None
        self._fetching: asyncio.Task[Token] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The tokens that may turn up in what the system says."""
        return tuple(token.text for token in (self._token, self._before) if token is not None)

    async def token(self, ends: float, *, instead_of: Token | None = None) -> Token:
        """A token, before the loop's time ``ends``; another one than ``instead_of``, which the system refused.

        Raises SourceFailure."""
        if instead_of is not None and self._token is instead_of:
            self._forget()
        if self._token is not None and self._clock() < self._token.expires:
            return self._token
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch(ends))
            self._fetching.add_done_callback(_seen)
        try:
            async with asyncio.timeout_at(ends):
                # Whoever asked first may go away; the others still wait for the same answer.
                return await asyncio.shield(self._fetching)
        except TimeoutError:
            raise SourceFailure(FailureKind.TIMEOUT, f"{self._place} did not issue a token in time") from None
        except SourceFailure as failed:
            raise SourceFailure.of(failed.failure) from None

    def distrust(self) -> bool:
        """Forget the token, unless it was issued just now or there is none; whether it was forgotten."""
        if self._token is None or self._clock() - self._token.issued < BELIEVED:
            return False
        self._forget()
        return True

    def useless(self, failure: Failure) -> SourceFailure:
        """What it means that the system refused even a new token, with ``failure``."""
        told = f"{failure.message}, with a token that {shown(self._auth.token_url)} has just issued"
        return SourceFailure(FailureKind.REFUSED, f"{told}; check auth.scope and auth.audience")

    async def close(self) -> None:
        """Give back the connections."""
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.wait([self._fetching], timeout=1)
        await self._transport.close()

    def _forget(self) -> None:
        self._before, self._token = self._token, None

    async def _fetch(self, ends: float) -> Token:
        auth = self._auth
        form = {"grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        secret = auth.client_secret.get_secret_value()
        if auth.client_auth == "basic":
            # Both are form-encoded first (section 2.3.1), so that a colon in an id is no separator.
            headers["Authorization"] = basic(quote_plus(auth.client_id), quote_plus(secret))
        else:
            form |= {"client_id": auth.client_id, "client_secret": secret}
        form |= {name: value for name, value in (("scope", auth.scope), ("audience", auth.audience)) if value}
        began = self._clock()
        content = urlencode(form).encode()
        answer = await self._transport.send(
            Request("POST", auth.token_url, content=content, headers=headers, explained=(400, 401)), ends
        )
        token = self._read(answer.body, began)
        self._token = token
        return token

    def _read(self, body: JSON, began: float) -> Token:
        """The token that ``body`` is. Raises SourceFailure."""
        if not isinstance(body, Mapping):
            raise SourceFailure(FailureKind.GARBLED, f"{self._place} answered JSON that is no token")
        if "error" in body:
            raise self._refusal(body)
        text, kind = body.get("access_token"), body.get("token_type")
        if not isinstance(text, str) or not _TOKEN.fullmatch(text) or len(text) > MAX_TOKEN:
            raise SourceFailure(FailureKind.GARBLED, f"{self._place} answered no access_token that a header can carry")
        if kind is not None and (not isinstance(kind, str) or kind.lower() != "bearer"):
            raise SourceFailure(FailureKind.GARBLED, f"{self._place} issues tokens that are not of the type bearer")
        life = min(_seconds(body.get("expires_in")), LONGEST_USE)
        return Token(text, began, began + life - min(EARLY, life / 10))

    def _refusal(self, body: Mapping[str, JSON]) -> SourceFailure:
        code, description = body.get("error"), body.get("error_description")
        said = ": ".join(text for text in (code, description) if isinstance(text, str) and text) or "an error"
        told = f"{self._place} issues no token: {redacted(said, authentication_secrets(self._auth))}"
        known = code if isinstance(code, str) else ""
        if known in _REFUSALS:
            return SourceFailure(FailureKind.REFUSED, f"{told}; {_REFUSALS[known]}")
        return SourceFailure(FailureKind.UNREACHABLE if known in _PASSING else FailureKind.GARBLED, told)


def _seconds(written: JSON) -> float:
    """The seconds that ``expires_in`` says; LONGEST_USE where it says nothing."""
    if isinstance(written, str) and re.fullmatch(r"\d{1,12}", written):
        return float(written)
    if isinstance(written, int | Decimal) and not isinstance(written, bool):
        return max(float(written), 0.0)
    return LONGEST_USE


def _seen(task: asyncio.Task[Token]) -> None:
    if not task.cancelled():
        task.exception()  # everyone who waited for it may have gone away
