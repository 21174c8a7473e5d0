"""Brewster Appliances, running: its systems, a ledger that has read them, and Whence serving on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest_asyncio

from app.demo.launch import WHENCE_TOML, DemoCompany, DemoControl, read_control
from app.main import build_app
from app.redaction import Redactor
from app.settings import Settings
from app.sync import sync_once
from app.wiring import Runtime, build_runtime
from resolvers.map_file import load_map
from tests.api.serving import serving
from tests.conftest import PostgresServer

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Brewster:
    """The company with Whence in front of it."""

    runtime: Runtime
    control: DemoControl
    address: str
    environment: Mapping[str, str]

    async def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, *, audience: str | None = None
    ) -> Answer:
        """The answer of the served API, over HTTP."""
        headers = {"Accept": "application/graphql-response+json"}
        if audience is not None:
            headers["X-Whence-Audience"] = audience
        async with httpx2.AsyncClient(timeout=20) as client:
            response = await client.post(
                f"{self.address}/graphql", json={"query": document, "variables": variables or {}}, headers=headers
            )
        answer: Answer = response.json()
        return answer

    async def data(self, document: str, variables: Mapping[str, Any] | None = None, audience: str | None = None) -> Any:
        """The data of an answer that must have no errors."""
        answer = await self.ask(document, variables, audience=audience)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def sync(self, *names: str) -> None:
        """Sync some sources now."""
        await sync_once(self.runtime, names)
        await self.runtime.state.refresh()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def brewster(
    postgres_server: PostgresServer, migrated_template: str, tmp_path_factory: Any
) -> AsyncIterator[Brewster]:
    """The company, its systems synced once; syncs afterwards are the tests' own."""
    name = f"whence_story_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}" template "{migrated_template}" strategy file_copy')
    url = postgres_server.database(name)
    directory: Path = tmp_path_factory.mktemp("brewster")
    company = await DemoCompany.start(directory, url)
    try:
        ownership = load_map(WHENCE_TOML, company.environment)
        settings = Settings(database_url=url)
        async with build_runtime(ownership, url, settings) as runtime:
            reports = await sync_once(runtime, list(runtime.sources))
            assert not [report.failure for report in reports if report.failure is not None]
            await runtime.state.refresh()
            app = build_app(runtime, Redactor(ownership.secrets), default_audience="internal", syncing=False)
            async with serving(app) as address:
                yield Brewster(runtime, read_control(directory), address, company.environment)
    finally:
        await company.stop()
        await asyncio.sleep(0)
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')
        await postgres_server.execute('drop database if exists "brewster_erp" with (force)')
