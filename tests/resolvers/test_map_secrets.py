"""What comes from the environment, and that it is never told."""

from __future__ import annotations

import pytest

from resolvers.map_file import MapError, Mistake, parse_map
from tests.resolvers.specimens import ENVIRONMENT, WHENCE_TOML, mistakes, only_mistake, specimen

SECRET_URL = "postgresql://whence:pa%40ss-of-wms@db.brewster.example/wms"


def test_secrets_are_what_came_from_the_environment_and_what_is_called_so() -> None:
    rest = """
[sources.pim]
title = "PIM"
connector = "rest"
url = "https://pim.example/${PLACE}"
auth = { kind = "bearer", token = "literal-token" }
params = { password = "literal-password", shop = "${SHORT}" }
key = "id"
names = ["name"]
"""
    environment = {"WMS_URL": SECRET_URL, "PLACE": "products", "SHORT": "de"}
    read = parse_map(specimen(('"sqlite:///erp.db"', '"postgresql://u:pw-of-erp@h/d"'), more=rest), environment)
    assert read.secrets == {
        SECRET_URL,
        "pa%40ss-of-wms",
        "pa@ss-of-wms",
        "products",
        "literal-token",
        "literal-password",
        "pw-of-erp",
    }
    assert "literal-token" not in repr(read)
    assert "ss-of-wms" not in repr(read)


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ((), "oracle://whence:hunter22@vault.internal/wms"),
        ((), "no address at all"),
        ((('deadline = "800ms"', 'deadline = "${WMS_URL}"'),), "hunter22"),
        ((('timezone = "Europe/Berlin"', 'timezone = "${WMS_URL}"'),), "hunter22"),
        ((('unit = "kg"', 'unit = "${WMS_URL}"'),), "hunter22"),
        ((('unit = "kg"', 'unit = "${WMS_URL}"'),), "kgx"),
        ((('["en", "de", "fr"]', '["en", "${WMS_URL}"]'),), "de_at"),
        ((('currency = "EUR"', 'currency = "${WMS_URL}"'),), "usd"),
        ((('fallback = ["erp"]', 'fallback = ["${WMS_URL}", "${WMS_URL}"]'),), "hunter22"),
        ((('readers = ["marketing"]', 'readers = ["${WMS_URL}"]'),), "erp2"),
        ((('from = "articles"', 'query = "${WMS_URL}"'),), "drop table hunter22"),
        ((('type = "text_list"', 'type = "${WMS_URL}"'),), "hunter22"),
        ((('connector = "sql"\nurl = "sqlite', 'connector = "${WMS_URL}"\nurl = "sqlite'),), "sqll"),
        ((('tolerance = "1%"', 'tolerance = "${WMS_URL}"'),), "pin 1234"),
        ((('keys = ["gtin"', 'keys = ["${WMS_URL}"'),), "gtim"),
        ((('every = "5m"', 'page = "${WMS_URL}"'),), "hunter22"),
    ],
)  # fmt: skip
def test_no_value_of_the_environment_is_told(changes: tuple[tuple[str, str], ...], value: str) -> None:
    with pytest.raises(MapError) as caught:
        parse_map(specimen(*changes), {"WMS_URL": value})
    said = str(caught.value)
    for piece in (value, "hunter22", "vault", "1234"):
        assert piece not in said
    assert "${WMS_URL}" in said or "WMS_URL" in said


def test_a_connector_is_not_quoted_when_it_quotes_a_secret() -> None:
    mistake = only_mistake(WHENCE_TOML, {"WMS_URL": "oracle://whence:hunter22@vault/wms"})
    assert mistake == Mistake("sources.wms.url", '"${WMS_URL}"', mistake.instead)
    assert "hunter22" not in mistake.instead


def test_a_literal_password_is_not_told_either() -> None:
    found = mistakes(specimen(('"sqlite:///erp.db"', '"oracle://u:hunter22@erp.db"\ntoken = "hunter33"')))
    assert [one.path for one in found] == ["sources.erp.url", "sources.erp.token"]
    assert "hunter" not in str(found)


@pytest.mark.parametrize(
    ("written", "read"),
    [("$${WMS_URL}", "${WMS_URL}"), ("a $ b", "a $ b"), ("${A}-${B}", "one-two"), ("$$${A}", "$${A}"), ("${A", None)],
)
def test_interpolation(written: str, read: str | None) -> None:
    text, environment = (
        specimen(('title = "Warehouse"', f'title = "{written}"')),
        {**ENVIRONMENT, "A": "one", "B": "two"},
    )
    if read is None:
        assert only_mistake(text, environment).path == "sources.wms.title"
    else:
        assert parse_map(text, environment).declaration("wms").title == read


def test_an_option_of_another_type_may_come_from_the_environment() -> None:
    text = specimen(('sync = { every = "5m" }', 'sync = { page = "${PAGE}" }'))
    assert parse_map(text, {**ENVIRONMENT, "PAGE": "50"}).declaration("wms").sync.page == 50


def test_the_environment_is_bounded_and_utf8() -> None:
    repeated = specimen(('names = ["label"]', "names = [" + '"${BIG}", ' * 50 + "]"))
    assert "too long" in mistakes(repeated, {**ENVIRONMENT, "BIG": "x" * 100_000})[0].found
    assert "UTF-8" in only_mistake(WHENCE_TOML, {"WMS_URL": "sqlite:///\udcff.db"}).found
