"""Former ids in SQL: ids of products that were merged into others, and what they mean now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from sources.ledger.database import Connection


async def resolve_products(connection: Connection, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Each of ``ids`` that was ever given to the product it means now: itself, or what it was merged into."""
    rows = await connection.fetch(_RESOLVE, list(ids))
    return {row[0]: row[1] for row in rows}


async def former_ids_of(connection: Connection, products: Collection[UUID]) -> dict[UUID, UUID]:
    """The ids that were merged into ``products``, and into which of them each."""
    rows = await connection.fetch(
        "select former_id, product_id from former_ids where product_id = any($1::uuid[])", list(products)
    )
    return {row[0]: row[1] for row in rows}


async def lead_former_ids(connection: Connection, products: Mapping[UUID, UUID]) -> None:
    """Have ids that were merged lead to other products than they do."""
    await connection.execute(_LEAD_FORMER, list(products), list(products.values()))


_RESOLVE = """
select w.id, coalesce(f.product_id, p.product_id) from unnest($1::uuid[]) as w (id)
left join former_ids f on f.former_id = w.id left join products p on p.product_id = w.id
where coalesce(f.product_id, p.product_id) is not null
"""
_LEAD_FORMER = """
update former_ids f set product_id = m.new from unnest($1::uuid[], $2::uuid[]) as m (former, new)
where f.former_id = m.former
"""
