"""Linking in the ledger: whatever the order of sources, batches and edits, the same products; and ids that stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.values import JSON
from tests.resolvers.ledger_invariants import check_ledger, links, product_ids
from tests.resolvers.memory_source import House

CATALOGUES = ("erp", "wms", "pim")
SOURCES = (*CATALOGUES, "crm")
GTINS = ("4006381333931", "0036000291452", "96385074", "40063813339313")
"""Valid ones; the last is the first's with a wrong check digit."""
SKUS = ("S-1", "S-2", "S-3")
PARTS = (("Brewster", "KE 1700"), ("Brewster", "KE 1800"), ("Acme", "KE 1700"))

Documents = Mapping[str, Mapping[str, JSON]]

columns = st.fixed_dictionaries(
    {},
    optional={
        "gtin": st.sampled_from(GTINS),
        "sku": st.sampled_from(SKUS),
        "part": st.sampled_from(PARTS),
    },
).map(
    lambda one: (
        {k: v for k, v in one.items() if k != "part"} | dict(zip(("brand", "mpn"), one.get("part", ()), strict=False))
    )
)
catalogue = st.lists(columns, max_size=4)
everything = st.fixed_dictionaries(dict.fromkeys(SOURCES, catalogue))


async def ingest(
    house: House, content: Mapping[str, Sequence[Mapping[str, JSON]]], order: Sequence[str], page: int, backwards: bool
) -> None:
    await house.empty()
    for name in order:
        records = list(enumerate(content[name]))
        for number, one in reversed(records) if backwards else records:
            house.systems[name].put(f"{name[0]}{number}", **one)
        house.systems[name].page = page
        await house.sync_all([name])


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    content=everything,
    order=st.permutations(SOURCES),
    page=st.sampled_from([1, 2, 1000]),
    backwards=st.booleans(),
)
async def test_neither_partition_nor_ids_depend_on_the_order(standing_house, content, order, page, backwards):
    house = standing_house
    await ingest(house, content, SOURCES, 1000, backwards=False)
    first, ids = await links(house), await product_ids(house)
    await check_ledger(house)
    await ingest(house, content, order, page, backwards)
    await check_ledger(house)
    assert await links(house) == first
    assert await product_ids(house) == ids
