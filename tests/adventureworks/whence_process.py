"""Whence run as a user runs it: the command line, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.upstreams.silence import closed_port

_INSTALLED = shutil.which("whence", path=str(Path(sys.executable).parent))
_COMMAND = [_INSTALLED] if _INSTALLED else [sys.executable, "-m", "app.cli"]
_SYNC_SECONDS = 300
_START_SECONDS = 60
_STOP_SECONDS = 15


class Installation:
    """One configuration, the ledger's database, and where the state is kept."""

    def __init__(self, config: Path, directory: Path, database_url: str, environment: Mapping[str, str]) -> None:
        self._common = ["--config", str(config), "--directory", str(directory)]
        self._environment = {**os.environ, **environment, "WHENCE_DATABASE_URL": database_url, "NO_COLOR": "1"}
        self._directory = directory

    def run(self, command: str, *words: str) -> str:
        """What ``whence COMMAND`` prints; fails unless it exits with 0."""
        done = subprocess.run(
            [*_COMMAND, command, *self._common, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_SYNC_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"whence {command} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address of the GraphQL endpoint of ``whence serve``; ended by SIGTERM, in time and without an error."""
        port = closed_port()
        log = self._directory / "serve.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [*_COMMAND, "serve", *self._common, "--port", str(port)],
                env=self._environment,
                stdout=written,
                stderr=written,
            )
        try:
            self._wait_until_ready(process, f"http://127.0.0.1:{port}/readyz", log)
            yield f"http://127.0.0.1:{port}/graphql"
        finally:
            process.terminate()
            try:
                code = process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"whence serve does not stop:\n{_tail(log)}") from None
        assert code == 0, f"whence serve exited with {code}:\n{_tail(log)}"

    @staticmethod
    def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while True:
            assert process.poll() is None, f"whence serve exited with {process.returncode}:\n{_tail(log)}"
            assert time.monotonic() < give_up, f"whence serve is not ready:\n{_tail(log)}"
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)


def answer(url: str, query: str, **variables: Any) -> dict[str, Any]:
    """The whole answer to ``query``."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        found: dict[str, Any] = json.load(response)
    return found


def compare(raw: Path, url: str, *words: str) -> tuple[int, str]:
    """The exit code of the comparison with the raw files, and what it prints."""
    script = Path(__file__).with_name("compare.py")
    command = [sys.executable, "-I", str(script), str(raw), url, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout + done.stderr


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
