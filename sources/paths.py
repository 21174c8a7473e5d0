"""Paths into documents: a column's name as it stands, or a JMESPath expression.

A document member whose name is the whole path wins, so that a spreadsheet's ``Preis (EUR)`` needs no quoting; a plain
name or a dotted chain is walked directly, and only what is left is given to JMESPath.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jmespath
import jmespath.exceptions

from sources.values import JSON

_CHAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


class Path:
    """A compiled path. ``path(document)`` is what stands there, or None."""

    __slots__ = ("_chain", "_expression", "columns", "text")

    def __init__(self, text: str) -> None:
        """Raises ValueError for an empty path; a path that JMESPath cannot read is taken as a column's name."""
        if not text.strip():
            raise ValueError("write the name of a column, or a path to a value")
        self.text = text
        self._chain: tuple[str, ...] | None = tuple(text.split(".")) if _CHAIN.fullmatch(text) else None
        self._expression: Any = None
        if self._chain is None:
            try:
                self._expression = jmespath.compile(text)
            except jmespath.exceptions.JMESPathError:
                self._chain = (text,)
        self.columns: frozenset[str] = frozenset(self._roots())
        """The top-level names that the path can start from; the path's own text is always one of them."""

    @property
    def is_expression(self) -> bool:
        """Whether it takes JMESPath to apply it, beyond names and dots."""
        return self._chain is None

    def __call__(self, document: Mapping[str, JSON]) -> JSON:
        """What stands at the path in ``document``, or None."""
        if self.text in document:
            return document[self.text]
        if self._chain is None:
            return self._expression.search(document)
        value: JSON = document
        for name in self._chain:
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    def _roots(self) -> Iterator[str]:
        yield self.text
        if self._chain is not None:
            yield self._chain[0]
        else:
            yield from _leftmost(self._expression.parsed)


def _leftmost(node: Mapping[str, Any]) -> Iterator[str]:
    """The names that a JMESPath syntax tree reads from the document itself."""
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] in {
        "subexpression",
        "index_expression",
        "pipe",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
    }:
        yield from _leftmost(node["children"][0])
    else:
        for child in node.get("children", ()):
            if isinstance(child, Mapping):
                yield from _leftmost(child)


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """The :class:`Path` of ``text``, compiled once. Raises ValueError for an empty one."""
    return Path(text)
