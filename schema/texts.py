"""Texts that people write into mutations: bounded, and plain."""

from __future__ import annotations

from schema.failures import bad_input
from sources.storable import is_storable

LONGEST_TEXT = 2000


def plain_text(name: str, text: str | None, longest: int = LONGEST_TEXT) -> str | None:
    """``text`` without the space around it; None where nothing is left. Raises GraphQLError for one too long or not plain."""
    if text is None:
        return None
    if len(text) > longest or not is_storable(text):
        raise bad_input(f"{name} has at most {longest} plain characters.")
    return text.strip() or None
