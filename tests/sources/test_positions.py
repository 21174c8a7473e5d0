"""Which walks may step over a record when another is deleted on the way."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sources.contract import DocumentPage
from sources.graphql.connector import KIND as GRAPHQL
from sources.rest import KIND
from sources.web.positions import address_counts, counts
from tests.sources.http_systems import opened, walked
from tests.sources.test_graphql import RELAY, RELAY_PAGING, SKIP, SKIP_PAGING
from tests.upstreams.http_server import HttpServer


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("cursor", "count"),
    [
        ("100", True),
        (b64("100"), True),
        (b64("arrayconnection:49"), True),
        (b64("offset=49"), True),
        ("page:3", True),
        (b64('{"last_id":4711,"last_value":"4711"}'), False),
        (b64("2026-03-01T12:00:00Z|A-17"), False),
        ("eyJkaXJlY3Rpb24iOiJuZXh0In0", False),
        ("A-17", False),
        ("Zürich", False),
        ("", False),
    ],
)
def test_what_cursors_look_like(cursor: str, count: bool) -> None:
    assert counts(cursor) is count


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("page=3", True),
        ("p=3&per_page=50", True),
        ("start=50&size=50", True),
        ("page%5Bnumber%5D=3", True),
        ("after=A-17&page=2", True),
        ("after=100", True),
        (f"cursor={b64('100')}", True),
        ("step=next", True),
        ("", True),
        ("page_info=eyJkaXJlY3Rpb24iOiJuZXh0In0&limit=50", False),
        ("pageToken=CAUQAA.x&limit=50", False),
        ("starting_after=prod_N1x", False),
        ("since_id=gid-4711-x", False),
    ],
)
def test_what_addresses_look_like(query: str, count: bool) -> None:
    assert address_counts(f"https://shop.example.com/products?{query}") is count


async def pages_of(kind: Any, options: dict[str, Any], **common: Any) -> list[DocumentPage]:
    connector = opened(kind, options, **common)
    pages = await walked(connector)
    await connector.close()
    return pages


@pytest.mark.parametrize(
    ("path", "options", "shifting"),
    [
        ("/rest/page", {"records": "data", "paging": {"kind": "page", "size": 3}}, True),
        ("/rest/offset", {"records": "items", "paging": {"kind": "offset", "size": 3}}, True),
        ("/rest/cursor", {"records": "data", "paging": {"kind": "cursor", "next": "meta.next"}}, True),
        (
            "/rest/cursor",
            {"records": "data", "paging": {"kind": "cursor", "next": "meta.next", "shifting": False}},
            False,
        ),
        ("/rest/link", {"paging": {"kind": "link"}}, True),
        ("/rest/link", {"paging": {"kind": "link", "shifting": False}}, False),
        ("/rest/all", {}, False),
    ],
)
async def test_a_page_says_whether_its_walk_counts(
    http_server: HttpServer, path: str, options: dict[str, Any], shifting: bool
) -> None:
    for number in range(8):
        http_server.put(f"A-{number}", {"label": "Kettle"})
    pages = await pages_of(KIND, {"url": http_server.url(path), **options})
    assert {page.shifting for page in pages} == {shifting}
    assert len(pages) > 1 or path == "/rest/all"


async def test_what_came_on_one_page_steps_over_nothing(http_server: HttpServer) -> None:
    http_server.put("A-1", {"label": "Kettle"})
    paging = {"kind": "page", "size": 50}
    options = {"url": http_server.url("/rest/page"), "records": "data", "paging": paging}
    [page] = await pages_of(KIND, {**options, "total": "meta.total"})
    assert not page.shifting
    assert {page.shifting for page in await pages_of(KIND, options)} == {True}, "it looked behind the first page"


async def test_graphql_counts_by_offset_and_by_cursors_that_are_counts(http_server: HttpServer) -> None:
    for number in range(8):
        http_server.put(f"A-{number}", {"label": "Kettle"})
    url = http_server.url("/graphql")
    for query, paging, shifting in (
        (SKIP, SKIP_PAGING, True),
        (RELAY, RELAY_PAGING, True),
        (RELAY, {**RELAY_PAGING, "shifting": False}, False),
    ):
        pages = await pages_of(GRAPHQL, {"url": url, "query": query, "paging": paging})
        assert {page.shifting for page in pages} == {shifting}
