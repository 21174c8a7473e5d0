"""What a run found, written: pairs in lots under the turn to link, and the records that they concern linked anew."""

from __future__ import annotations

from collections.abc import Sequence

from orjson import dumps

from resolvers.deciding import begin_linking, relink_records
from resolvers.matching.evidence import told
from resolvers.matching_whole.catalogues import Change
from resolvers.ownership import OwnershipMap
from sources.ledger.database import Pool
from sources.ledger.map_versions import digest_in_force
from sources.ledger.match_pairs import PairRow, remove_pairs, write_pairs
from sources.ledger.match_records import come_to_match
from sources.ledger.pairs import LINK, REVIEW


class Superseded(Exception):
    """Another map has been taken into use since."""


async def write_lot(pool: Pool, ownership: OwnershipMap, version: str, changes: Sequence[Change]) -> None:
    """Write a lot of changes, whole or not at all. Written twice it is as once. Raises Superseded, with nothing written."""
    if not changes:
        return
    rows = [
        PairRow(
            one.pair,
            round(one.probability, 6),
            LINK if one.kind == "LINK" else REVIEW,
            dumps(told(one.findings)),
            version,
        )
        for one in changes
        if one.kind != "DROP"
    ]
    async with pool.acquire() as connection, connection.transaction():
        await come_to_match(connection)
        await begin_linking(connection, min(ownership.sources))
        if await digest_in_force(connection) not in (None, ownership.digest):
            raise Superseded
        await write_pairs(connection, rows)
        await remove_pairs(connection, [one.pair for one in changes if one.kind == "DROP"])
        touched = [one for one in changes if LINK in (one.kind, one.was) and one.kind != one.was]
        await relink_records(connection, {key for one in touched for key in one.pair}, ownership, begun=True)
