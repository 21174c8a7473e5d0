"""Reading whence.toml: what it says when it is right, and every mistake at once when it is not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from resolvers.map_file import MAX_BYTES, MapError, Mistake, label_of, load_map, parse_map
from resolvers.ownership import OwnershipMap, Steward, Tolerance
from sources.sql import SqlOptions
from sources.values import FieldType
from tests.resolvers.specimens import ENVIRONMENT, WHENCE_TOML, mistakes, only_mistake, specimen


@pytest.fixture(scope="module")
def ownership() -> OwnershipMap:
    return parse_map(WHENCE_TOML, ENVIRONMENT)


# ── A file in which nothing is wrong ───────────────────────────────────────────────────────────────────────────────


def test_a_field_is_read_in_full(ownership: OwnershipMap) -> None:
    weight = ownership.fields["weight"]
    assert weight.type is FieldType.QUANTITY
    assert (weight.unit, weight.label, weight.description) == ("g", "Weight", "With packaging.")
    assert weight.chain == ("wms", "erp")
    assert weight.steward == Steward("Logistics", "logistics@brewster.example")
    assert weight.max_age == timedelta(days=90)
    assert weight.tolerance == Tolerance("1%", share=Decimal("0.01"))
    assert (weight.readers, weight.writers) == (("marketing",), ("wms",))
    assert ownership.fields["listPrice"].tolerance == Tolerance("0.01", amount=Decimal("0.01"))


def test_defaults(ownership: OwnershipMap) -> None:
    origin = ownership.fields["countryOfOrigin"]
    assert origin.label == "Country of origin"
    assert origin.audiences == ("internal", "support")
    assert (origin.readers, origin.writers, origin.fallback, origin.steward) == ((), (), (), None)
    assert ownership.identity_keys == ("gtin", "brand+mpn", "sku")
    assert ownership.locales == ("en", "de", "fr")


def test_the_sources_come_with_their_connectors_options(ownership: OwnershipMap) -> None:
    assert tuple(ownership.sources) == ("wms", "erp", "marketing", "complaints")
    options = ownership.sources["wms"].options
    assert isinstance(options, SqlOptions)
    assert options.url.get_secret_value() == "sqlite:///wms-of-brewster.db"
    assert options.table == "articles"
    assert ownership.declaration("wms").deadline == timedelta(milliseconds=800)
    assert [name for name in ownership.sources if ownership.declaration(name).read == "live"] == ["erp"]
    assert ownership.sources_for("support") == {"wms", "erp", "marketing", "complaints"}
    assert ownership.sources_for("storefront") == frozenset()


def test_sections_that_may_be_left_out() -> None:
    text = WHENCE_TOML.partition("[sources.wms]")[1] + WHENCE_TOML.partition("[sources.wms]")[2]
    read = parse_map(text.partition("[identity]")[0], ENVIRONMENT)
    assert {name: audience.governance for name, audience in read.audiences.items()} == {
        "internal": True,
        "support": True,
        "storefront": False,
    }
    assert read.identity_keys == ("gtin", "brand+mpn", "sku")
    assert read.locales == ("en", "fr"), "without [content], the locales of the mappings as they come"


def test_units_are_kept_by_their_symbol() -> None:
    assert parse_map(specimen(('unit = "g"', 'unit = "grams"')), ENVIRONMENT).fields["weight"].unit == "g"


def test_a_tolerance_may_be_a_bare_number() -> None:
    read = parse_map(specimen(('tolerance = "0.01"', "tolerance = 0.005")), ENVIRONMENT)
    assert read.fields["listPrice"].tolerance == Tolerance("0.005", amount=Decimal("0.005"))


@pytest.mark.parametrize(
    ("name", "label"),
    [("listPrice", "List price"), ("name", "Name"), ("warrantyPDF", "Warranty PDF"), ("size2Go", "Size 2 go")],
)
def test_labels(name: str, label: str) -> None:
    assert label_of(name) == label


def test_the_example_of_the_design() -> None:
    text = """
        [sources.wms]
        title      = "Warehouse"
        connector  = "sql"                      # sql · file · rest · graphql · a plugin's name
        url        = "${WMS_URL}"               # secrets only by ${ENV}; never printed
        from       = "articles"                 # table, view, sheet, or query = "select …"
        key        = "article_no"
        updated_at = "changed_on"
        read       = "stored"                   # or "live": ask the system itself at query time
        sync       = { every = "5m" }
        deadline   = "800ms"
        names      = ["label"]                  # what this department calls it
        [sources.wms.identifiers]
        gtin = "ean"
        sku  = "shop_sku"
        [sources.wms.fields]
        weight          = { path = "weight_kg", unit = "kg" }
        countryOfOrigin = "origin"

        [fields.weight]
        type             = "quantity"
        unit             = "g"
        system_of_record = "wms"
        fallback         = []
        steward          = { name = "Logistics", contact = "logistics@brewster.example" }
        max_age          = "90d"
        tolerance        = "1%"
        readers          = ["shop", "pim"]
        audiences        = ["internal", "support", "storefront"]

        [identity]
        keys = ["gtin", "brand+mpn", "sku"]
    """
    found = mistakes(text)
    assert [one.path for one in found] == [
        "sources.wms.fields.countryOfOrigin",
        "fields.weight.readers[0]",
        "fields.weight.readers[1]",
    ], "only what the example leaves to be imagined"
    adapted = text.replace('["shop", "pim"]', '["wms"]').replace("[identity]", ORIGIN)
    assert tuple(parse_map(adapted, ENVIRONMENT).fields) == ("weight", "countryOfOrigin")


ORIGIN = '[fields.countryOfOrigin]\ntype = "text"\nsystem_of_record = "wms"\n[identity]'


# ── The digest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def digest(text: str, environment: Mapping[str, str] = ENVIRONMENT) -> str:
    return parse_map(text, environment).digest


def test_the_digest_moves_with_what_the_file_says(ownership: OwnershipMap) -> None:
    assert digest(specimen(('max_age = "90d"', 'max_age = "91d"'))) != ownership.digest
    reordered = WHENCE_TOML.replace("[fields.tags]", "[fields.x]").replace("tags = {", "x = {")
    assert digest(reordered) != ownership.digest


def test_the_digest_does_not_move_with_comments_or_secrets(ownership: OwnershipMap) -> None:
    assert digest("# a comment\n" + WHENCE_TOML.replace(" = ", "  =  ")) == ownership.digest
    assert digest(WHENCE_TOML, {"WMS_URL": "sqlite:///another.db"}) == ownership.digest
    literal = [
        digest(specimen(('"${WMS_URL}"', f'"postgresql://whence:{password}@db/wms"')))
        for password in ("one-password", "another-password")
    ]
    assert literal[0] == literal[1]


def test_the_order_of_the_sources_counts() -> None:
    def with_order(*names: str) -> str:
        one = '[sources.{0}]\ntitle="t"\nconnector="sql"\nurl="sqlite:///a.db"\nfrom="t"\nkey="k"\nfields.a="x"\n'
        field = '[fields.a]\ntype="text"\nsystem_of_record="one"\n'
        return "".join(one.format(name) for name in names) + field

    assert digest(with_order("one", "two")) != digest(with_order("two", "one"))


# ── The file ───────────────────────────────────────────────────────────────────────────────────────────────────────


def load_mistake(path: Path) -> Mistake:
    with pytest.raises(MapError) as caught:
        load_map(path, ENVIRONMENT)
    (mistake,) = caught.value.mistakes
    assert str(path) in str(caught.value)
    return mistake


def test_a_file_is_loaded(tmp_path: Path, ownership: OwnershipMap) -> None:
    path = tmp_path / "whence.toml"
    path.write_bytes(b"\xef\xbb\xbf" + WHENCE_TOML.replace("\n", "\r\n").encode())
    assert load_map(path, ENVIRONMENT).digest == ownership.digest


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    mistake = load_mistake(tmp_path / "whence.toml")
    assert mistake.found == "no file"
    assert "README" in mistake.instead
    assert "whence serve --demo" in mistake.instead


def test_a_directory_a_binary_and_an_endless_file(tmp_path: Path) -> None:
    assert "directory" in load_mistake(tmp_path).found.lower()
    path = tmp_path / "whence.toml"
    path.write_bytes(b"title = 1\n\xff\xfe")
    assert "UTF-8 in line 2" in load_mistake(path).found
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert "1,000,000 bytes" in load_mistake(path).found
    assert "cannot be read" in load_mistake(Path("a\0b")).found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = 1\nb = x\n", "line 2, column 5"),
        ("a = 1\na = 2", "line 2"),
        ("[a]\n[a]", "line 2"),
        ('a = "', "the end of the file"),
        ("a = " + "[\n" * 100_000, "count"),
        ("a = " + "9" * 5000, "limit"),
        ("\0", "line 1, column 1"),
    ],
)
def test_syntax(text: str, found: str) -> None:
    mistake = only_mistake(text)
    assert mistake.path == "whence.toml"
    assert found in mistake.found


def test_relative_paths_are_taken_from_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "whence.toml").write_text(
        """
[sources.sheet]
title = "Sheet"
connector = "file"
path = "data/stock.csv"
key = "no"
fields = { colour = "colour" }
[sources.shop]
title = "Shop"
connector = "sql"
url = "sqlite:///shop.db"
from = "items"
key = "no"
fields = { colour = "colour" }
[fields.colour]
type = "text"
system_of_record = "sheet"
"""
    )
    sources = load_map(tmp_path / "whence.toml", {}).sources
    assert getattr(sources["sheet"].options, "path") == str(tmp_path / "data/stock.csv")  # noqa: B009
    url = getattr(sources["shop"].options, "url")  # noqa: B009
    assert url.get_secret_value() == f"sqlite:///{tmp_path}/shop.db"
