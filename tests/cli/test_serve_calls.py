"""What ``whence serve`` refuses before it starts anything."""

from __future__ import annotations

import socket

import pytest

from app.cli.ending import Ended
from app.cli.serve import loopback
from tests.cli.company import WHENCE_TOML, Company
from tests.cli.conftest import Call


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.4", "example.com", "", "::ffff:10.0.0.1", "127.0.0.1.nip.io"]
)
def test_an_address_that_others_can_reach_is_refused(call: Call, host: str) -> None:
    result = call("serve", "--host", host)
    assert result.exit_code == 2
    assert "there are no keys yet" in result.stderr


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("[::1]", "::1"), ("127.8.8.8", "127.8.8.8")],
)
def test_an_address_of_this_machine_is_taken(host: str, address: str) -> None:
    assert loopback(host) == address
    with pytest.raises(Ended):
        loopback("10.0.0.1")


def test_the_demo_brings_its_own_map(call: Call) -> None:
    result = call("serve", "--demo", "--config", "whence.toml")
    assert result.exit_code == 2
    assert "leave out --config" in result.stderr


def test_the_help_lists_the_exit_codes(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    for word in ("Exit codes", "130", "check", "ownership"):
        assert word in result.stdout
    assert call("nonsense").exit_code == 2


def test_a_port_that_is_taken_is_found_first(call: Call, company: Company) -> None:
    company.write("what is this")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = call("serve", "--port", str(port))
    assert result.exit_code == 3
    assert str(port) in result.stderr
    assert "--port" in result.stderr
    assert result.stdout == ""


def test_a_wrong_map_starts_nothing(call: Call, company: Company) -> None:
    company.write(WHENCE_TOML.replace('unit = "g"', 'unit = "gg"').replace('type = "money"', 'type = "monney"'))
    result = call("serve", "--port", "0")
    assert result.exit_code == 2
    assert "2 mistakes" in result.stderr
    assert "fields.weight.unit" in result.stderr
    assert "fields.price.type" in result.stderr
    assert not (company.directory / ".whence").exists()


def test_a_source_that_cannot_be_read_as_declared_starts_nothing(call: Call, company: Company) -> None:
    company.write(WHENCE_TOML.replace('connector = "file"', 'connector = "file"\nread = "live"'))
    result = call("serve", "--port", "0")
    assert result.exit_code == 2
    assert "sources.prices.read" in result.stderr
    assert not (company.directory / ".whence").exists()


def test_without_postgresql_it_says_what_is_missing(
    call: Call, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHENCE_POSTGRES_BIN", str(company.directory))
    result = call("serve", "--port", "0")
    assert result.exit_code == 3
    assert str(company.directory) in result.stderr


def test_an_audience_that_is_not_declared(call: Call) -> None:
    result = call("serve", "--port", "0", "--audience", "internal")
    assert result.exit_code == 2
    assert "staff, public" in result.stderr
