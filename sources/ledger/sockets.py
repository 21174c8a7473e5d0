"""Where the socket of the ledger's own PostgreSQL is."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from sources.ledger.binaries import ServerError
from sources.ledger.data_directory import PORT
from sources.ledger.place import Place, is_private, private_directory

_SOCKET_BYTES = 107


def socket_directory(place: Place) -> Path:
    """The data directory, which is private already, or a short one where its path is too long for a socket."""
    name = len(f"/.s.PGSQL.{PORT}")
    if len(os.fsencode(place.data)) + name <= _SOCKET_BYTES and re.fullmatch(r"[\w/. -]+", str(place.data), re.ASCII):
        return place.data
    mark = hashlib.sha256(os.fsencode(place.data)).hexdigest()[:8]
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108
        path = Path(parent) / f"whence-{mark}"
        if len(os.fsencode(path)) + name <= _SOCKET_BYTES:
            with suppress(FileExistsError):
                private_directory(path, place.account)
            if is_private(path, place.account) and place.account.allows(': > "$1/probe" && rm "$1/probe"', path):
                return path
    raise ServerError(
        f"No directory for the server's socket: {place.data} is too long a path, and /tmp cannot be used."
    )


def remove_sockets(sockets: Path, place: Place) -> None:
    """Take away a directory that :func:`socket_directory` made."""
    if sockets != place.data:
        shutil.rmtree(sockets, ignore_errors=True)
