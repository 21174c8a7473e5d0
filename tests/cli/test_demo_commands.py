"""``whence demo``, and commands that find the running demo by themselves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.demo.launch import DemoCompany
from tests.cli.company import Company, json_of
from tests.cli.conftest import Call
from tests.conftest import PostgresServer

KETTLE = "POT ELEC 17 STL BLK"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def brewster(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The demo company, running from ``demo`` of the directory that this gives."""
    directory = tmp_path_factory.mktemp("state")
    running = await DemoCompany.start(directory / "demo", postgres_server.url)
    try:
        yield directory
    finally:
        await running.stop()


@pytest.fixture
def beside(on_database: Call, company: Company, brewster: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A command in a directory without a whence.toml, whose state is where the demo runs."""
    (company.directory / "whence.toml").unlink()
    monkeypatch.setenv("WHENCE_DIRECTORY", str(brewster))
    return on_database


def test_without_the_demo_it_says_how_to_start_it(call: Call) -> None:
    for command in (("demo", "status"), ("demo", "stop", "pim"), ("product", "x", "--demo")):
        result = call(*command)
        assert result.exit_code == 3
        assert "make run" in result.stderr


def test_a_company_that_died_is_not_taken_for_a_running_one(call: Call, company: Company) -> None:
    (company.directory / "whence.toml").unlink()
    left = company.directory / ".whence/demo/company.json"
    left.parent.mkdir(parents=True)
    left.write_text(json.dumps({"environment": {}, "control": "", "control_token": "", "pid": 2**22 + 1}))
    assert call("demo", "status").exit_code == 3
    result = call("check")
    assert result.exit_code == 2
    assert "no file" in result.output


def test_the_story_beside_a_running_demo(beside: Call) -> None:
    synced = beside("sync", "erp", "wms", "pim")
    assert synced.exit_code == 0, synced.output
    assert "using the demo company" in synced.stderr
    fields = ("--field", "listPrice", "--field", "weight", "--json")

    stopped = beside("demo", "stop", "erp")
    assert stopped.exit_code == 0, stopped.output
    assert "ERP (erp) is stopped" in stopped.stdout
    assert "--field listPrice" in stopped.stdout
    found = json_of(beside("product", KETTLE, *fields).stdout)
    assert found["data"]["product"]["listPrice"]["status"] == "LAST_KNOWN"
    assert found["data"]["product"]["weight"]["status"] == "OK"
    assert found["extensions"]["sources"]["erp"]["kind"] == "UNREACHABLE"

    assert json_of(beside("demo", "start", "erp", "--json").stdout)["condition"] == "running"
    found = json_of(beside("product", KETTLE, "--demo", *fields).stdout)
    assert found["data"]["product"]["listPrice"]["status"] == "OK"


def test_a_system_can_be_slow_and_the_status_says_so(beside: Call) -> None:
    assert json_of(beside("demo", "slow", "crm", "40ms", "--json").stdout)["delaySeconds"] == 0.04
    status = beside("demo", "status")
    assert status.exit_code == 0
    assert "40ms" in status.stdout
    assert beside("demo", "start", "crm").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(("stop", "sap"), 1, "erp, wms"), (("slow", "erp", "3x"), 2, "length of time"), (("slow", "sales"), 1, "file")],
)
def test_what_cannot_be_done_is_said(beside: Call, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = beside("demo", *arguments)
    assert result.exit_code == code
    assert said in result.stderr


def test_a_whence_toml_of_ones_own_comes_before_the_demo(beside: Call, company: Company) -> None:
    company.write("[audiences.staff]\n")
    result = beside("check", "--offline")
    assert "demo" not in result.stderr
    assert "whence.toml" in result.output


def test_the_demos_schema_needs_no_running_demo(call: Call) -> None:
    result = call("schema", "--demo", "--audience", "storefront")
    assert result.exit_code == 0, result.output
    assert "listPrice" in result.stdout
    assert "stockOnHand" not in result.stdout
