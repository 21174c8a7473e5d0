"""Tokens for a client's id and secret, from a real issuer beside a real system."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from sources.contract import Connector
from sources.failures import Failure, FailureKind, SourceFailure
from sources.graphql.connector import KIND as GRAPHQL
from sources.rest import KIND
from sources.web.authentication import OAuth2Authentication
from sources.web.http import HttpClient, HttpOptions
from sources.web.oauth2 import LONGEST_USE, TokenIssuer
from tests.sources.http_systems import ids, opened, walked
from tests.sources.test_graphql import BY_ID, RELAY, RELAY_PAGING
from tests.upstreams.http_faults import Fault, gzip_bomb
from tests.upstreams.http_server import HttpServer
from tests.upstreams.oauth2 import CLIENT, SECRET, TokenServer
from tests.upstreams.silence import closed_port


@pytest.fixture(scope="module")
def issuer_process() -> Iterator[TokenServer]:
    with TokenServer() as server:
        yield server


@pytest.fixture
def issuer(issuer_process: TokenServer, http_server: HttpServer) -> TokenServer:
    """The issuer, in order; the system lets in whoever has one of its tokens."""
    issuer_process.faults.clear()
    issuer_process.asked.clear()
    issuer_process.revoke()
    issuer_process.client_auth, issuer_process.scope, issuer_process.lifetime = "basic", None, 3600
    issuer_process.answers, issuer_process.delay = {}, 0.0
    http_server.shop.knows = issuer_process.knows
    for number in range(1, 8):
        http_server.put(f"A-{number:02}", {"label": f"Kettle {number}"})
    return issuer_process


def auth(issuer: TokenServer, **more: Any) -> dict[str, Any]:
    return {"kind": "oauth2", "token_url": issuer.url, "client_id": CLIENT, "client_secret": SECRET, **more}


@pytest.fixture
async def client(issuer: TokenServer, http_server: HttpServer) -> AsyncIterator[HttpClient]:
    client = HttpClient(HttpOptions.model_validate({"url": http_server.url("/rest/all"), "auth": auth(issuer)}))
    yield client
    await client.close()


async def got(client: HttpClient, server: HttpServer, seconds: float = 3.0) -> Any:
    return (await client.get(server.url("/rest/all"), {}, asyncio.get_running_loop().time() + seconds)).body


async def failure_of(awaitable: Any, issuer: TokenServer) -> Failure:
    """The failure with which it ends; no secret in it, and no token that was ever issued."""
    with pytest.raises(SourceFailure) as caught:
        await awaitable
    message = caught.value.failure.message
    for secret in (SECRET, "s3cr%2Bt", "s3cr", "tok-", "private"):
        assert secret not in message
    return caught.value.failure


def paths(server: HttpServer) -> list[str]:
    return [request.path for request in server.shop.asked]


# ── The grant ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("client_auth", ["basic", "body"])
async def test_a_system_is_read_with_a_token_that_is_fetched_once(
    issuer: TokenServer, http_server: HttpServer, client_auth: str
) -> None:
    issuer.client_auth, issuer.scope = client_auth, "products.read stock.read"
    options = {
        "url": http_server.url("/rest/page"),
        "records": "data",
        "paging": {"kind": "page", "size": 3},
        "headers": {"X-Shop-Key": "key-4711-private"},
        "auth": auth(issuer, client_auth=client_auth, scope=issuer.scope, audience="https://shop.example.com"),
    }
    connector = opened(KIND, options)
    assert len(ids(await walked(connector))) == 7
    assert len(ids(await walked(connector))) == 7
    await connector.close()
    [asked] = issuer.asked
    own = {"client_id": CLIENT, "client_secret": SECRET} if client_auth == "body" else {}
    wanted = {"grant_type": "client_credentials", "scope": issuer.scope, "audience": "https://shop.example.com"}
    assert asked.form == {**wanted, **own}
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert ("authorization" in asked.headers) == (client_auth == "basic")
    assert "x-shop-key" not in asked.headers, "what is for the system is not for its issuer"
    assert all(SECRET not in f"{request}" for request in http_server.shop.asked), "nor the other way round"


async def test_many_who_wait_are_one_who_asks(client: HttpClient, issuer: TokenServer, http_server: HttpServer) -> None:
    issuer.delay = 0.1
    answers = await asyncio.gather(*(got(client, http_server) for _ in range(8)))
    assert all(len(answer) == 7 for answer in answers)
    assert len(issuer.asked) == 1
    issuer.revoke()
    answers = await asyncio.gather(*(got(client, http_server) for _ in range(8)))
    assert all(len(answer) == 7 for answer in answers)
    assert len(issuer.asked) == 2, "all were refused, and one fetched another for all"


async def test_who_goes_away_takes_nobody_along(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer
) -> None:
    issuer.delay = 0.2
    first = asyncio.create_task(got(client, http_server))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(got(client, http_server))
    await asyncio.sleep(0.05)
    first.cancel()
    assert len(await second) == 7
    assert len(issuer.asked) == 1


async def test_a_failure_is_shared_and_not_remembered(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer
) -> None:
    issuer.faults.fail(503, times=99)
    issuer.faults.delay = 0.1
    answers = await asyncio.gather(*(got(client, http_server) for _ in range(5)), return_exceptions=True)
    assert {answer.failure.kind for answer in answers} == {FailureKind.UNREACHABLE}  # type: ignore[union-attr]
    assert issuer.faults.remaining == 98
    issuer.faults.clear()
    assert len(await got(client, http_server)) == 7


# ── Its end ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("lifetime", "good_for"),
    [
        (3600, 3570.0),
        ("3600", 3570.0),
        (100, 90.0),
        (2, 1.8),
        (1e12, LONGEST_USE - 30),
        (None, LONGEST_USE - 30),
        ("soon", LONGEST_USE - 30),
        ([1], LONGEST_USE - 30),
        (0, 0.0),
        (-5, 0.0),
    ],
)
async def test_a_token_is_used_until_shortly_before_its_end(
    issuer: TokenServer, lifetime: Any, good_for: float
) -> None:
    issuer.lifetime, clock = lifetime, Clock()
    declared = OAuth2Authentication.model_validate(auth(issuer))
    tokens = TokenIssuer(declared, verify=True, proxy=None, clock=clock)
    ends = asyncio.get_running_loop().time() + 5
    first = await tokens.token(ends)
    if good_for:
        clock.at += good_for - 0.1
        assert await tokens.token(ends) is first
        assert len(issuer.asked) == 1
        clock.at += 0.2
    assert (await tokens.token(ends)).text != first.text
    assert len(issuer.asked) == 2
    await tokens.close()


async def test_a_token_that_is_refused_is_replaced_once(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer
) -> None:
    await got(client, http_server)
    issuer.revoke()
    assert len(await got(client, http_server)) == 7
    assert (len(issuer.asked), len(http_server.shop.asked)) == (2, 3)
    http_server.shop.knows = lambda authorization: False
    failure = await failure_of(got(client, http_server), issuer)
    assert failure.kind is FailureKind.REFUSED
    assert "has just issued; check auth.scope and auth.audience" in failure.message
    assert (len(issuer.asked), len(http_server.shop.asked)) == (3, 5)


async def test_who_comes_late_with_an_old_token_is_given_the_new_one(issuer: TokenServer) -> None:
    tokens = TokenIssuer(OAuth2Authentication.model_validate(auth(issuer)), verify=True, proxy=None)
    ends = asyncio.get_running_loop().time() + 5
    old = await tokens.token(ends)
    new = await tokens.token(ends, instead_of=old)
    assert await tokens.token(ends, instead_of=old) is new
    assert len(issuer.asked) == 2
    await tokens.close()


async def test_a_403_is_no_matter_of_the_token(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer
) -> None:
    http_server.faults.fail(403)
    assert (await failure_of(got(client, http_server), issuer)).kind is FailureKind.REFUSED
    assert len(issuer.asked) == 1


@pytest.fixture
async def graphql(issuer: TokenServer, http_server: HttpServer) -> AsyncIterator[Connector]:
    options = {"url": http_server.url("/graphql"), "auth": auth(issuer), "query": RELAY, "paging": RELAY_PAGING}
    connector = opened(GRAPHQL, {**options, "fetch": BY_ID})
    yield connector
    await connector.close()


async def test_graphql_that_refuses_a_token_with_status_200_is_shown_another(
    graphql: Connector, issuer: TokenServer, http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(ids(await walked(graphql))) == 7
    issuer.revoke()
    failure = await failure_of(walked(graphql), issuer)
    assert failure.kind is FailureKind.REFUSED, "a token that has just been issued is not suspected"
    assert "Bearer ***" in failure.message
    assert len(issuer.asked) == 1
    monkeypatch.setattr("sources.web.oauth2.BELIEVED", 0.0)
    assert len(ids(await walked(graphql))) == 7
    assert len(issuer.asked) == 2
    http_server.shop.knows = lambda authorization: False
    assert "Bearer ***" in (await failure_of(walked(graphql), issuer)).message


# ── The issuer's own failures ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, {"error": "invalid_client"}, FailureKind.REFUSED, "check auth.client_id and auth.client_secret"),
        (400, {"error": "invalid_client", "error_description": f"{SECRET}?"}, FailureKind.REFUSED, "***?"),
        (400, {"error": "unauthorized_client"}, FailureKind.REFUSED, "client credentials"),
        (400, {"error": "invalid_scope"}, FailureKind.REFUSED, "auth.scope"),
        (400, {"error": "unsupported_grant_type"}, FailureKind.GARBLED, "unsupported_grant_type"),
        (400, {"error": ["x"]}, FailureKind.GARBLED, "an error"),
        (400, {"error": "temporarily_unavailable"}, FailureKind.UNREACHABLE, "temporarily_unavailable"),
        (400, {}, FailureKind.GARBLED, "no access_token"),
        (200, {"error": "invalid_client"}, FailureKind.REFUSED, "auth.client_auth"),
        (200, {"access_token": ""}, FailureKind.GARBLED, "no access_token"),
        (200, {"access_token": "a\r\nX: y"}, FailureKind.GARBLED, "no access_token"),
        (200, {"access_token": "x" * 20_000}, FailureKind.GARBLED, "no access_token"),
        (200, {"access_token": 5}, FailureKind.GARBLED, "no access_token"),
        (200, {"access_token": "abc", "token_type": "mac"}, FailureKind.GARBLED, "bearer"),
        (200, [], FailureKind.GARBLED, "no token"),
        (403, {"error": "x"}, FailureKind.REFUSED, "status 403"),
        (404, {"error": "x"}, FailureKind.MISSING_OBJECT, "does not exist"),
        (500, {"error": "x"}, FailureKind.UNREACHABLE, "status 500"),
        (302, {}, FailureKind.GARBLED, "redirect"),
    ],
)
async def test_who_must_act_when_no_token_is_issued(
    client: HttpClient,
    issuer: TokenServer,
    http_server: HttpServer,
    status: int,
    body: Any,
    kind: FailureKind,
    said: str,
) -> None:
    issuer.faults.garble(json.dumps(body).encode(), status=status, headers={"Location": http_server.url("/rest/all")})
    failure = await failure_of(got(client, http_server), issuer)
    assert failure.kind is kind
    assert said in failure.message
    assert f"127.0.0.1:{issuer.port}/token" in failure.message
    assert http_server.shop.asked == []


async def test_the_issuer_is_bounded_in_time_and_size(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer
) -> None:
    for fault in (Fault.HANG, Fault.DRIP):
        issuer.faults.switch(fault)
        assert (await failure_of(got(client, http_server, 0.3), issuer)).kind is FailureKind.TIMEOUT
    issuer.faults.garble(gzip_bomb(2), headers={"Content-Encoding": "gzip"})
    assert (await failure_of(got(client, http_server), issuer)).kind is FailureKind.TOO_LARGE
    issuer.faults.fail(429, {"Retry-After": "30"})
    failure = await failure_of(got(client, http_server), issuer)
    assert failure.kind is FailureKind.THROTTLED
    assert failure.retry_after is not None
    issuer.faults.clear()
    assert len(await got(client, http_server)) == 7, "none of it lasts"


async def test_an_issuer_that_is_away_is_unreachable(issuer: TokenServer, http_server: HttpServer) -> None:
    away = auth(issuer, token_url=f"http://127.0.0.1:{closed_port()}/token")
    client = HttpClient(HttpOptions.model_validate({"url": http_server.url("/rest/all"), "auth": away}))
    assert (await failure_of(got(client, http_server), issuer)).kind is FailureKind.UNREACHABLE
    await client.close()


# ── Secrets ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_token_goes_to_its_system_alone(client: HttpClient, issuer: TokenServer) -> None:
    with HttpServer() as other:
        ends = asyncio.get_running_loop().time() + 2
        failure = await failure_of(client.get(other.url("/rest/all"), {}, ends), issuer)
        assert "another system" in failure.message
        assert other.shop.asked == []
    assert issuer.asked == [], "and it is not even fetched"


async def test_nothing_prints_a_secret(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await got(client, http_server)
    [token] = issuer.tokens
    declared = HttpOptions.model_validate({"url": http_server.url("/"), "auth": auth(issuer)})
    held = vars(client)["_issuer"]
    printed = [repr(declared), repr(declared.auth), declared.model_dump_json(), repr(held), repr(await held.token(9e9))]
    for text in (*printed, *(record.getMessage() for record in caplog.records if record.name != "asyncio")):
        assert SECRET not in text
        assert token not in text
    assert client.redacted(f"<{token}> and {SECRET}") == "<***> and ***"


async def test_closing_while_a_token_is_fetched_is_harmless(
    client: HttpClient, issuer: TokenServer, http_server: HttpServer
) -> None:
    issuer.faults.switch(Fault.HANG)
    task = asyncio.create_task(got(client, http_server))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(client.close(), 3)
    await asyncio.wait([task], timeout=3)
    assert task.done()
    assert task.cancelled() or task.exception() is not None
