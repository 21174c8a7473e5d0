"""The example of a plugin: it keeps the contract, it is what the README shows, and it installs as a plugin does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from sources.contract import Connector
from sources.contract_suite import Fault, Switch
from sources.contract_suite.guarded import GuardedUpstream
from sources.contract_suite.in_pytest import connector_contract, source_contract
from sources.registry import connector_kind, connector_names
from tests.contract.example_plugin_tested import Supplier

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
README = (CHECKOUT / "sources" / "README.md").read_text()
PLUGIN = HERE / "example_plugin.py"
MAX_BYTES = 100_000


class FaultySupplier(Supplier):
    """The supplier whose file is cut off, garbled, swollen, taken away."""

    @property
    def faults(self) -> FaultySupplier:
        return self

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        contents = {
            Fault.GARBLE: (b"<html>sign in</html>\n", b"\xff\xfe\n", b'{"id": "A-01"\n', b"[" * 5000),
            Fault.MISSHAPE: (b"null\n", b"[]\n", b"{}\n", b'"A-01"\n', b"\n\n"),
            Fault.OVERSIZE: (b" " * 2 * MAX_BYTES,),
        }
        written = {fault: [partial(self.write, one) for one in given] for fault, given in contents.items()}
        return {**written, Fault.FAIL: [self.take_away], Fault.CUT: [self.cut], Fault.MISTYPE: [self.mistype]}

    async def clear(self) -> None:
        await self.write(b"")
        for id_, record in list(self.records.items()):
            await self.put(id_, record)

    def connector(self, name: str = "articles.jsonl", stock: str = "stock", **options: int) -> Connector:
        return super().connector(name, stock, **{"max_bytes": MAX_BYTES, **options})

    async def write(self, content: bytes) -> None:
        self.path.write_bytes(content)

    async def take_away(self) -> None:
        self.path.unlink()

    async def cut(self) -> None:
        self.path.write_bytes(self.path.read_bytes()[:-7])

    async def mistype(self) -> None:
        was = self.records["A-02"]
        await self.put("A-02", {**was, "weight": "1 246 ", "stock": True})
        self.records["A-02"] = was


TestSupplierDrop = connector_contract(FaultySupplier)


def guarded(tmp_path: Path) -> GuardedUpstream:
    return GuardedUpstream(Supplier(tmp_path))


TestSupplierDropAsASource = source_contract(guarded)


def test_it_has_less_than_sixty_lines() -> None:
    assert len(PLUGIN.read_text().splitlines()) < 60


@pytest.mark.parametrize("name", ["example_plugin.py", "example_plugin_tested.py"])
def test_the_readme_shows_it_as_it_is(name: str) -> None:
    shown = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    text = (HERE / name).read_text().replace("tests.contract.example_plugin", "supplier_drop")
    assert text in shown


# ── As its author and its user have it ─────────────────────────────────────────────────────────────────────────────

WHENCE_TOML = """
[audiences.staff]
governance = true
[sources.supplier]
title = "Supplier"
connector = "supplier-drop"
path = "drop/articles.jsonl"
key = "id"
[sources.supplier.fields]
weight = { path = "kilos", unit = "kg" }
[fields.weight]
type = "quantity"
unit = "g"
system_of_record = "supplier"
[identity]
keys = ["sku"]
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A directory with the plugin as an installer leaves it: the module, and the metadata with the entry point."""
    site = tmp_path / "site"
    about = site / "whence_supplier_drop-1.0.dist-info"
    about.mkdir(parents=True)
    (entry_point,) = re.findall(r'\[project\.entry-points\."whence\.sources"\]\n(.*)\n', README)
    name, _, target = entry_point.replace('"', "").partition(" = ")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: whence-supplier-drop\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[whence.sources]\n{name} = {target}\n")
    (site / "supplier_drop.py").write_text(PLUGIN.read_text())
    return site


def run(site: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), str(CHECKOUT)])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_whence_check_accepts_a_map_that_uses_it(installed: Path, tmp_path: Path) -> None:
    company = tmp_path / "company"
    (company / "drop").mkdir(parents=True)
    (company / "drop" / "articles.jsonl").write_text('{"id": "K-1", "kilos": 0.85}\n')
    (company / "whence.toml").write_text(WHENCE_TOML)
    done = run(installed, company, "app.cli", "check", "--json", "--strict")
    found = json.loads(done.stdout)
    assert (done.returncode, found["mistakes"], found["unreachable"]) == (0, [], []), done.stderr
    (company / "whence.toml").write_text(
        WHENCE_TOML.replace("kilos", "weight").replace("[fields.weight]", "[fields.weight]")
    )
    wrong = json.loads(run(installed, company, "app.cli", "check", "--json").stdout)
    assert [one["path"] for one in wrong["mistakes"]] == ["sources.supplier.fields.weight.path"]


def test_it_is_found_by_its_name_and_its_options_are_checked(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))
    assert "supplier-drop" in connector_names()
    kind = connector_kind("supplier-drop")
    assert kind is not None
    with pytest.raises(ValidationError, match="max_byte\n"):
        kind.options.model_validate({"path": "articles.jsonl", "max_byte": 5})


def test_its_author_runs_the_suite_in_one_line(installed: Path, tmp_path: Path) -> None:
    text = (HERE / "example_plugin_tested.py").read_text().replace("tests.contract.example_plugin", "supplier_drop")
    (tmp_path / "test_supplier_drop.py").write_text(text)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"
    )
    done = run(installed, tmp_path, "pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_supplier_drop.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed, \d+ skipped", done.stdout)
    assert "not checked: the upstream cannot be made to fail: it has no faults" in done.stdout


def test_a_broken_rule_says_what_was_found_why_and_what_to_do(installed: Path, tmp_path: Path) -> None:
    plugin = (installed / "supplier_drop.py").read_text()
    (installed / "supplier_drop.py").write_text(plugin.replace("parse_float=Decimal", "parse_float=float"))
    text = (HERE / "example_plugin_tested.py").read_text().replace("tests.contract.example_plugin", "supplier_drop")
    (tmp_path / "test_supplier_drop.py").write_text(text)
    done = run(installed, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_supplier_drop.py")
    assert done.returncode == 1
    assert "test_values_are_of_the_known_types" in done.stdout
    assert "Values are of the known types." in done.stdout
    for part in (
        "found:  line 1: weight is a float",
        "why:    The mapping reads these types",
        "do:     bring None, bool",
    ):
        assert part in done.stdout
