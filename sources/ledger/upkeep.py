"""Keeping the ledger's own PostgreSQL running: one that ends by itself is started again, where it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import asyncpg

from sources.ledger.binaries import ServerError
from sources.ledger.server import LedgerServer

LOOK_SECONDS = 0.2
FIRST_PAUSE = 0.1
"""Seconds before it is started again; twice as long each time, up to LONGEST_PAUSE."""
LONGEST_PAUSE = 60.0
STEADY_SECONDS = 60.0
"""A server that has run for so long has recovered: the next pause is a short one again."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def kept_running(server: LedgerServer) -> AsyncIterator[None]:
    """Start ``server`` again whenever it ends by itself, for as long as this lasts. Used within the server's own context, on
    the main thread's event loop. Its address stays the same."""
    keeping = asyncio.create_task(_keep(server), name="upkeep of the ledger's PostgreSQL")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(server: LedgerServer) -> None:
    pause, started = FIRST_PAUSE, monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if server.running:
            continue
        if monotonic() - started > STEADY_SECONDS:
            pause = FIRST_PAUSE
        _log.error(
            "the ledger's PostgreSQL ended by itself (exit code %s); starting it again in %.1f s",
            server.exit_code,
            pause,
        )
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
        try:
            await server.restart()
        except (ServerError, asyncpg.PostgresError, OSError, TimeoutError) as error:
            _log.error("the ledger's PostgreSQL does not start: %s", error)
            continue
        started = monotonic()
        _log.warning("the ledger's PostgreSQL runs again (process %d)", server.pid)
