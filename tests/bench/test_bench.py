"""The benchmarks work: at a tiny size they run to their end and report what they should. No figure is judged here."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from rich.console import Console

from sources.identifiers import normalise_identifier
from sources.ledger.server import USER
from tests.bench.catalogue import SHEETS, gtin, sku
from tests.bench.goals import Goal, Report, Table, median, percentile, shown
from tests.bench.installation import CHECKOUT
from tests.bench.machine import Machine
from tests.bench.processes import ProcessFailed, cpu_of_tree, peak_of_tree, started
from tests.bench.profiled_sync import Profiles, by_module
from tests.bench.servers import BenchServer
from tests.bench.wire import Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of a server reaches, which pytest's own are not where root runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="whence-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


BURN = """
import os, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""


def report_of(place: Path, *words: str) -> dict[str, Any]:
    """What ``python -m tests.bench.sync --json`` with these words reports; it leaves nothing behind."""
    command = [sys.executable, "-m", "tests.bench.sync", "--json", "--directory", str(place), *words]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert list(place.iterdir()) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_sync_is_measured_at_a_tiny_size(place: Path) -> None:
    words = ("--records", "300", "--quick", "--only", "costs,latency", "--seconds", "1")
    found = report_of(place, *words)
    goals, (costs, latency) = found["goals"], found["tables"]
    assert len(goals) == 4 + 2
    for goal in goals:
        assert goal["figure"] > 0
        assert goal["verdict"] == ("met" if goal["figure"] <= goal["bound"] else "missed")
    assert [row[0] for row in costs["rows"]] == ["bare COPY", "first sync", "nothing changed", "1 % changed (5)"]
    assert all(len(row) == len(costs["columns"]) for row in costs["rows"])
    seconds = [row[1] for row in latency["rows"]]
    assert seconds == sorted(seconds)
    assert seconds[-1] == goals[5]["figure"]
    assert found["command"] == f'make bench NAME=sync ARGS="--json --directory {place} {" ".join(words)}"'
    assert set(found["machine"]) >= {"cores", "cpu", "memory_gb", "python", "postgresql"}


