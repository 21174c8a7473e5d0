from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.contract import DocumentPage
from sources.failures import FailureKind
from sources.interpretation.unreadable import UnreadableValue
from sources.rest import KIND
from sources.web.http import HttpClient, HttpOptions
from sources.web.json_bodies import MAX_DEPTH, NotJSONError, parse_json
from tests.sources.http_systems import BEARER, failure_of, opened, walked
from tests.upstreams.http_faults import Fault, gzip_bomb
from tests.upstreams.http_server import HttpServer
from tests.upstreams.shop import TOKEN
from tests.upstreams.silence import closed_port, silent_port


@pytest.fixture
async def client(http_server: HttpServer) -> AsyncIterator[HttpClient]:
    http_server.put("A-01", {"label": "Kettle"})
    options = {"url": http_server.url("/rest/all"), "auth": BEARER, "max_bytes": 4 * 1024 * 1024}
    client = HttpClient(HttpOptions.model_validate(options))
    yield client
    await client.close()


async def got(client: HttpClient, server: HttpServer, seconds: float = 3.0) -> Any:
    ends = asyncio.get_running_loop().time() + seconds
    return (await client.get(server.url("/rest/all"), {"key": TOKEN}, ends)).body


# ── What is no answer ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, FailureKind.REFUSED),
        (403, FailureKind.REFUSED),
        (404, FailureKind.MISSING_OBJECT),
        (410, FailureKind.MISSING_OBJECT),
        (408, FailureKind.TIMEOUT),
        (400, FailureKind.GARBLED),
        (418, FailureKind.GARBLED),
        (204, FailureKind.GARBLED),
        (206, FailureKind.GARBLED),
        (304, FailureKind.GARBLED),
        (429, FailureKind.THROTTLED),
        (500, FailureKind.UNREACHABLE),
        (503, FailureKind.UNREACHABLE),
    ],
)
async def test_statuses_and_that_nothing_is_asked_twice(
    client: HttpClient, http_server: HttpServer, status: int, kind: FailureKind
) -> None:
    http_server.faults.fail(status, times=9)
    failure = await failure_of(got(client, http_server))
    assert failure.kind is kind
    assert str(status) in failure.message or status == 304
    assert 9 - http_server.faults.remaining == 1


async def test_what_the_system_asks_for_is_told(client: HttpClient, http_server: HttpServer) -> None:
    http_server.faults.fail(503, {"Retry-After": "120"})
    failure = await failure_of(got(client, http_server))
    assert failure.kind is FailureKind.THROTTLED
    assert failure.retry_after == timedelta(minutes=2)


@pytest.mark.parametrize("wrong", ["soon", "-5", "", "Wed, 99 Oct 2026 07:28:00 GMT", "9" * 400])
async def test_a_retry_after_that_means_nothing_is_none(
    client: HttpClient, http_server: HttpServer, wrong: str
) -> None:
    http_server.faults.fail(429, {"Retry-After": wrong})
    assert (await failure_of(got(client, http_server))).retry_after is None


async def test_retry_after_may_be_a_date_and_is_bounded(client: HttpClient, http_server: HttpServer) -> None:
    for days, most in ((timedelta(minutes=30), timedelta(minutes=30)), (timedelta(days=400), timedelta(days=1))):
        http_server.faults.fail(429, {"Retry-After": format_datetime(datetime.now(UTC) + days, usegmt=True)})
        wait = (await failure_of(got(client, http_server))).retry_after
        assert wait is not None
        assert most - timedelta(seconds=30) < wait <= most


async def test_a_redirect_is_not_followed(client: HttpClient, http_server: HttpServer) -> None:
    with HttpServer() as other:
        for location, said in (
            (other.url("/rest/all?token=private"), f"127.0.0.1:{other.port}"),
            ("https://login.example.com/private", "https://login.example.com"),
            ("/elsewhere", f"127.0.0.1:{http_server.port}"),
            ("http://[", "redirect"),
        ):
            http_server.faults.fail(302, {"Location": location})
            failure = await failure_of(got(client, http_server))
            assert failure.kind is FailureKind.GARBLED
            assert said in failure.message
        assert other.shop.asked == []


# ── Time ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
async def test_one_deadline_bounds_the_whole_call(client: HttpClient, http_server: HttpServer, fault: Fault) -> None:
    http_server.faults.switch(fault)
    began = time.monotonic()
    failure = await failure_of(got(client, http_server, 0.4))
    assert failure.kind is FailureKind.TIMEOUT
    assert 0.35 < time.monotonic() - began < 1.5
    http_server.faults.clear()
    assert await got(client, http_server), "the client is usable afterwards"


