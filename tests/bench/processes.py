"""CPU seconds and memory of processes, as the operating system counts them (Linux: ``/proc``)."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_SECONDS = 0.05
_STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1
_HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_PROPORTIONAL = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class ProcessFailed(Exception):
    """A process did not do what it was started for; the text has the end of what it said."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and the children that it waited for have used, from its start to its end."""

    cpu: float
    """Seconds, user and system together."""
    peak: int
    """Bytes: the most that was in memory at a time."""
    seconds: float


class Process:
    """A process of ours, measured. It ends with us, however we end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, *, cwd: Path) -> None:
        self.command = command
        self._log = log
        self._began = time.monotonic()
        self.peak = 0
        self.usage: Usage | None = None
        self._code = 0
        with log.open("wb") as written:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us, who then stop it
                preexec_fn=_die_with_us(),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def said(self) -> str:
        """All that it printed so far."""
        return self._log.read_text(errors="replace")

    def poll(self) -> bool:
        """Whether it has ended; takes a sample of its memory."""
        if self.usage is not None:
            return True
        self.peak = max(self.peak, peak_of_tree(self.pid))
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self._code = os.waitstatus_to_exitcode(status)
            self._process.returncode = self._code  # or Popen would wait for it a second time
            self.usage = Usage(used.ru_utime + used.ru_stime, self.peak, time.monotonic() - self._began)
        return self.usage is not None

    async def ended(self, *, codes: Sequence[int] = (0,)) -> Usage:
        """What it used, once it has ended. Raises ProcessFailed for an exit code that is none of ``codes``."""
        while not self.poll():
            await asyncio.sleep(_SAMPLE_SECONDS)
        assert self.usage is not None
        if self._code not in codes:
            raise ProcessFailed(f"{' '.join(self.command[:4])} … ended with {self._code}:\n{self.said[-3000:]}")
        return self.usage

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait for a condition while it runs. Raises ProcessFailed where it ends first, or takes longer."""
        give_up = time.monotonic() + seconds
        while not await asyncio.to_thread(holds):  # it may ask somebody who needs our loop to answer
            if self.poll():
                raise ProcessFailed(f"{' '.join(self.command[:4])} … ended with {self._code}:\n{self.said[-3000:]}")
            if time.monotonic() > give_up:
                raise ProcessFailed(
                    f"{' '.join(self.command[:4])} … was not ready in {seconds:.0f} s:\n{self.said[-3000:]}"
                )
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def stop(self) -> Usage:
        """End it by SIGTERM, or by SIGKILL where that does not help."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            give_up = time.monotonic() + _STOP_SECONDS
            if not self.poll():
                os.kill(self.pid, number)
            while not self.poll() and time.monotonic() < give_up:
                await asyncio.sleep(_SAMPLE_SECONDS)
        assert self.usage is not None
        return self.usage

    def kill(self) -> None:
        """End it now, if it has not ended."""
        if self.usage is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self._process.returncode = -signal.SIGKILL


@asynccontextmanager
async def started(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, cwd: Path
) -> AsyncIterator[Process]:
    """A process that is gone when the context ends."""
    process = Process(command, environment, log, cwd=cwd)
    try:
        yield process
    finally:
        process.kill()


def cpu_of_tree(root: int) -> float:
    """CPU seconds, user and system, of a process, its descendants that live, and those that it has waited for.

    A PostgreSQL waits for each backend that ends, so nothing is lost; where one ends while we look, we look again.
    """
    for _ in range(100):
        before = _stat(root)
        spent = sum(sum(_stat(pid)[1]) for pid in descendants(root))
        if _stat(root)[1][2:] == before[1][2:]:
            return (sum(before[1]) + spent) / _TICKS
    raise ProcessFailed(f"the processes under {root} come and go too fast to be counted")


def peak_of_tree(root: int) -> int:
    """Bytes: the most that ``root`` had in memory at a time so far, and its living descendants, added up."""
    return sum(_kilobytes(pid, "status", _HIGH_WATER) for pid in (root, *descendants(root))) * 1024


def peaks_of_tree(root: int) -> list[int]:
    """Bytes: the most that ``root`` and each of its living descendants had in memory at a time so far, one by one."""
    return [_kilobytes(pid, "status", _HIGH_WATER) * 1024 for pid in (root, *descendants(root))]


def memory_of_tree(root: int) -> int:
    """Bytes that ``root`` and its living descendants have in memory now, shared ones counted once; 0 where that is secret."""
    return sum(_kilobytes(pid, "smaps_rollup", _PROPORTIONAL) for pid in (root, *descendants(root))) * 1024


def descendants(root: int) -> list[int]:
    """The living processes under ``root``."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            children.setdefault(_stat(int(path.name))[0], []).append(int(path.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _stat(pid: int) -> tuple[int, tuple[int, int, int, int]]:
    """The parent of a process, and its clock ticks: user, system, and both of the children that it waited for."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0, (0, 0, 0, 0)
    parts = text.rpartition(")")[2].split()
    user, system, waited_user, waited_system = (int(part) for part in parts[11:15])
    return int(parts[1]), (user, system, waited_user, waited_system)


def _kilobytes(pid: int, file: str, pattern: re.Pattern[str]) -> int:
    try:
        found = pattern.search(Path(f"/proc/{pid}/{file}").read_text())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return int(found[1]) if found else 0


def _die_with_us() -> Callable[[], None]:
    prctl, parent = ctypes.CDLL(None, use_errno=True).prctl, os.getpid()

    def arrange() -> None:
        if prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(1)

    return arrange
