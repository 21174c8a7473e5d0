"""What the bench of the execution measures with: its driver, its contestants, its slices, and the ratios made of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.progress import Progress

from tests.bench.execution import install
from tests.bench.execution_answers import WrongAnswer
from tests.bench.execution_contract import QUERIES, TABLES_VARIABLE, Query
from tests.bench.execution_load import CONNECTIONS, Load, drive, wrk
from tests.bench.execution_rounds import Contest, Slice, goals_of, ratio
from tests.bench.execution_systems import FASTEST, INTERPRETED, LIMIT, TITLES, WHENCE, Contestant, Peers
from tests.bench.goals import Report
from tests.bench.machine import Machine
from tests.bench.processes import ProcessFailed, started
from tests.bench.stage import Stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
ONE, SEVERAL, _ = QUERIES


# ── The driver ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Asked:
    """What a server was asked, and what it says: every third answer has ``status``."""

    status: str = "200 OK"
    url: str = ""
    connections: int = 0
    bodies: list[bytes] = field(default_factory=list)
    heads: set[bytes] = field(default_factory=set)


@asynccontextmanager
async def answering(status: str) -> AsyncIterator[Asked]:
    asked = Asked(status)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                asked.bodies.append(await reader.readexactly(int(length.partition(b":")[2])))
                asked.heads.add(head)
                line = asked.status if len(asked.bodies) % 3 == 0 else "200 OK"
                writer.write(f"HTTP/1.1 {line}\r\nContent-Length: 100\r\n\r\n".encode() + b"x" * 100)
                await asyncio.sleep(0.002)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    asked.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/graphql"
    yield asked
    server.close()


@pytest.mark.parametrize("own", [True, False], ids=["own", "wrk"])
@pytest.mark.parametrize("status", ["200 OK", "503 Service Unavailable"])
async def test_a_driver_sends_each_body_in_turn_and_counts_what_came_back(
    own: bool, status: str, tmp_path: Path
) -> None:
    if not own and wrk() is None:
        pytest.skip("there is no wrk")
    bodies = [f'{{"number": {number}, "é": "\\"%s"}}'.encode() for number in range(7)]
    (tmp_path / "bodies").write_bytes(b"\n".join(bodies) + b"\n")
    async with answering(status) as asked:
        load = await drive(asked.url, tmp_path / "bodies", {"X-Audience": "some"}, 0.2, own=own)
    assert 0 < load.requests <= len(asked.bodies) <= load.requests + CONNECTIONS + 1
    assert set(asked.bodies) == set(bodies)
    assert asked.connections >= CONNECTIONS
    for head in asked.heads:
        assert head.startswith(b"POST /graphql HTTP/1.1\r\n")
        assert b"X-Audience: some\r\n" in head
        assert b"Content-Type: application/json\r\n" in head
    assert load.bytes >= load.requests * 100
    assert 0 < load.p50 <= load.p99
    failed = sum(1 for number in range(1, len(asked.bodies) + 1) if number % 3 == 0) if status != "200 OK" else 0
    assert failed - CONNECTIONS <= load.failed <= failed


@pytest.mark.parametrize("own", [True, False], ids=["own", "wrk"])
async def test_a_driver_without_a_server_says_so(own: bool, tmp_path: Path) -> None:
    if not own and wrk() is None:
        pytest.skip("there is no wrk")
    (tmp_path / "bodies").write_bytes(b"{}\n")
    async with answering("200 OK") as asked:
        pass
    with pytest.raises(ProcessFailed, match=f"{asked.url}"):
        await drive(asked.url, tmp_path / "bodies", {}, 0.1, own=own)


# ── The peers, and the ratios ──────────────────────────────────────────────────────────────────────────────────────────

PEER = """
import http.server, json, os, sys
class Peer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["content-length"])).decode()
        told = json.dumps({"asked": json.loads(asked), "kind": os.environ["KIND"], "path": self.path}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
assert os.environ["PORT"] == sys.argv[1], "another port"
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Peer).serve_forever()
"""


def laid_out(tmp_path: Path) -> Path:
    bench = tmp_path / "bench"
    bench.mkdir()
    (tmp_path / "peer.py").write_text(PEER)
    python = sys.executable
    systems = {
        "al": ("Fast", str(tmp_path), python + " peer.py {port}", {"KIND": "fast"}, "/ask", False),
        "broken": ("Broken", str(tmp_path), python + " -c exit('no-such-driver')", {}, "/ask", False),
    }
    (bench / "systems.py").write_text(f"S = {systems!r}\n")
    (bench / "queries.py").write_text("Q = {'Q1': '{ one }', 'Q20': '{ many }', 'Q20lean': '{ lean }'}\n")
    return tmp_path


async def test_a_peer_is_started_as_its_directory_says_and_asked_what_it_knows(tmp_path: Path) -> None:
    peers = Peers.at(laid_out(tmp_path))
    async with peers.running("al", ["K-1", "K-2"], tmp_path) as peer:
        assert (peer.name, peer.title) == ("al", TITLES["al"])
        assert peer.url.endswith("/ask")
        assert json.loads(peer.body(SEVERAL, ["K-1", "K-2"])) == {
            "query": "{ many }",
            "variables": {"skus": ["K-1", "K-2"]},
        }
        assert json.loads(peer.body(ONE, ["K-1"])) == {"query": "{ one }", "variables": {"sku": "K-1"}}
        assert peer.cpu() > 0
        assert peer.peak() > 1_000_000
        pid = peer.process.pid
    assert not Path(f"/proc/{pid}").exists()


def test_whence_runs_with_its_compiler_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_COMPILE", "no-such-word")
    whence, interpreted = (install(stage_at(tmp_path), "tables", "ledger", name) for name in (WHENCE, INTERPRETED))
    assert "WHENCE_COMPILE" not in whence.environment
    assert interpreted.environment["WHENCE_COMPILE"] == "off"
    for one in (whence, interpreted):
        assert (one.environment[TABLES_VARIABLE], one.environment["WHENCE_DATABASE_URL"]) == ("tables", "ledger")
    assert whence.directory != interpreted.directory


async def test_a_peer_that_does_not_start_says_why(tmp_path: Path) -> None:
    peers = Peers.at(laid_out(tmp_path))
    with pytest.raises(ProcessFailed, match=r"(?s)Broken does not start: .*no-such-driver"):
        async with peers.running("broken", ["K-1"], tmp_path):
            pass
    with pytest.raises(ProcessFailed, match="the peers know no 'x'; they know al, broken"):
        async with peers.running("x", ["K-1"], tmp_path):
            pass
    with pytest.raises(ProcessFailed, match="the peers' PostgreSQL does not answer"):
        await peers.server()


def stage_at(place: Path) -> Stage:
    options = argparse.Namespace(driver="own", quick=True)
    report = Report("execution", "", Machine(2, "a CPU", 8.0, "Linux 6", "3.11.1", "18.6", 0.5))
    return Stage(options, place, report, Progress(disable=True))


@asynccontextmanager
async def contest(asked: Asked, tmp_path: Path) -> AsyncIterator[Contest]:
    """One contestant: a process that waits, and ``asked`` in its name."""
    async with started([sys.executable, "-c", BURN], os.environ, tmp_path / "log", cwd=tmp_path) as process:
        await process.until(lambda: process.said != "", 30)
        peer = Contestant("some", "Somebody", process, asked.url, {}, Query.body)
        yield Contest(
            stage_at(tmp_path), [peer], "", [f"K-{number}" for number in range(50)], lambda: float(len(asked.bodies))
        )


BURN = "import time\nwhile time.process_time() < 0.5: pass\nprint('burnt', flush=True)\nwhile True: time.sleep(0.001)"


async def test_a_slice_is_counted_by_request(tmp_path: Path) -> None:
    async with answering("200 OK") as asked, contest(asked, tmp_path) as one:
        sizes = {("some", query.name): 100.0 for query in QUERIES}
        slices = await one.rounds(2, 0.1, sizes)
        assert {key: len(found) for key, found in slices.items()} == {("some", query.name): 2 for query in QUERIES}
        for found in slices.values():
            assert all(one.cpu * one.load.requests < 0.25e6 for one in found)  # not what was used before
            assert all(one.postgres == pytest.approx(1e6, rel=0.2) for one in found)  # as if a second a request
        drawn = (tmp_path / "bodies").read_bytes()
        await one.rounds(1, 0.1, sizes)
        assert (tmp_path / "bodies").read_bytes() != drawn  # each round asks for other products
        before = len(asked.bodies)
        answered, _ = await one.endure(one.contestants[0], 1000, 0.05)
        assert 1000 <= answered <= len(asked.bodies) - before


@pytest.mark.parametrize(("status", "size"), [("503 Service Unavailable", 100.0), ("200 OK", 1000.0)])
async def test_a_slice_with_answers_that_are_none_is_no_figure(status: str, size: float, tmp_path: Path) -> None:
    async with answering(status) as asked, contest(asked, tmp_path) as one:
        with pytest.raises(WrongAnswer, match="Somebody, Q1: answers are missing or short"):
            await one.rounds(1, 0.1, {("some", query.name): size for query in QUERIES})


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    load = Load(10, 0, 1000, 1.0, 1.0, 2.0)

    def rounds(*cpu: float) -> list[Slice]:
        return [Slice(one, 1.0, load) for one in cpu]

    # The third round was slow for both: the medians of each would say 0.75.
    slices = {(WHENCE, "Q1"): rounds(100, 150, 400), (FASTEST, "Q1"): rounds(400, 200, 200)}
    slices |= {(WHENCE, "Q20"): rounds(50), (LIMIT, "Q20"): rounds(20)}
    assert ratio(slices, WHENCE, FASTEST, ONE) == 0.75
    assert ratio({**slices, (WHENCE, "Q1"): rounds(100, 50, 400)}, WHENCE, FASTEST, ONE) == 0.25
    goals = goals_of(slices)
    assert [goal.verdict for goal in goals] == ["missed", *["not measured"] * 2, "missed", *["not measured"] * 2]
    assert goals[0].name == "one product, 20 facts, all sub-fields: CPU against Mercurius + JIT, look-ahead"
    assert [goal.bound for goal in goals] == [0.7, 1.5, 0.4, 2.2, 0.4, 1.9]
    slices[WHENCE, "Q20"] = rounds(44)
    assert goals_of(slices)[3].verdict == "met"
