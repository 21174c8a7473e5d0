"""The GraphQL endpoint over real HTTP: media types, malformed requests, limits, masking, cancellation, deadline."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.redaction import Redactor
from resolvers.request_limits import RequestLimits
from tests.api.company import SECRET, Journal, company
from tests.api.serving import serving

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
LIMITS = RequestLimits(body_bytes=64 * 1024, tokens=500, deadline=1.0, root_fields=1000, comparisons=1_000_000)


@pytest.fixture(scope="module")
def journal() -> Journal:
    return Journal()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(journal: Journal) -> AsyncIterator[httpx2.AsyncClient]:
    app = company(journal, limits=LIMITS, redact=Redactor([SECRET]).text)
    async with serving(app) as url, httpx2.AsyncClient(base_url=url, timeout=10) as client:
        yield client


@pytest.fixture(autouse=True)
def _forget(journal: Journal) -> None:
    journal.begun.clear()
    journal.cancelled.clear()


async def ask(
    client: httpx2.AsyncClient, query: str, accept: str = GRAPHQL, headers: dict[str, str] | None = None, **rest: Any
) -> httpx2.Response:
    return await client.post("/graphql", json={"query": query, **rest}, headers={"Accept": accept, **(headers or {})})


async def send(
    client: httpx2.AsyncClient, body: bytes, content_type: str | None = JSON, **headers: str
) -> httpx2.Response:
    sent = {"Accept": GRAPHQL, **({"Content-Type": content_type} if content_type else {}), **headers}
    return await client.post("/graphql", content=body, headers=sent)


def refused(response: httpx2.Response, status: int) -> dict[str, Any]:
    """The only error of a refusal, after checking that the answer is what every refusal is."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith((GRAPHQL, JSON))
    assert response.headers["x-request-id"]
    answer = response.json()
    assert "data" not in answer
    assert "Traceback" not in response.text
    [error] = answer["errors"]
    found: dict[str, Any] = error
    return found


