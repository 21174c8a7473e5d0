"""A Whence that owns a server, to be killed, and what a test asks a server."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg

from sources.ledger.place import Account
from sources.ledger.server import LedgerServer

CHECKOUT = Path(__file__).resolve().parents[2]

_OWNER = """
    import asyncio, encodings.idna, getpass, os, sys, tempfile
    from pathlib import Path
    import asyncpg
    from sources.ledger.server import LedgerServer

    directory, bin_directory, uid, gid = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if uid >= 0:
        os.setgroups([]); os.setgid(gid); os.setuid(uid)

    async def own():
        server = await LedgerServer.start(directory, bin_directory=Path(bin_directory) if bin_directory else None)
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create table if not exists kept (number int)")
        await connection.execute("insert into kept values (1)")
        print(server.pid, server.place.home, flush=True)
        await asyncio.sleep(60)

    asyncio.run(own())
"""


def owner_of(
    directory: Path, bin_directory: Path | None = None, account: Account | None = None
) -> subprocess.Popen[str]:
    """A process that starts a server as ``account`` (None: as this user), writes a row, prints the server's pid and place."""
    ran_by = account or Account()
    uid, gid = (-1 if number is None else number for number in (ran_by.uid, ran_by.gid))
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_OWNER), str(directory), str(bin_directory or ""), str(uid), str(gid)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_on(data: Path) -> list[int]:
    """The servers that run on a data directory, zombies left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(data) in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


async def count_kept(server: LedgerServer) -> int:
    connection = await asyncpg.connect(server.dsn)
    try:
        return int(await connection.fetchval("select count(*) from kept"))
    finally:
        await connection.close()


async def keep(server: LedgerServer) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("create table if not exists kept (number int)")
    await connection.execute("insert into kept values (1)")
    await connection.close()


async def socket_directory(server: LedgerServer) -> Path:
    return Path((await setting(server, "unix_socket_directories")).strip('"'))


async def setting(server: LedgerServer, name: str) -> str:
    connection = await asyncpg.connect(server.dsn)
    try:
        return str(await connection.fetchval(f"show {name}"))
    finally:
        await connection.close()


def an_ordinary_account() -> Account:
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)
