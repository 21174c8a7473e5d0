"""A file that somebody may save at any moment: whether it has changed, and come to rest."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

SETTLE_SECONDS = 0.1
"""A file that changes is read when it has been the same for so long: an editor may still be writing it."""
MAX_BYTES = 1_000_001
"""Of the file, to tell whether it changed: more than a map may have."""


class WatchedFile:
    """A file, and what it held when it was last looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._stamp()

    async def changed(self) -> bool:
        """Whether it was saved since, or taken away, and has come to rest."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        while True:
            await asyncio.sleep(SETTLE_SECONDS)
            before, stamp = stamp, self._stamp()
            if stamp == before:
                break
        came_back = stamp == self._seen
        self._seen = stamp
        return not came_back

    def _stamp(self) -> tuple[int, int, int, bytes] | None:
        try:
            found = self.path.stat()
            with self.path.open("rb") as file:
                content = hashlib.blake2b(file.read(MAX_BYTES), digest_size=16).digest()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, content