# ── What a good request gets ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*, application/*;q=0.1", JSON),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, */*", GRAPHQL),
        (f"{JSON}, */*", JSON),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"{GRAPHQL};charset=iso-8859-1, {JSON}", JSON),
        (f"{GRAPHQL};q=0.9, {JSON};q=0.8", GRAPHQL),
    ],
)
async def test_the_media_type_is_the_one_the_client_wants_most(
    client: httpx2.AsyncClient, accept: str, expected: str
) -> None:
    response = await ask(client, "{ __typename }", accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    assert "Accept" in response.headers["vary"]


@pytest.mark.parametrize("accept", ["image/png", f"{GRAPHQL};q=0, {JSON};q=0", f"{GRAPHQL};charset=utf-16"])
async def test_a_client_that_accepts_nothing_we_have_is_told_what_we_have(
    client: httpx2.AsyncClient, accept: str
) -> None:
    assert GRAPHQL in refused(await ask(client, "{ __typename }", accept), 406)["message"]


async def test_get_runs_queries_with_variables(client: httpx2.AsyncClient) -> None:
    params = {
        "query": "query Q($text: String!) { echo(text: $text) }",
        "variables": '{"text": "größer + 1"}',
        "operationName": "Q",
    }
    response = await client.get("/graphql", params=params)
    assert response.json()["data"] == {"echo": "0 0 größer + 1"}


async def test_the_context_contributes_extensions_and_is_closed(client: httpx2.AsyncClient, journal: Journal) -> None:
    closed = journal.closed
    response = await ask(client, "{ __typename }")
    assert response.json() == {"data": {"__typename": "Governance"}, "extensions": {"audience": "internal"}}
    assert journal.closed == closed + 1


async def test_the_second_request_with_a_document_is_answered_alike(client: httpx2.AsyncClient) -> None:
    query = "query A { echo(whole: 1) } query B { echo(whole: 2) }"
    answers = [(await ask(client, query, operationName=name)).json()["data"] for name in ("A", "B", "A", "B")]
    assert answers == [{"echo": "0 1 "}, {"echo": "0 2 "}, {"echo": "0 1 "}, {"echo": "0 2 "}]


async def test_what_one_audience_may_ask_does_not_exist_for_another(client: httpx2.AsyncClient) -> None:
    assert (await ask(client, "{ sources }")).json()["data"] == {"sources": ["erp", "wms"]}
    for _ in range(2):  # the second time the document is known from the other audience
        response = await ask(client, "{ sources }", headers={"X-Whence-Audience": "storefront"})
        assert "Cannot query field 'sources'" in refused(response, 400)["message"]


async def test_an_unknown_audience_is_told_the_known_ones(client: httpx2.AsyncClient) -> None:
    error = refused(await ask(client, "{ __typename }", headers={"X-Whence-Audience": "everyone"}), 400)
    assert error["extensions"]["code"] == "UNKNOWN_AUDIENCE"
    assert error["message"].endswith("Send one of: internal, storefront.")


# ── What is not a well-formed request ──────────────────────────────────────────────────────────────────────────────

DEEP = b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b'"x"',
        b"true",
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b"{}",
        b"{",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": "  \\n "}',
        b'{"query": 5}',
        b'{"query": "{ __typename }", "operationName": 5}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "{}"}',
        b'{"query": "{ __typename }", "extensions": 1}',
        b'{"query": "{ __typename }", "query": "{ __typename }"}',
        b'{"query": "{ __typename }", "variables": {"a": 1, "a": 1}}',
        b'{"query": "{ __typename }", "variables": {"a": NaN}}',
        b'{"query": "{ __typename }", "variables": {"a": -Infinity}}',
        b'{"query": "{ __typename }", "variables": {"a": 1e400}}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5000 + b"}}",
        b'{"query": "{ __typename }", "variables": {"a": 0.' + b"9" * 5000 + b"}}",
        b'{"query": "{ __typename }", "variables": {"a": "\\u0000"}}',
        b'{"query": "{ __typename }", "variables": {"\\u0000": 1}}',
        b'{"query": "{ __typename }", "variables": {"a": ["\\ud800"]}}',
        b'{"query": "{ __typename }", "variables": {"a": "\xed\xa0\x80"}}',
        b'{"query": "{ __typename \\u0000 }"}',
        b'{"query": "{ echo(text: \\"\\ud800\\") }"}',
        b'{"query": "{ __typename }", "x": "\xff"}',
        b'{"query": "{ __typename }"} trailing',
        b"\xef\xbb\xbf" + b'{"query": "{ __typename }"}',
        '{"query": "{ __typename }"}'.encode("utf-16"),
        DEEP,
        b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 70 + b"]" * 70 + b"}}",
        b"[" * 60_000,
        b'{"a":' * 12_000,
    ],
    ids=lambda body: repr(body[:60]),
)
@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
async def test_malformed_bodies_are_400(client: httpx2.AsyncClient, body: bytes, accept: str) -> None:
    began = time.perf_counter()
    error = refused(await send(client, body, Accept=accept), 400)
    assert time.perf_counter() - began < 0.5
    assert error["extensions"]["code"] in {"BAD_REQUEST", "LIMIT"}
    assert len(error["message"]) < 300


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=utf-16",
        "application/jsonx",
    ],
)
async def test_bodies_of_another_type_are_415(client: httpx2.AsyncClient, content_type: str | None) -> None:
    response = await send(client, b'{"query": "mutation { rename(name: \\"x\\") }"}', content_type)
    assert "application/json" in refused(response, 415)["message"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_compressed_bodies_are_415(client: httpx2.AsyncClient, encoding: str) -> None:
    body = gzip.compress(b'{"query": "{ __typename }"}')
    response = await send(client, body, **{"Content-Encoding": encoding})
    assert refused(response, 415)["extensions"]["code"] == "UNSUPPORTED_ENCODING"


async def test_an_uncompressed_body_may_say_so(client: httpx2.AsyncClient) -> None:
    body = b'{"query": "{ __typename }"}'
    response = await send(client, body, "application/json; charset=UTF-8", **{"Content-Encoding": "identity"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=",
        "query=%FF",
        "query=%7B__typename%7D&query=%7B__typename%7D",
        "query=%7B__typename%7D&variables=%5B%5D",
        "query=%7B__typename%7D&variables=%7B",
        "query=%7B__typename%00%7D",
        "query=%7B__typename%7D&variables=%7B%22a%22%3ANaN%7D",
        "query=%7B__typename%7D&extensions=1",
    ],
)
async def test_malformed_query_strings_are_400(client: httpx2.AsyncClient, query_string: str) -> None:
    refused(await client.get(f"/graphql?{query_string}", headers={"Accept": GRAPHQL}), 400)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_405(client: httpx2.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    refused(response, 405)
    assert response.headers["allow"] == "GET, POST"


async def test_a_mutation_by_get_is_405_and_does_not_run(client: httpx2.AsyncClient, journal: Journal) -> None:
    response = await client.get("/graphql", params={"query": 'mutation { rename(name: "x") }'})
    refused(response, 405)
    assert response.headers["allow"] == "POST"
    assert journal.begun == []
    assert (await ask(client, 'mutation { rename(name: "x") }')).json()["data"] == {"rename": "x"}


@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("query A { product(by: {id: 1}) { name } } query B { product(by: {id: 1}) { name } }", None),
        ("query A { product(by: {id: 1}) { name } } query B { product(by: {id: 1}) { name } }", "C"),
        ('mutation A { rename(name: "x") } query B { __typename }', None),
        ("fragment F on Query { __typename }", None),
        ("fragment F on Query { __typename }", "F"),
        ("{ product(by: {id: 1}) { name } }", "A"),
        ("type T { a: Int }", None),
    ],
)
async def test_without_one_clear_operation_none_runs(
    client: httpx2.AsyncClient, journal: Journal, query: str, name: str | None, accept: str
) -> None:
    refused(await ask(client, query, accept, operationName=name), 400)
    assert journal.begun == []


