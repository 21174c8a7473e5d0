"""Every record of a product in every system that the asker may see."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

import strawberry

from schema.context import RequestContext


@strawberry.type(description="An identifier as Whence compares it.")
class Identifier:
    """A scheme (gtin, sku, mpn) and a value."""

    scheme: str
    value: str


@strawberry.type(description="The link from a record to its product.")
class Crosswalk:
    """See :class:`sources.ledger.lookups.CrosswalkRow`."""

    source: str
    record_id: str
    names: list[str]
    identifiers: list[Identifier]
    linked_by: str = strawberry.field(
        description="The key that links it: gtin, brand+mpn or sku; alone where no other record has its keys; "
        "apart where it cannot be linked, for the reason given."
    )
    reason: str | None = strawberry.field(description="What is to be said about the link: why it stays apart.")
    confidence: float
    linked_at: datetime
    updated_at: datetime | None = strawberry.field(description="When the record last changed, by its system's clock.")
    observed_at: datetime = strawberry.field(description="When Whence last saw it there.")


async def crosswalk(context: RequestContext, product: UUID) -> list[Crosswalk]:
    """The records of ``product`` that the asker may see, in the order of whence.toml."""
    rows = await asyncio.shield(context.crosswalks.load(product))
    return [
        Crosswalk(
            source=row.key.source,
            record_id=row.key.id,
            names=list(row.names),
            identifiers=[
                Identifier(scheme=one["scheme"], value=one["value"])
                for one in row.identifiers
                if "value" in one and "+" not in one["scheme"]
            ],
            linked_by=row.linked_by,
            reason=row.reason if context.governs else None,
            confidence=row.confidence,
            linked_at=row.linked_at,
            updated_at=row.updated_at,
            observed_at=row.observed_at,
        )
        for row in rows
        if row.key.source in context.visible
    ]
