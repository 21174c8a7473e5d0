"""What changed between two maps, and what it takes, is told from what is kept of the old one."""

from __future__ import annotations

import orjson
import pytest

from resolvers.map_changes import MapChange, SourceReading, Takes, compare, keep_map, readings
from resolvers.ownership import OwnershipMap
from resolvers.recording import Recorder
from sources.values import JSON
from tests.resolvers.memory_source import house_map

KEY = b"k" * 32


def kept(ownership: OwnershipMap) -> dict[str, JSON]:
    """As the ledger gives it back: the members of its objects in another order."""
    form: dict[str, JSON] = orjson.loads(
        orjson.dumps(keep_map(ownership, Recorder(ownership).mappings, KEY), option=orjson.OPT_SORT_KEYS)
    )
    return form


def changed(*changes: tuple[str, str]) -> list[MapChange]:
    """From the house's map to one with texts of it replaced."""
    ownership = house_map(*changes)
    return list(compare(kept(house_map()), keep_map(ownership, Recorder(ownership).mappings, KEY)))


@pytest.mark.parametrize(
    ("old", "new", "path", "takes"),
    [
        ('tolerance = "1%"', 'tolerance = "2%"', "fields.weight.tolerance", Takes.NOTHING),
        ('max_age = "30d"', 'max_age = "3d"', "fields.price.max_age", Takes.NOTHING),
        ('steward = { name = "Pricing" }', 'steward = { name = "Sales" }', "fields.price.steward.name", Takes.NOTHING),
        ('writers = ["wms", "erp"]', 'writers = ["wms"]', "fields.weight.writers", Takes.NOTHING),
        ('title = "ERP"', 'title = "SAP"', "sources.erp.title", Takes.NOTHING),
        ('from = "erp"', 'from = "erp"\nread = "live"', "sources.erp.read", Takes.NOTHING),
        ('from = "erp"', 'from = "erp"\ndeadline = "9s"', "sources.erp.deadline", Takes.NOTHING),
        ('from = "erp"', 'from = "erp"\nsync = { every = "9s" }', "sources.erp.sync", Takes.NOTHING),
        ("[audiences.storefront]", "[audiences.storefront]\n[audiences.support]", "audiences.support", Takes.NOTHING),
        ('locales = ["en", "de"]', 'locales = ["de"]', "content.locales", Takes.NOTHING),
        ('unit = "lb" }', 'unit = "kg" }', "sources.erp.fields.weight.unit", Takes.REMAP),
        ('stock = "stock"', 'stock = "left"', "sources.erp.fields.stock", Takes.REMAP),
        ('stock = "stock"', 'stock = { path = "left" }', "sources.erp.fields.stock.path", Takes.REMAP),
        ('names = ["label", "short"]', 'names = ["label"]', "sources.pim.names", Takes.REMAP),
        ('from = "erp"', 'from = "erp"\ntimezone = "Asia/Tokyo"', "sources.erp.timezone", Takes.REMAP),
        ('unit = "g"', 'unit = "oz"', "fields.weight.unit", Takes.REMAP),
        ('type = "number"', 'type = "text"', "fields.rating.type", Takes.REMAP),
        ('gtin = "gtin"', 'gtin = "ean"', "sources.erp.identifiers.gtin", Takes.RELINK),
        ('from = "wms"', 'from = "wms"\nper_product = "many"', "sources.wms.per_product", Takes.RELINK),
        ('keys = ["gtin", "brand+mpn", "sku"]', 'keys = ["gtin"]', "identity.keys", Takes.RELINK),
        ('from = "erp"', 'from = "articles"', "sources.erp.from", Takes.READ),
        ('from = "erp"\nkey = "id"', 'from = "erp"\nkey = "sku"', "sources.erp.key", Takes.READ),
        ('url = "sqlite:///erp.db"', 'url = "sqlite:///other.db"', "sources.erp.url", Takes.READ),
    ],
)
def test_each_change_is_told_with_its_place_and_what_it_takes(old: str, new: str, path: str, takes: Takes) -> None:
    assert [(one.path, one.takes) for one in changed((old, new))] == [(path, takes)]


def test_a_change_says_what_stood_there_and_what_does_now() -> None:
    assert [str(one) for one in changed(('tolerance = "1%"', 'tolerance = "2%"'), ('from = "erp"', 'from = "x"'))] == [
        "sources.erp.from: one value → another (read from the system)",
        'fields.weight.tolerance: "1%" → "2%" (decided when it is read)',
    ]


def test_a_source_that_comes_or_goes_is_one_change() -> None:
    shop = (
        '[sources.shop]\ntitle = "Shop"\nconnector = "file"\npath = "s.csv"\nkey = "id"\nnames = ["id"]\n[sources.crm]'
    )
    there = changed(("[sources.crm]", shop))
    assert there == [MapChange("sources.shop", "nothing", "declared", Takes.READ)]
    back = compare(kept(house_map(("[sources.crm]", shop))), kept(house_map()))
    assert list(back) == [MapChange("sources.shop", "declared", "nothing", Takes.LEAVE)]


def test_what_is_written_in_another_way_is_no_change() -> None:
    assert changed(('stock = "stock"', 'stock = { path = "stock" }')) == [], "the longer form of the same"


def test_the_order_of_fields_is_one() -> None:
    first, second = "[fields.fragile]\n", "[fields.rating]\n"
    bodies = ('type = "boolean"\nsystem_of_record = "wms"\n', 'type = "number"\nsystem_of_record = "wms"\n')
    swapped = (first + bodies[0] + second + bodies[1], second + bodies[1] + first + bodies[0])
    assert changed(swapped) == [MapChange("fields", "one order", "another", Takes.NOTHING)]


def test_nothing_of_a_connectors_options_is_kept_and_two_installations_keep_it_differently() -> None:
    ownership = house_map()
    form = keep_map(ownership, Recorder(ownership).mappings, KEY)
    assert "erp.db" not in orjson.dumps(form).decode()
    other = keep_map(ownership, Recorder(ownership).mappings, b"o" * 32)
    assert form["written"] != other["written"]
    assert form["readings"] == other["readings"]


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [
        ('unit = "lb" }', 'unit = "kg" }', {"mapping"}),
        ('from = "erp"', 'from = "articles"', {"origin"}),
        ('from = "erp"\nkey = "id"', 'from = "erp"\nkey = "sku"', {"mapping", "origin"}),
        ('title = "ERP"', 'title = "SAP"', set[str]()),
        ('from = "erp"', 'from = "erp"\nretries = 5', set[str]()),
    ],
)
def test_the_versions_of_a_source_move_with_what_they_are_of(old: str, new: str, moves: set[str]) -> None:
    before, after = (readings(one, Recorder(one).mappings) for one in (house_map(), house_map((old, new))))
    assert {
        part for part in ("mapping", "origin") if getattr(before["erp"], part) != getattr(after["erp"], part)
    } == moves
    assert before["pim"] == after["pim"]
    assert SourceReading.kept(orjson.loads(orjson.dumps(after["erp"].form()))) == after["erp"]