# ── Documents that do not parse, validate or coerce ────────────────────────────────────────────────────────────────

BAD_DOCUMENTS = [
    "{",
    "{ }",
    "{ product(by: {id: 1}) { } }",
    "{ product(by: {id: 1}) }",
    "{ ...Unknown }",
    "{ nothing }",
    "{ product(by: {}) { name } }",
    '{ product(by: {id: 1, alias: "x"}) { name } }',
    "{ echo(number: 1e400) }",
    "{ echo(whole: " + "9" * 5000 + ") }",
    '{ echo(text: "\\u0000") }',
    "{ " + "a" * 10 + " " + "{ a " * 200 + "} " * 200 + "}",
    "query ($x: Int!) { echo(whole: $x) }",
    "subscription { x }",
]


@pytest.mark.parametrize("query", BAD_DOCUMENTS, ids=lambda query: query[:50])
async def test_bad_documents_are_errors_of_the_client(client: httpx2.AsyncClient, query: str, journal: Journal) -> None:
    response = await ask(client, query, GRAPHQL)
    assert response.status_code == 400, response.text
    answer = response.json()
    assert "data" not in answer
    assert all(error["extensions"]["code"] != "INTERNAL" for error in answer["errors"])
    if "subscription" not in query:
        assert (await ask(client, query, JSON)).status_code == 200
    assert journal.begun == []


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($x: Int!) { echo(whole: $x) }", {"x": "one"}),
        ("query ($x: Int!) { echo(whole: $x) }", {"x": 2**40}),
        ("query ($x: Int!) { echo(whole: $x) }", {"x": 10**300}),
        ("query ($x: Float!) { echo(number: $x) }", {"x": True}),
        ("query ($x: Lookup!) { product(by: $x) { name } }", {"x": {}}),
        ("query ($x: Lookup!) { product(by: $x) { name } }", {"x": {"id": "1", "alias": "2"}}),
        ("query ($x: Lookup!) { product(by: $x) { name } }", {"x": {"id": None}}),
        ("query ($x: Lookup!) { product(by: $x) { name } }", {"x": [[[1]]]}),
    ],
)
async def test_variables_that_do_not_coerce(
    client: httpx2.AsyncClient, query: str, variables: dict[str, Any], journal: Journal
) -> None:
    response = await ask(client, query, variables=variables)
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    assert journal.begun == []


async def test_an_argument_that_only_fails_while_executing_is_the_clients_too(client: httpx2.AsyncClient) -> None:
    query = "query ($x: ID) { echo product(by: {id: $x}) { name } }"
    response = await ask(client, query)
    assert response.json()["errors"][0]["extensions"]["code"] != "INTERNAL", response.text


async def test_too_many_tokens_are_refused_by_the_name_of_the_limit(client: httpx2.AsyncClient) -> None:
    assert (await ask(client, "{" + "__typename " * 490 + "}")).status_code == 200
    error = refused(await ask(client, "{" + "__typename " * 500 + "}"), 400)
    assert "limit of tokens: at most 500" in error["message"]


async def test_a_fragment_chain_costs_little(client: httpx2.AsyncClient) -> None:
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    began = time.process_time()
    await ask(client, "{ ...F0 } " + chain + " fragment F40 on Query { __typename }")
    assert time.process_time() - began < 0.5


# ── Bodies beyond the limit ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_body_over_the_limit_is_413(client: httpx2.AsyncClient) -> None:
    body = b'{"query": "{ __typename }", "x": "' + b"x" * LIMITS.body_bytes + b'"}'
    assert str(LIMITS.body_bytes) in refused(await send(client, body), 413)["message"]
    assert (await ask(client, "{ __typename }")).status_code == 200


