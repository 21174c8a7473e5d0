"""Restoring ids: where what a person merged comes apart again, each part gets the id back that it had."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from resolvers.product_ids import founded_id
from sources.contract import RecordKey
from sources.ledger import links
from sources.ledger.database import Connection
from sources.ledger.former_ids import former_ids_of, lead_former_ids

GENERATIONS = 4
"""How many ids one record is looked for to have founded. Each time a founder moves on it may found another."""


async def ids_before(connection: Connection, records: Collection[RecordKey]) -> dict[RecordKey, UUID]:
    """The ids that those who are one product with ``records`` once founded, and that are, or lead to, their product's: each
    goes with its founder."""
    products = {row.product for row in (await links.current_links(connection, records)).values()}
    leads = dict.fromkeys(products) | await former_ids_of(connection, products)
    found: dict[RecordKey, UUID] = {}
    for product, keys in (await links.holders(connection, products)).items():
        for key in keys:
            own = [founded for founded in _founded(key) if founded == product or leads.get(founded) == product]
            if own:
                found[key] = own[0]
    return found


async def lead_former_back(connection: Connection, products: Mapping[RecordKey, UUID]) -> None:
    """Have ids that were merged into any of ``products`` lead to where their founders are now."""
    former = await former_ids_of(connection, set(products.values()))
    where = {founded: product for key, product in products.items() for founded in _founded(key)}
    wrong = {old: where[old] for old, leads in former.items() if old in where and where[old] != leads}
    if wrong:
        await lead_former_ids(connection, wrong)


def _founded(key: RecordKey) -> list[UUID]:
    return [founded_id(key, generation) for generation in range(GENERATIONS)]
