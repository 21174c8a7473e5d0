"""Where the server's data goes, and as whom it runs: private directories, root, other users, long paths."""

from __future__ import annotations

import shutil
from pathlib import Path

import asyncpg
import pytest

from sources.ledger.binaries import find_binaries
from sources.ledger.server import LedgerServer
from tests.ledger.servers import (
    an_ordinary_account,
    count_kept,
    keep,
    owner_of,
    socket_directory,
)


@pytest.mark.parametrize("name", ["d" * 60 + "/" + "e" * 60, "with space", "Wärme, 'Küche'"])
async def test_any_path_will_do(open_directory: Path, name: str) -> None:
    directory = open_directory / name
    async with await LedgerServer.start(directory) as server:
        sockets = await socket_directory(server)
        assert sockets.stat().st_mode & 0o077 == 0
        assert server.place.data == directory / "postgres"
    assert sockets == server.place.data or not sockets.exists(), "its socket's directory was left behind"


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
    owner = owner_of(used_directory, account=an_ordinary_account())
    said = owner.communicate(timeout=30)[1]
    assert owner.returncode != 0
    assert "ServerError" in said
    assert "belongs to uid" in said
