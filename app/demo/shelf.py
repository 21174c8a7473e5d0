"""The place of a file of the demo, where it can be taken away, put back or spoilt.

The file stays the same file throughout: whoever keeps it open (a database's client does) finds nonsense in it while it
is away, and all that was there afterwards.
"""

from __future__ import annotations

import os
from pathlib import Path

from app.demo.gate import GARBAGE_PAGE, Condition


class Immovable(ValueError):
    """What cannot be done to this kind of system; the text says why."""


class Shelf:
    """One file's place; the file must be there, complete, when the shelf is made."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path
        self.condition = Condition.RUNNING
        self.delay = 0.0
        self._content = path.read_bytes()
        status = path.stat()
        self._times = (status.st_atime_ns, status.st_mtime_ns)
        self._away = path.with_name(f".{path.name}.away")

    async def start(self) -> None:
        """Put the file back as it was, its date included."""
        self._write(self._content)
        self.condition = Condition.RUNNING

    async def stop(self) -> None:
        """Take the file away."""
        if self.condition is not Condition.STOPPED:
            self.path.replace(self._away)
            # Not empty: SQLite keeps what it read of an empty file, and would not notice the return of the old one.
            self._fill(self._away, GARBAGE_PAGE)
            self.condition = Condition.STOPPED

    async def slow(self, seconds: float) -> None:
        """Raises Immovable: a file cannot be slow."""
        raise Immovable(
            f"{self.name} is a file on this machine: it is there or it is not, and never slow. "
            f"Try `stop {self.name}` or `garble {self.name}`."
        )

    async def garble(self) -> None:
        """Overwrite the file with a web page, as a download that went wrong does."""
        self._write(GARBAGE_PAGE)
        self.condition = Condition.GARBLED

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, content: bytes) -> None:
        if self.condition is Condition.STOPPED:
            self._fill(self._away, content)
            self._away.replace(self.path)
        else:
            self._fill(self.path, content)

    def _fill(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        os.utime(path, ns=self._times)
