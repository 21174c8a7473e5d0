"""GraphQL over HTTP, judged by somebody else's suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.company import company
from tests.api.http_audits import COUNT, audit, complaints, install
from tests.api.serving import serving


@pytest.mark.needs("node")
async def test_all_server_audits_of_graphql_http_pass(tmp_path: Path) -> None:
    await install(tmp_path)
    async with serving(company()) as url:
        found = await audit(tmp_path, f"{url}/graphql")
    assert complaints(found) == []
    assert len(found) == COUNT
