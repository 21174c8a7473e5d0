"""Starting the demo company from the application, and talking to the one that runs.

``company = await DemoCompany.start(Path(".whence/demo"), postgres_url)`` gives the environment for the demo's
whence.toml; ``read_control(Path(".whence/demo"))`` is what ``whence demo stop pim`` speaks through.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2

from app.demo.company import COMPANY_FILE, POSTGRES_VARIABLE
from sources.durations import format_duration

WHENCE_TOML = Path(__file__).with_name("whence.toml")
"""Brewster's ownership map."""

_START_SECONDS = 40.0
_STOP_SECONDS = 3.0
_CONTROL_SECONDS = 10.0
_LAST_LINES = 8
_LINE_BYTES = 64 * 1024


class DemoError(Exception):
    """The demo could not do that; the text says why and what to do."""


class DemoCompany:
    """The running company, a child of this process."""

    def __init__(
        self, process: asyncio.subprocess.Process, listening: asyncio.Task[None], environment: Mapping[str, str]
    ) -> None:
        self._process = process
        self._listening = listening
        self._environment = dict(environment)

    @classmethod
    async def start(cls, directory: Path, postgres_url: str) -> DemoCompany:
        """Start the company with its files in ``directory`` and its ERP on the server of ``postgres_url``; every system
        answers when this returns, within 40 s. Call it from a thread that lasts: the company ends with it.

        Raises DemoError with the end of what the company wrote on standard error.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.demo.company",
            "--directory",
            str(directory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            cwd=Path(__file__).parents[2],
            env={**os.environ, POSTGRES_VARIABLE: postgres_url},
            # Ctrl-C is for Whence, which then stops the company.
            start_new_session=True,
        )
        last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        listening = asyncio.create_task(_listen(process, last_lines))
        company = cls(process, listening, {})
        try:
            company._environment = await _announced(process)
        except BaseException as error:
            await company.stop()
            if isinstance(error, DemoError):
                said = "\n".join(last_lines).strip() or f"it ended with exit code {process.returncode}"
                raise DemoError(f"The demo company did not start: {error}{said}") from None
            raise
        return company

    @property
    def environment(self) -> dict[str, str]:
        """What the demo's whence.toml finds under ``${...}``: addresses, tokens, paths. It holds secrets."""
        return dict(self._environment)

    @property
    def pid(self) -> int:
        """The company's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the company's process is alive."""
        return self._process.returncode is None

    async def stop(self) -> None:
        """End the company, at most 3 s from now. A second call does nothing."""
        for end in (self._process.terminate, self._process.kill):
            if self._process.returncode is not None:
                break
            with suppress(ProcessLookupError):
                end()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.wait([self._listening], timeout=1)
        self._listening.cancel()


async def _announced(process: asyncio.subprocess.Process) -> dict[str, str]:
    """The environment from the company's one line. Raises DemoError."""
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
    except TimeoutError:
        raise DemoError(f"it was not ready after {_START_SECONDS:.0f} s. ") from None
    try:
        environment = json.loads(line)["environment"]
    except (ValueError, KeyError, TypeError):
        # It is ending: what it says about why is still on its way.
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        raise DemoError("") from None
    return {str(name): str(value) for name, value in environment.items()}


async def _listen(process: asyncio.subprocess.Process, last_lines: deque[str]) -> None:
    """Keep the last lines that the company wrote on standard error, and let it never wait for a reader."""
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:
            continue  # a line beyond the limit was thrown away
        if not line:
            return
        last_lines.append(line.decode(errors="replace").rstrip())


@dataclass(frozen=True, slots=True)
class SystemState:
    """How one system is: ``condition`` is running, stopped, slow or garbled."""

    name: str
    title: str
    condition: str
    delay: timedelta

    def __str__(self) -> str:
        late = f" ({format_duration(self.delay)} late)" if self.delay else ""
        return f"{self.name}: {self.condition}{late}"


class DemoControl:
    """Speaks to the running company. Every method raises DemoError: for a system that there is not (it names those
    that are), for what cannot be done to it, and when the demo does not answer."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}

    async def status(self) -> tuple[SystemState, ...]:
        """How every system is."""
        answer = await self._ask("GET", "/systems")
        return tuple(_state(entry) for entry in answer["systems"])

    async def stop(self, name: str) -> SystemState:
        """Make the system unreachable: connections are refused, files are gone."""
        return await self._act(name, "stop")

    async def start(self, name: str) -> SystemState:
        """Make the system well again, whatever was done to it."""
        return await self._act(name, "start")

    async def slow(self, name: str, delay: timedelta) -> SystemState:
        """Let every answer of the system arrive ``delay`` later."""
        return await self._act(name, "slow", delay=format_duration(delay))

    async def garble(self, name: str) -> SystemState:
        """Let the system answer a web page, whatever was asked."""
        return await self._act(name, "garble")

    async def _act(self, name: str, action: str, **parameters: str) -> SystemState:
        # The name goes into an address; what is no system's name is not worth escaping.
        plain = name if name.isascii() and name.isalnum() else "-"
        answer = await self._ask("POST", f"/systems/{plain}/{action}", parameters, asked=name)
        return _state(answer)

    async def _ask(self, method: str, path: str, parameters: Mapping[str, str] | None = None, asked: str = "") -> dict:  # type: ignore[type-arg]
        try:
            async with httpx2.AsyncClient(
                base_url=self._address, headers=self._headers, timeout=_CONTROL_SECONDS, trust_env=False
            ) as client:
                response = await client.request(method, path, params=dict(parameters or {}))
                answer = response.json()
        except (httpx2.HTTPError, ValueError):
            raise DemoError("The demo company does not answer. Start it with `make run`, and try again.") from None
        if response.status_code != 200:
            text = str(answer.get("error", f"HTTP {response.status_code}")).replace("system '-'", f"system {asked!r}")
            raise DemoError(text[:1].upper() + text[1:].rstrip(".") + ".")
        return dict(answer)


def read_control(directory: Path) -> DemoControl:
    """The control of the company that runs from ``directory``. Raises DemoError where none does."""
    path = directory / COMPANY_FILE
    try:
        announced = json.loads(path.read_text())
        return DemoControl(announced["control"], announced["control_token"])
    except FileNotFoundError:
        raise DemoError(
            f"The demo company does not run: there is no {path}. Start it with `make run`, and try again."
        ) from None
    except PermissionError:
        raise DemoError(f"{path} belongs to another user: only who started the demo may change it.") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise DemoError(f"{path} cannot be read ({type(error).__name__}). Restart the demo with `make run`.") from None


def _state(entry: Mapping[str, object]) -> SystemState:
    return SystemState(
        str(entry["name"]),
        str(entry["title"]),
        str(entry["condition"]),
        timedelta(seconds=float(str(entry["delaySeconds"]))),
    )
