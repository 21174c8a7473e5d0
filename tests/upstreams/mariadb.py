"""A MariaDB of the tests' own: in a directory that goes away, on a free port of 127.0.0.1, started as no service."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.upstreams.silence import closed_port

USER = "whence"
PASSWORD = "s3cret-Pa55"
_ACCOUNTS = ("mysql", "nobody")
_START_SECONDS = 60.0


@dataclass
class MariaDB:
    """A running server; an async context manager that ends it. ``url`` names the database ``shop``."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    async def start(cls) -> Self:
        """Makes and starts one. Needs ``mariadbd`` and ``mariadb-install-db`` on the PATH."""
        directory = Path(tempfile.mkdtemp(prefix="whence-mariadb-"))
        server = cls(directory, closed_port())
        try:
            directory.chmod(0o755)
            data = directory / "data"
            data.mkdir()
            if os.geteuid() == 0:
                account = pwd.getpwnam(server._account())
                os.chown(data, account.pw_uid, account.pw_gid)
            await server._install(data)
            await server.resume()
        except BaseException:
            await server.stop()
            raise
        return server

    @property
    def url(self) -> str:
        """The address for SQLAlchemy, without a driver."""
        return f"mariadb://{USER}:{PASSWORD}@127.0.0.1:{self.port}/shop"

    async def resume(self) -> None:
        """Starts the server over the data that are there, and waits until it answers."""
        data = self.directory / "data"
        start = self.directory / "start.sql"
        start.write_text(
            "create database if not exists shop character set utf8mb4;\n"
            f"create or replace user '{USER}'@'%' identified by '{PASSWORD}';\n"
            f"grant all on *.* to '{USER}'@'%';\n"
        )
        log = (self.directory / "log").open("ab")
        self.process = subprocess.Popen(
            [
                "mariadbd",
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={data / 'socket'}",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                f"--pid-file={data / 'pid'}",
                f"--init-file={start}",
                "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
                "--skip-log-bin",
                *self._as_whom(),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
        )
        log.close()
        await self._wait_until_ready()

    async def stop(self) -> None:
        """Ends the server and removes its directory."""
        await self.pause()
        shutil.rmtree(self.directory, ignore_errors=True)

    async def pause(self) -> None:
        """Ends the server and keeps its data."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait, 20)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _install(self, data: Path) -> None:
        command = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *self._as_whom(),
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed: {done.stderr or done.stdout}")

    async def _wait_until_ready(self) -> None:
        async with asyncio.timeout(_START_SECONDS):
            while True:
                assert self.process is not None
                if self.process.poll() is not None:
                    raise RuntimeError(f"mariadbd ended: {(self.directory / 'log').read_text()[-2000:]}")
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                await writer.wait_closed()
                return

    @staticmethod
    def _account() -> str:
        names = {entry.pw_name for entry in pwd.getpwall()}
        return next(name for name in _ACCOUNTS if name in names)

    def _as_whom(self) -> list[str]:
        return [f"--user={self._account()}"] if os.geteuid() == 0 else []
