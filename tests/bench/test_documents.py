"""The benchmark of random documents works: at a tiny size it runs to its end. No figure is judged here."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest
from graphql import build_schema

from tests.bench.installation import CHECKOUT
from tests.bench.random_documents import RandomDocuments

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")


def test_random_documents_are_the_same_for_the_same_seed_and_of_every_kind() -> None:
    schema = build_schema("type Query { a(b: In!): [Query!] c: Int } input In { d: [In!] e: String }")
    rows = [list(itertools.islice(RandomDocuments(schema, seed), 300)) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]
    assert len({drawn.kind for drawn in rows[0]}) == 22


def test_documents_are_sent_and_counted() -> None:
    command = [sys.executable, "-m", "tests.bench.documents", "--json", "--seconds", "2"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(goal["unit"], goal["bound"]) for goal in found["goals"]] == [("ms", 50.0), ("MB", 10.0)]
    assert all(goal["figure"] is not None for goal in found["goals"])
    [table] = found["tables"]
    assert sum(row[1] for row in table["rows"]) > 0