async def test_nobody_listens_and_nobody_speaks() -> None:
    async with silent_port() as silent:
        for port, kind in ((closed_port(), FailureKind.UNREACHABLE), (silent, FailureKind.TIMEOUT)):
            url = f"http://127.0.0.1:{port}/"
            client = HttpClient(HttpOptions.model_validate({"url": url}))
            ends = asyncio.get_running_loop().time() + 1
            assert (await failure_of(client.get(url, {}, ends))).kind is kind
            await client.close()


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    url = "http://no-such-host.invalid/"
    client = HttpClient(HttpOptions.model_validate({"url": url}))
    failure = await failure_of(client.get(url, {}, asyncio.get_running_loop().time() + 5))
    await client.close()
    assert failure.kind in {FailureKind.UNREACHABLE, FailureKind.TIMEOUT}


async def test_the_loop_goes_on_while_systems_misbehave(http_server: HttpServer) -> None:
    """Every fault at once, and a long good answer; in the meantime a clock in the same loop ticks, often."""
    gaps: list[float] = []

    async def tick() -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - before)
            before = time.monotonic()

    async def read(server: HttpServer) -> None:
        connector = opened(KIND, {"url": server.url("/rest/all")}, deadline="100ms")
        for _ in range(2):
            await asyncio.gather(connector.describe(), return_exceptions=True)
        await connector.close()

    rows = [{"id": f"A-{number}", "weight": 0.125, "label": "Kettle " * 5} for number in range(200_000)]
    long_answer = json.dumps(rows).encode()
    with HttpServer() as hangs, HttpServer() as drips, HttpServer() as bombs, HttpServer() as long:
        hangs.faults.switch(Fault.HANG)
        drips.faults.switch(Fault.DRIP)
        bombs.faults.garble(gzip_bomb(40), headers={"Content-Encoding": "gzip"})
        long.faults.garble(long_answer)
        ticking = asyncio.create_task(tick())
        await asyncio.gather(*(read(server) for server in (hangs, drips, bombs, long)))
        ticking.cancel()
    assert len(gaps) > 20
    assert http_server.port


# ── Size ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_gzip_bomb_is_too_large_at_once(client: HttpClient, http_server: HttpServer) -> None:
    bomb = gzip_bomb(60)
    assert len(bomb) < 100_000
    http_server.faults.garble(bomb, headers={"Content-Encoding": "gzip"})
    began = time.monotonic()
    failure = await failure_of(got(client, http_server))
    assert failure.kind is FailureKind.TOO_LARGE
    assert "4,194,304 bytes" in failure.message
    assert time.monotonic() - began < 1


async def test_a_body_that_is_too_long_is_not_read(client: HttpClient, http_server: HttpServer) -> None:
    http_server.faults.garble(b"[" + b" " * 5_000_000 + b"]")
    assert (await failure_of(got(client, http_server))).kind is FailureKind.TOO_LARGE


async def test_compressed_answers_are_read(client: HttpClient, http_server: HttpServer) -> None:
    http_server.faults.garble(gzip.compress(b'[{"id": 1}]'), headers={"Content-Encoding": "gzip"})
    assert await got(client, http_server) == [{"id": 1}]


# ── What is no JSON ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "said"),
    [
        (b"<html>private</html>", "text/html; charset=utf-8", {}, "answered text/html"),
        (b"[]", "text/plain", {}, "answered text/plain"),
        (b"[]", "private page/" + "x" * 200, {}, "answered something"),
        (b"", "application/json", {}, "empty body"),
        (b" \n", "application/json", {}, "empty body"),
        (b'{"private": NaN}', "application/json", {}, "NaN"),
        (b"[-Infinity]", "application/json", {}, "Infinity"),
        (b"[1e400]", "application/json", {}, "exponent"),
        (b"[1e-400]", "application/json", {}, "exponent"),
        (b"[1e999999999999999999999]", "application/json", {}, "bounds"),
        (b"[" + b"7" * 5000 + b"]", "application/json", {}, "digits"),
        (b'{"a": 1, "b": 2, "a": 3}', "application/json", {}, "'a' twice"),
        (b'[{"id": "A-01"', "application/json", {}, "cut off"),
        (b'[{"id": "private', "application/json", {}, "no JSON"),
        (b"[1] private", "application/json", {}, "no JSON"),
        (b'["\xff"]', "application/json", {}, "not UTF-8"),
        (b"[" * 5000 + b"]" * 5000, "application/json", {}, "deeper than 100"),
        (b"[" * 102 + b"]" * 102, "application/json", {}, "deeper than 100"),
        (b"\x1f\x8bprivate", "application/json", {"Content-Encoding": "gzip"}, "compression is broken"),
        (
            gzip.compress(json.dumps(list(range(500))).encode())[:-60],
            "application/json",
            {"Content-Encoding": "gzip"},
            "no JSON",
        ),
        (b"[]", "application/json", {"Content-Encoding": "br"}, "compression that was not asked for"),
        (b"[]", "application/json", {"Content-Encoding": "gzip, deflate"}, "compression that was not asked for"),
    ],
)
async def test_what_is_no_json_is_garbled(
    client: HttpClient, http_server: HttpServer, body: bytes, content_type: str, headers: dict[str, str], said: str
) -> None:
    http_server.faults.garble(body, content_type, headers)
    failure = await failure_of(got(client, http_server))
    assert failure.kind is FailureKind.GARBLED
    assert said in failure.message


