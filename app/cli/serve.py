"""``whence serve``: the ledger, the first sync and the HTTP server, together until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

import structlog
import uvicorn

from app.cli.banner import Banner
from app.cli.configuration import Configuration, audience_of
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import own_ledger
from app.cli.neighbour import Neighbour, find_neighbour, serving
from app.cli.output import remark
from app.cli.progress import SyncProgress, tell_failures
from app.cli.reloading import read_map, watching_map
from app.demo.launch import DemoCompany
from app.heap import keep_heap_settled
from app.main import GRAPHQL_PATH, build_app
from app.matching import finish_matching
from app.prompt_clients import PromptClients
from app.reload import CurrentRuntime, open_current, saved_at
from app.sync import sync_once
from app.telemetry import UVICORN_LOGS
from app.wiring import Runtime

GRACE_SECONDS = 2
"""For requests under way when the end comes; the rest of the five seconds is for closing what is open."""
KEEP_ALIVE_SECONDS = 5
MOST_REQUESTS = 1000
BACKLOG = 512
HEADER_BYTES = 64 * 1024
SWITCH_SECONDS = 0.001
"""After so long the thread that reads long documents lets the event loop go on, should it wait."""

log = structlog.stdlib.get_logger("whence.serve")


@dataclass(frozen=True, slots=True)
class Serving:
    """What one ``whence serve`` was asked to do."""

    host: str
    port: int
    demo: bool
    syncing: bool


def loopback(host: str) -> str:
    """The address of this machine that ``host`` names. Raises Ended for one that others can reach."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise Ended(
            ExitCode.CONFIGURATION,
            f"--host {host} is refused: whoever reaches Whence may read everything, for there are no keys yet. Serve "
            "on 127.0.0.1, and let a proxy that knows its users stand before it.",
        )
    return str(address)


async def serve(configuration: Configuration, asked: Serving) -> int:
    """Start what is needed, serve until cancelled, and close it all in the reverse order."""
    with closing(_bind(asked, configuration)) as listening:
        address = _address(listening)
        if not asked.demo:
            ownership = await read_map(configuration)
        async with own_ledger(configuration.settings) as url:
            embedded = configuration.settings.database_url is None
            with serving(configuration.settings.directory, Neighbour(os.getpid(), address, embedded, asked.demo)):
                async with contextlib.AsyncExitStack() as stack:
                    if asked.demo:
                        remark("Starting the demo company's systems.")
                        company = await DemoCompany.start(configuration.demo_directory, url)
                        stack.push_async_callback(company.stop)
                        configuration = configuration.with_company(company.environment)
                        ownership = await read_map(configuration)
                    saved = saved_at(configuration.config)
                    current = await stack.enter_async_context(
                        open_current(ownership, url, configuration.settings, saved)
                    )
                    if asked.syncing:
                        await _first_sync(current(), everything=asked.demo)
                    await _listen(configuration, asked, current, listening, address)
    return ExitCode.FINE


def _bind(asked: Serving, configuration: Configuration) -> socket.socket:
    """A socket that has the port; it listens later, so that nobody is let in before all is ready. Raises Ended."""
    bound = socket.socket(socket.AF_INET6 if ":" in asked.host else socket.AF_INET)
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((asked.host, asked.port))
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _port_refused(asked, configuration, error) from None
    return bound


def _port_refused(asked: Serving, configuration: Configuration, error: OSError) -> Ended:
    port = asked.port
    if error.errno != errno.EADDRINUSE:
        why = f"Port {port} of {asked.host} cannot be used: {error.strerror}. Name another: --port 8000."
        return Ended(ExitCode.PREREQUISITE, why)
    neighbour = find_neighbour(configuration.settings.directory)
    who = f"by {str(neighbour)[:1].lower()}{str(neighbour)[1:]}" if neighbour else "by another program"
    return Ended(
        ExitCode.PREREQUISITE,
        f"Port {port} of {asked.host} is taken {who}. Stop that one, or name another port: --port {port + 1}.",
    )


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _first_sync(runtime: Runtime, *, everything: bool) -> None:
    """Read the sources that have never been read to their end, or ``everything``, before the first question comes."""
    settled = frozenset[str]() if everything else runtime.state.settled()
    names = [name for name, source in runtime.sources.items() if source.changes is not None and name not in settled]
    if not names:
        return
    titles = {name: runtime.ownership.declaration(name).title for name in names}
    with SyncProgress(titles) as bars:
        reports = await sync_once(runtime, names, progress=bars.progress, done=bars.done)
        await finish_matching(runtime, bars.matching())
        await runtime.readying.catch_up(bars.readying())
    tell_failures(reports)
    await runtime.state.refresh()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: ours end more than the server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _listen(
    configuration: Configuration, asked: Serving, current: CurrentRuntime, listening: socket.socket, address: str
) -> None:
    audience = audience_of(current().ownership, configuration.settings)
    banner = Banner(current().ownership, audience, address + GRAPHQL_PATH, demo=asked.demo)
    app = build_app(
        current,
        configuration.redactor,
        default_audience=audience,
        syncing=asked.syncing,
        example=banner.document,
        hosts=configuration.settings.hosts,
        compiling=configuration.settings.compile,
    )
    server = _Server(
        uvicorn.Config(
            app,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            limit_concurrency=MOST_REQUESTS,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=HEADER_BYTES,
            lifespan="on",
            http=PromptClients,
            ws="none",
            server_header=False,
            proxy_headers=False,
            **UVICORN_LOGS,
        )
    )
    async with _running(server, listening) as running:
        log.info("listening", address=address)
        await banner.show()
        sys.setswitchinterval(SWITCH_SECONDS)
        settling = asyncio.create_task(keep_heap_settled(lambda: current().uses))
        try:
            async with watching_map(configuration, current, taking=asked.syncing):
                await asyncio.wait([running])
        finally:
            settling.cancel()


@asynccontextmanager
async def _running(server: uvicorn.Server, listening: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """The server, answering; it is let to finish its requests at the end. Raises Ended where it cannot listen."""
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started and not running.done():
            await asyncio.wait([running], timeout=0.01)
        yield running
        running.result()
    except OSError as error:
        raise Ended(ExitCode.PREREQUISITE, f"The port cannot be listened on: {error.strerror or error}.") from None
    finally:
        server.should_exit = True
        if not running.done():
            await asyncio.wait([running], timeout=GRACE_SECONDS + 1)
