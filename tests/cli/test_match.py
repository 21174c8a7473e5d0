"""``whence match``: what would change is told, then written, and a person's word stands."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.bench.identity_files import listings
from tests.bench.identity_worlds import World, fashion
from tests.cli.conftest import Call

pytestmark = pytest.mark.needs("match")

MAP = """\
[audiences.staff]
[identity.matching]
on = false

[sources.atelier]
title = "Atelier"
connector = "file"
path = "${ATELIER}"
key = "id"
names = ["name"]
[sources.atelier.fields]
name = "name"

[sources.boutique]
title = "Boutique"
connector = "file"
path = "${BOUTIQUE}"
key = "id"
names = ["name"]
[sources.boutique.fields]
name = "name"

[sources.complaints]
title = "Complaints"
connector = "file"
path = "${BOUTIQUE}"
key = "id"
per_product = "many"
[sources.complaints.identifiers]
sku = "name"

[fields.name]
type = "text"
system_of_record = "atelier"
fallback = ["boutique"]
steward = { name = "Atelier" }
audiences = ["staff"]
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two catalogues and a map, where the command line is called."""
    made = fashion(21, 60)
    for name, rows in (("atelier", made.left), ("boutique", made.right)):
        path = tmp_path / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "name"))
            writer.writerows((one.key, f"{one.brand} {one.name}".strip()) for one in listings(rows))
        monkeypatch.setenv(name.upper(), str(path))
    return made


@pytest.fixture
def shop(on_database: Call, world: World, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command line of a company with the two catalogues, which are in the ledger."""
    path = Path.cwd() / "match.toml"
    path.write_text(MAP)
    monkeypatch.setenv("WHENCE_CONFIG", str(path))
    assert on_database("sync").exit_code == 0
    return on_database


async def stored(database_url: str) -> dict[tuple[str, str], str]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("select left_record, right_record, verdict from match_pairs")
        return {(row[0], row[1]): row[2] for row in rows}
    finally:
        await connection.close()


async def decide_and_find(database_url: str, links: list[tuple[str, str]]) -> None:
    """A person keeps the first link apart; and an earlier rule had found something between the next two."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "insert into match_decisions (id, action, kind, left_source, left_record, right_source, right_record, verdict,"
            " by, decided_at) values (gen_random_uuid(), gen_random_uuid(), 'reject', 'atelier', $1, 'boutique', $2,"
            " 'APART', 'someone', now())",
            *links[0],
        )
        await connection.execute(
            "insert into match_pairs values ('atelier', $1, 'boutique', $2, 0.9, 'REVIEW', '[]', 'matching 0', now())",
            links[1][0],
            links[2][1],
        )
    finally:
        await connection.close()


def report(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_would_change_is_told_and_then_written(shop: Call, database_url: str, world: World) -> None:
    dry = shop("match", "--dry-run", "--json")
    assert dry.exit_code == 0, dry.stderr
    told = json.loads(dry.stdout)
    assert asyncio.run(stored(database_url)) == {}
    lines = report(Path(told["report"]))
    counts = Counter(one["change"] for one in lines)
    assert counts == {"LINK": told["linked"], "REVIEW": told["proposed"], "MERGE": told["intoProducts"]}
    links = {(one["left"]["record"], one["right"]["record"]) for one in lines if one["change"] == "LINK"}
    assert len(links) > 10
    assert len(links & world.pairs) >= 0.9 * len(links)
    first = lines[0]
    assert (first["left"]["source"], first["right"]["source"]) == ("atelier", "boutique")
    assert first["left"]["name"]
    assert first["findings"][0].keys() == {"comparison", "outcome", "weight", "accident"}
    assert {product for one in lines if one["change"] == "MERGE" for product in one["products"]} == {
        one[side]["product"] for one in lines if one["change"] == "LINK" for side in ("left", "right")
    }

    written = shop("match", "--json")
    assert written.exit_code == 0, written.stderr
    assert {key: json.loads(written.stdout)[key] for key in ("linked", "proposed", "rule")} == {
        key: told[key] for key in ("linked", "proposed", "rule")
    }
    pairs = asyncio.run(stored(database_url))
    assert {pair for pair, verdict in pairs.items() if verdict == "LINK"} == links
    assert Counter(pairs.values())["REVIEW"] == told["proposed"]
    assert not list(Path(".whence/match").glob("*~*/"))


def test_a_person_s_word_stands_and_what_is_gone_is_dropped(shop: Call, database_url: str) -> None:
    assert shop("match").exit_code == 0
    links = sorted(pair for pair, verdict in (asyncio.run(stored(database_url))).items() if verdict == "LINK")
    asyncio.run(decide_and_find(database_url, links))
    again = json.loads(shop("match", "--dry-run", "--json").stdout)
    lines = report(Path(again["report"]))
    dropped = [(one["left"]["record"], one["right"]["record"]) for one in lines if one["change"] == "DROP"]
    assert len(dropped) == again["dropped"]
    assert (links[1][0], links[2][1]) in dropped
    assert links[0] not in {
        (one["left"]["record"], one["right"]["record"]) for one in lines if one["change"] != "MERGE"
    }
    assert again["unchanged"] > 10
    assert shop("match").exit_code == 0
    pairs = asyncio.run(stored(database_url))
    assert (links[1][0], links[2][1]) not in pairs
    assert links[0] in pairs  # what matching found stays with the decision


def test_a_report_for_a_spreadsheet(shop: Call, tmp_path: Path) -> None:
    path = tmp_path / "reports" / "all.csv"
    found = shop("match", "boutique", "atelier", "--dry-run", "--report", str(path))
    assert found.exit_code == 0, found.stderr
    assert "What would change" in found.stdout
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["change"] for row in rows} == {"LINK", "REVIEW"}
    assert all(row["because"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["atelier"], 2, "there is only atelier: name another"),
        (["atelier", "boutiqe"], 2, "There is no source 'boutiqe'"),
        (["atelier", "complaints"], 2, "complaints is no catalogue"),
    ],
)
def test_what_cannot_be_matched(shop: Call, arguments: list[str], code: int, said: str) -> None:
    found = shop("match", *arguments)
    assert (found.exit_code, said in found.stderr) == (code, True), found.stderr


def test_a_run_that_another_process_is_at_is_left_to_it(shop: Call) -> None:
    state = Path(".whence") / "match" / "atelier~boutique" / "run.duckdb"
    state.parent.mkdir(parents=True)
    held = "import duckdb, sys; _ = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        found = shop("match", "--dry-run")
        other.communicate()
    assert found.exit_code == 3
    assert "another whence match is at it" in found.stderr
    assert "begin anew with --again" in found.stderr
    assert shop("match", "--dry-run").exit_code == 0


def test_without_the_extra_it_says_what_to_install(shop: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    found = shop("match", "--dry-run")
    assert (found.exit_code, "pip install 'whence[match]'" in found.stderr) == (3, True)
