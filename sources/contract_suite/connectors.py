"""All rules that a connector must keep."""

from __future__ import annotations

from typing import Final

from sources.contract_suite import breaking, contents, declarations, following, keys, lying, walks
from sources.contract_suite.rule import Rules
from sources.contract_suite.trial import Trial

CONNECTOR_RULES: Final = Rules[Trial]().together(
    walks.RULES,
    following.RULES,
    keys.RULES,
    contents.RULES,
    declarations.RULES,
    breaking.RULES,
    lying.RULES,
)
"""In the order in which they are told."""
