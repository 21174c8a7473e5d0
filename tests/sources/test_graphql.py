from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from sources.contract import PROBLEM, Connector, Document, Fetched
from sources.contract_suite import Upstream
from sources.contract_suite.guarded import GuardedUpstream
from sources.contract_suite.in_pytest import ConnectorContract, SourceContract
from sources.failures import FailureKind
from sources.graphql.answers import data_of
from sources.graphql.connector import KIND
from sources.interpretation.unreadable import UnreadableValue
from tests.sources.http_systems import BEARER, HttpUpstream, failure_of, ids, opened, walked
from tests.upstreams.http_faults import Fault
from tests.upstreams.http_server import HttpServer
from tests.upstreams.shop import TOKEN
from tests.upstreams.silence import closed_port, silent_port

NODE = "id label weight stock updatedAt price { amount currency }"
RELAY = f"""query ($first: Int!, $after: String, $since: String) {{
  products(first: $first, after: $after, updatedSince: $since) {{
    totalCount edges {{ node {{ {NODE} }} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
SKIP = f"query ($skip: Int!, $take: Int!) {{ items(skip: $skip, take: $take) {{ totalItems items {{ {NODE} }} }} }}"
BY_IDS = {
    "query": f"query ($ids: [ID!]!) {{ productsByIds(ids: $ids) {{ {NODE} }} }}",
    "variable": "ids",
    "records": "productsByIds",
    "batch": 60,
}
BY_ID = {"query": f"query ($id: ID!) {{ product(id: $id) {{ {NODE} }} }}", "variable": "id", "records": "product"}
RELAY_PAGING = {"kind": "relay", "connection": "products", "first": 3}
SKIP_PAGING = {"kind": "offset", "list": "items.items", "total": "items.totalItems", "size": 3}


async def upstream_of(
    server: HttpServer, options: dict[str, Any], wrong: Sequence[dict[str, Any]], **common: Any
) -> AsyncIterator[Upstream]:
    server.shop.auth = "bearer"
    options = {"url": server.url("/graphql"), "auth": BEARER, **options}
    mistakes = [{"records": "products.rows"}, {"url": server.url("/nothing")}, *wrong]
    async with silent_port() as silent:
        addresses = [f"http://127.0.0.1:{port}" for port in (silent, closed_port())]
        yield HttpUpstream(server, KIND, options, mistakes, addresses, **common)


class TestRelayFollowingAClock(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        paging = {**RELAY_PAGING, "total": "products.totalCount"}
        options = {"query": RELAY, "paging": paging, "fetch": BY_IDS, "since_variable": "since"}
        wrong: list[dict[str, Any]] = [
            {"query": RELAY.replace("stock", "stocks")},
            {"fetch": {**BY_IDS, "records": "products"}},
            {"fetch": {**BY_IDS, "query": "query ($ids: [ID!]!) { productsByNumber(ids: $ids) { id } }"}},
        ]
        async for upstream in upstream_of(http_server, options, wrong, sync={"by": "updatedAt"}):
            yield upstream


class TestRelayAsASource(SourceContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[GuardedUpstream]:
        async for upstream in upstream_of(http_server, {"query": RELAY, "paging": RELAY_PAGING, "fetch": BY_IDS}, []):
            yield GuardedUpstream(upstream)


class TestSkipAndTake(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        options = {"query": SKIP, "paging": SKIP_PAGING}
        async for upstream in upstream_of(http_server, options, []):
            yield upstream


class TestSkipAndTakeWithoutTotal(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        paging = {"kind": "offset", "list": "items.items", "size": 3}
        async for upstream in upstream_of(http_server, {"query": SKIP, "paging": paging}, []):
            yield upstream


@pytest.fixture
async def relay(http_server: HttpServer) -> AsyncIterator[Connector]:
    """A connector to five kettles, three a page."""
    for number in range(1, 6):
        price = {"price": "49.90"}
        http_server.put(f"A-{number:02}", {"label": f"Kettle {number}", "weight": Decimal("0.85"), "stock": 1, **price})
    options = {"url": http_server.url("/graphql"), "auth": BEARER, "query": RELAY, "paging": RELAY_PAGING}
    connector = opened(KIND, {**options, "fetch": BY_IDS})
    yield connector
    await connector.close()


async def fetched(connector: Connector, *keys: str) -> Sequence[Document]:
    assert connector.fetch is not None
    return await connector.fetch(keys, {"label"})


async def test_a_query_that_takes_one_key_is_asked_once_a_key(http_server: HttpServer) -> None:
    for number in range(12):
        http_server.put(f"A-{number}", {"label": f"Kettle {number}"})
    options = {"url": http_server.url("/graphql"), "query": SKIP, "paging": SKIP_PAGING}
    connector = opened(KIND, {**options, "fetch": BY_ID})
    assert await connector.check() == ()
    found = await fetched(connector, "absent", *(f"A-{number}" for number in range(12)))
    assert [document.content["label"] for document in found] == [f"Kettle {number}" for number in range(12)]
    assert len({document.place for document in found}) == 12
    await connector.close()
    wrong = opened(KIND, {**options, "fetch": {**BY_ID, "records": "item"}})
    assert [problem.path for problem in await wrong.check()] == ["fetch.query"]
    await wrong.close()


# ── Errors with status 200 ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_value_that_failed_is_unreadable_and_not_absent(relay: Connector, http_server: HttpServer) -> None:
    http_server.shop.records["A-02"]["weight"] = "1 246 "
    http_server.shop.records["A-03"]["weight"] = None
    http_server.shop.records["A-04"]["price"] = "broken"
    pages = await walked(relay)
    rows = {row.content["id"]: row.content for page in pages for row in page.documents}
    assert len(rows) == 5
    assert rows["A-01"]["weight"] == "0.85"
    assert isinstance(rows["A-02"]["weight"], UnreadableValue)
    assert "invalid weight" in rows["A-02"]["weight"].reason
    assert rows["A-02"]["label"] == "Kettle 2"
    assert rows["A-03"]["weight"] is None
    assert isinstance(rows["A-04"]["price"], UnreadableValue)  # amount may not be null: the price around it is
    [document] = await fetched(relay, "A-02")
    assert isinstance(document.content["weight"], UnreadableValue)
    assert isinstance(pages[0].documents[1].content["weight"], UnreadableValue)
    assert (await relay.describe()).columns


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "boom"}, FailureKind.GARBLED),
        ({"message": "boom", "path": None}, FailureKind.GARBLED),
        ({"message": "boom", "path": []}, FailureKind.GARBLED),
        ({"message": "boom", "path": ["products", "edges", 99, "node"]}, FailureKind.GARBLED),
        ({"message": "boom", "path": ["nobody"]}, FailureKind.GARBLED),
        ({"message": "boom", "path": "products"}, FailureKind.GARBLED),
        ({"message": 5, "path": [["products"]]}, FailureKind.GARBLED),
        ({"extensions": {"code": "UNAUTHENTICATED"}}, FailureKind.REFUSED),
        ({"extensions": {"code": "forbidden"}}, FailureKind.REFUSED),
        ({"extensions": {"http": {"status": 401}}}, FailureKind.REFUSED),
        ({"extensions": {"code": "THROTTLED"}}, FailureKind.THROTTLED),
    ],
)
async def test_an_error_that_names_no_value_is_a_failure(
    relay: Connector, http_server: HttpServer, error: dict[str, Any], kind: FailureKind
) -> None:
    http_server.shop.graphql_errors = [{"message": "first of all"}, error]
    assert (await failure_of(walked(relay))).kind is kind
    assert (await failure_of(fetched(relay, "A-01"))).kind is kind


async def test_an_error_beside_the_records_costs_nothing(relay: Connector, http_server: HttpServer) -> None:
    http_server.shop.graphql_errors = [{"message": "boom", "path": ["products", "totalCount"]}]
    assert len(ids(await walked(relay))) == 5


async def test_a_whole_record_that_failed_is_not_a_record_that_is_gone(
    relay: Connector, http_server: HttpServer
) -> None:
    http_server.shop.nulls = True
    assert len(ids(await walked(relay))) == 5, "a null without an error is no record"
    http_server.shop.graphql_errors = [{"message": "boom", "path": ["products", "edges", 3, "node", "id"]}]
    assert relay.changes is not None
    page = await anext(aiter(relay.changes(None)))
    *read, unreadable = page.documents
    assert [document.content["id"] for document in read] == ["A-01", "A-02", "A-03"]
    assert "the whole record is unreadable: the system answered an error: boom" in unreadable.content[PROBLEM]
    assert PROBLEM not in {column.name for column in (await relay.describe()).columns}
    http_server.shop.graphql_errors = [{"message": "boom", "path": ["productsByIds", 1]}]
    known, problem = await fetched(relay, "A-01", "absent")
    assert known.content["id"] == "A-01"
    assert PROBLEM in problem.content, "which of them it is nobody knows, so it is not said that there is none"


async def test_an_edge_that_failed_is_a_record_that_failed(relay: Connector, http_server: HttpServer) -> None:
    body = {
        "data": {
            "products": {
                "edges": [{"node": {"id": "A-01"}}, None],
                "pageInfo": {"hasNextPage": False, "endCursor": None},
                "totalCount": 2,
            }
        },
        "errors": [{"message": "boom", "path": ["products", "edges", 1, "node", "label"]}],
    }
    http_server.faults.garble(json.dumps(body).encode())
    [page] = await walked(relay)
    assert [PROBLEM in document.content for document in page.documents] == [False, True]


async def test_one_key_that_fails_costs_itself_alone(http_server: HttpServer) -> None:
    keys = [f"A-{number}" for number in range(12)]
    for key in keys:
        http_server.put(key, {"label": "Kettle"})
    options = {"url": http_server.url("/graphql"), "query": SKIP, "paging": SKIP_PAGING, "fetch": BY_ID}
    connector = opened(KIND, options)
    http_server.faults.fail(500, times=1)
    found = await fetched(connector, *keys)
    assert isinstance(found, Fetched)
    [(failed, failure)] = found.failed.items()
    assert failure.kind is FailureKind.UNREACHABLE
    assert {document.content["id"] for document in found} == {*keys} - {failed}
    await connector.close()


async def test_who_is_not_let_in_is_refused_and_its_token_not_repeated(
    relay: Connector, http_server: HttpServer
) -> None:
    http_server.shop.auth = "header"
    for asked in (walked(relay), fetched(relay, "A-01"), relay.check(), relay.describe()):
        failure = await failure_of(asked)
        assert failure.kind is FailureKind.REFUSED
        assert "Bearer *** is not authorized" in failure.message


@pytest.mark.parametrize("strict", [True, False])
async def test_a_query_that_the_system_does_not_know_is_explained(http_server: HttpServer, strict: bool) -> None:
    headers = {"X-Strict-Status": "1"} if strict else {}  # then it answers with status 400
    query = RELAY.replace("stock", "inventory")
    options = {"url": http_server.url("/graphql"), "query": query, "paging": RELAY_PAGING, "headers": headers}
    connector = opened(KIND, options)
    [problem] = await connector.check()
    assert problem.path == "query"
    assert "inventory" in problem.found
    assert (await failure_of(walked(connector))).kind is FailureKind.GARBLED
    await connector.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "no GraphQL answer"),
        (b"{}", "no GraphQL answer"),
        (b'{"data": null}', "neither data nor errors"),
        (b'{"data": [], "errors": []}', "neither data nor errors"),
        (b'{"data": {}, "errors": "boom"}', "no list"),
        (b'{"data": {}, "errors": [1]}', "no list"),
        (b'{"data": {"products": null}}', "records"),
        (b'{"data": {"products": {"edges": [{"node": 5}]}}}', "objects"),
        (b'{"data": {"products": {"edges": []}}}', "pageInfo.hasNextPage"),
        (b'{"data": {"products": {"edges": [], "pageInfo": {"hasNextPage": true}}}}', "endCursor"),
    ],
)
async def test_answers_that_are_none(relay: Connector, http_server: HttpServer, body: bytes, said: str) -> None:
    http_server.faults.garble(body)
    failure = await failure_of(walked(relay))
    assert failure.kind in {FailureKind.GARBLED, FailureKind.MISSING_OBJECT}
    assert said in failure.message


async def test_html_a_gateway_and_silence(relay: Connector, http_server: HttpServer) -> None:
    http_server.faults.garble(b"<html>private</html>", "text/html")
    assert (await failure_of(walked(relay))).kind is FailureKind.GARBLED
    http_server.faults.garble(b"<html>private</html>", "text/html", status=400)
    assert (await failure_of(walked(relay))).kind is FailureKind.GARBLED
    http_server.faults.fail(502)
    assert (await failure_of(fetched(relay, "A-01"))).kind is FailureKind.UNREACHABLE
    http_server.faults.switch(Fault.HANG)
    assert (await failure_of(fetched(relay, "A-01"))).kind is FailureKind.TIMEOUT


# ── Paging and following ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_page_that_comes_again_ends_the_walk(relay: Connector, http_server: HttpServer) -> None:
    http_server.shop.repeats = True
    assert "for ever" in (await failure_of(walked(relay))).message
    skip = opened(KIND, {"url": http_server.url("/graphql"), "query": SKIP, "paging": SKIP_PAGING})
    assert "for ever" in (await failure_of(walked(skip))).message
    await skip.close()
    assert len(http_server.shop.asked) == 4


async def test_a_take_that_the_system_refuses_is_its_own_words(http_server: HttpServer) -> None:
    paging = {**SKIP_PAGING, "size": 500}
    connector = opened(KIND, {"url": http_server.url("/graphql"), "query": SKIP, "paging": paging})
    [problem] = await connector.check()
    await connector.close()
    assert "take at most 100" in problem.found


async def test_a_list_that_is_not_whole_is_not_taken_for_whole(http_server: HttpServer) -> None:
    for number in range(5):
        http_server.put(f"A-{number}", {"label": "Kettle"})
    query = "query { products(first: 2) { totalCount edges { node { id } } } }"
    options = {
        "url": http_server.url("/graphql"),
        "query": query,
        "records": "products.edges[].node",
        "paging": {"kind": "none", "total": "products.totalCount"},
    }
    connector = opened(KIND, options)
    assert "2 of 5 records" in (await failure_of(walked(connector))).message
    await connector.close()


async def test_after_everything_only_what_is_newer_is_asked_for(http_server: HttpServer) -> None:
    for number in range(1, 9):
        http_server.put(f"A-{number}", {"label": "Kettle"})
    options = {"url": http_server.url("/graphql"), "query": RELAY, "paging": RELAY_PAGING, "since_variable": "since"}
    connector = opened(KIND, {**options, "overlap": "1m"}, sync={"by": "updatedAt"})
    first = await walked(connector)
    assert first[-1].cursor == {"since": "2026-03-01T12:08:00+00:00"}
    assert "since" not in http_server.shop.asked[-1].params
    http_server.put("A-1", {"label": "Renamed"})
    second = await walked(connector, first[-1].cursor)
    assert set(ids(second)) == {"A-1", "A-7", "A-8"}
    assert not any(page.enumerating for page in second)
    assert http_server.shop.asked[-1].params["since"] == "2026-03-01T12:07:00Z"
    await connector.close()


async def test_constant_variables_go_where_they_are_declared(http_server: HttpServer) -> None:
    for number in range(5):
        http_server.put(f"A-{number}", {"label": "Kettle"})
    options = {
        "url": http_server.url("/graphql"),
        "query": RELAY,
        "paging": RELAY_PAGING,
        "fetch": BY_IDS,
        "variables": {"since": "2026-03-01T12:04:00Z"},
    }
    connector = opened(KIND, options)
    assert ids(await walked(connector)) == ["A-3", "A-4"]
    assert len(await fetched(connector, "A-0")) == 1
    assert set(http_server.shop.asked[-1].params) == {"ids"}
    await connector.close()


# ── Options ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"query": "query {"}, "no GraphQL"),
        ({"query": "mutation { drop }"}, "only reads"),
        ({"query": "query A { a } query B { b }"}, "one query"),
        ({"query": "fragment F on T { a }"}, "one query"),
        ({"query": "{ " + "a " * 20_000 + "}"}, "no GraphQL"),
        ({"query": "{ products { id } }"}, r"\$first, \$after"),
        ({"since_variable": "changed"}, r"\$changed"),
        ({"paging": {"kind": "none"}}, "records"),
        ({"variables": {"channel": "web"}}, r"\$channel"),
        ({"fetch": {**BY_IDS, "variable": "keys"}}, r"\$keys"),
        ({"paging": {"kind": "relay", "connection": "products["}}, "JMESPath"),
    ],
)
def test_mistakes_in_the_options_say_what_to_write(options: dict[str, Any], said: str) -> None:
    right = {"url": "http://shop.example.com/", "query": RELAY, "paging": RELAY_PAGING}
    KIND.options.model_validate(right)
    with pytest.raises(ValueError, match=said):
        KIND.options.model_validate({**right, **options})


def test_a_since_variable_without_a_clock_is_refused() -> None:
    options = {"url": "http://shop.example.com/", "query": RELAY, "paging": RELAY_PAGING, "since_variable": "since"}
    with pytest.raises(ValueError, match=r"sync\.by"):
        opened(KIND, options)


def test_many_errors_are_counted_and_the_telling_one_is_said() -> None:
    errors = [{"message": "first"}, {"message": f"token {TOKEN}", "extensions": {"code": "FORBIDDEN"}}]
    with pytest.raises(Exception, match=r"token \*\*\* \(and 1 more\)"):
        data_of({"data": None, "errors": errors}, "here", lambda text: text.replace(TOKEN, "***"))
