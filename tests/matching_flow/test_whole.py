"""Whole runs beside what the change flow has linked: neither undoes what the other knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sources.ledger.pairs import LINK, REVIEW
from tests.matching_flow.shops import Shops, open_shops

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from resolvers.matching_whole.catalogues import Change

pytestmark = pytest.mark.needs("match")
DEPOT = """\
[sources.depot]
title = "Depot"
connector = "sql"
url = "sqlite:///depot.db"
from = "depot"
key = "id"
names = ["label"]
[sources.depot.identifiers]
gtin = "gtin"

[fields.name]
"""


@pytest_asyncio.fixture(loop_scope="session")
async def with_depot(database_url: str) -> AsyncIterator[Shops]:
    """Shops with a fourth catalogue."""
    async with open_shops(database_url, ("[fields.name]\n", DEPOT)) as opened:
        yield opened


async def nothing() -> None:
    """What happens while a run is at it."""


async def run(shops: Shops, directory: Path, meanwhile: Callable[[], Awaitable[object]] = nothing) -> list[Change]:
    """The shop and the warehouse matched as a whole; what that changed. ``meanwhile`` happens when all is read."""
    from resolvers.matching_whole.applying import write_lot
    from resolvers.matching_whole.catalogues import CatalogueRun
    from resolvers.matching_whole.run import Resources

    ownership = shops.house.ownership
    assert ownership.matching is not None
    whole = CatalogueRun(
        shops.pool, ownership, ownership.matching, ("shop", "wms"), directory, resources=Resources(1, 200)
    )
    await whole.find()
    await meanwhile()
    found = []
    async for _, lot in whole.changes():
        found += lot
        await write_lot(shops.pool, ownership, whole.version, lot)
    whole.remove()
    return found


async def test_what_matching_joined_stays_open_whatever_keys_each_side_has(with_depot: Shops, tmp_path: Path) -> None:
    shops = with_depot
    shops.stock(60)
    shops.house.systems["shop"].edit("s7", gtin="4006381333931")
    shops.house.systems["wms"].edit("w7", gtin="5901234123457")
    shops.put("hall", "h7", label="Box", gtin="4006381333931")
    shops.put("depot", "d7", label="Crate", gtin="5901234123457")
    await shops.settle()
    assert await shops.verdict("shop s7", "wms w7") == LINK
    assert await shops.one_product("shop s7", "wms w7", "hall h7", "depot d7")
    changes = await run(shops, tmp_path / "run")
    assert [one.kind for one in changes if one.pair.left.id == "s7" and one.pair.right.id == "w7"] == ["LINK"]
    assert await shops.one_product("shop s7", "wms w7", "hall h7", "depot d7")


async def test_what_moved_since_it_was_read_is_left_to_the_flow(with_depot: Shops, tmp_path: Path) -> None:
    shops = with_depot
    shops.stock(60)
    shops.stock(1, 60, wms=False)
    await shops.sync()

    async def meanwhile() -> None:
        shops.put("wms", "w7", title="a thing of another kind")
        shops.stock(1, 60)
        await shops.settle()
        assert await shops.verdict("shop s60", "wms w60") == LINK
        await shops.pool.execute("delete from match_pairs where left_record = 's8'")

    await run(shops, tmp_path / "run", meanwhile)
    assert await shops.verdict("shop s7", "wms w7") is None
    assert not await shops.one_product("shop s7", "wms w7")
    assert await shops.verdict("shop s60", "wms w60") == LINK
    assert await shops.one_product("shop s60", "wms w60")
    assert await shops.verdict("shop s8", "wms w8") == LINK


async def test_a_run_by_a_map_that_is_superseded_writes_nothing(with_depot: Shops, tmp_path: Path) -> None:
    from resolvers.matching_whole.applying import Superseded

    shops = with_depot
    shops.stock(60)
    await shops.sync()

    async def meanwhile() -> None:
        await shops.pool.execute(
            "insert into map_versions (digest, taken_at, declared, effects) values ('another', now(), '{}', '[]')"
        )

    with pytest.raises(Superseded):
        await run(shops, tmp_path / "run", meanwhile)
    assert not await shops.pairs()


async def test_a_question_that_a_shared_key_leaves_stays_however_faint(shops: Shops, tmp_path: Path) -> None:
    shops.stock(60)
    for number in (11, 12):
        shops.house.systems["shop"].edit(f"s{number}", gtin="4006381333931")
    shops.house.systems["wms"].edit("w11", gtin="4006381333931")
    await shops.settle()
    assert await shops.verdict("shop s12", "wms w11") == REVIEW
    changes = await run(shops, tmp_path / "run")
    assert await shops.verdict("shop s12", "wms w11") == REVIEW, [one for one in changes if one.kind == "DROP"]
