"""What stays is set aside from the garbage collector, and is let go all the same when a new map takes its place."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from app import heap
from app.heap import held, keep_heap_settled


class Thing:
    """Something that refers to itself, as schemas do."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
async def settling() -> AsyncIterator[list[Thing]]:
    """The thing in use; replace it to put another in its place."""
    in_use = [Thing()]
    task = asyncio.create_task(keep_heap_settled(lambda: in_use[0], every=0.02))
    yield in_use
    task.cancel()
    await asyncio.wait([task])
    assert gc.get_freeze_count() == 0


async def until(frozen: int) -> int:
    """Wait until more objects than that are frozen."""
    async with asyncio.timeout(20):
        while (count := gc.get_freeze_count()) <= frozen:
            await asyncio.sleep(0.01)
    return count


async def test_what_was_made_at_the_start_is_frozen_and_what_went_is_found_when_another_takes_its_place(
    settling: list[Thing],
) -> None:
    assert await until(0) > 10_000
    old = weakref.ref(settling[0])
    settling[0] = Thing()
    async with asyncio.timeout(20):
        while old() is not None:
            await asyncio.sleep(0.01)
    await until(0)


async def test_documents_that_are_kept_are_frozen_when_they_are_many(settling: list[Thing]) -> None:
    before = await until(0)
    kept = [[n] for n in range(2000)]
    held(heap.TOKENS - 1)
    await asyncio.sleep(0.1)
    assert gc.get_freeze_count() <= before
    held(1)
    await until(before + 1500)
    assert len(kept) == 2000
