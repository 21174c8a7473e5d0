"""graphql-core's own tests of execution, fetched from its source distribution, over the compiled executor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]

_SYNC = "without check_sync, execute_sync takes awaitables for plain values; the compiled executor always awaits"
EXCUSED = {
    "throws_if_encountering_async_operation_without_check_sync": _SYNC,
    "iterates_sync_and_async_iterables_synchronously_without_check_sync": _SYNC,
    "reports_async_iterables_as_errors_without_check_sync": _SYNC,
}
"""The tests that cannot apply, and why."""

RARE = {
    "@defer",
    "@experimental_disableErrorPropagation",
    "a fragment that contains itself",
    "a schema with @defer or @stream",
    "fragments with variables",
    "introspection",
    "more than 64 levels",
    "several operations and no name",
    "subscriptions",
    "the schema has no mutation",
    "the schema has no query",
    "there is no such operation",
}
"""What may go to graphql-core's executor; so may calls with options that a caller of ours cannot give."""

_INI = """[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
python_classes = PyTest*
markers =
    slow
    timeout
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the graphql-core that is installed."""
    pytest.importorskip("pytest_describe", reason="they are written with pytest-describe")
    directory = tmp_path_factory.mktemp("graphql-core")
    found = version("graphql-core")
    # Only this package comes as a source; what builds it may come as a wheel.
    command = [sys.executable, "-m", "pip", "download", f"graphql-core=={found}"]
    command += ["--no-binary", "graphql-core", "--no-deps", "--dest", str(directory)]
    fetched = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if fetched.returncode != 0:
        pytest.skip(f"the sources of graphql-core {found} are not to be had: {fetched.stderr.strip()[-200:]}")
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as sources:
        sources.extractall(directory, filter="data")
    (directory / "core.ini").write_text(_INI, encoding="utf-8")
    (unpacked,) = (path for path in directory.iterdir() if path.is_dir())
    return unpacked


@pytest.mark.needs("pypi")
def test_the_tests_of_graphql_core_pass(suite: Path) -> None:
    """All but the excused, and most of what they run is compiled."""
    went_where, report = suite.parent / "went.json", suite.parent / "report.xml"
    command = [sys.executable, "-m", "pytest", "-c", str(suite.parent / "core.ini"), "--rootdir", str(suite), "-q"]
    command += ["-p", "core_plugin", "-p", "no:cacheprovider", f"--junitxml={report}", "tests/execution"]
    # What is delivered incrementally never comes to ``execute``.
    command += ["--ignore", "tests/execution/incremental"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment |= {"WENT_WHERE": str(went_where), "PYTHONPATH": f"{HERE}{os.pathsep}{CHECKOUT}"}
    ran = subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert report.exists(), ran.stdout[-2000:] + ran.stderr[-2000:]

    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {
        case.get("name"): case for case in cases if case.find("failure") is not None or case.find("error") is not None
    }
    assert set(failed) == set(EXCUSED), ran.stdout[-6000:]
    assert len(cases) > 400

    went = json.loads(went_where.read_text(encoding="utf-8"))
    compiled = went.pop("compiled")
    assert compiled > 2 * sum(went.values())
    assert {reason for reason in went if not reason.startswith("option ")} <= RARE
