"""Compatibility: statements, rules, verdicts, lists and questions."""