@pytest.mark.parametrize("media_type", ["application/hal+json", "application/vnd.shop.v2+json; charset=utf-8", ""])
async def test_other_names_for_json(client: HttpClient, http_server: HttpServer, media_type: str) -> None:
    http_server.faults.garble(b"\xef\xbb\xbf[1]", media_type)
    assert await got(client, http_server) == [1]


async def test_cut_with_a_length_is_unreachable_and_without_is_garbled(
    client: HttpClient, http_server: HttpServer
) -> None:
    http_server.faults.switch(Fault.CUT)
    failure = await failure_of(got(client, http_server))
    assert failure.kind is FailureKind.UNREACHABLE
    assert "before the answer was complete" in failure.message
    http_server.faults.switch(Fault.CUT_WITHOUT_LENGTH)
    failure = await failure_of(got(client, http_server))
    assert failure.kind is FailureKind.GARBLED
    assert "cut off" in failure.message


async def test_a_walk_that_breaks_in_the_middle_raises_after_the_pages_it_had(http_server: HttpServer) -> None:
    for number in range(9):
        http_server.put(f"A-{number}", {"label": "Kettle"})
    paging = {"kind": "page", "size": 3}
    connector = opened(KIND, {"url": http_server.url("/rest/page"), "records": "data", "paging": paging})
    http_server.faults.garble(b"<html>", "text/html", after=2)
    pages: list[DocumentPage] = []

    async def keep_walking() -> None:
        assert connector.changes is not None
        async for page in connector.changes(None):
            pages.append(page)

    assert (await failure_of(keep_walking())).kind is FailureKind.GARBLED
    assert len(pages) == 2
    http_server.faults.clear()
    rest = await walked(connector, pages[-1].cursor)
    await connector.close()
    assert [document.content["id"] for page in rest for document in page.documents] == ["A-6", "A-7", "A-8"]


def test_numbers_are_exact_and_whole_ones_stay_whole() -> None:
    value = parse_json(b"[19.99999999999999999999, 0.10, 12, -0, 12345678901234567890, 1e3]")
    assert [str(number) for number in value] == [
        "19.99999999999999999999",
        "0.10",
        "12",
        "0",
        "12345678901234567890",
        "1E+3",
    ]
    assert [type(number) for number in value] == [Decimal, Decimal, int, int, Decimal, Decimal]


def test_what_no_database_keeps_is_unreadable_where_it_stands() -> None:
    value = parse_json(rb'[{"id": "A", "label": "x\u0000y", "deep": ["\ud800", "\ud83e\uded6"]}]')
    assert value[0]["id"] == "A"
    assert isinstance(value[0]["label"], UnreadableValue)
    assert isinstance(value[0]["deep"][0], UnreadableValue)
    assert value[0]["deep"][1] == "🫖"
    with pytest.raises(NotJSONError, match="member's name"):
        parse_json(rb'{"a\u0000": 1}')


def test_as_deep_as_allowed() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_are_not(body: bytes) -> None:
    with suppress(NotJSONError):
        parse_json(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1)),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=500)), inner)
        ),
        max_leaves=20,
    )
)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


# ── Credentials and TLS ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_system_s_own_words_are_redacted(client: HttpClient) -> None:
    said = client.redacted(f"token {TOKEN}\r\nis\x00 wrong " + "x" * 500)
    assert TOKEN not in said
    assert said.startswith("token *** is wrong xxx")
    assert len(said) == 200


async def test_requests_leave_for_one_system_only(client: HttpClient, http_server: HttpServer) -> None:
    ends = asyncio.get_running_loop().time() + 1
    for url in ("https://127.0.0.1/", http_server.url("/").replace("127.0.0.1", "localhost")):
        assert "another system" in (await failure_of(client.get(url, {}, ends))).message


async def test_cookies_are_not_kept(client: HttpClient, http_server: HttpServer) -> None:
    http_server.faults.garble(b"[]", headers={"Set-Cookie": "session=1; Path=/"})
    await got(client, http_server)
    http_server.faults.clear()
    await got(client, http_server)
    assert "cookie" not in http_server.shop.asked[-1].headers


@pytest.mark.needs("openssl")
async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *named, *files]
    subprocess.run(made, check=True, capture_output=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        for verify, trusted in ((True, False), (str(certificate), True), (False, True)):
            client = HttpClient(HttpOptions.model_validate({"url": url, "verify": verify}))
            asked = client.get(url, {}, asyncio.get_running_loop().time() + 3)
            if trusted:
                assert (await asked).body == [1]
            else:
                failure = await failure_of(asked)
                assert failure.kind is FailureKind.GARBLED
                assert "certificate" in failure.message
            await client.close()
    finally:
        server.close()
