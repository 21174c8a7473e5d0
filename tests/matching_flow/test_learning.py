"""What is learned of two catalogues: from keys and people where there are any, and again when there is more."""

from __future__ import annotations

import zlib

import pytest

from resolvers.matching.profile import Listing, profile
from resolvers.matching.run import Settings, match_profiles
from resolvers.matching.verdicts import Policy
from resolvers.matching_flow import teaching
from resolvers.matching_flow.counting import LotCounts
from resolvers.matching_flow.learning import Sample, learned
from resolvers.matching_flow.matcher import Matcher
from resolvers.matching_flow.models import packed, unpacked
from sources.ledger.pairs import APART, LINK, SAME
from tests.bench.identity_files import listings
from tests.bench.identity_worlds import office
from tests.matching_flow.shops import Shops


def sample(certain: dict[tuple[str, str], bool] | None = None) -> Sample:
    world = office(22, 60)
    left, right = ([profile(one) for one in listings(side)] for side in (world.left, world.right))
    return Sample(left, right, (len(left), len(right)), certain or {})


def test_a_model_comes_back_as_it_was() -> None:
    found = learned(sample(), Policy(), (None, None))
    again = unpacked(packed(found))
    assert again == found
    assert again.model.version == found.version


@pytest.mark.parametrize("content", [b"", b"no", zlib.compress(b"{}"), zlib.compress(b"[1, 2]")])
def test_what_is_no_model_is_told(content: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        unpacked(content)


def test_a_stricter_policy_links_from_a_higher_chance() -> None:
    loose = learned(sample(), Policy(precision=0.9), (None, None))
    strict = learned(sample(), Policy(precision=0.999), (None, None))
    assert loose.link is not None
    assert strict.link is not None
    assert 0.75 <= loose.link < strict.link
    short = learned(sample(), Policy(queue=0.02), (None, None))
    assert short.review > learned(sample(), Policy(queue=1.0), (None, None)).review


def test_what_is_declared_of_a_catalogue_is_not_learned() -> None:
    assert learned(sample(), Policy(), (True, False)).model.once == (True, False)


def test_the_ledger_s_counts_go_before_the_sample_s() -> None:
    model = learned(sample(), Policy(), (None, None)).model
    code = next(code for code, count in model.vocabulary.codes[0].items() if count == 1)
    counts = LotCounts(model)
    assert counts.model.vocabulary.pairs_of_code(code) == model.vocabulary.pairs_of_code(code)
    counts.note(0, f"c:{code}", 7)
    counts.note(1, f"c:{code}", 3)
    counts.note(1, "i:gtin:4006381333931", 5)
    assert counts.model.vocabulary.pairs_of_code(code) == 21
    assert counts.model.vocabulary.pairs_of_value("gtin", "4006381333931") == 5
    assert counts.model.vocabulary.pairs_of_code("never seen") == 1


async def certain(shops: Shops) -> int:
    count: int = await shops.pool.fetchval("select certain from match_models order by number desc limit 1")
    return count


async def test_keys_teach_and_those_they_left_over_are_not_linked_for_want_of_others(shops: Shops) -> None:
    shops.stock(70)
    for number in range(60):
        for source, letter in (("shop", "s"), ("wms", "w")):
            shops.house.systems[source].edit(f"{letter}{number}", sku=f"K-{number}")
    for place, word in enumerate(("voucher", "poster", "catalogue")):
        shops.put("shop", f"odd{place}", title=f"Halloran {word}")
        shops.put("wms", f"odd{place}", title=f"HALLORAN {('pallet', 'crate', 'sample')[place]}")
    await shops.settle("shop", "wms")
    assert await certain(shops) == 60
    pairs = await shops.pairs()
    assert not any(verdict == LINK and "odd" in left + right for (left, right), verdict in pairs.items())
    assert sum(verdict == LINK for verdict in pairs.values()) >= 8  # of the ten that no key joins
    assert not any(f"shop s{number}" == left for left, _ in pairs for number in range(60))
    odd = await shops.pool.fetchval("select max(probability) from match_pairs where left_record like 'odd%'")
    assert odd is None or odd < 0.5


async def test_people_teach_and_it_is_learned_anew_when_they_have_said_enough(shops: Shops) -> None:
    shops.stock(60)
    await shops.settle("shop", "wms")
    models = "select count(*) from match_models where left_source = 'shop' and right_source = 'wms'"
    assert await shops.pool.fetchval(models) == 1
    for number in range(9):
        await shops.decide(f"shop s{number}", f"wms w{number}", SAME)
    shops.stock(1, 80)
    await shops.settle("shop", "wms")
    assert await shops.pool.fetchval(models) == 1
    await shops.decide("shop s20", "wms w21", APART)
    shops.stock(1, 81)
    await shops.settle("shop", "wms")
    assert await shops.pool.fetchval(models) == 2
    assert await certain(shops) == 10


async def test_it_is_learned_anew_when_a_catalogue_has_doubled(shops: Shops) -> None:
    shops.stock(40)
    await shops.settle("shop", "wms")
    shops.stock(45, 40, wms=False)
    done = await shops.settle("shop")
    assert done.matched == 40 + 85  # all of them, by the new weights
    versions = await shops.pool.fetch("select version from match_models order by number")
    assert len(versions) == 2
    used = await shops.pool.fetch("select distinct rule_version from match_pairs")
    assert [row[0] for row in used] == [versions[1][0]]


async def test_a_large_catalogue_is_learned_from_a_sample(shops: Shops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "WHOLE", 50)
    monkeypatch.setattr(teaching, "SEEDS", 60)
    monkeypatch.setattr(teaching, "COUNTED", 70)
    monkeypatch.setattr(teaching, "PAGE", 20)
    seen: list[Sample] = []
    whole = learned

    def watched(one: Sample, *rest: object) -> object:
        seen.append(one)
        return whole(one, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(teaching, "learned", watched)
    shops.stock(120)
    await shops.settle("shop", "wms")
    (one,) = seen
    assert len(one.left) <= 70
    assert len(one.right) <= 4 * 70
    assert one.sizes == (120, 120)
    links = {pair for pair, verdict in (await shops.pairs()).items() if verdict == LINK}
    assert all(left[6:] == right[5:] for left, right in links)
    assert len(links) >= 100
    # the same sample whenever the same records are there
    await shops.pool.execute("delete from match_models")
    await shops.pool.execute("insert into match_due (source, record_id) values ('shop', 's1')")
    await Matcher(shops.pool, shops.house.ownership).catch_up()
    assert [p.key for p in seen[1].left] == [p.key for p in one.left]
    assert {p.key for p in seen[1].right} == {p.key for p in one.right}


def test_a_listing_that_says_nothing_is_no_trouble() -> None:
    few = [profile(Listing(str(number), "")) for number in range(40)]
    found = learned(Sample(few, few, (40, 40), {}), Policy(), (None, None))
    assert found.link is not None


def test_certain_pairs_teach_what_matches_look_like() -> None:
    plain, taught = sample(), sample(dict.fromkeys(office(22, 60).pairs, True))
    without, with_ = learned(plain, Policy(), (True, True)), learned(taught, Policy(), (True, True))
    assert without.model.weights.m != with_.model.weights.m
    apart = learned(sample(dict.fromkeys(office(22, 60).pairs, False)), Policy(), (True, True))
    assert apart.model.weights.m not in (without.model.weights.m, with_.model.weights.m)


def test_those_that_keys_left_over_are_less_likely_to_have_a_partner() -> None:
    taught = sample(dict.fromkeys(office(22, 60).pairs, True))
    sides = (sorted(taught.left, key=lambda one: one.key), sorted(taught.right, key=lambda one: one.key))
    whole = match_profiles(sides, Settings(Policy(), (True, True)), taught.certain)
    assert learned(taught, Policy(), (True, True)).model.weights.activity < whole.model.weights.activity / 2
