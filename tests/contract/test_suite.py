"""The suite where it cannot check all: what it says then, and how a test class is made of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sources.contract import Connector
from sources.contract_suite import CONNECTOR_RULES, SOURCE_RULES, Broken, NotChecked, Rules, Trial, rule
from sources.contract_suite.__main__ import told
from sources.contract_suite.in_pytest import ConnectorContract
from sources.values import JSON
from tests.contract import failing_mutants
from tests.contract.connector_mutants import MUTANTS
from tests.contract.memory import SECRET, MemoryConnector, MemoryFaults, MemorySystem, MemoryUpstream

assert failing_mutants  # imported for the mutants that it registers
CHECKOUT = Path(__file__).resolve().parents[2]
KETTLES: Mapping[str, Mapping[str, JSON]] = {
    f"A-{number:02}": {"label": f"Kettle {number}", "weight": number + Decimal("0.25"), "stock": number * 10}
    for number in range(1, 9)
}


class ReadOnly:
    """A system that nobody writes to, whose records are known."""

    key = "id"
    secrets: Sequence[str] = (SECRET,)

    def __init__(self, kind: type[MemoryConnector] = MemoryConnector) -> None:
        self.system = MemorySystem({id_: dict(values) for id_, values in KETTLES.items()})
        self.kind = kind
        self.records = KETTLES

    def connector(self) -> Connector:
        return self.kind(self.system)

    def misdeclared(self) -> Sequence[Connector]:
        return [self.kind(self.system, columns=["wieght"])]

    def dead(self) -> Sequence[Connector]:
        return MemoryUpstream(self.kind).dead()


class ReadOnlyThatFails(ReadOnly):
    """The same, with switches."""

    @property
    def faults(self) -> MemoryFaults:
        return MemoryFaults(MemoryUpstream(self.kind, self.system))


async def unchecked(upstream: Any) -> dict[str, str]:
    """The rules that were not checked, and why."""
    found = {}
    for one in CONNECTOR_RULES:
        try:
            await one.check(Trial(upstream))
        except NotChecked as unable:
            found[one.id] = unable.reason if unable.applies else "does not apply"
    return found


async def test_what_cannot_be_written_to_is_checked_as_far_as_it_goes() -> None:
    found = await unchecked(ReadOnly())
    assert set(found.values()) == {
        "the upstream cannot be written to: it has no put and remove",
        "the upstream cannot be made to fail: it has no faults",
    }
    checked = {one.id for one in CONNECTOR_RULES} - found.keys()
    assert checked >= {
        "a_walk_from_the_beginning_brings_every_document_once",
        "a_walk_resumes_after_any_page_in_another_process",
        "fetch_brings_what_is_there_of_the_keys",
        "values_are_of_the_known_types",
        "a_dead_system_is_a_source_failure_in_time",
    }
    assert len(checked) > 25
    assert len(await unchecked(ReadOnlyThatFails())) < 16


@pytest.mark.parametrize(
    "id_",
    [
        "a_walk_from_the_beginning_brings_every_document_once",
        "a_walk_resumes_after_any_page_in_another_process",
        "fetch_brings_the_columns_that_were_asked_for",
        "values_are_of_the_known_types",
        "a_total_is_the_number_of_documents",
    ],
)
async def test_a_mutant_is_caught_on_what_cannot_be_written_to(id_: str) -> None:
    with pytest.raises(Broken):
        await CONNECTOR_RULES[id_].check(Trial(ReadOnly(MUTANTS[id_])))


class WalksOnly(MemoryConnector):
    fetch = None


async def test_a_rule_about_what_the_connector_lacks_does_not_apply() -> None:
    with pytest.raises(NotChecked) as caught:
        await CONNECTOR_RULES["fetch_of_no_keys_is_empty"].check(Trial(MemoryUpstream(WalksOnly)))
    assert not caught.value.applies
    await CONNECTOR_RULES["numbers_are_exact"].check(Trial(MemoryUpstream(WalksOnly)))


async def test_a_rule_that_hangs_is_broken_and_what_was_opened_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Hanging(MemoryConnector):
        async def close(self) -> None:
            closed.append(self)

        async def describe(self) -> Any:
            await self.system.ask({"after": None, "size": 1})
            raise AssertionError("it never comes here")

    monkeypatch.setattr(rule, "RULE_SECONDS", 0.2)
    upstream = MemoryUpstream(Hanging)
    await upstream.faults.switches[next(one for one in upstream.faults.switches if one.name == "HANG")][0]()
    with pytest.raises(Broken, match="it did not end within"):
        await CONNECTOR_RULES["describe_lists_the_columns"].check(Trial(upstream))
    assert closed


def test_a_rule_without_a_reason_or_a_remedy_is_none() -> None:
    async def nameless(trial: Trial) -> None:
        """Why it matters, and not what to do."""

    with pytest.raises(ValueError, match="nameless"):
        Rules[Trial]().rule("a walk")(nameless)


def test_every_rule_is_told() -> None:
    text = "\n".join([*told("Connectors", CONNECTOR_RULES), *told("Sources", SOURCE_RULES)])
    for one in (*CONNECTOR_RULES, *SOURCE_RULES):
        assert f"{one.name}.\n      why: {one.because}\n      do:  {one.do}" in text


def test_a_class_can_be_about_a_part() -> None:
    class Part(ConnectorContract, about={"a walk"}):
        pass

    tests = {name for name in dir(Part) if name.startswith("test_") and getattr(Part, name) is not None}
    assert tests == {f"test_{one.id}" for one in CONNECTOR_RULES if one.about == "a walk"}
    with pytest.raises(ValueError, match="a wakl"):
        type("Wrong", (ConnectorContract,), {}, about={"a wakl"})


MADE = """
from contextlib import asynccontextmanager
import asyncio
import pytest
from sources.contract_suite.in_pytest import ConnectorContract, connector_contract, source_contract
from sources.contract_suite.guarded import GuardedUpstream
from tests.contract.memory import MemoryUpstream

class Made(MemoryUpstream):
    def __init__(self, tmp_path): super().__init__(); assert tmp_path.is_dir()

def function(tmp_path): return MemoryUpstream()
async def coroutine(tmp_path): return MemoryUpstream()
def generator(tmp_path):
    yield MemoryUpstream()
    (tmp_path / "ended").touch()
async def asynchronous(tmp_path):
    yield MemoryUpstream()
    await asyncio.sleep(0)

TestClass, TestFunction, TestCoroutine = map(connector_contract, (Made, function, coroutine))
TestGenerator, TestAsynchronous = connector_contract(generator), connector_contract(asynchronous)
TestSource = source_contract(lambda: GuardedUpstream(MemoryUpstream()))

class TestOwn(ConnectorContract):
    @pytest.fixture
    def upstream(self): return MemoryUpstream()

class TestForgotten(ConnectorContract):
    pass
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_a_class_can_be_made_of_anything_that_gives_an_upstream(tmp_path: Path, mode: str) -> None:
    (tmp_path / "test_made.py").write_text(MADE)
    ini = f"[pytest]\nfilterwarnings = error\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
    (tmp_path / "pytest.ini").write_text(ini)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "brings_every or total_over"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "8 passed" in done.stdout, done.stdout
    assert "1 error" in done.stdout
    assert "give the fixture `upstream`" in done.stdout
