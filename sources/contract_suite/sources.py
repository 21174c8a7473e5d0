"""All rules that a source must keep, whatever stands behind it: a guarded connector, or the ledger."""

from __future__ import annotations

from typing import Final

from sources.contract_suite import answers, pages
from sources.contract_suite.rule import Rules
from sources.contract_suite.source_trial import SourceTrial

SOURCE_RULES: Final = Rules[SourceTrial]().together(answers.RULES, pages.RULES)
"""In the order in which they are told."""

__all__ = ["SOURCE_RULES", "SourceTrial"]
