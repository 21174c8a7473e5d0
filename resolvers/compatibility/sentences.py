"""Sentences that are read out: a rule's own, with facts put in, and those that say who says what."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from resolvers.compatibility.expression_types import FactName

LONGEST_TEMPLATE = 500
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes: ``{a}`` and ``{b}`` are the products' names, ``{a.socket}`` a fact."""

    text: str
    parts: tuple[str | FactName, ...]
    facts: tuple[FactName, ...] = field(init=False)
    """The facts that it reads out."""

    def __post_init__(self) -> None:
        facts = tuple(one for one in self.parts if isinstance(one, FactName) and one.field)
        object.__setattr__(self, "facts", facts)

    def filled(self, called: Callable[[FactName], str]) -> str:
        """With what ``called`` says for each hole."""
        return "".join(one if isinstance(one, str) else called(one) for one in self.parts)


def template(text: str, fields: Collection[str]) -> Template:
    """The template that ``text`` is. Raises ValueError with what to write instead of a hole that cannot be filled."""
    if len(text) > LONGEST_TEMPLATE or not text.strip():
        raise ValueError(f"write a sentence of at most {LONGEST_TEMPLATE} characters")
    parts: list[str | FactName] = []
    at = 0
    for found in _HOLE.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        if found[0] in ("{{", "}}"):
            parts.append(found[0][0])
            continue
        side, _, name = (found[1] or "").partition(".")
        if side not in ("a", "b") or ("." in (found[1] or "") and name not in fields):
            raise ValueError(f"write {{a}}, {{b}} or a field such as {{a.name}} instead of {found[0][:40]!r}")
        parts.append(FactName(side, name))
    parts.append(text[at:])
    return Template(text, tuple(part for part in parts if part != ""))


def opened(sentence: str) -> str:
    """A sentence that begins with a capital letter and ends with a full stop."""
    text = " ".join(sentence.split())
    if not text:
        return text
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def listed(texts: Collection[str], word: str = "and") -> str:
    """``a, b and c``."""
    all_of_them = list(texts)
    if len(all_of_them) < 2:
        return "".join(all_of_them)
    return f"{', '.join(all_of_them[:-1])} {word} {all_of_them[-1]}"
