"""The ledger's own PostgreSQL: made, started, recovered and stopped by Whence.

The server is ``postgres`` itself, a child of this process, on a unix socket and nothing else. It ends with Whence: a
stop is a fast shutdown, and a ``kill -9`` of Whence has the kernel send the server the signal for one. What a crash
leaves behind (a server still shutting down, a stale ``postmaster.pid``) the next start waits for or clears.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import asyncpg

from sources.ledger.binaries import Binaries, ServerError, find_binaries
from sources.ledger.child import ended, spawn
from sources.ledger.data_directory import PORT, lines_of, prepare, wait_for_previous
from sources.ledger.place import Place, choose_place, reachable
from sources.ledger.sockets import remove_sockets, socket_directory

__all__ = ["Binaries", "DirectoryInUse", "LedgerServer", "ServerError", "find_binaries"]

USER = "whence"
DATABASE = "whence"

_START_SECONDS = 60.0
_LEFTOVER_SECONDS = 30.0
_FAST_SECONDS = 4.0
_IMMEDIATE_SECONDS = 0.5
_LOG_BYTES = 5_000_000
_TAIL_LINES = 5
_USUAL = re.compile(r"LOG:  (starting PostgreSQL|listening on|database system (was|is) )")

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # A container's /dev/shm is often 64 MB, too small for parallel queries; what Whence asks is short.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    # The log stays small, and holds no statement with somebody's values in it.
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] ",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class DirectoryInUse(ServerError):
    """Another process keeps the server of this directory."""


class _StillInUse(ServerError):
    """Processes of a server that was killed have not all noticed yet that it is gone."""


class LedgerServer:
    """A running PostgreSQL that belongs to this process; an async context manager that stops it at the end.

    ``async with await LedgerServer.start(Path(".whence")) as server: await asyncpg.connect(server.dsn)``
    """

    def __init__(self, place: Place, binaries: Binaries, options: Sequence[str], sockets: Path, lock: int) -> None:
        self.place = place
        self.binaries = binaries
        self._options = options
        self._process: subprocess.Popen[bytes]
        self._sockets = sockets
        self._lock: int | None = lock

    @classmethod
    async def start(cls, directory: Path, *, bin_directory: Path | None = None, durable: bool = True) -> LedgerServer:
        """The server whose data is ``directory``/postgres, made if there is none; it answers when this returns.

        ``bin_directory`` names the programs to use instead of the wheel's; ``durable=False`` gives up crash safety for
        speed, for tests. Only one Whence at a time may use a directory. Raises ServerError; then nothing runs.
        """
        if sys.platform == "win32":
            raise ServerError("Whence starts no PostgreSQL of its own on Windows: set WHENCE_DATABASE_URL to a server.")
        binaries = find_binaries(bin_directory)
        try:
            directory = _make(directory)
            place = choose_place(directory)
            lock = _lock(place, directory)
            try:
                return await cls._start(directory, place, reachable(binaries, place), lock, durable)
            except BaseException:
                os.close(lock)
                raise
        except OSError as error:
            raise ServerError(f"The ledger's PostgreSQL cannot use {directory}: {error}") from error

    @classmethod
    async def _start(cls, directory: Path, place: Place, binaries: Binaries, lock: int, durable: bool) -> LedgerServer:
        await prepare(directory, place, binaries, USER)
        await wait_for_previous(place)
        sockets = socket_directory(place)
        settings = {**_SETTINGS, **({} if durable else _FORGETFUL), "unix_socket_directories": f'"{sockets}"'}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = cls(place, binaries, options, sockets, lock)
        try:
            await server._launch()
        except BaseException:
            remove_sockets(sockets, place)
            raise
        return server

    async def restart(self) -> None:
        """Start the server again after it ended by itself, where it was; it answers when this returns. Raises ServerError."""
        await ended(self._process, _FAST_SECONDS)  # seen here before anybody else reaps it
        try:
            await wait_for_previous(self.place)
            await self._launch()
        except OSError as error:
            raise ServerError(f"The ledger's PostgreSQL cannot use {self.place.home}: {error}") from error

    async def _launch(self) -> None:
        deadline = time.monotonic() + _LEFTOVER_SECONDS
        command: list[str | Path] = [self.binaries.postgres, "-D", self.place.data, *self._options]
        while True:
            with _open_log(self.place) as log:
                log_start = log.tell()
                self._process = spawn(command, self.place.account, log, signal.SIGINT)
            try:
                await self._wait_until_ready(log_start)
                await self._make_database()
                return
            except _StillInUse:
                if time.monotonic() > deadline:
                    raise
            except BaseException:
                await self._end_process()
                raise
            await asyncio.sleep(0.2)

    @property
    def dsn(self) -> str:
        """The address for asyncpg: user and database ``whence`` through the unix socket."""
        return self.dsn_of(DATABASE)

    @property
    def url(self) -> str:
        """The address for SQLAlchemy, with the asyncpg driver."""
        return self.dsn.replace("postgresql:", "postgresql+asyncpg:", 1)

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What the server's process ended with, a signal as a negative number; None while it runs."""
        return self._process.poll()

    def dsn_of(self, database: str) -> str:
        """The address for asyncpg of another database on this server."""
        return f"postgresql://{USER}@/{quote(database)}?host={quote(str(self._sockets))}&port={PORT}"

    async def stop(self) -> None:
        """End the server, at most 5 s from now; connections still open are cut. A second call does nothing."""
        if self._lock is None:
            return
        lock, self._lock = self._lock, None
        try:
            await self._end_process()
            remove_sockets(self._sockets, self.place)
        finally:
            os.close(lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _end_process(self) -> None:
        for signal_, seconds in (
            (signal.SIGINT, _FAST_SECONDS),
            (signal.SIGQUIT, _IMMEDIATE_SECONDS),
            (signal.SIGKILL, _IMMEDIATE_SECONDS),
        ):
            if not self.running:
                return
            self._process.send_signal(signal_)
            await ended(self._process, seconds)

    async def _wait_until_ready(self, log_start: int) -> None:
        status = self.place.data / "postmaster.pid"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                said = _said(self.place.log, log_start)
                kind = _StillInUse if "shared memory block" in said else ServerError
                raise kind(f"PostgreSQL did not start: {said} (all of it: {self.place.log})")
            lines = lines_of(status)
            if len(lines) >= 8 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready":
                return
            await asyncio.sleep(0.01)
        raise ServerError(
            f"PostgreSQL was not ready after {_START_SECONDS:.0f} s: {_said(self.place.log, log_start)}. "
            f"If it is recovering much data, start again; all it said is in {self.place.log}."
        )

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self.dsn_of("postgres"), timeout=10)
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f'create database "{DATABASE}"')
        finally:
            await connection.close()


