from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from sources.contract import Fetched
from sources.contract_suite import Upstream
from sources.contract_suite.guarded import GuardedUpstream
from sources.contract_suite.in_pytest import ConnectorContract, SourceContract
from sources.failures import FailureKind
from sources.rest import KIND, RestConnector
from sources.values import JSON
from tests.sources.http_systems import BEARER, HttpUpstream, failure_of, ids, opened, walked
from tests.upstreams.http_faults import Fault
from tests.upstreams.http_server import HttpServer
from tests.upstreams.shop import PASSWORD, TOKEN
from tests.upstreams.silence import closed_port, silent_port

OAUTH2 = {
    "kind": "oauth2",
    "token_url": "https://id.example.com/token",
    "client_id": "whence",
    "client_secret": "shh-8c1b",
}
PAGED = {"kind": "page", "size": 3}
NOT_FOUND_BY = {"fetch": {"param": "numbers"}}


async def upstream_of(server: HttpServer, path: str, options: dict[str, Any], **common: Any) -> AsyncIterator[Upstream]:
    server.shop.auth = "bearer"
    options = {"url": server.url(path), "auth": BEARER, **options}
    wrong: list[dict[str, Any]] = [{"records": "rows"}, {"url": server.url("/rest/nothing")}]
    if "fetch" in options:
        wrong += [NOT_FOUND_BY, {"fetch": {"url": server.url("/rest/zero/{key}")}}]
    async with silent_port() as silent:
        addresses = [f"http://127.0.0.1:{port}" for port in (silent, closed_port())]
        yield HttpUpstream(server, KIND, options, wrong, addresses, **common)


