"""A sync of all sources in this process under cProfile, and where its CPU went.

``python -m tests.bench.profiled_sync CONFIG DATABASE``. The profile begins when everything is wired. The profiler makes calls
dearer than they are: read the shares, not the seconds.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

from app.settings import Settings
from app.sync import sync_once
from app.wiring import build_runtime
from resolvers.map_file import load_map
from tests.bench.installation import CHECKOUT

_TOP = 45
_MODULES = 30

Spent: TypeAlias = Mapping[tuple[str, int, str], tuple[int, int, float, float, Any]]


class Profiles:
    """A profile of this thread and of every thread that is started while it runs."""

    def __init__(self) -> None:
        self._all = [cProfile.Profile()]

    def start(self) -> None:
        """Begin."""
        if sys.version_info < (3, 12):  # from there on one profile sees all threads
            threading.setprofile(self._join)
        self._all[0].enable()

    def stop(self) -> pstats.Stats:
        """End, and what was found."""
        threading.setprofile(None)
        self._all[0].disable()
        found = pstats.Stats(self._all[0])
        for other in self._all[1:]:
            found.add(other)
        return found

    def _join(self, frame: FrameType, event: str, argument: Any) -> None:
        own = cProfile.Profile()
        self._all.append(own)
        own.enable()  # takes the place of this function in its thread


def by_module(spent: Spent) -> dict[str, float]:
    """Seconds by module of ours, by package of others, and by function for what is written in C."""
    seconds: dict[str, float] = defaultdict(float)
    for (file, _, function), (_, _, own, _, _) in spent.items():
        seconds[_module(file, function)] += own
    return dict(sorted(seconds.items(), key=lambda entry: -entry[1]))


def _module(file: str, function: str) -> str:
    if file == "~":
        return f"C: {function}"[:90]
    path = Path(file)
    if path.is_relative_to(CHECKOUT) and ".venv" not in path.parts:
        return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1].removesuffix(".py")
    return f"python: {path.parent.name}/{path.name}".replace("python: /<", "python: <")


async def _sync(config: Path, database: str) -> pstats.Stats:
    profiles = Profiles()
    async with build_runtime(load_map(config, {}), database, Settings()) as runtime:
        profiles.start()
        reports = await sync_once(runtime, list(runtime.sources))
        found = profiles.stop()
    for report in reports:
        if report.failure is not None:
            sys.exit(f"{report.source}: {report.failure.message}")
    return found


def main(config: str, database: str) -> None:
    """Sync and print the profile."""
    found = asyncio.run(_sync(Path(config), database))
    spent: Spent = found.stats  # type: ignore[attr-defined]
    waiting = {key: value for key, value in spent.items() if not _waits(key[2])}
    total = sum(own for _, _, own, _, _ in waiting.values())
    print(f"By module, share of {total:.1f} s without waiting:")
    for name, own in list(by_module(waiting).items())[:_MODULES]:
        print(f"{own / total:7.1%}  {name}")
    print("\nBy function, own share, share with what it calls, calls:")
    for (file, line, function), (_, calls, own, inclusive, _) in sorted(waiting.items(), key=lambda one: -one[1][2])[
        :_TOP
    ]:
        place = function if file == "~" else f"{_module(file, function)}:{line} {function}"
        print(f"{own / total:7.1%} {inclusive / total:7.1%} {calls:10,}  {place[:110]}")


def _waits(function: str) -> bool:
    """Whether a C function waits instead of working."""
    waits = ("method 'poll' of 'select.", "'acquire' of '_thread.lock'", "time.sleep", "SimpleQueue")
    return any(name in function for name in waits)


if __name__ == "__main__":
    main(*sys.argv[1:])
