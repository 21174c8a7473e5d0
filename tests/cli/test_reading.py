"""``sync``, ``product``, ``search``, ``sources`` and ``ownership`` on a ledger, as a person and as a program calls them."""

from __future__ import annotations

import json

import pytest

from tests.cli.company import WHENCE_TOML, Company, json_of
from tests.cli.conftest import Call
from tests.upstreams.silence import closed_port


@pytest.fixture
def synced(on_database: Call) -> Call:
    assert on_database("sync").exit_code == 0
    return on_database


def test_a_sync_tells_what_it_did(on_database: Call, company: Company) -> None:
    result = on_database("sync", "--json")
    assert result.exit_code == 0, result.output
    reports = {report["source"]: report for report in map(json.loads, result.stdout.splitlines())}
    assert {name: (one["seen"], one["added"]) for name, one in reports.items()} == {"stock": (3, 3), "prices": (2, 2)}
    assert all(one["failure"] is None for one in reports.values())
    again = on_database("sync", "prices", "--full")
    assert again.exit_code == 0
    assert "prices: 2 seen in" in again.stderr
    assert "stock" not in again.stdout


def test_a_sync_that_fails_ends_with_1_and_says_what_to_do(on_database: Call, company: Company) -> None:
    (company.directory / "prices.csv").unlink()
    result = on_database("sync", "--json")
    assert result.exit_code == 1
    reports = {report["source"]: report for report in map(json.loads, result.stdout.splitlines())}
    assert reports["stock"]["failure"] is None
    assert reports["prices"]["failure"]["action"]
    told = on_database("sync", "prices")
    assert told.exit_code == 1
    assert reports["prices"]["failure"]["action"] in told.stderr


def test_an_unknown_source_is_refused_with_the_known_ones(on_database: Call) -> None:
    result = on_database("sync", "shop")
    assert result.exit_code == 2
    assert "stock and prices" in result.stderr
    assert on_database("sources", "shop").exit_code == 2


def test_a_product_by_every_name_it_has(synced: Call) -> None:
    by_sku = synced("product", "KET-1", "--json")
    assert by_sku.exit_code == 0, by_sku.output
    found = json_of(by_sku.stdout)["data"]["product"]
    assert found["weight"]["value"] == {"amount": "850", "unit": "g"}
    assert (found["weight"]["status"], found["weight"]["source"]) == ("OK", "stock")
    assert {record["source"] for record in found["crosswalk"]} == {"stock", "prices"}
    for lookup in (("Kettle deluxe",), ("pot elec",), (found["id"],), ("A-1",), ("stock:A-1", "--by", "record")):
        assert json_of(synced("product", *lookup, "--json").stdout)["data"]["product"]["id"] == found["id"], lookup


def test_a_product_as_a_person_reads_it(synced: Call) -> None:
    result = synced("product", "KET-1")
    assert result.exit_code == 0
    for part in ("POT ELEC", "850 g", "49.90 EUR", "OK", "stock", "2026-01-02 03:04", "Kettle deluxe"):
        assert part in result.stdout, part
    narrow = synced("product", "KET-1", "--field", "weight").stdout
    assert "850 g" in narrow
    assert "EUR" not in narrow


def test_what_is_ambiguous_is_offered_and_ends_with_1(synced: Call) -> None:
    result = synced("product", "TOASTER")
    assert result.exit_code == 1
    assert "may mean 2 products" in result.stderr
    answer = synced("product", "TOASTER", "--json")
    assert answer.exit_code == 1
    assert len(json_of(answer.stdout)["errors"][0]["extensions"]["candidates"]) == 2


def test_the_nearest_is_taken_where_it_is_one(synced: Call) -> None:
    result = synced("product", "kettle delux")
    assert result.exit_code == 0
    assert "Kettle deluxe" in result.stderr
    nothing = synced("product", "zeppelin")
    assert nothing.exit_code == 1
    assert "zeppelin" in nothing.stderr
    assert synced("product", "KET-9", "--by", "sku").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("--field", "wieght"), ("--by", "name"), ("--by", "record"), ("--audience", "nobody")],
)
def test_a_call_that_is_wrong_ends_with_2(synced: Call, arguments: tuple[str, ...]) -> None:
    result = synced("product", "KET-1", *arguments)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_an_audience_sees_its_own_fields(synced: Call) -> None:
    found = json_of(synced("product", "KET-1", "--by", "sku", "--audience", "public", "--json").stdout)
    assert set(found["data"]["product"]) == {"id", "label", "weight", "crosswalk"}
    for command in ("sources", "ownership"):
        result = synced(command, "--audience", "public")
        assert result.exit_code == 2
        assert "staff" in result.stderr