class TestPages(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        options = {"records": "data", "paging": PAGED, "fetch": {"url": http_server.url("/rest/one/{key}")}}
        async for upstream in upstream_of(http_server, "/rest/page", options):
            yield upstream


BY_PARAM = {"param": "ids", "separator": ",", "repeat": True, "batch": 100}
WITH_TOTAL = {"records": "data", "paging": PAGED, "total": "meta.total", "fetch": BY_PARAM}


class TestPagesWithTotal(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        async for upstream in upstream_of(http_server, "/rest/page", WITH_TOTAL):
            yield upstream


class TestPagesAsASource(SourceContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[GuardedUpstream]:
        async for upstream in upstream_of(http_server, "/rest/page", WITH_TOTAL):
            yield GuardedUpstream(upstream)


class TestOffsets(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        options = {"records": "items", "paging": {"kind": "offset", "size": 3}, "total": "count"}
        async for upstream in upstream_of(http_server, "/rest/offset", options):
            yield upstream


class TestCursorsFollowingAClock(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        paging = {"kind": "cursor", "next": "meta.next", "size_param": "size", "size": 3}
        options = {"records": "data", "paging": paging, "since_param": "updated_since"}
        async for upstream in upstream_of(http_server, "/rest/cursor", options, sync={"by": "updatedAt"}):
            yield upstream


class TestLinks(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        options = {"paging": {"kind": "link", "size_param": "size", "size": 3}}
        async for upstream in upstream_of(http_server, "/rest/link", options):
            yield upstream


class TestLinksInTheBody(ConnectorContract):
    @pytest.fixture
    async def upstream(self, http_server: HttpServer) -> AsyncIterator[Upstream]:
        paging = {"kind": "link", "next": "next_page", "size_param": "size", "size": 3}
        options = {"records": "items", "paging": paging, "total": "total"}
        async for upstream in upstream_of(http_server, "/rest/body-link", options):
            yield upstream


def put(server: HttpServer, count: int) -> list[str]:
    keys = [f"A-{number:02}" for number in range(1, count + 1)]
    for number, key in enumerate(keys):
        server.put(key, {"label": f"Kettle {number}", "price": {"amount": Decimal("49.90"), "currency": "EUR"}})
    return keys


# ── Paging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/rest/page", {"records": "data", "paging": PAGED}),
        ("/rest/offset", {"records": "items", "paging": {"kind": "offset", "size": 3}}),
        ("/rest/cursor", {"records": "data", "paging": {"kind": "cursor", "next": "meta.next"}}),
        ("/rest/link", {"paging": {"kind": "link"}}),
        ("/rest/body-link", {"records": "items", "paging": {"kind": "link", "next": "next_page"}}),
    ],
)
class TestPagesForEver:
    async def test_a_page_that_comes_again_ends_the_walk(
        self, http_server: HttpServer, path: str, options: dict[str, Any]
    ) -> None:
        put(http_server, 5)
        http_server.shop.repeats = True
        connector = opened(KIND, {"url": http_server.url(path), **options})
        failure = await failure_of(walked(connector))
        await connector.close()
        assert failure.kind is FailureKind.GARBLED
        assert "for ever" in failure.message
        assert len(http_server.shop.asked) <= 3

    async def test_new_pages_without_end_are_too_many(
        self, http_server: HttpServer, path: str, options: dict[str, Any]
    ) -> None:
        http_server.shop.endless = True
        connector = opened(KIND, {"url": http_server.url(path), **options}, limits={"pages": 7})
        failure = await failure_of(walked(connector))
        await connector.close()
        assert failure.kind is FailureKind.TOO_LARGE
        assert len(http_server.shop.asked) == 7

    async def test_the_limit_counts_pages_before_a_restart_too(
        self, http_server: HttpServer, path: str, options: dict[str, Any]
    ) -> None:
        http_server.shop.endless = True
        connector = opened(KIND, {"url": http_server.url(path), **options}, limits={"pages": 4})
        assert connector.changes is not None
        cursor: JSON = None
        for _ in range(3):  # each time only the first page, as a process that is killed would
            async for page in connector.changes(cursor):
                cursor = page.cursor
                break
        failure = await failure_of(walked(connector, cursor))
        await connector.close()
        assert "more than 4 pages" in failure.message
        assert len(http_server.shop.asked) == 4


async def test_a_system_that_gives_fewer_than_asked_for_is_read_to_its_end(http_server: HttpServer) -> None:
    keys = put(http_server, 7)
    http_server.shop.cap = 2
    for path, records, paging in (
        ("/rest/page", "data", {"kind": "page", "size": 5}),
        ("/rest/offset", "items", {"kind": "offset", "size": 5}),
    ):
        connector = opened(KIND, {"url": http_server.url(path), "records": records, "paging": paging})
        assert ids(await walked(connector)) == keys
        await connector.close()


async def test_a_page_behind_the_last_that_does_not_exist_ends_the_walk(http_server: HttpServer) -> None:
    keys = put(http_server, 6)
    connector = opened(
        KIND, {"url": http_server.url("/rest/page"), "records": "data", "paging": PAGED, "params": {"strict": 1}}
    )
    pages = await walked(connector)
    await connector.close()
    assert ids(pages) == keys
    assert [page.last for page in pages] == [False, False, True]


async def test_a_next_page_elsewhere_is_not_visited(http_server: HttpServer) -> None:
    put(http_server, 5)
    with HttpServer() as other:
        for address in (other.url("/rest/link"), http_server.url("/rest/link").replace("127.0.0.1", "localhost")):
            http_server.shop.foreign_next = address
            connector = opened(KIND, {"url": http_server.url("/rest/link"), "auth": BEARER, "paging": {"kind": "link"}})
            failure = await failure_of(walked(connector))
            await connector.close()
            assert failure.kind is FailureKind.GARBLED
            assert "another system" in failure.message
        assert other.shop.asked == []


async def test_a_collection_that_pages_although_undeclared_is_not_taken_for_whole(http_server: HttpServer) -> None:
    put(http_server, 8)
    connector = opened(KIND, {"url": http_server.url("/rest/page"), "records": "data", "total": "meta.total"})
    failure = await failure_of(walked(connector))
    assert "3 of 8 records" in failure.message
    assert [problem.path for problem in await connector.check()] == ["paging"]
    await connector.close()


async def test_check_sees_that_a_total_is_only_the_page_s(http_server: HttpServer) -> None:
    put(http_server, 8)
    options = {"url": http_server.url("/rest/page"), "records": "data", "paging": PAGED, "total": "meta.on_page"}
    connector = opened(KIND, options)
    assert [problem.path for problem in await connector.check()] == ["total"]
    await connector.close()


async def test_a_cursor_of_another_paging_begins_again(http_server: HttpServer) -> None:
    keys = put(http_server, 4)
    connector = opened(KIND, {"url": http_server.url("/rest/page"), "records": "data", "paging": PAGED})
    cursors: list[JSON] = [
        {"at": {"offset": 3}, "pages": 1},
        {"since": "2026-03-01T00:00:00Z"},
        "x",
        [],
        {"at": 5, "pages": 1},
    ]
    for cursor in cursors:
        pages = await walked(connector, cursor)
        assert ids(pages) == keys
        assert all(page.enumerating for page in pages)
    await connector.close()


# ── Following a clock ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_after_everything_only_what_is_newer_is_read(http_server: HttpServer) -> None:
    put(http_server, 20)
    options = {
        "url": http_server.url("/rest/page"),
        "records": "data",
        "paging": PAGED,
        "since_param": "updated_since",
        "overlap": "2m",
    }
    connector = opened(KIND, options, sync={"by": "updatedAt"})
    first = await walked(connector)
    assert all(page.enumerating for page in first)
    assert first[-1].cursor == {"since": "2026-03-01T12:20:00+00:00"}
    http_server.put("A-01", {"label": "Renamed"})
    second = await walked(connector, first[-1].cursor)
    assert http_server.shop.asked[-1].params["updated_since"] == "2026-03-01T12:18:00Z"
    assert set(ids(second)) == {"A-01", "A-18", "A-19", "A-20"}  # what is new, and the overlap
    assert not any(page.enumerating for page in second)
    assert second[-1].cursor == {"since": "2026-03-01T12:21:00+00:00"}
    third = await walked(connector, second[0].cursor)
    assert not any(page.enumerating for page in third)
    await connector.close()


async def test_a_date_in_the_future_does_not_hide_what_follows(http_server: HttpServer) -> None:
    put(http_server, 2)
    http_server.shop.records["A-01"]["updatedAt"] = "2999-01-01T00:00:00Z"
    options = {"url": http_server.url("/rest/all"), "since_param": "updated_since"}
    connector = opened(KIND, options, sync={"by": "updatedAt"})
    pages = await walked(connector)
    await connector.close()
    assert isinstance(pages[-1].cursor, dict)
    assert pages[-1].cursor["since"] < "2998"


async def test_without_a_parameter_for_it_everything_is_read_every_time(http_server: HttpServer) -> None:
    put(http_server, 2)
    connector = opened(KIND, {"url": http_server.url("/rest/all")}, sync={"by": "updatedAt"})
    pages = await walked(connector)
    await connector.close()
    assert pages[-1].cursor is None
    assert pages[-1].enumerating


# ── By key ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_way_to_ask_by_key_there_is_no_fetch(http_server: HttpServer) -> None:
    connector = opened(KIND, {"url": http_server.url("/rest/all")})
    assert connector.fetch is None
    await connector.close()


async def test_a_batch_follows_the_pages_of_its_answer(http_server: HttpServer) -> None:
    keys = put(http_server, 8)
    http_server.shop.cap = 3
    connector = opened(
        KIND, {"url": http_server.url("/rest/page"), "records": "data", "paging": PAGED, "fetch": {"param": "ids"}}
    )
    assert connector.fetch is not None
    found = await connector.fetch([*keys, "absent"], {"label"})
    await connector.close()
    assert [document.content["id"] for document in found] == keys


async def test_a_system_that_ignores_the_keys_is_garbled_and_not_empty(http_server: HttpServer) -> None:
    put(http_server, 8)
    http_server.shop.ignores_ids = True
    connector = opened(KIND, {"url": http_server.url("/rest/all"), "fetch": {"param": "ids"}})
    assert connector.fetch is not None
    for asked in (["A-01", "A-02"], ["absent"]):
        assert (await failure_of(connector.fetch(asked, {"label"}))).kind is FailureKind.GARBLED
    assert [problem.path for problem in await connector.check()] == ["fetch.param"]
    await connector.close()


async def test_a_key_that_holds_the_separator_is_not_asked_as_two(http_server: HttpServer) -> None:
    put(http_server, 2)
    connector = opened(KIND, {"url": http_server.url("/rest/all"), "fetch": {"param": "ids"}})
    assert connector.fetch is not None
    assert "repeat = true" in (await failure_of(connector.fetch(["A-01,A-02"], {"label"}))).message
    await connector.close()


@pytest.mark.parametrize("written", [" 12 ", 12, Decimal("12.0")])
async def test_a_key_is_asked_for_as_the_mapping_writes_it(http_server: HttpServer, written: Any) -> None:
    http_server.put("12", {"label": "Kettle"})
    http_server.shop.records["12"]["id"] = written
    options = {"url": http_server.url("/rest/page"), "records": "data", "paging": PAGED}
    connector = opened(KIND, {**options, "fetch": {"url": http_server.url("/rest/one/{key}")}})
    assert connector.fetch is not None
    assert len(await connector.fetch(["12"], {"label"})) == 1
    assert await connector.check() == ()
    await connector.close()


async def test_keys_that_would_leave_the_path_are_not_asked(http_server: HttpServer) -> None:
    put(http_server, 2)
    connector = opened(
        KIND, {"url": http_server.url("/rest/all"), "fetch": {"url": http_server.url("/rest/one/{key}")}}
    )
    assert connector.fetch is not None
    assert list(await connector.fetch(["..", ".", ""], {"label"})) == []
    assert http_server.shop.asked == []
    await connector.close()


async def test_only_the_members_wanted_are_asked_for_where_the_system_can(http_server: HttpServer) -> None:
    put(http_server, 2)
    connector = opened(KIND, {"url": http_server.url("/rest/all"), "fetch": {"param": "ids"}, "fields_param": "fields"})
    assert connector.fetch is not None
    [document] = await connector.fetch(["A-01"], {"label"})
    await connector.close()
    assert dict(document.content) == {"id": "A-01", "label": "Kettle 0"}


async def test_one_request_a_key_is_at_most_eight_at_once_and_what_came_in_time_is_kept(
    http_server: HttpServer,
) -> None:
    keys = put(http_server, 40)
    http_server.faults.delay = 0.2
    options = {"url": http_server.url("/rest/all"), "fetch": {"url": http_server.url("/rest/one/{key}")}}
    connector = opened(KIND, options, deadline="500ms")
    assert connector.fetch is not None
    found = await connector.fetch(keys, {"label"})
    await connector.close()
    assert isinstance(found, Fetched)
    came = [document.content["id"] for document in found]
    assert 8 <= len(came) <= 24
    assert {*came, *found.failed} == {*keys}
    assert {failure.kind for failure in found.failed.values()} == {FailureKind.TIMEOUT}
    assert len(http_server.shop.asked) <= 24


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.STATUS, FailureKind.UNREACHABLE),
        (Fault.BODY, FailureKind.GARBLED),
        (Fault.HANG, FailureKind.TIMEOUT),
        (Fault.DROP, FailureKind.UNREACHABLE),
        (Fault.CUT, FailureKind.UNREACHABLE),
    ],
)
async def test_one_key_that_fails_costs_itself_alone(http_server: HttpServer, fault: Fault, kind: FailureKind) -> None:
    keys = put(http_server, 20)
    options = {"url": http_server.url("/rest/all"), "fetch": {"url": http_server.url("/rest/one/{key}")}}
    connector = opened(KIND, options, deadline="1s")
    http_server.faults.garble(b"<html>", "text/html")
    http_server.faults.fault, http_server.faults.status, http_server.faults.only = fault, 500, "A-07"
    if fault is Fault.BODY:
        http_server.faults.status = 200
    assert connector.fetch is not None
    found = await connector.fetch([*keys, "absent"], {"label"})
    await connector.close()
    assert isinstance(found, Fetched)
    assert {key: failure.kind for key, failure in found.failed.items()} == {"A-07": kind}
    assert [document.content["id"] for document in found] == [key for key in keys if key != "A-07"]


async def test_a_batch_that_fails_costs_its_own_keys(http_server: HttpServer) -> None:
    keys = put(http_server, 6)
    options = {"url": http_server.url("/rest/all"), "fetch": {"param": "ids", "batch": 2}}
    connector = opened(KIND, options)
    assert connector.fetch is not None
    http_server.faults.fail(500, times=1)
    found = await connector.fetch(keys, {"label"})
    assert isinstance(found, Fetched)
    assert len(found.failed) == 2
    assert {document.content["id"] for document in found} == {*keys} - found.failed.keys()
    await connector.close()


@pytest.mark.parametrize(
    ("status", "most"), [(500, 10), (401, 10), (429, 8)], ids=["down", "locked out", "too much already"]
)
async def test_a_system_that_fails_for_every_key_is_not_asked_for_all_of_them(
    http_server: HttpServer, status: int, most: int
) -> None:
    keys = put(http_server, 200)
    http_server.faults.fail(status, times=1000)
    options = {"url": http_server.url("/rest/all"), "fetch": {"url": http_server.url("/rest/one/{key}")}}
    connector = opened(KIND, options)
    assert connector.fetch is not None
    await failure_of(connector.fetch(keys, {"label"}))
    await connector.close()
    assert 1000 - http_server.faults.remaining <= most


async def test_a_system_that_has_enough_after_a_while_is_not_asked_on(http_server: HttpServer) -> None:
    keys = put(http_server, 100)
    http_server.faults.fail(429, times=1000, after=20)
    options = {"url": http_server.url("/rest/all"), "fetch": {"url": http_server.url("/rest/one/{key}")}}
    connector = opened(KIND, options)
    assert connector.fetch is not None
    found = await connector.fetch(keys, {"label"})
    await connector.close()
    assert isinstance(found, Fetched)
    assert len(found) == 20
    assert {failure.kind for failure in found.failed.values()} == {FailureKind.THROTTLED}
    assert 1000 - http_server.faults.remaining <= 8


async def test_a_single_record_that_is_forbidden_is_no_reason_to_give_up(http_server: HttpServer) -> None:
    keys = put(http_server, 40)
    options = {"url": http_server.url("/rest/all"), "fetch": {"url": http_server.url("/rest/one/{key}")}}
    connector = opened(KIND, options)
    http_server.faults.fail(403)
    http_server.faults.only = "A-0"
    assert connector.fetch is not None
    found = await connector.fetch(keys[5:], {"label"})
    await connector.close()
    assert isinstance(found, Fetched)
    assert {*found.failed} == {key for key in keys[5:] if key.startswith("A-0")}


# ── Credentials, parameters and what a page tells ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("bearer", BEARER, {"kind": "bearer", "token": "tok-of-another"}),
        ("header", {"kind": "header", "name": "X-Api-Key", "value": TOKEN}, BEARER),
        (
            "basic",
            {"kind": "basic", "user": "whence", "password": PASSWORD},
            {"kind": "basic", "user": "whence", "password": "guess"},
        ),
    ],
)
async def test_credentials_of_every_kind(
    http_server: HttpServer, kind: str, right: dict[str, str], wrong: dict[str, str]
) -> None:
    http_server.shop.auth = kind
    keys = put(http_server, 2)
    url = http_server.url("/rest/all")
    connector = opened(KIND, {"url": url, "auth": right})
    assert ids(await walked(connector)) == keys
    assert TOKEN not in repr(connector)
    assert PASSWORD not in repr(KIND.options.model_validate({"url": url, "auth": right, "params": {"key": TOKEN}}))
    await connector.close()
    for auth in (wrong, None):
        connector = opened(KIND, {"url": url, "auth": auth})
        for asked in (walked(connector), connector.check(), connector.describe()):
            failure = await failure_of(asked)
            assert failure.kind is FailureKind.REFUSED
        await connector.close()


