"""What the ledger holds, as the tests of the change flow look at it."""

from __future__ import annotations

from typing import Any

from sources.values import JSON
from tests.resolvers.memory_source import House

JANUARY, MARCH = "2026-01-10T08:00:00Z", "2026-03-01T12:00:00Z"


async def change_log(house: House, source: str = "erp") -> list[tuple[str, str, dict[str, JSON]]]:
    rows = await house.pool.fetch(
        "select kind, record_id, claims from changes where source = $1 order by batch, record_id", source
    )
    return [(row["kind"], row["record_id"], row["claims"]) for row in rows]


async def claim(house: House, record_id: str, field: str, source: str = "erp") -> dict[str, JSON]:
    document = await house.pool.fetchval(
        "select claims from records where source = $1 and record_id = $2", source, record_id
    )
    (only,) = document[field]
    found: dict[str, JSON] = only
    return found


async def stamps(house: House) -> Any:
    return await house.pool.fetch("select xmin, record_id from records union select xmin, record_id from crosswalk")
