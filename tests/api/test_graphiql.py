"""GraphiQL: a page that needs nobody else's files."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from app import graphiql
from tests.api.company import EXAMPLE, company

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=company())
    async with httpx2.AsyncClient(transport=transport, base_url="http://whence.test") as client:
        yield client


async def test_a_browser_gets_the_page_and_a_program_does_not(client: httpx2.AsyncClient) -> None:
    page = await client.get("/graphql", headers={"Accept": BROWSER})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for accept in ("*/*", "application/json", "application/graphql-response+json, text/html;q=0.5"):
        answer = await client.get("/graphql?query={__typename}", headers={"Accept": accept})
        assert answer.json()["data"] == {"__typename": "Governance"}


async def test_the_page_says_who_may_ask_and_holds_the_example(client: httpx2.AsyncClient) -> None:
    page = await client.get("/graphql", headers={"Accept": BROWSER})
    found = re.search(r'data-config="([^"]*)"', page.text)
    assert found
    assert json.loads(html.unescape(found[1])) == {
        "endpoint": "/graphql",
        "audiences": ["internal", "storefront"],
        "defaultAudience": "internal",
        "example": EXAMPLE,
    }


async def test_everything_the_page_loads_is_ours_and_there(client: httpx2.AsyncClient) -> None:
    page = await client.get("/graphql", headers={"Accept": BROWSER})
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert "<script>" not in page.text
    assert len(loaded) == 8
    for address in loaded:
        if address == "data:,":  # the icon: none
            continue
        assert address.startswith("/static/graphiql/")
        file = await client.get(address)
        assert file.status_code == 200
        assert len(file.content) > 100
        assert file.headers["content-type"].startswith("text/javascript" if address.endswith(".js") else "text/css")
        if address.endswith(".css"):
            assert not re.search(r"url\(\s*(?!['\"]?data:)|@import", file.text)
        again = await client.get(address, headers={"If-None-Match": file.headers["etag"]})
        assert again.status_code == 304


async def test_the_policy_forbids_other_hosts_and_eval(client: httpx2.AsyncClient) -> None:
    page = await client.get("/graphql", headers={"Accept": BROWSER})
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {source for sources in policy.values() for source in sources.split()} == {"'none'", "'self'", "data:"}
    assert policy["script-src"] == policy["connect-src"] == "'self'"


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fgraphiql_page.js", "%2Fetc%2Fpasswd", "graphiql_page.js", ""])
async def test_no_other_file_is_served(client: httpx2.AsyncClient, name: str) -> None:
    assert (await client.get(f"/static/graphiql/{name}")).status_code == 404


async def test_without_the_package_the_answer_says_so(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphiql, "PACKAGE", "a-package-that-is-not-there")
    answer = await client.get("/graphql", headers={"Accept": BROWSER})
    assert answer.status_code == 404
    assert "a-package-that-is-not-there" in answer.text


def test_what_stands_in_the_page_cannot_leave_its_attribute() -> None:
    hostile = graphiql.GraphiQL(('"><script>alert(1)</script>',), "x", example="</script>'\"><img src=x>")
    text = bytes(hostile.response().body).decode()
    assert "<script>alert" not in text
    assert "<img" not in text
