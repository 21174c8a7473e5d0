"""``whence check``: all mistakes at once, what systems say about the map, gaps; and the exit codes."""

from __future__ import annotations

import sqlite3

import pytest

from tests.cli.company import WHENCE_TOML, Company, json_of
from tests.cli.conftest import Call
from tests.upstreams.silence import closed_port


def test_a_right_map_with_gaps_ends_with_0(call: Call) -> None:
    result = call("check")
    assert result.exit_code == 0, result.output
    assert "every system has what it says" in result.stdout
    assert "fields.price.steward" in result.stdout
    found = json_of(call("check", "--json").stdout)
    assert (found["mistakes"], found["unreachable"]) == ([], [])
    assert {gap["path"] for gap in found["gaps"]} == {"fields.price.steward", "fields.price.max_age"}


def test_every_mistake_is_told_at_once(call: Call, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STOCK_URL")
    wrong = WHENCE_TOML.replace('unit = "g"', 'unit = "gg"').replace('connector = "file"', 'connector = "fiel"')
    company.write(wrong.replace('system_of_record = "prices"', 'system_of_record = "sales"') + "\n[nonsense]\na = 1\n")
    result = call("check", "--json")
    assert result.exit_code == 2
    paths = {mistake["path"] for mistake in json_of(result.stdout)["mistakes"]}
    wanted = {"sources.stock.url", "fields.weight.unit", "sources.prices.connector", "fields.price.system_of_record"}
    assert paths >= wanted | {"nonsense"}
    told = call("check")
    assert told.exit_code == 2
    assert all(path in told.output for path in paths)


def test_a_column_that_the_system_does_not_have(call: Call, company: Company) -> None:
    company.write(WHENCE_TOML.replace('path = "kilos"', 'path = "kilo"').replace('path = "EUR"', 'path = "Euro"'))
    result = call("check", "--json")
    assert result.exit_code == 2
    mistakes = {one["path"]: one for one in json_of(result.stdout)["mistakes"]}
    assert set(mistakes) == {"sources.stock.fields.weight.path", "sources.prices.fields.price.path"}
    assert "kilos" in mistakes["sources.stock.fields.weight.path"]["instead"]
    assert call("check", "--offline").exit_code == 0


def test_a_system_that_cannot_be_asked_is_a_warning(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCK_URL", f"postgresql://keeper@127.0.0.1:{closed_port()}/stock")
    result = call("check", "--json")
    assert result.exit_code == 0
    (unreachable,) = json_of(result.stdout)["unreachable"]
    assert unreachable["source"] == "stock"
    assert unreachable["action"]
    assert call("check", "--strict").exit_code == 1
    assert call("check", "--strict", "--offline").exit_code == 0


def test_a_live_source_must_be_one_that_can_be_asked(call: Call, company: Company) -> None:
    company.write(WHENCE_TOML.replace('connector = "file"', 'connector = "file"\nread = "live"'))
    result = call("check", "--json", "--offline")
    assert result.exit_code == 2
    assert [mistake["path"] for mistake in json_of(result.stdout)["mistakes"]] == ["sources.prices.read"]


def test_no_secret_is_told(call: Call, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCK_URL", "postgresql://keeper:s3cretword@127.0.0.1:9/stock")
    for arguments in (("check",), ("check", "--json"), ("check", "--verbose")):
        result = call(*arguments)
        assert result.exit_code == 0
        assert "stock" in result.output
        assert "s3cretword" not in result.output + result.stderr


def test_without_a_map_it_says_what_to_do(call: Call, company: Company) -> None:
    (company.directory / "whence.toml").unlink()
    result = call("check", "--json")
    assert result.exit_code == 2
    assert json_of(result.stdout)["mistakes"][0]["found"] == "no file"


def test_what_is_wrong_with_a_setting_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_POOL_SIZE", "many")
    result = call("check")
    assert result.exit_code == 2
    assert "WHENCE_POOL_SIZE" in result.stderr
    assert "Traceback" not in result.output


def test_it_needs_no_database(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    assert call("check").exit_code == 0
    assert call("schema").exit_code == 0


def test_the_schema_is_that_of_the_audience(call: Call, company: Company) -> None:
    (company.directory / "stock.sqlite").unlink()
    everything, public = call("schema"), call("schema", "--audience", "public")
    assert everything.exit_code == public.exit_code == 0
    assert "ownershipMap" in everything.stdout
    assert "): MoneyFact!" in everything.stdout
    assert "ownershipMap" not in public.stdout
    assert not any(word in public.stdout for word in ("price", "MoneyFact"))
    nobody = call("schema", "--audience", "nobody")
    assert nobody.exit_code == 2
    assert "staff, public" in nobody.stderr


def test_a_table_that_is_not_there(call: Call, company: Company) -> None:
    with sqlite3.connect(company.directory / "stock.sqlite") as connection:
        connection.execute("drop table articles")
    connection.close()
    result = call("check", "--json")
    assert result.exit_code == 2
    assert [one["path"] for one in json_of(result.stdout)["mistakes"]] == ["sources.stock.from"]


def test_it_says_what_taking_the_map_into_use_would_do(
    call: Call, company: Company, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_DATABASE_URL", database_url)
    assert call("sync").exit_code == 0
    assert json_of(call("check", "--json").stdout)["effects"] == []
    company.write(
        WHENCE_TOML.replace('unit = "kg" }', 'unit = "lb" }').replace('title = "Price list"', 'title = "Prices"')
    )
    effects = json_of(call("check", "--json").stdout)["effects"]
    assert effects[:2] == [
        'sources.stock.fields.weight.unit: "kg" → "lb" (mapped anew from the ledger)',
        'sources.prices.title: "Price list" → "Prices" (decided when it is read)',
    ]
    (step,) = effects[2:]
    assert step.startswith("stock: ")
    assert step.endswith(" records mapped anew from the ledger")
    assert "mapped anew from the ledger" in call("check").stdout
    assert call("sync").exit_code == 0
    assert json_of(call("check", "--json").stdout)["effects"] == []
    monkeypatch.setenv("WHENCE_DATABASE_URL", f"postgresql://keeper@127.0.0.1:{closed_port()}/ledger")
    assert json_of(call("check", "--json").stdout)["effects"] == []


def test_trusted_documents_are_checked_against_what_their_audience_may_ask(call: Call, company: Company) -> None:
    company.write(
        WHENCE_TOML.replace("[audiences.public]", '[audiences.public]\ntrusted_documents = "documents.json"', 1)
    )
    documents = company.directory / "documents.json"
    documents.write_text('{"a": "query Prying { sources { name } }", "b": "{ __typename }"}')
    result = call("check", "--json", "--offline")
    assert result.exit_code == 2
    [mistake] = json_of(result.stdout)["mistakes"]
    assert mistake["path"] == "audiences.public.trusted_documents"
    assert mistake["found"].startswith("document a (query Prying), which this audience may not send: Cannot query")
    refused = call("serve", "--port", "0")
    assert refused.exit_code == 2
    assert "query Prying" in refused.output + refused.stderr
    documents.write_text('{"b": "{ __typename }"}')
    assert call("check", "--offline").exit_code == 0
