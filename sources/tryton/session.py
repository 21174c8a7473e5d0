"""A session with one Tryton: JSON-RPC, a login that is renewed when it has run out, and Tryton's values in our own."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from sources.failures import FailureKind, SourceFailure
from sources.tryton.options import TrytonOptions
from sources.values import JSON
from sources.web.http import HttpClient, HttpOptions


@dataclass(slots=True)
class _Login:
    """A session that Tryton gave us, and how many calls use it just now."""

    client: HttpClient
    uses: int = 0
    ended: bool = False


class TrytonSession:
    """Calls methods of one Tryton database. Connects at the first call."""

    def __init__(self, options: TrytonOptions) -> None:
        self._options = options
        self._url = f"{options.url.rstrip('/')}/{quote(options.database, safe='')}/rpc/"
        self._anonymous = HttpClient(_over_http(options, None))
        self._login: _Login | None = None
        self._lock = asyncio.Lock()

    async def call(self, method: str, *parameters: JSON, ends: float) -> JSON:
        """The result of ``method``, decoded, before the loop's time ``ends``.

        A session that has run out is renewed once. Raises SourceFailure."""
        login, fresh = await self._logged_in(None, ends)
        try:
            return await self._call(login, method, parameters, ends)
        except SourceFailure as failed:
            if fresh or failed.failure.kind is not FailureKind.REFUSED:
                raise
        login, _ = await self._logged_in(login, ends)
        return await self._call(login, method, parameters, ends)

    async def close(self) -> None:
        """Gives back the connections. The session is left to run out: ending it would be a write."""
        login, self._login = self._login, None
        if login is not None:
            await login.client.close()
        await self._anonymous.close()

    async def _logged_in(self, refused: _Login | None, ends: float) -> tuple[_Login, bool]:
        """A login other than ``refused``, and whether it was made just now."""
        try:
            async with asyncio.timeout_at(ends), self._lock:
                if self._login is not None and self._login is not refused:
                    return self._login, False
                if refused is not None:
                    self._login = None
                    await _end(refused)
                self._login = _Login(HttpClient(_over_http(self._options, await self._authorization(ends))))
                return self._login, True
        except TimeoutError:
            raise SourceFailure(FailureKind.TIMEOUT, "Tryton's login did not answer in time") from None

    async def _authorization(self, ends: float) -> str:
        user = self._options.user
        password = {"password": self._options.password.get_secret_value()}
        payload = {"id": 0, "method": "common.db.login", "params": [user, password]}
        try:
            answer = (await self._anonymous.ask(self._url, payload, ends)).body
        except SourceFailure as failed:
            kind, database = failed.failure.kind, self._options.database
            if kind is FailureKind.REFUSED:
                raise SourceFailure(kind, f"Tryton does not accept the user {user!r} with this password") from None
            if kind is FailureKind.MISSING_OBJECT:
                raise SourceFailure(
                    kind, f"Tryton has no database {database!r}; write the name as at its login"
                ) from None
            raise
        match _result("common.db.login", answer, self._anonymous):
            case [int(number), str(token), *_]:
                return "Session " + b64encode(f"{user}:{number}:{token}".encode()).decode()
            case _:
                raise SourceFailure(FailureKind.GARBLED, "Tryton answered its login with something that is no session")

    async def _call(self, login: _Login, method: str, parameters: tuple[JSON, ...], ends: float) -> JSON:
        login.uses += 1
        try:
            payload = {"id": 0, "method": method, "params": list(parameters)}
            answer = await login.client.ask(self._url, payload, ends)
            return _decoded(_result(method, answer.body, login.client))
        finally:
            login.uses -= 1
            if login.ended and not login.uses:
                await login.client.close()


async def _end(login: _Login) -> None:
    """Closes the login's connections once no call uses them."""
    login.ended = True
    if not login.uses:
        await login.client.close()


def _over_http(options: TrytonOptions, authorization: str | None) -> HttpOptions:
    own = {} if authorization is None else {"Authorization": SecretStr(authorization)}
    return HttpOptions(
        url=options.url,
        headers={**options.headers, **own},
        verify=options.verify,
        proxy=options.proxy,
        max_bytes=options.max_bytes,
    )


def _result(method: str, answer: JSON, client: HttpClient) -> JSON:
    """What the JSON-RPC answer holds. Raises SourceFailure for an error, and for what is no answer."""
    if not isinstance(answer, Mapping) or not {"result", "error"} & answer.keys():
        raise SourceFailure(FailureKind.GARBLED, f"Tryton answered {method} with something that is no JSON-RPC answer")
    match answer.get("error"):
        case None:
            return answer.get("result")
        case ["UserError", [str(said), *_], *_]:  # for a reader: the access rights
            raise SourceFailure(FailureKind.REFUSED, f"Tryton refuses {method}: {client.redacted(said)}")
        case [str(said), *_]:
            raise SourceFailure(FailureKind.GARBLED, f"Tryton fails at {method}: {client.redacted(said)}")
        case _:
            raise SourceFailure(FailureKind.GARBLED, f"Tryton fails at {method}")


def records(answer: JSON, members: Collection[str] = ("id",)) -> Sequence[Mapping[str, JSON]]:
    """``answer`` as a list of records that have ``members``. Raises SourceFailure for anything else."""
    if not isinstance(answer, list):
        raise SourceFailure(FailureKind.GARBLED, "Tryton answered something that is no list of records")
    for record in answer:
        if not isinstance(record, Mapping) or not record.keys() >= {*members}:
            raise SourceFailure(FailureKind.GARBLED, "Tryton answered a record without what was asked for")
    return answer


def _decoded(value: JSON) -> JSON:
    """``value`` with Tryton's ``{"__class__": ...}`` as values of our own; its clocks are in UTC."""
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if "__class__" not in value:
        return {name: _decoded(member) for name, member in value.items()}
    try:
        return _CLASSES[value["__class__"]](value)
    except (KeyError, TypeError, ValueError, InvalidOperation, BadBase64):
        raise SourceFailure(FailureKind.GARBLED, f"Tryton answered a value that is no {value['__class__']!r}") from None


def _finite(parts: Mapping[str, Any]) -> Decimal:
    number = Decimal(parts["decimal"])
    if not number.is_finite():
        raise ValueError(f"{number} is no amount")
    return number


_CLASSES: Mapping[str, Callable[[Mapping[str, Any]], JSON]] = {
    "Decimal": _finite,
    "datetime": lambda at: datetime(
        at["year"], at["month"], at["day"], at["hour"], at["minute"], at["second"], at["microsecond"], tzinfo=UTC
    ),
    "date": lambda at: date(at["year"], at["month"], at["day"]),
    "time": lambda at: time(at["hour"], at["minute"], at["second"], at["microsecond"]).isoformat(),
    "timedelta": lambda length: Decimal(length["seconds"]),
    "bytes": lambda content: b64decode(content["base64"]),
}