def test_an_unknown_measure_is_refused() -> None:
    command = [sys.executable, "-m", "tests.bench.sync", "--only", "cost"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there are costs, latency" in done.stderr


# ── Goals ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_goal_is_met_missed_or_not_measured() -> None:
    figures = {2.0: "met", 1.9: "met", 2.1: "missed", None: "not measured"}
    assert {figure: Goal("g", 2.0, "×", figure).verdict for figure in figures} == figures


def test_a_report_is_shown_with_each_goal_beside_its_figure() -> None:
    report = Report("sync", "make bench NAME=sync", Machine(2, "a CPU", 8.0, "Linux 6", "3.11.1", "18.6", 0.5))
    report.goals += [Goal("peak [memory]", 400, "MB", 123.4, "a note"), Goal("time", 0.6, "×", None, "no --watch")]
    report.tables.append(Table("Costs", ("what", "µs"), (("first", 1234.5), ("again", 0.0123))))
    report.texts["Profile"] = "[bold]as it is"
    written = io.StringIO()
    report.show(Console(file=written, width=120))
    lines = [" ".join(line.split()) for line in written.getvalue().splitlines()]
    assert "peak [memory] 400 MB 123 MB met a note" in lines
    assert "time 0.60× not measured no --watch" in lines
    assert "first 1,234" in lines
    assert "again 0.012" in lines
    assert "[bold]as it is" in lines
    assert json.loads(report.as_json())["goals"][1]["verdict"] == "not measured"


def test_figures_in_words() -> None:
    assert [shown(*one) for one in ((6.0, "×"), (37.04, "×"), (0.125, "×"), (1_000_000.0, ""), (2.0, "s"))] == [
        *("6×", "37.0×", "0.12×", "1,000,000", "2 s")
    ]
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5
    assert [percentile([5, 1, 4, 2, 3], share) for share in (0.2, 0.5, 0.95, 1.0)] == [1, 3, 5, 5]


# ── Processes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_cpu_of_a_process_holds_that_of_the_children_it_waited_for(tmp_path: Path) -> None:
    script = BURN + "if os.fork() == 0: burn(0.4); os._exit(0)\nburn(0.2); os.wait()"
    async with started([sys.executable, "-c", script], os.environ, tmp_path / "log", cwd=tmp_path) as process:
        used = await process.ended()
    assert 0.5 <= used.cpu < 5
    assert used.peak > 1_000_000


async def test_cpu_of_a_tree_loses_nothing_when_a_child_ends(tmp_path: Path) -> None:
    script = (
        BURN
        + "if os.fork() == 0:\n    burn(0.4)\n    while not os.path.exists('end'): time.sleep(0.01)\n    os._exit(0)\n"
        "os.wait(); print('waited', flush=True); time.sleep(60)"
    )
    async with started([sys.executable, "-c", script], os.environ, tmp_path / "log", cwd=tmp_path) as process:
        await process.until(lambda: cpu_of_tree(process.pid) >= 0.35, 30)  # the child lives
        assert process.said == ""
        (tmp_path / "end").touch()
        await process.until(lambda: process.said != "", 30)
        assert 0.35 <= cpu_of_tree(process.pid) < 5


async def test_peak_is_the_most_that_was_in_memory(tmp_path: Path) -> None:
    script = "import time\nheld = bytearray(80_000_000)\ndel held\nprint('freed', flush=True); time.sleep(60)"
    async with started([sys.executable, "-c", script], os.environ, tmp_path / "log", cwd=tmp_path) as process:
        await process.until(lambda: process.said != "", 30)
        assert 80_000_000 < peak_of_tree(process.pid) < 200_000_000


async def test_a_process_that_fails_says_why_and_one_left_alone_is_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with started([sys.executable, "-c", "exit('no such thing')"], os.environ, log, cwd=tmp_path) as process:
        with pytest.raises(ProcessFailed, match="no such thing"):
            await process.ended()
    async with started([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, log, cwd=tmp_path) as process:
        pid = process.pid
    assert not Path(f"/proc/{pid}").exists()


# ── The wire, the catalogue, the profile ───────────────────────────────────────────────────────────────────────────────


async def test_a_server_of_ours_is_measured_and_the_wire_counts_statements_and_turns(place: Path) -> None:
    async with BenchServer.start(place) as server:
        await server.create("some")
        before = server.cpu()
        await server.execute("some", "select count(*) from generate_series(1, 3000000)")  # its backend has ended by now
        assert 0.05 < server.cpu() - before < 30
        async with Wire.before(server.socket()) as wire:
            client = await asyncpg.connect(wire.address(USER, "some"))
            statement = await client.prepare("select $1::int")
            wire.forget()
            assert [await statement.fetchval(number) for number in (7, 8)] == [7, 8]
            await client.execute("select 1; select 2")
            assert dict(wire.statements) == {"select $1::int": 2, "select 1; select 2": 1}
            assert wire.turns == 3
            wire.delay = 0.05
            began = time.monotonic()
            await statement.fetchval(9)
            assert time.monotonic() - began >= 0.05
            await client.close()
    assert not (place / "postgres").exists()


def test_the_catalogue_is_the_same_every_time_and_its_keys_are_valid() -> None:
    for sheet in SHEETS.values():
        assert sheet.row(12, 0) == sheet.row(12, 0)
        assert sheet.row(12, 0) != sheet.row(12, 1)
        assert sheet.row(12, 0)[0] == sheet.row(12, 1)[0] != sheet.row(13, 0)[0]
        assert len(sheet.row(12, 0)) == len(sheet.columns)
    for number in (0, 1, 199_999):
        assert normalise_identifier("gtin", gtin(number)).value == f"0{gtin(number)}"  # type: ignore[union-attr]
        assert normalise_identifier("sku", sku(number)).value == sku(number).lower()  # type: ignore[union-attr]


def test_a_profile_tells_modules_apart() -> None:
    profiles = Profiles()
    profiles.start()
    median(list(range(1000)))
    spent = by_module(profiles.stop().stats)  # type: ignore[attr-defined]
    assert "tests.bench.goals" in spent
    assert any(name.startswith("C: <built-in method builtins.sorted>") for name in spent)


@pytest.mark.needs("match")
def test_the_identity_bench_tells_speed_and_what_splink_makes_of_it(tmp_path: Path) -> None:
    from tests.bench.identity import main
    from tests.bench.identity_worlds import fashion

    told = main(["--speed", "--sizes", "60", "400"])
    assert [goal.name for goal in told.goals] == [
        "milliseconds a new record",
        "the same where nothing else runs",
        "most memory, of all processes",
    ]
    assert all(goal.figure is not None and goal.figure > 0 for goal in told.goals)
    world = fashion(21, 40)
    for name, rows in (("left", world.left), ("right", world.right)):
        columns = sorted({column for row in rows for column in row})
        lines = ["|".join(row.get(column, "") for column in columns) for row in rows]
        (tmp_path / f"{name}.csv").write_text("\n".join(["|".join(columns), *lines]))
    (tmp_path / "true.csv").write_text("\n".join(["left|right", *("|".join(pair) for pair in sorted(world.pairs))]))
    told = main([*(str(tmp_path / f"{name}.csv") for name in ("left", "right", "true")), "--splink"])
    assert len(told.goals) == 5, "of both catalogues, and with a third left out"
    table = next(one for one in told.tables if "Splink" in one.title)
    assert table.rows[0][0] == "Whence, links"
    assert len(table.rows) == 6
