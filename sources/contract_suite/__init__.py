"""The contract suite: the rules that every source keeps, built-in, plugin or ledger, each a function that can be run.

A plugin's author runs them with pytest, in one line::

    from sources.contract_suite.in_pytest import connector_contract

    TestSupplierDrop = connector_contract(SupplierDropUpstream)

where the upstream is a real system that the connector reads: see :mod:`sources.contract_suite.upstream`. A rule that is
broken says what was found, why it matters and what to do. ``python -m sources.contract_suite`` prints all of them.
pytest is imported by :mod:`sources.contract_suite.in_pytest` alone (the extra ``plugin`` brings it).
"""

from sources.contract_suite.connectors import CONNECTOR_RULES
from sources.contract_suite.rule import Broken, NotChecked, Rule, Rules
from sources.contract_suite.sources import SOURCE_RULES
from sources.contract_suite.trial import Trial
from sources.contract_suite.upstream import Fault, Faults, Faulty, Known, SourceUpstream, Switch, Upstream, Writable

__all__ = [
    "CONNECTOR_RULES",
    "SOURCE_RULES",
    "Broken",
    "Fault",
    "Faults",
    "Faulty",
    "Known",
    "NotChecked",
    "Rule",
    "Rules",
    "SourceUpstream",
    "Switch",
    "Trial",
    "Upstream",
    "Writable",
]
