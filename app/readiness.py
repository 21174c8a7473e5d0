"""Keeping products ready in the background: a pace for :mod:`resolvers.readying`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from app.wiring import Runtime
from sources.ledger.outages import is_outage

log = structlog.stdlib.get_logger("whence.readiness")

EVERY_SECONDS = 1.0


async def keep_ready(current: Callable[[], Runtime]) -> None:
    """Choose winners ahead of what is read, until cancelled; an outage of the ledger is ridden out."""
    told = False
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await current().readying.catch_up()
            told = False
        except Exception as error:
            if not told and not is_outage(error):
                log.error("products are not made ready", exc_info=error)
                told = True
