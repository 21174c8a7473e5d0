"""Documents that are kept, registered by hash, or trusted, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from graphql import GraphQLError, build_schema

from app import parsing
from app.documents import Documents
from app.parsing import Desk, Parser, Prepared
from app.protocol import Refused
from resolvers.ownership import Audience
from resolvers.request_limits import RequestLimits
from resolvers.trusted_documents import TrustedDocuments
from tests.api.company import SCHEMAS, Journal, company
from tests.api.serving import serving

GRAPHQL = "application/graphql-response+json"
SHELF = 'query Shelf { product(by: {alias: "kettle"}) { name } }'
ECHO = "query Echo($text: String!) { echo(text: $text) }"
RENAME = 'mutation Rename { rename(name: "x") }'
SECRETIVE = "query Prying { sources }"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


TRUSTED = TrustedDocuments(Path("documents.json"), {sha256(SHELF): SHELF, "echo-1": ECHO})
AUDIENCES = {
    "internal": Audience("internal", trusted=TRUSTED),
    "storefront": Audience("storefront", trusted=TRUSTED, only_trusted=True),
}


@pytest.fixture(scope="module")
def journal() -> Journal:
    return Journal()


@pytest.fixture(autouse=True)
def _forget(journal: Journal) -> None:
    journal.begun.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(journal: Journal) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(company(journal, audiences=AUDIENCES)) as url, httpx2.AsyncClient(base_url=url) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain(journal: Journal) -> AsyncIterator[httpx2.AsyncClient]:
    """A server whose internal audience registers nothing, and trusts nothing."""
    audiences = {"internal": Audience("internal", automatic_persisted_queries=False)}
    async with serving(company(journal, audiences=audiences)) as url, httpx2.AsyncClient(base_url=url) as client:
        yield client


async def post(
    client: httpx2.AsyncClient, audience: str = "internal", accept: str = GRAPHQL, **body: Any
) -> httpx2.Response:
    return await client.post("/graphql", json=body, headers={"Accept": accept, "X-Whence-Audience": audience})


def by_hash(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


def refused(response: httpx2.Response, status: int, code: str) -> str:
    assert response.status_code == status, response.text
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": code}
    assert "data" not in response.json()
    return str(error["message"])


# ── Trusted documents ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("audience", ["internal", "storefront"])
@pytest.mark.parametrize(
    "said",
    [
        {"documentId": sha256(SHELF)},
        {"documentId": f"sha256:{sha256(SHELF)}"},
        {"extensions": by_hash(SHELF)},
        {"query": SHELF},
        {"query": SHELF, "extensions": by_hash(SHELF)},
    ],
    ids=["bare", "prefixed", "apollo", "text", "text and hash"],
)
async def test_a_trusted_document_runs_by_whatever_names_it(
    client: httpx2.AsyncClient, audience: str, said: dict[str, Any]
) -> None:
    response = await post(client, audience, **said)
    assert response.json()["data"] == {"product": {"name": "Kettle"}}


async def test_a_trusted_document_takes_variables_and_comes_by_get_too(client: httpx2.AsyncClient) -> None:
    params = {"documentId": "echo-1", "variables": '{"text": "größer"}', "operationName": "Echo"}
    response = await client.get("/graphql", params=params, headers={"X-Whence-Audience": "storefront"})
    assert response.json()["data"] == {"echo": "0 0 größer"}


@pytest.mark.parametrize(
    "said",
    [
        {"query": "{ __typename }"},
        {"query": SHELF + " "},
        {"query": SECRETIVE, "extensions": by_hash(SECRETIVE)},
        {"query": "{ not a document"},
        {"documentId": "unknown"},
        {"extensions": by_hash(SECRETIVE)},
    ],
)
async def test_where_only_trusted_documents_may_be_sent_every_other_is_refused_and_not_repeated(
    client: httpx2.AsyncClient, said: dict[str, Any], journal: Journal
) -> None:
    response = await post(client, "storefront", **said)
    refused(response, 403, "UNTRUSTED_DOCUMENT")
    for text in (SECRETIVE, "__typename", "not a document", "unknown", sha256(SECRETIVE)):
        assert text not in response.text
    assert journal.begun == []


async def test_an_id_that_nobody_knows_is_refused(client: httpx2.AsyncClient) -> None:
    refused(await post(client, documentId="echo-2"), 400, "UNKNOWN_DOCUMENT")
    refused(await post(client, documentId="echo-2", accept="application/json"), 200, "UNKNOWN_DOCUMENT")


@pytest.mark.parametrize(
    "said",
    [
        {"documentId": 5},
        {"documentId": ""},
        {"documentId": "x" * 201},
        {"documentId": "echo-1", "query": ECHO},
        {"extensions": {"persistedQuery": 1}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": sha256(SHELF)}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(SHELF).upper()}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {}},
    ],
)
async def test_ids_that_are_none_are_malformed_requests(client: httpx2.AsyncClient, said: dict[str, Any]) -> None:
    refused(await post(client, **said), 400, "BAD_REQUEST")


# ── Automatic persisted queries ────────────────────────────────────────────────────────────────────────────────────


async def test_a_document_is_registered_by_its_hash_and_runs_by_it_afterwards(client: httpx2.AsyncClient) -> None:
    query = "query Registered { echo(whole: 7) }"
    unknown = await post(client, accept="application/json", extensions=by_hash(query))
    assert refused(unknown, 200, "PERSISTED_QUERY_NOT_FOUND") == "PersistedQueryNotFound"
    assert (await post(client, query=query)).status_code == 200
    refused(await post(client, extensions=by_hash(query)), 400, "PERSISTED_QUERY_NOT_FOUND")  # nobody registered it
    assert (await post(client, query=query, extensions=by_hash(query))).status_code == 200
    assert (await post(client, extensions=by_hash(query))).json()["data"] == {"echo": "0 7 "}
    assert (await post(client, documentId=f"sha256:{sha256(query)}")).status_code == 200
    got = await client.get("/graphql", params={"extensions": json.dumps(by_hash(query))})
    assert got.json()["data"] == {"echo": "0 7 "}
    refused(await post(client, "storefront", extensions=by_hash(query)), 403, "UNTRUSTED_DOCUMENT")


async def test_a_hash_of_another_text_is_refused_and_registers_nothing(
    client: httpx2.AsyncClient, journal: Journal
) -> None:
    query = "query Other { echo(whole: 8) }"
    mismatched = await post(client, query=SHELF, extensions=by_hash(query))
    refused(mismatched, 400, "PERSISTED_QUERY_MISMATCH")
    refused(await post(client, extensions=by_hash(query)), 400, "PERSISTED_QUERY_NOT_FOUND")
    assert journal.begun == []


async def test_what_does_not_validate_is_not_registered(client: httpx2.AsyncClient) -> None:
    query = "{ nothing }"
    assert (await post(client, query=query, extensions=by_hash(query))).status_code == 400
    refused(await post(client, extensions=by_hash(query)), 400, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_registered_mutation_is_not_run_by_get(client: httpx2.AsyncClient, journal: Journal) -> None:
    assert (await post(client, query=RENAME, extensions=by_hash(RENAME))).status_code == 200
    journal.begun.clear()
    got = await client.get("/graphql", params={"extensions": json.dumps(by_hash(RENAME))})
    assert got.status_code == 405
    assert journal.begun == []


async def test_registering_can_be_turned_off(plain: httpx2.AsyncClient) -> None:
    assert (await post(plain, query=SHELF, extensions=by_hash(SHELF))).status_code == 200
    said = refused(await post(plain, extensions=by_hash(SHELF)), 400, "PERSISTED_QUERY_NOT_SUPPORTED")
    assert said == "PersistedQueryNotSupported"
    assert (await post(plain, documentId=sha256(SHELF))).status_code == 400


# ── What is kept ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMAS["internal"], AUDIENCES["internal"], Desk(), share=0.02)


async def test_a_document_that_is_known_is_the_same(documents: Documents) -> None:
    first = await documents.prepare(ECHO + " # a")
    assert documents.known(ECHO) is None
    again = documents.known(ECHO + " # a")
    assert again is first
    assert again.named(None) is first.named("Echo")


async def test_endless_documents_of_one_client_push_out_neither_what_others_use_nor_what_they_registered(
    documents: Documents,
) -> None:
    for _ in range(3):
        await documents.prepare("{ echo(whole: -1) }", sha256("{ echo(whole: -1) }"))
        await documents.prepare(SHELF)
    for n in range(500):
        text = f"{{ echo(whole: {n}) }}"
        for _ in range(2):
            await documents.prepare(text, sha256(text))
    assert documents.known("{ echo(whole: -1) }")
    assert documents._by_id(sha256("{ echo(whole: -1) }"))
    assert documents.known(SHELF)
    assert documents._by_id(sha256("{ echo(whole: 250) }")) is None, "what went is forgotten by its hash too"
    assert len(documents._registered) <= len(documents._kept) <= 40


async def test_invalid_documents_are_not_kept(documents: Documents) -> None:
    assert (await documents.prepare("{ nothing }")).errors
    assert documents.known("{ nothing }") is None
    with pytest.raises(GraphQLError):
        await documents.prepare("{")


async def test_names_of_operations_must_be_clear() -> None:
    parser = Parser(SCHEMAS["internal"]._schema, RequestLimits())
    prepared = parser.prepare("query A { echo } query B { echo } ")
    assert prepared.named(None) is None
    assert prepared.named("A") is prepared.operations[0]
    assert prepared.named("C") is None
    assert parser.prepare("query A { echo } query A { echo }").named("A") is None
    assert parser.prepare("query A { echo }").named(None) is not None


# ── Preparing ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Slow(Parser):
    """A parser that waits to be let go on."""

    def __init__(self) -> None:
        super().__init__(SCHEMAS["internal"]._schema, RequestLimits())
        self.go = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.begun: list[str] = []

    def prepare(self, text: str) -> Prepared:
        self.begun.append(text)
        asyncio.run_coroutine_threadsafe(self.go.wait(), self.loop).result(20)
        return super().prepare(text)


def long(number: int) -> str:
    return f"{{ echo(whole: {number}) }}".ljust(parsing.AT_ONCE + 1)


async def test_a_long_document_that_several_send_is_prepared_once_and_the_loop_goes_on() -> None:
    desk, parser = Desk(), Slow()
    waiting = [asyncio.create_task(desk.prepare(parser, long(1))) for _ in range(5)]
    while not parser.begun:
        await asyncio.sleep(0.01)
    waiting[0].cancel()  # the others still get it
    parser.go.set()
    found = await asyncio.gather(*waiting[1:])
    assert len({id(one) for one in found}) == 1
    assert parser.begun == [long(1)]


async def test_beyond_so_many_that_wait_the_next_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "WAITING", 3)
    desk, parser = Desk(), Slow()
    waiting = [asyncio.create_task(desk.prepare(parser, long(n))) for n in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Refused) as caught:
        await desk.prepare(parser, long(4))
    assert (caught.value.status, caught.value.code) == (503, "BUSY")
    parser.go.set()
    assert len(await asyncio.gather(*waiting)) == 3
    assert await desk.prepare(parser, long(4))


# ── Limits ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ALIASES = "{ product(by: {id: 1}) {" + "".join(f" x{n}: name" for n in range(31)) + " } }"
BEYOND = {
    "characters": "{ echo" + " " * 32_000 + "}",
    "tokens": "{ echo" + " echo" * 2000 + "}",
    "definitions": "{ echo } " + " ".join(f"fragment F{n} on Query {{ echo }}" for n in range(100)),
    "comparisons between fields": "{ product(by: {id: 1}) {" + " name" * 200 + " } }",
    "depth": "{" + " a {" * 20 + " b" + " }" * 21,
    "root fields": "{" + " echo" * 21 + " }",
    "aliases": ALIASES,
    "directives on an element": "{ echo" + " @skip(if: false)" * 5 + " }",
    "cost": "{" + " page(first: 1000) {" * 3 + " b" + " }" * 4,
}


@pytest.mark.parametrize("limit", BEYOND)
@pytest.mark.parametrize("raised", [False, True])
async def test_a_document_beyond_a_limit_is_refused_by_its_name_with_what_was_found(limit: str, raised: bool) -> None:
    asked = RequestLimits()
    if raised:  # every limit is one that can be set
        names = {"characters": "document_length", "comparisons between fields": "comparisons"}
        name = names.get(limit, limit.split(" on ")[0].replace(" ", "_"))
        asked = replace(asked, **{name: getattr(asked, name) * 100_000})
    parser = Parser(SCHEMAS["internal"]._schema, asked)
    try:
        errors = list(parser.prepare(BEYOND[limit]).errors)
    except GraphQLError as error:
        errors = [error]
    told = [one for one in errors if one.extensions == {"code": "LIMIT"}]
    if raised:
        assert not [one for one in told if f"limit of {limit}:" in one.message]
    else:
        assert [one for one in told if f"limit of {limit}: at most" in one.message and "it has" in one.message], errors


async def test_limits_are_those_of_the_audience_and_are_told_over_http(journal: Journal) -> None:
    audiences = {"storefront": Audience("storefront", limits=RequestLimits(aliases=1, values=20, body_bytes=2000))}
    async with serving(company(journal, audiences=audiences)) as url, httpx2.AsyncClient(base_url=url) as client:
        query = "{ a: echo b: echo }"
        assert (await post(client, query=query)).status_code == 200
        response = await post(client, "storefront", query=query)
        [error] = response.json()["errors"]
        assert response.status_code == 400
        assert error["extensions"]["code"] == "LIMIT"
        assert "aliases: at most 1 are allowed, and it has 2" in error["message"]
        many = {"n": list(range(30))}
        assert (await post(client, query="{ echo }", variables=many)).status_code == 200
        refused(await post(client, "storefront", query="{ echo }", variables=many), 400, "LIMIT")
        params = {"query": "{ echo }", "variables": json.dumps(many)}
        got = await client.get("/graphql", params=params, headers={"X-Whence-Audience": "storefront"})
        refused(got, 400, "LIMIT")
        refused(await post(client, "storefront", query="{ echo }" + " " * 2000), 413, "BODY_TOO_LARGE")


async def test_a_type_with_many_fields_gets_no_suggestions() -> None:
    def errors(fields: int) -> str:
        schema = build_schema("type Query { " + " ".join(f"field{n}: Int" for n in range(fields)) + " }")
        return Parser(schema, RequestLimits()).prepare("{ feld1 }").errors[0].message

    assert "Did you mean" in errors(20)
    assert "Did you mean" not in errors(300)
