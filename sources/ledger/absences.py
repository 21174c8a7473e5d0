"""Absences: what the last walk over a system missed, though it may only have stepped over it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sources.ledger.database import Connection


async def missed_again(connection: Connection, source: str, missed: Collection[str], at: datetime) -> list[str]:
    """Those of the records ``missed`` by a walk that the walk before missed too; the others are noted as missed ``at``.
    A record that is not among them has been met again, and is forgotten here."""
    await connection.execute(_FORGET, source, list(missed))
    again = await connection.fetch("select record_id from absences where source = $1", source)
    await connection.execute(_NOTE, source, list(missed), at)
    return [row["record_id"] for row in again]


async def forget_absences(connection: Connection, source: str) -> None:
    """What this source's last walk missed is decided."""
    await connection.execute("delete from absences where source = $1", source)


async def rejected_without_key(connection: Connection, source: str) -> int:
    """How many documents the walk under way has set aside whose key could not be read: any record may be one of them."""
    count: int = await connection.fetchval(
        "select count(*) from rejections where source = $1 and record_id is null", source
    )
    return count


async def rejected_documents(connection: Connection, source: str) -> int:
    """How many documents the walk under way has set aside, with or without their keys."""
    count: int = await connection.fetchval("select count(*) from rejections where source = $1", source)
    return count


_FORGET = "delete from absences where source = $1 and record_id <> all($2::text[])"
_NOTE = """
insert into absences (source, record_id, since) select $1, record_id, $3 from unnest($2::text[]) as missed (record_id)
on conflict do nothing
"""
