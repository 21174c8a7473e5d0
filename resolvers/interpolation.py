"""``${NAME}`` in whence.toml: secrets and addresses come from the environment, and are never shown.

``$${`` stands for a literal ``${``; a ``$`` elsewhere is a dollar sign. Only values are filled in, never keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from resolvers.mistakes import Finding, Loc

MAX_EXPANDED = 4_000_000
"""Characters that all filled-in texts of one file may have together."""

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A parsed file with its environment filled in.

    ``values`` are the variables by the place that uses them, name to value. ``unreadable`` are the places whose text
    could not be filled in; they still hold what the file says. Secrets are inside: never show it.
    """

    content: dict[str, Any]
    values: Mapping[Loc, Mapping[str, str]]
    unreadable: frozenset[Loc]
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return f"Interpolated({len(self.values)} places)"


def interpolate(content: dict[str, Any], environment: Mapping[str, str]) -> Interpolated:
    """``content`` (which is left as it is) with every ``${NAME}`` replaced from ``environment``; raises nothing."""
    filling = _Filling(environment)
    filled = filling.walk(content, ())
    return Interpolated(filled, filling.values, frozenset(filling.unreadable), tuple(filling.findings))


class _Filling:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.values: dict[Loc, dict[str, str]] = {}
        self.unreadable: set[Loc] = set()
        self.findings: list[Finding] = []
        self.left = MAX_EXPANDED

    def walk(self, value: Any, loc: Loc) -> Any:
        if isinstance(value, dict):
            return {key: self.walk(member, (*loc, key)) for key, member in value.items()}
        if isinstance(value, list):
            return [self.walk(member, (*loc, index)) for index, member in enumerate(value)]
        return self.fill(value, loc) if isinstance(value, str) and "${" in value else value

    def fill(self, text: str, loc: Loc) -> str:
        values: dict[str, str] = {}
        findings: list[Finding] = []

        def one(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            name = match[1]
            if name is None or not _NAME.fullmatch(name):
                findings.append(
                    Finding(loc, "a ${ that names no variable", 'write "${NAME}", or "$${" for a literal ${')
                )
                return ""
            value = self.environment.get(name)
            if value is None:
                findings.append(Finding(loc, f"${{{name}}}, which is not set", f"set {name} in the environment"))
                return ""
            if not _is_text(value):
                findings.append(Finding(loc, f"${{{name}}}, which is not UTF-8", f"set {name} to a text in UTF-8"))
                return ""
            self.left -= len(value)
            if self.left < 0:
                findings.append(Finding(loc, f"${{{name}}}, which is too long", f"set {name} to a shorter text"))
                return ""
            values[name] = value
            return value

        filled = _REFERENCE.sub(one, text)
        if values:
            self.values[loc] = values
        if findings:
            self.unreadable.add(loc)
            self.findings += dict.fromkeys(findings)
            return text
        return filled


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
