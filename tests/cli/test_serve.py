"""``whence serve``, as a process: it starts, answers, lets other commands work beside it, and ends in time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from tests.cli.company import WHENCE_TOML, Company, json_of
from tests.cli.conftest import Call
from tests.upstreams.silence import silent_port

IN_TIME = 4.0
"""Seconds: less than the five that are promised, and than those after which it ends whatever still hangs."""
HANGING = """
[sources.slow]
title = "A system that never says a word"
connector = "rest"
url = "${SLOW_URL}"
records = "items"
key = "id"
deadline = "30s"
[sources.slow.identifiers]
sku = "sku"
"""


@pytest_asyncio.fixture(loop_scope="session")
async def silent() -> AsyncIterator[int]:
    async with silent_port() as port:
        yield port


def postgres_of(directory: Path) -> int | None:
    """The process id of the embedded server on a state directory, where one runs."""
    try:
        pid = int((directory / "postgres/postmaster.pid").read_text().split()[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return pid if b"postgres" in arguments else None


def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_it_starts_answers_and_ends_on_sigterm(company: Company, database_url: str, call: Call) -> None:
    with company.serving(WHENCE_DATABASE_URL=database_url) as served:
        answer = served.ask('{ product(by: { alias: "pot elec" }) { weight { value { amount unit } status } } }')
        assert answer == {"data": {"product": {"weight": {"value": {"amount": "850", "unit": "g"}, "status": "OK"}}}}
        said = "".join(served.out)
        assert "products(first: 1)" in said
        assert '"edges"' in said
        base = served.address.removesuffix("/graphql")
        assert httpx2.get(f"{base}/readyz", timeout=5, trust_env=False).status_code == 200
        beside = call("search", "toaster")  # which does not know of that database
        assert beside.exit_code == 3
        assert "WHENCE_DATABASE_URL" in beside.stderr
        with httpx2.Client(trust_env=False) as idle:  # an open connection must not hold it up
            idle.get(f"{base}/healthz")
            code, seconds = served.end(signal.SIGTERM)
        assert code == 0
        assert seconds < IN_TIME
        assert not (company.directory / ".whence/postgres").exists()
        assert "Traceback" not in "".join(served.err)


def test_a_signal_during_the_first_sync_ends_it_too(company: Company, database_url: str, silent: int) -> None:
    company.write(WHENCE_TOML + HANGING)
    environment = {"SLOW_URL": f"http://127.0.0.1:{silent}/x", "WHENCE_DATABASE_URL": database_url}
    with company.serving(**environment) as served:
        served.wait_for("stock: 3 seen", served.err)
        code, seconds = served.end(signal.SIGINT)
        assert code == 0
        assert seconds < IN_TIME
        assert not served.out


def test_the_embedded_ledger_is_shared_survives_a_kill_and_leaves_no_orphan(
    company: Company, call: Call, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("the kernel ends an orphan on Linux only")
    company.environment["WHENCE_DIRECTORY"] = str(reachable)
    monkeypatch.setenv("WHENCE_DIRECTORY", str(reachable))
    with company.serving() as served:
        served.ask("{ __typename }")
        beside = call("product", "KET-1", "--json")
        assert beside.exit_code == 0, beside.stderr
        first = json_of(beside.stdout)["data"]["product"]["id"]
        other = call("serve", "--port", "0")
        assert other.exit_code == 3
        assert served.address.removesuffix("/graphql") in other.stderr
        postgres = postgres_of(reachable)
        assert postgres is not None
        served.process.kill()
        served.process.wait()
        assert gone_within(postgres, IN_TIME)
    with company.serving("--no-sync") as served:
        assert served.ask('{ product(by: { sku: "KET-1" }) { id } }') == {"data": {"product": {"id": first}}}
        postgres = postgres_of(reachable)
        assert postgres is not None
        code, seconds = served.end(signal.SIGINT)
        assert code == 0
        assert seconds < IN_TIME
        assert gone_within(postgres, 0.5)


def test_ctrl_c_ends_a_command_with_130(company: Company, silent: int) -> None:
    company.write(WHENCE_TOML + HANGING)
    process = subprocess.Popen(
        company.command("check"),
        cwd=company.directory,
        env=company.everything({"SLOW_URL": f"http://127.0.0.1:{silent}/x"}),
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=IN_TIME)
    assert process.returncode == 130
    assert "Traceback" not in said
