"""The command line: ``whence check | sync | serve | product | search | sources | ownership | schema | demo``."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def main() -> None:
    """The command ``whence``. Ends the process with the exit code that the help lists."""
    # What the commands stand on takes a second to import, and a signal in it should end quietly too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    from app.cli.application import application

    application(prog_name="whence")


def _end(number: int, _: FrameType | None) -> None:
    raise SystemExit(0 if "serve" in sys.argv[1:2] else 128 + number)
