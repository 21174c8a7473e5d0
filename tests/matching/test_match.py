"""Two catalogues matched: what is linked and what is not, and that nothing depends on order."""

from __future__ import annotations

from random import Random

import pytest

from resolvers.matching.candidates import MAX_CANDIDATES, Index
from resolvers.matching.profile import Listing, profile
from resolvers.matching.run import Matching, Settings, match
from resolvers.matching.verdicts import Verdict
from tests.bench.identity import score
from tests.bench.identity_files import listings
from tests.bench.identity_worlds import World, bicycles, fashion, office, software

SMALL: list[World] = [fashion(21, 60), office(22, 80), software(23, 90)]


def links(found: Matching) -> dict[tuple[str, str], float]:
    return {(one.left, one.right): one.probability for one in found.pairs if one.verdict is Verdict.LINK}


@pytest.mark.parametrize("world", SMALL, ids=lambda world: world.name)
def test_links_are_right_and_many_in_catalogues_of_other_kinds(world: World) -> None:
    told = score(match(listings(world.left), listings(world.right)), world.pairs)
    assert told.precision >= 0.93
    assert told.recall >= 0.5
    assert told.with_review >= 0.7
    assert told.queue <= 0.15 * min(len(world.left), len(world.right))


@pytest.fixture(scope="module")
def matched() -> Matching:
    return match(listings(SMALL[0].left), listings(SMALL[0].right))


def test_the_order_of_records_means_nothing(matched: Matching) -> None:
    left, right = listings(SMALL[0].left), listings(SMALL[0].right)
    Random(1).shuffle(left)
    Random(2).shuffle(right)
    again = match(left, right)
    assert again.pairs == matched.pairs
    assert again.model.version == matched.model.version


def test_the_sides_mean_nothing(matched: Matching) -> None:
    turned = match(listings(SMALL[0].right), listings(SMALL[0].left))
    assert {(b, a) for a, b in links(turned)} == links(matched).keys()
    before = {(one.left, one.right): one.probability for one in matched.pairs}
    after = {(one.right, one.left): one.probability for one in turned.pairs}
    assert after == pytest.approx(before, abs=1e-6)


def test_a_link_says_why(matched: Matching) -> None:
    first = next(one for one in matched.pairs if one.verdict is Verdict.LINK)
    why = matched.why(first)
    assert [abs(one.weight) for one in why] == sorted((abs(one.weight) for one in why), reverse=True)
    assert {"name", "colour"} <= {one.comparison for one in why}
    assert all(0 <= one.accident <= 1 for one in why)
    assert matched.model.version.startswith("matching 1.")


def test_a_variant_is_not_linked() -> None:
    world = SMALL[0]
    sold = {row["id"]: row["name"] for row in world.right}
    kept = [row for row in world.right if "Size M" not in row["name"]]
    orphans = {left for left, right in world.pairs if "Size M" in sold[right]}
    found = links(match(listings(world.left), listings(kept)))
    assert len(orphans) >= 10
    assert not orphans & {left for left, _ in found}


def test_a_catalogue_that_lists_several_times_is_found_out() -> None:
    world = fashion(24, 80, again=0.4)
    found = match(listings(world.left), listings(world.right))
    assert found.model.once == (True, False)
    assert score(found, world.pairs).precision >= 0.95
    declared = match(listings(world.left), listings(world.right), Settings(once=(True, True)))
    taken = [right for _, right in links(declared)]
    assert len(taken) == len(set(taken))


def test_a_catalogue_that_takes_offers_of_several_shops_is_found_out_though_their_words_differ() -> None:
    world = office(22, 120)
    random = Random(3)
    seller = [
        "boxed",
        "sealed",
        "original",
        "stock",
        "express",
        "sale",
        "bulk",
        "outlet",
        "best",
        "value",
        "fresh",
        "depot",
    ]
    numbers = {row["id"]: row["mpn"] for row in world.left}
    partner = {right: left for left, right in world.pairs}
    offers: list[dict[str, str]] = []
    pairs = set(world.pairs)
    for at, row in enumerate(world.right):
        left = partner.get(row["id"])
        if left is not None and numbers[left] and at % 5 < 3:
            words = [*row["name"].split(), numbers[left], *random.sample(seller, 2)]
            random.shuffle(words)
            offers += [{"id": f"o{at}", "name": " ".join(words)}]
            pairs.add((left, f"o{at}"))
    found = match(listings(world.left), listings([*world.right, *offers]))
    told = score(found, frozenset(pairs))
    assert found.model.once == (True, False)
    assert told.precision > 0.95
    assert told.recall > 0.6


