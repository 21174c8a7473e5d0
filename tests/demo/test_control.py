"""What `whence demo stop`, `slow`, `garble` and `start` do to a system, as its clients see it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx2
import pytest

from app.demo.catalogue import SYSTEMS
from app.demo.launch import DemoControl, DemoError, read_control
from app.demo.systems.web import basic
from tests.demo.conftest import Running

LATE = timedelta(milliseconds=700)


async def ask_pim(brewster: Running) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {brewster.environment['PIM_TOKEN']}"}
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        return await client.get(f"{brewster.environment['PIM_URL']}/api/products", headers=headers)


async def ask_erp(brewster: Running) -> int:
    connection = await asyncpg.connect(brewster.environment["ERP_URL"], timeout=5, command_timeout=5)
    try:
        return int(await connection.fetchval("select count(*) from brewster_erp.items"))
    finally:
        await connection.close(timeout=5)


def count_articles(connection: sqlite3.Connection) -> int:
    return int(connection.execute("select count(*) from articles").fetchone()[0])


async def test_every_system_has_a_state(brewster: Running) -> None:
    states = await brewster.control.status()
    assert tuple(state.name for state in states) == SYSTEMS
    assert {state.condition for state in states} == {"running"}


async def test_a_stopped_server_refuses_until_it_is_started(brewster: Running) -> None:
    state = await brewster.control.stop("pim")
    assert str(state) == "pim: stopped"
    with pytest.raises(httpx2.ConnectError):
        await ask_pim(brewster)
    await brewster.control.stop("pim")
    assert str(await brewster.control.start("pim")) == "pim: running"
    assert (await ask_pim(brewster)).status_code == 200


async def test_stopping_cuts_connections_that_are_open(brewster: Running) -> None:
    connection = await asyncpg.connect(brewster.environment["ERP_URL"], timeout=5, command_timeout=5)
    await brewster.control.stop("erp")
    with pytest.raises((OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)):
        await connection.fetchval("select 1")
    with pytest.raises(ConnectionRefusedError):
        await ask_erp(brewster)
    connection.terminate()
    await brewster.control.start("erp")
    assert await ask_erp(brewster) == 60


async def test_a_slow_server_is_late_on_connections_old_and_new(brewster: Running) -> None:
    connection = await asyncpg.connect(brewster.environment["ERP_URL"], timeout=5, command_timeout=5)
    try:
        assert str(await brewster.control.slow("erp", LATE)) == "erp: slow (700ms late)"
        began = time.monotonic()
        await connection.execute("select 1")
        assert LATE.total_seconds() <= time.monotonic() - began < 3 * LATE.total_seconds()
        await brewster.control.start("erp")
        began = time.monotonic()
        await connection.execute("select 1")
        assert time.monotonic() - began < LATE.total_seconds()
    finally:
        await connection.close(timeout=5)


async def test_a_long_answer_is_late_once(brewster: Running) -> None:
    await brewster.control.slow("pim", LATE)
    began = time.monotonic()
    assert len((await ask_pim(brewster)).content) > 16_000
    assert LATE.total_seconds() <= time.monotonic() - began < 2 * LATE.total_seconds()


@pytest.mark.parametrize("name", ["pim", "crm", "shop"])
async def test_a_garbled_server_answers_a_web_page(brewster: Running, web: httpx2.AsyncClient, name: str) -> None:
    await brewster.control.garble(name)
    answer = await web.post(f"{brewster.environment[f'{name.upper()}_URL']}/graphql", json={"query": "{ __typename }"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "maintenance" in answer.text
    assert str(await brewster.control.start(name)) == f"{name}: running"


async def test_a_garbled_database_is_no_database(brewster: Running) -> None:
    await brewster.control.garble("erp")
    with pytest.raises((OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        async with asyncio.timeout(5):
            await ask_erp(brewster)
    await brewster.control.start("erp")
    assert await ask_erp(brewster) == 60


@pytest.mark.parametrize("name", ["support", "marketing", "sales", "wms"])
async def test_a_stopped_file_is_gone_and_comes_back_as_it_was(brewster: Running, name: str) -> None:
    variable = "WMS_URL" if name == "wms" else f"{name.upper()}_FILE"
    path = Path(brewster.environment[variable].removeprefix("sqlite:///"))
    content, modified = path.read_bytes(), path.stat().st_mtime_ns
    await brewster.control.stop(name)
    assert not path.exists()
    await brewster.control.stop(name)
    await brewster.control.garble(name)
    assert path.read_bytes().startswith(b"<!doctype html>")
    await brewster.control.start(name)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, modified)


async def test_who_keeps_the_warehouses_file_open_notices_too(brewster: Running) -> None:
    path = brewster.environment["WMS_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        before = count_articles(connection)
        await brewster.control.stop("wms")
        with pytest.raises(sqlite3.DatabaseError):
            count_articles(connection)
        await brewster.control.start("wms")
        assert count_articles(connection) == before


async def test_a_file_cannot_be_slow_and_the_refusal_says_why(brewster: Running) -> None:
    with pytest.raises(DemoError, match=r"Sales is a file on this machine.*never slow.*`stop sales`"):
        await brewster.control.slow("sales", LATE)


@pytest.mark.parametrize("name", ["crn", "", "../systems/pim", "pim/stop?x=", "ä"])
async def test_an_unknown_system_is_answered_with_those_that_there_are(brewster: Running, name: str) -> None:
    with pytest.raises(DemoError) as refused:
        await brewster.control.stop(name)
    assert f"system {name!r}" in str(refused.value)
    assert ", ".join(SYSTEMS) in str(refused.value)


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(hours=1), timedelta(seconds=-1)])
async def test_a_delay_has_bounds(brewster: Running, delay: timedelta) -> None:
    with pytest.raises(DemoError, match="Write a"):
        await brewster.control.slow("erp", delay)
    assert await ask_erp(brewster) == 60


async def test_the_control_is_for_who_holds_its_token(brewster: Running, web: httpx2.AsyncClient) -> None:
    announced = json.loads((brewster.directory / "company.json").read_text())
    assert announced["environment"] == brewster.environment
    assert (brewster.directory / "company.json").stat().st_mode & 0o777 == 0o600
    for value in ("", "Bearer wrong", basic("whence", announced["control_token"])):
        answer = await web.post(f"{announced['control']}/systems/pim/stop", headers={"Authorization": value})
        assert answer.status_code == 401
    with pytest.raises(DemoError):
        await DemoControl(announced["control"], "wrong").stop("pim")
    assert (await ask_pim(brewster)).status_code == 200


async def test_a_demo_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"does not run: there is no .*make run"):
        read_control(tmp_path)
    (tmp_path / "company.json").write_text("{")
    with pytest.raises(DemoError, match="cannot be read"):
        read_control(tmp_path)
    (tmp_path / "company.json").write_text('{"control": "http://127.0.0.1:9", "control_token": "x"}')
    with pytest.raises(DemoError, match="does not answer"):
        await read_control(tmp_path).status()
