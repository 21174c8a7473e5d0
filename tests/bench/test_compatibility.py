"""The benchmark of verdicts works: at a tiny size it runs to its end. No figure is judged here."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.installation import CHECKOUT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmarks read /proc")


def test_verdicts_and_pages_are_asked_for_and_counted() -> None:
    command = [sys.executable, "-m", "tests.bench.compatibility", "--json", "--products", "300", "--pairs", "20"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(goal["unit"], goal["bound"]) for goal in found["goals"]] == [("×", 3), ("×", 4), ("×", 1.1)]
    assert all(goal["figure"] is not None for goal in found["goals"])
    [table] = found["tables"]
    assert [row[0] for row in table["rows"]] == ["facts", "verdict", "page"]
