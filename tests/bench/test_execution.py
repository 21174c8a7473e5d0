"""The bench of the execution works: at a tiny size it runs to its end, and it believes no wrong answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bench.execution_answers import WrongAnswer, check_answer
from tests.bench.execution_contract import FACTS, MAP, NUMBERS, PAGE, QUERIES, VALUES, draw, write_bodies
from tests.bench.installation import CHECKOUT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")
ONE, SEVERAL, PLAIN = QUERIES


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of a server reaches, which pytest's own are not where root runs the tests."""
    directory = Path(tempfile.mkdtemp(prefix="whence-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_whence_alone_is_measured_at_a_tiny_size(place: Path) -> None:
    words = "--products 120 --rounds 1 --seconds 0.2 --quick --driver own --load 20 --compared 20"
    command = [sys.executable, "-m", "tests.bench.execution", "--json", "--directory", str(place), *words.split()]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert list(place.iterdir()) == []
    found = json.loads(done.stdout)
    goals, tables = found["goals"], found["tables"]
    assert [goal["verdict"] for goal in goals[:6]] == ["not measured"] * 6
    assert goals[6]["unit"] == "MB"
    assert goals[6]["figure"] > 20
    assert "an hour's equivalent" in goals[6]["note"]
    assert [table["title"].partition(":")[0] for table in tables] == [query.name for query in QUERIES]
    for table in tables:
        assert [row[0] for row in table["rows"]] == ["Whence", "Whence, compiler off"]
        for row in table["rows"]:
            figures = dict(zip(table["columns"], row, strict=True))
            assert figures["CPU µs"] > 0
            assert figures["req/s"] > 0
            assert 0 < figures["p50 ms"] <= figures["p99 ms"]
    assert any("PEERS=DIR" in note for note in found["notes"])


def test_peers_that_are_not_there_are_missed_at_once(place: Path) -> None:
    command = [sys.executable, "-m", "tests.bench.execution", "--peers", str(place / "none"), "--directory", str(place)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"there are no peers in {place}/none: lay the peers out" in " ".join(done.stderr.split())


# ── The contract ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_map_says_what_the_contract_says() -> None:
    fields = tomllib.loads(MAP.read_text())["fields"]
    assert {name: fields[name]["system_of_record"] for name in FACTS} == dict(FACTS)
    assert {name for name in FACTS if fields[name]["type"] == "number"} == NUMBERS
    assert all("max_age" in one and "storefront" in one["audiences"] for one in fields.values())
    assert (len(FACTS), len(VALUES)) == (20, 6)


def test_everybody_is_asked_for_the_same_products_and_for_others_in_another_round(tmp_path: Path) -> None:
    skus = [f"K-{number}" for number in range(500)]
    assert draw(skus, SEVERAL, 5, seed=1) == draw(skus, SEVERAL, 5, seed=1) != draw(skus, SEVERAL, 5, seed=2)
    assert all(len(set(chosen)) == PAGE for chosen in draw(skus, SEVERAL, 50, seed=3))
    write_bodies(tmp_path / "ours", skus, PLAIN, PLAIN.body, seed=4)
    write_bodies(tmp_path / "theirs", skus, PLAIN, lambda chosen: PLAIN.peer_body("{ x }", chosen), seed=4)
    ours, theirs = (
        [json.loads(line)["variables"] for line in (tmp_path / name).read_bytes().splitlines()]
        for name in ("ours", "theirs")
    )
    assert len(ours) == 1000
    assert [[one["sku"] for one in asked["lookups"]] for asked in ours] == [asked["skus"] for asked in theirs]


# ── Answers ────────────────────────────────────────────────────────────────────────────────────────────────────────────

KNOWN: dict[str, dict[str, Any]] = {
    sku: {
        name: None
        if name == "compatNote"
        else {
            "value": 12.5 if name in NUMBERS else f"{name} of {sku}",
            "source": system,
            "sourceRecordId": f"{system}/{sku}",
            "lastUpdated": datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC),
        }
        for name, system in FACTS.items()
    }
    for sku in ("K-1", "K-2")
}
UNKNOWN = {"value": None, "source": None, "sourceRecordId": None, "lastUpdated": None}


def said(sku: str, *, number: Any, moment: str, unknown: Any) -> dict[str, Any]:
    """A product as a contestant says it."""
    return {
        name: unknown
        if fact is None
        else {**fact, "lastUpdated": moment, **({"value": number} if name in NUMBERS else {})}
        for name, fact in KNOWN[sku].items()
    }


def answer(*products: Any) -> bytes:
    return json.dumps({"data": {"productsBy": list(products)}}).encode()


OURS: dict[str, Any] = {"number": "12.50", "moment": "2026-03-01T12:00:00.250000Z", "unknown": UNKNOWN}
THEIRS: dict[str, Any] = {"number": 12.5, "moment": "2026-03-01T12:00:00.250Z", "unknown": None}


@pytest.mark.parametrize("spelling", [OURS, THEIRS], ids=["ours", "theirs"])
def test_the_same_answer_is_the_same_in_either_spelling(spelling: dict[str, Any]) -> None:
    check_answer("W", SEVERAL, ["K-1", "K-2"], answer(said("K-1", **spelling), said("K-2", **spelling)), KNOWN)
    alone = json.dumps({"data": {"product": said("K-1", **spelling)}}).encode()
    check_answer("W", ONE, ["K-1"], alone, KNOWN)
    plain = {name: fact and fact["value"] for name, fact in said("K-2", **spelling).items() if name in VALUES}
    check_answer("W", PLAIN, ["K-2"], answer({"values": plain}), KNOWN)
    check_answer("W", PLAIN, ["K-2"], answer({name: {"value": value} for name, value in plain.items()}), KNOWN)


@pytest.mark.parametrize(
    ("name", "key", "wrong"),
    [
        ("name", "value", "another"),
        ("name", "value", None),
        ("listPrice", "value", "12.51"),
        ("url", "source", "pim"),
        ("brand", "sourceRecordId", "pim/K-2"),
        ("rating", "lastUpdated", "2026-03-01T12:00:00Z"),
        ("rating", "lastUpdated", None),
        ("compatNote", "value", "made up"),
    ],
)
def test_a_difference_is_named_with_its_place(name: str, key: str, wrong: Any) -> None:
    product = deepcopy(said("K-1", **OURS))
    product[name][key] = wrong
    with pytest.raises(WrongAnswer, match=f"^Somebody, Q20, K-1, {name}: "):
        check_answer("Somebody", SEVERAL, ["K-2", "K-1"], answer(said("K-2", **OURS), product), KNOWN)


def test_no_answer_is_no_answer() -> None:
    whole = said("K-1", **OURS)
    for body, message in {
        answer(None): "does not know K-1",
        answer(): "with 0 products, not 1",
        json.dumps({"errors": [{"message": "no"}], "data": None}).encode(): "with errors.*'no'",
        answer({**whole, "name": UNKNOWN}): "K-1, name: None",
    }.items():
        with pytest.raises(WrongAnswer, match=message):
            check_answer("W", SEVERAL, ["K-1"], body, KNOWN)
    values = {name: KNOWN["K-1"][name]["value"] for name in VALUES} | {"brand": "another"}
    with pytest.raises(WrongAnswer, match="K-1, brand: "):
        check_answer("W", PLAIN, ["K-1"], answer({"values": values}), KNOWN)