def test_a_search(synced: Call) -> None:
    result = synced("search", "toaster", "--json")
    assert result.exit_code == 0
    assert len(json_of(result.stdout)["data"]["search"]["edges"]) == 2
    assert "TOA-2" not in synced("search", "kettle").stdout
    assert synced("search", "zeppelin").exit_code == 1
    few = synced("search", "toaster", "--first", "1")
    assert "more than these 1" in few.stderr


def test_the_sources_and_what_they_set_aside(synced: Call, company: Company) -> None:
    with (company.directory / "prices.csv").open("a") as file:
        file.write(",no line number,KET-1,1\n9,belongs to nothing,,3\n")
    synced("sync", "prices")
    found = json_of(synced("sources", "prices", "--json", "--rejected", "--apart").stdout)["data"]["sources"]
    assert [(one["name"], one["status"], one["records"], one["rejected"]) for one in found] == [
        ("prices", "HEALTHY", 3, 1)
    ]
    assert len(found[0]["rejectedDocuments"]) == 1
    assert len(found[0]["apartRecords"]) == 1
    plain = synced("sources")
    assert "--rejected" in plain.stderr
    assert "Price list" in plain.stdout


def test_what_fails_is_told_with_what_to_do(synced: Call, company: Company) -> None:
    (company.directory / "prices.csv").unlink()
    synced("sync", "prices")
    result = synced("sources", "prices")
    assert result.exit_code == 0
    assert "prices fails since" in result.stdout
    assert "operator:" in result.stdout


def test_a_live_system_that_is_down_costs_its_own_fields(synced: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCK_URL", f"postgresql://keeper:s3cretword@127.0.0.1:{closed_port()}/stock")
    result = synced("product", "KET-1")
    assert result.exit_code == 0, result.output
    assert "LAST_KNOWN" in result.stdout
    assert "49.90 EUR" in result.stdout
    assert "stock could not be reached" in result.stderr
    assert "s3cretword" not in result.output


def test_who_owns_what(synced: Call) -> None:
    result = synced("ownership")
    assert result.exit_code == 0
    assert "nobody" in result.stdout
    assert "NO_STEWARD" in result.stdout
    found = json_of(synced("ownership", "--json").stdout)["data"]["ownershipMap"]
    assert [one["systemOfRecord"] for one in found["fields"]] == ["stock", "stock", "prices"]


def test_what_a_system_says_is_shown_and_not_obeyed(synced: Call, company: Company) -> None:
    with (company.directory / "prices.csv").open("a") as file:
        file.write("3,[red]\x1b]0;owned\x07 bell,BEL-1,5\n")
    synced("sync", "prices")
    result = synced("product", "BEL-1")
    assert "[red]" in result.stdout
    assert "\x1b" not in result.output


def test_no_command_starts_on_a_map_with_mistakes(on_database: Call, company: Company) -> None:
    company.write(WHENCE_TOML.replace('unit = "g"', 'unit = "gg"').replace('type = "money"', 'type = "monney"'))
    for command in (("sync",), ("product", "x"), ("search", "x"), ("sources",), ("ownership",), ("schema",)):
        result = on_database(*command)
        assert result.exit_code == 2, command
        assert "fields.weight.unit" in result.stderr
        assert "fields.price.type" in result.stderr
        assert result.stdout == ""


def test_a_database_that_does_not_answer(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_DATABASE_URL", f"postgresql://whence:s3cretword@127.0.0.1:{closed_port()}/ledger")
    result = call("sources")
    assert result.exit_code == 3
    assert "WHENCE_DATABASE_URL" in result.stderr
    assert "s3cretword" not in result.output
    monkeypatch.setenv("WHENCE_DATABASE_URL", "mysql://localhost/ledger")
    assert call("sources").exit_code == 2
