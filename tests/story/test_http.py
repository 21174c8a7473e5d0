"""The served API as clients meet it: the audits of GraphQL over HTTP, health, and errors that tell nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.execution import CompiledOperation
from app.main import build_app
from app.redaction import Redactor
from tests.api.http_audits import audit, complaints, install
from tests.story.conftest import Brewster


@pytest.mark.needs("node")
async def test_every_audit_of_graphql_over_http_passes(brewster: Brewster, tmp_path: Path) -> None:
    await install(tmp_path)
    assert complaints(await audit(tmp_path, f"{brewster.address}/graphql")) == []


async def test_a_running_whence_is_alive_and_ready(brewster: Brewster) -> None:
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"{brewster.address}/healthz")).status_code == 200
        ready = await client.get(f"{brewster.address}/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {"ledger": "ready"}


async def test_the_page_for_people_offers_every_audience(brewster: Brewster) -> None:
    async with httpx2.AsyncClient() as client:
        page = await client.get(f"{brewster.address}/graphql", headers={"Accept": "text/html"})
    assert page.status_code == 200
    for audience in ("internal", "support", "storefront"):
        assert audience in page.text


async def test_a_secret_reaches_no_answer(brewster: Brewster) -> None:
    await brewster.control.stop("pim")
    try:
        await brewster.sync("pim")
        answer = await brewster.ask(
            "{ sources { name failure { message action } } ownershipMap { risks { message } }"
            ' product(by: {sku: "BR-KET-1700-BK"}) { name { status } } }'
        )
    finally:
        await brewster.control.start("pim")
        await brewster.sync("pim")
    said = str(answer)
    assert "pim" in said
    for name, value in brewster.environment.items():
        if name.endswith(("TOKEN", "KEY", "PASSWORD", "URL")):
            assert value not in said, name


@pytest.mark.parametrize("compiling", [True, False])
async def test_operations_are_compiled_from_the_second_time_on_unless_that_is_off(
    brewster: Brewster, compiling: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    run = CompiledOperation.run

    async def counted(self: CompiledOperation, *arguments: Any) -> Any:
        ran.append(self)
        return await run(self, *arguments)

    monkeypatch.setattr(CompiledOperation, "run", counted)
    app = build_app(brewster.runtime, Redactor(), default_audience="internal", syncing=False, compiling=compiling)
    body = {
        "query": 'query { product(by: {sku: "BR-KET-1700-BK"}) { id name { value source status } values { name } } }'
    }
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client:
        answers = [(await client.post("/graphql", json=body)).json() for _ in range(3)]
    assert answers[0]["data"]["product"]["name"]["value"] is not None
    assert answers[1:] == answers[:2]
    assert len(ran) == (2 if compiling else 0)