async def test_parameters_and_the_query_of_the_address_are_both_sent(http_server: HttpServer) -> None:
    put(http_server, 4)
    connector = opened(
        KIND,
        {
            "url": http_server.url("/rest/page?type=kettle"),
            "records": "data",
            "params": {"secret": TOKEN, "deep": True},
            "headers": {"X-Shop": "main"},
            "paging": PAGED,
        },
    )
    pages = await walked(connector)
    await connector.close()
    # an earlier test's abandoned request may still come in
    asked = [request for request in http_server.shop.asked if request.params.get("secret") == TOKEN]
    assert [request.params.get("type") for request in asked] == ["kettle"] * len(pages)
    assert asked[-1].params["deep"] == "true"
    assert asked[-1].headers["x-shop"] == "main"
    assert all(TOKEN not in document.place for page in pages for document in page.documents)


async def test_describe_lists_members_of_members(http_server: HttpServer) -> None:
    put(http_server, 2)
    connector = opened(KIND, {"url": http_server.url("/rest/all")})
    described = await connector.describe()
    await connector.close()
    assert not described.complete
    columns = {column.name: (column.type, column.sample) for column in described.columns}
    assert columns["price"] == ("object", "")
    assert columns["price.amount"] == ("number", "49.90")
    assert columns["label"] == ("string", "Kettle 0")


