"""Matching records in the background: a pace for :mod:`resolvers.matching_flow.matcher`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from app.wiring import Runtime
from sources.ledger.outages import is_outage

log = structlog.stdlib.get_logger("whence.matching")

EVERY_SECONDS = 2.0
AFTER_A_DEFECT_SECONDS = 60.0
PATIENCE_SECONDS = 3.0
"""How long another process may take for its next lot of records."""


async def keep_matching(current: Callable[[], Runtime]) -> None:
    """Match what syncs bring, until cancelled; an outage of the ledger is ridden out, a defect told once."""
    told = False
    while True:
        await asyncio.sleep(AFTER_A_DEFECT_SECONDS if told else EVERY_SECONDS)
        try:
            await current().matcher.catch_up()
            told = False
        except Exception as error:
            if not told and not is_outage(error):
                log.error("records are not matched", exc_info=error)
                told = True


async def finish_matching(runtime: Runtime, told: Callable[[str, int], None] | None = None) -> int:
    """Match until nothing waits, whoever does it: another process that is at it is waited for as long as it gets on. How many
    records still wait then."""
    left = None
    while True:
        done = await runtime.matcher.catch_up(told)
        waiting = sum((await runtime.matcher.waiting()).values())
        if not waiting or (not done.elsewhere and not done.matched) or (done.elsewhere and waiting == left):
            return waiting
        left = waiting
        if done.elsewhere:
            await asyncio.sleep(PATIENCE_SECONDS)
