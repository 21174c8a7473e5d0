"""Finding the embedded PostgreSQL that another process keeps running, to work beside it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from sources.ledger.child import Condition, condition
from sources.ledger.data_directory import PORT, lines_of
from sources.ledger.place import DATA, choose_place
from sources.ledger.server import DATABASE, USER

_SOCKETS = 4
_STATUS = 7


def running_server(directory: Path) -> str | None:
    """The URL of the server whose data is ``directory``/postgres, as ``LedgerServer.url`` gives it; None where none
    answers. It ends with the process that started it. Raises ServerError where this user may not use the data."""
    directory = directory.absolute()
    if not (directory / DATA).exists():
        return None
    data = choose_place(directory).data
    lines = [line.strip() for line in lines_of(data / "postmaster.pid")]
    if len(lines) <= _STATUS or lines[_STATUS] != "ready" or not lines[0].isdecimal():
        return None
    if condition(int(lines[0]), data) is not Condition.SERVER:
        return None
    return f"postgresql+asyncpg://{USER}@/{DATABASE}?host={quote(lines[_SOCKETS])}&port={PORT}"
