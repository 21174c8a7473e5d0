"""Keeping the garbage collector away from what stays: a full collection looks at every object that is alive, and nothing is
answered meanwhile.

What was made at the start (modules, schemas, the map) and the documents that are kept are some hundreds of thousands of
objects, a tenth of a second to look at. So they are frozen: set aside, where the collector does not look; what is let go
there is freed all the same, as soon as nothing refers to it, but for circles. Schemas are full of these, so when a new map
takes the place of an old one everything is thawed and, once the old one is out of use, looked at once and frozen anew.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

LOOK_SECONDS = 5.0
TOKENS = 5000
"""Of documents, newly kept: when they are so many, they are frozen too."""

_held = 0


def held(tokens: int) -> None:
    """Say that a document of so many tokens is being kept."""
    global _held
    _held += tokens


async def keep_heap_settled(current: Callable[[], object], every: float = LOOK_SECONDS) -> None:
    """Freeze what stays, again when ``current()`` has given another object for a while or enough documents were kept; until
    cancelled."""
    global _held
    in_use: weakref.ref[object] | None = None
    looks = 0
    try:
        while True:
            await asyncio.sleep(every)
            looks += 1
            if in_use is None or in_use() is not current():
                gc.unfreeze()
                in_use, looks = weakref.ref(current()), 0
            elif looks == 1 or (looks > 1 and _held >= TOKENS):
                _held = 0
                gc.collect()
                gc.freeze()
    finally:
        gc.unfreeze()
