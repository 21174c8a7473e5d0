"""The driver: a few connections that ask as fast as they are answered. wrk where there is one, else a client of ours."""

from __future__ import annotations

import asyncio
import json
import math
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.goals import percentile
from tests.bench.processes import ProcessFailed

CONNECTIONS = 8
_SCRIPT = Path(__file__).with_name("execution_load.lua")
_PATIENCE = 20.0
"""Seconds for one answer, and for wrk beyond its time."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What a driver saw. ``p50`` and ``p99`` are milliseconds from a request to the end of its answer; ``bytes`` are those
    of all answers with their headers; ``failed`` counts what was not answered, or by another status than 200."""

    requests: int
    failed: int
    bytes: int
    seconds: float
    p50: float
    p99: float


def wrk() -> str | None:
    """Where wrk is, if it is installed."""
    return shutil.which("wrk")


async def drive(url: str, bodies: Path, headers: Mapping[str, str], seconds: float, *, own: bool = False) -> Load:
    """Send the bodies in a file, one a line, around and around for so long; ``own``: by our client, though wrk be there.

    wrk knows whole seconds only, and at least one. Raises ProcessFailed."""
    program = None if own else wrk()
    if program is None:
        return await _drive_ourselves(url, bodies, headers, seconds)
    told = (f"{name}={value}" for name, value in headers.items())
    process = await asyncio.create_subprocess_exec(
        *(program, "-t1", f"-c{CONNECTIONS}", f"-d{math.ceil(seconds)}s", "--timeout", "10s", "-s", str(_SCRIPT), url),
        *("--", str(bodies), *told),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds + _PATIENCE):
            said, _ = await process.communicate()
    except TimeoutError:
        raise ProcessFailed(f"wrk on {url} did not end") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    figures = next(
        (line for line in said.decode(errors="replace").splitlines() if line.startswith('{"requests"')), None
    )
    if figures is None:
        raise ProcessFailed(f"wrk on {url} ended with {process.returncode}:\n{said.decode(errors='replace')[-2000:]}")
    found = json.loads(figures)
    times = (found["p50"] / 1e3, found["p99"] / 1e3)
    return Load(found["requests"], found["failed"], found["bytes"], found["microseconds"] / 1e6, *times)


@dataclass
class _Seen:
    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    bytes: int = 0


async def _drive_ourselves(url: str, bodies: Path, headers: Mapping[str, str], seconds: float) -> Load:
    target = urlsplit(url)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n{head}"
    requests = cycle(
        f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies.read_bytes().splitlines()
    )
    seen = _Seen()
    began = time.monotonic()
    end = began + seconds

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            while time.monotonic() < end:
                sent = time.monotonic()
                writer.write(next(requests))
                answer = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(answer)
                if length is None:
                    raise ProcessFailed(f"{url} answers without Content-Length: {answer[:200]!r}")
                body = await reader.readexactly(int(length[1]))
                seen.seconds.append(time.monotonic() - sent)
                seen.bytes += len(answer) + len(body)
                seen.failed += b" 200 " not in answer[:16]
        finally:
            writer.transport.abort()

    try:
        async with asyncio.timeout(seconds + _PATIENCE), asyncio.TaskGroup() as together:
            for _ in range(CONNECTIONS):
                together.create_task(ask())
    except* (OSError, EOFError, asyncio.LimitOverrunError) as broken:
        raise ProcessFailed(f"{url} does not answer: {broken.exceptions[0]!r}") from None
    if not seen.seconds:
        raise ProcessFailed(f"{url} answered nothing in {seconds:g} s")
    times = (percentile(seen.seconds, share) * 1e3 for share in (0.5, 0.99))
    return Load(len(seen.seconds), seen.failed, seen.bytes, time.monotonic() - began, *times)
