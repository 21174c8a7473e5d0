"""Variants of one product are not one record: colour, size, capacity, voltage, pack count and region tell apart."""

from __future__ import annotations

from sources.ledger.pairs import LINK
from tests.matching_flow.shops import Shops, product

VARIANTS = [
    ("colour", "red", "blue"),
    ("size", "XL", "S"),
    ("capacity", "1.7 l", "1.2 l"),
    ("memory", "16GB", "32 GB"),
    ("voltage", "230 V", "110V"),
    ("pack count", "pack of 2", "10 pack"),
]


async def stocked(shops: Shops) -> None:
    """A stock in which some of everything is said, so that there is something to learn."""
    shops.stock(70)
    for place, (_, one, other) in enumerate(VARIANTS):
        for number in range(100 + place * 12, 106 + place * 12):
            said = product(number)
            for variant, suffix in ((one, "a"), (other, "b")):
                title = f"{said['maker']} {said['word']} {said['kind']} {said['model']} {variant}"
                shops.put("shop", f"s{number}{suffix}", title=title, price=said["price"])
                label = f"{said['maker'].upper()} {said['kind']} {said['model']} {variant}"
                shops.put("wms", f"w{number}{suffix}", title=label, price=said["price"])


async def test_a_variant_is_never_linked_with_its_sister(shops: Shops) -> None:
    await stocked(shops)
    await shops.settle("shop", "wms")
    links = [pair for pair, verdict in (await shops.pairs()).items() if verdict == LINK]
    assert all(left[6:] == right[5:] for left, right in links), [p for p in links if p[0][6:] != p[1][5:]]
    assert len(links) > 70


async def test_a_variant_whose_partner_is_missing_finds_none(shops: Shops) -> None:
    await stocked(shops)
    for place, (what, one, other) in enumerate(VARIANTS):
        said = product(300 + place)
        shops.put("shop", what, title=f"{said['maker']} {said['word']} {said['kind']} {said['model']} {one}")
        shops.put("wms", what, title=f"{said['maker'].upper()} {said['kind']} {said['model']} {other}")
    await shops.settle("shop", "wms")
    for what, _, _ in VARIANTS:
        assert not await shops.one_product(f"shop {what}", f"wms {what}"), what


async def test_a_region_at_the_end_of_a_model_number_tells_apart(shops: Shops) -> None:
    await stocked(shops)
    said = product(301)
    for region in ("UK", "EU", "US"):
        shops.put("wms", f"region{region}", title=f"{said['maker']} {said['kind']} {said['model']}{region}")
    shops.put("shop", "lonely", title=f"{said['maker']} {said['word']} {said['kind']} {said['model']}JP")
    await shops.settle("shop", "wms")
    verdicts = {
        right for (left, right), verdict in (await shops.pairs()).items() if (left, verdict) == ("shop lonely", LINK)
    }
    assert not verdicts
