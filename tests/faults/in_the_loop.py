"""Hypothesis over coroutines, with their examples in the loop of the test that asks."""

from __future__ import annotations

import asyncio
from typing import Any


async def in_the_loop(examined: Any) -> None:
    """Run ``examined``, a coroutine function under ``given``, for each of its examples, here. Hypothesis itself runs in a
    thread meanwhile: it knows nothing of loops."""
    loop = asyncio.get_running_loop()
    inner = examined.hypothesis.inner_test
    examined.hypothesis.inner_test = lambda *arguments, **named: asyncio.run_coroutine_threadsafe(
        inner(*arguments, **named), loop
    ).result()
    await asyncio.to_thread(examined)
