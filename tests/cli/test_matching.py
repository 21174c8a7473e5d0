"""``whence sync`` has matched what it read before it says done; ``whence sources`` says what waits, and where too little is
there to learn from."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.company import WHENCE_TOML, Company, json_of
from tests.cli.conftest import Call

MATCHED = f'{WHENCE_TOML}\n[identity.matching]\nname = "label"\n'


MAKE_DUE = """
import asyncio, asyncpg, sys
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("insert into match_due (source, record_id) values ('stock', 'A-1')")
    await connection.close()
asyncio.run(main())
"""
"""In a process of its own, for the commands have a loop of their own."""


@pytest.fixture
def matched(company: Company) -> Company:
    """The company, whose records are matched too."""
    company.write(MATCHED)
    return company


def more(company: Company, count: int) -> None:
    """``count`` articles that the price list has under no common key."""
    names = [f"{maker} {kind} {maker[:2]}{1000 + 37 * n}{kind[0]}" for n, (maker, kind) in enumerate(_named(count))]
    with sqlite3.connect(company.directory / "stock.sqlite") as connection:
        rows = [(f"M-{n}", name.upper(), None, "1.5") for n, name in enumerate(names)]
        connection.executemany("insert into articles values (?, ?, ?, ?, '2026-01-02T03:04:05Z')", rows)
    connection.close()
    lines = [f"{100 + n},{' '.join(reversed(name.split()))},,{10 + n}" for n, name in enumerate(names)]
    with (company.directory / "prices.csv").open("a") as file:
        file.write("\n".join(lines) + "\n")


def _named(count: int) -> Iterator[tuple[str, str]]:
    for number in range(count):
        yield ("Okanda", "Tarrant", "Vellamo")[number % 3], ("kettle", "mixer", "scale", "heater")[number % 4]


def test_a_sync_has_matched_before_it_is_done(matched: Company, on_database: Call) -> None:
    more(matched, 40)
    assert on_database("sync").exit_code == 0
    found = json_of(on_database("product", "stock:M-7", "--by", "record", "--json").stdout)
    assert {one["source"] for one in found["data"]["product"]["crosswalk"]} == {"stock", "prices"}
    told = on_database("sources")
    assert "wait to be matched" not in told.stdout
    assert "too little to learn from" not in told.stdout


def test_what_waits_and_what_has_too_little_to_learn_from_is_told(
    matched: Company, on_database: Call, database_url: str
) -> None:
    assert on_database("sync").exit_code == 0
    told = on_database("sources").stdout
    assert "prices and stock: with 2 and 3 records there is too little to learn from" in " ".join(told.split())
    subprocess.run([sys.executable, "-c", MAKE_DUE, database_url], check=True, timeout=30)
    assert "stock: 1 records wait to be matched" in " ".join(on_database("sources").stdout.split())
    assert "wait to be matched" not in on_database("sources", "prices").stdout
    # the next sync matches it
    assert on_database("sync").exit_code == 0
    assert "wait to be matched" not in on_database("sources").stdout


def test_without_matching_nothing_is_said_of_it(on_database: Call) -> None:
    assert on_database("sync").exit_code == 0
    assert "match" not in on_database("sources").stdout
