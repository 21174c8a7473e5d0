"""Whence's application in this process under cProfile, asked one query over and over, and where its CPU went.

``python -m tests.bench.execution_profile QUERY TABLES LEDGER`` with a ledger that has been synced. The requests go straight
into the application, without uvicorn. The profiler makes calls dearer than they are: read the shares, not the times.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import pstats
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.main import GRAPHQL_PATH, build_app
from app.settings import Settings
from app.telemetry import configure_logging
from app.wiring import build_runtime
from resolvers.map_file import load_map
from tests.bench.execution_contract import AUDIENCE, HEADERS, MAP, QUERIES, TABLES_VARIABLE, draw
from tests.bench.execution_tables import read_skus
from tests.bench.installation import CHECKOUT
from tests.bench.profiled_sync import Profiles, Spent, by_module

TOP = 25
_MODULES = 15
_WARM = 50
_SECONDS = 5.0
_WAITS = ("method 'poll' of 'select.", "'acquire' of '_thread.lock'")


async def answer(app: Any, body: bytes) -> bytes:
    """The application's answer to one POST of ``body``; whoever asks stays connected until it is there."""
    headers = ((b"host", b"127.0.0.1"), (b"content-type", b"application/json"))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": GRAPHQL_PATH,
        "raw_path": GRAPHQL_PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [*headers, *((name.lower().encode(), value.encode()) for name, value in HEADERS.items())],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    left = [{"type": "http.request", "body": body, "more_body": False}]
    told = bytearray()

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.get_running_loop().create_future()
        return left.pop()

    async def send(message: dict[str, Any]) -> None:
        told.extend(message.get("body", b""))

    await app(scope, receive, send)
    return bytes(told)


async def profile(name: str, tables: str, ledger: str) -> tuple[pstats.Stats, int]:
    """The profile of some seconds of one query, and how many requests they were."""
    query = next(one for one in QUERIES if one.name == name)
    bodies = [query.body(skus) for skus in draw(await read_skus(tables), query, 1000, seed=1)]
    profiles, asked = Profiles(), 0
    with io.StringIO() as logged:
        redactor = configure_logging(json_lines=True, stream=logged)
        ownership = load_map(MAP, {**os.environ, TABLES_VARIABLE: tables})
        async with build_runtime(ownership, ledger, Settings()) as runtime:
            app = build_app(runtime, redactor, default_audience=AUDIENCE, syncing=False)
            for body in bodies[:_WARM]:
                if "errors" in json.loads(await answer(app, body)):
                    sys.exit(f"{name} is answered with errors")
            profiles.start()
            end = time.monotonic() + _SECONDS
            while time.monotonic() < end:
                await answer(app, bodies[asked % len(bodies)])
                asked += 1
            found = profiles.stop()
    return found, asked


def told(spent: Spent, requests: int) -> str:
    """A profile as text: modules, then the functions that take most by themselves."""
    working = {key: value for key, value in spent.items() if not any(wait in key[2] for wait in _WAITS)}
    total = sum(own for _, _, own, _, _ in working.values())
    lines = [
        f"By module, share of {total / requests * 1e6:,.0f} µs a request under the profiler ({requests:,} requests):"
    ]
    lines += [f"{own / total:7.1%}  {module}" for module, own in list(by_module(working).items())[:_MODULES]]
    lines.append("By function, own share, share with what it calls, calls a request:")
    for (file, line, function), (_, calls, own, inclusive, _) in sorted(working.items(), key=lambda one: -one[1][2])[
        :TOP
    ]:
        place = function if file == "~" else f"{_short(file)}:{line} {function}"
        lines.append(f"{own / total:7.1%} {min(inclusive / total, 1):7.1%} {calls / requests:8,.1f}  {place[:110]}")
    return "\n".join(lines)


def _short(file: str) -> str:
    path = Path(file)
    if "site-packages" in path.parts:
        return "/".join(path.parts[path.parts.index("site-packages") + 1 :])
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else path.name


def _fast_loop() -> asyncio.AbstractEventLoop:
    """The loop that ``whence serve`` runs on."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def main(words: Sequence[str]) -> None:
    """Ask and print."""
    with asyncio.Runner(loop_factory=_fast_loop) as runner:
        found, asked = runner.run(profile(*words))
    print(told(found.stats, asked))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(sys.argv[1:])
