"""What taking an ownership map into use would do, by a ledger that runs. None is started to find out."""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import ArgumentError

from app.settings import Settings
from resolvers.ingest import Ingest
from resolvers.ownership import OwnershipMap
from sources.ledger.database import open_pool
from sources.ledger.running import running_server
from sources.ledger.server import ServerError


async def effects_of(settings: Settings, ownership: OwnershipMap) -> list[str]:
    """The changes from the map in force and what they take, a line each; none where it is this one and all is done, and
    where no ledger can be looked at."""
    try:
        url = settings.database_url or running_server(settings.directory)
        if url is None:
            return []
        async with open_pool(url, size=2) as pool:
            return (await Ingest(pool, ownership).taking.look()).effects
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ArgumentError, ServerError, OSError, TimeoutError):
        return []  # there is none, it is away, or this version has not been at it yet
