"""PostgreSQL's data directory: made once, checked at every start, and freed of what a crash left in it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from sources.ledger.binaries import Binaries, ServerError
from sources.ledger.child import Condition, condition, ended, spawn
from sources.ledger.place import Place, private_directory

PORT = 5432
"""A socket's name holds a port; nothing listens on TCP."""

_PREVIOUS_SECONDS = 30.0
_INITDB_SECONDS = 60.0


async def prepare(directory: Path, place: Place, binaries: Binaries, user: str) -> None:
    """See that ``place`` has a data directory, of the binaries' version, to which ``directory``/postgres leads.

    A new one belongs to the database user ``user``, sorts by code point and is UTF-8. Raises ServerError.
    """
    link = directory / place.data.name
    if place.home != directory and not link.is_symlink() and place.data.exists():
        # The link to it was removed: somebody wants a new beginning. The old data may still be somebody's.
        place.data.rename(place.home / f"postgres.left-{time.strftime('%Y%m%d-%H%M%S')}")
    if not place.data.exists():
        await _initdb(place, binaries, user)
    if place.home != directory and not link.is_symlink():
        link.symlink_to(place.data)
    version = lines_of(place.data / "PG_VERSION")[:1]
    if not version:
        raise ServerError(f"{place.data} is not a PostgreSQL data directory. Move it away, and start again.")
    if version[0].strip() != str(binaries.major):
        raise ServerError(
            f"The ledger in {place.data} was written by PostgreSQL {version[0].strip()}, and {binaries.origin} "
            f"({binaries.directory}) is {binaries.version}. Name the directory of the former's programs, or convert "
            "the data with pg_upgrade, or move that directory away to begin with an empty ledger."
        )


async def _initdb(place: Place, binaries: Binaries, user: str) -> None:
    unfinished = place.home / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    # Texts sort by code point everywhere. Character classes must know more than ASCII, else pg_trgm drops letters.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    provider = builtin if binaries.major >= 17 else ["--locale-provider=libc"]
    options = ["-U", user, "--auth=trust", "--encoding=UTF8", "--locale=C", *provider]
    said = ""
    for kind in ("C.UTF-8", "en_US.UTF-8", "UTF-8", "C"):
        private_directory(unfinished, place.account)
        command: list[str | Path] = [binaries.initdb, "-D", unfinished, *options, f"--lc-ctype={kind}"]
        with tempfile.TemporaryFile() as output:
            process = spawn(command, place.account, output, signal.SIGTERM)
            try:
                await ended(process, _INITDB_SECONDS)
            finally:
                process.terminate()
                process.wait()
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if process.returncode == 0:
            unfinished.rename(place.data)
            return
        shutil.rmtree(unfinished, ignore_errors=True)
        if "invalid locale" not in said:
            break
    raise ServerError(
        f"initdb of PostgreSQL {binaries.version} made no data directory in {place.home}: "
        f"{' / '.join(said.splitlines()[-3:])}. "
        "Mend what it names, or set WHENCE_DATABASE_URL to a server that runs."
    )


async def wait_for_previous(place: Place) -> None:
    """Wait for a server that an owner's death left shutting down; take away what keeps the next from starting.

    Raises ServerError after 30 s, naming the process.
    """
    status = place.data / "postmaster.pid"
    deadline = time.monotonic() + _PREVIOUS_SECONDS
    signalled = False
    while lines := lines_of(status):
        pid = int(lines[0]) if lines[0].strip().isdecimal() else 0
        found = condition(pid, place.data) if pid else Condition.GONE
        if found is not Condition.SERVER:
            _disown(status, lines)
            if len(lines) > 4 and lines[4].strip():
                socket_lock = Path(lines[4].strip()) / f".s.PGSQL.{PORT}.lock"
                if (old := lines_of(socket_lock)) and old[0].strip() == str(pid):
                    _disown(socket_lock, old)
            return
        if time.monotonic() > deadline:
            raise ServerError(
                f"A PostgreSQL that this Whence did not start (process {pid}) is using {place.data}. "
                f"End it with: kill -INT {pid}"
            )
        if sys.platform != "linux" and not signalled:  # on Linux the kernel has done so
            os.kill(pid, signal.SIGINT)
            signalled = True
        await asyncio.sleep(0.05)


def _disown(path: Path, lines: list[str]) -> None:
    """Write our own process id over that of a dead server.

    PostgreSQL takes a lock file that names its parent for stale, and still looks whether anything uses the shared
    memory that the file names; with the file removed it could not.
    """
    with suppress(FileNotFoundError), path.open("r+") as file:
        file.write("\n".join([str(os.getpid()), *lines[1:], ""]))
        file.truncate()


def lines_of(path: Path) -> list[str]:
    """The lines of a small file; none if there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
