"""A connector's upstream as a source's: the connector behind the mapping and the guard that Whence puts before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from sources.contract import Connector, Source
from sources.contract_suite.rule import NotChecked
from sources.contract_suite.upstream import Upstream, Writable
from sources.declaration import SourceDeclaration
from sources.guard import GuardedSource
from sources.mapping import FieldShape
from sources.mapping import Mapping as SourceMapping
from sources.values import JSON, FieldType

SHAPES: Final = {
    "label": FieldShape("label", FieldType.TEXT),
    "weight": FieldShape("weight", FieldType.NUMBER),
    "stock": FieldShape("stock", FieldType.INTEGER),
    "misread": FieldShape("misread", FieldType.INTEGER),
}


class GuardedUpstream:
    """The :class:`sources.contract_suite.upstream.SourceUpstream` over an upstream that can be written to."""

    name = "tested"

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.secrets = upstream.secrets

    def source(self) -> AbstractAsyncContextManager[Source]:
        """The guarded connector, with a generous deadline."""
        return self._guarded(self.upstream.connector(), deadline="20s")

    def dead(self) -> Sequence[AbstractAsyncContextManager[Source]]:
        """The guarded connectors to systems that cannot be read, with a short deadline and asked once."""
        return [self._guarded(connector, deadline="1s", retries=0) for connector in self.upstream.dead()]

    async def put(self, id_: str, values: Mapping[str, JSON], /) -> None:
        """Puts into the system. Raises NotChecked where that cannot be."""
        await self._writable.put(id_, values)

    async def remove(self, id_: str, /) -> None:
        """Removes from the system. Raises NotChecked where that cannot be."""
        await self._writable.remove(id_)

    @property
    def _writable(self) -> Writable:
        if not isinstance(self.upstream, Writable):
            raise NotChecked("the upstream cannot be written to: it has no put and remove")
        return self.upstream

    @asynccontextmanager
    async def _guarded(self, connector: Connector, **declared: JSON) -> AsyncIterator[Source]:
        places: Mapping[str, str] = getattr(self.upstream, "columns", {})
        declaration = SourceDeclaration.model_validate(
            {
                "name": self.name,
                "title": "The system under test",
                "connector": "tested",
                "key": self.upstream.key,
                "fields": {name: places.get(column, column) for name, column in _COLUMNS.items()},
                **declared,
            }
        )
        guarded = GuardedSource(connector, SourceMapping(declaration, SHAPES), declaration)
        try:
            yield guarded
        finally:
            await guarded.close()


_COLUMNS = {"label": "label", "weight": "weight", "stock": "stock", "misread": "label"}
