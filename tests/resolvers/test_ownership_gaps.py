"""Gaps in the map that are worth telling."""

from __future__ import annotations

from resolvers.map_file import gaps, parse_map
from tests.resolvers.specimens import ENVIRONMENT, specimen


def gaps_of(*changes: tuple[str, str]) -> dict[str, str]:
    return {gap.path: gap.found for gap in gaps(parse_map(specimen(*changes), ENVIRONMENT))}


def test_gaps_are_told_and_are_no_mistakes() -> None:
    found = gaps_of()
    assert found["fields.countryOfOrigin.steward"] == "nobody"
    assert found["fields.countryOfOrigin.max_age"] == "nothing"
    assert not [path for path in found if path.startswith(("fields.weight", "fields.listPrice", "sources"))]


def test_writers_beside_the_system_of_record() -> None:
    several = gaps(parse_map(specimen(('writers = ["wms"]', 'writers = ["wms", "erp"]')), ENVIRONMENT))
    assert [gap.found for gap in several if gap.path == "fields.weight.writers"] == [
        "several writers: wms and erp",
        "erp, beside the system of record wms",
    ]
    assert "beside" in gaps_of(('writers = ["wms"]', 'writers = ["erp"]'))["fields.weight.writers"]


def test_other_gaps() -> None:
    assert "no identity key" in gaps_of(('gtin = "ean"\nsku = "shop_sku"', 'brand = "b"'))["sources.wms.identifiers"]
    assert "fr" in gaps_of(('["en", "de", "fr"]', '["en"]'))["sources.marketing.fields.description[1].locale"]
    assert gaps_of(('audiences = ["internal", "storefront"]', "audiences = []"))["fields.listPrice.audiences"]
    nobody = gaps_of(("[audiences.internal]\ngovernance = true", "[audiences.internal]"),
                     ("[audiences.support]\ngovernance = true", "[audiences.support]"))  # fmt: skip
    assert nobody["audiences"] == "no audience with governance"