async def test_check_names_a_clock_that_is_none(http_server: HttpServer) -> None:
    put(http_server, 2)
    options = {"url": http_server.url("/rest/all"), "since_param": "updated_since"}
    for by, found in (("changed", "no record has"), ("label", "no clock")):
        connector = opened(KIND, options, sync={"by": by})
        [problem] = await connector.check()
        await connector.close()
        assert problem.path == "sync.by"
        assert found in problem.found


async def test_nulls_between_records_are_passed_over(http_server: HttpServer) -> None:
    keys = put(http_server, 2)
    http_server.shop.nulls = True
    connector = opened(KIND, {"url": http_server.url("/rest/offset"), "records": "items"})
    assert ids(await walked(connector)) == keys
    await connector.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "pim.example.com/products"}, "whole address"),
        ({"url": "http://user:pw@pim.example.com/"}, "basic"),
        ({"url": "ftp://pim.example.com/"}, "whole address"),
        ({"records": "data["}, "JMESPath"),
        ({"fetch": {}}, "either url or param"),
        ({"fetch": {"url": "http://pim.example.com/one"}}, "{key}"),
        ({"fetch": {"url": "http://other.example.com/{key}"}}, "another host"),
        ({"auth": {"kind": "bearer", "token": ""}}, "empty"),
        ({"auth": {"kind": "bearer", "token": "a\r\nX: y"}}, "line's end"),
        ({"auth": {"kind": "oauth"}}, "bearer"),
        ({"auth": {**OAUTH2, "token_url": "id.example.com/token"}}, "whole address"),
        ({"auth": {**OAUTH2, "client_secret": ""}}, "empty"),
        ({"auth": {**OAUTH2, "client_auth": "post"}}, "basic"),
        ({"paging": {"kind": "cursor"}}, "next"),
        ({"verify": "/nowhere/ca.pem"}, "certificates"),
        ({"headers": {"X Y": "1"}}, "header"),
        ({"pagination": {}}, "pagination"),
    ],
)
def test_mistakes_in_the_options_say_what_to_write(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("{", r"\{")) as caught:
        KIND.options.model_validate({"url": "http://pim.example.com/", **options})
    assert "pw@" not in str(caught.value).partition("input_value")[0]


def test_a_since_parameter_without_a_clock_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sync\.by"):
        opened(KIND, {"url": "http://pim.example.com/", "since_param": "since"})


def test_opening_connects_to_nothing() -> None:
    connector = opened(KIND, {"url": f"http://127.0.0.1:{closed_port()}/"})
    assert isinstance(connector, RestConnector)
