"""Whence as a company runs it: its commands, each a process of its own, measured."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.processes import Process, ProcessFailed, Usage, started
from tests.upstreams.silence import closed_port

CHECKOUT = Path(__file__).resolve().parents[2]
_INSTALLED = shutil.which("whence", path=str(Path(sys.executable).parent))
_COMMAND = [_INSTALLED] if _INSTALLED else [sys.executable, "-m", "app.cli"]
_READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Installation:
    """One ownership map and the ledger's database. ``directory`` is for logs and state, ``variables`` are more for the
    environment: what the map takes from there, settings."""

    config: Path
    directory: Path
    database: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Mapping[str, str]:
        """Ours, without what would have Whence do anything else."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("WHENCE_")}
        return {**ours, "WHENCE_DATABASE_URL": self.database, "NO_COLOR": "1", **self.variables}

    def command(self, *words: str) -> list[str]:
        """``whence`` with these words, on this map and ledger."""
        return [
            *_COMMAND,
            words[0],
            "--config",
            str(self.config),
            "--directory",
            str(self.directory / "state"),
            *words[1:],
        ]

    async def run(self, *words: str) -> tuple[Usage, str]:
        """What a command used, and all that it printed. Raises ProcessFailed."""
        log = self.directory / f"{words[0]}.log"
        async with started(self.command(*words), self.environment, log, cwd=CHECKOUT) as process:
            return await process.ended(), process.said

    async def sync(self, *sources: str) -> tuple[Usage, dict[str, dict[str, Any]]]:
        """What one ``whence sync`` used, and the report of each source. Raises ProcessFailed where one failed."""
        usage, said = await self.run("sync", "--json", *sources)
        reports = [json.loads(line) for line in said.splitlines() if line.startswith("{") and '"source"' in line]
        for report in reports:
            if report.get("failure") is not None or report.get("rejected"):
                raise ProcessFailed(f"a sync that was to be measured went wrong: {report}")
        return usage, {report["source"]: report for report in reports}

    @asynccontextmanager
    async def watching(self, name: str) -> AsyncIterator[Process]:
        """A ``whence sync --watch``, which goes on until it is ended."""
        log = self.directory / f"{name}.log"
        async with started(self.command("sync", "--watch"), self.environment, log, cwd=CHECKOUT) as process:
            yield process

    @asynccontextmanager
    async def serving(self, *words: str) -> AsyncIterator[tuple[Process, str]]:
        """A ``whence serve`` that is ready, and the address of its GraphQL endpoint."""
        port = closed_port()
        log = self.directory / "serve.log"
        command = self.command("serve", "--port", str(port), *words)
        async with started(command, self.environment, log, cwd=CHECKOUT) as process:
            await process.until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"), _READY_SECONDS)
            yield process, f"http://127.0.0.1:{port}/graphql"
            await process.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (OSError, urllib.error.URLError):
        return False
