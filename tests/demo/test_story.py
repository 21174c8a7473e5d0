"""The story holds: who says what about the kettle, and what a real company's data suffer from is all there."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from stdnum import ean

from app.demo.catalogue import SYSTEMS, Catalogue, Row
from app.demo.systems import erp, marketing, pim, sales, shop, support, wms
from sources.units import convert
from sources.values import Quantity

KETTLE = "BR-KET-1700-BK"
NOW = datetime(2031, 2, 28, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(NOW)


def row_of(rows: list[Row], column: str, value: Any) -> Row:
    (found,) = [row for row in rows if row[column] == value]
    return found


def test_there_are_about_sixty_products_with_names_of_their_own(catalogue: Catalogue) -> None:
    products = catalogue.products
    assert len(products) == 60
    for name in ("sku", "gtin", "article", "warehouse_label"):
        assert len({getattr(product, name) for product in products}) == 60
    assert len({(product.brand, product.mpn) for product in products}) == 60
    assert len({product.mpn for product in products}) == 59
    assert all(ean.is_valid(product.gtin) for product in products)
    assert all(product.description.get("en") and product.name.get("de") for product in products)
    assert all(set(product.description) == {"en", "de", "fr"} for product in products if product.sku == KETTLE)


def test_the_kettle_weighs_three_things(catalogue: Catalogue) -> None:
    at_goods_in = row_of(wms.articles(catalogue), "shop_sku", KETTLE)
    in_the_pim = row_of(pim.entries(catalogue), "sku", KETTLE)
    in_the_shop = row_of(shop.pages(catalogue), "sku", KETTLE)
    grams = [
        convert(Quantity(Decimal(str(amount)), unit), "g").amount
        for amount, unit in (
            (at_goods_in["weight"], at_goods_in["weight_unit"]),
            (in_the_pim["weight_g"], "g"),
            (in_the_shop["weight"], in_the_shop["weightUnit"]),
        )
    ]
    assert {at_goods_in["weight_unit"], in_the_shop["weightUnit"]} == {"kg", "lb"}
    assert grams[0] == 850
    assert abs(grams[1] - grams[0]) <= grams[0] / 100
    assert abs(grams[2] - grams[0]) > grams[0] / 100


def test_the_kettle_has_two_prices_and_two_powers(catalogue: Catalogue) -> None:
    finance = row_of(erp.items(catalogue), "sku", KETTLE)["list_price"]
    sold_at = row_of(sales.lines(catalogue), "Our name", "Harbour 1.7 (Bestseller!)")["List EUR"]
    assert (finance, sold_at) == (Decimal("49.90"), Decimal("44.90"))
    assert row_of(pim.entries(catalogue), "sku", KETTLE)["power_w"] == 2200
    assert row_of(shop.pages(catalogue), "sku", KETTLE)["powerWatts"] == 2000


def test_nobody_else_uses_the_warehouses_name(catalogue: Catalogue) -> None:
    label = row_of(wms.articles(catalogue), "shop_sku", KETTLE)["label"]
    others = (erp.items, pim.entries, shop.pages, sales.lines, marketing.campaigns, support.patterns)
    assert not any(label in str(rows(catalogue)) for rows in others)


def test_ages_are_counted_from_today(catalogue: Catalogue) -> None:
    page = row_of(shop.pages(catalogue), "sku", KETTLE)
    assert timedelta(days=1094) < NOW - page["updatedAt"] < timedelta(days=1097)
    clocks = [
        (rows(catalogue), column)
        for rows, column in (
            (erp.items, "changed_at"),
            (wms.articles, "changed_on"),
            (pim.entries, "updated_at"),
            (shop.pages, "updatedAt"),
            (marketing.campaigns, "Edited"),
        )
    ]
    assert all(row[column] < NOW for rows, column in clocks for row in rows)
    tomorrow = Catalogue(NOW + timedelta(days=1))
    assert row_of(shop.pages(tomorrow), "sku", KETTLE)["updatedAt"] - page["updatedAt"] == timedelta(days=1)


def test_two_starts_on_one_day_make_the_same_company(catalogue: Catalogue) -> None:
    later = Catalogue(NOW + timedelta(hours=20))
    for rows in (erp.items, wms.articles, pim.entries, shop.pages, support.patterns, marketing.campaigns, sales.lines):
        assert rows(catalogue) == rows(later)


def test_identifiers_are_as_bad_as_real_ones(catalogue: Catalogue) -> None:
    articles, pages, lines = wms.articles(catalogue), shop.pages(catalogue), sales.lines(catalogue)
    wrong = [row for row in articles if row["ean"] and not ean.is_valid(str(row["ean"]).rjust(13, "0"))]
    assert [row["shop_sku"] for row in wrong] == ["BR-TOA-4-BK"]
    assert any(len(str(row["ean"])) == 12 for row in articles)
    reused = [gtin for gtin, count in Counter(row["barcode"] for row in pages if row["barcode"]).items() if count > 1]
    mini = catalogue.by_sku["BR-KET-1000-BK"]
    assert mini.gtin in reused
    two = row_of(pages, "handle", "kettle-moving-house")
    by_gtin = next(product for product in catalogue.products if product.gtin == two["barcode"])
    assert by_gtin.sku == "BR-KET-1700-WH" != two["sku"] == "BR-KET2-1700-GR"
    assert not any(row_of(pages, "handle", "gift-card")[key] for key in ("sku", "barcode"))
    assert not any(row_of(articles, "article", "99-0000-0")[key] for key in ("ean", "shop_sku"))
    fondue = row_of(lines, "Model", 118801)
    assert "118801" not in {product.mpn for product in catalogue.products}
    assert fondue["EAN"] is None
    gift_box = row_of(lines, "Our name", "Harbour gift box")
    assert not ean.is_valid(str(gift_box["EAN"]))
    assert gift_box["Model"] is None
    assert row_of(marketing.campaigns(catalogue), "SKU", "ha-fro-01")


def test_something_is_missing_in_one_place_and_something_everywhere(catalogue: Catalogue) -> None:
    assert "HA-FRO-01" not in {row["sku"] for row in pim.entries(catalogue)}
    assert row_of(shop.pages(catalogue), "sku", "HA-FRO-01")["title"] == "Cloud Milk Frother"
    assert row_of(wms.articles(catalogue), "shop_sku", "BR-EGG-6")["origin"] == ""
    assert row_of(pim.entries(catalogue), "sku", KETTLE)["noise_db"] is None


def test_the_kettle_has_a_sister_in_another_colour(catalogue: Catalogue) -> None:
    kettle, sister = catalogue.by_sku[KETTLE], catalogue.by_sku["BR-KET-1700-WH"]
    assert kettle.name == sister.name
    assert (kettle.colour, sister.colour) == ("black", "white")
    assert kettle.gtin != sister.gtin


def test_the_next_generations_question_can_be_asked(catalogue: Catalogue) -> None:
    """A base (a ticket: some serial numbers), a descaler (the PIM: yes), a filter (yes and no), a lid (no word)."""
    listed = {sku for sku, _ in catalogue.accessories[KETTLE]}
    assert {"BR-ACC-DESC-250", "BR-ACC-FILT-H2"} <= listed
    assert not {"BR-ACC-BASE-H2", "BR-ACC-LID-H2"} & listed
    said = {(row["Together with"], row["Fits"]) for row in support.patterns(catalogue) if row["Article"] == KETTLE}
    assert ("BR-ACC-FILT-H2", "no") in said
    about_the_lid = [row for row in catalogue.table("tickets") if row["with"] == "BR-ACC-LID-H2"]
    assert not about_the_lid


def test_every_department_deviates_with_a_reason(catalogue: Catalogue) -> None:
    told = {deviation.system for deviation in catalogue.deviations}
    assert told == set(SYSTEMS) - {"crm", "support"}
    assert all(len(deviation.story) > 10 for deviation in catalogue.deviations)


def test_a_deviation_that_names_no_column_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match=r"marketing has no column 'SKU'; it has Campaign$"):
        catalogue.rows("marketing", lambda product: {"Campaign": product.sku}, None, blank={"Campaign": ""})
