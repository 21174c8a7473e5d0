"""The company opens, ends when told or orphaned, and says why when it cannot open."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from app.demo.company import COMPANY_FILE
from app.demo.launch import DemoCompany, DemoError
from tests.conftest import PostgresServer
from tests.demo.conftest import Running

CHECKOUT = Path(__file__).resolve().parents[2]
PARENT = """
import asyncio, sys
from pathlib import Path
from app.demo.launch import DemoCompany
async def main():
    company = await DemoCompany.start(Path(sys.argv[1]), sys.argv[2])
    print(company.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and that nobody has reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    else:
        return state != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_it_ends_within_two_seconds_of_sigterm(
    brewster: Running, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    company = await DemoCompany.start(tmp_path, postgres_server.url)
    try:
        for token in ("PIM_TOKEN", "SHOP_KEY", "CRM_PASSWORD"):
            assert company.environment[token] != brewster.environment[token]
        assert company.running
        assert (tmp_path / COMPANY_FILE).exists()
        # an open connection must not hold it up
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(company.environment["PIM_URL"].rpartition(":")[2])
        )
        os.kill(company.pid, signal.SIGTERM)
        assert await gone_within(company.pid, 2)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert not (tmp_path / COMPANY_FILE).exists()
    finally:
        await company.stop()
    assert not company.running


async def test_it_ends_when_its_parent_is_killed(postgres_server: PostgresServer, tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), postgres_server.url, stdout=subprocess.PIPE, cwd=CHECKOUT
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 40))
    assert is_alive(pid)
    parent.kill()
    await parent.wait()
    assert await gone_within(pid, 3)
    again = await DemoCompany.start(tmp_path, postgres_server.url)
    await again.stop()


async def test_by_hand_it_says_one_line_and_ends_with_its_input(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.demo.company", "--directory", str(tmp_path), "--postgres", postgres_server.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    announced = json.loads(await asyncio.wait_for(process.stdout.readline(), 40))
    assert set(announced) == {"environment", "control", "control_token", "pid"}
    assert announced["pid"] == process.pid
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 3) == 0
    assert await process.stdout.read() == b""


async def test_two_companies_do_not_share_a_directory(brewster: Running) -> None:
    with pytest.raises(DemoError, match="already runs from"):
        await DemoCompany.start(brewster.directory, "postgresql://127.0.0.1:9/none")
    assert len(await brewster.control.status()) == 8


async def test_without_its_database_it_says_so_and_no_password(tmp_path: Path) -> None:
    with pytest.raises(DemoError) as refused:
        await DemoCompany.start(tmp_path, "postgresql://whence:s3cret@127.0.0.1:9/whence")
    assert "ERP needs the PostgreSQL server" in str(refused.value)
    assert "s3cret" not in str(refused.value)