def test_a_year_size_or_placeholder_links_nothing() -> None:
    left = [
        Listing(f"a{at}", f"Lamp model 2009 {kind}", brand="N/A", identifiers={"gtin": "0000000000000"})
        for at, kind in enumerate(["oak", "elm", "ash", "yew", "fir"])
    ]
    right = [
        Listing(f"b{at}", f"Chair edition 2009 {kind}", brand="N/A", identifiers={"gtin": "0000000000000"})
        for at, kind in enumerate(["red", "tan", "sky", "ink", "fog"])
    ]
    assert links(match(left, right)) == {}


@pytest.mark.parametrize(("left", "right"), [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_small_catalogues(left: int, right: int) -> None:
    found = match(
        [Listing(f"a{at}", "Kettle") for at in range(left)], [Listing(f"b{at}", "Kettle") for at in range(right)]
    )
    assert len(found.pairs) == left * right


def test_names_of_nothing_are_no_candidates() -> None:
    assert match([Listing("a", ""), Listing("b", "---")], [Listing("c", ""), Listing("d", "!!!")]).pairs == ()


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two records with the key 'a'"):
        match([Listing("a", "Kettle"), Listing("a", "Pot")], [])


def test_many_identical_titles_cost_little_and_link_nothing() -> None:
    crowd = [profile(Listing(f"{at:05}", "USB cable black")) for at in range(10_000)]
    index = Index(crowd)
    assert index.candidates(crowd[0]) == []
    assert len(Index(crowd[:300]).candidates(crowd[0])) == MAX_CANDIDATES
    same = [Listing(f"a{at:04}", "USB cable black") for at in range(1500)]
    found = match(same, [Listing(f"b{one.key}", one.name) for one in same])
    assert len(found.pairs) <= 2 * MAX_CANDIDATES * len(same)
    assert links(found) == {}


@pytest.mark.needs("product-data")
def test_a_real_makers_variants_are_told_apart() -> None:
    world = bicycles()
    told = score(match(listings(world.left), listings(world.right)), world.pairs)
    assert told.precision >= 0.97
    assert told.recall >= 0.9


def test_many_identical_titles_spoil_nothing_that_is_learned() -> None:
    def catalogues(copies: int) -> tuple[list[Listing], list[Listing]]:
        left = [Listing(f"s{n}", f"Maker{n % 5} quiet kettle MK{1000 + n * 37}X", price=20 + n) for n in range(50)]
        right = [Listing(f"w{n}", f"MAKER{n % 5} MK-{1000 + n * 37}X kettle", price=20 + n) for n in range(50)]
        left += [Listing(f"z{n:04}", "Replacement gasket", price=3.5) for n in range(copies)]
        return left, right

    links = {
        copies: {(one.left, one.right) for one in match(*catalogues(copies)).pairs if one.verdict is Verdict.LINK}
        for copies in (0, 400)
    }
    assert len(links[0]) == 50
    assert links[400] == links[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lumina Frame 30x40 oak", "Lumina Poster 30x40"),
        ("Voltix LED Bulb VL9 2-pack", "Voltix LED Bulb VL9"),
        ("Kestrel Speaker KS55 18V", "Kestrel Speaker KS55 12V"),
    ],
)
def test_a_size_or_a_pack_is_no_model_number_and_tells_apart(one: str, other: str) -> None:
    left = [Listing(f"s{n}", f"Maker{n % 5} quiet kettle MK{1000 + n * 37}X", price=20 + n) for n in range(50)]
    right = [Listing(f"w{n}", f"MAKER{n % 5} MK-{1000 + n * 37}X kettle", price=20 + n) for n in range(50)]
    found = match([*left, Listing("one", one)], [*right, Listing("other", other)])
    assert ("one", "other") not in {(pair.left, pair.right) for pair in found.pairs if pair.verdict is Verdict.LINK}
