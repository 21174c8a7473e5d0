"""A page whose name leads to this machine reads nothing."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.hosts import KnownHosts
from tests.api.serving import serving


async def answer(_: Request) -> PlainTextResponse:
    """What must not be read."""
    return PlainTextResponse("secret")


APP = Starlette(routes=[Route("/", answer)], middleware=[Middleware(KnownHosts, names=["Api.example"])])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "127.8.0.1"}, 200),
        ({"Host": "[::1]:8000", "Origin": "http://localhost:3000"}, 200),
        ({"Host": "api.example"}, 200),
        ({"Host": "attacker.example:8000"}, 421),
        ({"Host": "127.0.0.1.attacker.example"}, 421),
        ({"Host": "[broken"}, 421),
        ({"Origin": "http://attacker.example:8000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "10.0.0.1"}, 421),
    ],
)
async def test_only_known_hosts_are_answered(headers: dict[str, str], status: int) -> None:
    async with serving(APP) as address, httpx2.AsyncClient() as client:
        response = await client.get(address, headers=headers)
    assert response.status_code == status
    assert ("secret" in response.text) == (status == 200)