async def test_a_chunked_body_over_the_limit_is_413(client: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    headers = {"Content-Type": JSON, "Accept": GRAPHQL}
    refused(await client.post("/graphql", content=chunks(), headers=headers), 413)
    assert (await ask(client, "{ __typename }")).status_code == 200


async def test_a_body_far_over_the_limit_is_not_read_to_its_end() -> None:
    async with serving(company(limits=LIMITS)) as url:
        address = httpx2.URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        head = (
            "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        writer.write(head.encode())
        sent = 0
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and sent < 200_000_000:
                writer.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
                await writer.drain()
                sent += 0x100000
                await asyncio.sleep(0)
        assert sent < 100_000_000
        writer.close()


async def test_a_body_that_never_ends_meets_the_deadline(client: httpx2.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{")
    began = time.perf_counter()
    line = await asyncio.wait_for(reader.readline(), 5)
    assert line.startswith(b"HTTP/1.1 503 ")
    assert time.perf_counter() - began < 3
    writer.close()


# ── What resolvers do ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("query", ['{ product(by: {alias: "k"}) { name weight } }', "{ careless }", "{ wrapped }"])
async def test_what_resolvers_raise_is_masked_and_found_by_its_id(client: httpx2.AsyncClient, query: str) -> None:
    with capture_logs() as entries:
        response = await ask(client, query)
    assert response.status_code == 200
    [error] = response.json()["errors"]
    assert error["message"] == "Internal error; quote this id to the operator."
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"]
    assert SECRET not in response.text
    [entry] = [entry for entry in entries if entry.get("id") == error["extensions"]["id"]]
    assert SECRET in repr(entry["exc_info"])


async def test_partial_answers_keep_their_data(client: httpx2.AsyncClient) -> None:
    answer = (await ask(client, '{ echo product(by: {alias: "k"}) { name weight } }')).json()
    assert answer["data"] == {"echo": "0 0 ", "product": {"name": "Kettle", "weight": None}}


@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
async def test_a_public_error_stays_and_says_its_status(client: httpx2.AsyncClient, accept: str) -> None:
    response = await ask(client, '{ page(after: "garbage") }', accept)
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["message"] == "That cursor is not one of ours."
    assert error["extensions"] == {"code": "BAD_CURSOR"}


async def test_a_public_error_in_a_partial_answer_leaves_the_status(client: httpx2.AsyncClient) -> None:
    response = await ask(client, '{ product(by: {alias: "k"}) { name weightRefused(first: 101) } }')
    assert response.status_code == 200
    answer = response.json()
    assert answer["data"] == {"product": {"name": "Kettle", "weightRefused": None}}
    assert answer["errors"][0]["extensions"] == {"code": "BAD_INPUT"}


@pytest.mark.parametrize("query", ["{ surrogate }", "{ infinite }"])
async def test_a_value_that_json_cannot_say_is_our_defect(client: httpx2.AsyncClient, query: str) -> None:
    response = await ask(client, query)
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    json.loads(response.text, parse_constant=lambda name: pytest.fail(f"{name} in the answer"))


async def test_secrets_do_not_come_back_in_messages(client: httpx2.AsyncClient) -> None:
    response = await ask(client, "query ($x: Int!) { echo(whole: $x) }", variables={"x": SECRET})
    assert response.status_code == 400
    assert SECRET not in response.text


async def test_beyond_the_deadline_the_answer_is_503(client: httpx2.AsyncClient, journal: Journal) -> None:
    began = time.perf_counter()
    response = await ask(client, "{ slow(seconds: 30) }")
    assert refused(response, 503)["extensions"]["code"] == "TIMEOUT"
    assert response.headers["retry-after"]
    assert time.perf_counter() - began < 3
    assert journal.cancelled == ["slow"]


async def test_a_client_that_leaves_cancels_its_execution(client: httpx2.AsyncClient, journal: Journal) -> None:
    closed = journal.closed
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    body = b'{"query": "{ slow(seconds: 30) }"}'
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    async with asyncio.timeout(5):
        while not journal.begun:
            await asyncio.sleep(0.01)
    began = time.perf_counter()
    writer.close()
    async with asyncio.timeout(5):
        while not journal.cancelled:
            await asyncio.sleep(0.01)
    assert time.perf_counter() - began < 0.5, "it was the deadline that ended it"
    while journal.closed == closed:
        await asyncio.sleep(0.01)


async def test_a_connection_stays_usable_after_refusals() -> None:
    async with (
        serving(company(limits=LIMITS)) as url,
        httpx2.AsyncClient(base_url=url, limits=httpx2.Limits(max_connections=1)) as one,
    ):
        for body, content_type in ((b"null", JSON), (b"{", JSON), (b"x", "text/plain"), (DEEP, JSON)):
            assert (await send(one, body, content_type)).status_code in (400, 415)
            assert (await ask(one, "{ __typename }")).status_code == 200


async def test_a_request_id_of_the_client_is_kept_if_it_is_plain(client: httpx2.AsyncClient) -> None:
    kept = await ask(client, "{ __typename }", headers={"X-Request-Id": "order-17.a"})
    assert kept.headers["x-request-id"] == "order-17.a"
    replaced = await ask(client, "{ __typename }", headers={"X-Request-Id": "a b;c"})
    assert replaced.headers["x-request-id"] not in ("", "a b;c")
