"""Processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import wait


def begin_beside(begin: Callable[..., None] | None, *arguments: object) -> None:
    """Begin the work of a process: it leaves Ctrl-C to its parent, and ends when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # it makes millions of objects, none of them in cycles, and looking for some takes a fifth of its CPU
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
