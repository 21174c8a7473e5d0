"""``[identity.matching]``: what it takes for granted, and what it says about mistakes."""

from __future__ import annotations

import pytest

from resolvers.map_changes import Takes, _takes
from resolvers.map_file import MapError, parse_map
from tests.matching_flow.shops import shops_map, specimen

TABLE = "[identity.matching]\n"
MISTAKES = [
    # what it says · where · what was found · what to write instead
    ("nmae = 'name'", "identity.matching.nmae", "unknown key", '"name"'),
    ("on = 'yes please'", "identity.matching.on", "", "true or false"),
    ("name = 'titel'", "identity.matching.name", '"titel", which is no declared field', "name"),
    ("name = 'price'", "identity.matching.name", '"price", a field of type money', "type text"),
    ("price = 'name'", "identity.matching.price", "a field of type text", "money or number"),
    ("attributes = ['brand', 'brand']", "identity.matching.attributes[1]", "for the second time", "once"),
    ("attributes = ['colour']", "identity.matching.attributes[0]", "no declared field", "field"),
    ("sources = ['shop']", "identity.matching.sources", "one source", "at least two"),
    ("sources = []", "identity.matching.sources", "no source", "at least two"),
    ("sources = ['shop', 'wmz']", "identity.matching.sources[1]", '"wmz", which is no declared source', '"wms"'),
    ("sources = ['shop', 'tickets']", "identity.matching.sources[1]", "notes about products", "shop"),
    ("sources = ['shop', 'wms', 'shop']", "identity.matching.sources[2]", "for the second time", "once"),
    ("once = { wmz = true }", "identity.matching.once.wmz", "no declared source", '"wms"'),
    (
        "sources = ['shop', 'wms']\nonce = { hall = true }",
        "identity.matching.once.hall",
        "not among its sources",
        "wms",
    ),
    ("once = { wms = 3 }", "identity.matching.once.wms", "number 3", "true or false"),
    ("link = 1.5", "identity.matching.link", "1.5", "1"),
    ("link = 0.2", "identity.matching.link", "0.2", "0.5"),
    ("review = 0.9", "identity.matching.review", "0.9", "0.5"),
    ("queue = -1", "identity.matching.queue", "-1", "0"),
]


@pytest.mark.parametrize(("said", "path", "found", "instead"), MISTAKES, ids=[one[0] for one in MISTAKES])
def test_a_mistake_is_named_with_its_place(said: str, path: str, found: str, instead: str) -> None:
    with pytest.raises(MapError) as caught:
        parse_map(specimen((TABLE, f"{TABLE}{said}\n")), {})
    mistakes = caught.value.mistakes
    assert [one.path for one in mistakes] == [path]
    assert found in mistakes[0].found
    assert instead in mistakes[0].instead


def test_one_catalogue_has_nothing_to_be_matched_with() -> None:
    alone = specimen(
        ('[sources.wms]\ntitle = "Warehouse"', '[sources.wms]\ntitle = "Warehouse"\nper_product = "many"'),
        ('[sources.hall]\ntitle = "Wholesaler"', '[sources.hall]\ntitle = "Wholesaler"\nper_product = "many"'),
    )
    with pytest.raises(MapError, match="fewer than two catalogues"):
        parse_map(alone, {})
    assert parse_map(alone.replace(TABLE, f"{TABLE}on = false\n"), {}).matching is None


def test_what_it_takes_for_granted() -> None:
    found = shops_map().matching
    assert found is not None
    assert found.sources == ("shop", "wms", "hall")
    assert (found.name, found.description, found.brand, found.category, found.price) == (
        "name",
        "description",
        "brand",
        None,
        "price",
    )
    assert found.attributes == ("capacity",)
    assert found.policy.precision == 0.97
    assert found.locales["name"] == ("en", "de", None)


def test_the_language_that_most_sources_have_comes_first() -> None:
    german = ('name = { path = "title", locale = "en" }', 'name = { path = "title", locale = "de" }')
    alone = ('name = [{ path = "title", locale = "en" }, { path', "name = [{ path")
    found = shops_map(german).matching
    assert found is not None
    assert found.locales["name"] == ("de", "en", None)
    found = shops_map(alone).matching
    assert found is not None
    assert found.locales["name"][2] is None


def test_without_the_table_nothing_is_matched() -> None:
    assert shops_map((TABLE, "")).matching is None


def test_thresholds_do_not_change_what_is_read_of_a_record() -> None:
    plain, strict = shops_map().matching, shops_map((TABLE, f"{TABLE}link = 0.99\n")).matching
    other = shops_map((TABLE, f"{TABLE}attributes = []\n")).matching
    assert plain is not None
    assert strict is not None
    assert other is not None
    assert plain.reading == strict.reading != other.reading
    assert shops_map().digest != shops_map((TABLE, f"{TABLE}link = 0.99\n")).digest


def test_a_change_of_matching_relinks_nothing_by_itself() -> None:
    assert _takes(("identity", "matching", "link"), 0.97, 0.99) is Takes.NOTHING
    assert _takes(("identity", "keys"), ["gtin"], ["sku"]) is Takes.RELINK
