"""The connectors by name: the built-in four, and plugins by entry point in the group ``whence.sources``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from sources.declaration import ConnectorKind

BUILT_IN = {
    "sql": "sources.sql:KIND",
    "file": "sources.file:KIND",
    "rest": "sources.rest:KIND",
    "graphql": "sources.graphql:KIND",
}
PLUGIN_GROUP = "whence.sources"


def connector_names() -> tuple[str, ...]:
    """Every connector there is, the built-in ones first."""
    plugins = sorted({point.name for point in entry_points(group=PLUGIN_GROUP)} - BUILT_IN.keys())
    return (*BUILT_IN, *plugins)


def connector_kind(name: str) -> ConnectorKind[Any] | None:
    """The connector of that name, imported only now; None where there is none."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        kind = getattr(import_module(module), attribute)
    else:
        found = tuple(entry_points(group=PLUGIN_GROUP, name=name))
        if not found:
            return None
        kind = found[0].load()
    if not isinstance(kind, ConnectorKind):
        raise TypeError(
            f"the connector {name!r} is a {type(kind).__name__}; a plugin's entry point names a ConnectorKind"
        )
    return kind
