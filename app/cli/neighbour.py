"""The ``whence serve`` that runs on the same directory: it holds a lock on a small file there that says where it is.

Other commands then use its ledger, and ``serve`` says which one is in its way.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from app.cli.ending import Ended, ExitCode

FILE = "serving.json"
_TRIES = 5
_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What a serving Whence says of itself. ``embedded``: its ledger is the PostgreSQL of the directory."""

    pid: int
    address: str
    embedded: bool
    demo: bool

    def __str__(self) -> str:
        return f"The Whence at {self.address} (process {self.pid})"


@contextmanager
def serving(directory: Path, note: Neighbour) -> Iterator[None]:
    """Be the one that serves ``directory``, for as long as this lasts. Raises Ended where another one is."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE
    with path.open("a+") as file:
        if os.name == "posix" and os.geteuid() == 0:  # who runs it as root once must be able to run it as the owner
            with suppress(PermissionError):
                os.fchown(file.fileno(), directory.stat().st_uid, directory.stat().st_gid)
        # Whoever looks for a neighbour holds the lock for a moment.
        for tries_left in reversed(range(_TRIES)):
            if _lock(file, exclusive=True):
                break
            if not tries_left:
                raise in_the_way(directory)
            time.sleep(0.02)
        file.truncate(0)
        file.write(json.dumps(asdict(note)))
        file.flush()
        yield
        file.truncate(0)


def find_neighbour(directory: Path) -> Neighbour | None:
    """The Whence that serves ``directory`` now, or None."""
    try:
        with (directory / FILE).open() as file:
            if _lock(file, exclusive=False):
                return None  # what it says is what a dead one left
            return Neighbour(**json.loads(file.read(_CHARACTERS)))
    except (OSError, ValueError, TypeError):
        return None


def in_the_way(directory: Path) -> Ended:
    """Only one Whence may serve a directory."""
    other = find_neighbour(directory)
    who = str(other) if other else "Another Whence"
    return Ended(
        ExitCode.PREREQUISITE,
        f"{who} uses {directory} already. Stop it first, or give this one another directory: --directory DIR.",
    )


def _lock(file: IO[str], *, exclusive: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: nobody is found there, and nobody is kept out
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
