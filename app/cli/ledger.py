"""The ledger that a command works on: the server that is named, that of a serving Whence, or one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.cli.configuration import Configuration
from app.cli.declared import refuse_unopenable
from app.cli.ending import Ended, ExitCode
from app.cli.neighbour import find_neighbour, in_the_way
from app.reload import CurrentRuntime, open_current, saved_at
from app.settings import Settings
from app.wiring import Runtime, build_runtime
from sources.ledger.database import CONNECT_SECONDS, asyncpg_dsn
from sources.ledger.running import running_server
from sources.ledger.server import DirectoryInUse, LedgerServer
from sources.ledger.upkeep import kept_running

TURN_SECONDS = 20.0
"""How long a command waits for another that is using the directory for a moment, or for a server that is starting."""
REMEMBER_SECONDS = 2.0


@asynccontextmanager
async def own_ledger(settings: Settings) -> AsyncIterator[str]:
    """The URL of the ledger for one that serves: the named server, or one of its own. Raises Ended and ServerError."""
    if settings.database_url is not None:
        yield await _reachable(settings.database_url)
        return
    try:
        server = await LedgerServer.start(settings.directory, bin_directory=settings.postgres_bin)
    except DirectoryInUse as error:
        raise in_the_way(settings.directory) from error
    async with server, kept_running(server):
        yield server.url


@asynccontextmanager
async def shared_ledger(settings: Settings) -> AsyncIterator[str]:
    """The URL of the ledger for a command that may run beside others. Raises Ended and ServerError."""
    if settings.database_url is not None:
        yield await _reachable(settings.database_url)
        return
    deadline = monotonic() + TURN_SECONDS
    while True:
        neighbour = find_neighbour(settings.directory)
        if neighbour is not None and not neighbour.embedded:
            raise Ended(
                ExitCode.PREREQUISITE,
                f"{neighbour} has its ledger on the server in its WHENCE_DATABASE_URL. Set the same for this command.",
            )
        if neighbour is not None and (url := running_server(settings.directory)):
            yield url
            return
        try:
            server = await LedgerServer.start(settings.directory, bin_directory=settings.postgres_bin)
            break
        except DirectoryInUse:
            if monotonic() > deadline:
                raise
        await asyncio.sleep(0.1)
    async with server, kept_running(server):
        yield server.url


@asynccontextmanager
async def open_runtime(configuration: Configuration) -> AsyncIterator[Runtime]:
    """A runtime for one command, beside a serving Whence or alone. Raises what stands in its way."""
    ownership = configuration.load()
    await refuse_unopenable(ownership, str(configuration.config), configuration.redactor)
    async with (
        shared_ledger(configuration.settings) as url,
        build_runtime(ownership, url, configuration.settings, saved_at(configuration.config)) as runtime,
    ):
        yield runtime
        try:
            async with asyncio.timeout(REMEMBER_SECONDS):
                await runtime.memory.settled()
        except TimeoutError:
            pass


@asynccontextmanager
async def open_changing(configuration: Configuration) -> AsyncIterator[CurrentRuntime]:
    """As :func:`open_runtime`, for a command that goes on for long enough to see the map change."""
    ownership = configuration.load()
    await refuse_unopenable(ownership, str(configuration.config), configuration.redactor)
    async with (
        shared_ledger(configuration.settings) as url,
        open_current(ownership, url, configuration.settings, saved_at(configuration.config)) as current,
    ):
        yield current


async def _reachable(url: str) -> str:
    """``url``, after its server has answered. Raises Ended, which names no password."""
    try:
        place = make_url(url).render_as_string(hide_password=True)
        dsn = asyncpg_dsn(url)
        if not make_url(url).drivername.startswith("postgres"):
            raise ArgumentError
    except (ArgumentError, ValueError):
        raise Ended(
            ExitCode.CONFIGURATION,
            "WHENCE_DATABASE_URL is not the address of a PostgreSQL server; write postgresql://user:password@host/database.",
        ) from None
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
        await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        said = str(error).strip() or "no answer in time"
        raise Ended(
            ExitCode.PREREQUISITE,
            f"The ledger's database does not answer at {place}: {said}. Check WHENCE_DATABASE_URL and that the server "
            "runs, or unset it: Whence then starts a PostgreSQL of its own.",
        ) from None
    return url