def _make(directory: Path) -> Path:
    """``directory`` as an absolute path, made if need be; root makes it for the owner of the directory above."""
    directory = directory.absolute()
    missing = []
    above = directory
    while not above.exists():
        missing.append(above)
        above = above.parent
    owner = above.stat()
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        if os.geteuid() == 0 and owner.st_uid != 0:
            with suppress(PermissionError):
                os.chown(path, owner.st_uid, owner.st_gid)
    return directory


def _lock(place: Place, directory: Path) -> int:
    """An exclusive lock on the place, held as long as the file stays open."""
    import fcntl  # here, for Windows has none

    lock = _open_for(place, place.home / "postgres.lock", os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise DirectoryInUse(
            f"Another Whence{f' (process {holder})' if holder else ''} is using {directory}. "
            "Stop it first, or give this one another state directory, or set WHENCE_DATABASE_URL for both."
        ) from error
    with suppress(OSError):
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _open_log(place: Place) -> IO[bytes]:
    if place.log.exists() and place.log.stat().st_size > _LOG_BYTES:
        place.log.replace(place.log.with_suffix(".log.1"))
    return os.fdopen(_open_for(place, place.log, os.O_WRONLY | os.O_APPEND, 0o600), "ab")


def _open_for(place: Place, path: Path, flags: int, mode: int) -> int:
    """A file of the server's account: who runs Whence as root once must be able to run it as the owner again."""
    file = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    if place.account.uid is not None and place.account.gid is not None:
        os.fchown(file, place.account.uid, place.account.gid)
    return file


def _said(log: Path, start: int) -> str:
    """The last few lines of the log from byte ``start`` on, without their dates."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read(_LOG_BYTES).decode("utf-8", "replace").splitlines()
    telling = [re.sub(r"^[\d-]+ [\d:.]+ UTC \[\d+\] ", "", line) for line in lines if not _USUAL.search(line)]
    return " / ".join(telling[-_TAIL_LINES:]) or "it said nothing"
