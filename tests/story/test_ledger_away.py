"""The ledger's PostgreSQL goes away under a serving Whence, and comes back."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest_asyncio

from app.main import build_app
from app.redaction import Redactor
from app.settings import Settings
from app.sync import sync_once
from app.wiring import build_runtime
from resolvers.map_file import parse_map
from sources.ledger.server import LedgerServer
from tests.api.serving import serving

MAP = """
[sources.sheet]
title = "A sheet"
connector = "file"
path = "{path}"
key = "article"
[sources.sheet.identifiers]
sku = "article"
[sources.sheet.fields]
colour = "colour"

[fields.colour]
type = "text"
system_of_record = "sheet"
"""
QUERY = '{ product(by: {sku: "A-1"}) { colour { value } } }'


@pytest_asyncio.fixture(loop_scope="session")
async def directory() -> AsyncIterator[Path]:
    """A directory that the server's account reaches."""
    with tempfile.TemporaryDirectory(prefix="whence-away-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


async def test_an_outage_of_the_ledger_is_told_as_503_and_ridden_out(directory: Path) -> None:
    (directory / "sheet.csv").write_text("article,colour\nA-1,black\n")
    ownership = parse_map(MAP.format(path=directory / "sheet.csv"), {})
    server = await LedgerServer.start(directory / "state", durable=False)
    try:
        async with build_runtime(ownership, server.url, Settings(database_url=server.url)) as runtime:
            assert [report.failure for report in await sync_once(runtime, ["sheet"])] == [None]
            app = build_app(runtime, Redactor(), default_audience="internal", syncing=False)
            async with serving(app) as address, httpx2.AsyncClient(timeout=15) as client:

                async def ask() -> httpx2.Response:
                    return await client.post(f"{address}/graphql", json={"query": QUERY})

                assert (await ask()).json()["data"]["product"]["colour"]["value"] == "black"
                await server.stop()
                away = await ask()
                assert away.status_code == 503
                assert away.headers["Retry-After"]
                assert away.json()["errors"][0]["extensions"]["code"] == "LEDGER_UNAVAILABLE"
                assert (await client.get(f"{address}/readyz")).status_code == 503
                assert (await client.get(f"{address}/healthz")).status_code == 200
                server = await LedgerServer.start(directory / "state", durable=False)
                back = await ask()
                assert back.status_code == 200, back.text
                assert back.json()["data"]["product"]["colour"]["value"] == "black"
    finally:
        await server.stop()
