"""The company's process: it prepares the data, starts every system on a free port of this machine, says so, and waits.

``python -m app.demo.company --directory .whence/demo --postgres URL`` (or the URL in ``WHENCE_DEMO_POSTGRES``, where no
list of processes shows its password). One line of JSON on standard output says that all is ready, and how to reach it;
the same stands in ``company.json`` in the directory, for this user only. It ends on SIGTERM and SIGINT, when its parent
is gone, and when its standard input, if that is a pipe, is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import secrets
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from app.demo import control
from app.demo.catalogue import SYSTEMS, Catalogue
from app.demo.gate import Gate
from app.demo.shelf import Shelf
from app.demo.systems import crm, erp, marketing, pim, sales, shop, support, wms
from app.demo.systems.web import WebServer

COMPANY_FILE = "company.json"
LOCK_FILE = "company.lock"
POSTGRES_VARIABLE = "WHENCE_DEMO_POSTGRES"
TITLES: Mapping[str, str] = {
    "erp": "ERP",
    "wms": "Warehouse",
    "pim": "Product information",
    "shop": "Web shop",
    "crm": "Customer relations",
    "support": "Service desk's sheet",
    "marketing": "Marketing's campaigns",
    "sales": "Sales' price list",
}
_PREDECESSOR_SECONDS = 3.0
_CLOSE_SECONDS = 1.5
_PR_SET_PDEATHSIG = 1


class CompanyError(Exception):
    """The company cannot open; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the rest of the house needs to know: the environment that the demo's whence.toml names, and the control."""

    environment: Mapping[str, str]
    control: str
    control_token: str
    pid: int

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "environment": dict(self.environment),
                "control": self.control,
                "control_token": self.control_token,
                "pid": self.pid,
            }
        )


@asynccontextmanager
async def open_company(directory: Path, postgres_url: str) -> AsyncIterator[Announcement]:
    """Brewster Appliances, open while the context lasts. Raises CompanyError."""
    catalogue = Catalogue()
    async with AsyncExitStack() as stack:
        lock = _lock(directory)
        stack.callback(os.close, lock)
        files = {
            "wms": wms.write(directory, catalogue),
            "support": support.write(directory, catalogue),
            "marketing": marketing.write(directory, catalogue),
            "sales": sales.write(directory, catalogue),
        }
        shelves = {name: Shelf(name, path) for name, path in files.items()}
        try:
            database = await erp.prepare(postgres_url, catalogue)
        except erp.ErpUnavailable as error:
            raise CompanyError(str(error)) from error
        pim_token, shop_key, crm_password, control_token = (secrets.token_urlsafe(24) for _ in range(4))

        servers: list[WebServer] = []

        async def stop_servers() -> None:
            await asyncio.gather(*(server.stop() for server in servers))

        stack.push_async_callback(stop_servers)

        async def serve(app: ASGIApp) -> WebServer:
            servers.append(await WebServer.start(app))
            return servers[-1]

        async def gate(name: str, app: ASGIApp) -> Gate:
            return Gate(name, ("127.0.0.1", (await serve(app)).port))

        gates = {
            "erp": Gate("erp", database.upstream),
            "pim": await gate("pim", pim.application(catalogue, pim_token)),
            "shop": await gate("shop", shop.application(catalogue, shop_key)),
            "crm": await gate("crm", crm.application(catalogue, "whence", crm_password)),
        }
        every: dict[str, control.Controllable] = {**gates, **shelves}
        systems = {name: every[name] for name in SYSTEMS}
        for system in systems.values():
            stack.callback(system.close)
        for door in gates.values():
            await door.start()
        controls = await serve(control.application(systems, TITLES, control_token))
        announcement = Announcement(
            environment={
                "ERP_URL": database.through(gates["erp"].port),
                "WMS_URL": f"sqlite:///{files['wms']}",
                "PIM_URL": f"http://127.0.0.1:{gates['pim'].port}",
                "PIM_TOKEN": pim_token,
                "SHOP_URL": f"http://127.0.0.1:{gates['shop'].port}",
                "SHOP_KEY": shop_key,
                "CRM_URL": f"http://127.0.0.1:{gates['crm'].port}",
                "CRM_USER": "whence",
                "CRM_PASSWORD": crm_password,
                "SUPPORT_FILE": str(files["support"]),
                "MARKETING_FILE": str(files["marketing"]),
                "SALES_FILE": str(files["sales"]),
            },
            control=f"http://127.0.0.1:{controls.port}",
            control_token=control_token,
            pid=os.getpid(),
        )
        yield announcement


def _lock(directory: Path) -> int:
    """A lock that lasts as long as this process: one company a directory. A predecessor may need a moment to end."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if sys.platform == "win32":
        return lock
    import fcntl

    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise CompanyError(
                    f"The demo company already runs from {directory}. Stop that Whence first, or give this one "
                    "another directory."
                ) from None
            time.sleep(0.05)


def _publish(directory: Path, announcement: Announcement) -> None:
    """Write ``company.json`` whole or not at all, for this user only: it holds the tokens."""
    unfinished = directory / f".{COMPANY_FILE}.{os.getpid()}"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(announcement.line() + "\n")
    unfinished.replace(directory / COMPANY_FILE)


def _die_with_parent() -> None:
    """Have the kernel end this process when the one that started it is gone (Linux)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _hear_signals() -> asyncio.Event:
    """What SIGTERM and SIGINT set from now on; before, they end the process at once."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def _until(told: asyncio.Event, parent: int) -> None:
    """Wait until ``told``, for the end of a piped standard input, or for another parent than ``parent``."""
    loop = asyncio.get_running_loop()
    transport: asyncio.BaseTransport | None = None
    if _stdin_is_pipe():
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        watching = asyncio.create_task(_drained(reader, told))
        watching.add_done_callback(lambda task: task.cancelled() or task.exception())
    while not told.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), 1)
        if os.getppid() != parent:
            break
    if transport is not None:
        transport.close()


async def _drained(reader: asyncio.StreamReader, told: asyncio.Event) -> None:
    while await reader.read(1024):
        pass
    told.set()


def _stdin_is_pipe() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


async def _run(directory: Path, postgres_url: str, parent: int) -> None:
    company = open_company(directory, postgres_url)
    announcement = await company.__aenter__()
    told = _hear_signals()
    _publish(directory, announcement)
    try:
        sys.stdout.write(announcement.line() + "\n")
        sys.stdout.flush()
        await _until(told, parent)
    finally:
        (directory / COMPANY_FILE).unlink(missing_ok=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await company.__aexit__(None, None, None)


def main() -> int:
    """The process; its exit code: 0 ended as told, 1 could not open (why: on standard error), 2 called wrongly."""
    parent = os.getppid()
    _die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m app.demo.company", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where the company's files are made")
    parser.add_argument("--postgres", default=os.environ.get(POSTGRES_VARIABLE), help="the server that holds its ERP")
    arguments = parser.parse_args()
    if not arguments.postgres:
        parser.error(f"name the PostgreSQL server: --postgres, or {POSTGRES_VARIABLE} in the environment")
    try:
        asyncio.run(_run(arguments.directory.absolute(), arguments.postgres, parent))
    except (CompanyError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
