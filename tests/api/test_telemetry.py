"""Logs: one structured line an event, and no secret in any of them, however it got there."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx2
import pytest
import structlog
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import redaction, telemetry
from app.access import AccessLog
from app.redaction import MASK, TEXT_LENGTH, Redactor
from app.telemetry import configure_logging
from tests.api.company import SECRET, company
from tests.api.serving import serving

AWKWARD = 'p@ss/"wörd"\\&x y'
"""A secret that URLs, JSON and Python each write in their own way."""


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging(json_lines=True, secrets=[SECRET, AWKWARD], stream=stream)
    yield stream
    configure_logging(json_lines=True, stream=io.StringIO())


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def clean(text: str) -> None:
    assert MASK in text
    for form in (SECRET, AWKWARD, json.dumps(AWKWARD)[1:-1], repr(AWKWARD)[1:-1], "p%40ss"):
        assert form not in text


@dataclass
class Holder:
    password: str = SECRET


@pytest.mark.parametrize("secret", [SECRET, AWKWARD])
def test_a_known_secret_does_not_come_out(written: io.StringIO, secret: str) -> None:
    log = structlog.stdlib.get_logger("whence.test")
    log.info(f"connecting with {secret}")
    log.info("positional %s", secret)
    log.info("nested", source={"erp": [{"options": (1, {secret: f"x{secret}y"})}]})
    log.info("object", holder=Holder(secret), error=RuntimeError(secret), raw=secret.encode())
    log.info("json in a text", body=json.dumps({"a": secret}), python=repr({"a": secret}))
    log.info("address", url=httpx2.URL("https://x.example/", params={"q": secret}))
    logging.getLogger("sqlalchemy.engine").warning("could not connect with %s", secret)
    logging.getLogger("uvicorn.error").error("%r", {"k": secret})
    clean(written.getvalue())
    assert all(MASK in line for line in written.getvalue().splitlines())
    assert len(lines(written)) == 8


def test_a_secret_in_an_exception_does_not_come_out(written: io.StringIO) -> None:
    def fail() -> None:
        try:
            raise ValueError(f"cause {AWKWARD}")
        except ValueError as error:
            error.add_note(f"a note about {SECRET}")
            raise RuntimeError(f"could not use {SECRET}") from error

    try:
        fail()
    except RuntimeError as error:
        structlog.stdlib.get_logger("whence.test").error("failed", exc_info=error)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    clean(written.getvalue())
    ours, uvicorns = lines(written)
    for line in (ours, uvicorns):
        assert "Traceback" in line["exception"]
        assert "could not use ***" in line["exception"]
        assert "a note about ***" in line["exception"]
        assert "exc_info" not in line


@pytest.mark.parametrize(
    ("text", "hidden", "kept"),
    [
        ("postgresql://whence:hunter2@db.example/ledger", "hunter2", "whence:***@db.example/ledger"),
        ("amqp://:hunter2@db.example", "hunter2", "@db.example"),
        ("GET /rpc?token=abc123&page=2", "abc123", "page=2"),
        ("GET /rpc?page=2&access_token=abc123", "abc123", "page=2"),
        ("host=db user=whence password='hunter2' dbname=x", "hunter2", "dbname=x"),
        ("api_key=abc123, retry", "abc123", "retry"),
        ("Authorization: Bearer abc.def.ghi", "abc.def", "Authorization: Bearer ***"),
        ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "Basic ***"),
        ("{'Authorization': 'Token abc123', 'Accept': '*/*'}", "abc123", "'Accept': '*/*'"),
        ("sent Bearer eyJhbGciOi.J9.x7 to the shop", "eyJhbGciOi", "to the shop"),
        ('{"password": "hunter2", "user": "whence"}', "hunter2", '"user": "whence"'),
        ("{'client_secret': b'hunter2', 'user': 'whence'}", "hunter2", "'user': 'whence'"),
    ],
)
def test_what_looks_like_a_secret_goes_even_if_nobody_told(text: str, hidden: str, kept: str) -> None:
    redacted = Redactor().text(text)
    assert hidden not in redacted
    assert kept in redacted


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example:8443/products?page=2&first=20",
        "Basic information and bearer documents",
        "token limit: 2000",
        "the secret of a good kettle",
        "Authorization is missing",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor(["hunter2"]).text(text) == text


def test_members_named_like_secrets_are_masked() -> None:
    redacted = Redactor().value(
        {"headers": {"Authorization": "x", "X-Api-Key": "y", "cookie": "z", "accept": "a"}, "tokens": 5, "token": 7}
    )
    masked = {"Authorization": MASK, "X-Api-Key": MASK, "cookie": MASK, "accept": "a"}
    assert redacted == {"headers": masked, "tokens": 5, "token": 7}


def test_a_short_secret_does_not_eat_other_words() -> None:
    assert Redactor(["erp", " "]).text("erp: the enterprise (erp)") == "***: the enterprise (***)"


def test_secrets_may_be_learnt_later() -> None:
    redactor = Redactor()
    assert redactor.text("hunter2hunter2") == "hunter2hunter2"
    redactor.learn(["hunter2hunter2"])
    assert redactor.text("hunter2hunter2") == MASK


def test_values_are_bounded_and_always_printable() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    cyclic: dict[str, Any] = {"price": Decimal("1.10")}
    cyclic["self"] = cyclic
    redacted = Redactor().value({"a": cyclic, "b": Broken(), "c": "x" * 10**6, "d": list(range(10_000))})
    assert len(json.dumps(redacted)) < TEXT_LENGTH + 5000
    assert redacted["a"]["price"] == "1.10"
    assert "cannot be printed" in redacted["b"]


@pytest.mark.parametrize(
    "text", ["a." * 200_000, "Bearer " * 50_000, "'" * 300_000, "authorization:" * 20_000, "a:/" * 99_999]
)
def test_redacting_a_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    Redactor([SECRET]).text(text)
    assert time.process_time() - began < 0.5


def test_what_json_cannot_say_is_written_all_the_same(written: io.StringIO) -> None:
    structlog.stdlib.get_logger("whence.test").info("odd", text="\ud800", number=2**70)
    [line] = lines(written)
    assert "odd" in line["event"]


def test_where_a_person_looks_the_same_secrets_are_gone() -> None:
    stream = io.StringIO()
    configure_logging(json_lines=False, secrets=[SECRET], stream=stream)
    try:
        raise RuntimeError(SECRET)
    except RuntimeError as error:
        structlog.stdlib.get_logger("whence.test").error("failed", exc_info=error, password="hunter2")
    finally:
        configure_logging(json_lines=True, stream=io.StringIO())
    text = stream.getvalue()
    assert "Traceback" in text
    assert SECRET not in text
    assert "hunter2" not in text


def test_configuring_twice_writes_once(written: io.StringIO) -> None:
    configure_logging(json_lines=True, stream=written)
    structlog.stdlib.get_logger("whence.test").info("once")
    assert len(lines(written)) == 1


async def test_a_request_leaves_one_line_with_its_id_and_its_errors_bear_it(written: io.StringIO) -> None:
    async with serving(company()) as url, httpx2.AsyncClient(base_url=url) as client:
        response = await client.post(
            "/graphql?token=abc123",
            json={"query": 'query Kettle { product(by: {alias: "kettle"}) { weight } }', "operationName": "Kettle"},
            headers={"Authorization": f"Bearer {SECRET}", "X-Whence-Audience": "storefront"},
        )
        await client.get("/healthz")
    [error] = response.json()["errors"]
    failed, access = lines(written)
    assert (failed["event"], failed["level"], failed["id"]) == ("internal error", "error", error["extensions"]["id"])
    assert failed["path"] == ["product", "weight"]
    assert "postgresql://erp:***@erp.example/db" in failed["exception"]
    assert failed["request_id"] == access["request_id"] == response.headers["x-request-id"]
    assert {key: access[key] for key in ("event", "method", "path", "status", "audience", "operation")} == {
        "event": "request",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "audience": "storefront",
        "operation": "Kettle",
    }
    assert access["bytes"] == len(response.content)
    assert access["milliseconds"] > 0
    assert SECRET not in written.getvalue()
    assert "abc123" not in written.getvalue()


async def test_what_raises_outside_graphql_is_a_masked_500(written: io.StringIO) -> None:
    async def broken(_: Request) -> Response:
        raise RuntimeError(SECRET)

    app = Starlette(routes=[Route("/broken", broken)], middleware=[Middleware(AccessLog)])
    async with serving(app) as url, httpx2.AsyncClient(base_url=url) as client:
        response = await client.get("/broken")
        await asyncio.sleep(0)
    assert response.status_code == 500
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert SECRET not in response.text + written.getvalue()
    failed, access = lines(written)
    assert failed["id"] == error["extensions"]["id"]
    assert (access["status"], access["request_id"]) == (500, failed["request_id"])


PIECES = st.sampled_from(
    [
        *(
            "authorization",
            "Authorızation",
            ":",
            "=",
            "@",
            "://",
            "token",
            "toKen",
            "ſecret",
            "password",
            " ",
            "bearer",
        ),
        *("Basic", "BASIC", "bAsic", "'", '"', "abc123==", "erp", "api_key", "\t", "x", "https://u:p@h/", "cookie"),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=500, deadline=None)
@example("Authorızation: abc")
@example("paſſword=abc")
def test_what_is_not_searched_for_patterns_has_none(text: str) -> None:
    searched = text
    for pattern, replacement in redaction._PATTERNS:
        searched = pattern.sub(replacement, searched)
    assert Redactor().text(text) == searched


@pytest.mark.parametrize("alone", [True, False], ids=["the quick way", "with another handler"])
async def test_the_line_of_a_request_has_no_secret_and_goes_where_all_lines_go(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    if alone:  # pytest listens too
        monkeypatch.setattr(logging.getLogger(), "handlers", [telemetry._handler])
    assert telemetry.write_line("try", "whence.test", {}) is alone
    async with serving(company()) as url, httpx2.AsyncClient(base_url=url) as client:
        await client.post(f"/graphql/{SECRET}", json={"query": "{ __typename }"})
        await client.post("/graphql", json={"query": "query A { __typename }", "operationName": "A"})
    requests = [line for line in lines(written) if line["event"] == "request"]
    assert requests[0]["path"] == f"/graphql/{MASK}"
    assert SECRET not in written.getvalue()
    assert {**requests[1], "address": "", "milliseconds": 0, "request_id": "", "timestamp": ""} == {
        **{"method": "POST", "path": "/graphql", "status": 200, "bytes": 73, "operation": "A", "audience": "internal"},
        **{"event": "request", "level": "info", "logger": "whence.access"},
        **{"address": "", "milliseconds": 0, "request_id": "", "timestamp": ""},
    }
    logging.getLogger("whence.access").setLevel(logging.WARNING)
    try:
        before = written.getvalue()
        async with serving(company()) as url, httpx2.AsyncClient(base_url=url) as client:
            await client.post("/graphql", json={"query": "{ __typename }"})
        assert written.getvalue() == before
    finally:
        logging.getLogger("whence.access").setLevel(logging.NOTSET)
