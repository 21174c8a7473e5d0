"""``make bench NAME=documents``: random documents, sent as fast as they are answered: whether the server grows, or stalls."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from graphql import GraphQLSchema, build_client_schema, get_introspection_query

from tests.bench.client import Client
from tests.bench.goals import Goal, Table, percentile
from tests.bench.installation import CHECKOUT, Installation
from tests.bench.processes import Process, ProcessFailed, started
from tests.bench.random_documents import Drawn, RandomDocuments
from tests.bench.servers import BenchServer
from tests.bench.stage import Stage, play

SECONDS = 60
STALL_MS = 50.0
GROWTH_MB = 10.0
CLIENTS = 4
IDLE_SECONDS = 5.0
_LEDGER = "documents"
_RSS = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
_MAP = """\
[audiences.internal]
governance = true
[sources.sheet]
title = "Sheet"
connector = "file"
path = "sheet.csv"
key = "id"
[sources.sheet.identifiers]
sku = "sku"
[sources.sheet.fields]
title = "title"
[fields.title]
type = "text"
system_of_record = "sheet"
[identity]
keys = ["sku"]
"""


@dataclass
class Seen:
    """What came back."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the kind of document and what became of it."""
    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from sending to the whole answer, by kind."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, metavar="S", help="how long (default: 60; 600 for the goals)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another row of documents")


async def _work(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        with stage.step("Starting Whence"):
            ledger = await stack.enter_async_context(BenchServer.start(stage.directory / "ledger"))
            place = stage.directory / "company"
            place.mkdir(mode=0o755)
            (place / "whence.toml").write_text(_MAP)
            (place / "sheet.csv").write_text("id,sku,title\n" + "".join(f"{n},s-{n},Kettle {n}\n" for n in range(200)))
            installation = Installation(place / "whence.toml", place, await ledger.create(_LEDGER))
            server, address = await stack.enter_async_context(installation.serving())
        host, port = urlsplit(address).hostname or "", urlsplit(address).port or 0
        schema = await _schema(host, port)
        with stage.step("Asking an idle server"):
            idle = await _probed(place, host, port, min(IDLE_SECONDS, stage.options.seconds))
        seen, sizes = Seen(), [_memory(server)]
        scheduled = _scheduled(server)
        drawing = iter(RandomDocuments(schema, stage.options.seed))
        with stage.step(f"Sending random documents for {stage.options.seconds} s"):
            end = time.monotonic() + stage.options.seconds
            async with asyncio.TaskGroup() as group:
                probing = group.create_task(_probed(place, host, port, stage.options.seconds))
                group.create_task(_weigh(server, sizes, end))
                for _ in range(CLIENTS):
                    group.create_task(_send(host, port, drawing, end, seen))
        cpu, waited = (after - before for after, before in zip(_scheduled(server), scheduled, strict=True))
        stage.report.notes.append(
            f"its loop used {cpu:.1f} s of CPU, and was ready {waited:.1f} s without one: what else the machine did"
        )
        _report(stage, seen, idle, probing.result(), sizes)


async def _send(host: str, port: int, drawing: Iterator[Drawn], end: float, seen: Seen) -> None:
    async with Client(host, port) as client:
        while time.monotonic() < end:
            drawn = next(drawing)
            began = time.perf_counter()
            status, answer = await client.post(drawn.body)
            seen.took[drawn.kind].append(time.perf_counter() - began)
            errors = answer.get("errors") or []
            code = str(errors[0].get("extensions", {}).get("code", "without a code")) if errors else "answered"
            if status >= 500 and code != "BUSY":
                raise ProcessFailed(
                    f"a document of the kind {drawn.kind!r} was answered with {status}: {drawn.body[:500]!r}"
                )
            seen.answers[drawn.kind, code] += 1


async def _schema(host: str, port: int) -> GraphQLSchema:
    async with Client(host, port) as client:
        _, answer = await client.post(json.dumps({"query": get_introspection_query()}).encode())
    return build_client_schema(answer["data"])


async def _probed(place: Path, host: str, port: int, seconds: float) -> list[float]:
    """The seconds that each answer to the probe took."""
    command = [sys.executable, "-m", "tests.bench.probe", host, str(port), str(seconds)]
    async with started(command, {}, place / "probe.log", cwd=CHECKOUT) as probe:
        await probe.ended()
        took: list[float] = json.loads(probe.said)
        return took


async def _weigh(server: Process, sizes: list[int], end: float) -> None:
    while time.monotonic() < end:
        await asyncio.sleep(min(1.0, max(0.1, end - time.monotonic())))
        sizes.append(_memory(server))


def _scheduled(server: Process) -> tuple[float, float]:
    """Seconds that the thread of the event loop ran, and that it was ready to run but had no CPU."""
    ran, waited, _ = Path(f"/proc/{server.pid}/task/{server.pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def _memory(server: Process) -> int:
    found = _RSS.search(Path(f"/proc/{server.pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _report(stage: Stage, seen: Seen, idle: Sequence[float], probed: Sequence[float], sizes: Sequence[int]) -> None:
    report, sent = stage.report, sum(seen.answers.values())
    half = sizes[len(sizes) // 2 :]
    grown = (max(half) - half[0]) / 1e6
    late = percentile(probed, 0.999) * 1000
    note = f"99.9 % of {len(probed):,} answers in {late:.0f} ms; of an idle server the longest was {max(idle) * 1000:.0f} ms"
    report.goals += [
        Goal("longest that the event loop kept a question waiting", STALL_MS, "ms", max(probed) * 1000, note),
        Goal(
            "memory that the process grew by in the second half",
            GROWTH_MB,
            "MB",
            grown,
            f"{sizes[-1] / 1e6:.0f} MB at the end",
        ),
    ]
    by_kind = sorted(seen.took, key=lambda kind: -max(seen.took[kind]))
    rows = []
    for kind in by_kind:
        codes = {code: count for (one, code), count in seen.answers.items() if one == kind}
        told = ", ".join(f"{code} {count}" for code, count in sorted(codes.items(), key=lambda item: -item[1]))
        took = seen.took[kind]
        rows.append((kind, len(took), percentile(took, 0.5) * 1000, max(took) * 1000, told))
    columns = ("documents", "sent", "median ms", "longest ms", "what became of them")
    report.tables.append(Table(f"{sent:,} documents, one of each kind as likely", columns, tuple(rows)))
    answered = sum(count for (_, code), count in seen.answers.items() if code == "answered")
    report.notes.append(f"{answered:,} answered, {sent - answered:,} refused; {sizes[0] / 1e6:.0f} MB at the beginning")


def main(words: Sequence[str] | None = None) -> int:
    """Run the measurement; its exit code."""
    return play("documents", __doc__ or "", _arguments, _work, words)


if __name__ == "__main__":
    sys.exit(main())
