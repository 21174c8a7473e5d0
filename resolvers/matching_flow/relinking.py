"""How a lot has records linked anew: the one place where matching meets linking."""

from __future__ import annotations

from collections.abc import Collection

from resolvers.deciding import begin_linking, relink_records
from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger.database import Connection


class Relinking:
    """Links records by one ownership map."""

    def __init__(self, ownership: OwnershipMap) -> None:
        self._map = ownership

    async def begin(self, connection: Connection, keys: Collection[RecordKey]) -> None:
        """Wait until nobody else links, and keep others from it until this transaction ends."""
        await begin_linking(connection, min(key.source for key in keys))

    async def relink(self, connection: Connection, keys: Collection[RecordKey]) -> None:
        """Link ``keys`` as if they had just been touched; the caller has begun."""
        await relink_records(connection, keys, self._map, begun=True)
