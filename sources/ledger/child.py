"""Child processes that do not outlive this one, and what is known of a process by its id."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import IO

from sources.ledger.binaries import ServerError
from sources.ledger.place import Account

_PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str | os.PathLike[str]], account: Account, output: IO[bytes], death_signal: signal.Signals
) -> subprocess.Popen[bytes]:
    """Start ``command`` as ``account`` in a session of its own, writing to ``output``.

    On Linux it gets ``death_signal`` when this process dies. The kernel sends that signal when the *thread* that forked
    ends, hence only from the main thread; else ServerError.
    The child's environment is empty but for PATH and a locale: it gets no secret of this process.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ServerError("PostgreSQL can be started from the main thread only: it would end with any other.")
    with warnings.catch_warnings():
        # Python 3.12 warns of preexec_fn beside other threads; ours is two system calls, looked up before the fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        return subprocess.Popen(
            command,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in a terminal is for Whence, which then stops the server itself
            preexec_fn=_die_with_parent(death_signal),  # runs after the change of user, which would undo it
            **account.spawn,
        )


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent, number = os.getpid(), int(death_signal)

    def arrange() -> None:
        if prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(1)

    return arrange


async def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether ``process`` ends within so many seconds; returns as soon as it does."""
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


class Condition(StrEnum):
    """What a process id stands for, asked of one data directory."""

    GONE = "gone"
    """No process, or a dead one that nobody waited for."""
    OTHER = "other"
    """A process, but not this directory's server: the number was given out again."""
    SERVER = "server"
    """This directory's server."""


def condition(pid: int, data: Path) -> Condition:
    """What ``pid`` is now; a dead child of this process is reaped on the way."""
    with suppress(ChildProcessError, OverflowError):
        os.waitpid(pid, os.WNOHANG)
    try:
        with suppress(PermissionError):
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return Condition.GONE
    if sys.platform != "linux":
        listed = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
        )
        return Condition.SERVER if str(data) in listed.stdout else Condition.OTHER
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return Condition.GONE
    if state in "ZX":
        return Condition.GONE
    return Condition.SERVER if os.fsencode(data) in arguments else Condition.OTHER
