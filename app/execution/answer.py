"""What a run gives: JSON text and errors."""

from __future__ import annotations

import json
from typing import Any

import orjson
from graphql import GraphQLError

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class Answer:
    """The outcome of one run."""

    __slots__ = ("_data", "began", "errors", "tree")

    def __init__(self, tree: dict[str, Any] | None, errors: list[GraphQLError], began: bool = True) -> None:
        self.tree = tree
        """The data as Python: dicts in the order of the answer; parts that came as JSON are ``orjson.Fragment``."""
        self.errors = errors
        """What went wrong, in graphql-core's order; for the caller to mask."""
        self.began = began
        """False where the variables did not coerce: then an answer has no ``data``."""
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        """The ``data`` member as JSON text. Raises TypeError if a scalar gave what JSON cannot say."""
        if self._data is None:
            self._data = write(self.tree)
        return self._data

    def plain(self) -> Any:
        """The data, parsed."""
        return orjson.loads(self.data)


def write(tree: Any) -> bytes:
    """``tree`` as JSON text. Raises TypeError if it holds what JSON cannot say."""
    try:
        return orjson.dumps(tree, default=_default, option=_OPTIONS)
    except TypeError:
        # Integers beyond 64 bits and keys that are no text: json writes them, and says best what it cannot.
        return json.dumps(tree, default=_expand, separators=(",", ":")).encode()


def _default(value: Any) -> Any:
    # Subclasses of what JSON knows, as json writes them.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    raise TypeError(f"A scalar gave a {type(value).__name__}, which JSON cannot say.")


def _expand(value: Any) -> Any:
    if isinstance(value, orjson.Fragment):
        return json.loads(orjson.dumps(value))
    raise TypeError(f"A scalar gave a {type(value).__name__}, which JSON cannot say.")
