"""The suite's own test: a source that keeps every rule passes, and for each rule one that breaks it is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sources.contract_suite import CONNECTOR_RULES, SOURCE_RULES, Broken, Rule
from sources.contract_suite import trial as trials
from sources.contract_suite.guarded import GuardedUpstream
from sources.contract_suite.source_trial import SourceTrial
from sources.contract_suite.trial import Trial
from tests.contract import connector_mutants, failing_mutants, source_mutants
from tests.contract.memory import MemoryUpstream

assert failing_mutants  # imported for the mutants that it registers


def named(rule: Rule[Any]) -> str:
    return rule.id


@pytest.mark.parametrize("rule", CONNECTOR_RULES, ids=named)
async def test_a_healthy_connector_keeps_the_rule(rule: Rule[Trial]) -> None:
    await rule.check(Trial(MemoryUpstream()))


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=named)
async def test_a_healthy_source_keeps_the_rule(rule: Rule[SourceTrial]) -> None:
    await rule.check(SourceTrial(GuardedUpstream(MemoryUpstream())))


@pytest.mark.parametrize("rule", CONNECTOR_RULES, ids=named)
async def test_a_connector_that_breaks_the_rule_is_caught(rule: Rule[Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "PATIENCE", 1.0)  # one of them hangs
    mutant = connector_mutants.MUTANTS.get(rule.id)
    assert mutant is not None, f"{rule.id} has no mutant: nobody knows that it can fail"
    await expect_caught(rule, lambda: Trial(MemoryUpstream(mutant)))


@pytest.mark.parametrize("rule", SOURCE_RULES, ids=named)
async def test_a_source_that_breaks_the_rule_is_caught(rule: Rule[SourceTrial]) -> None:
    mutant = source_mutants.MUTANTS.get(rule.id)
    assert mutant is not None, f"{rule.id} has no mutant: nobody knows that it can fail"
    await expect_caught(rule, lambda: SourceTrial(source_mutants.MutantUpstream(mutant)))


async def expect_caught(rule: Rule[Any], trial: Callable[[], Any]) -> None:
    with pytest.raises(Broken) as caught:
        await rule.check(trial())
    told = str(caught.value)
    assert rule.name in told
    assert rule.because in told
    assert rule.do in told
    assert not isinstance(caught.value.__cause__, TypeError | AttributeError | KeyError), caught.value.__cause__


def test_no_mutant_is_of_a_rule_that_is_none() -> None:
    assert connector_mutants.MUTANTS.keys() == {rule.id for rule in CONNECTOR_RULES}
    assert source_mutants.MUTANTS.keys() == {rule.id for rule in SOURCE_RULES}
